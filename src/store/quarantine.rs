//! `quarantine`: tests that were shown to fail now and then whatever the change is.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, named_params};

use super::Store;
use super::error::StoreError;
use crate::domain::RunId;
use crate::domain::check::FlakyTest;

/// A test that is excused until a time, and what was seen of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// The check whose test it is.
    pub check: String,
    /// What was seen of the test.
    pub seen: FlakyTest,
    /// The run that saw it last.
    pub run: RunId,
    /// When it was first shown.
    pub since: Timestamp,
    /// Until when that counts.
    pub until: Timestamp,
}

/// Writes what was seen of a test; what was seen before is replaced, but for since when it is known.
pub(super) fn insert(tx: &Connection, entry: &Quarantined) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO quarantine (check_name, test, run_id, evidence, since, until)
         VALUES (:check, :test, :run, :evidence, :since, :until)
         ON CONFLICT (check_name, test) DO UPDATE SET
           run_id = excluded.run_id, evidence = excluded.evidence, until = excluded.until",
    )?
    .execute(named_params! {
        ":check": entry.check,
        ":test": entry.seen.name,
        ":run": entry.run.0,
        ":evidence": serde_json::to_string(&entry.seen)?,
        ":since": entry.since.to_string(),
        ":until": entry.until.to_string(),
    })?;
    Ok(())
}

/// In a copy of a record: forgets what other runs than `kept` saw. How many rows are gone.
pub(super) fn retain(tx: &Connection, kept: &BTreeSet<RunId>) -> Result<u64, StoreError> {
    let kept: Vec<i64> = kept.iter().map(|run| run.0).collect();
    let gone = tx.execute(
        "DELETE FROM quarantine WHERE run_id NOT IN (SELECT value FROM json_each(:kept))",
        named_params! {":kept": serde_json::to_string(&kept)?},
    )?;
    Ok(gone as u64)
}

fn moment(text: String) -> Result<Timestamp, StoreError> {
    let moment = text.parse();
    moment.map_err(|_| StoreError::Unstorable(format!("{text:?} is no time")))
}

impl Store {
    /// The tests whose quarantine has not run out at `now`, by check and name.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn quarantined(&self, now: Timestamp) -> Result<Vec<Quarantined>, StoreError> {
        self.read(|tx| {
            let mut statement = tx.prepare_cached(
                "SELECT check_name, run_id, evidence, since, until FROM quarantine
                 ORDER BY check_name, test",
            )?;
            let mut rows = statement.query([])?;
            let mut all = Vec::new();
            while let Some(row) = rows.next()? {
                let evidence: String = row.get(2)?;
                let entry = Quarantined {
                    check: row.get(0)?,
                    run: RunId(row.get(1)?),
                    seen: serde_json::from_str(&evidence)?,
                    since: moment(row.get(3)?)?,
                    until: moment(row.get(4)?)?,
                };
                if entry.until > now {
                    all.push(entry);
                }
            }
            Ok(all)
        })
    }
}
