//! The text that Python's unittest prints (also under Django): progress, then a part for each failure between two
//! rules, then a rule, the number of tests and the verdict.
//!
//! The numbers come from the verdict; the parts before it name what failed. A test may fail more than once (in its
//! body and in its clean-up, or in several subtests) and still is one test.

use std::collections::HashSet;

use super::found::{Found, Lines, failed, last, message_of};
use super::{MAX_NAMED, Report, python_place};

/// How long the rules are.
const RULE: usize = 70;
/// How far after the number of tests the verdict may stand.
const VERDICT_WITHIN: usize = 3;

pub(super) fn read(lines: &Lines<'_>) -> Option<Found> {
    let (at, ran) = last(lines, |at, line| {
        (at > 0 && is_rule(&lines[at - 1], '-'))
            .then(|| tests_ran(line))
            .flatten()
    })?;
    let end = lines.len().min(at + 1 + VERDICT_WITHIN);
    let (offset, verdict) = lines[at + 1..end]
        .iter()
        .enumerate()
        .find_map(|(offset, line)| Some((offset, Verdict::parse(line)?)))?;
    let mut report = Report::default();
    let distinct = parts(&lines[..at], &verdict, &mut report);
    let counts = &mut report.counts;
    counts.failed = verdict.failures.saturating_add(verdict.unexpected);
    counts.errors = verdict.errors;
    counts.skipped = verdict.skipped;
    counts.passed = [
        distinct,
        verdict.skipped,
        verdict.expected,
        verdict.unexpected,
    ]
    .iter()
    .fold(ran, |rest, number| rest.saturating_sub(*number));
    Some(Found::complete(report, 0, at + 1 + offset + 1))
}

/// The number in `Ran 3 tests in 0.001s`.
fn tests_ran(line: &str) -> Option<u32> {
    let (number, time) = line.strip_prefix("Ran ")?.split_once(' ')?;
    let time = time
        .strip_prefix("tests in ")
        .or_else(|| time.strip_prefix("test in "))?;
    let seconds = time.trim_end().strip_suffix('s')?;
    seconds.parse::<f64>().ok()?;
    number.parse().ok()
}

fn is_rule(line: &str, of: char) -> bool {
    let line = line.trim_end();
    line.len() == RULE && line.chars().all(|char| char == of)
}

/// The numbers of the last line.
#[derive(Default)]
struct Verdict {
    failures: u32,
    errors: u32,
    skipped: u32,
    expected: u32,
    unexpected: u32,
}

impl Verdict {
    /// Reads `OK`, `FAILED (failures=1, errors=2)` and `NO TESTS RAN`.
    fn parse(line: &str) -> Option<Self> {
        let line = line.trim_end();
        let rest = ["OK", "FAILED", "NO TESTS RAN"]
            .iter()
            .find_map(|word| line.strip_prefix(word))?;
        let mut verdict = Self::default();
        if rest.is_empty() {
            return Some(verdict);
        }
        for part in rest.strip_prefix(" (")?.strip_suffix(')')?.split(", ") {
            let (word, number) = part.split_once('=')?;
            let field = match word {
                "failures" => &mut verdict.failures,
                "errors" => &mut verdict.errors,
                "skipped" => &mut verdict.skipped,
                "expected failures" => &mut verdict.expected,
                "unexpected successes" => &mut verdict.unexpected,
                _ => continue,
            };
            *field = number.parse().ok()?;
        }
        Some(verdict)
    }
}

/// Names what the parts tell of, as many as the verdict allows; gives the number of tests among it that ran and
/// failed, unexpected successes excluded.
fn parts(lines: &Lines<'_>, verdict: &Verdict, report: &mut Report) -> u32 {
    let mut heads: Vec<(usize, &str, &str)> = Vec::new();
    for (at, line) in lines.iter().enumerate().skip(1) {
        if is_rule(&lines[at - 1], '=')
            && let Some((word @ ("ERROR" | "FAIL" | "UNEXPECTED SUCCESS"), what)) =
                line.split_once(": ")
        {
            heads.push((at, word, what));
        }
    }
    // What tests print stands before the parts.
    let told = [verdict.failures, verdict.errors, verdict.unexpected]
        .iter()
        .fold(0_usize, |sum, number| sum.saturating_add(*number as usize));
    let surplus = heads.len().saturating_sub(told);
    let heads = &heads[surplus..];
    let mut known = HashSet::new();
    let mut distinct = 0;
    for (index, (at, word, what)) in heads.iter().enumerate() {
        let name = name(what);
        if known.len() >= MAX_NAMED || !known.insert(name.clone()) {
            continue;
        }
        let around = [
            "setUpClass",
            "tearDownClass",
            "setUpModule",
            "tearDownModule",
        ];
        if *word != "UNEXPECTED SUCCESS" && !around.iter().any(|hook| what.starts_with(hook)) {
            distinct += 1;
        }
        let end = heads
            .get(index + 1)
            .map_or(lines.len().saturating_sub(1), |next| next.0 - 1);
        let body = &lines[*at + 1..end.max(*at + 1)];
        let trace = body
            .iter()
            .position(|line| is_rule(line, '-'))
            .map_or(body, |rule| &body[rule + 1..]);
        let place = trace
            .iter()
            .rev()
            .filter_map(|line| python_place(line.trim_start()))
            .find(|place| !is_library(place));
        let message = message_of(index, last_error(trace));
        report.name(failed(&name, message, place));
    }
    distinct
}

/// `module.Class.test` of `test (module.Class.test) [message] (i=1)`, and of `test (module.Class)` before Python 3.11.
fn name(what: &str) -> String {
    let Some((test, rest)) = what.split_once(" (") else {
        return what.trim_end().to_owned();
    };
    let Some((owner, _)) = rest.split_once(')') else {
        return what.trim_end().to_owned();
    };
    match owner.strip_prefix("unittest.loader.") {
        Some(_) => test.to_owned(),
        None if owner
            .strip_suffix(test)
            .is_some_and(|owner| owner.ends_with('.')) =>
        {
            owner.to_owned()
        }
        None => format!("{owner}.{test}"),
    }
}

fn is_library(place: &str) -> bool {
    ["/lib/python", "/unittest/", "/site-packages/"]
        .iter()
        .any(|folder| place.contains(folder))
}

/// The lines of a trace after its last place: the error itself.
fn last_error<'l, 'a>(trace: &'l Lines<'a>) -> &'l Lines<'a> {
    let after = trace
        .iter()
        .rposition(|line| line.starts_with("  File \""))
        .map_or(0, |at| at + 1);
    let rest = &trace[after..];
    let skip = rest
        .iter()
        .take_while(|line| line.starts_with("    "))
        .count();
    &rest[skip..]
}

#[cfg(test)]
mod tests {
    use super::super::told::{failing, numbers, told};
    use crate::config::ReportFormat::Unittest;

    const RUN: &str = include_str!("fixtures/unittest.txt");

    #[test]
    fn errors_and_failures_are_told_apart() {
        let report = told("", RUN, Unittest);
        assert_eq!(numbers(&report), (3, 4, 1, 2, true));
        assert_eq!(
            failing(&report),
            [
                "test_u.Broken.setUpClass",
                "test_u.U.test_c",
                "test_u.U.test_b",
                "test_u.U.test_f",
                "test_u.U.test_sub",
            ]
        );
    }
}
