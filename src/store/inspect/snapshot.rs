//! Everything on the record about a run, for taking it away.

use super::Document;
use crate::domain::tape::TapeEntry;
use crate::domain::{ExecutionId, Record, Run, RunId};
use crate::store::error::StoreError;
use crate::store::{ExchangeHead, Store, exchanges, tape};

/// A run with its events and tapes, all of one moment. What they name by hash is in the blobs,
/// which never change.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// What `inspect --json` shows.
    pub document: Document,
    /// The run.
    pub run: Run,
    /// Its events.
    pub records: Vec<Record>,
    /// The tapes of its executions, in order.
    pub tapes: Vec<(ExecutionId, Vec<TapeEntry>)>,
    /// What went over the wire for the model calls on them, without its bytes.
    pub exchanges: Vec<ExchangeHead>,
}

/// Everything about `run`, of one moment, whether or not somebody drives it.
///
/// # Errors
/// [`StoreError::NoSuchRun`], or if the record cannot be read.
pub fn snapshot(store: &Store, run: RunId) -> Result<Snapshot, StoreError> {
    let driven = store.is_driven(run)?;
    store.read(|tx| {
        let (document, folded, records) = super::read(tx, run, driven)?;
        let ids = folded.executions.iter().map(|execution| execution.id);
        let tapes = ids
            .map(|id| Ok((id, tape::of_execution(tx, run, id)?)))
            .collect::<Result<_, StoreError>>()?;
        Ok(Snapshot {
            document,
            run: folded,
            records,
            tapes,
            exchanges: exchanges::heads(tx, run)?,
        })
    })
}
