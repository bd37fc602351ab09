//! What a report tells, as the readers' tests compare it.

use super::{Report, recognise};
use crate::config::ReportFormat;
use crate::domain::check::TestStatus;

/// Passed, failed, skipped, errors, and whether it is complete.
pub(super) fn numbers(report: &Report) -> (u32, u32, u32, u32, bool) {
    let counts = report.counts;
    (
        counts.passed,
        counts.failed,
        counts.skipped,
        counts.errors,
        counts.complete,
    )
}

/// The names of the tests that failed, in the report's order.
pub(super) fn failing(report: &Report) -> Vec<&str> {
    report
        .tests
        .iter()
        .filter(|test| test.case.status == TestStatus::Failed)
        .map(|test| test.case.name.as_str())
        .collect()
}

/// The report of a command, which is recognised unannounced as well.
pub(super) fn told(stdout: &str, stderr: &str, format: ReportFormat) -> Report {
    let report = recognise(stdout, stderr, format).expect("a report");
    let auto = recognise(stdout, stderr, ReportFormat::Auto);
    assert_eq!(auto.as_ref(), Some(&report));
    report
}

/// The message and the place of the first test that failed.
pub(super) fn first_failure(report: &Report) -> (&str, &str) {
    let test = report.tests.first().expect("a test");
    let message = test.case.message.as_deref().unwrap_or("-");
    (message, test.location.as_deref().unwrap_or("-"))
}
