//! The user's repository, only ever read.
//!
//! It is found the way the person's own git finds it (so that their `safe.directory` counts), and
//! from then on read under settings of our own. Start at [`UserRepository::open`].

mod refusal;
mod status;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub use refusal::RepositoryError;
use refusal::{refuse_base, refuse_partial_clone};
pub use status::Dirt;

use super::git::{GitCommand, GitError, ObjectStore, git_version};
use crate::domain::{CommitId, TreeId};

/// How a repository names its objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectFormat {
    /// 40 hex digits.
    Sha1,
    /// 64 hex digits.
    Sha256,
}

impl ObjectFormat {
    /// The name by which git knows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    /// The id that stands for "no object".
    pub(crate) fn zero(self) -> String {
        "0".repeat(match self {
            Self::Sha1 => 40,
            Self::Sha256 => 64,
        })
    }
}

/// Who a commit is by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
}

impl Default for Identity {
    /// Who commits where the person has no identity of their own.
    fn default() -> Self {
        Self {
            name: "rgpt".to_owned(),
            email: "rgpt@localhost".to_owned(),
        }
    }
}

/// The repository that a run is for, and the commit that it starts from.
#[derive(Clone, Debug)]
pub struct UserRepository {
    /// The top folder of the checked-out files, canonical.
    pub top: PathBuf,
    /// The project's folder relative to `top`; empty when it is `top` itself.
    pub directory: PathBuf,
    /// The git directory of this checkout.
    pub git_dir: PathBuf,
    /// The git directory with the objects and branches; another one than `git_dir` in a linked
    /// worktree.
    pub common_dir: PathBuf,
    /// How objects are named.
    pub object_format: ObjectFormat,
    /// The commit that the run starts from.
    pub base_commit: CommitId,
    /// Its tree.
    pub base_tree: TreeId,
    /// The branch that is checked out; `None` when `HEAD` is detached.
    pub branch: Option<String>,
    /// What of the checked-out files is not in `HEAD`, and so not in the run.
    pub dirt: Dirt,
    /// Whether its history is cut off.
    pub shallow: bool,
    /// A name for it that is the same in every checkout of it: 16 hex digits.
    pub id: String,
    person: Vec<(OsString, OsString)>,
}

impl UserRepository {
    /// Opens the repository around `start`; the run starts from `base`, or from `HEAD`.
    ///
    /// # Errors
    /// A [`RepositoryError`] for each kind of repository that cannot be worked on; nothing is
    /// changed.
    pub fn open(start: &Path, base: Option<&str>) -> Result<Self, RepositoryError> {
        Self::open_as(start, base, Vec::new())
    }

    /// Like [`Self::open`], with variables on top of the person's environment.
    pub(crate) fn open_as(
        start: &Path,
        base: Option<&str>,
        person: Vec<(OsString, OsString)>,
    ) -> Result<Self, RepositoryError> {
        git_version()?;
        let start = start
            .canonicalize()
            .map_err(|source| RepositoryError::Unreadable {
                path: start.to_owned(),
                source,
            })?;
        let found = Found::around(&start, &person)?;
        let objects = ObjectStore::of(&found.git_dir);
        let base_commit = resolve_base(&objects, base, &found.top)?;
        let base_tree = objects.tree_of(&base_commit)?;
        refuse_partial_clone(&found.git_dir, &found.common_dir)?;
        refuse_base(&objects, &base_tree)?;
        let directory = start
            .strip_prefix(&found.top)
            .unwrap_or(Path::new(""))
            .to_owned();
        let branch = GitCommand::on(&found.git_dir, "symbolic-ref");
        let branch = branch.args(["--quiet", "--short", "HEAD"]).ask()?;
        let branch = branch.map(|name| String::from_utf8_lossy(&name).trim().to_owned());
        let dirt = status::look(&found.git_dir, &found.top, &person)?;
        let id = blake3::hash(found.common_dir.as_os_str().as_encoded_bytes());
        Ok(Self {
            directory,
            object_format: found.object_format,
            base_commit,
            base_tree,
            branch,
            dirt,
            shallow: found.shallow,
            id: id.to_hex()[..16].to_owned(),
            top: found.top,
            git_dir: found.git_dir,
            common_dir: found.common_dir,
            person,
        })
    }

    /// The person's name and address from their git configuration, read as data; `None` if either
    /// is not set or holds nothing that git would accept.
    pub fn identity(&self) -> Option<Identity> {
        let name = presentable(self.personal_setting("user.name")?)?;
        let email = presentable(self.personal_setting("user.email")?)?;
        Some(Identity { name, email })
    }

    fn personal_setting(&self, key: &str) -> Option<String> {
        let command = GitCommand::as_person(&self.person, "config").directory(&self.top);
        let answer = command.args(["--get", key]).line();
        answer.ok().filter(|value| !value.is_empty())
    }

