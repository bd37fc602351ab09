//! Dependency folders of the user's tree, copied into a run's worktrees with their times.
//!
//! They are copied, never linked, so that nothing that a run does reaches the user's files. What
//! would make a worktree use the user's files instead of its own is refused: build output, links
//! out of the repository, Python environments that import from the user's tree. Start at [`bring`].

mod copy;
mod python;

use std::path::{Component, Path, PathBuf};

use super::git::GitError;
use super::repository::UserRepository;
use super::worktree::{self, Worktree, WorktreeError};

/// Names of folders that compilers and bundlers write.
const BUILD_OUTPUT: [&str; 14] = [
    "target",
    "build",
    "_build",
    "dist",
    "out",
    "bin",
    "obj",
    ".next",
    ".nuxt",
    ".gradle",
    ".parcel-cache",
    ".turbo",
    "__pycache__",
    "deriveddata",
];

/// What cargo leaves at the top of its build output, whatever that is called.
const CARGO_OUTPUT: &str = ".rustc_info.json";

/// Stands for anything in a folder, where git is asked whether it ignores that.
const ANY_FILE: &str = "rgpt-asks-about-this";

/// Why a folder is not shared.
#[derive(Debug, thiserror::Error)]
pub enum ShareError {
    /// The name leads out of the repository, or to what belongs to git or rgpt.
    #[error("`{folder}` is no folder below the project's own that could be shared")]
    NoSuchPlace {
        /// As it was given.
        folder: String,
    },
    /// A compiler wrote it.
    #[error(
        "`{folder}` is build output, which is not shared: a compiler would take one tree's for the other's"
    )]
    BuildOutput {
        /// As it was given.
        folder: String,
    },
    /// It is a link, or lies behind one.
    #[error("`{path}` is a symbolic link, and only real folders are shared")]
    Link {
        /// From the top of the repository.
        path: String,
    },
    /// It is a file.
    #[error("`{path}` is not a folder")]
    NotAFolder {
        /// From the top of the repository, or of the worktree.
        path: String,
    },
    /// It is in every worktree anyway.
    #[error("git tracks `{file}`, so `{folder}` is no dependency folder")]
    Tracked {
        /// As it was given.
        folder: String,
        /// The first tracked file in it.
        file: String,
    },
    /// It could get into the run's commit.
    #[error("no .gitignore covers `{folder}`{}", if *committed { " in the tree that the run works on" } else { "" })]
    NotIgnored {
        /// As it was given.
        folder: String,
        /// Whether it is the tree's own ignore files that do not.
        committed: bool,
    },
    /// A link in it would lead elsewhere from a worktree.
    #[error("the link `{link}` leads to {target}, out of the repository")]
    Escapes {
        /// From the top of the repository.
        link: String,
        /// What it holds.
        target: String,
    },
    /// A link in it leads to what is no file, by its full path.
    #[error(
        "the link `{link}` leads to {target}, out of the repository, where only a file may be meant"
    )]
    NoFile {
        /// From the top of the repository.
        link: String,
        /// What it holds.
        target: String,
    },
    /// Python would import the user's files.
    #[error(
        "`{file}` has Python import from {target}, so a run would test your files and not its own"
    )]
    Editable {
        /// From the top of the repository.
        file: String,
        /// Where in the user's tree.
        target: String,
    },
    /// A file cannot be read or written.
    #[error("cannot copy {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// git failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The worktree cannot be used.
    #[error(transparent)]
    Worktree(#[from] WorktreeError),
}

impl ShareError {
    /// What to do or type next.
    pub fn hint(&self) -> String {
        match self {
            Self::NoSuchPlace { .. } | Self::NotAFolder { .. } | Self::Tracked { .. } => {
                "name an ignored folder such as node_modules under `workspace.share`".to_owned()
            }
            Self::BuildOutput { .. } => {
                "take it out of `workspace.share`; with `workspace.cache` a run hands its own on to the next"
                    .to_owned()
            }
            Self::Link { .. } => "name the folder that it leads to".to_owned(),
            Self::NotIgnored { folder, .. } => {
                format!("add the line /{}/ to .gitignore and commit it", folder.trim_matches('/'))
            }
            Self::Escapes { .. } | Self::NoFile { .. } | Self::Editable { .. } => {
                "have each worktree install its own: take the folder out of `workspace.share` and name the \
                 command under `workspace.setup`"
                    .to_owned()
            }
            Self::Io { .. } | Self::Git(_) | Self::Worktree(_) => {
                "see that the files can be read and the disk has space: rgpt doctor".to_owned()
            }
        }
    }

    /// Whether the configuration is to blame, and not the machine.
    pub fn is_configuration(&self) -> bool {
        !matches!(self, Self::Io { .. } | Self::Git(_) | Self::Worktree(_))
    }
}

