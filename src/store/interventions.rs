//! `interventions`: what other processes ask of a run. Its driver picks them up.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Connection, Row, named_params};
use serde::{Deserialize, Serialize};

use super::error::{StoreError, exactly_one};
use super::{Store, runs};
use crate::domain::{Agent, RunId};

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InterventionKind {
    /// Give the run up.
    Cancel,
    /// Ask another model for an agent from now on.
    SwitchModel,
}

/// The model that is to be asked for an agent from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelSwitch {
    /// The agent.
    pub agent: Agent,
    /// The model's name in the configuration.
    pub model: String,
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InterventionStatus {
    /// The driver has not seen to it yet.
    Open,
    /// It was done.
    Done,
    /// There was nothing left to do: the run had ended.
    Obsolete,
}

/// Something asked of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Intervention {
    /// Its number in the state directory.
    pub id: i64,
    /// What is asked.
    pub kind: InterventionKind,
    /// Which model for whom, where a model is to be switched.
    pub switch: Option<ModelSwitch>,
    /// Why, in the words of whoever asked.
    pub reason: Option<String>,
    /// What a person must do.
    pub action_required: Option<String>,
    /// Where it stands.
    pub status: InterventionStatus,
    /// When it was asked.
    pub created_at: String,
    /// When it was settled.
    pub resolved_at: Option<String>,
}

impl InterventionKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::SwitchModel => "switch_model",
        }
    }
}

impl InterventionStatus {
    fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Obsolete => "obsolete",
        }
    }
}

impl FromSql for InterventionKind {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "cancel" => Ok(Self::Cancel),
            "switch_model" => Ok(Self::SwitchModel),
            other => Err(FromSqlError::other(Unknown(other.to_owned()))),
        }
    }
}

impl FromSql for InterventionStatus {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        [Self::Open, Self::Done, Self::Obsolete]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| FromSqlError::other(Unknown(text.to_owned())))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("unknown word {0:?} in interventions")]
struct Unknown(String);

impl Store {
    /// Asks something of a run, whoever drives it. Gives the intervention's number.
    ///
    /// # Errors
    /// If there is no such run or the record cannot be written.
    pub fn add_intervention(
        &self,
        run: RunId,
        kind: InterventionKind,
        reason: Option<&str>,
    ) -> Result<i64, StoreError> {
        self.ask_of(run, kind, reason, None)
    }

    /// Asks that a model be switched, whoever drives the run. Gives the intervention's number.
    ///
    /// # Errors
    /// If there is no such run or the record cannot be written.
    pub fn ask_to_switch(
        &self,
        run: RunId,
        switch: &ModelSwitch,
        reason: Option<&str>,
    ) -> Result<i64, StoreError> {
        let payload = serde_json::to_string(switch)?;
        self.ask_of(run, InterventionKind::SwitchModel, reason, Some(payload))
    }

    fn ask_of(
        &self,
        run: RunId,
        kind: InterventionKind,
        reason: Option<&str>,
        payload: Option<String>,
    ) -> Result<i64, StoreError> {
        let (reason, now) = (reason.map(str::to_owned), self.now());
        self.write(move |tx| {
            if !runs::exists(tx, run)? {
                return Err(StoreError::NoSuchRun(run));
            }
            tx.prepare_cached(
                "INSERT INTO interventions (run_id, kind, reason, payload, status, created_at)
                 VALUES (:run, :kind, :reason, :payload, 'open', :now)",
            )?
            .execute(named_params! {
                ":run": run.0, ":kind": kind.as_str(), ":reason": reason, ":payload": payload,
                ":now": now,
            })?;
            Ok(tx.last_insert_rowid())
        })
    }

    /// What is or was asked of a run, oldest first.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn interventions(
        &self,
        run: RunId,
        open_only: bool,
    ) -> Result<Vec<Intervention>, StoreError> {
        self.read(|tx| of_run(tx, run, open_only))
    }
}

pub(super) fn resolve(
    tx: &Connection,
    id: i64,
    status: InterventionStatus,
    now: &str,
) -> Result<(), StoreError> {
    let changed = tx
        .prepare_cached(
            "UPDATE interventions SET status = :status, resolved_at = :now
             WHERE id = :id AND status = 'open'",
        )?
        .execute(named_params! {":id": id, ":status": status.as_str(), ":now": now})?;
    exactly_one(changed, || format!("intervention {id} is to be open"))
}

pub(super) fn of_run(
    tx: &Connection,
    run: RunId,
    open_only: bool,
) -> Result<Vec<Intervention>, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT id, kind, reason, action_required, status, created_at, resolved_at,
                payload
         FROM interventions
         WHERE run_id = :run AND (status = 'open' OR NOT :open_only) ORDER BY id",
    )?;
    let rows = statement.query_map(
        named_params! {":run": run.0, ":open_only": open_only},
        intervention,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn intervention(row: &Row<'_>) -> rusqlite::Result<Intervention> {
    Ok(Intervention {
        id: row.get(0)?,
        kind: row.get(1)?,
        switch: switch(row)?,
        reason: row.get(2)?,
        action_required: row.get(3)?,
        status: row.get(4)?,
        created_at: row.get(5)?,
        resolved_at: row.get(6)?,
    })
}

/// What is asked for is a person's word, but the column is open to anyone who can write the file:
/// what cannot be read asks for nothing.
fn switch(row: &Row<'_>) -> rusqlite::Result<Option<ModelSwitch>> {
    let payload: Option<String> = row.get(7)?;
    Ok(payload.and_then(|payload| serde_json::from_str(&payload).ok()))
}
