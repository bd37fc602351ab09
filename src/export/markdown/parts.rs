//! The sections of a report. A section without anything to say is empty.

use std::fmt::Write as _;

use super::escape::{code, code_cell, inline};
use crate::domain::units;
use crate::export::words::{self, Tone};
use crate::store::inspect::Doc;

/// More findings than this are counted, not listed.
const FINDINGS: usize = 200;

/// More events than this are counted, not listed.
const EVENTS: usize = 2_000;

/// More files of a change than this are counted, not listed.
const FILES: usize = 100;

pub(super) fn plan(document: Doc<'_>) -> String {
    let mut text = String::new();
    if let Some(summary) = document.at("plan").text("summary") {
        let _ = writeln!(text, "{}\n", inline(&summary));
    }
    let states: Vec<Doc<'_>> = document.list("steps").collect();
    for (index, step) in document.at("plan").list("steps").enumerate() {
        let id = step.word("id");
        let state = states.iter().find(|state| state.word("id") == id);
        let status = state.map_or_else(String::new, |state| state.word("status"));
        let attempts = state
            .and_then(|state| state.number("attempts"))
            .filter(|attempts| *attempts > 1)
            .map(|attempts| format!(", {attempts} attempts"));
        let _ = writeln!(
            text,
            "{}. **{}** ({}): {}{}",
            index + 1,
            inline(&step.word("name")),
            code(&id),
            if status.is_empty() {
                "not begun".to_owned()
            } else {
                inline(&status)
            },
            attempts.unwrap_or_default()
        );
        let summary = state.and_then(|state| state.text("summary"));
        for line in step.text("description").into_iter().chain(summary) {
            let _ = writeln!(text, "   - {}", inline(&line));
        }
        let files: Vec<String> = step
            .list("files")
            .filter_map(Doc::own_text)
            .map(|file| code(&file))
            .collect();
        if !files.is_empty() {
            let _ = writeln!(text, "   - Scope: {}", files.join(", "));
        }
    }
    text
}

pub(super) fn done(document: Doc<'_>) -> String {
    let mut text = String::new();
    let output = document.at("builder_output");
    if let Some(summary) = output.text("summary") {
        let _ = writeln!(text, "{}", inline(&summary));
    }
    let files: Vec<String> = output.list("files").filter_map(Doc::own_text).collect();
    if !text.is_empty() && !files.is_empty() {
        text.push('\n');
    }
    for file in files.iter().take(FILES) {
        let _ = writeln!(text, "- {}", code(file));
    }
    more(&mut text, files.len(), FILES);
    text
}

pub(super) fn checks(document: Doc<'_>) -> String {
    let last = words::last_checks(document);
    if last.is_empty() {
        return String::new();
    }
    let mut text = "| check | kind | command | result |\n|---|---|---|---|\n".to_owned();
    for check in last {
        let _ = writeln!(
            text,
            "| {} {} | {} | {} | {} |",
            sign(words::tone(&check.word("status"))),
            inline(&check.word("name")),
            word(check, "kind"),
            code_cell(&check.word("command")),
            inline(&words::check(check))
        );
    }
    let ran = document.list("checks").count();
    let _ = writeln!(
        text,
        "\n{} in all.",
        words::count(ran as u64, "check run", "check runs")
    );
    text
}

pub(super) fn heals(document: Doc<'_>) -> String {
    let mut text = String::new();
    for (index, heal) in document.list("heals").enumerate() {
        let (tone, verdict) = words::heal(heal);
        let output = heal.at("heal_output");
        let _ = writeln!(
            text,
            "{}. {} **{}** in {}: {}, {}",
            index + 1,
            sign(tone),
            inline(&heal.word("error_type")),
            inline(&words::healed_phase(heal)),
            code(&heal.word("heal_action")),
            inline(&verdict),
        );
        let lines = [
            ("Cause", output.text("cause")),
            ("Why this", heal.text("reason")),
            (
                "Outcome",
                output
                    .text("message")
                    .filter(|_| heal.text("verdict").is_some()),
            ),
        ];
        for (name, line) in lines {
            if let Some(line) = line {
                let _ = writeln!(text, "   - {name}: {}", inline(&line));
            }
        }
    }
    text
}

