//! Proving the record: is the database sound, does every run fold, do the projections say what the
//! events say? And making the projections again.

use std::collections::BTreeSet;

use rusqlite::types::Value;
use rusqlite::{Connection, named_params};
use rusqlite_migration::Migrations;
use serde::Serialize;

use super::error::StoreError;
use super::projection::{Projector, TABLES};
use super::{Store, artifacts, blobs, connection, days, events, exchanges, runs, tape};
use crate::domain::application::BranchMove;
use crate::domain::event::{Event, ExecutionStarted, RunUpdated};
use crate::domain::tape::{Call, TapeEntry};
use crate::domain::{Digest, Record, Run, RunId};
use crate::failpoint;

/// What [`Store::check`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// Runs on the record.
    pub runs: u64,
    /// Events on the record.
    pub events: u64,
    /// Everything that is not as it should be, one line each.
    pub problems: Vec<String>,
}

/// What [`Store::rebuild`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RebuildReport {
    /// Runs whose projections were made again.
    pub runs: u64,
    /// Where they were not what the events say, one line each.
    pub differences: Vec<String>,
}

impl Store {
    /// Checks everything. Changes nothing.
    ///
    /// # Errors
    /// Only if it cannot look; what it finds is in the report.
    pub fn check(&self) -> Result<CheckReport, StoreError> {
        self.read(|tx| {
            let mut report = CheckReport::default();
            integrity(tx, &mut report.problems)?;
            if !report.problems.is_empty() {
                // Whatever follows would only repeat this in stranger words.
                return Ok(report);
            }
            references(tx, &mut report.problems)?;
            let scratch = Scratch::new()?;
            for run in events::runs(tx)? {
                report.runs += 1;
                match events::after(tx, run, 0) {
                    Ok(records) => {
                        report.events += records.len() as u64;
                        check_run(tx, &scratch, run, &records, &mut report.problems)?;
                    }
                    Err(error) => report.problems.push(error.to_string()),
                }
            }
            report.problems.extend(strays(tx)?);
            report.problems.extend(orphans(tx)?);
            report.problems.extend(exchanges::strays(tx)?);
            report.problems.extend(days::shortages(tx)?);
            Ok(report)
        })
    }

    /// Makes all projections again from the events, in one transaction. The accounts of days, which
    /// pruned runs have a part in, are only raised to what the tapes say.
    ///
    /// # Errors
    /// If a run's events cannot be read or followed; then nothing is changed.
    pub fn rebuild(&self) -> Result<RebuildReport, StoreError> {
        self.write(|tx| {
            let mut report = RebuildReport::default();
            let scratch = Scratch::new()?;
            let all = events::runs(tx)?;
            for run in &all {
                let records = events::after(tx, *run, 0)?;
                report
                    .differences
                    .extend(scratch.compare(tx, *run, &records)?);
            }
            report.differences.extend(strays(tx)?);
            report.differences.extend(days::shortages(tx)?);
            failpoint::hit("store.rebuild");
            for table in TABLES.iter().rev() {
                tx.execute(&format!("DELETE FROM {table}"), [])?;
            }
            for run in all {
                report.runs += 1;
                project_all(tx, run, &events::after(tx, run, 0)?)?;
                runs::use_up(tx, run)?;
            }
            days::make_good(tx)?;
            Ok(report)
        })
    }
}

fn integrity(tx: &Connection, problems: &mut Vec<String>) -> Result<(), StoreError> {
    let mut statement = tx.prepare("PRAGMA integrity_check(20)")?;
    let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
    for line in lines {
        match line {
            Ok(line) if line == "ok" => {}
            Ok(line) => problems.push(line),
            Err(error) => problems.push(error.to_string()),
        }
    }
    Ok(())
}

fn references(tx: &Connection, problems: &mut Vec<String>) -> Result<(), StoreError> {
    let mut statement = tx.prepare("PRAGMA foreign_key_check")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(2)?)))?;
    for row in rows {
        let (table, parent): (String, String) = row?;
        problems.push(format!("a row of {table} refers to no row of {parent}"));
    }
    Ok(())
}

