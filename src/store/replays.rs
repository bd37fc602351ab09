//! `replays`: runs that were forked from another one, and how they compare with it.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, named_params};

use super::error::{StoreError, exactly_one};
use crate::domain::replay::Replay;
use crate::domain::{Run, RunId};

/// Writes a fork that begins.
pub(super) fn insert(tx: &Connection, run: &Run, at: Timestamp) -> Result<(), StoreError> {
    let replay = expect(run)?;
    tx.prepare_cached(
        "INSERT INTO replays (run_id, source_run_id, seq, phase, mode, executions, created_at)
         VALUES (:run, :source, :seq, :phase, :mode, :executions, :at)",
    )?
    .execute(named_params! {
        ":run": run.id.0,
        ":source": replay.source.0,
        ":seq": i64::try_from(replay.seq).unwrap_or(i64::MAX),
        ":phase": replay.phase.as_str(),
        ":mode": replay.mode.as_str(),
        ":executions": replay.executions,
        ":at": at.to_string(),
    })?;
    Ok(())
}

/// Writes how a fork compares with its source, which is not known yet.
pub(super) fn compare(tx: &Connection, run: &Run) -> Result<(), StoreError> {
    let comparison = expect(run)?
        .comparison
        .as_ref()
        .ok_or_else(|| StoreError::Conflict(format!("run {} is not compared", run.id)))?;
    let divergence = comparison.divergence.as_ref();
    let changed = tx
        .prepare_cached(
            "UPDATE replays SET result = :result, divergence = :divergence, notes = :notes
             WHERE run_id = :run AND result IS NULL",
        )?
        .execute(named_params! {
            ":run": run.id.0,
            ":result": comparison.result.as_str(),
            ":divergence": divergence.map(serde_json::to_string).transpose()?,
            ":notes": serde_json::to_string(&comparison.notes)?,
        })?;
    exactly_one(changed, || {
        format!("the replay {} is not to be compared yet", run.id)
    })
}

/// The source of a fork, and how many of its executions were begun before the fork.
pub(super) fn fork(tx: &Connection, run: RunId) -> Result<Option<(RunId, u32)>, StoreError> {
    let fork = tx
        .prepare_cached("SELECT source_run_id, executions FROM replays WHERE run_id = :run")?
        .query_row(named_params! {":run": run.0}, |row| {
            Ok((RunId(row.get(0)?), row.get(1)?))
        })
        .optional()?;
    Ok(fork)
}

/// The runs that were forked from one, in order.
pub(super) fn forks(tx: &Connection, source: RunId) -> Result<Vec<RunId>, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT run_id FROM replays WHERE source_run_id = :source ORDER BY run_id",
    )?;
    let ids = statement.query_map(named_params! {":source": source.0}, |row| {
        row.get(0).map(RunId)
    })?;
    Ok(ids.collect::<Result<_, _>>()?)
}

fn expect(run: &Run) -> Result<&Replay, StoreError> {
    run.replay
        .as_ref()
        .ok_or_else(|| StoreError::Conflict(format!("run {} is no fork", run.id)))
}