pub(super) fn findings(document: Doc<'_>) -> String {
    let all: Vec<Doc<'_>> = document.list("findings").collect();
    if all.is_empty() {
        return String::new();
    }
    let mut text = "| severity | kind | where | what | state |\n|---|---|---|---|---|\n".to_owned();
    for finding in all.iter().take(FINDINGS) {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            word(*finding, "severity"),
            word(*finding, "category"),
            code_cell(&finding.word("location")),
            inline(&finding.word("message")),
            if finding.is("resolved") {
                "resolved"
            } else {
                "open"
            }
        );
    }
    more(&mut text, all.len(), FINDINGS);
    text
}

pub(super) fn interventions(document: Doc<'_>) -> String {
    let mut text = String::new();
    for asked in document.list("interventions") {
        let why = asked
            .text("reason")
            .map(|why| format!(": {}", inline(&why)));
        let _ = writeln!(
            text,
            "- {}, {}{}",
            inline(&words::asked(asked)),
            word(asked, "status"),
            why.unwrap_or_default()
        );
    }
    text
}

pub(super) fn phases(document: Doc<'_>) -> String {
    let phases: Vec<Doc<'_>> = document.list("phases").collect();
    if phases.is_empty() {
        return String::new();
    }
    let mut text = "| phase | attempts | model | time | tokens | cost | result |\n\
                    |---|---:|---|---:|---:|---:|---|\n"
        .to_owned();
    for phase in phases {
        let usage = phase.at("usage");
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} |",
            word(phase, "phase"),
            word(phase, "attempts"),
            inline(&phase.text("model").unwrap_or_else(|| "–".to_owned())),
            phase
                .number("duration_ms")
                .map_or_else(String::new, units::duration),
            usage.tokens().map_or_else(String::new, units::tokens),
            usage
                .amount("cost_usd")
                .map_or_else(String::new, units::cost),
            word(phase, "status")
        );
    }
    text
}

/// The run's files but the summary: it does not speak of itself.
pub(super) fn artifacts(document: Doc<'_>) -> String {
    let mut text = String::new();
    for file in document
        .list("artifacts")
        .filter(|file| file.word("type") != "summary")
    {
        let _ = writeln!(
            text,
            "- {} ({}, {} bytes)",
            code(&file.word("name")),
            inline(&file.word("type")),
            word(file, "size")
        );
    }
    text
}

pub(super) fn executions(document: Doc<'_>) -> String {
    let mut text = String::new();
    for one in document.list("executions") {
        let step = one.text("step").map(|step| format!(" at {}", code(&step)));
        let error = [one.text("error_type"), one.text("error_message")]
            .into_iter()
            .flatten()
            .map(|text| inline(&text))
            .collect::<Vec<_>>()
            .join(": ");
        let _ = writeln!(
            text,
            "{}. {}{}, attempt {}, {}{}{}",
            word(one, "id"),
            word(one, "phase"),
            step.unwrap_or_default(),
            word(one, "attempt_number"),
            word(one, "status"),
            if error.is_empty() { "" } else { ": " },
            error
        );
    }
    text
}

pub(super) fn events(document: Doc<'_>) -> String {
    let events: Vec<Doc<'_>> = document.list("events").collect();
    let mut text = String::new();
    for event in events.iter().take(EVENTS) {
        let _ = writeln!(
            text,
            "{}. {}: {}",
            word(*event, "seq"),
            word(*event, "at"),
            inline(&event.word("text"))
        );
    }
    more(&mut text, events.len(), EVENTS);
    text
}

/// A word within a line.
fn word(of: Doc<'_>, key: &str) -> String {
    inline(&of.word(key))
}

fn more(text: &mut String, count: usize, shown: usize) {
    if count > shown {
        let _ = writeln!(text, "\n{} more are left out here.", count - shown);
    }
}

fn sign(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "✓",
        Tone::Bad => "✗",
        Tone::Warn => "!",
        Tone::Busy => "↻",
        Tone::Idle => "·",
    }
}
