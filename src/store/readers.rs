//! A few connections that only read.

use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;

use super::connection;
use super::error::StoreError;
use super::state_dir::StateDir;

/// So many idle connections are kept.
const IDLE: usize = 4;

pub(super) struct Readers {
    dir: StateDir,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(dir: StateDir) -> Self {
        Self {
            dir,
            idle: Mutex::default(),
        }
    }

    /// Reads within one transaction, so that everything read is of one moment.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let waiting = self.lock().pop();
        let connection = waiting.map_or_else(|| connection::reader(&self.dir), Ok)?;
        connection.prepare_cached("BEGIN DEFERRED")?.execute([])?;
        let result = work(&connection);
        connection.prepare_cached("ROLLBACK")?.execute([])?;
        let mut idle = self.lock();
        if idle.len() < IDLE {
            idle.push(connection);
        }
        result
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
