//! Making runs: the next free number, and the first events.

use rusqlite::Connection;

use super::blobs::Text;
use super::error::StoreError;
use super::projection::Projector;
use super::{Store, blobs, events};
use crate::domain::event::{Event, RunCreated};
use crate::domain::fold::Illegal;
use crate::domain::{Record, Run, RunId};

/// How a run begins.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// What it was created with.
    pub created: RunCreated,
    /// What else is on its record from the start: for a fork what it shares with its source, and
    /// where it leaves it.
    pub rest: Vec<Event>,
}

impl Store {
    /// Makes a run: the first number after the greatest for which `free` holds, with what `make`
    /// says of it, and `blobs`, which are kept with it. All of it becomes durable, or nothing.
    /// Gives the number and the events.
    ///
    /// `make` is asked again if another process takes the number first.
    ///
    /// # Errors
    /// If the events are no course of a run, or the record cannot be written.
    pub fn create_run(
        &self,
        free: &dyn Fn(RunId) -> bool,
        make: &dyn Fn(RunId) -> Beginning,
        blobs: &[Vec<u8>],
    ) -> Result<(RunId, Vec<Record>), StoreError> {
        loop {
            let mut id = RunId(self.read(greatest)? + 1);
            while !free(id) {
                id = RunId(id.0 + 1);
            }
            let at = self.inner.clock.now();
            let Beginning { created, rest } = make(id);
            let events = std::iter::once(Event::RunCreated(Box::new(created))).chain(rest);
            let records: Vec<Record> = (1..)
                .zip(events)
                .map(|(seq, event)| Record {
                    run: id,
                    seq,
                    at,
                    event,
                })
                .collect();
            let (log, texts) = (records.clone(), blobs.to_vec());
            if self.write(move |tx| insert(tx, id, &log, &texts))? {
                return Ok((id, records));
            }
        }
    }
}

/// Whether the number was still free.
fn insert(
    tx: &Connection,
    id: RunId,
    records: &[Record],
    texts: &[Vec<u8>],
) -> Result<bool, StoreError> {
    if greatest(tx)? >= id.0 {
        return Ok(false);
    }
    for text in texts {
        blobs::insert(tx, &Text::of(text))?;
    }
    let unstorable = |error: Illegal| StoreError::Unstorable(error.to_string());
    let mut projector = Projector::new(tx);
    let mut run: Option<Run> = None;
    for record in records {
        let now = match run.take() {
            Some(mut run) => run.apply(record).map(|()| run),
            None => Run::begin(record),
        };
        let now = now.map_err(unstorable)?;
        events::insert(tx, record, &events::payload(record)?)?;
        projector.project(record, &now)?;
        run = Some(now);
    }
    run.map_or(Ok(()), |run| projector.finish(&run))?;
    Ok(true)
}

/// The greatest number that a run has or had.
fn greatest(tx: &Connection) -> Result<i64, StoreError> {
    let id = tx
        .prepare_cached(
            "SELECT max(coalesce((SELECT max(run_id) FROM events), 0),
                        coalesce((SELECT max(run_id) FROM pruned), 0))",
        )?
        .query_row([], |row| row.get(0))?;
    Ok(id)
}
