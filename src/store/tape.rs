//! `tape`: the calls of executions, and what came of them.

use std::collections::BTreeMap;

use rusqlite::types::Value as Column;
use rusqlite::{Connection, Row, Rows, named_params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::codec::{self, Json};
use super::error::{StoreError, exactly_one};
use super::{Store, replays, runs};
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
        self.read(|tx| runs::usage(tx, run))
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

    /// The replies of a script that the recorded intents of a run name, in order, after those of
    /// the runs that it was forked from, as far as it shares their course. Those of lost calls are
    /// not counted, because the call that takes their place has the same.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn script_uses(&self, run: RunId, provider: &str) -> Result<Vec<u32>, StoreError> {
        self.read(|tx| script_uses(tx, run, provider, u32::MAX))
    }
}

/// The same, of executions up to `last`.
fn script_uses(
    tx: &Connection,
    run: RunId,
    provider: &str,
    last: u32,
) -> Result<Vec<u32>, StoreError> {
    let mut uses = match replays::fork(tx, run)? {
        Some((source, shared)) => script_uses(tx, source, provider, shared.min(last))?,
        None => Vec::new(),
    };
    let mut statement = tx.prepare_cached(
        "SELECT reply FROM tape
         WHERE run_id = :run AND provider = :provider AND reply IS NOT NULL
           AND execution_id <= :last
         ORDER BY execution_id, ordinal",
    )?;
    let rows = statement.query_map(
        named_params! {":run": run.0, ":provider": provider, ":last": last},
        |row| row.get(0),
    )?;
    for reply in rows {
        uses.push(reply?);
    }
    Ok(uses)
}

pub(super) fn insert(
    tx: &Connection,
    run: RunId,
    execution: ExecutionId,
    ordinal: u32,
    call: &Call,
    text: &Column,
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
        ":call": text,
    })?;
    Ok(())
}

pub(super) fn answer(
    tx: &Connection,
    run: RunId,
    execution: ExecutionId,
    ordinal: u32,
    answer: &Answer,
    text: &Column,
) -> Result<(), StoreError> {
    let usage = match answer {
        Answer::Model(model) => Some(model.usage),
        _ => None,
    };
    let lost = matches!(answer, Answer::Lost);
    let spent =
        lost || matches!(answer, Answer::ModelFailed(failure) if failure.kind.may_have_cost());
    let changed = tx
        .prepare_cached(
            "UPDATE tape
             SET answer = :answer, input_tokens = :input, cached_input_tokens = :cached,
                 output_tokens = iif(:spent, reserved_tokens, :output),
                 reasoning_tokens = :reasoning,
                 cost_usd = iif(:spent, reserved_usd, :cost),
                 reply = iif(:lost, NULL, reply)
             WHERE run_id = :run AND execution_id = :execution AND ordinal = :ordinal
               AND answer IS NULL",
        )?
        .execute(named_params! {
            ":run": run.0,
            ":execution": execution.0,
            ":ordinal": ordinal,
            ":answer": text,
            ":input": usage.map(|usage| whole(usage.input_tokens)),
            ":cached": usage.map(|usage| whole(usage.cached_input_tokens)),
            ":output": usage.map(|usage| whole(usage.output_tokens)),
            ":reasoning": usage.map(|usage| whole(usage.reasoning_tokens)),
            ":cost": usage.map(|usage| usage.cost_usd),
            ":lost": lost,
            ":spent": spent,
        })?;
    exactly_one(changed, || {
        format!("call {ordinal} of execution {execution} of run {run} is to be unanswered")
    })?;
    match answer {
        Answer::Model(_) | Answer::ModelFailed(_) | Answer::Lost => runs::use_up(tx, run),
        _ => Ok(()),
    }
}

fn kind(call: &Call) -> &'static str {
    match call {
        Call::Model(_) => "model",
        Call::Tool(_) => "tool",
        Call::Checks => "checks",
        Call::Commit { .. } => "commit",
    }
}

pub(super) fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get(column).map(i64::unsigned_abs)
}

/// The fields of a model call that have columns of their own.
const CALL_COLUMNS: [&str; 5] = [
    "model",
    "provider",
    "reply",
    "reserved_tokens",
    "reserved_usd",
];

/// A call as it is kept beside its columns.
pub(super) fn call_text(call: &Call) -> Result<Column, StoreError> {
    Ok(codec::column(match call {
        Call::Model(_) => without(call, &CALL_COLUMNS)?,
        _ => serde_json::to_string(call)?,
    }))
}

/// An answer as it is kept beside its columns.
pub(super) fn answer_text(answer: &Answer) -> Result<Column, StoreError> {
    Ok(codec::column(match answer {
        Answer::Model(_) => without(answer, &["usage"])?,
        _ => serde_json::to_string(answer)?,
    }))
}

fn without(entry: &impl Serialize, columns: &[&str]) -> serde_json::Result<String> {
    let mut entry = serde_json::to_value(entry)?;
    if let Some(fields) = entry.as_object_mut() {
        fields.retain(|name, _| !columns.contains(&name.as_str()));
    }
    serde_json::to_string(&entry)
}

