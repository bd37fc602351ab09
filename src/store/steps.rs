//! `steps`: the steps of a run's plan, and where they stand.

use rusqlite::{Connection, named_params};

use super::error::{StoreError, exactly_one};
use super::projection::number;
use crate::domain::step::StepStatus;
use crate::domain::{CommitId, Run, StepId};

/// Writes one step, expected to stand where `expected` says.
pub(super) fn update(
    tx: &Connection,
    run: &Run,
    id: &StepId,
    expected: StepStatus,
) -> Result<(), StoreError> {
    let what = || {
        let expected = expected.as_str();
        format!("step {id} of run {} is to be {expected}", run.id)
    };
    let Some(step) = run.step(id) else {
        return Err(StoreError::Conflict(what()));
    };
    let changed = tx
        .prepare_cached(
            "UPDATE steps
             SET status = :status, attempts = :attempts, abandoned = :abandoned,
                 \"commit\" = :commit, summary = :summary
             WHERE run_id = :run AND id = :id AND status = :expected",
        )?
        .execute(named_params! {
            ":run": run.id.0,
            ":id": id.as_str(),
            ":status": step.status.as_str(),
            ":attempts": step.attempts,
            ":abandoned": step.abandoned,
            ":commit": step.commit.as_ref().map(CommitId::as_str),
            ":summary": step.summary,
            ":expected": expected.as_str(),
        })?;
    exactly_one(changed, what)
}

/// Writes all steps, after an event that may change the plan or move several of them.
pub(super) fn replace(tx: &Connection, run: &Run) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM steps WHERE run_id = :run")?
        .execute(named_params! {":run": run.id.0})?;
    for (index, step) in run.steps.iter().enumerate() {
        let planned = run.plan.as_ref().and_then(|plan| plan.step(&step.id));
        tx.prepare_cached(
            "INSERT INTO steps (run_id, id, position, name, critical, status, attempts, abandoned,
                                \"commit\", summary)
             VALUES (:run, :id, :position, :name, :critical, :status, :attempts, :abandoned,
                     :commit, :summary)",
        )?
        .execute(named_params! {
            ":run": run.id.0,
            ":id": step.id.as_str(),
            ":position": number(index + 1),
            ":name": planned.map_or("", |planned| planned.name.as_str()),
            ":critical": planned.is_none_or(|planned| planned.critical),
            ":status": step.status.as_str(),
            ":attempts": step.attempts,
            ":abandoned": step.abandoned,
            ":commit": step.commit.as_ref().map(CommitId::as_str),
            ":summary": step.summary,
        })?;
    }
    Ok(())
}
