//! Forgetting runs: everything that the record has of them goes, in one transaction; `pruned` keeps
//! their numbers.
//!
//! Other tables than those known here may name runs and texts, so nothing is taken for granted of
//! them: every table with a `run_id` loses its rows, and a text goes only if no row that is left
//! holds its hash anywhere.

use std::collections::BTreeSet;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, named_params};
use serde::Serialize;

use super::codec::unpack;
use super::error::StoreError;
use super::{Store, driver, events, outcomes, quarantine, replays};
use crate::domain::RunId;
use crate::failpoint;

/// The lengths of hashes in hex: git's SHA-1, and those with 256 bits.
const HASHES: [usize; 2] = [40, 64];

/// A run to be forgotten, as it stood when that was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doomed {
    /// The run.
    pub run: RunId,
    /// Its last event then. A run that has gone on since stays.
    pub seq: u64,
}

/// What was forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    /// The runs, by number.
    pub runs: Vec<RunId>,
    /// Events of theirs.
    pub events: u64,
    /// Calls on their tapes.
    pub calls: u64,
    /// Texts that nothing else referred to.
    pub texts: u64,
    /// Rows of all other tables.
    pub rows: u64,
}

/// A run that is no longer on the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PrunedRun {
    /// Its number.
    pub run: RunId,
    /// The archive that holds it, if one was written.
    pub archive: Option<String>,
    /// When it was pruned.
    pub pruned_at: String,
}

impl Store {
    /// Forgets runs. Those that somebody drives, or that went on since they were looked at, stay;
    /// so do those that a run that stays was forked from.
    ///
    /// # Errors
    /// If the record cannot be written; then nothing is changed.
    pub fn prune(&self, doomed: &[Doomed], archive: Option<&str>) -> Result<Forgotten, StoreError> {
        let (doomed, archive, now) = (doomed.to_vec(), archive.map(str::to_owned), self.now());
        let dir = self.dir().clone();
        self.write(move |tx| {
            let mut runs = Vec::new();
            for one in doomed {
                // From here on a new driver waits, and then finds no such run.
                if last_event(tx, one.run)? == Some(one.seq) && !driver::is_driven(&dir, one.run)? {
                    runs.push(one.run);
                }
            }
            let doomed: BTreeSet<RunId> = runs.iter().copied().collect();
            let mut stay = events::runs(tx)?;
            stay.retain(|run| !doomed.contains(run));
            let stay = with_sources(tx, stay)?;
            runs.retain(|run| !stay.contains(run));
            let forgotten = forget(tx, runs)?;
            for run in &forgotten.runs {
                tx.prepare_cached(
                    "INSERT INTO pruned (run_id, archive, pruned_at) VALUES (:run, :archive, :now)",
                )?
                .execute(named_params! {":run": run.0, ":archive": archive, ":now": now})?;
            }
            failpoint::hit("store.prune");
            Ok(forgotten)
        })
    }

    /// The runs as they stand now, to be forgotten if they still do so later.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn doomed(&self, runs: &[RunId]) -> Result<Vec<Doomed>, StoreError> {
        self.read(|tx| {
            let mut doomed = Vec::new();
            for run in runs {
                doomed.extend(last_event(tx, *run)?.map(|seq| Doomed { run: *run, seq }));
            }
            Ok(doomed)
        })
    }

    /// What is known of a run that was pruned; `None` if it was not.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn pruned(&self, run: RunId) -> Result<Option<PrunedRun>, StoreError> {
        self.read(|tx| {
            let found = tx
                .prepare_cached("SELECT archive, pruned_at FROM pruned WHERE run_id = :run")?
                .query_row(named_params! {":run": run.0}, |row| {
                    Ok(PrunedRun {
                        run,
                        archive: row.get(0)?,
                        pruned_at: row.get(1)?,
                    })
                })
                .optional()?;
            Ok(found)
        })
    }

    /// Whatever looks like the name of a git object in any row of these runs, but in texts.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn object_names_of(&self, runs: &BTreeSet<RunId>) -> Result<BTreeSet<String>, StoreError> {
        self.read(|tx| {
            let mut names = BTreeSet::new();
            for table in tables(tx)?.iter().filter(|table| table.key.is_some()) {
                for run in runs {
                    hashes(tx, table, Some(*run), &mut names)?;
                }
            }
            Ok(names)
        })
    }
}

pub(super) fn object_names(tx: &Connection) -> Result<BTreeSet<String>, StoreError> {
    let mut names = BTreeSet::new();
    for table in tables(tx)? {
        hashes(tx, &table, None, &mut names)?;
    }
    Ok(names)
}

