//! The branch that the result is to go to.

use std::path::Path;

use super::refusal::ApplyError;
use crate::domain::CommitId;
use crate::workspace::git::{GitCommand, GitError};
use crate::workspace::repository::UserRepository;

/// A branch that may be moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name, as in `main`.
    pub branch: String,
    /// The commit that it is at.
    pub tip: CommitId,
    /// Whether it is checked out in the repository that was opened.
    pub checked_out: bool,
}

/// What git leaves in a git directory in the middle of an operation, and the command that ends it.
/// A rebase comes before the picking that it consists of.
const UNFINISHED: &[(&str, &str, &str)] = &[
    ("rebase-merge", "rebase", "git rebase --abort"),
    ("rebase-apply", "rebase", "git rebase --abort"),
    ("MERGE_HEAD", "merge", "git merge --abort"),
    ("CHERRY_PICK_HEAD", "cherry-pick", "git cherry-pick --abort"),
    ("REVERT_HEAD", "revert", "git revert --abort"),
    ("BISECT_LOG", "bisect", "git bisect reset"),
];

impl Target {
    /// The branch `wanted`, or the one that is checked out.
    ///
    /// # Errors
    /// There is none, or git is at work on it, here or in another worktree.
    pub fn find(user: &UserRepository, wanted: Option<&str>) -> Result<Self, ApplyError> {
        refuse_unfinished(&user.git_dir)?;
        let branch = wanted.or(user.branch.as_deref());
        let branch = branch.ok_or(ApplyError::Detached)?.to_owned();
        let Some(tip) = user.branch_tip(&branch)? else {
            return Err(ApplyError::NoBranch { branch });
        };
        let checked_out = is_checked_out(user, &branch)?;
        if !checked_out {
            refuse_elsewhere(user, &branch)?;
        }
        Ok(Self {
            branch,
            tip,
            checked_out,
        })
    }
}

/// Whether the branch is what `HEAD` of this checkout stands for, now.
pub(super) fn is_checked_out(user: &UserRepository, branch: &str) -> Result<bool, GitError> {
    let head = GitCommand::on(&user.git_dir, "symbolic-ref");
    let head = head.args(["--quiet", "HEAD"]).ask()?;
    let head = head.unwrap_or_default();
    let name = String::from_utf8_lossy(&head);
    Ok(name.trim_end().strip_prefix("refs/heads/") == Some(branch))
}

fn refuse_unfinished(git_dir: &Path) -> Result<(), ApplyError> {
    let found = UNFINISHED
        .iter()
        .find(|(name, ..)| git_dir.join(name).symlink_metadata().is_ok());
    match found {
        None => Ok(()),
        Some((_, operation, end)) => Err(ApplyError::Unfinished { operation, end }),
    }
}

fn refuse_elsewhere(user: &UserRepository, branch: &str) -> Result<(), ApplyError> {
    let elsewhere = |worktree: String| ApplyError::Elsewhere {
        branch: branch.to_owned(),
        worktree,
    };
    let command = GitCommand::on(&user.git_dir, "for-each-ref");
    let answer = command.args(["--format=%(refname) %(worktreepath)", "refs/heads/"]);
    let answer = answer.run()?;
    let name = format!("refs/heads/{branch}");
    for line in String::from_utf8_lossy(&answer).lines() {
        let (found, worktree) = line.split_once(' ').unwrap_or((line, ""));
        if found == name && !worktree.is_empty() {
            return Err(elsewhere(worktree.to_owned()));
        }
    }
    // A rebase detaches the `HEAD` of its worktree, and moves the branch at its end.
    for worktree in std::fs::read_dir(user.common_dir.join("worktrees"))
        .into_iter()
        .flatten()
    {
        let Ok(worktree) = worktree else { continue };
        let of = |file: &str| std::fs::read_to_string(worktree.path().join(file));
        for rebase in ["rebase-merge/head-name", "rebase-apply/head-name"] {
            if of(rebase).is_ok_and(|rebased| rebased.trim_end() == name) {
                let place = of("gitdir").unwrap_or_default();
                return Err(elsewhere(
                    place.trim_end().trim_end_matches("/.git").to_owned(),
                ));
            }
        }
    }
    Ok(())
}
