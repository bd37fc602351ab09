//! The exit codes, as documented.

use crate::domain::event::StopReason;
use crate::domain::{Run, State};

/// Reached, or clean.
pub(super) const REACHED: u8 = 0;
/// rgpt could not do it.
pub(super) const COULD_NOT: u8 = 1;
/// The run ended without reaching the goal, or a judging verb found something.
pub(super) const NOT_REACHED: u8 = 2;
/// Stopped and resumable.
pub(super) const STOPPED: u8 = 3;
/// Wrong usage.
pub(super) const USAGE: u8 = 64;

/// The exit code of a run that is driven no further.
pub(super) fn of(run: &Run) -> u8 {
    match (run.state(), run.stop.as_ref().map(|stop| stop.reason)) {
        (State::Done, _) | (_, Some(StopReason::Until)) => REACHED,
        (State::Failed | State::Cancelled, _) => NOT_REACHED,
        _ => STOPPED,
    }
}
