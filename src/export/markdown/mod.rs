//! A run in Markdown: the whole report, and the summary that every finished run leaves.

mod escape;
mod parts;

use std::fmt::Write as _;

use serde_json::Value;

use super::words::{self, Tone};
use super::{Export, bounds};
use crate::domain::units;
use crate::store::inspect::Doc;
use escape::{fenced, inline, quoted};

/// The most bytes of the patch in the report.
const PATCH: usize = 400_000;

/// The most bytes of a failed check's output.
const OUTPUT: usize = 8_000;

/// The most bytes of a goal.
const GOAL: usize = 20_000;

/// The whole report of a run: what was asked, what was done, what was checked, what was healed,
/// the change and the timeline.
pub fn markdown(export: &Export) -> String {
    let document = export.doc();
    let mut text = summary(&export.document);
    if let Some(failed) = failed_outputs(export) {
        section(&mut text, "What the failed checks said", &failed);
    }
    let patch = match export.patch_text() {
        Ok(patch) if patch.is_empty() => "Nothing is changed.\n".to_owned(),
        Ok(patch) => fenced("diff", &bounds::revealed(&patch, PATCH)),
        Err(why) => format!("The change cannot be shown: {}.\n", inline(why)),
    };
    section(&mut text, "Change", &patch);
    section(&mut text, "Executions", &parts::executions(document));
    section(&mut text, "Timeline", &parts::events(document));
    text
}

/// The summary of a run, from its `inspect --json` document. The same record gives the same text:
/// it says nothing of the time at which it is made, nor of itself.
pub fn summary(document: &Value) -> String {
    let document = Doc(document);
    let mut text = head(document);
    let goal = document.at("run").at("goal").0.as_str().unwrap_or_default();
    section(&mut text, "What was asked", &quoted(goal, GOAL));
    let checked = match words::tests(document) {
        Some(tests) => format!("Checks ({tests})"),
        None => "Checks".to_owned(),
    };
    let sections = [
        ("Plan", parts::plan(document)),
        ("What was done", parts::done(document)),
        (checked.as_str(), parts::checks(document)),
        ("Repairs", parts::heals(document)),
        ("Findings", parts::findings(document)),
        ("Asked of the run", parts::interventions(document)),
        ("Phases and cost", parts::phases(document)),
        ("Files", parts::artifacts(document)),
    ];
    for (name, body) in sections {
        section(&mut text, name, &body);
    }
    text
}

/// A heading and what is below it, if that is anything.
fn section(text: &mut String, name: &str, body: &str) {
    if !body.is_empty() {
        let _ = write!(text, "\n## {name}\n\n{body}");
    }
}

fn head(document: Doc<'_>) -> String {
    let run = document.at("run");
    let verdict = words::verdict(document);
    let mark = match verdict.tone {
        Tone::Good => "✓",
        Tone::Bad => "✗",
        Tone::Warn => "!",
        Tone::Busy => "▸",
        Tone::Idle => "·",
    };
    let mut text = format!("# {}\n\n", inline(&run.word("title")));
    let rest = match verdict.rest.as_str() {
        "" => String::new(),
        rest => format!(": {}", inline(rest)),
    };
    let _ = writeln!(text, "{mark} **{}**{rest}\n", verdict.word);
    let time: u64 = document
        .list("phases")
        .filter_map(|phase| phase.number("duration_ms"))
        .sum();
    let facts = [
        Some(("Run", inline(&run.word("id")))),
        Some(("State", inline(&run.word("state")))),
        run.text("parent_run_id")
            .map(|parent| ("Forked from run", inline(&parent))),
        run.text("branch")
            .map(|branch| ("Branch", escape::code(&branch))),
        run.text("commit")
            .map(|commit| ("Commit", escape::code(&commit))),
        run.text("base_commit")
            .map(|base| ("Base", escape::code(&base))),
        run.time("created_at").map(|at| ("Created", at.to_string())),
        run.time("finished_at")
            .map(|at| ("Finished", at.to_string())),
        Some(("Time at work", units::duration(time))),
        words::usage(run).map(|usage| ("Used", usage)),
        run.amount("quality_score")
            .map(|score| ("Quality", format!("{score:.2} of 1"))),
    ];
    for (name, value) in facts.into_iter().flatten() {
        let _ = writeln!(text, "- {name}: {value}");
    }
    for note in document.list("notes").filter_map(Doc::own_text) {
        let _ = writeln!(text, "- Note: {}", inline(&note));
    }
    text
}

/// The end of the output of each check whose last run on the run's own trees failed.
fn failed_outputs(export: &Export) -> Option<String> {
    let document = export.doc();
    let last = words::last_checks(document);
    let mut text = String::new();
    for (check, output) in document.list("checks").zip(&export.outputs) {
        let is_last = last.iter().any(|known| std::ptr::eq(known.0, check.0));
        let failed = words::tone(&check.word("status")) == Tone::Bad;
        if is_last && failed && !output.text.trim().is_empty() {
            let _ = write!(
                text,
                "### {}\n\n{}\n",
                inline(&check.word("name")),
                fenced("text", &bounds::excerpt(&output.text, OUTPUT))
            );
        }
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests;
