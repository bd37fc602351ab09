//! The text that RSpec prints: progress or a tree, a part for each failure, the time, the numbers, and the list of
//! what failed.
//!
//! The list behind the numbers names the failures; the parts before them tell why.

use std::collections::HashMap;

use super::found::{Found, Lines, failed, last, message_of, numbered_title, numbers, plain_path};
use super::{MAX_NAMED, Report};

pub(super) fn read(lines: &Lines<'_>) -> Option<Found> {
    let (at, totals) = last(lines, |at, line| {
        (at > 0 && lines[at - 1].starts_with("Finished in "))
            .then(|| Totals::parse(line))
            .flatten()
    })?;
    let mut report = Report::default();
    report.counts.failed = totals.failures;
    report.counts.skipped = totals.pending;
    report.counts.errors = totals.outside;
    report.counts.passed = totals
        .examples
        .saturating_sub(totals.failures)
        .saturating_sub(totals.pending);
    if totals.outside > 0 {
        load_errors(&lines[..at - 1], &mut report);
    }
    let begin = lines[at..]
        .iter()
        .position(|line| line.trim_end() == "Failed examples:")
        .filter(|_| totals.failures > 0);
    let Some(begin) = begin else {
        return Some(Found::complete(report, 0, at + 1));
    };
    let parts = Parts::read(&lines[..at - 1]);
    let mut end = at + begin + 1;
    for line in &lines[end..] {
        if let Some((place, name)) = line
            .strip_prefix("rspec ")
            .and_then(|rest| rest.split_once(" # "))
        {
            let message = parts.message(name.trim_end(), report.tests.len(), lines);
            let place = plain_path(place.trim_matches('\'')).to_owned();
            let place = Some(place).filter(|place| !place.ends_with(']'));
            report.name(failed(name.trim_end(), message, place));
        } else if !line.trim().is_empty() {
            break;
        }
        end += 1;
    }
    Some(Found::complete(report, 0, end))
}

/// The numbers.
#[derive(Default)]
struct Totals {
    examples: u32,
    failures: u32,
    pending: u32,
    outside: u32,
}

impl Totals {
    /// Reads `4 examples, 2 failures, 1 pending, 1 error occurred outside of examples`.
    fn parse(line: &str) -> Option<Self> {
        let mut totals = Self::default();
        let parts = numbers(line.trim_end(), ", ")?;
        let whole = matches!(parts.first()?.1, "example" | "examples") && parts.len() > 1;
        for (number, word) in parts {
            let field = match word {
                "example" | "examples" => &mut totals.examples,
                "failure" | "failures" => &mut totals.failures,
                "pending" => &mut totals.pending,
                _ if word.ends_with("occurred outside of examples") => &mut totals.outside,
                _ => return None,
            };
            *field = number;
        }
        whole.then_some(totals)
    }
}

/// Names the files that could not be loaded.
fn load_errors(lines: &Lines<'_>, report: &mut Report) {
    const HEAD: &str = "An error occurred while loading ";
    for (at, line) in lines.iter().enumerate() {
        let Some(path) = line.strip_prefix(HEAD) else {
            continue;
        };
        let path = plain_path(path.trim_end().trim_end_matches('.'));
        let body = &lines[at + 1..];
        let end = body
            .iter()
            .position(|line| line.starts_with("# ") || line.starts_with(HEAD));
        let message = message_of(report.tests.len(), &body[..end.unwrap_or(body.len())]);
        if (report.tests.len() as u64) < u64::from(report.counts.errors) {
            report.name(failed(path, message, None));
        }
    }
}

/// Where the part of each failure begins and ends.
struct Parts<'a>(HashMap<&'a str, (usize, usize)>);

impl<'a> Parts<'a> {
    fn read(lines: &'a Lines<'_>) -> Self {
        let mut parts = HashMap::new();
        let begin = lines
            .iter()
            .rposition(|line| line.trim_end() == "Failures:")
            .unwrap_or(lines.len());
        let mut current: Option<(&str, usize)> = None;
        for (at, line) in lines.iter().enumerate().skip(begin) {
            let head = line.starts_with("  ") && !line.starts_with("     ");
            let Some((_, title)) = numbered_title(line).filter(|_| head) else {
                continue;
            };
            if let Some((title, from)) = current.replace((title.trim_end(), at + 1)) {
                parts.entry(title).or_insert((from, at));
            }
            if parts.len() >= MAX_NAMED {
                break;
            }
        }
        if let Some((title, from)) = current {
            parts.entry(title).or_insert((from, lines.len()));
        }
        Self(parts)
    }

    fn message(&self, name: &str, index: usize, lines: &Lines<'_>) -> Option<String> {
        let (from, until) = *self.0.get(name)?;
        let body = &lines[from..until];
        let end = body
            .iter()
            .position(|line| line.trim_start().starts_with("# "));
        message_of(index, &body[..end.unwrap_or(body.len())])
    }
}

#[cfg(test)]
mod tests {
    use super::super::told::{failing, first_failure, numbers, told};
    use crate::config::ReportFormat::Rspec;

    #[test]
    fn the_list_at_the_end_names_what_failed() {
        let report = told(include_str!("fixtures/rspec.txt"), "", Rspec);
        assert_eq!(numbers(&report), (2, 2, 1, 0, true));
        assert_eq!(
            failing(&report),
            ["Cart nil # hash", "Cart sale discounts",]
        );
    }

    #[test]
    fn a_file_that_cannot_be_loaded_is_an_error() {
        let text = "\nAn error occurred while loading ./spec/a_spec.rb.\nFailure/Error: require 'sidekiq'\n\nLoadError:\n  cannot load such file -- sidekiq\n# ./spec/a_spec.rb:1:in `<top (required)>'\nNo examples found.\n\n\nFinished in 0.00004 seconds (files took 0.17715 seconds to load)\n0 examples, 0 failures, 1 error occurred outside of examples\n\n";
        let report = told(text, "", Rspec);
        assert_eq!(numbers(&report), (0, 0, 0, 1, true));
        assert_eq!(failing(&report), ["spec/a_spec.rb"]);
        assert!(
            first_failure(&report)
                .0
                .ends_with("cannot load such file -- sidekiq")
        );
    }
}
