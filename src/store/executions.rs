//! `executions`: the attempts of agents at phases and steps.

use rusqlite::{Connection, named_params};

use super::error::{StoreError, exactly_one};
use crate::domain::run::ExecutionState;
use crate::domain::{ExecutionId, Failure, Run, StepId};

/// `error_stack` holds so many bytes of a failure's evidence at most; the event holds all of it.
const STACK: usize = 512;

/// Writes an execution that begins.
pub(super) fn insert(tx: &Connection, run: &Run, id: ExecutionId) -> Result<(), StoreError> {
    let execution = find(run, id)?;
    tx.prepare_cached(
        "INSERT INTO executions (run_id, id, phase, step_id, attempt_number, agent, agent_version,
                                 model, prompt_version, tree, status, started_at)
         VALUES (:run, :id, :phase, :step, :attempt, :agent, :agent_version,
                 :model, :prompt_version, :tree, :status, :started_at)",
    )?
    .execute(named_params! {
        ":run": run.id.0,
        ":id": id.0,
        ":phase": execution.phase.as_str(),
        ":step": execution.step.as_ref().map(StepId::as_str),
        ":attempt": execution.attempt,
        ":agent": execution.agent.as_str(),
        ":agent_version": execution.agent.versioned(),
        ":model": execution.model,
        ":prompt_version": execution.prompt_version,
        ":tree": execution.tree.as_str(),
        ":status": execution.status.as_str(),
        ":started_at": execution.started_at.to_string(),
    })?;
    Ok(())
}

/// Writes the end of an execution that is expected to be at work.
pub(super) fn end(tx: &Connection, run: &Run, id: ExecutionId) -> Result<(), StoreError> {
    let execution = find(run, id)?;
    let changed = tx
        .prepare_cached(
            "UPDATE executions
             SET status = :status, error_type = :error_type, error_message = :error_message,
                 completed_at = :completed_at
             WHERE run_id = :run AND id = :id AND status = 'running'",
        )?
        .execute(named_params! {
            ":run": run.id.0,
            ":id": id.0,
            ":status": execution.status.as_str(),
            ":error_type": execution.error_type.map(|error| error.as_str()),
            ":error_message": execution.error_message,
            ":completed_at": execution.ended_at.map(|at| at.to_string()),
        })?;
    exactly_one(changed, || expected(run, id))
}

/// Adds the evidence of the failure that ended an execution.
pub(super) fn explain(
    tx: &Connection,
    run: &Run,
    id: ExecutionId,
    failure: &Failure,
) -> Result<(), StoreError> {
    let evidence = &failure.evidence;
    let end = evidence.floor_char_boundary(STACK);
    let stack = (!evidence.is_empty()).then(|| &evidence[..end]);
    tx.prepare_cached(
        "UPDATE executions SET error_stack = :stack WHERE run_id = :run AND id = :id",
    )?
    .execute(named_params! {":run": run.id.0, ":id": id.0, ":stack": stack})?;
    Ok(())
}

/// Writes that a run has left behind whatever was at work.
pub(super) fn interrupt(tx: &Connection, run: &Run) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE executions SET status = 'interrupted' WHERE run_id = :run AND status = 'running'",
    )?
    .execute(named_params! {":run": run.id.0})?;
    Ok(())
}

fn find(run: &Run, id: ExecutionId) -> Result<&ExecutionState, StoreError> {
    run.execution(id)
        .ok_or_else(|| StoreError::Conflict(expected(run, id)))
}

fn expected(run: &Run, id: ExecutionId) -> String {
    format!("execution {id} of run {} is to be running", run.id)
}
