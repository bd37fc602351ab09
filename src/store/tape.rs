//! `tape`: the calls of executions, and what came of them.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, Rows, named_params};

use super::Store;
use super::codec::Json;
use super::error::{StoreError, exactly_one};
use crate::domain::budget::Usage;
use crate::domain::tape::{Answer, Call, ModelCall, TapeEntry};
use crate::domain::{ExecutionId, RunId};

impl Store {
    /// The tape of an execution, in order.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn tape(&self, run: RunId, execution: ExecutionId) -> Result<Vec<TapeEntry>, StoreError> {
        self.read(|tx| of_execution(tx, run, execution))
    }

    /// What the answered model calls of a run used together.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn usage(&self, run: RunId) -> Result<Usage, StoreError> {
        self.read(|tx| usage(tx, run))
    }

    /// The same, apart for each execution that called a model.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn usage_by_execution(
        &self,
        run: RunId,
    ) -> Result<BTreeMap<ExecutionId, Usage>, StoreError> {
        self.read(|tx| usage_by_execution(tx, run))
    }

    /// The replies of a script that the recorded intents of a run name, in order; those of lost
    /// calls are not counted, because the call that takes their place has the same.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn script_uses(&self, run: RunId, provider: &str) -> Result<Vec<u32>, StoreError> {
        self.read(|tx| {
            let mut statement = tx.prepare_cached(
                "SELECT reply FROM tape
                 WHERE run_id = :run AND provider = :provider AND reply IS NOT NULL
                 ORDER BY execution_id, ordinal",
            )?;
            let rows = statement.query_map(
                named_params! {":run": run.0, ":provider": provider},
                |row| row.get(0),
            )?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

pub(super) fn insert(
    tx: &Connection,
    run: RunId,
    execution: ExecutionId,
    ordinal: u32,
    call: &Call,
) -> Result<(), StoreError> {
    let model: Option<&ModelCall> = match call {
        Call::Model(model) => Some(model),
        _ => None,
    };
    tx.prepare_cached(
        "INSERT INTO tape (run_id, execution_id, ordinal, kind, model, provider, reply,
                           reserved_tokens, reserved_usd, call)
         VALUES (:run, :execution, :ordinal, :kind, :model, :provider, :reply,
                 :reserved_tokens, :reserved_usd, :call)",
    )?
    .execute(named_params! {
        ":run": run.0,
        ":execution": execution.0,
        ":ordinal": ordinal,
        ":kind": kind(call),
        ":model": model.map(|model| &model.model),
        ":provider": model.map(|model| &model.provider),
        ":reply": model.and_then(|model| model.reply),
        ":reserved_tokens": model.map(|model| whole(model.reserved_tokens)),
        ":reserved_usd": model.map(|model| model.reserved_usd),
        ":call": Json(serde_json::to_string(call)?),
    })?;
    Ok(())
}

pub(super) fn answer(
    tx: &Connection,
    run: RunId,
    execution: ExecutionId,
    ordinal: u32,
    answer: &Answer,
) -> Result<(), StoreError> {
    let usage = match answer {
        Answer::Model(model) => Some(model.usage),
        _ => None,
    };
    let lost = matches!(answer, Answer::Lost);
    let changed = tx
        .prepare_cached(
            "UPDATE tape
             SET answer = :answer, input_tokens = :input, cached_input_tokens = :cached,
                 output_tokens = iif(:lost, reserved_tokens, :output),
                 reasoning_tokens = :reasoning,
                 cost_usd = iif(:lost, reserved_usd, :cost),
                 reply = iif(:lost, NULL, reply)
             WHERE run_id = :run AND execution_id = :execution AND ordinal = :ordinal
               AND answer IS NULL",
        )?
        .execute(named_params! {
            ":run": run.0,
            ":execution": execution.0,
            ":ordinal": ordinal,
            ":answer": Json(serde_json::to_string(answer)?),
            ":input": usage.map(|usage| whole(usage.input_tokens)),
            ":cached": usage.map(|usage| whole(usage.cached_input_tokens)),
            ":output": usage.map(|usage| whole(usage.output_tokens)),
            ":reasoning": usage.map(|usage| whole(usage.reasoning_tokens)),
            ":cost": usage.map(|usage| usage.cost_usd),
            ":lost": lost,
        })?;
    exactly_one(changed, || {
        format!("call {ordinal} of execution {execution} of run {run} is to be unanswered")
    })
}

fn kind(call: &Call) -> &'static str {
    match call {
        Call::Model(_) => "model",
        Call::Tool(_) => "tool",
        Call::Checks => "checks",
        Call::Commit { .. } => "commit",
    }
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get(column).map(i64::unsigned_abs)
}

