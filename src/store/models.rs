//! What the record says of models: `tape`, summed up by model.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};
use serde::Serialize;

use super::codec::Json;
use super::error::StoreError;
use super::{Store, tape};
use crate::domain::tape::{Answer, ModelFailureKind, TapePlace};
use crate::domain::{ExecutionId, RunId};

/// A model's health is told by so many of its latest calls.
const RECENT: u32 = 20;

/// What the record says of one model. A call that came to nothing because rgpt was killed says
/// nothing about the model: it counts in `calls` and in what was spent, and nowhere else.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ModelRecord {
    /// Calls, each attempt for itself.
    pub calls: u64,
    /// Calls that were answered.
    pub answered: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Prompt tokens, cached ones included.
    pub input_tokens: u64,
    /// Prompt tokens that came from the provider's cache.
    pub cached_input_tokens: u64,
    /// Generated tokens, hidden reasoning included.
    pub output_tokens: u64,
    /// Generated tokens that were hidden reasoning.
    pub reasoning_tokens: u64,
    /// US dollars.
    pub cost_usd: f64,
    /// Of the latest calls (20 at most), the share that was answered, 0 to 1; null without any.
    pub health: Option<f64>,
    /// The latest failure.
    pub last_failure: Option<LastFailure>,
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LastFailure {
    /// The run in which it was made.
    pub run: RunId,
    /// What kind of failure it was.
    pub kind: ModelFailureKind,
    /// The HTTP status, where there was one.
    pub status: Option<u16>,
    /// The same in words.
    pub message: String,
}

impl Store {
    /// What the record says of the model of this name in the configuration.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn model_record(&self, model: &str) -> Result<ModelRecord, StoreError> {
        let lost = Json(serde_json::to_string(&Answer::Lost)?).0;
        self.read(|tx| {
            Ok(ModelRecord {
                health: health(tx, model, &lost)?,
                last_failure: last_failure(tx, model, &lost)?,
                ..sums(tx, model, &lost)?
            })
        })
    }
}

impl Store {
    /// The latest calls of a model, oldest first: where they stand, and how they failed, if they did.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn latest_calls(
        &self,
        model: &str,
        most: u32,
    ) -> Result<Vec<(TapePlace, Option<ModelFailureKind>)>, StoreError> {
        self.read(|tx| latest_calls(tx, model, most))
    }
}

fn latest_calls(
    tx: &Connection,
    model: &str,
    most: u32,
) -> Result<Vec<(TapePlace, Option<ModelFailureKind>)>, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT run_id, execution_id, ordinal, iif(input_tokens IS NULL, answer, NULL) FROM tape
         WHERE kind = 'model' AND model = :model
         ORDER BY run_id DESC, execution_id DESC, ordinal DESC LIMIT :most",
    )?;
    let mut rows = statement.query(named_params! {":model": model, ":most": most})?;
    let mut calls = Vec::new();
    while let Some(row) = rows.next()? {
        let place = TapePlace {
            run: RunId(row.get(0)?),
            execution: ExecutionId(row.get(1)?),
            ordinal: row.get(2)?,
        };
        let kind = match row.get::<_, Option<Json>>(3)? {
            Some(Json(answer)) => match serde_json::from_str(&answer)? {
                Answer::ModelFailed(failure) => Some(failure.kind),
                _ => None,
            },
            None => None,
        };
        calls.push((place, kind));
    }
    calls.reverse();
    Ok(calls)
}

/// Only an answer has tokens that went in.
fn sums(tx: &Connection, model: &str, lost: &str) -> Result<ModelRecord, StoreError> {
    let count = |row: &Row<'_>, column: usize| row.get(column).map(i64::unsigned_abs);
    let sums = tx
        .prepare_cached(&format!(
            "SELECT count(*), count(input_tokens),
                    count(*) FILTER (WHERE input_tokens IS NULL AND answer <> :lost),
                    coalesce(sum(input_tokens), 0), coalesce(sum(cached_input_tokens), 0),
                    coalesce(sum(output_tokens), 0), coalesce(sum(reasoning_tokens), 0),
                    total(cost_usd)
             FROM tape
             WHERE kind = 'model' AND model = :model AND answer IS NOT NULL AND {}",
            tape::ASKED
        ))?
        .query_row(named_params! {":model": model, ":lost": lost}, |row| {
            Ok(ModelRecord {
                calls: count(row, 0)?,
                answered: count(row, 1)?,
                failures: count(row, 2)?,
                input_tokens: count(row, 3)?,
                cached_input_tokens: count(row, 4)?,
                output_tokens: count(row, 5)?,
                reasoning_tokens: count(row, 6)?,
                cost_usd: row.get(7)?,
                ..ModelRecord::default()
            })
        })?;
    Ok(sums)
}

fn health(tx: &Connection, model: &str, lost: &str) -> Result<Option<f64>, StoreError> {
    let share = tx
        .prepare_cached(&format!(
            "SELECT avg(answered) FROM (
               SELECT input_tokens IS NOT NULL AS answered FROM tape
               WHERE kind = 'model' AND model = :model AND answer <> :lost AND {}
               ORDER BY run_id DESC, execution_id DESC, ordinal DESC LIMIT :recent)",
            tape::ASKED
        ))?
        .query_row(
            named_params! {":model": model, ":lost": lost, ":recent": RECENT},
            |row| row.get(0),
        )?;
    Ok(share)
}

fn last_failure(
    tx: &Connection,
    model: &str,
    lost: &str,
) -> Result<Option<LastFailure>, StoreError> {
    let row = tx
        .prepare_cached(
            "SELECT run_id, answer FROM tape
             WHERE kind = 'model' AND model = :model AND input_tokens IS NULL AND answer <> :lost
             ORDER BY run_id DESC, execution_id DESC, ordinal DESC LIMIT 1",
        )?
        .query_row(named_params! {":model": model, ":lost": lost}, |row| {
            Ok((RunId(row.get(0)?), row.get::<_, Json>(1)?))
        })
        .optional()?;
    let Some((run, Json(answer))) = row else {
        return Ok(None);
    };
    Ok(match serde_json::from_str(&answer)? {
        Answer::ModelFailed(failure) => Some(LastFailure {
            run,
            kind: failure.kind,
            status: failure.status,
            message: failure.message,
        }),
        _ => None,
    })
}
