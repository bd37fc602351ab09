//! The events that libtest prints under `-Z unstable-options --format json`: one JSON object a line, each about a
//! suite (a test binary) or a test. nextest can print the same, several suites at once.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::{MAX_MESSAGE, Report, Reported, shorten, whole_milliseconds};
use super::{Told, crashed, failure};
use crate::domain::check::TestStatus;

/// One line.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(default)]
    test_count: u32,
    #[serde(borrow, default)]
    stdout: Cow<'a, str>,
    #[serde(borrow, default)]
    message: Cow<'a, str>,
    /// In seconds.
    exec_time: Option<f64>,
}

impl<'a> Event<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let line = line.trim_end();
        let begins = line.starts_with("{ \"type\":") || line.starts_with("{\"type\":");
        (begins && line.ends_with('}'))
            .then(|| serde_json::from_str(line).ok())
            .flatten()
    }
}

/// Reads the events in `stdout`; none if no suite begins in it.
pub(super) fn read(stdout: &str, stderr: &str) -> Option<Report> {
    if !stdout.contains("\"test_count\"") {
        return None;
    }
    let mut reader = Reader::default();
    for event in stdout.lines().filter_map(Event::parse) {
        reader.event(&event);
    }
    (reader.suites > 0).then(|| reader.finish(&Told::of(stderr)))
}

/// The lines from the first event to the last.
pub(super) fn span(lines: &[Cow<'_, str>]) -> Option<std::ops::Range<usize>> {
    let is_event = |line: &Cow<'_, str>| Event::parse(line).is_some();
    let begin = lines.iter().position(is_event)?;
    Some(begin..lines.iter().rposition(is_event)? + 1)
}

#[derive(Default)]
struct Reader {
    report: Report,
    /// Suites that began and that ended, and the tests that the former announced.
    suites: u32,
    ended: u32,
    announced: u64,
    /// Tests that have begun and not ended, by how often.
    running: BTreeMap<String, u32>,
}

impl Reader {
    fn event(&mut self, event: &Event<'_>) {
        match (event.kind.as_ref(), event.event.as_ref()) {
            ("suite", "started") => {
                self.suites += 1;
                self.announced += u64::from(event.test_count);
            }
            ("suite", "ok" | "failed") => self.ended += 1,
            ("test", "started") => {
                *self.running.entry(name(&event.name)).or_default() += 1;
            }
            ("test", "ok") | ("bench", _) => self.end(event, TestStatus::Passed),
            ("test", "failed") => self.end(event, TestStatus::Failed),
            ("test", "ignored") => self.end(event, TestStatus::Skipped),
            _ => {}
        }
    }

    fn end(&mut self, event: &Event<'_>, status: TestStatus) {
        let name = name(&event.name);
        if let Some(running) = self.running.get_mut(&name) {
            *running = running.saturating_sub(1);
        }
        self.count(status);
        let mut test = Reported::new(&name, status);
        let seconds = event.exec_time.unwrap_or_default();
        test.case.duration_ms = whole_milliseconds(seconds * 1000.0);
        if status == TestStatus::Failed {
            let (message, location) = failure::read(&event.stdout, &name);
            let told = message.unwrap_or_else(|| event.message.to_string());
            test.case.message =
                Some(shorten(told.trim(), MAX_MESSAGE).to_owned()).filter(|text| !text.is_empty());
            test.location = location;
        }
        self.report.name(test);
    }

    fn count(&mut self, status: TestStatus) {
        let counts = &mut self.report.counts;
        let count = match status {
            TestStatus::Passed => &mut counts.passed,
            TestStatus::Failed => &mut counts.failed,
            TestStatus::Skipped => &mut counts.skipped,
        };
        *count = count.saturating_add(1);
    }

    fn finish(mut self, told: &Told) -> Report {
        let counts = self.report.counts;
        let seen = [counts.passed, counts.failed, counts.skipped];
        let seen: u64 = seen.map(u64::from).iter().sum();
        self.report.counts.complete = self.ended >= self.suites && seen >= self.announced;
        if !self.report.counts.complete {
            let end = told.signal.as_deref();
            let end = end.map(|signal| format!(" ({signal})")).unwrap_or_default();
            let note = format!(
                "a test binary ended{end} after {seen} of {} tests",
                self.announced
            );
            self.report.note(&note);
            let running: Vec<String> = self
                .running
                .iter()
                .filter(|(_, times)| **times > 0)
                .map(|(name, _)| name.clone())
                .collect();
            let last = match (&told.died_in, running.as_slice()) {
                (Some((name, end)), _) => Some(crashed(name, end)),
                (None, [name]) => Some(crashed(name, "the test binary ended while this test ran")),
                _ => None,
            };
            if let Some(test) = last {
                self.count(TestStatus::Failed);
                self.report.name(test);
            }
        }
        if told.stopped_early {
            self.report.counts.complete = false;
            self.report.note(super::STOPPED_EARLY);
        }
        self.report
    }
}

/// A test's name; nextest's `crate::binary$path::test` as it is elsewhere: `binary path::test`.
fn name(told: &str) -> String {
    let Some((binary, test)) = told.split_once('$') else {
        return told.to_owned();
    };
    match binary.split_once("::") {
        Some((package, target)) if package == target => format!("{package} {test}"),
        _ => format!("{binary} {test}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::told::{failing, numbers, told};
    use crate::config::ReportFormat::CargoTest;

    const ONE: &str = "{ \"type\": \"suite\", \"event\": \"started\", \"test_count\": 1 }\n{ \"type\": \"test\", \"event\": \"started\", \"name\": \"tests::aborts\" }\n";

    #[test]
    fn suites_are_added_up() {
        let text = include_str!("../fixtures/libtest.jsonl");
        let report = told(text, "", CargoTest);
        assert_eq!(numbers(&report), (5, 7, 2, 0, true));
        assert_eq!(
            failing(&report),
            [
                "tests::errs",
                "tests::sp",
                "tests::deep::eq",
                "tests::unwraps",
                "api_bad",
                "one/src/lib.rs - other (line 11)",
                "one/src/lib.rs - add (line 1)",
            ]
        );
        assert_eq!(report.tests[1].location.as_deref(), None);
    }

    #[test]
    fn the_only_test_that_runs_is_the_one_that_died() {
        let stderr = "     Running unittests src/lib.rs (target/debug/deps/two-1)\n";
        let report = told(ONE, stderr, CargoTest);
        assert_eq!(numbers(&report), (0, 1, 0, 0, false));
        assert_eq!(failing(&report), ["tests::aborts"]);
    }

    #[test]
    fn nextest_puts_the_binary_before_the_test() {
        let text = "{\"type\":\"suite\",\"event\":\"started\",\"test_count\":1}\n{\"type\":\"test\",\"event\":\"started\",\"name\":\"one::it$api_bad\"}\n{\"type\":\"test\",\"event\":\"failed\",\"name\":\"one::it$api_bad\",\"exec_time\":0.004}\n{\"type\":\"suite\",\"event\":\"failed\",\"passed\":0,\"failed\":1}\n";
        assert_eq!(failing(&told(text, "", CargoTest)), ["one::it api_bad"]);
    }
}
