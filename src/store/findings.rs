//! `findings`: what checks said about the tree.

use jiff::Timestamp;
use rusqlite::{Connection, named_params};

use super::error::{StoreError, exactly_one};
use crate::domain::run::FindingState;
use crate::domain::{FindingId, Run};

/// Writes a finding that is new.
pub(super) fn insert(
    tx: &Connection,
    run: &Run,
    id: FindingId,
    at: Timestamp,
) -> Result<(), StoreError> {
    let missing = || StoreError::Conflict(format!("run {} is to have finding {id}", run.id));
    let is_it = |state: &&FindingState| state.finding.id == id;
    let state = run.findings.iter().find(is_it).ok_or_else(missing)?;
    let seen = &state.finding.observation;
    tx.prepare_cached(
        "INSERT INTO findings (run_id, id, execution_id, \"check\", severity, category, message,
                               location, resolved, created_at)
         VALUES (:run, :id, :execution, :check, :severity, :category, :message,
                 :location, 0, :at)",
    )?
    .execute(named_params! {
        ":run": run.id.0,
        ":id": id.0,
        ":execution": state.execution.0,
        ":check": state.finding.check,
        ":severity": seen.severity.as_str(),
        ":category": seen.category.as_str(),
        ":message": seen.message,
        ":location": seen.location,
        ":at": at.to_string(),
    })?;
    Ok(())
}

/// Writes that a finding is gone. The rules of a run allow to say so again.
pub(super) fn resolve(
    tx: &Connection,
    run: &Run,
    id: FindingId,
    at: Timestamp,
) -> Result<(), StoreError> {
    let changed = tx
        .prepare_cached(
            "UPDATE findings SET resolved = 1, resolved_at = :at WHERE run_id = :run AND id = :id",
        )?
        .execute(named_params! {":run": run.id.0, ":id": id.0, ":at": at.to_string()})?;
    exactly_one(changed, || {
        format!("run {} is to have finding {id}", run.id)
    })
}
