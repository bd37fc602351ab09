//! What a driver writes: all of a batch, or nothing.

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::artifacts::{self, Artifact};
use super::driver::{self, Driver};
use super::error::StoreError;
use super::interventions::{self, InterventionStatus};
use super::{Store, blobs, events, projection, tape};
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
        self.inner.writer.submit(self.job(driver, batch), reply);
        receiver.await.unwrap_or(Err(StoreError::Closed))
    }

    /// As [`Store::commit`], for callers that are not async.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub fn commit_blocking(&self, driver: &Driver, batch: Batch) -> Result<(), StoreError> {
        self.write(self.job(driver, batch))
    }

    fn job(
        &self,
        driver: &Driver,
        batch: Batch,
    ) -> impl FnOnce(&Connection) -> Result<(), StoreError> + Send + 'static {
        let (run, fence, now) = (driver.run(), driver.fence(), self.now());
        move |tx| {
            driver::check_fence(tx, run, fence)?;
            batch
                .writes
                .iter()
                .try_for_each(|write| apply(tx, run, &now, write))
        }
    }

    /// The time, as it stands in columns.
    pub(super) fn now(&self) -> String {
        self.inner.clock.now().to_string()
    }
}

fn apply(tx: &Connection, run: RunId, now: &str, write: &Write) -> Result<(), StoreError> {
    match write {
        Write::Event { record, run: after } => {
            if (record.run, after.id, after.seq) != (run, run, record.seq) {
                return Err(StoreError::Conflict(format!(
                    "event {} of run {} does not lead to event {} of run {} (driving run {run})",
                    record.seq, record.run, after.seq, after.id
                )));
            }
            events::insert(tx, record)?;
            projection::project(tx, record, after)
        }
        Write::Blob(content) => blobs::insert(tx, content),
        Write::Call {
            execution,
            ordinal,
            call,
        } => tape::insert(tx, run, *execution, *ordinal, call),
        Write::Answer {
            execution,
            ordinal,
            answer,
        } => tape::answer(tx, run, *execution, *ordinal, answer),
        Write::Artifact(artifact) => artifacts::insert(tx, run, artifact, now),
        Write::Intervention { id, status } => interventions::resolve(tx, *id, *status, now),
    }
}
