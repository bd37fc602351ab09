//! The text that jest prints on standard error: `PASS` or `FAIL` for each file, perhaps with the tree of its tests,
//! then a part for each failure in it; at the end the numbers.
//!
//! A failure's title joins suites and test with ` › `, which a name may hold too; the tree, where there is one, tells
//! which is which. What tests print is indented by four spaces at least.

mod tree;

use std::collections::HashSet;

use super::found::{Found, Lines, failed, last, message_of, numbers, plain_path, without_time};
use super::{MAX_NAMED, Report};
use tree::Tree;

/// What stands between the names of a test and of those it lies in.
const BETWEEN: &str = " > ";
/// Where a failure's title begins.
const TITLE: &str = "  ● ";
/// How many lines of a report may stand behind its number of suites.
const NUMBERS_WITHIN: usize = 5;

pub(super) fn read(lines: &Lines<'_>) -> Option<Found> {
    let (at, mut report) = last(lines, |at, _| totals(&lines[at..]))?;
    let tail = &lines[at..lines.len().min(at + NUMBERS_WITHIN)];
    let end = at
        + tail
            .iter()
            .rposition(|line| line.starts_with("Ran all test suites") || line.starts_with("Time: "))
            .map_or(2, |last| last + 1);
    let parts = lines[..at]
        .iter()
        .position(|line| line.trim_end() == "Summary of all failing tests")
        .unwrap_or(at);
    let mut files = Files::default();
    for at in 0..parts {
        files.line(lines, at);
    }
    files.end(lines, parts, &mut report);
    Some(Found::complete(report, 0, end))
}

/// The numbers, if these lines begin with them.
fn totals(lines: &Lines<'_>) -> Option<Report> {
    let mut next = lines.iter();
    let suites = next.next()?.strip_prefix("Test Suites: ")?;
    suites.trim_end().strip_suffix(" total")?;
    let tests = next.next()?.strip_prefix("Tests: ")?.trim();
    next.next()?.strip_prefix("Snapshots: ")?;
    let mut report = Report::default();
    for (number, word) in numbers(tests, ", ")? {
        match word {
            "passed" => report.counts.passed = number,
            "failed" => report.counts.failed = number,
            "skipped" => report.counts.skipped = number,
            _ => {}
        }
    }
    Some(report)
}

/// The failures of all files.
#[derive(Default)]
struct Files {
    file: String,
    failing: bool,
    tree: Tree,
    /// Line, file, and name of each failure; the name is the file's for one that could not be loaded.
    failures: Vec<(usize, String, String)>,
    /// Lines at which a file begins.
    begins: Vec<usize>,
}

impl Files {
    fn line(&mut self, lines: &Lines<'_>, at: usize) {
        let line = lines[at].as_ref();
        if let Some((failing, file)) = file(line) {
            self.file = file.to_owned();
            self.failing = failing;
            self.tree = Tree::read(&lines[at + 1..]);
            self.begins.push(at);
        } else if self.failing
            && self.failures.len() < MAX_NAMED
            && let Some(title) = line.strip_prefix(TITLE)
        {
            self.failure(at, title.trim_end());
        }
    }

    fn failure(&mut self, at: usize, title: &str) {
        let name = match title {
            "Test suite failed to run" => self.file.clone(),
            "Console"
            | "Cannot log after tests are done. Did you forget to wait for something async in your test?" =>
            {
                return;
            }
            _ => match self.tree.name(title) {
                Some(name) => name,
                None if self.tree.tells_failures() => return,
                None => title.replace(" › ", BETWEEN),
            },
        };
        self.failures.push((at, self.file.clone(), name));
    }

    fn end(self, lines: &Lines<'_>, end: usize, report: &mut Report) {
        let mut known = HashSet::new();
        let mut ends: Vec<usize> = self.failures.iter().map(|failure| failure.0).collect();
        ends.extend(self.begins);
        ends.push(end);
        ends.sort_unstable();
        for (at, file, name) in &self.failures {
            let load = name == file;
            if !known.insert((file, name)) {
                continue;
            }
            if load {
                report.counts.errors = report.counts.errors.saturating_add(1);
            }
            let next = ends.partition_point(|end| end <= at);
            let body = &lines[at + 1..ends.get(next).copied().unwrap_or(end).max(at + 1)];
            let text = body
                .iter()
                .position(|line| {
                    line.contains(" | ")
                        && line
                            .trim_start()
                            .starts_with(['1', '2', '3', '4', '5', '6', '7', '8', '9', '>'])
                })
                .map_or(body, |code| &body[..code]);
            let message = message_of(report.tests.len(), text);
            let mut test = failed(name, message, place(body, file));
            test.file = Some(file.clone()).filter(|_| !load);
            report.name(test);
        }
    }
}

/// Whether the file failed, and its path, from `FAIL ./a.test.js (5.1 s)`; with colours a space stands before it.
fn file(line: &str) -> Option<(bool, &str)> {
    let line = line.strip_prefix(' ').unwrap_or(line);
    let (failing, rest) = match line.strip_prefix("FAIL ") {
        Some(rest) => (true, rest),
        None => (false, line.strip_prefix("PASS ")?),
    };
    // The name of a project stands before the path.
    let path = without_time(rest).split(' ').next_back()?;
    (!path.is_empty() && path.contains('.')).then(|| (failing, plain_path(path)))
}

/// The place in a trace's `at Object.toBe (a.test.js:4:49)`: the first in the test's own file, else the first of all.
fn place(body: &Lines<'_>, file: &str) -> Option<String> {
    let mut places = body.iter().filter_map(|line| {
        let line = line.trim_start().strip_prefix("at ")?;
        let place = match line.rsplit_once(" (") {
            Some((_, place)) => place.strip_suffix(')')?,
            None => line,
        };
        let (place, _column) = place.rsplit_once(':')?;
        let (_, number) = place.rsplit_once(':')?;
        number.parse::<u32>().ok()?;
        Some(place)
    });
    let first = places.next()?;
    let own = |place: &&str| place.rsplit_once(':').is_some_and(|(path, _)| path == file);
    let place = std::iter::once(first)
        .chain(places)
        .find(own)
        .unwrap_or(first);
    Some(place.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::told::{failing, first_failure, numbers, told};
    use crate::config::ReportFormat::Jest;

    #[test]
    fn what_tests_print_does_not_count() {
        let report = told("", include_str!("fixtures/jest.txt"), Jest);
        assert_eq!(numbers(&report), (2, 2, 1, 1, true));
        assert_eq!(
            failing(&report),
            ["throws", "cart > total > applies > discount", "c.test.js",]
        );
        assert_eq!(
            first_failure(&report),
            (
                "TypeError: Cannot read properties of null (reading 'x')",
                "b.test.js:1"
            )
        );
    }

    #[test]
    fn a_tree_tells_which_names_hold_the_sign() {
        let report = told("", include_str!("fixtures/jest_verbose.txt"), Jest);
        assert_eq!(numbers(&report), (2, 2, 1, 1, true));
        assert_eq!(
            failing(&report),
            ["throws", "cart > total > applies › discount", "c.test.js",]
        );
    }
}
