//! What a driver writes: all of a batch, or nothing.

use std::sync::{Arc, mpsc};

use jiff::Timestamp;
use rusqlite::Connection;
use rusqlite::types::Value as Column;
use tokio::sync::oneshot;

use super::artifacts::{self, Artifact};
use super::days::{Account, Refused};
use super::driver::Driver;
use super::error::StoreError;
use super::interventions::{self, InterventionStatus};
use super::projection::Projector;
use super::quarantine::{self, Quarantined};
use super::{Store, answers, blobs, events, exchanges, observations, outcomes, tape};
use crate::domain::budget::Caps;
use crate::domain::choice::Observation;
use crate::domain::outcome::Outcome;
use crate::domain::tape::{Answer, Call, Exchange, TapePlace};
use crate::domain::{Digest, ExecutionId, HealId, Record, Run, RunId};

/// Writes that become durable together, in order.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The writes.
    pub writes: Vec<Write>,
    /// What all runs together may spend today.
    pub day: Caps,
    /// From when to when the driver was at work, where that counts.
    pub worked: Option<(Timestamp, Timestamp)>,
}

/// One write to the record of a run.
#[derive(Clone, Debug)]
pub enum Write {
    /// Something happened.
    Event {
        /// The event, its number the next of the run.
        record: Box<Record>,
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
    /// What went over the wire for a call.
    Exchange {
        /// The execution.
        execution: ExecutionId,
        /// The place of the call on its tape.
        ordinal: u32,
        /// Its place among the exchanges of the call, from 1.
        number: u32,
        /// What went over the wire.
        exchange: Exchange,
    },
    /// Where the answer to a request stands, for whoever asks the same again.
    Remember {
        /// The hash of whom was asked what.
        key: Digest,
        /// The execution.
        execution: ExecutionId,
        /// The place of the call on its tape.
        ordinal: u32,
    },
    /// What checks said of the work of a model in an execution. A later word takes the place of an
    /// earlier one.
    Observation {
        /// The execution.
        execution: ExecutionId,
        /// What they said.
        observation: Observation,
    },
    /// A test was shown to be flaky. What was seen of it before is replaced.
    Quarantine(Quarantined),
    /// What became of a repair, beside the event that settles it.
    Outcome {
        /// The repair's number.
        heal: HealId,
        /// What became of it.
        outcome: Outcome,
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
            ..Self::default()
        }
    }
}

impl Store {
    /// Writes a batch and waits until it is durable. A dropped future does not take it back. A model
    /// call that the day's caps do not allow is left out, with whatever is about it and about later
    /// calls of its execution; the rest is written, and the call is returned.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] if another driver has taken over, [`StoreError::Conflict`] if a row
    /// is not as the batch expects; then nothing of the batch is written.
    pub async fn commit(
        &self,
        driver: &Driver,
        batch: Batch,
    ) -> Result<Option<Refused>, StoreError> {
        let (sender, receiver) = oneshot::channel();
        let reply = move |result| drop(sender.send(result));
        self.submit(driver, batch, reply);
        receiver.await.unwrap_or(Err(StoreError::Closed))
    }

    /// As [`Store::commit`], for callers that are not async.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub fn commit_blocking(
        &self,
        driver: &Driver,
        batch: Batch,
    ) -> Result<Option<Refused>, StoreError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let reply = move |result| drop(sender.send(result));
        self.submit(driver, batch, reply);
        receiver.recv().unwrap_or(Err(StoreError::Closed))
    }

    fn submit(
        &self,
        driver: &Driver,
        batch: Batch,
        reply: impl FnOnce(Result<Option<Refused>, StoreError>) + Send + 'static,
    ) {
        let (run, at) = (driver.run(), self.inner.clock.now());
        let claim = Arc::new(driver.claim(at.to_string()));
        let claimed = Arc::clone(&claim);
        let batch = match Prepared::of(batch, at) {
            Ok(batch) => batch,
            Err(error) => return reply(Err(error)),
        };
        let work = move |tx: &Connection| {
            claim.assert(tx)?;
            batch.apply(tx, run)
        };
        let reply = move |result: Result<Option<Refused>, StoreError>| {
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
        record: Box<Record>,
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
    Exchange {
        execution: ExecutionId,
        ordinal: u32,
        number: u32,
        exchange: exchanges::Packed,
    },
    Remember {
        key: Digest,
        execution: ExecutionId,
        ordinal: u32,
    },
    Observation {
        execution: ExecutionId,
        observation: Observation,
    },
    Quarantine(Quarantined),
    Outcome {
        heal: HealId,
        outcome: Outcome,
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
            Write::Exchange {
                execution,
                ordinal,
                number,
                exchange,
            } => Self::Exchange {
                execution,
                ordinal,
                number,
                exchange: exchanges::Packed::of(&exchange)?,
            },
            Write::Remember {
                key,
                execution,
                ordinal,
            } => Self::Remember {
                key,
                execution,
                ordinal,
            },
            Write::Observation {
                execution,
                observation,
            } => Self::Observation {
                execution,
                observation,
            },
            Write::Quarantine(entry) => Self::Quarantine(entry),
            Write::Outcome { heal, outcome } => Self::Outcome { heal, outcome },
            Write::Artifact(artifact) => Self::Artifact(artifact),
            Write::Intervention { id, status } => Self::Intervention { id, status },
        })
    }
}