fn check_run(
    tx: &Connection,
    scratch: &Scratch,
    run: RunId,
    records: &[Record],
    problems: &mut Vec<String>,
) -> Result<(), StoreError> {
    match scratch.compare(tx, run, records) {
        Ok(differences) => problems.extend(differences),
        // A gap or an event that cannot follow; there is nothing to compare with.
        Err(error @ (StoreError::Unreadable { .. } | StoreError::Conflict(_))) => {
            problems.push(error.to_string());
        }
        Err(error) => return Err(error),
    }
    let mut wanted = Wanted::default();
    records
        .iter()
        .for_each(|record| wanted.by_event(&record.event));
    wanted.by_tape(tx, run)?;
    for hash in &wanted.texts {
        match blobs::get(tx, hash) {
            Ok(Some(_)) => {}
            Ok(None) => problems.push(format!("run {run} refers to text {hash}, which is gone")),
            Err(error) => problems.push(format!("run {run}: {error}")),
        }
    }
    for hash in &wanted.files {
        if !artifacts::exists(tx, run, hash)? && !blobs::exists(tx, hash)? {
            problems.push(format!("run {run} refers to output {hash}, which is gone"));
        }
    }
    Ok(())
}

/// The hashes that a run's record refers to.
#[derive(Default)]
struct Wanted {
    texts: BTreeSet<Digest>,
    files: BTreeSet<Digest>,
}

impl Wanted {
    fn by_event(&mut self, event: &Event) {
        match event {
            Event::RunCreated(created) => self.text(&created.config),
            Event::PhaseStarted(started) => {
                started.execution.iter().for_each(|one| self.execution(one));
            }
            Event::StepStarted(started) => self.execution(&started.execution),
            Event::PhaseCompleted(completed) => self.texts.extend(completed.report.clone()),
            Event::PhaseError(error) => self.texts.extend(error.report.clone()),
            Event::StepCompleted(completed) => self.texts.extend(completed.report.clone()),
            Event::StepError(error) => self.texts.extend(error.report.clone()),
            Event::CheckCompleted(completed) => {
                self.files.extend(completed.result.full_output.clone());
            }
            Event::RunUpdated(RunUpdated::ApplyStarted(step) | RunUpdated::UndoStarted(step)) => {
                self.files_of(step);
            }
            _ => {}
        }
    }

    fn by_tape(&mut self, tx: &Connection, run: RunId) -> Result<(), StoreError> {
        for entry in tape::of_run(tx, run)? {
            if let TapeEntry {
                call: Call::Model(model),
                ..
            } = entry
            {
                self.text(&model.request);
            }
        }
        Ok(())
    }

    fn execution(&mut self, execution: &ExecutionStarted) {
        self.text(&execution.brief);
    }

    fn files_of(&mut self, step: &BranchMove) {
        let sides = step
            .files
            .iter()
            .flat_map(|file| [&file.before, &file.after]);
        for file in sides.flatten() {
            self.text(&file.content);
        }
    }

    fn text(&mut self, hash: &Digest) {
        self.texts.insert(hash.clone());
    }
}

fn project_all(tx: &Connection, id: RunId, records: &[Record]) -> Result<(), StoreError> {
    let unreadable = |reason: String| StoreError::Unreadable { run: id, reason };
    let mut projector = Projector::new(tx);
    let mut run: Option<Run> = None;
    for record in records {
        let next = match run.take() {
            None => Run::begin(record),
            Some(mut run) => run.apply(record).map(|()| run),
        };
        let next = next.map_err(|error| unreadable(error.to_string()))?;
        projector.project(record, &next)?;
        run = Some(next);
    }
    run.map_or(Ok(()), |run| projector.finish(&run))
}

/// An empty database of the same form, in memory, to make one run's projections in.
struct Scratch(Connection);

