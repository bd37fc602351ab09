//! `runs`: one row for each run.

use std::str::FromStr;

use rusqlite::types::{FromSql, FromSqlError, Type, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, named_params};
use serde_json::json;

use super::error::{StoreError, exactly_one};
use super::inspect::RunObject;
use super::{Store, tape};
use crate::domain::budget::Usage;
use crate::domain::{CommitId, Run, RunId, State, TreeId};

/// Which runs to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those in this state.
    pub state: Option<State>,
    /// Only those that `resume` can go on with: neither reached nor given up by a person, and
    /// driven by no living process.
    pub recoverable: bool,
    /// So many at most.
    pub limit: Option<u32>,
}

impl Store {
    /// Runs, the latest first.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn list(&self, filter: Filter) -> Result<Vec<RunObject>, StoreError> {
        let limit = filter.limit.map_or(usize::MAX, |limit| limit as usize);
        self.read(|tx| {
            let mut statement = tx.prepare_cached(&query(filter))?;
            let state = filter.state.map(|state| state.to_string());
            let mut rows = match &state {
                Some(state) => statement.query(named_params! {":state": state})?,
                None => statement.query([])?,
            };
            let mut runs = Vec::new();
            while runs.len() < limit
                && let Some(row) = rows.next()?
            {
                let run = object(row)?;
                if filter.recoverable && self.is_driven(run.id)? {
                    continue;
                }
                runs.push(run);
            }
            Ok(runs)
        })
    }
}

impl Store {
    /// The repositories that runs are about, by the paths of their top folders.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn repositories(&self) -> Result<Vec<String>, StoreError> {
        self.read(|tx| {
            let mut statement = tx.prepare(
                "SELECT DISTINCT json_extract(metadata, '$.repository') FROM runs ORDER BY 1",
            )?;
            let rows = statement.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

fn query(filter: Filter) -> String {
    let recoverable = "runs.status NOT IN ('success', 'cancelled')";
    // At most one application stands at a time.
    let mut sql = format!(
        "SELECT {OBJECT}, {USAGE} FROM runs LEFT JOIN applications AS standing
         ON standing.run_id = runs.id AND standing.status = 'applied'"
    );
    match (filter.state, filter.recoverable) {
        (None, false) => {}
        (None, true) => sql.push_str(&format!(" WHERE {recoverable}")),
        (Some(_), false) => sql.push_str(" WHERE state = :state"),
        (Some(_), true) => sql.push_str(&format!(" WHERE state = :state AND {recoverable}")),
    }
    sql + " ORDER BY runs.id DESC"
}

pub(super) fn exists(tx: &Connection, run: RunId) -> Result<bool, StoreError> {
    let found = tx
        .prepare_cached("SELECT 1 FROM events WHERE run_id = :run AND seq = 1")?
        .exists(named_params! {":run": run.0})?;
    Ok(found)
}

pub(super) fn insert(tx: &Connection, run: &Run) -> Result<(), StoreError> {
    let object = RunObject::of(run, Usage::default());
    let created = &run.created;
    let metadata = json!({
        "repository": created.repository,
        "directory": created.directory,
        "branch": created.branch,
        "options": created.options,
        "notes": created.notes,
    });
    tx.prepare_cached(
        "INSERT INTO runs (id, seq, title, description, state, status, phase, parent_run_id,
                           retry_count, max_retries, heal_count, max_heals, verified, metadata,
                           base_commit, tree, created_at, updated_at)
         VALUES (:id, :seq, :title, :description, :state, :status, :phase, :parent,
                 :retry_count, :max_retries, :heal_count, :max_heals, 0, :metadata,
                 :base_commit, :tree, :created_at, :updated_at)",
    )?
    .execute(named_params! {
        ":id": run.id.0,
        ":seq": number(run.seq),
        ":title": object.title,
        ":description": object.goal,
        ":state": object.state.to_string(),
        ":status": object.status,
        ":phase": object.phase.map(|phase| phase.as_str()),
        ":parent": object.parent_run_id.map(|id| id.0),
        ":retry_count": object.retry_count,
        ":max_retries": object.max_retries,
        ":heal_count": object.heal_count,
        ":max_heals": object.max_heals,
        ":metadata": metadata.to_string(),
        ":base_commit": object.base_commit.as_str(),
        ":tree": object.tree.as_str(),
        ":created_at": object.created_at.to_string(),
        ":updated_at": object.updated_at.to_string(),
    })?;
    Ok(())
}

/// Brings the row from the state after the event `before` to that after the last. Expecting the
/// event's number is expecting everything: an event's place decides the state.
pub(super) fn update(tx: &Connection, before: u64, run: &Run) -> Result<(), StoreError> {
    let object = RunObject::of(run, Usage::default());
    let changed = tx
        .prepare_cached(
            "UPDATE runs
             SET seq = :seq, state = :state, status = :status, phase = :phase,
                 retry_count = :retry_count, max_retries = :max_retries,
                 heal_count = :heal_count, max_heals = :max_heals,
                 last_heal_action = :last_heal_action, quality_score = :quality_score,
                 stop_reason = :stop_reason, verified = :verified, branch = :branch,
                 \"commit\" = :commit, tree = :tree, started_at = :started_at,
                 updated_at = :updated_at, completed_at = :completed_at
             WHERE id = :id AND seq = :before",
        )?
        .execute(named_params! {
            ":id": run.id.0,
            ":before": number(before),
            ":seq": number(run.seq),
            ":state": object.state.to_string(),
            ":status": object.status,
            ":phase": object.phase.map(|phase| phase.as_str()),
            ":retry_count": object.retry_count,
            ":max_retries": object.max_retries,
            ":heal_count": object.heal_count,
            ":max_heals": object.max_heals,
            ":last_heal_action": object.last_heal_action,
            ":quality_score": object.quality_score,
            ":stop_reason": object.stop_reason,
            ":verified": object.verified,
            ":branch": object.branch,
            ":commit": object.commit.as_ref().map(CommitId::as_str),
            ":tree": object.tree.as_str(),
            ":started_at": object.started_at.map(|at| at.to_string()),
            ":updated_at": object.updated_at.to_string(),
            ":completed_at": object.finished_at.map(|at| at.to_string()),
        })?;
    exactly_one(changed, || {
        format!("run {} is to stand at event {before}", run.id)
    })
}

/// Sums up again what the model calls of a run have used. Unlike the other columns, these follow
/// from its tapes.
pub(super) fn use_up(tx: &Connection, run: RunId) -> Result<(), StoreError> {
    spend(tx, run, &tape::usage(tx, run)?)
}

/// Writes what the model calls of a run have used.
pub(super) fn spend(tx: &Connection, run: RunId, usage: &Usage) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE runs
         SET model_calls = :calls, input_tokens = :input, cached_input_tokens = :cached,
             output_tokens = :output, reasoning_tokens = :reasoning, cost_usd = :cost
         WHERE id = :run",
    )?
    .execute(named_params! {
        ":run": run.0,
        ":calls": tape::whole(usage.model_calls),
        ":input": tape::whole(usage.input_tokens),
        ":cached": tape::whole(usage.cached_input_tokens),
        ":output": tape::whole(usage.output_tokens),
        ":reasoning": tape::whole(usage.reasoning_tokens),
        ":cost": usage.cost_usd,
    })?;
    Ok(())
}

