//! The whole record of a run: `rgpt inspect`.

use jiff::Timestamp;
use serde_json::Value;

use super::document::Doc;
use super::layout::{hang, pad};
use super::look::{Look, Mark, style};
use super::summary::section;
use super::{checks, failures, heals, outcome, phases, replay, timeline, units};
use crate::export::words;

/// The record of a run, from its `inspect --json` document; `verbose` shows every event.
pub(crate) fn inspect(document: &Value, verbose: bool, now: Timestamp, look: &Look) -> String {
    let document = Doc(document);
    let mut parts = vec![header(document, now, look)];
    let has_phases = document.list("phases").next().is_some();
    let findings = format!("Findings ({})", checks::tally(document));
    let (events, shown) = timeline::events(document, verbose, look);
    let sections = [
        ("Goal", goal(document, look)),
        ("Plan", plan(document, look)),
        ("Phases", has_phases.then(|| phases::table(document, look))),
        ("Heals", heals::timeline(document, look)),
        ("Checks", checks::all(document, look)),
        (findings.as_str(), checks::all_findings(document, look)),
        ("Executions", timeline::executions(document, look)),
        ("Replay", replay::comparison(document, look)),
        ("Interventions", timeline::interventions(document, look)),
        (shown.as_str(), events),
    ];
    parts.extend(
        sections
            .into_iter()
            .filter_map(|(name, body)| section(name, body)),
    );
    parts.push(outcome::sentence(document, look));
    parts.extend(section(
        "Next",
        outcome::next(document, look).filter(|_| !is_done(document)),
    ));
    parts.join("\n\n")
}

fn is_done(document: Doc<'_>) -> bool {
    document.at("run").word("status") == "success"
}

fn header(document: Doc<'_>, now: Timestamp, look: &Look) -> String {
    let run = document.at("run");
    let id = style::paint(style::HEAD, format!("run {}", run.word("id")));
    let title = hang(&format!("{id}  "), &run.word("title"), 2, look);
    let rows = [
        ("state", Some(state(run))),
        ("branch", run.text("branch")),
        ("commit", commits(run)),
        (
            "created",
            run.time("created_at").map(|at| when(at, now, look)),
        ),
        (
            "finished",
            run.time("finished_at").map(|at| when(at, now, look)),
        ),
        (
            "forked",
            run.text("parent_run_id")
                .map(|parent| replay::fork(document, &parent)),
        ),
        ("forks", replay::forks(document)),
        ("used", words::usage(run)),
        ("failures", failures::rates(document.at("rates"))),
        ("repairs", repairs(run)),
        (
            "quality",
            run.amount("quality_score")
                .map(|score| format!("{score:.2} of 1")),
        ),
    ];
    let mut lines = vec![title];
    for (name, text) in rows {
        if let Some(text) = text {
            let name = style::paint(style::DIM, name);
            lines.push(hang(&format!("  {}", pad(&name, 10)), &text, 3, look));
        }
    }
    lines.join("\n")
}

fn state(run: Doc<'_>) -> String {
    let proof = match (run.word("status").as_str(), run.is("verified")) {
        ("success", true) => ", verified",
        ("success", false) => ", unverified",
        ("stopped", _) => ", stopped",
        _ => "",
    };
    format!("{}{proof}", run.word("state"))
}

fn commits(run: Doc<'_>) -> Option<String> {
    let base = run.text("base_commit").map(|base| words::short(&base));
    match (run.text("commit"), base) {
        (Some(commit), Some(base)) => Some(format!("{commit} on {base}")),
        (Some(commit), None) => Some(commit),
        (None, base) => base.map(|base| format!("none yet, on {base}")),
    }
}

fn when(at: Timestamp, now: Timestamp, look: &Look) -> String {
    format!("{} ({} ago)", look.date(at), units::age(at, now))
}

fn repairs(run: Doc<'_>) -> Option<String> {
    let (heals, most) = (run.number("heal_count")?, run.number("max_heals")?);
    let (retries, limit) = (run.number("retry_count")?, run.number("max_retries")?);
    Some(format!(
        "{heals} of {most} heals, {retries} of {limit} retries in this phase"
    ))
}

fn goal(document: Doc<'_>, look: &Look) -> Option<String> {
    let lines: Vec<String> = document
        .at("run")
        .lines("goal")
        .iter()
        .map(|line| hang("  ", line, usize::MAX, look))
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn plan(document: Doc<'_>, look: &Look) -> Option<String> {
    let states: Vec<Doc<'_>> = document.list("steps").collect();
    let mut lines = Vec::new();
    for step in document.at("plan").list("steps") {
        let id = step.word("id");
        let state = states.iter().find(|state| state.word("id") == id);
        let status = state.map(|state| state.word("status")).unwrap_or_default();
        let attempts = state
            .and_then(|state| state.number("attempts"))
            .unwrap_or(0);
        let mark = if status.is_empty() {
            Mark::Waiting
        } else {
            Mark::of(&status)
        };
        let head = format!("  {} {}  ", look.mark(mark), style::paint(style::HEAD, &id));
        let again = if attempts > 1 {
            format!(" ({attempts} attempts)")
        } else {
            String::new()
        };
        lines.push(hang(
            &head,
            &format!("{}{again}", step.word("name")),
            2,
            look,
        ));
        let files: Vec<String> = step
            .at("files")
            .items()
            .filter_map(|file| file.own_text())
            .collect();
        if !files.is_empty() {
            let indent = " ".repeat(super::layout::width(&head));
            lines.push(style::paint(
                style::DIM,
                hang(&indent, &files.join(", "), 2, look),
            ));
        }
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

#[cfg(test)]
mod tests;
