//! How a run stands in one sentence, and what to type next.

use super::document::Doc;
use super::layout::{hang, pad, width};
use super::look::{Look, Mark, style};
use super::units;

/// How the run stands: reached, stopped, failed, and why.
pub(crate) fn sentence(document: Doc<'_>, look: &Look) -> String {
    let run = document.at("run");
    let (mark, word, rest) = match run.word("status").as_str() {
        "success" => reached(run),
        "stopped" => stopped(document),
        "failed" => (Mark::Bad, "Failed", reason(document, "run.failed")),
        "cancelled" => (Mark::Bad, "Cancelled", reason(document, "run.cancelled")),
        "pending" => (Mark::Waiting, "Pending", "not started yet".to_owned()),
        _ if document.is_not("driven") => (
            Mark::Warn,
            "Interrupted",
            format!("its process is gone; it stands at {}", run.word("state")),
        ),
        _ => (
            Mark::Busy,
            "Running",
            format!("state {}", run.word("state")),
        ),
    };
    let sentence = if rest.is_empty() {
        word.to_owned()
    } else {
        format!("{word}: {rest}")
    };
    let text = hang(&format!("{} ", look.mark(mark)), &sentence, 6, look);
    // Coloured after wrapping: the word stands in the first line, which is wide enough for it.
    text.replacen(word, &style::paint(mark.style().bold(), word), 1)
}

fn reached(run: Doc<'_>) -> (Mark, &'static str, String) {
    let branch = run.word("branch");
    let commit = short(&run.word("commit"));
    if run.is("verified") {
        (
            Mark::Good,
            "Reached",
            format!("branch {branch}, commit {commit}, verified"),
        )
    } else {
        let text = format!("branch {branch}, commit {commit}, unverified: no check has run on it");
        (Mark::Warn, "Reached", text)
    }
}

fn stopped(document: Doc<'_>) -> (Mark, &'static str, String) {
    let run = document.at("run");
    let why = run.word("stop_reason");
    let message = reason(document, "run.stopped");
    match why.as_str() {
        "until" => (Mark::Good, "Stopped as asked", message),
        "awaiting_human" => {
            let required = action_required(document).map(|act| format!(". To do: {act}"));
            (
                Mark::Warn,
                "Waiting for you",
                format!("{message}{}", required.unwrap_or_default()),
            )
        }
        _ if message.is_empty() => (Mark::Warn, "Stopped", why),
        _ => (Mark::Warn, "Stopped", format!("{message} ({why})")),
    }
}

/// What a person has to do first, if the run waits for one.
fn action_required(document: Doc<'_>) -> Option<String> {
    document.at("stop").text("action_required")
}

/// The words of the last event of this type, without the class that its text begins with.
fn reason(document: Doc<'_>, kind: &str) -> String {
    let text = document
        .list("events")
        .rev()
        .find(|event| event.word("type") == kind)
        .map(|event| event.word("text"))
        .unwrap_or_default();
    match text.split_once(": ") {
        Some((head, rest)) if head == "cancelled" || head.ends_with(')') => rest.to_owned(),
        _ if text == "cancelled" => String::new(),
        _ => text,
    }
}

/// The commands worth typing next, each with what it does.
pub(crate) fn next(document: Doc<'_>, look: &Look) -> Option<String> {
    let run = document.at("run");
    let id = run.word("id");
    let flags = &look.repeated;
    let resume = format!("rgpt resume --run {id}{flags}");
    let inspect = (format!("rgpt inspect {id}{flags}"), "the whole record");
    let commands = match run.word("status").as_str() {
        "success" => {
            let branch = run.word("branch");
            vec![
                (format!("git log -p -1 {branch}"), "read the change"),
                (
                    format!("git merge --ff-only {branch}"),
                    "take it into your branch",
                ),
                inspect,
            ]
        }
        "stopped" => {
            let (flags, what) = continuation(document);
            vec![(format!("{resume}{flags}"), what), inspect]
        }
        "failed" | "cancelled" => vec![inspect, (resume, "try again with a new budget")],
        "pending" => vec![(resume, "start it")],
        _ => vec![inspect, (resume, "go on, if nobody drives it any more")],
    };
    let columns = commands.iter().map(|(command, _)| width(command)).max()?;
    let lines: Vec<String> = commands
        .iter()
        .map(|(command, what)| {
            let command = style::paint(style::ACCENT, command);
            let line = format!(
                "  {}  {}",
                pad(&command, columns),
                style::paint(style::DIM, what)
            );
            if width(&line) <= look.width {
                line
            } else {
                format!("  {command}")
            }
        })
        .collect();
    Some(lines.join("\n"))
}

