//! What the project's tests say: `rgpt test`.

use serde_json::Value;

use super::document::Doc;
use super::layout::{count, fit, hang, pad, width};
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

/// How many of the slowest tests are shown, and from how many milliseconds on a test is slow.
const SLOWEST: usize = 3;
const SLOW_MS: u64 = 1000;
/// The most kept files that are shown.
const MOST_KEPT: usize = 10;

/// A part of a check while it goes on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Running {
    /// How long it took, in milliseconds, once it has ended.
    pub(crate) took_ms: Option<u64>,
    /// Whether it ended well.
    pub(crate) good: bool,
}

/// The lines that show how far a check is, which began so many milliseconds ago.
pub(crate) fn running(
    name: &str,
    parts: &[Running],
    since_ms: u64,
    tick: usize,
    look: &Look,
) -> Vec<String> {
    let one = |(index, part): (usize, &Running)| {
        let sign = match part.took_ms {
            None => style::paint(Mark::Busy.style(), look.spinner(tick).to_string()),
            Some(_) if part.good => look.mark(Mark::Good),
            Some(_) => look.mark(Mark::Bad),
        };
        let what = match parts.len() {
            0 | 1 => name.to_owned(),
            of => format!("{name} {}/{of}", index + 1),
        };
        let time = part
            .took_ms
            .map_or_else(|| units::seconds(since_ms), units::duration);
        let room = look.width.saturating_sub(width(&time) + 4);
        format!(
            "{sign} {}  {}",
            fit(&what, room, look),
            style::paint(style::DIM, time)
        )
    };
    parts.iter().enumerate().map(one).collect()
}

/// The line that tells in a pipe that a shard has ended.
pub(crate) fn ended(
    name: &str,
    shard: usize,
    of: usize,
    exit_code: Option<i32>,
    part: Running,
) -> String {
    let how = match exit_code {
        Some(0) => "done".to_owned(),
        Some(code) => format!("exit code {code}"),
        None => "killed".to_owned(),
    };
    let time = units::duration(part.took_ms.unwrap_or_default());
    format!("{name}, shard {shard} of {of}: {how}, {time}")
}

/// One line a check, what failed, what was slow, what was kept, and a line for them all.
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
    lines.extend(slowest(document, look));
    lines.extend(kept(document, look));
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
    parts.extend(shards(check));
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

/// `4 shards (2 failed)`.
fn shards(check: Doc<'_>) -> Option<String> {
    let all = check.list("shards").count();
    let failed = check.list("shards").filter(|shard| !passes(*shard)).count();
    let empty = check
        .list("shards")
        .filter(|shard| shard.is("empty"))
        .count();
    let notes: Vec<String> = [(failed, "failed"), (empty, "empty")]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{number} {word}"))
        .collect();
    let notes = match notes.as_slice() {
        [] => String::new(),
        notes => format!(" ({})", notes.join(", ")),
    };
    (all > 0).then(|| format!("{}{notes}", count(all as u64, "shard", "shards")))
}

/// The tests that took longest, if any took long.
fn slowest(document: Doc<'_>, look: &Look) -> Vec<String> {
    let mut slow: Vec<(u64, Doc<'_>)> = document
        .list("results")
        .filter_map(|test| Some((test.number("duration_ms")?, test)))
        .filter(|(ms, _)| *ms >= SLOW_MS)
        .collect();
    // A check that stands for itself is no test among others.
    if document.list("results").count() < 2 {
        slow.clear();
    }
    slow.sort_by_key(|(ms, _)| std::cmp::Reverse(*ms));
    listed("slowest", slow.iter().take(SLOWEST), |(ms, test)| {
        let time = pad(&units::duration(*ms), 8);
        hang(&format!("  {time}"), &test.word("test_case"), 2, look)
    })
}

/// The files that were kept.
fn kept(document: Doc<'_>, look: &Look) -> Vec<String> {
    let names: Vec<String> = document
        .list("artifacts")
        .filter_map(Doc::own_text)
        .collect();
    let mut lines = listed("kept", names.iter().take(MOST_KEPT), |name| {
        // Not broken into lines: it is to be opened.
        format!("  {}", style::paint(style::ACCENT, name))
    });
    if let Some(more) = names.len().checked_sub(MOST_KEPT).filter(|more| *more > 0) {
        lines.push(format!("  {} and {more} more", look.ellipsis()));
    }
    lines
}

/// A heading with lines below it, if there are any.
fn listed<T>(
    heading: &str,
    items: impl Iterator<Item = T>,
    line: impl Fn(T) -> String,
) -> Vec<String> {
    let lines: Vec<String> = items.map(line).collect();
    if lines.is_empty() {
        return lines;
    }
    let heading = style::paint(style::HEAD, heading);
    [String::new(), heading].into_iter().chain(lines).collect()
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

    #[test]
    fn shards_slow_tests_and_kept_files_have_their_lines() {
        let test = |name: &str, ms: u64| json!({"test_case": name, "status": "passed", "duration_ms": ms, "message": null});
        let shard = |status: &str, empty: bool| json!({"status": status, "empty": empty});
        let document = json!({
            "summary": {"passed": 4, "failed": 0, "skipped": 0, "duration": 9000},
            "results": [test("quick", 12), test("slow", 1200), test("slower\u{1b}[2J", 4000), test("slow too", 1100), test("slowest", 61_000)],
            "artifacts": ["out/a\u{1b}b.png"],
            "checks": [{"name": "test", "status": "passed", "exit_code": 0, "duration_ms": 9000, "shards": [shard("passed", false), shard("passed", true)],
                "report": {"passed": 5, "failed": 0, "skipped": 0, "errors": 0, "complete": true}}],
        });
        insta::assert_snapshot!(shown(&document), @r"
        ✓ test  5 passed, 2 shards (1 empty), 9.0 s

        slowest
          1 m 1 s slowest
          4.0 s   slower
          1.2 s   slow

        kept
          out/a.png

        4 tests, all well, 9.0 s
        ");
    }

    #[test]
    fn parts_that_run_have_a_line_each() {
        let parts = [
            Running::default(),
            Running {
                took_ms: Some(1500),
                good: true,
            },
            Running {
                took_ms: Some(90),
                good: false,
            },
        ];
        let lines = running("test", &parts, 2100, 0, &fixture::look());
        insta::assert_snapshot!(fixture::plain(&lines.join("\n")), @r"
        ⠋ test 1/3  2 s
        ✓ test 2/3  1.5 s
        ✗ test 3/3  90 ms
        ");
        let one = running("test", &parts[..1], 2100, 3, &fixture::look());
        assert_eq!(fixture::plain(&one.concat()), "⠸ test  2 s");
        assert_eq!(
            ended("e2e", 2, 4, None, parts[2]),
            "e2e, shard 2 of 4: killed, 90 ms"
        );
    }
}
