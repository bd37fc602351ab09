//! How a run stands in one sentence, and what to type next.

use super::document::Doc;
use super::layout::{hang, pad, width};
use super::look::{Look, Mark, style};
use crate::export::words;

/// How the run stands: reached, stopped, failed, and why.
pub(crate) fn sentence(document: Doc<'_>, look: &Look) -> String {
    let verdict = words::verdict(document);
    let (word, mark) = (verdict.word, Mark::from(verdict.tone));
    let text = hang(
        &format!("{} ", look.mark(mark)),
        &verdict.to_string(),
        6,
        look,
    );
    // Coloured after wrapping: the word stands in the first line, which is wide enough for it.
    text.replacen(word, &style::paint(mark.style().bold(), word), 1)
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
                match (interrupted(document), run.text("applied_to")) {
                    (Some(verb), _) => (
                        format!("rgpt {verb} --run {id}{flags}"),
                        "finish what was interrupted",
                    ),
                    (None, None) => (
                        format!("rgpt apply --run {id}{flags}"),
                        "take it into your branch",
                    ),
                    (None, Some(_)) => (format!("rgpt undo --run {id}{flags}"), "take it back"),
                },
                inspect,
            ]
        }
        "stopped" => {
            let (more, what) = continuation(document);
            let mut commands = instead_of_resuming(document, flags);
            if run.word("stop_reason") != "diverged" {
                commands.push((format!("{resume}{more}"), what));
            }
            commands.push(inspect);
            commands
        }
        "failed" if was_refused(document) => vec![
            inspect,
            (
                format!("rgpt resume --run {id} --phase builder{flags}"),
                "do the work again, by another model or policy",
            ),
        ],
        "failed" => vec![
            inspect,
            (resume, "try again with a new budget"),
            (
                format!("rgpt heal --run {id}{flags}"),
                "make one repair by hand",
            ),
            (
                format!("rgpt replay --run {id} --failed{flags}"),
                "do the failed phase again as a new run",
            ),
        ],
        "cancelled" => vec![inspect, (resume, "try again with a new budget")],
        "pending" => vec![(resume, "start it")],
        _ => vec![inspect, (resume, "go on, if nobody drives it any more")],
    };
    commands_to_type(&commands, look)
}

/// Whether the run failed because something was refused for good: no repair is made of that.
fn was_refused(document: Doc<'_>) -> bool {
    let mut executions = document.list("executions").rev();
    let failed = executions.find(|execution| execution.word("status") == "failed");
    failed.is_some_and(|execution| execution.word("error_type") == "SAFETY_ERROR")
}

