//! What was repaired: in short for the summary, as a timeline for `inspect`.

use super::document::Doc;
use super::layout::{fit, hang, pad, width};
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
    let output = heal.at("heal_output");
    let row = |name: &str, text: Option<String>| {
        let text = text.filter(|text| !text.is_empty())?;
        Some(hang(&label(name), &text, 4, look))
    };
    let cause = output.text("root_cause").or_else(|| output.text("cause"));
    lines.extend(row("root cause", cause));
    lines.extend(row("action", Some(action.collect::<Vec<_>>().join(": "))));
    lines.extend(quoted("evidence", &output.lines("evidence"), 8, look));
    lines.extend(row("outcome", outcome(heal)));
    lines.extend(quoted("diff", &output.lines("diff"), 24, look));
    let used = used.into_iter().flatten().collect::<Vec<_>>().join(", ");
    lines.extend(row("used", Some(used)));
    let signature = heal.text("signature");
    lines.extend(row(
        "signature",
        signature.map(|text| text.chars().take(12).collect()),
    ));
    lines.join("\n")
}

fn label(name: &str) -> String {
    format!("       {}", pad(&style::paint(style::DIM, name), 12))
}

/// The first of these lines, each as it stands.
fn quoted(name: &str, lines: &[String], most: usize, look: &Look) -> Option<String> {
    if lines.is_empty() {
        return None;
    }
    let head = label(name);
    let indent = " ".repeat(width(&head));
    let room = look.width.saturating_sub(indent.len()).max(8);
    let mut shown: Vec<String> = lines
        .iter()
        .take(most)
        .map(|line| fit(line, room, look))
        .collect();
    let more = lines.len().saturating_sub(most);
    if more > 0 {
        let more = format!("{more} more lines");
        shown.push(style::paint(style::DIM, more).to_string());
    }
    Some(format!("{head}{}", shown.join(&format!("\n{indent}"))))
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
