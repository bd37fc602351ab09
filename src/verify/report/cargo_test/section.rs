//! One test binary's part of the report.

use std::collections::{HashMap, HashSet};

use super::super::{MAX_DETAILED, MAX_MESSAGE, MAX_NAMED, Reported, shorten, whole_milliseconds};
use super::{ResultLine, failure};
use crate::domain::check::TestStatus;

/// One test binary's part of the report.
#[derive(Default)]
pub(super) struct Section {
    /// The number in its header.
    pub(super) announced: u32,
    /// Its last line, once it came.
    pub(super) result: Option<ResultLine>,
    /// Sections that ended inside it: a test's output, or the binaries after its death.
    pub(super) inner: Vec<Section>,
    tests: Vec<Reported>,
    passed: u32,
    failed: u32,
    /// What failing tests printed, by name.
    details: HashMap<String, String>,
    /// The test whose output the lines are.
    current: Option<String>,
    /// Whether the list of tests is over.
    in_failures: bool,
    /// A test that has begun but not ended; libtest tells so when tests run one at a time.
    pending: Option<String>,
}

impl Section {
    pub(super) fn new(announced: u32) -> Self {
        Self {
            announced,
            ..Self::default()
        }
    }

    pub(super) fn begin_failures(&mut self) {
        self.in_failures = true;
        self.pending = None;
    }

    /// A line that is neither a header, a result nor a list of failures.
    pub(super) fn line(&mut self, line: &str) {
        if self.in_failures {
            match heading(line).filter(|name| self.details.contains_key(*name)) {
                Some(name) => self.current = Some(name.to_owned()),
                None => self.detail(line),
            }
        } else if let Some((name, rest)) = line
            .strip_prefix("test ")
            .and_then(|l| l.split_once(" ... "))
        {
            let name = plain_name(name);
            match outcome(rest) {
                Some((status, duration_ms)) => self.record(name, status, duration_ms),
                None => self.pending = Some(name.to_owned()),
            }
        } else if let Some(name) = line.strip_suffix(" --- FAILED") {
            self.record(plain_name(name), TestStatus::Failed, None);
        } else if let Some((status, duration_ms)) = outcome(line)
            && let Some(name) = self.pending.take()
        {
            self.record(&name, status, duration_ms);
        }
    }

    /// A line of what the current failing test printed.
    pub(super) fn detail(&mut self, line: &str) {
        let Some(text) = self
            .current
            .as_ref()
            .and_then(|name| self.details.get_mut(name))
        else {
            return;
        };
        if text.len() > 16 * MAX_MESSAGE {
            // The panic stands at the end of what a test printed, so the end is what must be kept.
            *text = text.split_off(text.ceil_char_boundary(text.len() - 4 * MAX_MESSAGE));
        }
        text.push_str(line);
        text.push('\n');
    }

    fn record(&mut self, name: &str, status: TestStatus, duration_ms: Option<u64>) {
        self.pending = None;
        match status {
            TestStatus::Passed => self.passed = self.passed.saturating_add(1),
            TestStatus::Failed => {
                self.failed = self.failed.saturating_add(1);
                if self.details.len() < MAX_DETAILED {
                    self.details.entry(name.to_owned()).or_default();
                }
            }
            TestStatus::Skipped => {}
        }
        if self.tests.len() < MAX_NAMED {
            let mut test = Reported::new(name, status);
            test.case.duration_ms = duration_ms;
            self.tests.push(test);
        }
    }

    /// Whether `result` can be this section's last line: it adds up to what was announced, and to the tests seen
    /// where all of them were.
    pub(super) fn fits(&self, result: ResultLine) -> bool {
        let all_seen = self.tests.len() as u64 == u64::from(self.announced);
        result.total() == u64::from(self.announced)
            && (!all_seen
                || (result.failed == self.failed
                    && result.passed.saturating_add(result.measured) == self.passed))
    }

    /// Takes over what an inner section without an end has read: its header was a test's output.
    pub(super) fn absorb(&mut self, inner: Self) {
        self.passed = self.passed.saturating_add(inner.passed);
        self.failed = self.failed.saturating_add(inner.failed);
        self.tests.extend(inner.tests);
        self.tests.truncate(MAX_NAMED);
        for (name, text) in inner.details {
            self.details.entry(name).or_default().push_str(&text);
        }
    }

    /// Ends the section. `list` holds the names under the `failures:` before its result.
    pub(super) fn end(&mut self, result: ResultLine, list: Vec<String>) {
        self.result = Some(result);
        self.inner.clear();
        self.pending = None;
        if list.len() as u64 != u64::from(result.failed) {
            return;
        }
        let failing: HashSet<&str> = list.iter().map(String::as_str).collect();
        self.tests.retain(|test| {
            test.case.status != TestStatus::Failed || failing.contains(test.case.name.as_str())
        });
        let seen: HashSet<String> = self
            .tests
            .iter()
            .filter(|test| test.case.status == TestStatus::Failed)
            .map(|test| test.case.name.clone())
            .collect();
        let unseen = list.iter().filter(|name| !seen.contains(*name));
        self.tests
            .extend(unseen.map(|name| Reported::new(name, TestStatus::Failed)));
    }

    /// Its tests with what the failing ones say.
    pub(super) fn into_tests(mut self) -> Vec<Reported> {
        if let Some(name) = self.pending.take() {
            let mut test = Reported::new(&name, TestStatus::Failed);
            test.case.message = Some("the test binary ended while this test ran".to_owned());
            self.tests.push(test);
        }
        for test in &mut self.tests {
            if test.case.status == TestStatus::Failed
                && let Some(text) = self.details.get(&test.case.name)
            {
                let (message, location) = failure::read(text, &test.case.name);
                test.case.message = message.map(|text| shorten(&text, MAX_MESSAGE).to_owned());
                test.location = location;
            }
        }
        self.tests
    }
}

/// The name in `---- name stdout ----`.
fn heading(line: &str) -> Option<&str> {
    line.strip_prefix("---- ")?.strip_suffix(" stdout ----")
}

/// A test's name without what libtest adds to it in the list.
fn plain_name(name: &str) -> &str {
    [" - should panic", " - compile fail", " - compile"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .unwrap_or(name)
}

/// What `ok`, `FAILED`, `ignored, why` or `bench: …` mean, with the time that `--report-time` adds.
fn outcome(text: &str) -> Option<(TestStatus, Option<u64>)> {
    let (word, time) = match text.rsplit_once(" <") {
        Some((word, time)) if time.ends_with("s>") => {
            (word, milliseconds(time.trim_end_matches("s>")))
        }
        _ => (text, None),
    };
    let status = match word {
        "ok" => TestStatus::Passed,
        "FAILED" => TestStatus::Failed,
        "ignored" => TestStatus::Skipped,
        _ if word.starts_with("ignored, ") => TestStatus::Skipped,
        _ if word.starts_with("bench: ") => TestStatus::Passed,
        _ => return None,
    };
    Some((status, time))
}

fn milliseconds(seconds: &str) -> Option<u64> {
    let seconds: f64 = seconds.parse().ok()?;
    whole_milliseconds(seconds * 1000.0)
}