/// What the model calls of a run have used.
pub(super) fn usage(tx: &Connection, run: RunId) -> Result<Usage, StoreError> {
    let usage = tx
        .prepare_cached(&format!("SELECT {USAGE} FROM runs WHERE id = :run"))?
        .query_row(named_params! {":run": run.0}, |row| {
            tape::read_usage(row, 0)
        })
        .optional()?;
    Ok(usage.unwrap_or_default())
}

/// The columns of a usage.
const USAGE: &str = "model_calls, input_tokens, cached_input_tokens, output_tokens,
    reasoning_tokens, cost_usd";

fn number(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

/// The columns of a run, in the order in which [`object`] reads them: by place, since looking for
/// names takes longer than all the rest of a long list.
const OBJECT: &str = "runs.id, runs.title, runs.description, runs.state, runs.status, runs.phase,
     runs.parent_run_id, runs.retry_count, runs.max_retries, runs.heal_count, runs.max_heals,
     runs.last_heal_action, runs.quality_score, runs.verified, runs.stop_reason, runs.branch,
     standing.branch, standing.applied_at, runs.base_commit, runs.\"commit\", runs.tree,
     runs.created_at, runs.started_at, runs.updated_at, runs.completed_at";

/// How many they are.
const OBJECT_COLUMNS: usize = 25;

fn object(row: &Row<'_>) -> rusqlite::Result<RunObject> {
    let mut row = Columns { row, at: 0 };
    Ok(RunObject {
        id: RunId(row.next()?),
        title: row.next()?,
        goal: row.next()?,
        state: row.parsed()?,
        status: row.next()?,
        phase: row.optional()?,
        parent_run_id: row.next::<Option<i64>>()?.map(RunId),
        retry_count: row.next()?,
        max_retries: row.next()?,
        heal_count: row.next()?,
        max_heals: row.next()?,
        last_heal_action: row.next()?,
        quality_score: row.next()?,
        verified: row.next()?,
        stop_reason: row.next()?,
        branch: row.next()?,
        applied_to: row.next()?,
        applied_at: row.optional()?,
        base_commit: CommitId(row.next()?),
        commit: row.next::<Option<String>>()?.map(CommitId),
        tree: TreeId(row.next()?),
        created_at: row.parsed()?,
        started_at: row.optional()?,
        updated_at: row.parsed()?,
        finished_at: row.optional()?,
        usage: tape::read_usage(row.row, OBJECT_COLUMNS)?,
    })
}

/// A row, read from the left to the right.
struct Columns<'r> {
    row: &'r Row<'r>,
    at: usize,
}

impl<'r> Columns<'r> {
    fn value(&mut self) -> rusqlite::Result<ValueRef<'r>> {
        let value = self.row.get_ref(self.at)?;
        self.at += 1;
        Ok(value)
    }

    fn next<T: FromSql>(&mut self) -> rusqlite::Result<T> {
        let value = self.row.get(self.at)?;
        self.at += 1;
        Ok(value)
    }

    fn parsed<T>(&mut self) -> rusqlite::Result<T>
    where
        T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
    {
        parse(self.value()?.as_str()?)
    }

    fn optional<T>(&mut self) -> rusqlite::Result<Option<T>>
    where
        T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
    {
        self.value()?.as_str_or_null()?.map(parse).transpose()
    }
}

fn parse<T>(text: &str) -> rusqlite::Result<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    text.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(
            0,
            Type::Text,
            Box::new(FromSqlError::other(error)),
        )
    })
}