pub(super) fn of_execution(
    tx: &Connection,
    run: RunId,
    execution: ExecutionId,
) -> Result<Vec<TapeEntry>, StoreError> {
    let mut statement = tx.prepare_cached(&format!(
        "SELECT {ENTRY} FROM tape
         WHERE run_id = :run AND execution_id = :execution ORDER BY ordinal"
    ))?;
    entries(
        run,
        statement.query(named_params! {":run": run.0, ":execution": execution.0})?,
    )
}

/// The tapes of a run, one after the other.
pub(super) fn of_run(tx: &Connection, run: RunId) -> Result<Vec<TapeEntry>, StoreError> {
    let mut statement = tx.prepare_cached(&format!(
        "SELECT {ENTRY} FROM tape WHERE run_id = :run ORDER BY execution_id, ordinal"
    ))?;
    entries(run, statement.query(named_params! {":run": run.0})?)
}

/// The columns of an entry.
const ENTRY: &str = "execution_id, ordinal, kind, model, provider, reply, reserved_tokens,
    reserved_usd, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, cost_usd,
    call, answer";

fn entries(run: RunId, mut rows: Rows<'_>) -> Result<Vec<TapeEntry>, StoreError> {
    let mut tape = Vec::new();
    while let Some(row) = rows.next()? {
        let (execution, ordinal): (u32, u32) = (row.get(0)?, row.get(1)?);
        let unreadable = |error: serde_json::Error| StoreError::Unreadable {
            run,
            reason: format!("call {ordinal} of execution {execution}: {error}"),
        };
        let answer: Option<Json> = row.get(14)?;
        let answer = answer.map(|Json(text)| read_answer(row, &text));
        tape.push(TapeEntry {
            ordinal,
            call: read_call(row)?.map_err(unreadable)?,
            answer: answer.transpose()?.transpose().map_err(unreadable)?,
        });
    }
    Ok(tape)
}

fn read_call(row: &Row<'_>) -> rusqlite::Result<serde_json::Result<Call>> {
    let Json(text) = row.get(13)?;
    if row.get_ref(2)?.as_str()? != "model" {
        return Ok(serde_json::from_str(&text));
    }
    let columns = json!({
        "model": row.get::<_, String>(3)?,
        "provider": row.get::<_, String>(4)?,
        "reply": row.get::<_, Option<u32>>(5)?,
        "reserved_tokens": count(row, 6)?,
        "reserved_usd": row.get::<_, f64>(7)?,
    });
    Ok(with(&text, columns))
}

fn read_answer(row: &Row<'_>, text: &str) -> rusqlite::Result<serde_json::Result<Answer>> {
    if row.get::<_, Option<i64>>(8)?.is_none() {
        return Ok(serde_json::from_str(text));
    }
    let usage = json!({
        "model_calls": 1,
        "input_tokens": count(row, 8)?,
        "cached_input_tokens": count(row, 9)?,
        "output_tokens": count(row, 10)?,
        "reasoning_tokens": count(row, 11)?,
        "cost_usd": row.get::<_, f64>(12)?,
    });
    Ok(with(text, json!({"usage": usage})))
}

/// What was kept, together with what stands in columns.
fn with<T: DeserializeOwned>(text: &str, columns: Value) -> serde_json::Result<T> {
    let mut entry: Value = serde_json::from_str(text)?;
    if let (Value::Object(fields), Value::Object(columns)) = (&mut entry, columns) {
        fields.extend(columns);
    }
    serde_json::from_value(entry)
}

/// Of the rows that are selected: the columns that [`read_usage`] reads. A call that failed is a
/// call, too.
const SUMS: &str = "count(*), coalesce(sum(input_tokens), 0),
    coalesce(sum(cached_input_tokens), 0), coalesce(sum(output_tokens), 0),
    coalesce(sum(reasoning_tokens), 0), total(cost_usd)";

/// Reads a usage from six columns, from the `first` on.
pub(super) fn read_usage(row: &Row<'_>, first: usize) -> rusqlite::Result<Usage> {
    Ok(Usage {
        model_calls: count(row, first)?,
        input_tokens: count(row, first + 1)?,
        cached_input_tokens: count(row, first + 2)?,
        output_tokens: count(row, first + 3)?,
        reasoning_tokens: count(row, first + 4)?,
        cost_usd: row.get(first + 5)?,
    })
}

/// What the tapes of a run say that its model calls used.
pub(super) fn usage(tx: &Connection, run: RunId) -> Result<Usage, StoreError> {
    let sum = tx
        .prepare_cached(&format!(
            "SELECT {SUMS} FROM tape
             WHERE run_id = :run AND kind = 'model' AND answer IS NOT NULL"
        ))?
        .query_row(named_params! {":run": run.0}, |row| read_usage(row, 0))?;
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
        Ok((ExecutionId(row.get(6)?), read_usage(row, 0)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