impl Scratch {
    fn new() -> Result<Self, StoreError> {
        let mut scratch = Connection::open_in_memory()?;
        Migrations::from_slice(&connection::SCHEMA)
            .to_latest(&mut scratch)
            .map_err(|error| StoreError::Sqlite(error.to_string()))?;
        scratch.set_prepared_statement_cache_capacity(64);
        Ok(Self(scratch))
    }

    /// Where the projections of `run` in `tx` are not what its events say.
    fn compare(
        &self,
        tx: &Connection,
        run: RunId,
        records: &[Record],
    ) -> Result<Vec<String>, StoreError> {
        self.0.execute_batch("BEGIN")?;
        let differences = project_all(&self.0, run, records).and_then(|()| {
            runs::spend(&self.0, run, &tape::usage(tx, run)?)?;
            let mut differences = Vec::new();
            for table in TABLES {
                let (there, here) = (rows(tx, table, run)?, rows(&self.0, table, run)?);
                if there != here {
                    differences.push(difference(table, run, &there, &here));
                }
            }
            Ok(differences)
        });
        self.0.execute_batch("ROLLBACK")?;
        differences
    }
}

type Cell = (String, Value);

fn rows(tx: &Connection, table: &str, run: RunId) -> Result<Vec<Vec<Cell>>, StoreError> {
    let key = key(table);
    let mut statement = tx.prepare_cached(&format!(
        "SELECT * FROM {table} WHERE {key} = :run ORDER BY 1, 2"
    ))?;
    let columns: Vec<String> = statement
        .column_names()
        .into_iter()
        .map(str::to_owned)
        .collect();
    let rows = statement.query_map(named_params! {":run": run.0}, |row| {
        columns
            .iter()
            .enumerate()
            .map(|(index, name)| Ok((name.clone(), row.get(index)?)))
            .collect()
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn key(table: &str) -> &'static str {
    if table == "runs" { "id" } else { "run_id" }
}

fn difference(table: &str, run: RunId, there: &[Vec<Cell>], here: &[Vec<Cell>]) -> String {
    if there.len() != here.len() {
        let (there, here) = (there.len(), here.len());
        return format!("run {run}: {table} has {there} rows, the events say {here}");
    }
    let cells = there.iter().flatten().zip(here.iter().flatten());
    let columns: BTreeSet<&str> = cells
        .filter(|(there, here)| there != here)
        .map(|((name, _), _)| name.as_str())
        .collect();
    let columns: Vec<&str> = columns.into_iter().collect();
    format!(
        "run {run}: {table} differs from the events in {}",
        columns.join(", ")
    )
}

/// Rows of runs that no event tells of.
fn strays(tx: &Connection) -> Result<Vec<String>, StoreError> {
    let mut strays = Vec::new();
    for table in TABLES {
        let key = key(table);
        let mut statement = tx.prepare(&format!(
            "SELECT DISTINCT {key} FROM {table}
             WHERE NOT EXISTS (SELECT 1 FROM events WHERE events.run_id = {table}.{key})"
        ))?;
        let ids = statement.query_map([], |row| row.get(0).map(RunId))?;
        for id in ids {
            strays.push(format!("run {}: {table} has rows, but no event does", id?));
        }
    }
    Ok(strays)
}

/// Forks whose source is gone, and with it the tape that they read.
fn orphans(tx: &Connection) -> Result<Vec<String>, StoreError> {
    let mut statement = tx.prepare(
        "SELECT run_id, source_run_id FROM replays
         WHERE NOT EXISTS (SELECT 1 FROM events WHERE events.run_id = replays.source_run_id)
         ORDER BY run_id",
    )?;
    let rows = statement.query_map([], |row| {
        Ok((row.get(0).map(RunId)?, row.get(1).map(RunId)?))
    })?;
    let tell = |(run, source): (RunId, RunId)| {
        format!("run {run} was forked from run {source}, which is not on the record")
    };
    Ok(rows.map(|row| row.map(tell)).collect::<Result<_, _>>()?)
}
