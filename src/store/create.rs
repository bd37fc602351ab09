//! Making runs: the next free number, and the first event.

use rusqlite::Connection;

use super::error::StoreError;
use super::{Store, blobs, events, projection};
use crate::domain::event::{Event, RunCreated};
use crate::domain::{Record, Run, RunId};

impl Store {
    /// Makes a run: the first number after the greatest for which `free` holds, with what `make`
    /// says of it, and `blobs`, which are kept with it.
    ///
    /// `make` is asked again if another process takes the number first.
    ///
    /// # Errors
    /// If the record cannot be written.
    pub fn create_run(
        &self,
        free: &dyn Fn(RunId) -> bool,
        make: &dyn Fn(RunId) -> RunCreated,
        blobs: &[Vec<u8>],
    ) -> Result<(RunId, Record), StoreError> {
        loop {
            let mut id = RunId(self.read(greatest)? + 1);
            while !free(id) {
                id = RunId(id.0 + 1);
            }
            let record = Record {
                run: id,
                seq: 1,
                at: self.inner.clock.now(),
                event: Event::RunCreated(Box::new(make(id))),
            };
            let (first, texts) = (record.clone(), blobs.to_vec());
            if self.write(move |tx| insert(tx, &first, &texts))? {
                return Ok((id, record));
            }
        }
    }
}

/// Whether the number was still free.
fn insert(tx: &Connection, record: &Record, texts: &[Vec<u8>]) -> Result<bool, StoreError> {
    if greatest(tx)? >= record.run.0 {
        return Ok(false);
    }
    let run = Run::begin(record).map_err(|error| StoreError::Unstorable(error.to_string()))?;
    for text in texts {
        blobs::insert(tx, text)?;
    }
    events::insert(tx, record)?;
    projection::project(tx, record, &run)?;
    Ok(true)
}

fn greatest(tx: &Connection) -> Result<i64, StoreError> {
    let id = tx
        .prepare_cached("SELECT coalesce(max(run_id), 0) FROM events")?
        .query_row([], |row| row.get(0))?;
    Ok(id)
}
