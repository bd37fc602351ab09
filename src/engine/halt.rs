//! Ways in which a drive ends before the run does.

use crate::domain::event::{RunStopped, StopReason};
use crate::store::Intervention;

/// Why a drive goes no further.
#[derive(Debug)]
pub(super) enum Halt {
    /// The run stands still, resumable.
    Stop(RunStopped),
    /// A person gave the run up.
    Cancel(Intervention),
    /// Something failed that is no part of the run: disk, database, a bug.
    Broken(anyhow::Error),
}

/// What the parts of a drive return.
pub(super) type Halting<T> = Result<T, Halt>;

impl Halt {
    /// A stop with a reason and its words.
    pub(super) fn stop(reason: StopReason, message: impl Into<String>) -> Self {
        Self::Stop(RunStopped {
            reason,
            message: message.into(),
            action_required: None,
        })
    }
}

impl<E: Into<anyhow::Error>> From<E> for Halt {
    fn from(error: E) -> Self {
        Self::Broken(error.into())
    }
}
