//! A repository as its files lie there, whether or not anything is committed yet.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::ignored::ignored_by;
use super::tracked::Tracker;
use super::{Found, RepositoryError};
use crate::workspace::git::{GitCommand, GitError, path_text, records};

/// The checked-out files of a repository. Unlike a [`super::UserRepository`] it needs no commit,
/// and is only good for looking at.
#[derive(Clone, Debug)]
pub struct Checkout {
    /// The top folder of the checked-out files, canonical.
    pub top: PathBuf,
    /// The folder that was asked about, relative to `top`.
    pub directory: PathBuf,
    /// The branch that is checked out, or that the first commit will be on.
    pub branch: Option<String>,
    git_dir: PathBuf,
    person: Vec<(OsString, OsString)>,
}

impl Checkout {
    /// The checkout around the folder `start`.
    ///
    /// # Errors
    /// There is none, or git cannot be asked.
    pub fn around(start: &Path) -> Result<Self, RepositoryError> {
        Self::around_as(start, Vec::new())
    }

    pub(super) fn around_as(
        start: &Path,
        person: Vec<(OsString, OsString)>,
    ) -> Result<Self, RepositoryError> {
        let found = Found::around(start, &person)?;
        Ok(Self {
            branch: found.branch()?,
            directory: found.directory,
            top: found.top,
            git_dir: found.git_dir,
            person,
        })
    }

    /// The files that git tracks or would add, relative to [`Self::top`].
    ///
    /// # Errors
    /// git cannot read the index.
    pub fn files(&self) -> Result<Vec<String>, GitError> {
        let mut command = GitCommand::on(&self.git_dir, "ls-files").work_tree(&self.top);
        if let Some(file) = super::status::own_excludes(&self.top, &self.person) {
            command = command.setting("core.excludesFile", file);
        }
        let options = ["-z", "--cached", "--others", "--exclude-standard"];
        let answer = command.args(options).run()?;
        let mut files: Vec<String> = records(&answer).map(path_text).collect();
        files.sort();
        files.dedup();
        Ok(files)
    }

    /// Whether git tracks the file `path` (absolute, or relative to [`Self::top`]). A link counts
    /// as tracked if it or what it leads to is.
    ///
    /// # Errors
    /// git cannot read the index.
    pub fn is_tracked(&self, path: &Path) -> Result<bool, GitError> {
        let tracker = Tracker {
            git_dir: &self.git_dir,
            top: &self.top,
            base: &[],
        };
        tracker.tracks(path)
    }

    /// Whether git ignores `path`, which is relative to [`Self::top`] and need not exist.
    ///
    /// # Errors
    /// git cannot be asked, or `path` lies behind a link.
    pub fn ignores(&self, path: &Path) -> Result<bool, GitError> {
        Ok(ignored_by(&self.git_dir, &self.top, &self.person, path)?.is_some())
    }
}
