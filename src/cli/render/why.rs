//! Whom the model calls of a run went to, and why: `rgpt models why`.

use serde_json::Value;

use super::document::Doc;
use super::layout::{hang, pad};
use super::look::{Look, Mark, style};
use super::units;

/// The most lines of one reason.
const MOST_LINES: usize = 4;

/// A block for each execution, with a line for each call, from a `models why --json` document.
pub(crate) fn why(document: &Value, look: &Look) -> String {
    let document = Doc(document);
    let run = document.at("run");
    let mut blocks: Vec<String> = document
        .list("executions")
        .map(|execution| block(execution, look))
        .collect();
    if blocks.is_empty() {
        blocks.push(format!("Run {} has asked no model.", run.word("id")));
    }
    if let Some(parent) = run.text("parent_run_id") {
        let words = format!(
            "what went before stands at run {parent}: rgpt models why {parent}{}",
            look.repeated
        );
        blocks.push(style::paint(style::DIM, words));
    }
    blocks.join("\n\n")
}

fn block(execution: Doc<'_>, look: &Look) -> String {
    let mut lines = vec![heading(execution, look)];
    let rows = [
        ("order", rule(execution)),
        ("models", candidates(execution)),
        ("tuning", execution.text("tuning")),
    ];
    for (name, text) in rows {
        if let Some(text) = text {
            let name = style::paint(style::DIM, name);
            lines.push(hang(
                &format!("  {}", pad(&name, 8)),
                &text,
                MOST_LINES,
                look,
            ));
        }
    }
    let calls: Vec<Doc<'_>> = execution.list("calls").collect();
    let names = calls
        .iter()
        .map(|call| super::layout::width(&call.word("model")));
    let widest = names.max().unwrap_or(0).min(24);
    lines.extend(calls.iter().map(|one| call(*one, widest, look)));
    lines.join("\n")
}

fn heading(execution: Doc<'_>, look: &Look) -> String {
    let head = format!("execution {}", execution.word("id"));
    let step = execution
        .text("step")
        .map_or_else(String::new, |step| format!(" at {step}"));
    let words = format!(
        "{}{step}, attempt {}",
        execution.word("agent"),
        execution.word("attempt_number")
    );
    hang(
        &format!("{}  ", style::paint(style::HEAD, head)),
        &words,
        2,
        look,
    )
}

fn rule(execution: Doc<'_>) -> Option<String> {
    let first = execution.list("candidates").next();
    let name = first.map(|first| first.word("model")).unwrap_or_default();
    Some(match execution.text("rule")?.as_str() {
        "score" => {
            let target = execution.amount("target").unwrap_or(0.0);
            let draw = first.and_then(|first| first.amount("draw")).unwrap_or(0.0);
            let target = units::share(target);
            if draw >= execution.amount("target").unwrap_or(0.0) {
                format!("score: the cheapest whose draw meets {target}, then by the draws")
            } else {
                format!("score: no draw meets {target}, so by the draws")
            }
        }
        "order" => "order: as they are named".to_owned(),
        "switched" => format!("switched: a person named {name} for this run"),
        "another_model" => {
            "another_model: another one than that of the failed attempt first".to_owned()
        }
        "higher_tier" => {
            "higher_tier: two repairs were in vain, so those that reason better first".to_owned()
        }
        other => other.to_owned(),
    })
}

fn candidates(execution: Doc<'_>) -> Option<String> {
    let one = |candidate: Doc<'_>| {
        let mut words = format!(
            "{} {} of {:.1} seen",
            candidate.word("model"),
            units::share(candidate.amount("mean").unwrap_or(0.0)),
            candidate.amount("seen").unwrap_or(0.0)
        );
        if let Some(draw) = candidate.amount("draw") {
            words += &format!(", drew {}", units::share(draw));
        }
        if let Some(usd) = candidate.amount("usd") {
            words += &format!(", {} a call", units::cost(usd));
        }
        words
    };
    let all: Vec<String> = execution.list("candidates").map(one).collect();
    match all.is_empty() {
        false => Some(all.join("; ")),
        // One model is no choice.
        true => {
            let names: Vec<String> = execution.list("models").filter_map(Doc::own_text).collect();
            (!names.is_empty()).then(|| names.join(", "))
        }
    }
}