/// Whether every one of `folders` can be shared: names below the project's folder `directory`,
/// which is relative to the top of `user`'s repository. One that is not there is no error: it
/// holds nothing that could be shared.
///
/// # Errors
/// The first reason against one.
pub fn check(
    user: &UserRepository,
    directory: &Path,
    folders: &[String],
) -> Result<(), ShareError> {
    for folder in folders {
        if let Some(path) = look(user, directory, folder)? {
            copy::Copying::of(&user.top).examine(&path)?;
        }
    }
    Ok(())
}

/// Copies `folders`, named as for [`check`], into a worktree, once in its life: what a run does to
/// them afterwards stays. A kill leaves a folder whole or not there, and the rest for the next time.
///
/// # Errors
/// As [`check`]; the tree in the worktree does not ignore a folder; the disk is full.
pub fn bring(
    user: &UserRepository,
    directory: &Path,
    folders: &[String],
    worktree: &Worktree,
) -> Result<(), ShareError> {
    let root = worktree.root();
    if folders.is_empty() || mark(root).exists() {
        return Ok(());
    }
    for folder in folders {
        let Some(path) = look(user, directory, folder)? else {
            tracing::warn!("there is no folder `{folder}` to share");
            continue;
        };
        if !worktree.ignores(&path.join(ANY_FILE))? {
            return Err(ShareError::NotIgnored {
                folder: folder.clone(),
                committed: true,
            });
        }
        place(user, &path, root)?;
    }
    crate::failpoint::hit("share.copied");
    at(&mark(root), std::fs::write(mark(root), ""))
}

/// Makes the next [`bring`] copy again, into a worktree that is made anew at `root`.
///
/// # Errors
/// The disk is read-only.
pub fn forget(root: &Path) -> Result<(), WorktreeError> {
    worktree::remove(&mark(root))
}

/// Where it stands that everything was copied.
fn mark(root: &Path) -> PathBuf {
    root.with_file_name(".rgpt-shared")
}

/// Copies one folder to its place, aside first.
fn place(user: &UserRepository, path: &Path, root: &Path) -> Result<(), ShareError> {
    let to = root.join(path);
    let mut holder = root.to_owned();
    for part in path.parent().into_iter().flat_map(Path::components) {
        holder.push(part);
        match std::fs::symlink_metadata(&holder) {
            Ok(meta) if meta.is_dir() => {}
            Ok(_) => {
                return Err(ShareError::NotAFolder {
                    path: shown(path.parent().unwrap_or(path)),
                });
            }
            Err(_) => at(&holder, std::fs::create_dir(&holder))?,
        }
    }
    if to.symlink_metadata().is_ok() {
        return Ok(());
    }
    let aside = root.with_file_name(".rgpt-sharing");
    worktree::remove(&aside)?;
    copy::Copying::of(&user.top).copy(path, &aside)?;
    crate::failpoint::hit("share.aside");
    at(&to, std::fs::rename(&aside, &to))
}

/// The path of a shared folder from the top of the repository, if there is such a folder and
/// nothing of it but its content can speak against it.
fn look(
    user: &UserRepository,
    directory: &Path,
    folder: &str,
) -> Result<Option<PathBuf>, ShareError> {
    let path = inside(directory, folder).ok_or_else(|| ShareError::NoSuchPlace {
        folder: folder.to_owned(),
    })?;
    let build_output = || ShareError::BuildOutput {
        folder: folder.to_owned(),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if BUILD_OUTPUT.contains(&name.to_lowercase().as_str()) {
        return Err(build_output());
    }
    let mut real = user.top.clone();
    for part in path.components() {
        real.push(part);
        let shown = || shown(real.strip_prefix(&user.top).unwrap_or(&real));
        match std::fs::symlink_metadata(&real) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return at(&real, Err(error)),
            Ok(meta) if meta.is_symlink() => return Err(ShareError::Link { path: shown() }),
            Ok(meta) if !meta.is_dir() => return Err(ShareError::NotAFolder { path: shown() }),
            Ok(_) => {}
        }
    }
    if real.join(CARGO_OUTPUT).exists() {
        return Err(build_output());
    }
    if let Some(file) = user.tracked_below(&path)? {
        return Err(ShareError::Tracked {
            folder: folder.to_owned(),
            file,
        });
    }
    if !user.ignores_for_everyone(&path.join(ANY_FILE))? {
        return Err(ShareError::NotIgnored {
            folder: folder.to_owned(),
            committed: false,
        });
    }
    Ok(Some(path))
}

/// `directory/folder` without `.`, if that is a folder below `directory` of which neither git nor
/// rgpt keeps the content.
fn inside(directory: &Path, folder: &str) -> Option<PathBuf> {
    let mut path = directory.to_owned();
    for part in Path::new(folder).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            _ => return None,
        }
    }
    let kept = |part: Component<'_>| {
        let name = part.as_os_str().to_string_lossy().to_lowercase();
        matches!(name.as_str(), ".git" | ".rgpt")
    };
    (path != directory && !path.components().any(kept)).then_some(path)
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn at<T>(path: &Path, result: std::io::Result<T>) -> Result<T, ShareError> {
    result.map_err(|source| ShareError::Io {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests;
