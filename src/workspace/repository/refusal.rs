//! The repositories that cannot be worked on, and what to say about each.

use std::path::{Path, PathBuf};

use super::settings::Settings;
use crate::workspace::git::{GitError, ObjectStore, SUBMODULE, TreeEntry};

/// Why a repository cannot be worked on.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// git is missing, too old, or failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A folder cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no repository.
    #[error("{} is not in a git repository", path.display())]
    NotARepository {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A bare repository, or the inside of a git directory.
    #[error("the git repository at {} has no checked-out files (it is bare)", path.display())]
    NoFiles {
        /// Where it was found.
        path: PathBuf,
    },
    /// The repository belongs to somebody else.
    #[error("git refuses the repository at {}: {words}", path.display())]
    Ownership {
        /// Where it was found.
        path: PathBuf,
        /// What git said.
        words: String,
    },
    /// There is nothing to start from.
    #[error("the repository at {} has no commit yet", top.display())]
    NoCommit {
        /// Its top folder.
        top: PathBuf,
    },
    /// The commit to start from does not exist.
    #[error("`{base}` is not a commit of this repository")]
    UnknownBase {
        /// What was asked for.
        base: String,
    },
    /// A hash that this program does not know.
    #[error("the repository names its objects by `{format}`, which is not supported")]
    ObjectFormat {
        /// Its name.
        format: String,
    },
    /// The base has a submodule.
    #[error("the repository has a submodule at `{path}`, which is not supported")]
    Submodule {
        /// Where.
        path: String,
    },
    /// The base keeps files outside git.
    #[error("`{path}` keeps files in Git LFS, which is not supported")]
    Lfs {
        /// The attributes file that says so.
        path: String,
    },
    /// The base has encrypted files.
    #[error("`{path}` encrypts files with git-crypt, which is not supported")]
    GitCrypt {
        /// The attributes file that says so.
        path: String,
    },
    /// Objects are missing.
    #[error("the repository is a partial clone: some of its objects are only on the server")]
    PartialClone,
}

impl RepositoryError {
    /// What to do or type next.
    pub fn hint(&self) -> String {
        match self {
            Self::Git(GitError::Missing | GitError::TooOld { .. }) => {
                "install git 2.34 or later, then try `rgpt doctor`".to_owned()
            }
            Self::Git(_) | Self::ObjectFormat { .. } => "try `rgpt doctor`".to_owned(),
            Self::Unreadable { .. } => "go to the project's folder and try again".to_owned(),
            Self::NotARepository { .. } => "make it one: `git init && git add -A && git commit \
                -m \"first commit\"`"
                .to_owned(),
            Self::NoFiles { path } => {
                format!(
                    "make a clone to work in: `git clone '{}' work && cd work`",
                    path.display()
                )
            }
            Self::Ownership { path, .. } => format!(
                "if you trust it: `git config --global --add safe.directory '{}'`",
                path.display()
            ),
            Self::NoCommit { .. } => {
                "make a first commit: `git add -A && git commit -m \"first commit\"`".to_owned()
            }
            Self::UnknownBase { .. } => "see what there is: `git branch --all`".to_owned(),
            Self::Submodule { .. } | Self::Lfs { .. } | Self::GitCrypt { .. } => {
                "run it on a repository whose files are all plain files of git".to_owned()
            }
            Self::PartialClone => "make a full clone to work in: `git clone \"$(git remote \
                get-url origin)\" full && cd full`"
                .to_owned(),
        }
    }

    /// What a failure of the first question to git means.
    pub(super) fn of_discovery(start: &Path, error: GitError) -> Self {
        let said = error.stderr();
        let path = start.to_owned();
        if said.contains("dubious ownership") || said.contains("unsafe repository") {
            let words = said.trim_start_matches("fatal: ").to_owned();
            let words = words.lines().next().unwrap_or_default().to_owned();
            Self::Ownership { path, words }
        } else if said.contains("not a git repository") {
            Self::NotARepository { path }
        } else if said.contains("must be run in a work tree") || said.contains("bare repository") {
            Self::NoFiles { path }
        } else {
            Self::Git(error)
        }
    }
}

/// Refuses a clone that lacks objects, which git would fetch when asked for them.
pub(super) fn refuse_partial_clone(
    settings: &Settings,
    common_dir: &Path,
) -> Result<(), RepositoryError> {
    let packs = std::fs::read_dir(common_dir.join("objects/pack"));
    let promisor = |entry: std::fs::DirEntry| {
        Path::new(&entry.file_name())
            .extension()
            .is_some_and(|extension| extension == "promisor")
    };
    if settings.has_promises() || packs.is_ok_and(|packs| packs.flatten().any(promisor)) {
        return Err(RepositoryError::PartialClone);
    }
    Ok(())
}

/// Refuses a tree whose files are not all plain files of git, naming the first such path.
pub(super) fn refuse_base(
    objects: &ObjectStore<'_>,
    entries: &[TreeEntry],
) -> Result<(), RepositoryError> {
    for entry in entries {
        let path = entry.path.clone();
        if entry.mode == SUBMODULE {
            return Err(RepositoryError::Submodule { path });
        }
        if entry.path.rsplit('/').next() != Some(".gitattributes") {
            continue;
        }
        match filter_of(&objects.blob(&entry.object)?) {
            Some(Filter::Lfs) => return Err(RepositoryError::Lfs { path }),
            Some(Filter::GitCrypt) => return Err(RepositoryError::GitCrypt { path }),
            None => {}
        }
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
enum Filter {
    Lfs,
    GitCrypt,
}

/// The filter in an attributes file without which the blobs are not what people see.
fn filter_of(attributes: &[u8]) -> Option<Filter> {
    let text = String::from_utf8_lossy(attributes);
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    lines
        .flat_map(str::split_whitespace)
        .find_map(|word| match word.strip_prefix("filter=")? {
            "lfs" => Some(Filter::Lfs),
            name if name.starts_with("git-crypt") => Some(Filter::GitCrypt),
            _ => None,
        })
}
