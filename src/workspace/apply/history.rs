//! How a branch and a result lie to each other, in the history of the user's repository.

use crate::domain::CommitId;
use crate::workspace::git::{GitCommand, GitError};
use crate::workspace::own::OwnGit;
use crate::workspace::repository::UserRepository;

/// The user's history, with the commits that only rgpt has.
#[derive(Clone, Copy, Debug)]
pub struct History<'a> {
    user: &'a UserRepository,
    own: &'a OwnGit,
}

/// How a branch lies to a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The commit is in the branch.
    Contained,
    /// The branch leads to the commit.
    Behind,
    /// Each has commits that the other has not, since this one.
    Apart(CommitId),
    /// They have no commit in common.
    Unrelated,
}

impl<'a> History<'a> {
    /// The history of `user`, and what `own` has on top.
    pub fn of(user: &'a UserRepository, own: &'a OwnGit) -> Self {
        Self { user, own }
    }

    /// How the branch at `tip` lies to `commit`.
    ///
    /// # Errors
    /// A commit is gone.
    pub fn relation(&self, tip: &CommitId, commit: &CommitId) -> Result<Relation, GitError> {
        if self.leads_to(commit, tip)? {
            return Ok(Relation::Contained);
        }
        if self.leads_to(tip, commit)? {
            return Ok(Relation::Behind);
        }
        let command = self.git("merge-base").args([tip.as_str(), commit.as_str()]);
        let answer = command.ask()?.unwrap_or_default();
        let answer = String::from_utf8_lossy(&answer);
        Ok(match answer.lines().next() {
            Some(base) => Relation::Apart(CommitId(base.to_owned())),
            None => Relation::Unrelated,
        })
    }

    /// Whether `earlier` is `later` or in its history.
    fn leads_to(&self, earlier: &CommitId, later: &CommitId) -> Result<bool, GitError> {
        let command = self.git("merge-base");
        let command = command.args(["--is-ancestor", earlier.as_str(), later.as_str()]);
        Ok(command.ask()?.is_some())
    }

    fn git(&self, subcommand: &str) -> GitCommand {
        with_objects_of(self.own, GitCommand::on(&self.user.git_dir, subcommand))
    }
}

/// Lets a command on the user's repository see what rgpt has; nothing is copied or recorded.
pub(super) fn with_objects_of(own: &OwnGit, command: GitCommand) -> GitCommand {
    let objects = own.dir().join("objects");
    // In a list of folders, a name with a colon is quoted.
    let quoted = objects
        .to_string_lossy()
        .replace('\\', "\\\\")
        .replace('"', "\\\"");
    let needs_quotes = quoted.contains([':', '"', '\\']);
    match needs_quotes {
        true => command.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", format!("\"{quoted}\"")),
        false => command.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", objects),
    }
}
