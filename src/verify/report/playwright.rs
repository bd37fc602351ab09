//! The document that Playwright's `json` reporter writes: files, suites in them, specs, and each spec's runs by
//! project with every attempt.
//!
//! A test that passed only when it was run again is `flaky` and passed. What is skipped was not run.

use std::borrow::Cow;

use serde::Deserialize;

use super::document;
use super::found::{failed, plain_path};
use super::{MAX_MESSAGE, MAX_NAME, Report, Reported, lines, shorten, whole_milliseconds};
use crate::domain::check::TestStatus;

/// What stands between the names of a test and of those it lies in.
const BETWEEN: &str = " > ";

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    suites: Vec<Suite<'a>>,
    #[serde(borrow, default)]
    errors: Vec<Fault<'a>>,
    stats: Stats,
}

/// The numbers; only that they are there matters.
#[derive(Deserialize)]
struct Stats {
    expected: u32,
    unexpected: u32,
    flaky: u32,
    skipped: u32,
}

#[derive(Deserialize)]
struct Suite<'a> {
    #[serde(borrow)]
    title: Cow<'a, str>,
    #[serde(borrow, default)]
    suites: Vec<Suite<'a>>,
    #[serde(borrow, default)]
    specs: Vec<Spec<'a>>,
}

#[derive(Deserialize)]
struct Spec<'a> {
    #[serde(borrow)]
    title: Cow<'a, str>,
    #[serde(borrow, default)]
    tests: Vec<Test<'a>>,
    #[serde(borrow, default)]
    file: Cow<'a, str>,
    #[serde(default)]
    line: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Test<'a> {
    #[serde(borrow, default)]
    project_name: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow, default)]
    results: Vec<Attempt<'a>>,
}

#[derive(Deserialize)]
struct Attempt<'a> {
    duration: Option<f64>,
    #[serde(borrow)]
    error: Option<Fault<'a>>,
}

#[derive(Deserialize)]
struct Fault<'a> {
    #[serde(borrow)]
    message: Option<Cow<'a, str>>,
    #[serde(borrow)]
    location: Option<Place<'a>>,
}

#[derive(Deserialize)]
struct Place<'a> {
    #[serde(borrow)]
    file: Cow<'a, str>,
    line: u32,
}

impl Fault<'_> {
    fn message(&self) -> Option<String> {
        let text: Vec<Cow<'_, str>> = lines(self.message.as_deref()?).take(200).collect();
        Some(shorten(text.join("\n").trim(), MAX_MESSAGE).to_owned())
    }

    fn place(&self) -> Option<String> {
        let place = self.location.as_ref()?;
        Some(format!("{}:{}", plain_path(&place.file), place.line))
    }
}

/// Reads the document that begins `text`, and gives its length.
pub(super) fn read(text: &str) -> Option<(Report, usize)> {
    let (document, length): (Document<'_>, usize) = document::value(text)?;
    let mut reader = Reader {
        report: Report::default(),
        projects: false,
    };
    let mut first = None;
    for suite in &document.suites {
        reader.projects |= several_projects(suite, &mut first);
    }
    for suite in &document.suites {
        reader.suite(suite, None);
    }
    let mut report = reader.report;
    for fault in &document.errors {
        report.counts.errors = report.counts.errors.saturating_add(1);
        let place = fault.place();
        let file = place.as_deref().and_then(|place| place.rsplit_once(':'));
        let name = file.map_or("playwright", |(file, _)| file).to_owned();
        report.name(failed(&name, fault.message(), place));
    }
    let stats = &document.stats;
    let counts = report.counts;
    report.counts.complete = (counts.passed, counts.failed, counts.skipped)
        == (
            stats.expected.saturating_add(stats.flaky),
            stats.unexpected,
            stats.skipped,
        );
    if !report.counts.complete {
        report.note("its numbers do not agree with its tests");
    }
    Some((report, length))
}

/// Whether tests of more than one project are in a suite.
fn several_projects<'d>(suite: &'d Suite<'_>, first: &mut Option<&'d str>) -> bool {
    let own = suite.specs.iter().flat_map(|spec| &spec.tests);
    let mut several = false;
    for test in own {
        several |= *first.get_or_insert(&test.project_name) != test.project_name;
    }
    for inner in &suite.suites {
        several |= several_projects(inner, first);
    }
    several
}

struct Reader {
    report: Report,
    /// Whether names need their project.
    projects: bool,
}

impl Reader {
    /// Adds a suite's tests; the outermost is the file and has no name.
    fn suite(&mut self, suite: &Suite<'_>, above: Option<&str>) {
        for spec in &suite.specs {
            let name = match above {
                Some("") | None => spec.title.to_string(),
                Some(above) => format!("{above}{BETWEEN}{}", spec.title),
            };
            for test in &spec.tests {
                self.test(spec, test, &name);
            }
        }
        for inner in &suite.suites {
            let name = match above {
                Some("") | None => inner.title.to_string(),
                Some(above) => format!("{above}{BETWEEN}{}", inner.title),
            };
            self.suite(inner, Some(shorten(&name, MAX_NAME)));
        }
    }

    fn test(&mut self, spec: &Spec<'_>, test: &Test<'_>, name: &str) {
        let counts = &mut self.report.counts;
        let (status, count) = match test.status.as_ref() {
            "expected" | "flaky" => (TestStatus::Passed, &mut counts.passed),
            "skipped" => (TestStatus::Skipped, &mut counts.skipped),
            _ => (TestStatus::Failed, &mut counts.failed),
        };
        *count = count.saturating_add(1);
        let name = match self.projects {
            true => format!("[{}] {name}", test.project_name),
            false => name.to_owned(),
        };
        let mut reported = Reported::new(&name, status);
        let durations = test.results.iter().filter_map(|attempt| attempt.duration);
        reported.case.duration_ms = whole_milliseconds(durations.sum());
        if status == TestStatus::Failed {
            let fault = test.results.iter().rev().find_map(|end| end.error.as_ref());
            reported.case.message = fault.and_then(Fault::message);
            let own = || (spec.line > 0).then(|| format!("{}:{}", spec.file, spec.line));
            reported.location = fault.and_then(Fault::place).or_else(own);
        }
        self.report.name(reported);
    }
}

#[cfg(test)]
mod tests {
    use super::super::told::{failing, numbers, told};
    use crate::config::ReportFormat::Playwright;

    #[test]
    fn a_flaky_test_passed() {
        let report = told(include_str!("fixtures/playwright.json"), "", Playwright);
        assert_eq!(numbers(&report), (1, 1, 1, 1, true));
        assert_eq!(
            failing(&report),
            ["cart > shows the total", "/home/rep/e2e/bad.spec.ts",]
        );
    }
}
