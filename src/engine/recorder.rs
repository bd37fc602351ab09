//! The driver's pen: collects writes and commits them together.
//!
//! Nothing collected counts until [`Recorder::commit`] returns. Everything that must be on the
//! record before an effect is committed before it; what follows purely from a result shares its
//! transaction with the next intent.

use std::sync::Arc;

use anyhow::Context as _;

use crate::bus::Bus;
use crate::domain::event::{Event, Record};
use crate::domain::id::{Digest, ExecutionId};
use crate::domain::tape::{Answer, Call, TapeEntry};
use crate::domain::{Clock, Run};
use crate::store::{Batch, Driver, Store, Write};

/// Writes to one run as its driver.
pub(super) struct Recorder {
    store: Store,
    driver: Driver,
    bus: Bus,
    clock: Arc<dyn Clock>,
    run: Run,
    writes: Vec<Write>,
    unsent: Vec<Record>,
}

impl Recorder {
    /// Begins to write as `driver`, where `run` stands on the record.
    pub(super) fn new(
        store: Store,
        driver: Driver,
        bus: Bus,
        clock: Arc<dyn Clock>,
        run: Run,
    ) -> Self {
        Self {
            store,
            driver,
            bus,
            clock,
            run,
            writes: Vec::new(),
            unsent: Vec::new(),
        }
    }

    /// The run with everything collected so far.
    pub(super) fn run(&self) -> &Run {
        &self.run
    }

    /// Collects an event.
    pub(super) fn event(&mut self, event: Event) -> anyhow::Result<()> {
        let record = Record {
            run: self.run.id,
            seq: self.run.seq + 1,
            at: self.clock.now().max(self.run.updated_at),
            event,
        };
        self.run
            .apply(&record)
            .context("the run's own events contradict each other; this is a bug in rgpt")?;
        self.writes.push(Write::Event {
            record: record.clone(),
            run: Box::new(self.run.clone()),
        });
        self.unsent.push(record);
        Ok(())
    }

    /// Collects a text and returns its address.
    pub(super) fn text(&mut self, content: &[u8]) -> Digest {
        self.writes.push(Write::Blob(content.to_vec()));
        Digest::of(content)
    }

    /// Collects the intent of a call.
    pub(super) fn call(&mut self, execution: ExecutionId, entry: &TapeEntry) {
        self.writes.push(Write::Call {
            execution,
            ordinal: entry.ordinal,
            call: entry.call.clone(),
        });
    }

    /// Collects the answer to a call.
    pub(super) fn answer(&mut self, execution: ExecutionId, ordinal: u32, answer: &Answer) {
        self.writes.push(Write::Answer {
            execution,
            ordinal,
            answer: answer.clone(),
        });
    }

    /// Collects any other write.
    pub(super) fn write(&mut self, write: Write) {
        self.writes.push(write);
    }

    /// Commits what was collected, then tells the bus.
    pub(super) async fn commit(&mut self) -> anyhow::Result<()> {
        if self.writes.is_empty() {
            return Ok(());
        }
        let batch = Batch {
            writes: std::mem::take(&mut self.writes),
        };
        self.store.commit(&self.driver, batch).await?;
        for record in self.unsent.drain(..) {
            self.bus.event(&record);
        }
        Ok(())
    }
}

/// The entry that a call makes on a tape.
pub(super) fn entry_after(tape: &[TapeEntry], call: Call) -> TapeEntry {
    TapeEntry {
        ordinal: tape.last().map_or(1, |entry| entry.ordinal + 1),
        call,
        answer: None,
    }
}
