//! `artifacts`: files that runs leave behind.

use rusqlite::{Connection, named_params};
use serde::Serialize;

use super::Store;
use super::error::StoreError;
use crate::domain::{Digest, RunId};

/// A file of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Artifact {
    /// Its name, unique in the run.
    pub name: String,
    /// What it is, as in `summary` or `log`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its size in bytes.
    pub size: u64,
    /// The hash of its content.
    pub hash: Digest,
    /// Where it is, relative to the folder of artifacts.
    pub path: String,
}

impl Store {
    /// The artifacts of a run, by name.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn artifacts(&self, run: RunId) -> Result<Vec<Artifact>, StoreError> {
        self.read(|tx| of_run(tx, run))
    }
}

pub(super) fn insert(
    tx: &Connection,
    run: RunId,
    artifact: &Artifact,
    now: &str,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT OR REPLACE INTO artifacts (run_id, name, path, type, size, hash, created_at)
         VALUES (:run, :name, :path, :type, :size, :hash, :now)",
    )?
    .execute(named_params! {
        ":run": run.0,
        ":name": artifact.name,
        ":path": artifact.path,
        ":type": artifact.kind,
        ":size": i64::try_from(artifact.size).unwrap_or(i64::MAX),
        ":hash": artifact.hash.as_str(),
        ":now": now,
    })?;
    Ok(())
}

pub(super) fn of_run(tx: &Connection, run: RunId) -> Result<Vec<Artifact>, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT name, type, size, hash, path FROM artifacts WHERE run_id = :run ORDER BY name",
    )?;
    let rows = statement.query_map(named_params! {":run": run.0}, |row| {
        let size: i64 = row.get(2)?;
        Ok(Artifact {
            name: row.get(0)?,
            kind: row.get(1)?,
            size: size.unsigned_abs(),
            hash: Digest(row.get(3)?),
            path: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether a file with this content is recorded for the run.
pub(super) fn exists(tx: &Connection, run: RunId, hash: &Digest) -> Result<bool, StoreError> {
    let found = tx
        .prepare_cached("SELECT 1 FROM artifacts WHERE run_id = :run AND hash = :hash")?
        .exists(named_params! {":run": run.0, ":hash": hash.as_str()})?;
    Ok(found)
}
