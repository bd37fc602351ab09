//! The record for one process alone: for what must not happen while others have it open.

use std::collections::BTreeSet;
use std::fs::File;

use rusqlite::Connection;

use super::connection::{self, turn};
use super::error::StoreError;
use super::prune;
use super::state_dir::StateDir;
use crate::domain::RunId;

/// Nobody else has the record open, nor can open it, as long as this lives.
#[derive(Debug)]
pub struct Alone {
    // Closed before the others' turn comes.
    connection: Connection,
    turn: File,
}

impl Alone {
    /// Waits until nobody opens or closes the record; `None` if somebody has it open.
    ///
    /// # Errors
    /// If the database is damaged, or none of ours, or cannot be written.
    pub fn with(dir: &StateDir) -> Result<Option<Self>, StoreError> {
        let turn = turn(dir)?;
        let Some(connection) = connection::exclusive(&dir.db)? else {
            return Ok(None);
        };
        Ok(Some(Self { connection, turn }))
    }

    /// Whatever looks like the name of a git object in any row, but in texts.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn object_names(&self) -> Result<BTreeSet<String>, StoreError> {
        prune::object_names(&self.connection)
    }

    /// The runs that were pruned.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn pruned(&self) -> Result<BTreeSet<RunId>, StoreError> {
        prune::pruned(&self.connection)
    }

    /// Gives the space of what was deleted back to the disk.
    ///
    /// # Errors
    /// If the disk is too full for that.
    pub fn vacuum(&self) -> Result<(), StoreError> {
        Ok(self.connection.execute_batch("VACUUM")?)
    }

    /// Closes the database; the others go on waiting until the file is dropped.
    pub fn close(self) -> File {
        self.turn
    }
}

/// Waits until nobody opens or closes the record in `dir`, whatever state the database is in.
///
/// # Errors
/// If the lock cannot be taken.
pub fn wait_for_turn(dir: &StateDir) -> Result<File, StoreError> {
    turn(dir)
}
