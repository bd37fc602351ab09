//! `events`: what happened, in order.

use rusqlite::{Connection, Row, named_params};

use super::Store;
use super::error::StoreError;
use crate::domain::{Event, Record, Run, RunId};

impl Store {
    /// All events of a run, in order; none if there is no such run.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn events(&self, run: RunId) -> Result<Vec<Record>, StoreError> {
        self.events_after(run, 0)
    }

    /// The events of a run after number `seq`, in order.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn events_after(&self, run: RunId, seq: u64) -> Result<Vec<Record>, StoreError> {
        self.read(|tx| after(tx, run, seq))
    }

    /// The run as its events tell it; `None` if there is no such run.
    ///
    /// # Errors
    /// If an event cannot be read or cannot follow what went before.
    pub fn load(&self, run: RunId) -> Result<Option<Run>, StoreError> {
        self.read(|tx| load(tx, run))
    }

    /// The greatest run number.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn latest_run(&self) -> Result<Option<RunId>, StoreError> {
        self.read(|tx| {
            let id: Option<i64> = tx
                .prepare_cached("SELECT max(run_id) FROM events")?
                .query_row([], |row| row.get(0))?;
            Ok(id.map(RunId))
        })
    }
}

/// An event as it is kept beside its columns.
pub(super) fn payload(record: &Record) -> Result<String, StoreError> {
    Ok(serde_json::to_string(&record.event.payload()?)?)
}

pub(super) fn insert(tx: &Connection, record: &Record, payload: &str) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO events (run_id, seq, type, payload, created_at)
         VALUES (:run, :seq, :type, :payload, :at)",
    )?
    .execute(named_params! {
        ":run": record.run.0,
        ":seq": i64::try_from(record.seq).unwrap_or(i64::MAX),
        ":type": record.event.kind(),
        ":payload": payload,
        ":at": record.at.to_string(),
    })?;
    Ok(())
}

pub(super) fn load(tx: &Connection, run: RunId) -> Result<Option<Run>, StoreError> {
    fold(run, &after(tx, run, 0)?)
}

pub(super) fn fold(run: RunId, records: &[Record]) -> Result<Option<Run>, StoreError> {
    Run::fold(records).map_err(|error| StoreError::Unreadable {
        run,
        reason: error.to_string(),
    })
}

pub(super) fn after(tx: &Connection, run: RunId, seq: u64) -> Result<Vec<Record>, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT seq, type, payload, created_at FROM events
         WHERE run_id = :run AND seq > :seq ORDER BY seq",
    )?;
    let seq = i64::try_from(seq).unwrap_or(i64::MAX);
    let mut rows = statement.query(named_params! {":run": run.0, ":seq": seq})?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(record(run, row)?);
    }
    Ok(records)
}

fn record(run: RunId, row: &Row<'_>) -> Result<Record, StoreError> {
    let unreadable = |reason: String| StoreError::Unreadable { run, reason };
    let (seq, kind): (i64, String) = (row.get(0)?, row.get(1)?);
    let at_event = |error: String| unreadable(format!("event {seq}: {error}"));
    let payload: String = row.get(2).map_err(|error| at_event(error.to_string()))?;
    let payload = serde_json::from_str(&payload).map_err(|error| at_event(error.to_string()))?;
    let at: String = row.get(3)?;
    Ok(Record {
        run,
        seq: u64::try_from(seq).map_err(|error| at_event(error.to_string()))?,
        at: at
            .parse()
            .map_err(|error: jiff::Error| at_event(error.to_string()))?,
        event: Event::read(&kind, payload).map_err(|error| at_event(error.to_string()))?,
    })
}

/// The runs that have events, by number.
pub(super) fn runs(tx: &Connection) -> Result<Vec<RunId>, StoreError> {
    let mut statement = tx.prepare("SELECT DISTINCT run_id FROM events ORDER BY run_id")?;
    let ids = statement.query_map([], |row| row.get(0).map(RunId))?;
    Ok(ids.collect::<Result<_, _>>()?)
}
