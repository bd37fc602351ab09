//! What people query: rows that say what the events come to.
//!
//! [`Projector`] is the only way in. It is a function of the event and the run after it, so that
//! writing an event and making everything again come to the same rows.

use rusqlite::Connection;

use super::error::StoreError;
use super::{
    applications, checks, executions, failures, findings, phases, replays, runs, self_heal, steps,
};
use crate::domain::event::{
    CheckCompleted, Event, PhaseCompleted, PhaseError, PhaseStarted, RunUpdated,
};
use crate::domain::step::StepStatus;
use crate::domain::{Phase, Record, Run};

/// The tables that are projections, those that others refer to first. `runs` has the run's number
/// in `id`, the others in `run_id`.
pub(super) const TABLES: [&str; 10] = [
    "runs",
    "phases",
    "steps",
    "executions",
    "checks",
    "findings",
    "self_heal",
    "failures",
    "replays",
    "applications",
];

/// Writes what events change, one after the other, and in the end the row of the run, once for all
/// of them.
pub(super) struct Projector<'c> {
    tx: &'c Connection,
    /// The event after which the row of the run stands.
    stands: Option<u64>,
}

impl<'c> Projector<'c> {
    /// Nothing is written yet.
    pub(super) fn new(tx: &'c Connection) -> Self {
        Self { tx, stands: None }
    }

    /// Writes what `record` changes; `run` is the run after it.
    pub(super) fn project(&mut self, record: &Record, run: &Run) -> Result<(), StoreError> {
        self.stands.get_or_insert(record.seq.saturating_sub(1));
        if matches!(record.event, Event::RunCreated(_)) {
            self.stands = Some(record.seq);
            return runs::insert(self.tx, run);
        }
        project(self.tx, record, run)?;
        failures::project(self.tx, record, run)
    }

    /// Writes the row of the run, which is now `run`.
    pub(super) fn finish(self, run: &Run) -> Result<(), StoreError> {
        match self.stands {
            Some(seq) if seq < run.seq => {
                runs::update(self.tx, seq, run)?;
                failures::mark(self.tx, run)
            }
            _ => Ok(()),
        }
    }
}

fn project(tx: &Connection, record: &Record, run: &Run) -> Result<(), StoreError> {
    match &record.event {
        Event::RunCreated(_)
        | Event::RunStopped(_)
        | Event::RunCancelled { .. }
        | Event::GateDenied { .. } => Ok(()),
        Event::RunReplayed(_) => {
            replays::insert(tx, run, record.at)?;
            phases::write(tx, run)
        }
        Event::RunUpdated(RunUpdated::Compared(_)) => replays::compare(tx, run),
        Event::RunUpdated(RunUpdated::ModelSwitched { .. }) => Ok(()),
        Event::RunUpdated(_) => applications::write(tx, run),
        Event::RunDone(_) | Event::RunFailed(_) => phases::write(tx, run),
        Event::RunResumed(resumed) => {
            if resumed.from.is_some() {
                executions::interrupt(tx, run)?;
                self_heal::settle_left_behind(tx, run)?;
                steps::replace(tx, run)?;
            }
            phases::write(tx, run)
        }
        Event::PhaseStarted(started) => phase_started(tx, run, started),
        Event::PhaseCompleted(completed) => phase_completed(tx, run, completed),
        Event::PhaseError(error) => phase_error(tx, run, error),
        Event::StepStarted(started) => {
            steps::update(tx, run, &started.step, StepStatus::Pending)?;
            executions::insert(tx, run, started.execution.id)
        }
        Event::StepCompleted(completed) => {
            steps::update(tx, run, &completed.step, StepStatus::Running)?;
            executions::end(tx, run, completed.execution)
        }
        Event::StepError(error) => {
            steps::update(tx, run, &error.step, StepStatus::Running)?;
            executions::end(tx, run, error.execution)
        }
        Event::StepSkipped { step, .. } => steps::update(tx, run, step, StepStatus::Pending),
        Event::HealStarted(started) => {
            self_heal::insert(tx, run, started.heal)?;
            phases::write(tx, run)
        }
        Event::HealSuccess(settled) => {
            self_heal::settle(tx, run, settled.heal)?;
            phases::write(tx, run)
        }
        Event::HealFailed(settled) => {
            self_heal::settle(tx, run, settled.heal)?;
            steps::replace(tx, run)?;
            phases::write(tx, run)
        }
        Event::AnalysisStarted(started) => executions::insert(tx, run, started.execution.id),
        Event::CandidateStarted(started) => executions::insert(tx, run, started.execution.id),
        Event::AnalysisCompleted(completed) => executions::end(tx, run, completed.execution),
        Event::AnalysisError(error) => executions::end(tx, run, error.execution),
        Event::CandidateCompleted(completed) => executions::end(tx, run, completed.execution),
        Event::CandidateError(error) => executions::end(tx, run, error.execution),
        Event::CandidateChosen(_) => Ok(()),
        Event::CheckCompleted(completed) => check_completed(tx, run, completed, record),
        Event::FindingRecorded { finding, .. } => findings::insert(tx, run, finding.id, record.at),
    }
}

fn phase_started(tx: &Connection, run: &Run, started: &PhaseStarted) -> Result<(), StoreError> {
    phases::write(tx, run)?;
    if started.phase == Phase::Builder {
        steps::replace(tx, run)?;
    }
    match &started.execution {
        Some(execution) => executions::insert(tx, run, execution.id),
        None => Ok(()),
    }
}

fn phase_completed(
    tx: &Connection,
    run: &Run,
    completed: &PhaseCompleted,
) -> Result<(), StoreError> {
    phases::leave(tx, run, completed.phase)?;
    phases::write(tx, run)?;
    if let Some(execution) = completed.execution {
        executions::end(tx, run, execution)?;
    }
    if completed.phase == Phase::Planner {
        steps::replace(tx, run)?;
    }
    Ok(())
}

fn phase_error(tx: &Connection, run: &Run, error: &PhaseError) -> Result<(), StoreError> {
    phases::leave(tx, run, error.phase)?;
    phases::write(tx, run)?;
    let Some(execution) = error.execution else {
        return Ok(());
    };
    if error.step.is_none() {
        executions::end(tx, run, execution)?;
    }
    executions::explain(tx, run, execution, &error.failure)
}

fn check_completed(
    tx: &Connection,
    run: &Run,
    completed: &CheckCompleted,
    record: &Record,
) -> Result<(), StoreError> {
    checks::insert(tx, run, completed, record.at)?;
    completed
        .resolved
        .iter()
        .try_for_each(|id| findings::resolve(tx, run, *id, record.at))
}

/// The place of the `count`-th row of a list that counts from 1.
pub(super) fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
