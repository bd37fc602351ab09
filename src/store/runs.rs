//! `runs`: one row for each run.

use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Connection, Row, named_params};
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
                let mut run = object(row)?;
                if filter.recoverable && self.is_driven(run.id)? {
                    continue;
                }
                run.usage = tape::usage(tx, run.id)?;
                runs.push(run);
            }
            Ok(runs)
        })
    }
}

fn query(filter: Filter) -> String {
    let recoverable = "status NOT IN ('success', 'cancelled')";
    let mut sql = "SELECT * FROM runs".to_owned();
    match (filter.state, filter.recoverable) {
        (None, false) => {}
        (None, true) => sql.push_str(&format!(" WHERE {recoverable}")),
        (Some(_), false) => sql.push_str(" WHERE state = :state"),
        (Some(_), true) => sql.push_str(&format!(" WHERE state = :state AND {recoverable}")),
    }
    sql + " ORDER BY id DESC"
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
        ":seq": seq(run),
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

/// Brings the row from the state after the event before to that after the last. Expecting the
/// event's number is expecting everything: an event's place decides the state.
pub(super) fn update(tx: &Connection, run: &Run) -> Result<(), StoreError> {
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
             WHERE id = :id AND seq = :seq - 1",
        )?
        .execute(named_params! {
            ":id": run.id.0,
            ":seq": seq(run),
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
        format!("run {} is to stand before event {}", run.id, run.seq)
    })
}

fn seq(run: &Run) -> i64 {
    i64::try_from(run.seq).unwrap_or(i64::MAX)
}

fn object(row: &Row<'_>) -> rusqlite::Result<RunObject> {
    let phase: Option<String> = row.get("phase")?;
    Ok(RunObject {
        id: RunId(row.get("id")?),
        title: row.get("title")?,
        goal: row.get("description")?,
        state: parsed(row, "state")?,
        status: row.get("status")?,
        phase: phase.map(|text| parse(&text)).transpose()?,
        parent_run_id: row.get::<_, Option<i64>>("parent_run_id")?.map(RunId),
        retry_count: row.get("retry_count")?,
        max_retries: row.get("max_retries")?,
        heal_count: row.get("heal_count")?,
        max_heals: row.get("max_heals")?,
        last_heal_action: row.get("last_heal_action")?,
        quality_score: row.get("quality_score")?,
        verified: row.get("verified")?,
        stop_reason: row.get("stop_reason")?,
        branch: row.get("branch")?,
        base_commit: CommitId(row.get("base_commit")?),
        commit: row.get::<_, Option<String>>("commit")?.map(CommitId),
        tree: TreeId(row.get("tree")?),
        created_at: parsed(row, "created_at")?,
        started_at: optional(row, "started_at")?,
        updated_at: parsed(row, "updated_at")?,
        finished_at: optional(row, "completed_at")?,
        usage: Usage::default(),
    })
}

fn parsed<T>(row: &Row<'_>, column: &str) -> rusqlite::Result<T>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text: String = row.get(column)?;
    parse(&text)
}

fn optional<T>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text: Option<String> = row.get(column)?;
    text.map(|text| parse(&text)).transpose()
}

fn parse<T>(text: &str) -> rusqlite::Result<T>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    text.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(
            0,
            Type::Text,
            Box::new(FromSqlError::other(error)),
        )
    })
}
