//! What the record says of a course that is followed again: what happened, what was answered, and
//! where the two part.

use std::collections::BTreeMap;

use anyhow::Context as _;

use crate::compare;
use crate::domain::brief::{Brief, ModelSettings};
use crate::domain::event::{Event, RunResumed};
use crate::domain::id::{ExecutionId, RunId};
use crate::domain::replay::{Comparison, Divergence, Replay, ReplayMode};
use crate::domain::tape::{Answer, TapeEntry};
use crate::domain::{Digest, Record, Run, text};
use crate::store::Store;

/// The course that is followed goes no further in what is under way.
#[derive(Debug, thiserror::Error)]
#[error("the record of the run that is replayed goes no further here")]
pub(in crate::engine) struct RecordEnds;

/// The most notes that are kept.
const MOST_NOTES: usize = 20;

/// The course of a replay's source from the fork on, and how far it has been followed.
pub(in crate::engine) struct Recording {
    store: Store,
    source: RunId,
    pub(in crate::engine) mode: ReplayMode,
    course: Vec<Record>,
    next: usize,
    tapes: BTreeMap<ExecutionId, Vec<TapeEntry>>,
    parted: Option<Divergence>,
    notes: Vec<String>,
}

impl Recording {
    /// The recording that `run` follows, if it is a replay that answers from the record and has not
    /// come to its verdict. What it has done already is followed first.
    pub(in crate::engine) fn of(store: &Store, run: &Run) -> anyhow::Result<Option<Self>> {
        let Some(replay) = following(run) else {
            return Ok(None);
        };
        let mut recording = Self {
            store: store.clone(),
            source: replay.source,
            mode: replay.mode,
            course: course(store, replay.source, replay.seq)?,
            next: 0,
            tapes: BTreeMap::new(),
            parted: None,
            notes: Vec::new(),
        };
        for record in course(store, run.id, replay.at)? {
            recording.meet(&record);
        }
        Ok(Some(recording))
    }

    /// Takes in what has happened now.
    pub(in crate::engine) fn meet(&mut self, record: &Record) {
        if self.parted.is_some() || matches!(record.event, Event::RunUpdated(_)) {
            return;
        }
        if self.is_over() {
            return;
        }
        // The findings of one check have no order among themselves.
        if let Event::FindingRecorded { .. } = record.event {
            let group = self.course[self.next..].iter();
            let same = group
                .take_while(|theirs| matches!(theirs.event, Event::FindingRecorded { .. }))
                .position(|theirs| compare::difference(&theirs.event, &record.event).is_none());
            self.course[self.next..].swap(0, same.unwrap_or(0));
        }
        let theirs = &self.course[self.next];
        match compare::difference(&theirs.event, &record.event) {
            None => self.next += 1,
            // Whoever drives the replay may let it rest.
            Some(_) if is_act(&record.event) => {}
            Some((a, b)) => {
                self.part(None, &a, &b);
            }
        }
    }

    /// The next event of the source, if it is what a person or its driver did.
    pub(in crate::engine) fn next_act(&self) -> Option<&Event> {
        let event = &self.course.get(self.next)?.event;
        is_act(event).then_some(event)
    }

    /// The same, if what follows it goes on where it stood.
    pub(in crate::engine) fn next_pause(&self) -> Option<&Event> {
        let act = self.next_act()?;
        let mut rest = self.course[self.next..].iter().map(|record| &record.event);
        let goes_on = rest.find(|event| !is_pause(event));
        goes_on.is_some_and(|event| !is_act(event)).then_some(act)
    }

    /// The next event of the source.
    pub(in crate::engine) fn next_event(&self) -> Option<&Event> {
        self.course.get(self.next).map(|record| &record.event)
    }

    /// The next event of the source that is its own work: what its people and drivers did on the
    /// way is done again before it.
    pub(in crate::engine) fn next_work(&self) -> Option<&Event> {
        let rest = self.course.get(self.next..)?.iter();
        let mut rest = rest.map(|record| &record.event);
        rest.find(|event| !is_pause(event))
    }

    /// The event after the next.
    pub(in crate::engine) fn second_event(&self) -> Option<&Event> {
        self.course.get(self.next + 1).map(|record| &record.event)
    }

    /// Whether the source did nothing of its own next: it has ended, or was sent elsewhere.
    pub(in crate::engine) fn is_at_a_turn(&self) -> bool {
        self.parted.is_none() && (self.is_over() || self.next_act().is_some())
    }

    /// Whether all of the source's course has been followed.
    pub(in crate::engine) fn is_over(&self) -> bool {
        self.next >= self.course.len()
    }

