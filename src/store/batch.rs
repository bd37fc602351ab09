//! What a driver writes: all of a batch, or nothing.

use std::sync::{Arc, mpsc};

use rusqlite::Connection;
use rusqlite::types::Value as Column;
use tokio::sync::oneshot;

use super::artifacts::{self, Artifact};
use super::driver::Driver;
use super::error::StoreError;
use super::interventions::{self, InterventionStatus};
use super::projection::Projector;
use super::{Store, blobs, events, tape};
use crate::domain::tape::{Answer, Call};
use crate::domain::{ExecutionId, Record, Run, RunId};

/// Writes that become durable together, in order.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The writes.
    pub writes: Vec<Write>,
}

/// One write to the record of a run.
#[derive(Clone, Debug)]
pub enum Write {
    /// Something happened.
    Event {
        /// The event, its number the next of the run.
        record: Record,
        /// The run after it.
        run: Box<Run>,
    },
    /// A text is kept under its hash.
    Blob(Vec<u8>),
    /// An execution is about to call. An error if the ordinal is taken.
    Call {
        /// The execution.
        execution: ExecutionId,
        /// The place on its tape.
        ordinal: u32,
        /// What it asks for.
        call: Call,
    },
    /// A call is answered. An error if there is no such call or it has an answer.
    Answer {
        /// The execution.
        execution: ExecutionId,
        /// The place on its tape.
        ordinal: u32,
        /// What came of the call.
        answer: Answer,
    },
    /// A file is there. One of the same name takes its place.
    Artifact(Artifact),
    /// What another process asked for is settled.
    Intervention {
        /// Its number.
        id: i64,
        /// How it was settled.
        status: InterventionStatus,
    },
}

impl Batch {
    /// A batch of one.
    pub fn of(write: Write) -> Self {
        Self {
            writes: vec![write],
        }
    }
}

impl Store {
    /// Writes a batch and waits until it is durable. A dropped future does not take it back.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] if another driver has taken over, [`StoreError::Conflict`] if a row
    /// is not as the batch expects; then nothing of the batch is written.
    pub async fn commit(&self, driver: &Driver, batch: Batch) -> Result<(), StoreError> {
        let (sender, receiver) = oneshot::channel();
        let reply = move |result| drop(sender.send(result));
        self.submit(driver, batch, reply);
        receiver.await.unwrap_or(Err(StoreError::Closed))
    }

    /// As [`Store::commit`], for callers that are not async.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub fn commit_blocking(&self, driver: &Driver, batch: Batch) -> Result<(), StoreError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let reply = move |result| drop(sender.send(result));
        self.submit(driver, batch, reply);
        receiver.recv().unwrap_or(Err(StoreError::Closed))
    }

    fn submit(
        &self,
        driver: &Driver,
        batch: Batch,
        reply: impl FnOnce(Result<(), StoreError>) + Send + 'static,
    ) {
        let (run, now) = (driver.run(), self.now());
        let claim = Arc::new(driver.claim(now.clone()));
        let claimed = Arc::clone(&claim);
        let writes: Result<Vec<Ready>, StoreError> =
            batch.writes.into_iter().map(Ready::of).collect();
        let writes = match writes {
            Ok(writes) => writes,
            Err(error) => return reply(Err(error)),
        };
        let work = move |tx: &Connection| {
            claim.assert(tx)?;
            apply_all(tx, run, &now, &writes)
        };
        let reply = move |result: Result<(), StoreError>| {
            if result.is_ok() {
                claimed.settle();
            }
            reply(result);
        };
        self.inner.writer.submit(work, reply);
    }

    /// The time, as it stands in columns.
    pub(super) fn now(&self) -> String {
        self.inner.clock.now().to_string()
    }
}

/// A write with everything done that needs no database, so that the writer only writes.
enum Ready {
    Event {
        record: Record,
        run: Box<Run>,
        payload: String,
    },
    Text(blobs::Text),
    Call {
        execution: ExecutionId,
        ordinal: u32,
        call: Call,
        text: Column,
    },
    Answer {
        execution: ExecutionId,
        ordinal: u32,
        answer: Answer,
        text: Column,
    },
    Artifact(Artifact),
    Intervention {
        id: i64,
        status: InterventionStatus,
    },
}

impl Ready {
    fn of(write: Write) -> Result<Self, StoreError> {
        Ok(match write {
            Write::Event { record, run } => Self::Event {
                payload: events::payload(&record)?,
                record,
                run,
            },
            Write::Blob(content) => Self::Text(blobs::Text::of(&content)),
            Write::Call {
                execution,
                ordinal,
                call,
            } => Self::Call {
                execution,
                ordinal,
                text: tape::call_text(&call)?,
                call,
            },
            Write::Answer {
                execution,
                ordinal,
                answer,
            } => Self::Answer {
                execution,
                ordinal,
                text: tape::answer_text(&answer)?,
                answer,
            },
            Write::Artifact(artifact) => Self::Artifact(artifact),
            Write::Intervention { id, status } => Self::Intervention { id, status },
        })
    }
}

fn apply_all(tx: &Connection, run: RunId, now: &str, writes: &[Ready]) -> Result<(), StoreError> {
    let mut projector = Projector::new(tx);
    let mut last = None;
    for write in writes {
        if let Ready::Event { run, .. } = write {
            last = Some(run);
        }
        apply(tx, &mut projector, run, now, write)?;
    }
    last.map_or(Ok(()), |run| projector.finish(run))
}

fn apply(
    tx: &Connection,
    projector: &mut Projector<'_>,
    run: RunId,
    now: &str,
    write: &Ready,
) -> Result<(), StoreError> {
    match write {
        Ready::Event {
            record,
            run: after,
            payload,
        } => {
            if (record.run, after.id, after.seq) != (run, run, record.seq) {
                return Err(StoreError::Conflict(format!(
                    "event {} of run {} does not lead to event {} of run {} (driving run {run})",
                    record.seq, record.run, after.seq, after.id
                )));
            }
            events::insert(tx, record, payload)?;
            projector.project(record, after)
        }
        Ready::Text(text) => blobs::insert(tx, text),
        Ready::Call {
            execution,
            ordinal,
            call,
            text,
        } => tape::insert(tx, run, *execution, *ordinal, call, text),
        Ready::Answer {
            execution,
            ordinal,
            answer,
            text,
        } => tape::answer(tx, run, *execution, *ordinal, answer, text),
        Ready::Artifact(artifact) => artifacts::insert(tx, run, artifact, now),
        Ready::Intervention { id, status } => interventions::resolve(tx, *id, *status, now),
    }
}
