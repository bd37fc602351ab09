//! The driver's pen: collects writes and commits them together.
//!
//! Nothing collected counts until [`Recorder::commit`] returns. Everything that must be on the
//! record before an effect is committed before it; what follows purely from a result shares its
//! transaction with the next intent.

use std::sync::Arc;

use anyhow::Context as _;
use jiff::Timestamp;

use crate::bus::Bus;
use crate::domain::budget::{Caps, Shortfall};
use crate::domain::event::{Event, Record};
use crate::domain::id::{Digest, ExecutionId};
use crate::domain::tape::{Answer, Call, Exchange, TapeEntry};
use crate::domain::{Clock, Run, State};
use crate::store::{Batch, Driver, Store, Write};

use super::replay::recording::{RecordEnds, Recording, is_act};
use super::story::{Place, Story};

/// Writes to one run as its driver.
pub(super) struct Recorder {
    store: Store,
    driver: Driver,
    bus: Bus,
    clock: Arc<dyn Clock>,
    run: Run,
    writes: Vec<Write>,
    unsent: Vec<(Record, Place)>,
    story: Story,
    /// The call whose answer is awaited.
    open: Option<Call>,
    /// What all runs together may spend in a day.
    pub(super) day: Caps,
    /// Since when the time at work is not told to the day's account. None where it is not to be:
    /// what is done with the result of a run that is done is no part of it.
    since: Option<Timestamp>,
    /// The course that is followed, if the run is a replay that answers from the record.
    pub(super) recording: Option<Recording>,
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
        let now = clock.now();
        Self {
            story: Story::new(&run, driver.fence(), now),
            day: Caps::default(),
            since: (run.state() != State::Done).then_some(now),
            store,
            driver,
            bus,
            clock,
            run,
            writes: Vec::new(),
            unsent: Vec::new(),
            recording: None,
            open: None,
        }
    }

    /// The span of the drive, for the log.
    pub(super) fn span(&self) -> tracing::Span {
        self.story.span()
    }

    /// The run with everything collected so far.
    pub(super) fn run(&self) -> &Run {
        &self.run
    }

    /// Collects an event. Where a recorded course is followed, whatever interrupted it there comes
    /// first.
    ///
    /// # Errors
    /// [`RecordEnds`] if the course that is followed did not come to such an event.
    pub(super) fn event(&mut self, event: Event) -> anyhow::Result<()> {
        if !is_act(&event) && !matches!(event, Event::RunUpdated(_)) {
            while let Some(pause) = self.recording.as_ref().and_then(Recording::next_pause) {
                self.put(pause.clone())?;
            }
            if self.recording.as_ref().is_some_and(Recording::is_at_a_turn) {
                return Err(RecordEnds.into());
            }
        }
        self.put(event)
    }

    fn put(&mut self, event: Event) -> anyhow::Result<()> {
        let record = Record {
            run: self.run.id,
            seq: self.run.seq + 1,
            at: self.clock.now().max(self.run.updated_at),
            event,
        };
        self.run
            .apply(&record)
            .context("the run's own events contradict each other; this is a bug in rgpt")?;
        if let Some(recording) = &mut self.recording {
            recording.meet(&record);
        }
        self.writes.push(Write::Event {
            record: Box::new(record.clone()),
            run: Box::new(self.run.clone()),
        });
        let place = Place::of_event(&record.event, &self.run);
        self.unsent.push((record, place));
        self.story.stand_at(Place::of_run(&self.run));
        Ok(())
    }

    /// The events that are collected and not committed.
    pub(super) fn uncommitted(&self) -> impl Iterator<Item = &Record> {
        self.unsent.iter().map(|(record, _)| record)
    }

    /// Collects a text and returns its address.
    pub(super) fn text(&mut self, content: &[u8]) -> Digest {
        self.writes.push(Write::Blob(content.to_vec()));
        Digest::of(content)
    }

    /// Collects the intent of a call.
    pub(super) fn call(&mut self, execution: ExecutionId, entry: &TapeEntry) {
        self.story.call(&entry.call, self.clock.now());
        self.open = Some(entry.call.clone());
        self.writes.push(Write::Call {
            execution,
            ordinal: entry.ordinal,
            call: entry.call.clone(),
        });
    }

    /// Collects the answer to a call.
    pub(super) fn answer(&mut self, execution: ExecutionId, ordinal: u32, answer: &Answer) {
        let call = self.open.take();
        self.story.answer(call.as_ref(), answer, self.clock.now());
        self.writes.push(Write::Answer {
            execution,
            ordinal,
            answer: answer.clone(),
        });
    }

    /// Collects what went over the wire for a call.
    pub(super) fn exchanges(
        &mut self,
        execution: ExecutionId,
        ordinal: u32,
        exchanges: Vec<Exchange>,
    ) {
        for (number, exchange) in (1..).zip(exchanges) {
            self.writes.push(Write::Exchange {
                execution,
                ordinal,
                number,
                exchange,
            });
        }
    }

    /// Collects any other write.
    pub(super) fn write(&mut self, write: Write) {
        self.writes.push(write);
    }

    /// Since when the time at work is not on the day's account yet, if it is to be.
    pub(super) fn at_work_since(&self) -> Option<Timestamp> {
        self.since.filter(|_| self.recording.is_none())
    }

    /// Commits what was collected, then tells the bus. A model call that the day has too little
    /// left for is not on the record then and must not be made; what it fell short of is returned.
    pub(super) async fn commit(&mut self) -> anyhow::Result<Option<Shortfall>> {
        if self.writes.is_empty() {
            return Ok(None);
        }
        let now = self.clock.now();
        let batch = Batch {
            writes: std::mem::take(&mut self.writes),
            day: self.day,
            worked: self.at_work_since().map(|since| (since, now)),
        };
        let refused = self.store.commit(&self.driver, batch).await?;
        self.since = self.since.map(|_| now);
        for (record, place) in self.unsent.drain(..) {
            self.story.event(&record, place);
            self.bus.event(&record);
        }
        Ok(refused.map(|refused| refused.shortfall))
    }
}

/// The entry that a call makes on a tape.
pub(super) fn entry_after(tape: &[TapeEntry], call: Call) -> TapeEntry {
    TapeEntry {
        ordinal: next_ordinal(tape),
        call,
        answer: None,
    }
}

/// The place of the next call on a tape.
pub(super) fn next_ordinal(tape: &[TapeEntry]) -> u32 {
    tape.last().map_or(1, |entry| entry.ordinal + 1)
}
