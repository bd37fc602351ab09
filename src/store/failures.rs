//! `failures`: what went wrong in runs, one row each time that a phase failed, and what healed it.

mod report;

pub(super) use report::rates_of;
pub use report::{FailureGroup, FailureReport, HealsOfKind, QuarantinedTest, Rates};

use rusqlite::{Connection, OptionalExtension, Row, named_params};
use serde::Serialize;

use super::error::StoreError;
use super::events;
use crate::domain::event::{AnalysisCompleted, Event, PhaseError};
use crate::domain::failure::Failure;
use crate::domain::run::Standing;
use crate::domain::{Digest, ExecutionId, HealId, Record, Run, RunId, StepId};

/// A failure of a phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailureObject {
    /// The place of its event in the run.
    pub seq: u64,
    /// The phase that failed.
    pub phase: String,
    /// The step that failed, if one did.
    pub step: Option<StepId>,
    /// The execution that failed, if one did.
    pub execution_id: Option<ExecutionId>,
    /// Its class, as it was seen last.
    pub error_type: String,
    /// Where it comes from: `human`, `model`, `infra` or `code`.
    pub origin: String,
    /// Recognises it.
    pub signature: Digest,
    /// It in one line.
    pub message: String,
    /// The line that is the root cause, if one is known.
    pub root_cause: Option<String>,
    /// The repair after which it was gone.
    pub healed_by: Option<HealId>,
    /// Whether the run stands on it, or went on without its step.
    pub open: bool,
    /// When it happened.
    pub created_at: String,
}

const COLUMNS: &str = "f.seq, f.phase, f.step, f.execution_id, f.error_type, f.origin, f.signature, f.message, \
                       f.root_cause, f.healed_by, f.stands, f.created_at";

impl FailureObject {
    /// From a row of [`COLUMNS`].
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get::<_, i64>(0)?.unsigned_abs(),
            phase: row.get(1)?,
            step: row.get::<_, Option<String>>(2)?.map(StepId),
            execution_id: row.get::<_, Option<u32>>(3)?.map(ExecutionId),
            error_type: row.get(4)?,
            origin: row.get(5)?,
            signature: Digest::from(row.get::<_, String>(6)?.as_str()),
            message: row.get(7)?,
            root_cause: row.get(8)?,
            healed_by: row.get::<_, Option<u32>>(9)?.map(HealId),
            open: row.get(10)?,
            created_at: row.get(11)?,
        })
    }
}

/// The failures of a run, in order.
pub(super) fn of_run(tx: &Connection, run: RunId) -> Result<Vec<FailureObject>, StoreError> {
    let mut statement = tx.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM failures f WHERE f.run_id = :run ORDER BY f.seq"
    ))?;
    let rows = statement.query_map(named_params! {":run": run.0}, FailureObject::read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Writes what an event says of failures; `run` is the run after it.
pub(super) fn project(tx: &Connection, record: &Record, run: &Run) -> Result<(), StoreError> {
    match &record.event {
        Event::PhaseError(error) => insert(tx, record, error),
        Event::AnalysisCompleted(completed) => see_anew(tx, run, completed),
        Event::HealSuccess(settled) => heal(tx, run, settled.heal),
        _ => Ok(()),
    }
}

fn insert(tx: &Connection, record: &Record, error: &PhaseError) -> Result<(), StoreError> {
    let failure = &error.failure;
    tx.prepare_cached(
        "INSERT INTO failures (run_id, seq, phase, step, execution_id, error_type, origin,
                               signature, message, root_cause, created_at)
         VALUES (:run, :seq, :phase, :step, :execution, :error_type, :origin,
                 :signature, :message, :root_cause, :at)",
    )?
    .execute(named_params! {
        ":run": record.run.0,
        ":seq": i64::try_from(record.seq).unwrap_or(i64::MAX),
        ":phase": error.phase.as_str(),
        ":step": error.step.as_ref().map(StepId::as_str),
        ":execution": error.execution.map(|id| id.0),
        ":error_type": failure.error_type.as_str(),
        ":origin": failure.origin.as_str(),
        ":signature": failure.signature.as_str(),
        ":message": failure.message,
        ":root_cause": failure.root_cause,
        ":at": record.at.to_string(),
    })?;
    Ok(())
}

