//! `answers`: where on the tapes the answer to a request stands, so that it can be taken from there.
//!
//! A row is a pointer and no more. One that leads nowhere, because the run it names was forgotten, is
//! as good as none.

use rusqlite::{Connection, OptionalExtension, named_params};

use super::error::StoreError;
use super::{Store, blobs, tape};
use crate::domain::message::ModelAnswer;
use crate::domain::tape::{Answer, Call, TapeEntry, TapePlace};
use crate::domain::{Digest, ExecutionId, RunId};

impl Store {
    /// What was answered when someone was last asked what `key` stands for (the hash of whom and what), and
    /// where that stands; of `run` only, if one is given. `request` is the address of what is asked.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn remembered(
        &self,
        key: &Digest,
        request: &Digest,
        run: Option<RunId>,
    ) -> Result<Option<(TapePlace, ModelAnswer)>, StoreError> {
        self.read(|tx| {
            let place = place(tx, key)?.filter(|place| run.is_none_or(|run| run == place.run));
            let Some(place) = place else {
                return Ok(None);
            };
            let entry = match tape::at(tx, place) {
                // Whoever does not find it asks.
                Err(StoreError::Unreadable { .. }) => None,
                entry => entry?,
            };
            Ok(match entry {
                Some(TapeEntry {
                    call: Call::Model(call),
                    answer: Some(Answer::Model(answer)),
                    ..
                }) if call.request == *request => Some((place, answer)),
                _ => None,
            })
        })
    }
}

fn place(tx: &Connection, key: &Digest) -> Result<Option<TapePlace>, StoreError> {
    let place = tx
        .prepare_cached(
            "SELECT run_id, execution_id, ordinal FROM answers WHERE request = :request",
        )?
        .query_row(named_params! {":request": blobs::key(key)}, |row| {
            Ok(TapePlace {
                run: RunId(row.get(0)?),
                execution: ExecutionId(row.get(1)?),
                ordinal: row.get(2)?,
            })
        })
        .optional()?;
    Ok(place)
}

/// Notes where an answer stands. The latest to the same request is the one that is found.
pub(super) fn insert(tx: &Connection, key: &Digest, place: TapePlace) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO answers (request, run_id, execution_id, ordinal)
         VALUES (:request, :run, :execution, :ordinal)
         ON CONFLICT (request) DO UPDATE
         SET run_id = excluded.run_id, execution_id = excluded.execution_id,
             ordinal = excluded.ordinal",
    )?
    .execute(named_params! {
        ":request": blobs::key(key),
        ":run": place.run.0,
        ":execution": place.execution.0,
        ":ordinal": place.ordinal,
    })?;
    Ok(())
}
