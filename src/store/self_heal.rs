//! `self_heal`: the repairs of runs, and what became of them.

use rusqlite::{Connection, named_params};

use super::error::{StoreError, exactly_one};
use super::inspect::HealObject;
use crate::domain::run::HealState;
use crate::domain::{HealId, Run, TreeId};

/// Writes a repair that begins.
pub(super) fn insert(tx: &Connection, run: &Run, id: HealId) -> Result<(), StoreError> {
    let object = HealObject::of(run, find(run, id)?);
    tx.prepare_cached(
        "INSERT INTO self_heal (run_id, id, phase, execution_id, error_type, signature,
                                heal_action, heal_output, before_tree, tokens, cost, created_at)
         VALUES (:run, :id, :phase, :execution, :error_type, :signature,
                 :heal_action, :heal_output, :before_tree, 0, 0, :created_at)",
    )?
    .execute(named_params! {
        ":run": run.id.0,
        ":id": id.0,
        ":phase": object.phase.to_string(),
        ":execution": object.execution_id.map(|id| id.0),
        ":error_type": object.error_type.as_str(),
        ":signature": object.signature.as_str(),
        ":heal_action": object.heal_action,
        ":heal_output": object.heal_output.to_string(),
        ":before_tree": object.before_tree.as_str(),
        ":created_at": object.created_at.to_string(),
    })?;
    Ok(())
}

/// Writes what became of a repair that is expected to be open.
pub(super) fn settle(tx: &Connection, run: &Run, id: HealId) -> Result<(), StoreError> {
    let changed = write_end(tx, run, id)?;
    exactly_one(changed, || expected(run, id))
}

/// Writes that the last repair was left behind, if it was still open.
pub(super) fn settle_left_behind(tx: &Connection, run: &Run) -> Result<(), StoreError> {
    match run.heals.last() {
        Some(heal) => write_end(tx, run, heal.id).map(drop),
        None => Ok(()),
    }
}

fn write_end(tx: &Connection, run: &Run, id: HealId) -> Result<usize, StoreError> {
    let object = HealObject::of(run, find(run, id)?);
    let changed = tx
        .prepare_cached(
            "UPDATE self_heal
             SET verdict = :verdict, after_tree = :after_tree, heal_output = :heal_output,
                 tokens = :tokens, cost = :cost
             WHERE run_id = :run AND id = :id AND verdict IS NULL",
        )?
        .execute(named_params! {
            ":run": run.id.0,
            ":id": id.0,
            ":verdict": object.verdict,
            ":after_tree": object.after_tree.as_ref().map(TreeId::as_str),
            ":heal_output": object.heal_output.to_string(),
            ":tokens": i64::try_from(object.tokens).unwrap_or(i64::MAX),
            ":cost": object.cost,
        })?;
    Ok(changed)
}

fn find(run: &Run, id: HealId) -> Result<&HealState, StoreError> {
    run.heals
        .iter()
        .find(|heal| heal.id == id)
        .ok_or_else(|| StoreError::Conflict(expected(run, id)))
}

fn expected(run: &Run, id: HealId) -> String {
    format!("heal {id} of run {} is to be open", run.id)
}
