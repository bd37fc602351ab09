//! Copies of the database, for archives: what is in one, and making one.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::error::StoreError;
use super::{Store, connection, events, prune};
use crate::domain::RunId;

/// What is in a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The version of the schema.
    pub schema: i64,
    /// The runs.
    pub runs: Vec<RunId>,
    /// The number of events.
    pub events: u64,
}

impl Store {
    /// The latest version of the schema that this rgpt knows.
    pub fn latest_schema() -> i64 {
        i64::try_from(connection::SCHEMA.len()).unwrap_or(i64::MAX)
    }

    /// Copies the database to `to`, which appears there whole and checked, or not at all; with
    /// `only`, all runs but these and those that they were forked from are left out. Runs may go on
    /// meanwhile.
    ///
    /// # Errors
    /// If the copy cannot be written, or the database is damaged.
    pub fn copy(&self, to: &Path, only: Option<&BTreeSet<RunId>>) -> Result<Copied, StoreError> {
        let reader = connection::reader(&self.inner.dir)?;
        connection::back_up(&reader, to)?;
        if let Some(only) = only {
            let copy = Connection::open(to)?;
            copy.execute_batch("BEGIN")?;
            prune::forget_all_but(&copy, only)?;
            copy.execute_batch("COMMIT; VACUUM")?;
        }
        copied(to)
    }
}

/// Looks into a copy, which it checks and does not change.
///
/// # Errors
/// If it is damaged, or none of ours.
pub fn copied(path: &Path) -> Result<Copied, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let copy = Connection::open_with_flags(path, flags)?;
    copy.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")?;
    let verdict: String = copy.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(StoreError::Corrupt {
            reason: verdict,
            backup: None,
        });
    }
    let count: i64 = copy.query_row("SELECT count(*) FROM events", [], |row| row.get(0))?;
    Ok(Copied {
        schema: connection::schema_of(&copy)?,
        runs: events::runs(&copy)?,
        events: count.unsigned_abs(),
    })
}
