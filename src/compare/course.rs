//! The course of a run, and the first place where two courses part.

use crate::domain::event::RunResumed;
use crate::domain::replay::Divergence;
use crate::domain::text::sentence;
use crate::domain::{Event, Record};

use super::event::{difference, says};
use super::part::{bounded, escaped};

/// The most characters of an event's sentence.
const SENTENCE: usize = 180;

/// What two logs are to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// Two runs: what they were created with counts, too.
    Runs,
    /// A run and its replay.
    Replay,
    /// A run and a replay that was not to go on to the end.
    PartialReplay,
}

/// Whether an event belongs to the course of its run: not where the run comes from, what is learned
/// of it later, and where it stood still and went on as if nothing had been.
pub fn is_course(event: &Event) -> bool {
    match event {
        Event::RunStopped(_) => false,
        Event::RunResumed(resumed) => *resumed != RunResumed::default(),
        event => !event.is_about_the_run(),
    }
}

/// The first event of the course where two logs part.
///
/// Findings that one check made have no order among themselves. Words are empty for a log that has
/// ended.
pub fn first_divergence(a: &[Record], b: &[Record], pairing: Pairing) -> Option<Divergence> {
    let (left, right) = (course(a, pairing), course(b, pairing));
    let mut pairs = left.iter().zip(&right);
    let parted = pairs.find_map(|(a, b)| {
        let (words_a, words_b) = match a.event.kind() == b.event.kind() {
            true => difference(&a.event, &b.event)?,
            false => (in_words(&a.event), in_words(&b.event)),
        };
        Some(divergence(a.seq, &a.event, words_a, words_b))
    });
    parted.or_else(|| {
        let common = left.len().min(right.len());
        match (left.get(common), right.get(common)) {
            (Some(_), None) if pairing == Pairing::PartialReplay => None,
            (Some(a), None) => Some(divergence(
                a.seq,
                &a.event,
                in_words(&a.event),
                String::new(),
            )),
            (None, Some(b)) => {
                let end = a.last().map_or(0, |last| last.seq) + 1;
                Some(divergence(end, &b.event, String::new(), in_words(&b.event)))
            }
            _ => None,
        }
    })
}

fn divergence(seq: u64, event: &Event, a: String, b: String) -> Divergence {
    Divergence {
        seq,
        kind: event.kind(),
        a,
        b,
        execution: None,
        call: None,
    }
}

/// An event as a whole, where the two are of different kinds.
fn in_words(event: &Event) -> String {
    bounded(&escaped(&sentence(event)), SENTENCE)
}

/// The events to pair. Findings in a row are put in an order that does not depend on the order in
/// which tests happened to end.
fn course(records: &[Record], pairing: Pairing) -> Vec<&Record> {
    let mut course: Vec<&Record> = records
        .iter()
        .filter(|record| match record.event {
            Event::RunCreated(_) => pairing == Pairing::Runs,
            ref event => is_course(event),
        })
        .collect();
    let is_finding = |record: &&Record| matches!(record.event, Event::FindingRecorded { .. });
    for group in course.chunk_by_mut(|a, b| is_finding(a) && is_finding(b)) {
        if group.len() > 1 {
            group.sort_by_cached_key(|record| says(&record.event).to_string());
        }
    }
    course
}
