//! The document of GoogleTest's `--gtest_output=json`: suites and their tests.

use std::borrow::Cow;

use serde::Deserialize;

use super::super::{Report, Reported};
use super::{message, value};
use crate::domain::check::TestStatus;

#[derive(Deserialize)]
struct Document<'a> {
    tests: u32,
    #[serde(borrow)]
    testsuites: Vec<Suite<'a>>,
}

#[derive(Deserialize)]
struct Suite<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    testsuite: Vec<Test<'a>>,
}

#[derive(Deserialize)]
struct Test<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    /// `RUN` or `NOTRUN`.
    #[serde(borrow)]
    status: Cow<'a, str>,
    /// `COMPLETED`, `SKIPPED` or `SUPPRESSED`.
    #[serde(borrow, default)]
    result: Cow<'a, str>,
    #[serde(borrow, default)]
    file: Cow<'a, str>,
    #[serde(default)]
    line: u32,
    #[serde(borrow, default)]
    failures: Vec<Fault<'a>>,
}

#[derive(Deserialize)]
struct Fault<'a> {
    #[serde(borrow)]
    failure: Cow<'a, str>,
}

pub(super) fn read(text: &str) -> Option<(Report, usize)> {
    let (document, length): (Document<'_>, usize) = value(text)?;
    let mut report = Report::default();
    let mut seen = 0_u32;
    for suite in &document.testsuites {
        for test in &suite.testsuite {
            seen = seen.saturating_add(1);
            let counts = &mut report.counts;
            let (status, count) = if !test.failures.is_empty() {
                (TestStatus::Failed, &mut counts.failed)
            } else if test.status == "NOTRUN" {
                // What is disabled is in no number of the runner's.
                continue;
            } else if test.result == "SKIPPED" {
                (TestStatus::Skipped, &mut counts.skipped)
            } else {
                (TestStatus::Passed, &mut counts.passed)
            };
            *count = count.saturating_add(1);
            let mut reported = Reported::new(&format!("{}.{}", suite.name, test.name), status);
            if let Some(fault) = test.failures.first() {
                reported.case.message = message(&fault.failure);
                let own = (test.line > 0).then(|| format!("{}:{}", test.file, test.line));
                reported.location = place(&fault.failure).or(own);
            }
            report.name(reported);
        }
    }
    report.counts.complete = seen >= document.tests;
    Some((report, length))
}

/// The place that begins a failure: `cart.cc:4` on a line of its own.
fn place(failure: &str) -> Option<String> {
    let line = failure.lines().next()?.trim();
    let (path, number) = line.rsplit_once(':')?;
    number.parse::<u32>().ok()?;
    (!path.is_empty()).then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::super::told::{failing, first_failure, numbers, told};
    use crate::config::ReportFormat::Gtest;

    #[test]
    fn what_is_disabled_does_not_count() {
        let report = told(include_str!("../fixtures/gtest.json"), "", Gtest);
        assert_eq!(numbers(&report), (2, 3, 2, 0, true));
        assert_eq!(
            failing(&report),
            ["Cart.Discount", "Throw.Ex", "Nums/P.Even/1"]
        );
        assert_ne!(first_failure(&report).1, "gt.cc:4");
    }
}
