//! `checks`: the checks that ran, and what they said.

use jiff::Timestamp;
use rusqlite::{Connection, named_params};

use super::error::StoreError;
use super::projection::number;
use crate::domain::Run;
use crate::domain::check::CheckScope;
use crate::domain::event::CheckCompleted;

/// Writes the check that ran last.
pub(super) fn insert(
    tx: &Connection,
    run: &Run,
    completed: &CheckCompleted,
    at: Timestamp,
) -> Result<(), StoreError> {
    let result = &completed.result;
    tx.prepare_cached(
        "INSERT INTO checks (run_id, id, execution_id, name, kind, scope, tree, command, exit_code,
                             status, duration_ms, note, created_at)
         VALUES (:run, :id, :execution, :name, :kind, :scope, :tree, :command, :exit_code,
                 :status, :duration_ms, :note, :at)",
    )?
    .execute(named_params! {
        ":run": run.id.0,
        ":id": number(run.checks.len()),
        ":execution": completed.execution.0,
        ":name": result.name,
        ":kind": result.kind.as_str(),
        ":scope": scope(result.scope),
        ":tree": result.tree.as_str(),
        ":command": result.command,
        ":exit_code": result.exit_code,
        ":status": result.status.as_str(),
        ":duration_ms": i64::try_from(result.duration_ms).unwrap_or(i64::MAX),
        ":note": result.note,
        ":at": at.to_string(),
    })?;
    Ok(())
}

fn scope(scope: CheckScope) -> &'static str {
    match scope {
        CheckScope::Base => "base",
        CheckScope::Step => "step",
        CheckScope::Final => "final",
    }
}
