//! The promises of the store, each as a test.

mod answers;
mod breakers;
mod budgets;
mod damage;
mod failures;
mod log;
mod outcomes;
mod processes;
mod projections;
mod pruning;
mod scale;
mod writing;

use std::sync::Arc;

use jiff::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::domain::{Record, Run, RunId};

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        "2026-01-02T03:04:05Z".parse().expect("a time")
    }
}

struct Fixture {
    temp: TempDir,
    store: Store,
}

impl Fixture {
    fn new() -> Self {
        let temp = tempfile::tempdir().expect("temp dir");
        let store = open(&temp).expect("opens");
        Self { temp, store }
    }

    fn reopened(self) -> Self {
        drop(self.store);
        let store = open(&self.temp).expect("opens again");
        Self {
            temp: self.temp,
            store,
        }
    }

    /// A new run, driven.
    fn run(&self) -> (Driver, Run) {
        let (id, record) = create(&self.store);
        let run = Run::begin(&record).expect("begins");
        (self.store.drive(id).expect("drives"), run)
    }
}

fn dir(temp: &TempDir) -> StateDir {
    StateDir::prepare(&temp.path().join(".rgpt")).expect("prepares")
}

fn open(temp: &TempDir) -> Result<Store, StoreError> {
    Store::open(&dir(temp), Arc::new(Still))
}

fn make(id: RunId) -> Beginning {
    Beginning {
        created: log::created(id),
        rest: Vec::new(),
    }
}

/// A new run with all the texts that its log refers to.
fn create(store: &Store) -> (RunId, Record) {
    let texts = ["config", "brief", "request"].map(log::text);
    let (id, mut records) = store
        .create_run(&|_| true, &make, &texts)
        .expect("creates a run");
    (id, records.remove(0))
}

/// Records a log (but its first event, which is there).
fn record(store: &Store, driver: &Driver, log: &[(Record, Run)]) {
    let writes = log.iter().skip(1).map(|(record, run)| Write::Event {
        record: Box::new(record.clone()),
        run: Box::new(run.clone()),
    });
    let batch = Batch {
        writes: writes.collect(),
        ..Batch::default()
    };
    store.commit_blocking(driver, batch).expect("commits");
}

/// Runs SQL on the database past the store.
fn tamper(temp: &TempDir, sql: &str) {
    let connection = Connection::open(dir(temp).db).expect("opens");
    connection
        .execute_batch(&format!("PRAGMA foreign_keys = OFF; {sql}"))
        .expect("tampers");
}
