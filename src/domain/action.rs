//! What a run does next, named by its state.

use super::id::{ExecutionId, StepId};
use super::phase::Phase;

/// Something the engine is to perform; each ends in events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Begin a phase (for a remedy, too).
    StartPhase(Phase),
    /// Begin a step of the plan.
    StartStep(StepId),
    /// Carry an execution from where its tape stands to its outcome.
    Execute(ExecutionId),
    /// All steps are settled: end the builder phase.
    CompleteBuilder,
    /// Begin another of several patches for the same failure.
    StartCandidate,
    /// All patches are made: let the checks choose.
    ChooseCandidate,
    /// Ask about, or choose a remedy for the failure that stands, or give up.
    Heal,
    /// The check that failed has run again: keep or restore.
    SettleHeal,
    /// Everything is in place: end the run.
    Finish,
}
