//! Why a result was not brought into a branch, or not taken out of it.

use crate::domain::State;
use crate::domain::id::RunId;
use crate::engine::halt::Halt;
use crate::workspace::apply::ApplyError;
use crate::workspace::git::GitError;
use crate::workspace::own::OwnGitError;

/// Why an apply or an undo did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum TakingError {
    /// The run has no result.
    #[error("run {run} has no result to apply: it is {state}")]
    NotDone {
        /// The run.
        run: RunId,
        /// Where it stands.
        state: State,
    },
    /// No check has seen the result.
    #[error("no check has run on the result of run {run}")]
    Unverified {
        /// The run.
        run: RunId,
    },
    /// The opposite was begun and not finished.
    #[error("an interrupted `rgpt {verb}` of run {run} is to be finished first")]
    OtherOpen {
        /// The run.
        run: RunId,
        /// What was begun.
        verb: &'static str,
    },
    /// There is nothing to take back.
    #[error("the result of run {run} was not applied to any branch")]
    NotApplied {
        /// The run.
        run: RunId,
    },
    /// A merge would have to be seen by checks, and there are none.
    #[error(
        "the branch has moved, so the result is to be merged, and there are no checks to see the merge"
    )]
    NoChecks {
        /// The run.
        run: RunId,
    },
    /// Both sides have changed the same places.
    #[error("it does not fit what has come to `{branch}` since: conflicts in {}", paths.join(", "))]
    Conflicts {
        /// The branch.
        branch: String,
        /// The command by which a person does it.
        by_hand: String,
        /// The files.
        paths: Vec<String>,
    },
    /// The merged tree does not pass.
    #[error("the checks do not pass on the merged tree: {}", reasons.join("; "))]
    Checks {
        /// Why, one line each.
        reasons: Vec<String>,
    },
    /// Someone wanted it to stop.
    #[error("it was stopped before anything was changed: {message}")]
    Stopped {
        /// Who or what.
        message: String,
    },
    /// The repository is not as it must be, or something failed there.
    #[error(transparent)]
    Workspace(#[from] ApplyError),
    /// Something failed.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

impl TakingError {
    /// What to do or type next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotDone { run, state } => match state {
                State::Done => return None,
                state if state.is_terminal() => format!("see why: rgpt inspect {run}"),
                _ => format!("go on with it: rgpt resume --run {run}"),
            },
            Self::Unverified { run } | Self::NoChecks { run } => {
                format!("take it all the same: rgpt apply --run {run} --unverified")
            }
            Self::OtherOpen { run, verb } => format!("finish it: rgpt {verb} --run {run}"),
            Self::NotApplied { run } => format!("apply it: rgpt apply --run {run}"),
            Self::Conflicts { by_hand, .. } => format!("do it by hand: `{by_hand}`"),
            Self::Checks { .. } => {
                "start again from the branch as it is now: `rgpt run`".to_owned()
            }
            Self::Stopped { .. } => return None,
            Self::Workspace(error) => error.hint(),
            Self::Other(_) => return None,
        })
    }

    /// Whether the state of the user's repository stands in the way, rather than that something
    /// failed or was asked wrongly.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Conflicts { .. } | Self::Checks { .. } => true,
            Self::Workspace(error) => error.is_refusal(),
            _ => false,
        }
    }
}

impl From<GitError> for TakingError {
    fn from(error: GitError) -> Self {
        Self::Workspace(error.into())
    }
}

impl From<OwnGitError> for TakingError {
    fn from(error: OwnGitError) -> Self {
        Self::Workspace(error.into())
    }
}

impl From<Halt> for TakingError {
    fn from(halt: Halt) -> Self {
        let message = match halt {
            Halt::Broken(error) => return Self::Other(error),
            Halt::Stop(stopped) => stopped.message,
            Halt::Cancel(_) => "the run was to be cancelled".to_owned(),
            Halt::RecordEnds => "the record ends".to_owned(),
        };
        Self::Stopped { message }
    }
}
