//! What was repaired: in short for the summary, as a timeline for `inspect`.

use super::document::Doc;
use super::layout::{hang, pad, width};
use super::look::{Look, Mark, style};
use super::units;
use crate::export::words::{self, Tone};

/// What, why and how it ended.
pub(crate) fn brief(document: Doc<'_>, look: &Look) -> Option<String> {
    let heals: Vec<String> = document
        .list("heals")
        .enumerate()
        .map(|(at, heal)| {
            let (mark, verdict) = verdict(heal);
            let head = format!("  {} {}  ", look.mark(mark), at + 1);
            let indent = " ".repeat(width(&head));
            let place = format!(
                "{} in {}",
                heal.word("error_type"),
                words::healed_phase(heal)
            );
            let what = format!("{place}: {}", heal.word("heal_action"));
            let ended = match outcome(heal) {
                Some(message) => format!("{verdict}: {message}"),
                None => verdict,
            };
            let mut lines = vec![hang(&head, &what, 2, look)];
            let cause = heal.at("heal_output").text("cause");
            if let Some(why) = cause.or_else(|| heal.text("reason")) {
                lines.push(style::paint(style::DIM, hang(&indent, &why, 3, look)));
            }
            lines.push(hang(&indent, &ended, 2, look));
            lines.join("\n")
        })
        .collect();
    (!heals.is_empty()).then(|| heals.join("\n"))
}

/// One block a repair: when, what for, the cause, what was done, how it ended, what it used.
pub(crate) fn timeline(document: Doc<'_>, look: &Look) -> Option<String> {
    let heals: Vec<String> = document
        .list("heals")
        .enumerate()
        .map(|(at, heal)| block(at + 1, heal, look))
        .collect();
    (!heals.is_empty()).then(|| heals.join("\n"))
}

fn block(number: usize, heal: Doc<'_>, look: &Look) -> String {
    let (mark, verdict) = verdict(heal);
    let time = heal
        .time("created_at")
        .map(|time| format!("{}  ", look.clock(time)));
    let title = format!(
        "{} in {}, {verdict}",
        heal.word("error_type"),
        words::healed_phase(heal)
    );
    let head = format!(
        "  {} {number}  {}",
        look.mark(mark),
        time.unwrap_or_default()
    );
    let mut lines = vec![hang(&head, &title, 2, look)];
    let action = [heal.text("heal_action"), heal.text("reason")]
        .into_iter()
        .flatten();
    let used = [
        heal.number("tokens")
            .map(|tokens| format!("{} tokens", units::tokens(tokens))),
        heal.amount("cost_usd")
            .or(heal.amount("cost"))
            .map(units::cost),
    ];
    let rows = [
        ("cause", heal.at("heal_output").text("cause")),
        ("action", Some(action.collect::<Vec<_>>().join(": "))),
        ("outcome", outcome(heal)),
        (
            "used",
            Some(used.into_iter().flatten().collect::<Vec<_>>().join(", ")),
        ),
        (
            "signature",
            heal.text("signature")
                .map(|text| text.chars().take(12).collect()),
        ),
    ];
    for (name, text) in rows {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            let name = style::paint(style::DIM, name);
            lines.push(hang(&format!("       {}", pad(&name, 11)), &text, 4, look));
        }
    }
    lines.join("\n")
}

fn outcome(heal: Doc<'_>) -> Option<String> {
    heal.at("heal_output").text("message")
}

fn verdict(heal: Doc<'_>) -> (Mark, String) {
    match words::heal(heal) {
        (Tone::Busy, verdict) => (Mark::Heal, verdict),
        (tone, verdict) => (Mark::from(tone), verdict),
    }
}