/// The flags with which a stopped run goes on, and what that does.
fn continuation(document: Doc<'_>) -> (String, &'static str) {
    let run = document.at("run");
    match run.word("stop_reason").as_str() {
        "budget_usd" => {
            let limit = document.at("limits").amount("usd");
            let spent = run.at("usage").amount("cost_usd").unwrap_or(0.0);
            let more = (2.0 * limit.unwrap_or(0.0).max(spent)).ceil().max(1.0);
            (format!(" --budget-usd {more}"), "go on with more money")
        }
        "budget_tokens" => (String::new(), "go on, once budget.tokens is raised"),
        "wall_time" => (" --timeout 4h".to_owned(), "go on with more time"),
        "awaiting_human" => (String::new(), "go on, once that is done"),
        "rate_limited" => (String::new(), "go on, when the provider allows it"),
        _ => (String::new(), "go on"),
    }
}

/// What the run has used, as in `9 calls, 12.3k tokens, $0.03`.
pub(crate) fn usage(run: Doc<'_>) -> Option<String> {
    let usage = run.at("usage");
    let calls = usage.number("model_calls")?;
    let parts = [
        Some(super::layout::count(calls, "model call", "model calls")),
        usage
            .tokens()
            .map(|tokens| format!("{} tokens", units::tokens(tokens))),
        usage.amount("cost_usd").map(units::cost),
    ];
    Some(parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

/// The first ten characters of a commit's id.
pub(crate) fn short(commit: &str) -> String {
    commit.chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cli::render::fixture;

    fn said(run: Value, event: (&str, &str)) -> String {
        let document = json!({"run": run, "events": [{"type": event.0, "text": event.1}]});
        fixture::plain(&sentence(Doc(&document), &fixture::look()))
    }

    #[test]
    fn every_end_says_why() {
        let unverified = json!({"status": "success", "branch": "b", "commit": "4f1c9d02abf6e1"});
        let cases = [
            said(unverified, ("run.done", "")),
            said(
                json!({"status": "cancelled"}),
                ("run.cancelled", "cancelled"),
            ),
            said(
                json!({"status": "cancelled"}),
                ("run.cancelled", "cancelled: not needed: see #4"),
            ),
            said(
                json!({"status": "stopped", "stop_reason": "until"}),
                ("run.stopped", "stopped (until): the planner has ended"),
            ),
            said(
                json!({"status": "stopped", "stop_reason": "stuck"}),
                ("run.created", "a"),
            ),
            said(
                json!({"status": "running", "state": "tester_running"}),
                ("run.created", "a"),
            ),
        ];
        insta::assert_snapshot!(cases.join("\n"), @r"
        ! Reached: branch b, commit 4f1c9d02ab, unverified: no check has run on it
        ✗ Cancelled
        ✗ Cancelled: not needed: see #4
        ✓ Stopped as asked: the planner has ended
        ! Stopped: stuck
        ▸ Running: state tester_running
        ");
    }

    #[test]
    fn more_money_is_twice_the_limit() {
        let run = json!({"status": "stopped", "stop_reason": "budget_usd", "id": 3,
            "limits": {"usd": 5.0}, "usage": {"cost_usd": 4.99}});
        let shown = next(Doc(&json!({"run": run})), &fixture::look()).unwrap();
        assert!(
            shown.contains("rgpt resume --run 3 --budget-usd 10"),
            "{shown}"
        );
    }
}
