//! `applications`: each time that a run's result was brought into a branch of the user's.

use std::collections::BTreeSet;

use rusqlite::{Connection, named_params};

use super::Store;
use super::error::StoreError;
use super::projection::number;
use crate::domain::{Run, RunId};

impl Store {
    /// The runs whose results are half-way into a branch, or half-way out: a killed `apply` or `undo` is yet to be
    /// finished, from what the record knows of it.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn open_moves(&self) -> Result<BTreeSet<RunId>, StoreError> {
        self.read(|tx| {
            let mut statement = tx.prepare_cached(
                "SELECT run_id FROM applications WHERE status IN ('applying', 'undoing')",
            )?;
            let ids = statement.query_map([], |row| row.get(0).map(RunId))?;
            Ok(ids.collect::<Result<_, _>>()?)
        })
    }
}

/// Writes the run's last application as it stands.
pub(super) fn write(tx: &Connection, run: &Run) -> Result<(), StoreError> {
    let last = run
        .applications
        .last()
        .ok_or_else(|| StoreError::Conflict(format!("run {} was never applied", run.id)))?;
    let apply = &last.apply;
    tx.prepare_cached(
        "INSERT INTO applications (run_id, id, branch, way, from_commit, to_commit, files, status,
                                   started_at, applied_at, undone_at)
         VALUES (:run, :id, :branch, :way, :from, :to, :files, :status,
                 :started_at, :applied_at, :undone_at)
         ON CONFLICT (run_id, id) DO UPDATE
         SET status = :status, applied_at = :applied_at, undone_at = :undone_at",
    )?
    .execute(named_params! {
        ":run": run.id.0,
        ":id": number(run.applications.len()),
        ":branch": apply.branch,
        ":way": apply.way.as_str(),
        ":from": apply.from.as_str(),
        ":to": apply.to.as_str(),
        ":files": number(apply.files.len()),
        ":status": last.status().as_str(),
        ":started_at": last.started_at.to_string(),
        ":applied_at": last.applied_at.map(|at| at.to_string()),
        ":undone_at": last.undone_at.map(|at| at.to_string()),
    })?;
    Ok(())
}
