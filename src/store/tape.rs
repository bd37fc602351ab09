//! `tape`: the calls of executions, and what came of them.

use std::collections::BTreeMap;

use rusqlite::types::Value as Column;
use rusqlite::{Connection, Row, Rows, named_params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::codec::{self, Json};
use super::days::Settled;
use super::error::{StoreError, exactly_one};
use super::{Store, replays, runs};
use crate::domain::budget::{Spending, Usage};
use crate::domain::tape::{Answer, Call, ModelCall, TapeEntry, TapePlace};
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

    /// The model that gave the last answer in each execution of a run that had one.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn answered_by(&self, run: RunId) -> Result<BTreeMap<ExecutionId, String>, StoreError> {
        self.read(|tx| answered_by(tx, run))
    }

    /// What the answered model calls of a run have spent, apart for each execution. Unlike in
    /// [`Store::usage_by_execution`], only calls by which somebody was asked count as attempts.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn spending_by_execution(
        &self,
        run: RunId,
    ) -> Result<BTreeMap<ExecutionId, Spending>, StoreError> {
        self.read(|tx| spending_by_execution(tx, run))
    }

    /// The model calls of a run that have no answer: of those that nobody makes just now, nobody
    /// knows what became.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn open_calls(&self, run: RunId) -> Result<Vec<(ExecutionId, TapeEntry)>, StoreError> {
        self.read(|tx| open_calls(tx, run))
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
    (call, text): (&Call, &Column),
    day: Option<i64>,
) -> Result<(), StoreError> {
    let model: Option<&ModelCall> = match call {
        Call::Model(model) => Some(model),
        _ => None,
    };
    tx.prepare_cached(
        "INSERT INTO tape (run_id, execution_id, ordinal, kind, model, provider, reply,
                           reserved_tokens, reserved_usd, day, call)
         VALUES (:run, :execution, :ordinal, :kind, :model, :provider, :reply,
                 :reserved_tokens, :reserved_usd, :day, :call)",
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
        ":day": day,
        ":call": text,
    })?;
    Ok(())
}

/// Records the answer to a call, and gives what is to be settled of its reservation, if it has one.
pub(super) fn answer(
    tx: &Connection,
    run: RunId,
    execution: ExecutionId,
    ordinal: u32,
    answer: &Answer,
    text: &Column,
) -> Result<Option<Settled>, StoreError> {
    let usage = match answer {
        Answer::Model(model) => Some(model.usage),
        _ => None,
    };
    let lost = matches!(answer, Answer::Lost);
    let spent =
        lost || matches!(answer, Answer::ModelFailed(failure) if failure.kind.may_have_cost());
    let mut statement = tx.prepare_cached(
        "UPDATE tape
         SET answer = :answer, input_tokens = :input, cached_input_tokens = :cached,
             output_tokens = iif(:spent, reserved_tokens, :output),
             reasoning_tokens = :reasoning,
             cost_usd = iif(:spent, reserved_usd, :cost),
             reply = iif(:lost, NULL, reply)
         WHERE run_id = :run AND execution_id = :execution AND ordinal = :ordinal
           AND answer IS NULL
         RETURNING day, coalesce(input_tokens, 0) + coalesce(output_tokens, 0) - reserved_tokens,
                   coalesce(cost_usd, 0) - reserved_usd",
    )?;
    let mut rows = statement.query(named_params! {
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
    let mut changed = 0;
    let mut settled = None;
    while let Some(row) = rows.next()? {
        changed += 1;
        if let Some(day) = row.get(0)? {
            settled = Some(Settled {
                day,
                tokens: row.get(1)?,
                usd: row.get(2)?,
            });
        }
    }
    exactly_one(changed, || {
        format!("call {ordinal} of execution {execution} of run {run} is to be unanswered")
    })?;
    if matches!(
        answer,
        Answer::Model(_) | Answer::ModelFailed(_) | Answer::Lost
    ) {
        runs::use_up(tx, run)?;
    }
    Ok(settled)
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

/// What stands at a place, if anything does.
pub(super) fn at(tx: &Connection, place: TapePlace) -> Result<Option<TapeEntry>, StoreError> {
    let mut statement = tx.prepare_cached(&format!(
        "SELECT {ENTRY} FROM tape
         WHERE run_id = :run AND execution_id = :execution AND ordinal = :ordinal"
    ))?;
    let rows = statement.query(named_params! {
        ":run": place.run.0,
        ":execution": place.execution.0,
        ":ordinal": place.ordinal,
    })?;
    Ok(entries(place.run, rows)?.pop())
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
    let (input, output) = (count(row, 8)?, count(row, 10)?);
    let usage = json!({
        "model_calls": u64::from(input + output > 0),
        "input_tokens": input,
        "cached_input_tokens": count(row, 9)?,
        "output_tokens": output,
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

/// Of a row of a model call: whether somebody was asked. An answer that was taken from the record has
/// used nothing; any other has, by what its server reports or else by an estimate.
pub(super) const ASKED: &str = "(input_tokens IS NULL OR input_tokens + output_tokens > 0)";

/// Of the rows that are selected: the columns that [`read_usage`] reads. A call that failed is a
/// call, too.
const SUMS: &str =
    "count(*) FILTER (WHERE input_tokens IS NULL OR input_tokens + output_tokens > 0),
    coalesce(sum(input_tokens), 0),
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

/// The model that gave the last answer in each execution of a run that had one.
pub(super) fn answered_by(
    tx: &Connection,
    run: RunId,
) -> Result<BTreeMap<ExecutionId, String>, StoreError> {
    // Only an answer says what was used for the prompt.
    let mut statement = tx.prepare_cached(
        "SELECT execution_id, model FROM tape
         WHERE run_id = :run AND kind = 'model' AND input_tokens IS NOT NULL
         ORDER BY execution_id, ordinal",
    )?;
    let rows = statement.query_map(named_params! {":run": run.0}, |row| {
        Ok((ExecutionId(row.get(0)?), row.get(1)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
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

pub(super) fn spending_by_execution(
    tx: &Connection,
    run: RunId,
) -> Result<BTreeMap<ExecutionId, Spending>, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT execution_id, total(cost_usd),
                coalesce(sum(input_tokens), 0) + coalesce(sum(output_tokens), 0),
                count(*) FILTER (WHERE reserved_tokens > 0 OR reserved_usd > 0)
         FROM tape WHERE run_id = :run AND kind = 'model' AND answer IS NOT NULL
         GROUP BY execution_id",
    )?;
    let rows = statement.query_map(named_params! {":run": run.0}, |row| {
        let spending = Spending {
            usd: row.get(1)?,
            tokens: count(row, 2)?,
            attempts: count(row, 3)?,
            wall_ms: 0,
        };
        Ok((ExecutionId(row.get(0)?), spending))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn open_calls(
    tx: &Connection,
    run: RunId,
) -> Result<Vec<(ExecutionId, TapeEntry)>, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT DISTINCT execution_id FROM tape
         WHERE run_id = :run AND kind = 'model' AND answer IS NULL",
    )?;
    let ids = statement.query_map(named_params! {":run": run.0}, |row| {
        row.get(0).map(ExecutionId)
    })?;
    let mut open = Vec::new();
    for id in ids {
        let id = id?;
        let tape = of_execution(tx, run, id)?;
        let unanswered =
            |entry: &TapeEntry| matches!(entry.call, Call::Model(_)) && entry.answer.is_none();
        open.extend(tape.into_iter().filter(unanswered).map(|entry| (id, entry)));
    }
    Ok(open)
}
