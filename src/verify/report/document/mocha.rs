//! The document of mocha's `json` reporter: the numbers and every test under its full title.
//!
//! A full title joins suites and test with spaces, which a name may hold too. Where a suite has tests of its own its
//! title is known, and what lies deeper is taken apart there.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Deserialize;

use super::super::found::{failed, suites_apart};
use super::super::{Report, Reported, whole_milliseconds};
use super::{message, value};
use crate::domain::check::TestStatus;

/// What stands between the names of a test and of those it lies in.
const BETWEEN: &str = " > ";

#[derive(Deserialize)]
struct Document<'a> {
    stats: Stats,
    #[serde(borrow, default)]
    tests: Vec<Test<'a>>,
    #[serde(borrow)]
    pending: Vec<Test<'a>>,
    #[serde(borrow)]
    failures: Vec<Test<'a>>,
    #[serde(borrow)]
    passes: Vec<Test<'a>>,
}

#[derive(Deserialize)]
struct Stats {
    passes: u32,
    pending: u32,
    failures: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Test<'a> {
    #[serde(borrow)]
    title: Cow<'a, str>,
    #[serde(borrow)]
    full_title: Cow<'a, str>,
    duration: Option<f64>,
    #[serde(borrow, default)]
    err: Fault<'a>,
}

#[derive(Default, Deserialize)]
struct Fault<'a> {
    #[serde(borrow, default)]
    message: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    stack: Option<Cow<'a, str>>,
}

pub(super) fn read(text: &str) -> Option<(Report, usize)> {
    let (document, length): (Document<'_>, usize) = value(text)?;
    let Document {
        stats,
        tests,
        pending,
        failures,
        passes,
    } = document;
    let all = || tests.iter().chain(&pending).chain(&failures).chain(&passes);
    let suites: BTreeSet<String> = all()
        .map(suite)
        .filter(|suite| !suite.is_empty())
        .map(str::to_owned)
        .collect();
    let mut report = Report::default();
    report.counts.passed = stats.passes;
    report.counts.failed = stats.failures;
    report.counts.skipped = stats.pending;
    report.counts.complete = failures.len() >= stats.failures as usize;
    for test in &failures {
        let told = test.err.message.as_deref().and_then(message);
        let place = test.err.stack.as_deref().and_then(place);
        report.name(failed(&name(test, &suites), told, place));
    }
    for (tests, status) in [
        (&passes, TestStatus::Passed),
        (&pending, TestStatus::Skipped),
    ] {
        for test in tests {
            let mut reported = Reported::new(&name(test, &suites), status);
            reported.case.duration_ms = test.duration.and_then(whole_milliseconds);
            report.name(reported);
        }
    }
    if !report.counts.complete {
        report.note("its numbers do not agree with its tests");
    }
    Some((report, length))
}

/// The titles of the suites that a test lies in.
fn suite<'t>(test: &'t Test<'_>) -> &'t str {
    let above = test.full_title.strip_suffix(test.title.as_ref());
    above.unwrap_or_default().trim_end()
}

/// A test's name, taken apart where a suite is known.
fn name(test: &Test<'_>, suites: &BTreeSet<String>) -> String {
    let suite = suite(test);
    if suite.is_empty() {
        return test.full_title.to_string();
    }
    let suites = suites_apart(suite, suites);
    format!("{suites}{BETWEEN}{}", test.title)
}

/// The first place of a trace that is not in a dependency or in Node itself.
fn place(stack: &str) -> Option<String> {
    stack.lines().find_map(|line| {
        let line = line.trim_start().strip_prefix("at ")?;
        let place = line.strip_suffix(')').map_or(line, |line| {
            line.rsplit_once('(').map_or(line, |(_, place)| place)
        });
        let (place, _column) = place.rsplit_once(':')?;
        let (path, number) = place.rsplit_once(':')?;
        number.parse::<u32>().ok()?;
        let foreign = path.contains("node_modules/") || path.starts_with("node:");
        (!foreign).then(|| place.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::told::{failing, first_failure, numbers, told};
    use crate::config::ReportFormat::Mocha;

    #[test]
    fn titles_are_taken_apart_where_a_suite_is_known() {
        let report = told(include_str!("../fixtures/mocha_json.txt"), "", Mocha);
        assert_eq!(numbers(&report), (1, 5, 2, 0, true));
        assert_eq!(
            failing(&report),
            [
                "root",
                "cart > discount",
                "cart > deep > throws",
                "cart > deep > two words: x",
                "db > \"before all\" hook for \"selects\"",
            ]
        );
        assert_eq!(first_failure(&report), ("bad", "mo/a.js:9"));
    }
}
