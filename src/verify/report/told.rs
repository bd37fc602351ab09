//! What a report tells, as the readers' tests compare it.

use super::Report;
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
