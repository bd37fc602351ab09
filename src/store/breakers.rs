//! `breakers`: what is held against models that failed of late, shared by all processes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};
use serde_json::Value;
use tokio::sync::oneshot;

use super::Store;
use super::error::StoreError;
use crate::domain::RunId;
use crate::domain::breaker::{Breaker, Probe};

/// A model: its provider's name and its own, both as configured.
pub type ModelKey = (String, String);

impl Store {
    /// What is held against whom. Mostly nothing against nobody, and then quickly said.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn breakers(&self) -> Result<BTreeMap<ModelKey, Breaker>, StoreError> {
        self.read(all)
    }

    /// Changes what is held against a model, all processes one after the other: `change` is given
    /// what there is, and says what there is then, and whatever its caller wants to know.
    ///
    /// # Errors
    /// If the record cannot be written.
    pub async fn change_breaker<T: Send + 'static>(
        &self,
        key: ModelKey,
        change: impl FnOnce(Option<Breaker>) -> (Option<Breaker>, T) + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, receiver) = oneshot::channel();
        let work = move |tx: &Connection| {
            let before = one(tx, &key)?;
            let (after, told) = change(before.clone());
            match after {
                after if after == before => {}
                Some(after) => put(tx, &key, &after)?,
                None => remove(tx, &key)?,
            }
            Ok(told)
        };
        let reply = move |result| drop(sender.send(result));
        self.inner.writer.submit(work, reply);
        receiver.await.unwrap_or(Err(StoreError::Closed))
    }
}

const COLUMNS: &str = "failures, kind, updated_at, open_until, probe_run, probe_until";

fn all(tx: &Connection) -> Result<BTreeMap<ModelKey, Breaker>, StoreError> {
    let mut statement =
        tx.prepare_cached(&format!("SELECT {COLUMNS}, provider, model FROM breakers"))?;
    let mut rows = statement.query([])?;
    let mut breakers = BTreeMap::new();
    while let Some(row) = rows.next()? {
        breakers.insert((row.get(6)?, row.get(7)?), read(row)??);
    }
    Ok(breakers)
}

fn one(tx: &Connection, (provider, model): &ModelKey) -> Result<Option<Breaker>, StoreError> {
    tx.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM breakers WHERE provider = :provider AND model = :model"
    ))?
    .query_row(named_params! {":provider": provider, ":model": model}, read)
    .optional()?
    .transpose()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Result<Breaker, StoreError>> {
    let kind = Value::String(row.get(1)?);
    let probe = match (row.get(4)?, row.get(5)?) {
        (Some(run), Some(until)) => Some(Probe {
            run: RunId(run),
            until: moment(until),
        }),
        _ => None,
    };
    let (failures, at, until) = (row.get(0)?, moment(row.get(2)?), moment(row.get(3)?));
    let breaker = |kind| Breaker {
        failures,
        kind,
        at,
        until,
        probe,
    };
    Ok(serde_json::from_value(kind)
        .map(breaker)
        .map_err(StoreError::from))
}

fn put(tx: &Connection, (provider, model): &ModelKey, breaker: &Breaker) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO breakers (provider, model, failures, kind, open_until, probe_run,
                               probe_until, updated_at)
         VALUES (:provider, :model, :failures, :kind, :until, :run, :probe, :at)
         ON CONFLICT (provider, model) DO UPDATE
         SET failures = :failures, kind = :kind, open_until = :until, probe_run = :run,
             probe_until = :probe, updated_at = :at",
    )?
    .execute(named_params! {
        ":provider": provider,
        ":model": model,
        ":failures": breaker.failures,
        ":kind": serde_json::to_value(breaker.kind)?.as_str(),
        ":until": breaker.until.as_millisecond(),
        ":run": breaker.probe.map(|probe| probe.run.0),
        ":probe": breaker.probe.map(|probe| probe.until.as_millisecond()),
        ":at": breaker.at.as_millisecond(),
    })?;
    Ok(())
}

fn remove(tx: &Connection, (provider, model): &ModelKey) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM breakers WHERE provider = :provider AND model = :model")?
        .execute(named_params! {":provider": provider, ":model": model})?;
    Ok(())
}

/// A time that nobody can have written is long past.
fn moment(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}
