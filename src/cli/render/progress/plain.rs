//! One line an event, for pipes and logs: `12:03:04  planner   started (attempt 1, model m)`.

use jiff::Timestamp;

use super::board::Board;
use crate::cli::render::clean;
use crate::cli::render::look::{Look, style};
use crate::domain::event::{Event, PhaseStarted};
use crate::domain::{Phase, Record, text};

/// Room for who or what an event is about.
const SUBJECTS: usize = 9;

/// The line of an event that the board has already heard.
pub(crate) fn event(record: &Record, board: &Board, look: &Look) -> String {
    let kind = record.event.kind();
    let subject = kind.split('.').next().unwrap_or_default();
    let said = match &record.event {
        Event::PhaseStarted(started) => start(started, board),
        other => text::sentence(other),
    };
    let said = clean::line(&said);
    let said = said
        .strip_prefix(subject)
        .and_then(|rest| rest.strip_prefix(' '))
        .unwrap_or(&said);
    line(record.at, subject, said, look)
}

/// The line of something that is being done.
pub(crate) fn notice(at: Timestamp, phase: Phase, said: &str, look: &Look) -> String {
    line(
        at,
        phase.as_str(),
        &format!("{} {said}", look.ellipsis()),
        look,
    )
}

fn line(at: Timestamp, subject: &str, said: &str, look: &Look) -> String {
    let time = style::paint(style::DIM, look.clock(at));
    format!("{time}  {subject:<SUBJECTS$} {said}")
}

fn start(started: &PhaseStarted, board: &Board) -> String {
    let model = started
        .execution
        .as_ref()
        .and_then(|execution| execution.model.as_ref());
    let model = model
        .map(|model| format!(", model {model}"))
        .unwrap_or_default();
    format!("started (attempt {}{model})", board.attempts(started.phase))
}
