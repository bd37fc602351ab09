//! `phases`: what each phase of a run has come to.

use rusqlite::{Connection, named_params};

use super::error::{StoreError, exactly_one};
use crate::domain::run::PhaseState;
use crate::domain::{Phase, Run, State};

/// Where a phase that was begun stands: `running`, `completed`, `failed`, or `pending` when the
/// run has gone back and is to come to it again.
pub(super) fn status(run: &Run, phase: Phase) -> &'static str {
    let healed = run.heal.as_ref().map(|heal| heal.target.phase);
    let (at, here) = match run.progress() {
        State::Running(at) => (at, "running"),
        State::Completed(at) => (at, "completed"),
        State::Error(at) => (at, "failed"),
        State::Done => return "completed",
        State::SelfHeal => match healed {
            Some(at) => (at, "failed"),
            None => return "pending",
        },
        State::Failed => match &run.failure {
            Some(standing) => (standing.phase, "failed"),
            None => return "failed",
        },
        State::Pending | State::AwaitingHuman | State::Cancelled => return "pending",
    };
    match phase.cmp(&at) {
        std::cmp::Ordering::Less => "completed",
        std::cmp::Ordering::Equal => here,
        std::cmp::Ordering::Greater if healed == Some(phase) => "failed",
        std::cmp::Ordering::Greater => "pending",
    }
}

/// Writes the rows of all phases that were begun: an event may move several.
pub(super) fn write(tx: &Connection, run: &Run) -> Result<(), StoreError> {
    for (phase, state) in &run.phases {
        tx.prepare_cached(
            "INSERT INTO phases (run_id, phase, status, attempts, retries, duration_ms, started_at)
             VALUES (:run, :phase, :status, :attempts, :retries, :duration_ms, :started_at)
             ON CONFLICT (run_id, phase) DO UPDATE
             SET status = :status, attempts = :attempts, retries = :retries,
                 duration_ms = :duration_ms, started_at = :started_at",
        )?
        .execute(named_params! {
            ":run": run.id.0,
            ":phase": phase.as_str(),
            ":status": status(run, *phase),
            ":attempts": state.attempts,
            ":retries": state.failures,
            ":duration_ms": duration(state),
            ":started_at": state.started_at.to_string(),
        })?;
    }
    Ok(())
}

/// Ends the work in a phase that is expected to be at work.
pub(super) fn leave(tx: &Connection, run: &Run, phase: Phase) -> Result<(), StoreError> {
    let changed = tx
        .prepare_cached(
            "UPDATE phases SET status = :status
             WHERE run_id = :run AND phase = :phase AND status = 'running'",
        )?
        .execute(named_params! {
            ":run": run.id.0, ":phase": phase.as_str(), ":status": status(run, phase),
        })?;
    exactly_one(changed, || {
        format!("{phase} of run {} is to be running", run.id)
    })
}

fn duration(state: &PhaseState) -> i64 {
    i64::try_from(state.duration_ms).unwrap_or(i64::MAX)
}
