//! The user's repository, only ever read.
//!
//! It is found the way the person's own git finds it (so that their `safe.directory` counts), and
//! from then on read under settings of our own. Start at [`UserRepository::open`].

mod checkout;
mod found;
mod ignored;
mod refusal;
mod settings;
mod status;
mod tracked;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use checkout::Checkout;
use found::Found;
pub(super) use ignored::asks_ignored;
pub use refusal::RepositoryError;
use refusal::{refuse_base, refuse_partial_clone};
pub(super) use settings::Settings;
pub use status::Dirt;
use tracked::Tracker;

use super::git::{GitCommand, GitError, ObjectStore, records};
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
    /// The paths of its files, in git's order.
    pub base_files: Arc<[String]>,
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
        let found = Found::around(start, &person)?;
        let objects = ObjectStore::of(&found.git_dir);
        let (base_commit, base_tree) = resolve_base(&objects, base, &found.top)?;
        let settings = Settings::of(&found.git_dir)?;
        refuse_partial_clone(&settings, &found.common_dir)?;
        let entries = objects.entries(&base_tree)?;
        refuse_base(&objects, &entries)?;
        let dirt = status::look(&found.git_dir, &settings, &found.top, &person)?;
        let id = blake3::hash(found.common_dir.as_os_str().as_encoded_bytes());
        Ok(Self {
            object_format: found.object_format,
            base_commit,
            base_tree,
            base_files: entries.into_iter().map(|entry| entry.path).collect(),
            branch: found.branch()?,
            directory: found.directory,
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

    /// A command under the person's own configuration: only for reading that.
    pub(super) fn personal(&self, subcommand: &str) -> GitCommand {
        GitCommand::as_person(&self.person, subcommand).directory(&self.top)
    }

    /// The names of the filters that are configured, by the person or the repository.
    pub(super) fn filters(&self) -> Result<BTreeSet<String>, GitError> {
        let command = self.personal("config");
        let answer = command
            .args(["-z", "--name-only", "--get-regexp", r"^filter\."])
            .ask()?;
        let name = |key: &[u8]| {
            let key = String::from_utf8_lossy(key).into_owned();
            let (name, _) = key.strip_prefix("filter.")?.rsplit_once('.')?;
            Some(name.to_owned())
        };
        Ok(records(&answer.unwrap_or_default())
            .filter_map(name)
            .collect())
    }

    fn personal_setting(&self, key: &str) -> Option<String> {
        let command = self.personal("config");
        let answer = command.args(["--get", key]).line();
        answer.ok().filter(|value| !value.is_empty())
    }

    /// Whether git tracks the file `path` (absolute, or relative to [`Self::top`]), in the index or
    /// in the base. A link counts as tracked if it or what it leads to is.
    ///
    /// # Errors
    /// git cannot read the index.
    pub fn is_tracked(&self, path: &Path) -> Result<bool, GitError> {
        let tracker = Tracker {
            git_dir: &self.git_dir,
            top: &self.top,
            base: &self.base_files,
        };
        tracker.tracks(path)
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
        if *tree == self.base_tree {
            return Ok(self.base_files.to_vec());
        }
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

/// The commit that the run starts from, and its tree.
fn resolve_base(
    objects: &ObjectStore<'_>,
    base: Option<&str>,
    top: &Path,
) -> Result<(CommitId, TreeId), RepositoryError> {
    let name = base.unwrap_or("HEAD");
    objects.commit(name)?.ok_or_else(|| match base {
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