pub(super) fn pruned(tx: &Connection) -> Result<BTreeSet<RunId>, StoreError> {
    let mut statement = tx.prepare_cached("SELECT run_id FROM pruned")?;
    let ids = statement.query_map([], |row| row.get(0).map(RunId))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// In a copy of a record: forgets all runs but `kept` and those that they were forked from.
pub(super) fn forget_all_but(
    tx: &Connection,
    kept: &BTreeSet<RunId>,
) -> Result<Forgotten, StoreError> {
    let kept = with_sources(tx, kept.iter().copied().collect())?;
    let mut runs = events::runs(tx)?;
    runs.retain(|run| !kept.contains(run));
    let mut forgotten = forget(tx, runs)?;
    forgotten.rows += outcomes::retain(tx, &kept)?;
    forgotten.rows += quarantine::retain(tx, &kept)?;
    Ok(forgotten)
}

/// These runs and all that they were forked from, since a fork reads its sources' tapes.
fn with_sources(tx: &Connection, runs: Vec<RunId>) -> Result<BTreeSet<RunId>, StoreError> {
    let (mut whole, mut waiting) = (BTreeSet::new(), runs);
    while let Some(run) = waiting.pop() {
        if whole.insert(run) {
            waiting.extend(replays::fork(tx, run)?.map(|(source, _)| source));
        }
    }
    Ok(whole)
}

fn forget(tx: &Connection, runs: Vec<RunId>) -> Result<Forgotten, StoreError> {
    let mut forgotten = Forgotten {
        runs,
        ..Forgotten::default()
    };
    if forgotten.runs.is_empty() {
        return Ok(forgotten);
    }
    tx.pragma_update(None, "defer_foreign_keys", true)?;
    let tables = tables(tx)?;
    let mut named = BTreeSet::new();
    for table in &tables {
        let Some(key) = table.key else { continue };
        let mut delete = tx.prepare(&format!("DELETE FROM {} WHERE {key} = :run", table.name))?;
        for run in &forgotten.runs {
            hashes(tx, table, Some(*run), &mut named)?;
            let rows = delete.execute(named_params! {":run": run.0})? as u64;
            match table.name.as_str() {
                "events" => forgotten.events += rows,
                "tape" => forgotten.calls += rows,
                _ => forgotten.rows += rows,
            }
        }
    }
    let mut left = BTreeSet::new();
    for table in &tables {
        hashes(tx, table, None, &mut left)?;
    }
    let mut delete = tx.prepare("DELETE FROM blobs WHERE hash = unhex(:hash)")?;
    for hash in named.difference(&left) {
        forgotten.texts += delete.execute(named_params! {":hash": hash})? as u64;
    }
    Ok(forgotten)
}

fn last_event(tx: &Connection, run: RunId) -> Result<Option<u64>, StoreError> {
    let seq: Option<i64> = tx
        .prepare_cached("SELECT max(seq) FROM events WHERE run_id = :run")?
        .query_row(named_params! {":run": run.0}, |row| row.get(0))?;
    Ok(seq.map(i64::unsigned_abs))
}

/// A table that may name runs and hashes.
struct Table {
    name: String,
    /// The column with the run's number.
    key: Option<&'static str>,
}

/// All tables but that of the texts, whose hashes are what is looked for, and that of the pruned
/// runs.
fn tables(tx: &Connection) -> Result<Vec<Table>, StoreError> {
    let mut statement = tx.prepare(
        "SELECT name, (SELECT count(*) FROM pragma_table_info(sqlite_schema.name)
                       WHERE name = 'run_id')
         FROM sqlite_schema
         WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT IN ('blobs', 'pruned')
         ORDER BY name",
    )?;
    let rows = statement.query_map([], |row| {
        let (name, of_runs): (String, bool) = (row.get(0)?, row.get(1)?);
        let key = match (name.as_str(), of_runs) {
            ("runs", _) => Some("id"),
            // What was learned stays.
            ("outcomes" | "quarantine", _) => None,
            (_, true) => Some("run_id"),
            _ => None,
        };
        Ok(Table { name, key })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Collects the hashes that stand in the rows of a table, of one run or of all.
fn hashes(
    tx: &Connection,
    table: &Table,
    run: Option<RunId>,
    found: &mut BTreeSet<String>,
) -> Result<(), StoreError> {
    let mut sql = format!("SELECT * FROM {}", table.name);
    if let (Some(key), Some(run)) = (table.key, run) {
        sql.push_str(&format!(" WHERE {key} = {run}"));
    }
    let mut statement = tx.prepare(&sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        hashes_of_row(row, columns, found)?;
    }
    Ok(())
}

fn hashes_of_row(
    row: &Row<'_>,
    columns: usize,
    found: &mut BTreeSet<String>,
) -> Result<(), StoreError> {
    for column in 0..columns {
        match row.get_ref(column)? {
            ValueRef::Text(text) => collect(text, found),
            // JSON that is packed, see `codec::Json`; anything else holds no hash in hex.
            ValueRef::Blob([codec, packed @ ..]) => {
                if let Ok(text) = unpack(*codec, packed) {
                    collect(&text, found);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn collect(text: &[u8], found: &mut BTreeSet<String>) {
    let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    for word in text.split(|byte| !is_hex(byte)) {
        if HASHES.contains(&word.len())
            && let Ok(word) = std::str::from_utf8(word)
        {
            found.insert(word.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_found_wherever_it_stands() {
        let (short, long) = ("0123456789".repeat(4), "abcdef01".repeat(8));
        let text = format!("{{\"a\":\"{short}\",\"b\":[\"x/{long}.txt\"],\"c\":\"{long}0\"}}");
        let mut found = BTreeSet::new();
        collect(text.as_bytes(), &mut found);
        assert_eq!(found, BTreeSet::from([short, long]));
    }
}