/// One command a line, with what it is for where that fits; nothing if there are none.
pub(crate) fn commands_to_type(commands: &[(String, &str)], look: &Look) -> Option<String> {
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

/// The verb that was begun with the result and not finished, if one was.
fn interrupted(document: Doc<'_>) -> Option<&'static str> {
    match document
        .list("applications")
        .next_back()?
        .word("status")
        .as_str()
    {
        "applying" => Some("apply"),
        "undoing" => Some("undo"),
        _ => None,
    }
}

/// What is worth typing before a stopped run is simply gone on with.
fn instead_of_resuming(document: Doc<'_>, flags: &str) -> Vec<(String, &'static str)> {
    let run = document.at("run");
    let id = run.word("id");
    match (
        run.word("stop_reason").as_str(),
        run.number("parent_run_id"),
    ) {
        ("diverged", Some(source)) => vec![
            (format!("rgpt diff {source} {id}{flags}"), "compare the two"),
            (
                format!("rgpt replay --run {source}{flags}"),
                "do it with models",
            ),
        ],
        ("stuck", _) => vec![(
            format!("rgpt inspect {id} --failures{flags}"),
            "what failed, and what was tried",
        )],
        ("until", _) if words::repair_taken_back(document) => vec![(
            format!("rgpt heal --run {id}{flags}"),
            "make another repair by hand",
        )],
        ("until", _) => vec![(
            format!("rgpt advance --run {id}{flags}"),
            "do the next phase",
        )],
        _ => Vec::new(),
    }
}

/// The flags with which a stopped run goes on, and what that does.
fn continuation(document: Doc<'_>) -> (String, &'static str) {
    let run = document.at("run");
    let reason = run.word("stop_reason");
    if is_short(&reason) && words::must_act(document) {
        return (String::new(), "go on, once that is done");
    }
    let limit = |name: &str| document.at("limits").amount(name).unwrap_or(0.0);
    let needs = document.at("stop").amount("needs").unwrap_or(0.0);
    // Enough for the call that did not fit, and for some more.
    let more = |name: &str| match 2.0 * limit(name) {
        twice if twice < needs => 4.0 * needs,
        twice => twice,
    };
    match reason.as_str() {
        "budget_usd" => {
            let spent = run.at("usage").amount("cost_usd").unwrap_or(0.0);
            let usd = more("usd").max(2.0 * spent).ceil().max(1.0);
            (format!(" --budget-usd {usd}"), "go on with more money")
        }
        "budget_tokens" => {
            let tokens = (more("tokens") / 1_000.0).ceil() * 1_000.0;
            (
                format!(" --budget-tokens {tokens}"),
                "go on with more tokens",
            )
        }
        "budget_attempts" => {
            let calls = more("attempts");
            (
                format!(" --budget-attempts {calls}"),
                "go on with more calls",
            )
        }
        "wall_time" => {
            let minutes = (more("wall_ms") / 60_000.0).ceil();
            let time = match minutes % 60.0 {
                0.0 => format!("{}h", minutes / 60.0),
                _ => format!("{minutes}m"),
            };
            (format!(" --timeout {time}"), "go on with more time")
        }
        "awaiting_human" => (String::new(), "go on, once that is done"),
        "rate_limited" if words::must_act(document) => {
            (String::new(), "go on, once the server can be reached")
        }
        "rate_limited" => (String::new(), "go on, when the provider allows it"),
        _ => (String::new(), "go on"),
    }
}

/// Whether a run stands still because something is used up.
fn is_short(reason: &str) -> bool {
    reason.starts_with("budget_") || reason == "wall_time"
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cli::render::fixture;

    fn said(run: Value, event: (&str, &str)) -> String {
        let document = json!({"run": run, "heals": [{"verdict": "restored"}],
            "events": [{"type": event.0, "text": event.1}]});
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
                json!({"status": "stopped", "stop_reason": "until", "state": "tester_error"}),
                (
                    "run.stopped",
                    "stopped (until): one repair was made by hand",
                ),
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
        ✗ Stopped: the repair by hand made nothing better and was taken back
        ! Stopped: stuck
        ▸ Running: state tester_running
        ");
    }

    #[test]
    fn what_is_offered_fits_where_the_run_stands() {
        let offered = |document: Value| {
            fixture::plain(&next(Doc(&document), &fixture::look()).unwrap_or_default())
        };
        let stopped = |reason: &str, state: &str| {
            json!({"id": 3, "status": "stopped", "stop_reason": reason, "state": state,
                "parent_run_id": 1})
        };
        let all = [
            offered(json!({"run": {"id": 3, "status": "failed"}})),
            offered(json!({"run": stopped("diverged", "builder_running")})),
            offered(json!({"run": stopped("until", "planner_completed")})),
            offered(json!({"run": stopped("until", "tester_error"),
                "heals": [{"verdict": "restored"}]})),
        ];
        insta::assert_snapshot!(all.join("\n\n"), @r"
          rgpt inspect 3                the whole record
          rgpt resume --run 3           try again with a new budget
          rgpt heal --run 3             make one repair by hand
          rgpt replay --run 3 --failed  do the failed phase again as a new run

          rgpt diff 1 3        compare the two
          rgpt replay --run 1  do it with models
          rgpt inspect 3       the whole record

          rgpt advance --run 3  do the next phase
          rgpt resume --run 3   go on
          rgpt inspect 3        the whole record

          rgpt heal --run 3    make another repair by hand
          rgpt resume --run 3  go on
          rgpt inspect 3       the whole record
        ");
    }

    #[test]
    fn a_server_that_cannot_be_reached_is_no_provider_that_asks_to_wait() {
        let text = "stopped (rate_limited): the server cannot be reached: no; start the server";
        let document = json!({
            "run": {"id": 3, "status": "stopped", "stop_reason": "rate_limited"},
            "stop": {"action_required": "start the server"},
            "events": [{"type": "run.stopped", "text": text}]});
        let document = Doc(&document);
        let said = fixture::plain(&sentence(document, &fixture::look()));
        let expected = "! Stopped: the server cannot be reached: no; start the server";
        assert_eq!(said, expected);
        let offered = fixture::plain(&next(document, &fixture::look()).unwrap());
        assert!(
            offered.contains("rgpt resume --run 3  go on, once the server can be reached"),
            "{offered}"
        );
    }

    #[test]
    fn what_is_offered_is_twice_the_limit_and_enough_for_the_next_call() {
        let shown = |reason: &str, stop: Value| {
            let run = json!({"status": "stopped", "stop_reason": reason, "id": 3,
                "usage": {"cost_usd": 4.99}});
            let limits = json!({"usd": 5.0, "tokens": 2_000_000, "attempts": 3,
                "wall_ms": 7_200_000});
            let document = json!({"run": run, "limits": limits, "stop": stop});
            let shown = next(Doc(&document), &fixture::look()).unwrap();
            fixture::plain(&shown).lines().next().unwrap().to_owned()
        };
        let all = [
            shown("budget_usd", json!({"needs": 5.1})),
            shown("budget_usd", json!({"needs": 14.2})),
            shown("budget_tokens", json!({"needs": 4_000_001.0})),
            shown("budget_attempts", json!({"needs": 4.0})),
            shown("wall_time", json!({"needs": 7_200_001.0})),
            shown("wall_time", json!({"needs": 15_000_001.0})),
            shown(
                "budget_usd",
                json!({"needs": 0.2, "action_required": "raise it"}),
            ),
        ];
        insta::assert_snapshot!(all.join("\n"), @r"
          rgpt resume --run 3 --budget-usd 10  go on with more money
          rgpt resume --run 3 --budget-usd 57  go on with more money
          rgpt resume --run 3 --budget-tokens 16001000  go on with more tokens
          rgpt resume --run 3 --budget-attempts 6  go on with more calls
          rgpt resume --run 3 --timeout 4h  go on with more time
          rgpt resume --run 3 --timeout 1001m  go on with more time
          rgpt resume --run 3  go on, once that is done
        ");
    }
}
