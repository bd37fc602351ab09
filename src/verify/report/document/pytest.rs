//! The document of the plugin pytest-json-report: the numbers, the collectors that failed, every test with its phases.

use std::borrow::Cow;

use serde::Deserialize;

use super::super::found::failed;
use super::super::{Report, Reported, whole_milliseconds};
use super::{message, value};
use crate::domain::check::TestStatus;

#[derive(Deserialize)]
struct Document<'a> {
    summary: Summary,
    #[serde(borrow, default)]
    collectors: Vec<Collector<'a>>,
    #[serde(borrow, default)]
    tests: Vec<Test<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Summary {
    passed: u32,
    failed: u32,
    error: u32,
    skipped: u32,
    total: u32,
}

#[derive(Deserialize)]
struct Collector<'a> {
    #[serde(borrow)]
    nodeid: Cow<'a, str>,
    #[serde(borrow)]
    outcome: Cow<'a, str>,
    #[serde(borrow, default)]
    longrepr: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Test<'a> {
    #[serde(borrow)]
    nodeid: Cow<'a, str>,
    #[serde(borrow)]
    outcome: Cow<'a, str>,
    #[serde(borrow, default)]
    setup: Option<Phase<'a>>,
    #[serde(borrow, default)]
    call: Option<Phase<'a>>,
    #[serde(borrow, default)]
    teardown: Option<Phase<'a>>,
}

#[derive(Deserialize)]
struct Phase<'a> {
    duration: Option<f64>,
    #[serde(borrow, default)]
    crash: Option<Crash<'a>>,
}

#[derive(Deserialize)]
struct Crash<'a> {
    #[serde(borrow)]
    path: Cow<'a, str>,
    lineno: u32,
    #[serde(borrow)]
    message: Cow<'a, str>,
}

pub(super) fn read(text: &str) -> Option<(Report, usize)> {
    let (document, length): (Document<'_>, usize) = value(text)?;
    let Summary {
        passed,
        failed: failures,
        error: errors,
        skipped,
        total,
    } = document.summary;
    let mut report = Report::default();
    report.counts.passed = passed;
    report.counts.failed = failures;
    report.counts.errors = errors;
    report.counts.skipped = skipped;
    report.counts.complete = document.tests.len() >= total as usize;
    for collector in &document.collectors {
        if collector.outcome == "failed" {
            let counts = &mut report.counts;
            counts.errors = counts.errors.saturating_add(1);
            let told = collector.longrepr.as_deref().and_then(message);
            report.name(failed(&collector.nodeid, told, None));
        }
    }
    for test in &document.tests {
        let status = match test.outcome.as_ref() {
            "passed" | "xpassed" | "xfailed" => TestStatus::Passed,
            "skipped" => TestStatus::Skipped,
            _ => TestStatus::Failed,
        };
        let mut reported = Reported::new(&test.nodeid, status);
        let phases = [&test.setup, &test.call, &test.teardown];
        let seconds: f64 = phases
            .iter()
            .filter_map(|phase| phase.as_ref()?.duration)
            .sum();
        reported.case.duration_ms = whole_milliseconds(seconds * 1000.0);
        let crash = phases
            .iter()
            .find_map(|phase| phase.as_ref()?.crash.as_ref());
        if let Some(crash) = crash.filter(|_| status == TestStatus::Failed) {
            reported.case.message = message(&crash.message);
            reported.location = Some(format!("{}:{}", crash.path, crash.lineno));
        }
        report.name(reported);
    }
    Some((report, length))
}

#[cfg(test)]
mod tests {
    use super::super::super::told::{failing, numbers, told};
    use crate::config::ReportFormat::Pytest;

    #[test]
    fn collectors_and_fixtures_are_errors() {
        let text = r#"{"created": 1.5, "duration": 0.1, "exitcode": 1, "root": "/home/rep", "environment": {}, "summary": {"passed": 1, "failed": 1, "error": 1, "total": 3, "collected": 3}, "collectors": [{"nodeid": "", "outcome": "passed", "result": []}, {"nodeid": "test_b.py", "outcome": "failed", "result": [], "longrepr": "ImportError: no"}], "tests": [{"nodeid": "test_a.py::test_ok", "lineno": 1, "outcome": "passed", "setup": {"duration": 0.1, "outcome": "passed"}, "call": {"duration": 0.2, "outcome": "passed"}}, {"nodeid": "test_a.py::test_sq[3-8]", "outcome": "failed", "call": {"duration": 0.1, "outcome": "failed", "crash": {"path": "/home/rep/test_a.py", "lineno": 7, "message": "assert 9 == 8"}}}, {"nodeid": "test_a.py::test_err", "outcome": "error", "setup": {"duration": 0.1, "outcome": "failed", "crash": {"path": "/home/rep/test_a.py", "lineno": 9, "message": "RuntimeError: no db"}}}]}"#;
        let report = told(text, "", Pytest);
        assert_eq!(numbers(&report), (1, 1, 0, 2, true));
        assert_eq!(
            failing(&report),
            [
                "test_b.py",
                "test_a.py::test_sq[3-8]",
                "test_a.py::test_err"
            ]
        );
    }
}