    /// Whether git tracks the file `path` (absolute, or relative to [`Self::top`]), in the index or
    /// in the base. A link counts as tracked if it or what it leads to is.
    ///
    /// # Errors
    /// git cannot read the index.
    pub fn is_tracked(&self, path: &Path) -> Result<bool, GitError> {
        let path = self.top.join(path);
        let named = path.parent().and_then(|parent| parent.canonicalize().ok());
        let named = named
            .zip(path.file_name())
            .map(|(parent, name)| parent.join(name));
        let meant = path.canonicalize().ok();
        for candidate in named.into_iter().chain(meant) {
            if self.tracks_exactly(&candidate)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn tracks_exactly(&self, path: &Path) -> Result<bool, GitError> {
        let Ok(relative) = path.strip_prefix(&self.top) else {
            return Ok(false);
        };
        if relative.as_os_str().is_empty() {
            return Ok(false);
        }
        let index = GitCommand::on(&self.git_dir, "ls-files").work_tree(&self.top);
        let index = index.args(["-z", "--cached", "--"]).arg(relative).run()?;
        if !index.is_empty() {
            return Ok(true);
        }
        let base = GitCommand::on(&self.git_dir, "ls-tree");
        let base = base
            .args(["-z", "--full-tree", self.base_tree.as_str(), "--"])
            .arg(relative);
        Ok(!base.run()?.is_empty())
    }

    /// Whether there is a branch of this name.
    ///
    /// # Errors
    /// git cannot read the repository.
    pub fn branch_exists(&self, name: &str) -> Result<bool, GitError> {
        Ok(self.branch_tip(name)?.is_some())
    }

    /// The commit that the branch `name` is at.
    pub(crate) fn branch_tip(&self, name: &str) -> Result<Option<CommitId>, GitError> {
        let tip = ObjectStore::of(&self.common_dir).reference(&format!("refs/heads/{name}"))?;
        Ok(tip.map(CommitId))
    }

    /// The branch that keeps a branch `name` from being created: itself, or one whose name is a
    /// folder of it or has it as a folder.
    ///
    /// # Errors
    /// git cannot read the repository.
    pub fn branch_in_the_way(&self, name: &str) -> Result<Option<String>, GitError> {
        let command = GitCommand::on(&self.common_dir, "for-each-ref");
        let answer = command.args(["--format=%(refname)", "refs/heads/"]).run()?;
        let answer = String::from_utf8_lossy(&answer);
        let mut branches = answer
            .lines()
            .filter_map(|line| line.strip_prefix("refs/heads/"));
        let under = |folder: &str, path: &str| {
            path.strip_prefix(folder)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let found = branches.find(|branch| under(branch, name) || under(name, branch));
        Ok(found.map(str::to_owned))
    }

    /// Whether git accepts `name` as the name of a branch.
    ///
    /// # Errors
    /// git cannot be run.
    pub fn valid_branch(&self, name: &str) -> Result<bool, GitError> {
        // As a full name, so that "@{-1}" and a leading dash mean nothing special.
        let command = GitCommand::bare("check-ref-format").arg(format!("refs/heads/{name}"));
        Ok(!name.starts_with('-') && name != "HEAD" && command.ask()?.is_some())
    }

    /// The tree of `commit`.
    ///
    /// # Errors
    /// There is no such commit.
    pub fn tree_of(&self, commit: &CommitId) -> Result<TreeId, GitError> {
        ObjectStore::of(&self.git_dir).tree_of(commit)
    }

    /// The paths of all files of `tree`.
    ///
    /// # Errors
    /// There is no such tree.
    pub fn list_files(&self, tree: &TreeId) -> Result<Vec<String>, GitError> {
        ObjectStore::of(&self.git_dir).files(tree)
    }

    /// The bytes of the file `path` in `tree`; `None` if it is not in there.
    ///
    /// # Errors
    /// There is no such tree.
    pub fn read_blob(&self, tree: &TreeId, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        ObjectStore::of(&self.git_dir).read(tree, path)
    }
}

/// What the person's git says about where they are.
struct Found {
    top: PathBuf,
    git_dir: PathBuf,
    common_dir: PathBuf,
    object_format: ObjectFormat,
    shallow: bool,
}

impl Found {
    fn around(start: &Path, person: &[(OsString, OsString)]) -> Result<Self, RepositoryError> {
        let ask = |option: &str| {
            let command = GitCommand::as_person(person, "rev-parse").directory(start);
            command.args(["--path-format=absolute", option])
        };
        let first = ask("--is-bare-repository").line();
        let bare = first.map_err(|error| RepositoryError::of_discovery(start, error))?;
        if bare == "true" || ask("--is-inside-work-tree").line()? != "true" {
            return Err(RepositoryError::NoFiles {
                path: start.to_owned(),
            });
        }
        let canonical = |option: &str| {
            let path = ask(option).path()?;
            path.canonicalize()
                .map_err(|source| RepositoryError::Unreadable { path, source })
        };
        let format = ask("--show-object-format").line()?;
        Ok(Self {
            top: canonical("--show-toplevel")?,
            git_dir: canonical("--git-dir")?,
            common_dir: canonical("--git-common-dir")?,
            object_format: match format.as_str() {
                "sha1" => ObjectFormat::Sha1,
                "sha256" => ObjectFormat::Sha256,
                _ => return Err(RepositoryError::ObjectFormat { format }),
            },
            shallow: ask("--is-shallow-repository").line()? == "true",
        })
    }
}

fn resolve_base(
    objects: &ObjectStore<'_>,
    base: Option<&str>,
    top: &Path,
) -> Result<CommitId, RepositoryError> {
    let name = base.unwrap_or("HEAD");
    let commit = objects.resolve(&format!("{name}^{{commit}}"))?;
    commit.map(CommitId).ok_or_else(|| match base {
        Some(base) => RepositoryError::UnknownBase {
            base: base.to_owned(),
        },
        None => RepositoryError::NoCommit {
            top: top.to_owned(),
        },
    })
}

/// What git would write of `text` into a commit; `None` if that is nothing.
fn presentable(text: String) -> Option<String> {
    let text: String = text
        .chars()
        .filter(|c| !c.is_control() && !"<>".contains(*c))
        .collect();
    let text = text.trim_matches(|c: char| c.is_whitespace() || ".,:;\"\\'".contains(c));
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