/// Writes how the failure that stands is seen since somebody was asked about it.
fn see_anew(tx: &Connection, run: &Run, completed: &AnalysisCompleted) -> Result<(), StoreError> {
    let Some(failure) = &completed.failure else {
        return Ok(());
    };
    let Some(seq) = standing(tx, run)? else {
        return Ok(());
    };
    tx.prepare_cached(
        "UPDATE failures SET error_type = :error_type, origin = :origin, message = :message,
                             root_cause = :root_cause
         WHERE run_id = :run AND seq = :seq",
    )?
    .execute(named_params! {
        ":run": run.id.0,
        ":seq": seq,
        ":error_type": failure.error_type.as_str(),
        ":origin": failure.origin.as_str(),
        ":message": failure.message,
        ":root_cause": failure.root_cause,
    })?;
    Ok(())
}

/// Writes that a repair was kept and what it was for is gone; it may have been there several times.
fn heal(tx: &Connection, run: &Run, id: HealId) -> Result<(), StoreError> {
    let Some(heal) = run.heals.iter().find(|heal| heal.id == id) else {
        return Ok(());
    };
    let stays = |standing: &Standing| standing.failure.signature == heal.signature;
    if run.failure.as_ref().is_some_and(stays) {
        return Ok(());
    }
    tx.prepare_cached(
        "UPDATE failures SET healed_by = :heal
         WHERE run_id = :run AND signature = :signature AND healed_by IS NULL",
    )?
    .execute(named_params! {
        ":run": run.id.0,
        ":heal": id.0,
        ":signature": heal.signature.as_str(),
    })?;
    Ok(())
}

/// Writes which failures stand, where that has changed.
pub(super) fn mark(tx: &Connection, run: &Run) -> Result<(), StoreError> {
    let abandoned = run.steps.iter().filter(|step| step.abandoned);
    let abandoned: Vec<&str> = abandoned.map(|step| step.id.as_str()).collect();
    tx.prepare_cached(
        "UPDATE failures SET stands = NOT stands
         WHERE run_id = :run AND stands <> (seq = :standing OR healed_by IS NULL
           AND coalesce(step, '') IN (SELECT value FROM json_each(:abandoned)))",
    )?
    .execute(named_params! {
        ":run": run.id.0,
        ":standing": standing(tx, run)?.unwrap_or(-1),
        ":abandoned": serde_json::to_string(&abandoned)?,
    })?;
    Ok(())
}

/// The place of the failure that stands, or that a repair under way is for.
fn standing(tx: &Connection, run: &Run) -> Result<Option<i64>, StoreError> {
    let target = run.heal.as_ref().map(|heal| &heal.target);
    let Some(standing) = run.failure.as_ref().or(target) else {
        return Ok(None);
    };
    let Failure { signature, .. } = &standing.failure;
    let seq = tx
        .prepare_cached(
            "SELECT max(seq) FROM failures
             WHERE run_id = :run AND signature = :signature AND phase = :phase",
        )?
        .query_row(
            named_params! {
                ":run": run.id.0,
                ":signature": signature.as_str(),
                ":phase": standing.phase.as_str(),
            },
            |row| row.get(0),
        )
        .optional()?;
    Ok(seq.flatten())
}

/// Makes the rows of all runs of a record that had no such table. A run that cannot be followed has
/// none: checking the record tells of it.
pub(super) fn make_all(tx: &Connection) -> Result<(), StoreError> {
    for id in events::runs(tx)? {
        let Ok(records) = events::after(tx, id, 0) else {
            continue;
        };
        let mut run: Option<Run> = None;
        for record in &records {
            let next = match run.take() {
                None => Run::begin(record),
                Some(mut run) => run.apply(record).map(|()| run),
            };
            let Ok(next) = next else { break };
            project(tx, record, &next)?;
            run = Some(next);
        }
        if let Some(run) = run {
            mark(tx, &run)?;
        }
    }
    Ok(())
}