fn of_execution(
    tx: &Connection,
    run: RunId,
    execution: ExecutionId,
) -> Result<Vec<TapeEntry>, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT execution_id, ordinal, call, answer FROM tape
         WHERE run_id = :run AND execution_id = :execution ORDER BY ordinal",
    )?;
    entries(
        run,
        statement.query(named_params! {":run": run.0, ":execution": execution.0})?,
    )
}

/// The tapes of a run, one after the other.
pub(super) fn of_run(tx: &Connection, run: RunId) -> Result<Vec<TapeEntry>, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT execution_id, ordinal, call, answer FROM tape
         WHERE run_id = :run ORDER BY execution_id, ordinal",
    )?;
    entries(run, statement.query(named_params! {":run": run.0})?)
}

fn entries(run: RunId, mut rows: Rows<'_>) -> Result<Vec<TapeEntry>, StoreError> {
    let mut tape = Vec::new();
    while let Some(row) = rows.next()? {
        let (execution, ordinal): (u32, u32) = (row.get(0)?, row.get(1)?);
        let unreadable = |error: serde_json::Error| StoreError::Unreadable {
            run,
            reason: format!("call {ordinal} of execution {execution}: {error}"),
        };
        let Json(call) = row.get(2)?;
        let answer: Option<Json> = row.get(3)?;
        tape.push(TapeEntry {
            ordinal,
            call: serde_json::from_str(&call).map_err(unreadable)?,
            answer: answer
                .map(|Json(answer)| serde_json::from_str(&answer))
                .transpose()
                .map_err(unreadable)?,
        });
    }
    Ok(tape)
}

/// Of the rows that are selected: the columns that [`read_usage`] reads. A call that failed is a
/// call, too.
const SUMS: &str = "count(*), coalesce(sum(input_tokens), 0),
    coalesce(sum(cached_input_tokens), 0), coalesce(sum(output_tokens), 0),
    coalesce(sum(reasoning_tokens), 0), total(cost_usd)";

fn read_usage(row: &Row<'_>) -> rusqlite::Result<Usage> {
    Ok(Usage {
        model_calls: count(row, 0)?,
        input_tokens: count(row, 1)?,
        cached_input_tokens: count(row, 2)?,
        output_tokens: count(row, 3)?,
        reasoning_tokens: count(row, 4)?,
        cost_usd: row.get(5)?,
    })
}

pub(super) fn usage(tx: &Connection, run: RunId) -> Result<Usage, StoreError> {
    let sum = tx
        .prepare_cached(&format!(
            "SELECT {SUMS} FROM tape
             WHERE run_id = :run AND kind = 'model' AND answer IS NOT NULL"
        ))?
        .query_row(named_params! {":run": run.0}, read_usage)?;
    Ok(sum)
}

pub(super) fn usage_by_execution(
    tx: &Connection,
    run: RunId,
) -> Result<BTreeMap<ExecutionId, Usage>, StoreError> {
    let mut statement = tx.prepare_cached(&format!(
        "SELECT {SUMS}, execution_id FROM tape
         WHERE run_id = :run AND kind = 'model' AND answer IS NOT NULL
         GROUP BY execution_id"
    ))?;
    let rows = statement.query_map(named_params! {":run": run.0}, |row| {
        Ok((ExecutionId(row.get(6)?), read_usage(row)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