fn call(call: Doc<'_>, widest: usize, look: &Look) -> String {
    let result = call.word("result");
    let mark = match result.as_str() {
        "answered" => Mark::Good,
        "failed" => Mark::Bad,
        "lost" => Mark::Warn,
        _ => Mark::Busy,
    };
    let head = format!(
        "  {} {:>3}  {}  ",
        look.mark(mark),
        call.word("ordinal"),
        pad(&call.word("model"), widest)
    );
    let mut words = vec![result.replace('_', " ")];
    if let Some(message) = call.at("failure").text("message") {
        words[0] += &format!(": {message}");
    }
    words.extend(
        call.text("again_after")
            .map(|kind| format!("again after {}", kind.replace('_', " "))),
    );
    if call.is("switched") {
        words.push("a person named it".to_owned());
    }
    words.extend(call.list("passed_over").map(passed_over));
    let repeats = call.at("repeats");
    if let Some(run) = repeats.text("run") {
        words.push(format!(
            "the answer of run {run}, execution {}, call {}",
            repeats.word("execution"),
            repeats.word("ordinal")
        ));
    }
    words.extend(
        call.amount("cost_usd")
            .filter(|usd| *usd > 0.0)
            .map(units::cost),
    );
    hang(&head, &words.join("; "), MOST_LINES, look)
}

fn passed_over(passed: Doc<'_>) -> String {
    let (name, reason) = (passed.word("model"), passed.at("reason"));
    let why = match reason.word("why").as_str() {
        "unusable" => reason.word("message"),
        "no_tools" => "it calls no tools".to_owned(),
        "no_json" => "it cannot be held to a schema".to_owned(),
        "too_small" => format!(
            "its window holds {} tokens, {} are needed",
            units::tokens(reason.number("window").unwrap_or(0)),
            units::tokens(reason.number("needed").unwrap_or(0))
        ),
        "not_private" => "what it is told leaves the person's machines".to_owned(),
        "resting" => format!("it rests until {}", reason.word("until")),
        "too_dear" => format!(
            "its worst case, {}, is more than is left",
            units::cost(reason.amount("usd").unwrap_or(0.0))
        ),
        "failed" => "it failed in this call".to_owned(),
        other => other.to_owned(),
    };
    format!("not {name}: {why}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::render::fixture;

    #[test]
    fn each_execution_has_its_order_and_a_line_for_each_call() {
        let document = json!({"run": {"id": 3, "parent_run_id": null}, "executions": [
            {"id": 1, "agent": "planner", "phase": "planner", "step": null, "attempt_number": 1,
             "models": ["only"], "rule": null, "target": null, "candidates": [],
             "tuning": "temperature 0.2, as usual; effort medium, as usual",
             "calls": [{"ordinal": 1, "model": "only", "result": "answered", "cost_usd": 0.0125,
                        "repeats": {"run": 2, "execution": 1, "ordinal": 1}}]},
            {"id": 2, "agent": "builder", "phase": "builder", "step": "step-1", "attempt_number": 2,
             "rule": "score", "target": 0.75, "tuning": "temperature 0.4, a step up after ASSERTION_ERROR; effort medium, as usual",
             "candidates": [{"model": "small", "mean": 0.81, "seen": 12.26, "draw": 0.79, "usd": 0.011},
                            {"model": "large", "mean": 0.9, "seen": 0.0, "draw": 0.93, "usd": null}],
             "calls": [
                {"ordinal": 1, "model": "small", "result": "failed",
                 "failure": {"kind": "overloaded", "message": "model small: status 529:\u{1b}[2J too many"}},
                {"ordinal": 2, "model": "large", "result": "answered", "again_after": "overloaded",
                 "passed_over": [{"model": "small", "reason": {"why": "too_small", "window": 8000, "needed": 12000}}]},
                {"ordinal": 5, "model": "other", "result": "under_way", "switched": true}]},
        ]});
        let shown = fixture::plain(&why(&document, &fixture::look()));
        insta::assert_snapshot!(shown, @"
        execution 1  planner, attempt 1
          models  only
          tuning  temperature 0.2, as usual; effort medium, as usual
          ✓   1  only  answered; the answer of run 2, execution 1, call 1; $0.0125

        execution 2  builder at step-1, attempt 2
          order   score: the cheapest whose draw meets 75%, then by the draws
          models  small 81% of 12.3 seen, drew 79%, $0.0110 a call; large 90% of 0.0
                  seen, drew 93%
          tuning  temperature 0.4, a step up after ASSERTION_ERROR; effort medium, as
                  usual
          ✗   1  small  failed: model small: status 529: too many
          ✓   2  large  answered; again after overloaded; not small: its window holds
                        8.0k tokens, 12.0k are needed
          ▸   5  other  under way; a person named it
        ");
        assert!(
            shown.lines().all(|line| line.chars().count() <= 80),
            "{shown}"
        );
    }

    #[test]
    fn a_run_that_asked_nobody_says_so() {
        let document = json!({"run": {"id": 4, "parent_run_id": 2}, "executions": []});
        let shown = fixture::plain(&why(&document, &fixture::look()));
        assert_eq!(
            shown,
            "Run 4 has asked no model.\n\nwhat went before stands at run 2: rgpt models why 2"
        );
    }
}
