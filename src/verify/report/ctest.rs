//! The text that CMake's ctest prints: a line for each test, the numbers, then lists of what did not run and what
//! failed.

use std::collections::{HashMap, HashSet};

use super::found::{Found, Lines, failed, last, message_of};
use super::{MAX_NAMED, Report};

pub(super) fn read(lines: &Lines<'_>) -> Option<Found> {
    let Some((at, (number, total))) = last(lines, |_, line| totals(line)) else {
        let (at, ()) = last(lines, |_, line| {
            (line == "No tests were found!!!").then_some(())
        })?;
        return Some(Found::complete(Report::default(), at, at + 1));
    };
    let begin = lines[..at]
        .iter()
        .rposition(|line| line.starts_with("Test project "))?;
    let mut report = Report::default();
    let printed = printed(&lines[begin..at]);
    let mut list = List::None;
    let mut end = at + 1;
    let mut skipped = 0_u32;
    let mut names = HashSet::new();
    for (offset, line) in lines[at + 1..].iter().enumerate() {
        match (List::of(line), entry(line)) {
            (Some(next), _) => list = next,
            (None, Some((_, _, reason))) if list == List::NotRun => {
                // What is disabled is not in the total.
                let skips = u32::from(reason == "Skipped");
                skipped = skipped.saturating_add(skips);
                report.counts.skipped = report.counts.skipped.saturating_add(1);
            }
            (None, Some((_, name, reason))) if list == List::Failed => {
                if names.len() < MAX_NAMED && names.insert(name) {
                    let printed = printed.get(name).copied().unwrap_or_default();
                    let message = message_of(report.tests.len(), printed);
                    let message = message.unwrap_or_else(|| reason.to_owned());
                    report.name(failed(name, Some(message), None));
                }
            }
            _ => continue,
        }
        end = at + 2 + offset;
    }
    report.counts.failed = number;
    report.counts.passed = total.saturating_sub(number).saturating_sub(skipped);
    Some(Found::complete(report, begin, end))
}

/// The failed and all in `50% tests passed, 1 tests failed out of 2`.
fn totals(line: &str) -> Option<(u32, u32)> {
    let (percent, rest) = line.trim_end().split_once("% tests passed, ")?;
    percent.parse::<u32>().ok()?;
    let (failed, total) = rest
        .split_once(" tests failed out of ")
        .or_else(|| rest.split_once(" test failed out of "))?;
    Some((failed.parse().ok()?, total.parse().ok()?))
}

/// The list that lines belong to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    None,
    NotRun,
    Failed,
}

impl List {
    fn of(line: &str) -> Option<Self> {
        match line.trim_end() {
            "The following tests FAILED:" => Some(Self::Failed),
            "The following tests did not run:" => Some(Self::NotRun),
            _ => None,
        }
    }
}

/// Number, name and reason in `<tab>  1 - parse (SEGFAULT)`, behind which labels may stand.
fn entry(line: &str) -> Option<(u32, &str, &str)> {
    let rest = line.strip_prefix('\t')?.trim_start();
    let (number, rest) = rest.split_once(" - ")?;
    let at = rest.rfind(" (")?;
    let (reason, _) = rest[at + 2..].split_once(')')?;
    Some((number.parse().ok()?, &rest[..at], reason))
}

/// What stands behind each test's own line.
fn printed<'l, 'a>(lines: &'l Lines<'a>) -> HashMap<&'l str, &'l Lines<'a>> {
    let mut printed = HashMap::new();
    let mut current: Option<(&str, usize)> = None;
    for (at, line) in lines.iter().enumerate() {
        let own = own(line);
        if own.is_none() && !line.trim_start().starts_with("Start ") {
            continue;
        }
        if let Some((name, begin)) = current.take() {
            printed.insert(name, &lines[begin..at]);
        }
        current = own.map(|name| (name, at + 1));
    }
    if let Some((name, begin)) = current {
        printed.insert(name, &lines[begin..]);
    }
    printed
}

/// The name in `1/1 Test #1: parse ....***Exception: SegFault  0.01 sec`.
fn own(line: &str) -> Option<&str> {
    let rest = line
        .split_once(" Test ")?
        .1
        .trim_start()
        .strip_prefix('#')?;
    let (_, rest) = rest.split_once(": ")?;
    rest.split_once(" ..").map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::super::told::{failing, first_failure, numbers, told};
    use crate::config::ReportFormat::Ctest;

    #[test]
    fn the_lists_at_the_end_name_what_failed() {
        let report = told(include_str!("fixtures/ctest.txt"), "", Ctest);
        assert_eq!(numbers(&report), (1, 2, 2, 0, true));
        assert_eq!(failing(&report), ["parse", "slow (io)",]);
        assert_eq!(
            first_failure(&report),
            ("100% tests passed, 0 tests failed out of 9", "-")
        );
    }
}
