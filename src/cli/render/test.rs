//! What the project's tests say: `rgpt test`.

use serde_json::Value;

use super::document::Doc;
use super::layout::{count, hang, pad, width};
use super::look::{Look, Mark, style};
use super::units;

/// The most failing tests that are shown.
const MOST_TESTS: usize = 20;
/// The most lines of one failure's message.
const MOST_LINES: usize = 12;
/// The most findings that are shown of a check without failing tests.
const MOST_FINDINGS: usize = 10;
/// How many lines of the output are shown of a check that says nothing else.
const LAST_LINES: usize = 20;

/// One line a check, what failed, and a line for them all.
pub(crate) fn test(document: &Value, look: &Look) -> String {
    let document = Doc(document);
    let names = document
        .list("checks")
        .map(|check| width(&check.word("name")))
        .max()
        .unwrap_or(0)
        .min(24);
    let mut lines: Vec<String> = document
        .list("checks")
        .map(|check| verdict(check, names, look))
        .collect();
    let failing = failing_tests(document, look);
    lines.extend(failing);
    for check in document.list("checks") {
        lines.extend(without_tests(check, look));
    }
    lines.push(String::new());
    lines.push(total(document));
    lines.join("\n")
}

fn passes(check: Doc<'_>) -> bool {
    check.word("status") == "passed"
}

/// `✓ test  12 passed, 1 skipped, 3.2 s`.
fn verdict(check: Doc<'_>, names: usize, look: &Look) -> String {
    let status = check.word("status");
    let head = format!(
        "{} {}  ",
        look.mark(Mark::of(&status)),
        pad(&check.word("name"), names)
    );
    let report = check.at("report");
    let numbers = ["passed", "failed", "skipped", "errors"].map(|key| (key, report.number(key)));
    let mut parts: Vec<String> = numbers
        .into_iter()
        .filter_map(|(word, number)| Some((word, number.filter(|number| *number > 0)?)))
        .map(|(word, number)| match (word, number) {
            ("errors", 1) => "1 error".to_owned(),
            (word, number) => format!("{number} {word}"),
        })
        .collect();
    if parts.is_empty() {
        parts.push(match status.as_str() {
            "error" => "could not be carried out".to_owned(),
            other => other.to_owned(),
        });
    }
    if let Some(code) = check.number("exit_code").filter(|code| *code != 0) {
        parts.push(format!("exit code {code}"));
    }
    parts.extend(check.number("duration_ms").map(units::duration));
    let mut text = parts.join(", ");
    if let Some(note) = check.text("note") {
        text.push_str(&format!(": {note}"));
    }
    hang(&head, &text, 4, look)
}

/// Each failing test with what it says; more than fit are counted.
fn failing_tests(document: Doc<'_>, look: &Look) -> Vec<String> {
    let checks: Vec<String> = document
        .list("checks")
        .map(|check| check.word("name"))
        .collect();
    let failing: Vec<Doc<'_>> = document
        .list("results")
        .filter(|test| test.word("status") == "failed")
        // A check that stands for itself is shown as such.
        .filter(|test| !checks.contains(&test.word("test_case")))
        .collect();
    let mut lines = Vec::new();
    for test in failing.iter().take(MOST_TESTS) {
        lines.push(String::new());
        let head = format!("{} ", look.mark(Mark::Bad));
        lines.push(hang(&head, &test.word("test_case"), 4, look));
        lines.extend(indented(&test.lines("message"), MOST_LINES, look));
    }
    if let Some(more) = failing
        .len()
        .checked_sub(MOST_TESTS)
        .filter(|more| *more > 0)
    {
        lines.push(String::new());
        lines.push(format!("and {more} more: rgpt test --json"));
    }
    lines
}

/// What a check says that fails without a failing test: its findings, else the end of its output.
fn without_tests(check: Doc<'_>, look: &Look) -> Vec<String> {
    let report = check.at("report");
    let failed = report.number("failed").unwrap_or(0) + report.number("errors").unwrap_or(0);
    if passes(check) || failed > 0 {
        return Vec::new();
    }
    let placed: Vec<String> = check
        .list("findings")
        .filter_map(|finding| Some((finding.text("location")?, finding.word("message"))))
        .take(MOST_FINDINGS)
        .map(|(place, message)| hang(&format!("    {place}: "), &message, 4, look))
        .collect();
    let mark = look.mark(Mark::Bad);
    let mut lines = vec![String::new(), format!("{mark} {}", check.word("name"))];
    if placed.is_empty() {
        let output = check.lines("output");
        let from = output.len().saturating_sub(LAST_LINES);
        lines.extend(indented(&output[from..], LAST_LINES, look));
    } else {
        lines.extend(placed);
    }
    lines
}

