//! What happened when: executions, interventions, events.

use super::document::Doc;
use super::layout::{hang, pad};
use super::look::{Look, Mark, style};
use super::table::{self, Cell, Column};
use super::units;
use crate::export::words;

/// Earlier events are shown only if asked for.
const LAST_EVENTS: usize = 40;

const EXECUTIONS: [Column; 7] = [
    Column::numbers("id"),
    Column::words("phase"),
    Column::flexible("step", 6),
    Column::numbers("attempt"),
    Column::flexible("model", 8),
    Column::numbers("time"),
    Column::words("result"),
];

/// One line an execution.
pub(crate) fn executions(document: Doc<'_>, look: &Look) -> Option<String> {
    let rows: Vec<[Cell; 7]> = document
        .list("executions")
        .map(|one| execution(one, look))
        .collect();
    (!rows.is_empty()).then(|| table::render(&EXECUTIONS, &rows, look))
}

fn execution(one: Doc<'_>, look: &Look) -> [Cell; 7] {
    let nothing = || look.nothing().to_owned();
    let status = one.word("status");
    let mark = Mark::of(&status);
    let result = one.text("error_type").unwrap_or(status);
    [
        one.word("id").into(),
        one.word("phase").into(),
        one.text("step").unwrap_or_else(nothing).into(),
        one.word("attempt_number").into(),
        one.text("model").unwrap_or_else(nothing).into(),
        one.number("duration_ms")
            .map_or_else(nothing, units::duration)
            .into(),
        Cell(format!("{} {result}", look.sign(mark)), mark.style()),
    ]
}

/// What people were asked and what they asked for.
pub(crate) fn interventions(document: Doc<'_>, look: &Look) -> Option<String> {
    let lines: Vec<String> = document
        .list("interventions")
        .map(|one| {
            let settled = one.text("resolved_at").is_some();
            let mark = if settled { Mark::Good } else { Mark::Warn };
            let head = format!("  {} {}  ", look.mark(mark), pad(&one.word("status"), 8));
            let switch = one.at("switch").text("model").map(|_| words::asked(one));
            let words = [switch, one.text("reason"), one.text("action_required")];
            hang(
                &head,
                &words.into_iter().flatten().collect::<Vec<_>>().join(": "),
                4,
                look,
            )
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The last events, or all of them, and the heading that says which.
pub(crate) fn events(document: Doc<'_>, all: bool, look: &Look) -> (Option<String>, String) {
    let events: Vec<Doc<'_>> = document.list("events").collect();
    let skipped = if all {
        0
    } else {
        events.len().saturating_sub(LAST_EVENTS)
    };
    let heading = match skipped {
        0 => format!("Events ({})", events.len()),
        _ => format!(
            "Events (the last {LAST_EVENTS} of {}, all with -v)",
            events.len()
        ),
    };
    let lines: Vec<String> = events[skipped..]
        .iter()
        .map(|one| event(*one, look))
        .collect();
    ((!lines.is_empty()).then(|| lines.join("\n")), heading)
}

fn event(event: Doc<'_>, look: &Look) -> String {
    let time = event
        .time("at")
        .map(|at| look.clock(at))
        .unwrap_or_default();
    let place = style::paint(style::DIM, format!("{:>4}  {time}", event.word("seq")));
    hang(&format!("{place}  "), &event.word("text"), 3, look)
}
