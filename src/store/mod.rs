//! SQLite: the one door to the record of runs, and the only SQL.
//!
//! The truth is events, tapes, blobs and interventions; `runs`, `phases`, `steps`, `executions`,
//! `checks`, `findings`, `self_heal`, `failures`, `replays` and `applications` are projections of the events, written in the same
//! transaction and made again by [`Store::rebuild`]. One file for each table. Start at [`Store`];
//! a run is driven through a [`Driver`], which writes [`Batch`]es.
//!
//! Nobody outside sees a connection. All writes go through one thread ([`writer`]), reads through
//! a few connections that cannot write.

mod alone;
mod answers;
mod applications;
mod artifacts;
mod batch;
mod blobs;
mod breakers;
mod check;
mod checks;
mod codec;
mod connection;
mod copy;
mod create;
mod days;
mod driver;
mod error;
mod events;
mod exchanges;
mod executions;
mod failures;
mod findings;
pub mod inspect;
mod interventions;
mod models;
mod observations;
mod outcomes;
mod phases;
mod projection;
mod prune;
mod quarantine;
mod readers;
mod replays;
mod runs;
mod self_heal;
mod state_dir;
mod steps;
mod tape;
mod writer;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::mpsc;

use rusqlite::Connection;
use rusqlite_migration::M;

pub use alone::{Alone, wait_for_turn};
pub use artifacts::Artifact;
pub use batch::{Batch, Write};
pub use breakers::ModelKey;
pub use check::{CheckReport, RebuildReport};
pub use copy::{Copied, copied};
pub use create::Beginning;
pub use days::Refused;
pub use driver::{DriveError, Driver, driven_runs};
pub use error::StoreError;
pub use exchanges::ExchangeHead;
pub use failures::{
    FailureGroup, FailureObject, FailureReport, HealsOfKind, QuarantinedTest, Rates,
};
pub use inspect::{Document, RunObject};
pub use interventions::{Intervention, InterventionKind, InterventionStatus, ModelSwitch};
pub use models::{LastFailure, ModelRecord};
pub use prune::{Doomed, Forgotten, PrunedRun};
pub use quarantine::Quarantined;
pub use runs::Filter;
pub use state_dir::StateDir;

use crate::domain::Clock;
use readers::Readers;
use writer::Writer;

/// The record of all runs in one state directory. Clones share it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    // Dropped in this order: the writer's connection closes last, in its turn.
    readers: Readers,
    writer: Writer,
    dir: StateDir,
    clock: Arc<dyn Clock>,
}

impl Store {
    /// Opens the record, made or brought up to date if need be (after a backup beside it).
    ///
    /// # Errors
    /// If the database is damaged, of a newer rgpt, of another program, or cannot be written.
    pub fn open(dir: &StateDir, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        Self::open_as(dir, &connection::SCHEMA, clock)
    }

    fn open_as(
        dir: &StateDir,
        schema: &'static [M<'static>],
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let connection = connection::open(dir, schema)?;
        Ok(Self {
            inner: Arc::new(Inner {
                readers: Readers::new(dir.clone()),
                writer: Writer::start(connection, dir.clone())?,
                dir: dir.clone(),
                clock,
            }),
        })
    }

    /// Where the record is.
    pub fn dir(&self) -> &StateDir {
        &self.inner.dir
    }

    /// Reads, from one moment's state of the record.
    fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.inner.readers.read(work)
    }

    /// Has `work` done by the writer and waits until it is durable.
    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        // The receiver is waiting below.
        let reply = move |result| drop(sender.send(result));
        self.inner.writer.submit(work, reply);
        receiver.recv().unwrap_or(Err(StoreError::Closed))
    }
}