/// A batch with everything done that needs no database.
pub(super) struct Prepared {
    writes: Vec<Ready>,
    account: Account,
    now: String,
}

impl Prepared {
    /// A batch that is written at this time.
    pub(super) fn of(batch: Batch, at: Timestamp) -> Result<Self, StoreError> {
        let mut account = Account::new(at, batch.day);
        if let Some((from, to)) = batch.worked {
            account.work(from, to);
        }
        let writes = batch.writes.into_iter().map(Ready::of);
        Ok(Self {
            writes: writes.collect::<Result<_, _>>()?,
            account,
            now: at.to_string(),
        })
    }

    /// Writes it to the record of `run`, in a transaction.
    pub(super) fn apply(self, tx: &Connection, run: RunId) -> Result<Option<Refused>, StoreError> {
        let mut application = Application {
            tx,
            run,
            now: &self.now,
            projector: Projector::new(tx),
            account: self.account,
            refused: None,
        };
        let mut last = None;
        for write in &self.writes {
            if application.is_left_out(write) {
                continue;
            }
            if let Ready::Event { run, .. } = write {
                last = Some(run);
            }
            application.apply(write)?;
        }
        application.account.close(tx)?;
        last.map_or(Ok(()), |run| application.projector.finish(run))?;
        Ok(application.refused)
    }
}

/// A batch on its way into the record.
struct Application<'t> {
    tx: &'t Connection,
    run: RunId,
    now: &'t str,
    projector: Projector<'t>,
    account: Account,
    refused: Option<Refused>,
}

impl Application<'_> {
    /// Whether the write hangs on a call that was refused.
    fn is_left_out(&self, write: &Ready) -> bool {
        let (Ready::Call {
            execution, ordinal, ..
        }
        | Ready::Answer {
            execution, ordinal, ..
        }
        | Ready::Exchange {
            execution, ordinal, ..
        }) = write
        else {
            return false;
        };
        let refused = self.refused.as_ref();
        refused.is_some_and(|refused| refused.covers(*execution, *ordinal))
    }

    fn apply(&mut self, write: &Ready) -> Result<(), StoreError> {
        let (tx, run) = (self.tx, self.run);
        match write {
            Ready::Event {
                record,
                run: after,
                payload,
            } => self.event(record, after, payload),
            Ready::Text(text) => blobs::insert(tx, text),
            Ready::Call {
                execution,
                ordinal,
                call,
                text,
            } => self.call((*execution, *ordinal), call, text),
            Ready::Answer {
                execution,
                ordinal,
                answer,
                text,
            } => {
                if let Some(settled) = tape::answer(tx, run, *execution, *ordinal, answer, text)? {
                    self.account.settle(settled);
                }
                Ok(())
            }
            Ready::Exchange {
                execution,
                ordinal,
                number,
                exchange,
            } => exchanges::insert(tx, run, *execution, *ordinal, *number, exchange),
            Ready::Remember {
                key,
                execution,
                ordinal,
            } => {
                let place = TapePlace {
                    run,
                    execution: *execution,
                    ordinal: *ordinal,
                };
                answers::insert(tx, key, place)
            }
            Ready::Observation {
                execution,
                observation,
            } => observations::insert(tx, run, *execution, observation),
            Ready::Quarantine(entry) => quarantine::insert(tx, entry),
            Ready::Outcome { heal, outcome } => outcomes::insert(tx, run, *heal, outcome, self.now),
            Ready::Artifact(artifact) => artifacts::insert(tx, run, artifact, self.now),
            Ready::Intervention { id, status } => {
                interventions::resolve(tx, *id, *status, self.now)
            }
        }
    }

    fn event(&mut self, record: &Record, after: &Run, payload: &str) -> Result<(), StoreError> {
        let run = self.run;
        if (record.run, after.id, after.seq) != (run, run, record.seq) {
            return Err(StoreError::Conflict(format!(
                "event {} of run {} does not lead to event {} of run {} (driving run {run})",
                record.seq, record.run, after.seq, after.id
            )));
        }
        events::insert(self.tx, record, payload)?;
        self.projector.project(record, after)
    }

    /// Records a call; one that asks a model only if the day has enough left for it.
    fn call(
        &mut self,
        (execution, ordinal): (ExecutionId, u32),
        call: &Call,
        text: &Column,
    ) -> Result<(), StoreError> {
        let day = match call {
            Call::Model(call) if call.reserved().attempts > 0 => {
                match self.account.reserve(self.tx, call)? {
                    Ok(day) => Some(day),
                    Err(shortfall) => {
                        self.refused = Some(Refused {
                            execution,
                            ordinal,
                            shortfall,
                        });
                        return Ok(());
                    }
                }
            }
            _ => None,
        };
        tape::insert(self.tx, self.run, execution, ordinal, (call, text), day)
    }
}