/// Lines below a heading; what is too long stays long, as it is code or a trace.
fn indented(lines: &[String], most: usize, look: &Look) -> Vec<String> {
    let mut shown: Vec<String> = lines
        .iter()
        .take(most)
        .map(|line| format!("    {line}").trim_end().to_owned())
        .collect();
    if lines.len() > most {
        shown.push(format!("    {}", look.ellipsis()));
    }
    shown
}

fn total(document: Doc<'_>) -> String {
    let summary = document.at("summary");
    let number = |key| summary.number(key).unwrap_or(0);
    let (failed, skipped) = (number("failed"), number("skipped"));
    let bad = document
        .list("checks")
        .filter(|check| !passes(*check))
        .count();
    let took = units::duration(number("duration"));
    let tests = count(number("passed") + failed + skipped, "test", "tests");
    let skipped = match skipped {
        0 => String::new(),
        some => format!(", {some} skipped"),
    };
    let (mark, text) = if bad == 0 {
        (Mark::Good, format!("{tests}, all well{skipped}, {took}"))
    } else {
        (
            Mark::Bad,
            format!("{tests}, {failed} failed{skipped}, {took}"),
        )
    };
    style::paint(mark.style().bold(), text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::render::fixture;

    fn shown(document: &Value) -> String {
        fixture::plain(&test(document, &fixture::look()))
    }

    #[test]
    fn each_failing_test_says_why() {
        let document = json!({
            "summary": {"passed": 12, "failed": 2, "skipped": 1, "duration": 4231},
            "results": [
                {"test_case": "a::ok", "status": "passed", "duration_ms": 1, "message": null},
                {"test_case": "a::adds\u{1b}[2J", "status": "failed", "duration_ms": 1, "message": "assertion failed\n  left: 3\n right: 4"},
                {"test_case": "lint", "status": "failed", "duration_ms": 8, "message": "no"},
            ],
            "artifacts": [],
            "checks": [
                {"name": "test", "status": "failed", "exit_code": 101, "duration_ms": 4200, "report": {"passed": 12, "failed": 1, "skipped": 1, "errors": 0, "complete": true}},
                {"name": "lint", "status": "failed", "exit_code": 1, "duration_ms": 31, "report": null, "findings": [], "output": "one\nerror: no\n"},
            ],
        });
        insta::assert_snapshot!(shown(&document), @r"
        ✗ test  12 passed, 1 failed, 1 skipped, exit code 101, 4.2 s
        ✗ lint  failed, exit code 1, 31 ms

        ✗ a::adds
            assertion failed
              left: 3
             right: 4

        ✗ lint
            one
            error: no

        15 tests, 2 failed, 1 skipped, 4.2 s
        ");
    }

    #[test]
    fn all_well_is_one_line_more() {
        let document = json!({
            "summary": {"passed": 3, "failed": 0, "skipped": 0, "duration": 40},
            "results": [],
            "artifacts": [],
            "checks": [{"name": "test", "status": "passed", "exit_code": 0, "duration_ms": 40, "report": {"passed": 3, "failed": 0, "skipped": 0, "errors": 0, "complete": true}}],
        });
        insta::assert_snapshot!(shown(&document), @r"
        ✓ test  3 passed, 40 ms

        3 tests, all well, 40 ms
        ");
    }

    #[test]
    fn what_does_not_compile_is_shown_with_its_place() {
        let document = json!({
            "summary": {"passed": 0, "failed": 1, "skipped": 0, "duration": 40},
            "results": [{"test_case": "test", "status": "failed", "duration_ms": 40, "message": "mismatched types"}],
            "artifacts": [],
            "checks": [{"name": "test", "status": "failed", "exit_code": 101, "duration_ms": 40, "report": null, "output": "long",
                "findings": [{"severity": "major", "category": "build", "message": "mismatched types (E0308)", "location": "src/lib.rs:3"}]}],
        });
        insta::assert_snapshot!(shown(&document), @r"
        ✗ test  failed, exit code 101, 40 ms

        ✗ test
            src/lib.rs:3: mismatched types (E0308)

        1 test, 1 failed, 40 ms
        ");
    }
}
