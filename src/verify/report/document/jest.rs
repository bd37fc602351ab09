//! The document of `jest --json`, which vitest's `json` reporter writes, too: files, and in each its tests.

use std::borrow::Cow;

use serde::Deserialize;

use super::super::found::failed;
use super::super::{Report, Reported, whole_milliseconds};
use super::{message, value};
use crate::domain::check::TestStatus;

/// What stands between the names of a test and of those it lies in.
const BETWEEN: &str = " > ";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    num_failed_tests: u32,
    num_total_tests: u32,
    #[serde(borrow)]
    test_results: Vec<File<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow, default)]
    message: Cow<'a, str>,
    #[serde(borrow)]
    assertion_results: Vec<Test<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Test<'a> {
    #[serde(borrow, default)]
    ancestor_titles: Vec<Cow<'a, str>>,
    #[serde(borrow)]
    title: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    duration: Option<f64>,
    #[serde(borrow, default)]
    failure_messages: Option<Vec<Cow<'a, str>>>,
}

pub(super) fn read(text: &str) -> Option<(Report, usize)> {
    let (document, length): (Document<'_>, usize) = value(text)?;
    let mut report = Report::default();
    let mut todo = 0_u32;
    let paths: Vec<&str> = document.test_results.iter().map(path).collect();
    let root = common_folder(&paths);
    for (file, path) in document.test_results.iter().zip(&paths) {
        let path = path.strip_prefix(root).unwrap_or(path);
        let before = report.counts.failed;
        for test in &file.assertion_results {
            match test.status.as_ref() {
                "todo" => todo += 1,
                _ => add(&mut report, test, path),
            }
        }
        // A file that could not be loaded, or what surrounds its tests.
        if file.status == "failed" && report.counts.failed == before {
            report.counts.errors = report.counts.errors.saturating_add(1);
            report.name(failed(path, message(&file.message), None));
        }
    }
    let counts = report.counts;
    let listed = [counts.passed, counts.failed, counts.skipped, todo]
        .iter()
        .fold(0, |sum, number| u32::saturating_add(sum, *number));
    report.counts.complete =
        listed >= document.num_total_tests && counts.failed >= document.num_failed_tests;
    if !report.counts.complete {
        report.note("its numbers do not agree with its tests");
    }
    Some((report, length))
}

fn add(report: &mut Report, test: &Test<'_>, file: &str) {
    let (status, count) = match test.status.as_ref() {
        "passed" => (TestStatus::Passed, &mut report.counts.passed),
        "failed" => (TestStatus::Failed, &mut report.counts.failed),
        _ => (TestStatus::Skipped, &mut report.counts.skipped),
    };
    *count = count.saturating_add(1);
    let mut name = String::new();
    for title in &test.ancestor_titles {
        name.push_str(title);
        name.push_str(BETWEEN);
    }
    name.push_str(&test.title);
    let mut reported = Reported::new(&name, status);
    reported.file = Some(file.to_owned());
    reported.case.duration_ms = test.duration.and_then(whole_milliseconds);
    if status == TestStatus::Failed {
        let told = test.failure_messages.as_deref().unwrap_or_default();
        reported.case.message = told.first().and_then(|text| message(text));
        reported.location = told.iter().find_map(|text| place(text, file));
    }
    report.name(reported);
}

/// A file's path as the runner's own words about it have it: relative to where it ran, though the document gives it in
/// full.
fn path<'f>(file: &'f File<'_>) -> &'f str {
    let full = file.name.as_ref();
    let said = std::iter::once(&file.message).chain(
        file.assertion_results
            .iter()
            .filter_map(|test| test.failure_messages.as_ref()?.first()),
    );
    let shown = |part: &str, said: &str| {
        said.match_indices(part).any(|(at, _)| {
            let before = said[..at].chars().next_back();
            before.is_none_or(|char| {
                !matches!(char, '/' | '.' | '-' | '_') && !char.is_alphanumeric()
            })
        })
    };
    for said in said.take(MAX_SAID) {
        let said = super::shorten(said, super::MAX_MESSAGE);
        let relative = full
            .match_indices('/')
            .skip(1)
            .map(|(at, _)| &full[at + 1..])
            .find(|part| shown(part, said));
        if let Some(relative) = relative {
            return relative;
        }
    }
    full
}

/// The folder, with its slash, that all these files lie in if no message tells what they are relative to.
fn common_folder<'p>(paths: &[&'p str]) -> &'p str {
    let Some(first) = paths
        .first()
        .filter(|_| paths.iter().all(|path| path.starts_with('/')))
    else {
        return "";
    };
    let mut root = first.rfind('/').map_or("", |at| &first[..=at]);
    while !paths.iter().all(|path| path.starts_with(root)) {
        root = root
            .trim_end_matches('/')
            .rfind('/')
            .map_or("", |at| &root[..=at]);
    }
    root
}

/// How many messages of a file are searched for its path.
const MAX_SAID: usize = 5;

/// The place in a trace's `at Object.toBe (/home/rep/a.test.js:4:49)` that is in the test's file.
fn place(text: &str, file: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let line = line.trim_start().strip_prefix("at ")?;
        let place = line.strip_suffix(')').map_or(line, |line| {
            line.rsplit_once('(').map_or(line, |(_, place)| place)
        });
        let (place, _column) = place.rsplit_once(':')?;
        let (path, number) = place.rsplit_once(':')?;
        number.parse::<u32>().ok()?;
        path.ends_with(file).then(|| format!("{file}:{number}"))
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::told::{failing, numbers, told};
    use crate::config::ReportFormat::{Jest, Vitest};

    #[test]
    fn names_keep_levels_and_files_apart() {
        let report = told(include_str!("../fixtures/jest.json"), "", Jest);
        assert_eq!(numbers(&report), (3, 6, 1, 1, true));
        assert_eq!(
            failing(&report),
            [
                "cart > total > applies › discount",
                "jest/a.test.js > throws",
                "eq 1 2",
                "h1",
                "in > h2",
                "jest/c.test.js > throws",
                "jest/deep/b.test.js",
            ]
        );
    }

    #[test]
    fn vitest_writes_the_same() {
        let report = told(include_str!("../fixtures/vitest.json"), "", Vitest);
        assert_eq!(numbers(&report), (4, 4, 3, 3, true));
        assert_eq!(failing(&report).len(), 7);
    }
}
