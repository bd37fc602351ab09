//! The exit codes, as documented.

use crate::domain::event::StopReason;
use crate::domain::replay::ReplayResult;
use crate::domain::{Run, State};

/// Reached, or clean.
pub(super) const REACHED: u8 = 0;
/// rgpt could not do it.
pub(super) const COULD_NOT: u8 = 1;
/// The run ended without reaching the goal, or a judging verb found something.
pub(super) const NOT_REACHED: u8 = 2;
/// Stopped and resumable.
pub(super) const STOPPED: u8 = 3;
/// A replay has parted from its source.
pub(super) const DIVERGED: u8 = 4;
/// Wrong usage.
pub(super) const USAGE: u8 = 64;

/// The exit code of a run that is driven no further. A replay that answers from the record has
/// done its work if it came to the same, whatever that is.
pub(super) fn of(run: &Run) -> u8 {
    if let Some(replay) = run.replay.as_ref().filter(|it| it.mode.is_offline())
        && let Some(comparison) = &replay.comparison
    {
        return match comparison.result {
            ReplayResult::Equal => REACHED,
            ReplayResult::Diverged => DIVERGED,
        };
    }
    match (run.state(), run.stop.as_ref().map(|stop| stop.reason)) {
        (State::Done, _) | (_, Some(StopReason::Until)) => REACHED,
        (State::Failed | State::Cancelled, _) => NOT_REACHED,
        _ => STOPPED,
    }
}
