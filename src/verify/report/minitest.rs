//! The text that Ruby's minitest prints: progress, the time, a numbered part for each failure, the numbers. Rails
//! prints the parts as they come, without their numbers and before the time.

use std::collections::HashSet;

use super::found::{Found, Lines, failed, last, message_of, numbered_title, numbers, plain_path};
use super::{MAX_NAMED, Report};

pub(super) fn read(lines: &Lines<'_>) -> Option<Found> {
    let (at, totals) = last(lines, |_, line| Totals::parse(line))?;
    let finished = lines[..at]
        .iter()
        .rposition(|line| line.starts_with("Finished in "))?;
    let mut report = Report::default();
    let counts = &mut report.counts;
    counts.failed = totals.failures;
    counts.errors = totals.errors;
    counts.skipped = totals.skips;
    counts.passed = [totals.failures, totals.errors, totals.skips]
        .iter()
        .fold(totals.runs, |rest, number| rest.saturating_sub(*number));
    name(&lines[finished..at], true, &mut report);
    if report.tests.is_empty() {
        name(&lines[..finished], false, &mut report);
    }
    let told = totals.failures.saturating_add(totals.errors) as usize;
    report.tests.truncate(told);
    Some(Found::complete(report, 0, at + 1))
}

/// The numbers.
struct Totals {
    runs: u32,
    failures: u32,
    errors: u32,
    skips: u32,
}

impl Totals {
    /// Reads `4 runs, 3 assertions, 1 failures, 1 errors, 1 skips`.
    fn parse(line: &str) -> Option<Self> {
        let parts = numbers(line.trim_end(), ", ")?;
        let [
            (runs, "runs" | "tests"),
            (_, "assertions"),
            (failures, "failures"),
            (errors, "errors"),
            (skips, "skips"),
        ] = *parts.as_slice()
        else {
            return None;
        };
        Some(Self {
            runs,
            failures,
            errors,
            skips,
        })
    }
}

/// Names the parts of failures and errors.
fn name(lines: &Lines<'_>, with_number: bool, report: &mut Report) {
    let heads: Vec<(usize, &str)> = lines
        .iter()
        .enumerate()
        .filter_map(|(at, line)| {
            let word = match with_number {
                true => numbered_title(line)?.1,
                false => line.as_ref(),
            };
            let word = word.trim_end();
            matches!(word, "Failure:" | "Error:" | "Skipped:").then_some((at, word))
        })
        .collect();
    let mut known = HashSet::new();
    for (index, (at, word)) in heads.iter().enumerate() {
        let Some((name, place)) = lines.get(at + 1).and_then(|line| titled(line)) else {
            continue;
        };
        if *word == "Skipped:" || known.len() >= MAX_NAMED || !known.insert(name) {
            continue;
        }
        let until = heads.get(index + 1).map_or(lines.len(), |next| next.0);
        let body = &lines[(at + 2).min(until)..until];
        let end = body
            .iter()
            .position(|line| {
                line.starts_with("    ") && line.contains(":in `")
                    || line.starts_with("bin/rails test ")
            })
            .unwrap_or(body.len());
        let place = place.or_else(|| body.get(end).and_then(|line| first_place(line)));
        report.name(failed(name, message_of(index, &body[..end]), place));
    }
}

/// The name and the place in `TestB#test_nil [test_b.rb:5]:`.
fn titled(line: &str) -> Option<(&str, Option<String>)> {
    let title = line.trim_end().strip_suffix(':')?;
    let (name, place) = match title
        .strip_suffix(']')
        .and_then(|title| title.rsplit_once(" ["))
    {
        Some((name, place)) => (name, Some(plain_path(place).to_owned())),
        None => (title, None),
    };
    name.contains('#').then_some((name, place))
}

/// The place in `    test_b.rb:2:in 'shout'`.
fn first_place(line: &str) -> Option<String> {
    let (place, _) = line.trim_start().split_once(":in ")?;
    let (_, number) = place.rsplit_once(':')?;
    number.parse::<u32>().ok()?;
    Some(plain_path(place).to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::told::{failing, first_failure, numbers, told};
    use crate::config::ReportFormat::Minitest;

    #[test]
    fn errors_and_failures_are_told_apart() {
        let report = told(include_str!("fixtures/minitest.txt"), "", Minitest);
        assert_eq!(numbers(&report), (1, 1, 1, 1, true));
        assert_eq!(failing(&report), ["TestB#test_nil", "TestB#test_adds up",]);
    }

    #[test]
    fn rails_tells_of_failures_as_they_come() {
        let report = told(include_str!("fixtures/minitest_rails.txt"), "", Minitest);
        assert_eq!(numbers(&report), (1, 1, 0, 1, true));
        assert_eq!(
            failing(&report),
            ["CartTest#test_discount", "CartTest#test_nil",]
        );
        assert_eq!(
            first_failure(&report),
            ("Expected: 9\n  Actual: 10", "test/models/cart_test.rb:6")
        );
    }
}
