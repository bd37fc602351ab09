//! The text that Ruby's test-unit prints: progress, in it a part between rules for each failure, then the numbers.

use std::collections::HashSet;

use super::found::{Found, Lines, failed, last, message_of, numbers, plain_path};
use super::{MAX_NAMED, Report};

/// How long the rules around a part are.
const RULE: usize = 79;

pub(super) fn read(lines: &Lines<'_>) -> Option<Found> {
    let (at, totals) = last(lines, |at, line| {
        (at > 0 && is_rule(&lines[at - 1], '-'))
            .then(|| Totals::parse(line))
            .flatten()
    })?;
    let begin = lines[..at]
        .iter()
        .rposition(|line| line.starts_with("Loaded suite "))?;
    let mut report = Report::default();
    let counts = &mut report.counts;
    counts.failed = totals.failures;
    counts.errors = totals.errors;
    counts.skipped = totals.pendings.saturating_add(totals.omissions);
    counts.passed = [counts.failed, counts.errors, counts.skipped]
        .iter()
        .fold(totals.tests, |rest, number| rest.saturating_sub(*number));
    name(&lines[begin..at], &mut report);
    report
        .tests
        .truncate(totals.failures.saturating_add(totals.errors) as usize);
    Some(Found::complete(report, begin, at + 1))
}

fn is_rule(line: &str, of: char) -> bool {
    let line = line.trim_end();
    line.len() == RULE && line.chars().all(|char| char == of)
}

/// The numbers.
#[derive(Default)]
struct Totals {
    tests: u32,
    failures: u32,
    errors: u32,
    pendings: u32,
    omissions: u32,
}

impl Totals {
    /// Reads `8 tests, 5 assertions, 3 failures, 1 errors, 1 pendings, 1 omissions, 0 notifications`.
    fn parse(line: &str) -> Option<Self> {
        let mut totals = Self::default();
        let parts = numbers(line.trim_end(), ", ")?;
        let whole = parts.len() == 7;
        for (number, word) in parts {
            let field = match word {
                "tests" => &mut totals.tests,
                "failures" => &mut totals.failures,
                "errors" => &mut totals.errors,
                "pendings" => &mut totals.pendings,
                "omissions" => &mut totals.omissions,
                "assertions" | "notifications" => continue,
                _ => return None,
            };
            *field = number;
        }
        whole.then_some(totals)
    }
}

/// Names what `Failure: test_bad(TestU)` and `Error: …` between rules tell of.
fn name(lines: &Lines<'_>, report: &mut Report) {
    let mut known = HashSet::new();
    for (at, line) in lines.iter().enumerate().skip(1) {
        let rest = ["Failure: ", "Error: "]
            .iter()
            .find_map(|word| line.strip_prefix(word));
        let Some(name) = rest
            .filter(|_| is_rule(&lines[at - 1], '='))
            .and_then(titled)
        else {
            continue;
        };
        if known.len() >= MAX_NAMED || !known.insert(name.clone()) {
            continue;
        }
        let body = &lines[at + 1..];
        let end = body.iter().position(|line| is_rule(line, '='));
        let body = &body[..end.unwrap_or(body.len())];
        let place = body.iter().find_map(|line| place(line));
        let message = message_of(report.tests.len(), body);
        report.name(failed(&name, message, place));
    }
}

/// `TestU#test_bad` of `test_bad(TestU): why`.
fn titled(title: &str) -> Option<String> {
    let (test, rest) = title.split_once('(')?;
    let (class, _) = rest.split_once(')')?;
    Some(format!("{class}#{test}"))
}

/// The place in "tu.rb:4:in `test_bad'".
fn place(line: &str) -> Option<String> {
    let (place, _) = line.split_once(":in ")?;
    let (path, number) = place.rsplit_once(':')?;
    number.parse::<u32>().ok()?;
    (!path.contains(' ')).then(|| plain_path(place).to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::told::{failing, numbers, told};
    use crate::config::ReportFormat::TestUnit;

    #[test]
    fn parts_stand_between_rules() {
        let report = told(include_str!("fixtures/test_unit.txt"), "", TestUnit);
        assert_eq!(numbers(&report), (2, 3, 2, 1, true));
        assert_eq!(
            failing(&report),
            [
                "TestU#test_bad",
                "TestU#test_data[two]",
                "TestU#test_err",
                "TestU::inner case#test: has name",
            ]
        );
    }
}
