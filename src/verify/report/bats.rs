//! The text that bats prints for people (`--pretty`): the files, a line with a sign for each test, behind a failing one
//! what it says, at the end the numbers.
//!
//! What tests print is indented by three spaces at least; the signs stand behind one.

use super::Report;
use super::found::{Found, Lines, failed, last, message_of, numbered};

/// How far what belongs to a test is indented.
const PRINTED: &str = "   ";

pub(super) fn read(lines: &Lines<'_>) -> Option<Found> {
    let (at, totals) = last(lines, |_, line| Totals::parse(line))?;
    let signed: Vec<(usize, char, &str)> = lines[..at]
        .iter()
        .enumerate()
        .filter_map(|(at, line)| signed(line).map(|(sign, title)| (at, sign, title)))
        .collect();
    // The lines of the last run, if there are several.
    let of_run = signed.len().saturating_sub(totals.tests as usize);
    let signed = &signed[of_run..];
    let is_failure = |entry: &&(usize, char, &str)| entry.1 == '✗';
    if signed.iter().filter(is_failure).count() != totals.failures as usize {
        return None;
    }
    let mut report = Report::default();
    report.counts.failed = totals.failures;
    report.counts.skipped = totals.skipped;
    report.counts.passed = [totals.failures, totals.skipped, totals.not_run]
        .iter()
        .fold(totals.tests, |rest, number| rest.saturating_sub(*number));
    for (index, (begin, _, title)) in signed.iter().filter(is_failure).enumerate() {
        let body = &lines[begin + 1..at];
        let end = body.iter().position(|line| !line.starts_with(PRINTED));
        let body = &body[..end.unwrap_or(body.len())];
        let place = body.iter().find_map(|line| place(line));
        let title = match totals.timed {
            true => without_milliseconds(title),
            false => title,
        };
        report.name(failed(title, message_of(index, body), place));
    }
    let begin = signed.first().map_or(at, |entry| entry.0.saturating_sub(1));
    let mut found = Found::complete(report, begin, at + 1);
    if totals.not_run > 0 {
        found.report.counts.complete = false;
        found
            .report
            .note(&format!("{} tests did not run", totals.not_run));
    }
    Some(found)
}

/// The numbers.
#[derive(Default)]
struct Totals {
    tests: u32,
    failures: u32,
    skipped: u32,
    not_run: u32,
    /// Whether each test's time stands behind its name.
    timed: bool,
}

impl Totals {
    /// Reads `4 tests, 2 failures, 1 skipped, 1 not run in 3 seconds`.
    fn parse(line: &str) -> Option<Self> {
        let mut totals = Self::default();
        let line = line.trim_end();
        let numbers = match line.split_once(" in ") {
            Some((numbers, time)) => {
                time.strip_suffix(" seconds")
                    .or_else(|| time.strip_suffix(" second"))?
                    .parse::<u32>()
                    .ok()?;
                totals.timed = true;
                numbers
            }
            None => line,
        };
        let mut parts = numbers.split(", ");
        let (tests, word) = numbered(parts.next()?)?;
        totals.tests = tests;
        let (failures, failing) = numbered(parts.next()?)?;
        totals.failures = failures;
        let known = matches!(word, "test" | "tests") && matches!(failing, "failure" | "failures");
        for part in parts {
            match numbered(part)? {
                (number, "skipped") => totals.skipped = number,
                (number, "not run") => totals.not_run = number,
                _ => return None,
            }
        }
        known.then_some(totals)
    }
}

/// The sign and the title in ` ✗ adds up`.
fn signed(line: &str) -> Option<(char, &str)> {
    let rest = line.strip_prefix(' ')?;
    let sign = rest.chars().next()?;
    let title = rest[sign.len_utf8()..].strip_prefix(' ')?;
    matches!(sign, '✓' | '✗' | '-').then(|| (sign, title.trim_end()))
}

/// `adds` of `adds [7]`.
fn without_milliseconds(title: &str) -> &str {
    let rest = title
        .strip_suffix(']')
        .and_then(|title| title.rsplit_once(" ["));
    match rest {
        Some((name, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => title,
    }
}

/// The place in `   (in test file t.bats, line 5)`, also behind the names of functions.
pub(super) fn place(line: &str) -> Option<String> {
    let (_, rest) = line.rsplit_once("in test file ")?;
    let (path, number) = rest.split_once(", line ")?;
    let number: u32 = number
        .trim_end()
        .trim_end_matches([')', ','])
        .parse()
        .ok()?;
    Some(format!("{}:{number}", path.trim_start_matches("./")))
}

#[cfg(test)]
mod tests {
    use super::super::told::{failing, first_failure, numbers, told};
    use crate::config::ReportFormat::Bats;

    #[test]
    fn what_tests_print_is_no_test() {
        let report = told(include_str!("fixtures/bats_pretty.txt"), "", Bats);
        assert_eq!(numbers(&report), (2, 3, 1, 0, true));
        assert_eq!(
            failing(&report),
            [
                "discount: 10 # percent",
                "fails (in test file x)",
                "in setup"
            ]
        );
        assert_eq!(
            first_failure(&report),
            (
                "(in test file ./t.bats, line 5)\n  `false' failed\nnot ok 7 fake\n3 tests, 0 failures",
                "t.bats:5"
            )
        );
    }
}
