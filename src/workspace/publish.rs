//! Handing a run's commit over: its objects and one new branch in the user's repository.

use super::git::{GitCommand, GitError, ObjectStore};
use super::own::{OwnGit, patiently};
use super::repository::UserRepository;
use crate::domain::CommitId;

/// Why a branch was not made.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// git failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// git does not accept the name.
    #[error("`{branch}` is not a valid name for a branch")]
    InvalidName {
        /// The name.
        branch: String,
    },
    /// A branch of that name is elsewhere, or one of a name that cannot be beside it.
    #[error("the branch `{branch}` cannot be made: there is already a branch `{taken_by}`")]
    Taken {
        /// The branch that was to be made.
        branch: String,
        /// The branch that is there.
        taken_by: String,
    },
    /// The commit that the run started from is gone.
    #[error("the repository no longer has the commit {} that the run started from", base.short())]
    BaseGone {
        /// The commit.
        base: CommitId,
    },
}

impl PublishError {
    /// What to do or type next.
    pub fn hint(&self) -> String {
        match self {
            Self::Git(_) => "mend the cause, then `rgpt resume`".to_owned(),
            Self::InvalidName { .. } | Self::BaseGone { .. } => {
                "start again: `rgpt run`".to_owned()
            }
            Self::Taken { taken_by, .. } => {
                format!("rename it: `git branch -m '{taken_by}' <new-name>`, then `rgpt resume`")
            }
        }
    }
}

/// Brings `commit`, made on top of `base`, into `user`'s repository and creates `branch` there.
/// Nothing else changes: no hook runs, no reflog and no other ref is written. If the branch is at
/// `commit` already, that is what was wanted.
///
/// # Errors
/// [`PublishError::Taken`] if the name is used for something else; the user's refs are then as
/// before.
pub fn publish(
    own: &OwnGit,
    user: &UserRepository,
    commit: &CommitId,
    base: &CommitId,
    branch: &str,
) -> Result<(), PublishError> {
    if !user.valid_branch(branch)? {
        return Err(PublishError::InvalidName {
            branch: branch.to_owned(),
        });
    }
    if is_done(user, commit, branch)? {
        return Ok(());
    }
    copy_objects(own, user, commit, std::slice::from_ref(base))?;
    crate::failpoint::hit("publish.objects");
    let reference = format!("refs/heads/{branch}");
    let create = GitCommand::on(&user.common_dir, "update-ref").arg("--no-deref");
    let create = create.args([&reference, commit.as_str(), &own.object_format().zero()]);
    let ours = format!("{reference}.lock");
    let made = match create.run() {
        // Only a git that wrote this very branch held it, and such a git may have been killed.
        Err(error) if error.lock().is_some_and(|lock| lock.ends_with(&ours)) => {
            patiently(|| create.run())
        }
        made => made,
    };
    if let Err(error) = made {
        return if is_done(user, commit, branch)? {
            Ok(())
        } else {
            Err(error.into())
        };
    }
    crate::failpoint::hit("publish.ref");
    Ok(())
}

/// Copies `commit` and all that it needs and `user`'s repository does not have: it has everything
/// of the commits `known`.
///
/// # Errors
/// [`PublishError::BaseGone`] if it has not.
pub(super) fn copy_objects(
    own: &OwnGit,
    user: &UserRepository,
    commit: &CommitId,
    known: &[CommitId],
) -> Result<(), PublishError> {
    let mut wanted = format!("{commit}\n");
    for known in known {
        if !ObjectStore::of(&user.common_dir).exists(known.as_str())? {
            return Err(PublishError::BaseGone {
                base: known.clone(),
            });
        }
        wanted.push_str(&format!("^{known}\n"));
    }
    let pack = own.git("pack-objects").args(["--revs", "--stdout", "-q"]);
    let unpack = GitCommand::on(&user.common_dir, "unpack-objects").arg("-q");
    pack.input(wanted).pipe_into(&unpack)?;
    Ok(())
}

/// Whether the branch is there already; an error if it cannot be made.
fn is_done(user: &UserRepository, commit: &CommitId, branch: &str) -> Result<bool, PublishError> {
    if user.branch_tip(branch)?.as_ref() == Some(commit) {
        return Ok(true);
    }
    match user.branch_in_the_way(branch)? {
        None => Ok(false),
        Some(taken_by) => Err(PublishError::Taken {
            branch: branch.to_owned(),
            taken_by,
        }),
    }
}

#[cfg(test)]
mod tests;