    /// The answered call at a place (from 0) of an execution's tape.
    pub(in crate::engine) fn entry(
        &mut self,
        execution: ExecutionId,
        index: usize,
    ) -> anyhow::Result<Option<&TapeEntry>> {
        if !self.tapes.contains_key(&execution) {
            let mut tape = self.store.tape(self.source, execution)?;
            tape.retain(|entry| !matches!(entry.answer, None | Some(Answer::Lost)));
            self.tapes.insert(execution, tape);
        }
        Ok(self.tapes[&execution].get(index))
    }

    /// How the models of an execution of the source were asked.
    pub(in crate::engine) fn settings(
        &self,
        execution: ExecutionId,
    ) -> anyhow::Result<Option<ModelSettings>> {
        let begun = |record: &Record| match &record.event {
            Event::PhaseStarted(started) => started.execution.clone(),
            Event::StepStarted(started) => Some(started.execution.clone()),
            Event::AnalysisStarted(started) => Some(started.execution.clone()),
            Event::CandidateStarted(started) => Some(started.execution.clone()),
            _ => None,
        };
        let mut begun = self.course.iter().filter_map(begun);
        let Some(started) = begun.find(|started| started.id == execution) else {
            return Ok(None);
        };
        let brief: Brief = serde_json::from_str(&self.text(&started.brief)?)
            .with_context(|| format!("the brief of execution {execution} is unreadable"))?;
        Ok(Some(brief.context.models))
    }

    /// Records that the two part here, unless they have parted before.
    pub(in crate::engine) fn part_at(&mut self, place: (ExecutionId, u32), a: &str, b: &str) {
        self.part(Some(place), a, b);
    }

    fn part(&mut self, place: Option<(ExecutionId, u32)>, a: &str, b: &str) {
        let next = self.course.get(self.next);
        let last = next.or(self.course.last());
        self.parted.get_or_insert_with(|| Divergence {
            seq: last.map_or(0, |record| record.seq),
            kind: next.map_or_else(|| "tape".to_owned(), |record| record.event.kind()),
            a: a.to_owned(),
            b: b.to_owned(),
            execution: place.map(|place| place.0),
            call: place.map(|place| place.1),
        });
    }

    /// Whether there is nothing more to find out.
    pub(in crate::engine) fn is_settled(&self) -> bool {
        self.parted.is_some() || self.is_over()
    }

    /// Where the two have parted, if they have.
    pub(in crate::engine) fn parted(&self) -> Option<&Divergence> {
        self.parted.as_ref()
    }

    /// Notes what differs without being a divergence.
    pub(in crate::engine) fn note(&mut self, note: String) {
        if self.notes.len() < MOST_NOTES {
            self.notes.push(note);
        }
    }

    /// A text of the record.
    pub(in crate::engine) fn text(&self, address: &Digest) -> anyhow::Result<String> {
        let text = self
            .store
            .blob(address)?
            .with_context(|| format!("the text {} is missing", address.short()))?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// The verdict. `whole` says that the replay was to follow the source to its end.
    pub(in crate::engine) fn verdict(&mut self, whole: bool) -> Comparison {
        if whole && let Some(theirs) = self.next_event() {
            let missing = text::sentence(theirs);
            self.part(None, &missing, "");
        }
        Comparison::of(self.parted.clone(), std::mem::take(&mut self.notes))
    }
}

/// The replay that a run is, if it answers from the record and has not come to its verdict.
fn following(run: &Run) -> Option<&Replay> {
    let replay = run.replay.as_ref()?;
    (replay.mode.is_offline() && replay.comparison.is_none()).then_some(replay)
}

/// The events of a run after a place, but for those that are no part of its course.
fn course(store: &Store, run: RunId, after: u64) -> anyhow::Result<Vec<Record>> {
    let mut records = store.events_after(run, after)?;
    records.retain(|record| !record.event.is_about_the_run());
    Ok(records)
}

/// Whether the event is what a person or a driver did to the run, rather than its own work.
pub(in crate::engine) fn is_act(event: &Event) -> bool {
    matches!(
        event,
        Event::RunStopped(_) | Event::RunResumed(_) | Event::RunCancelled { .. }
    )
}

/// Whether a run goes on after the event where it stood before.
fn is_pause(event: &Event) -> bool {
    matches!(
        event,
        Event::RunStopped(_)
            | Event::RunResumed(RunResumed {
                from: None,
                heal: None,
                granted: false,
                ..
            })
    )
}
