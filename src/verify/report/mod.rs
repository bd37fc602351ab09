//! Test reports, read from what a runner prints; one file per format.
//!
//! Words are not evidence, position is: tests print summary lines of their own, run other test runners and quote
//! their output. Each reader therefore knows where its runner puts a line and holds the numbers against each other.
//! Readers take time linear in the text, and no text makes them fail.

mod cargo_test;
mod pytest;
mod text;

use crate::config::ReportFormat;
use crate::domain::check::{Counts, TestCase, TestStatus};

pub(crate) use text::{lines, python_place, shorten};

/// The most tests of a report that are named.
const MAX_NAMED: usize = 20_000;
/// The most failing tests whose message is kept.
const MAX_DETAILED: usize = 500;
/// The most bytes of one failure's message.
const MAX_MESSAGE: usize = 4 * 1024;

/// What a runner says of its tests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Every test that is named, in the order of the report.
    pub tests: Vec<Reported>,
    /// The runner's own numbers, tests without a name included.
    pub counts: Counts,
    /// What is odd about the report, one line each.
    pub notes: Vec<String>,
}

impl Report {
    /// Both reports as one, for a command that runs two runners.
    fn and(mut self, other: Self) -> Self {
        let (a, b) = (self.counts, other.counts);
        self.counts = Counts {
            passed: a.passed.saturating_add(b.passed),
            failed: a.failed.saturating_add(b.failed),
            skipped: a.skipped.saturating_add(b.skipped),
            errors: a.errors.saturating_add(b.errors),
            complete: a.complete && b.complete,
        };
        self.tests.extend(other.tests);
        self.tests.truncate(MAX_NAMED);
        self.notes.extend(other.notes);
        self
    }
}

/// A test that a report names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// The test.
    pub case: TestCase,
    /// `path:line` of its failure, where told.
    pub location: Option<String>,
}

impl Reported {
    fn new(name: &str, status: TestStatus) -> Self {
        Self {
            case: TestCase {
                name: name.to_owned(),
                status,
                duration_ms: None,
                message: None,
            },
            location: None,
        }
    }
}

/// Reads the report of `format` from a command's whole output. `Auto` tries every format and accepts only output that
/// is a finished report beyond doubt; a named format also yields the torso of a report. `None`: there is no report.
pub fn recognise(stdout: &str, stderr: &str, format: ReportFormat) -> Option<Report> {
    match format {
        ReportFormat::None => None,
        ReportFormat::CargoTest => cargo_test::read(stdout, stderr),
        ReportFormat::Pytest => pytest::read(stdout),
        ReportFormat::Auto => {
            let cargo = cargo_test::read(stdout, stderr)
                .filter(|report| cargo_test::is_certain(stderr, report));
            let pytest = pytest::read(stdout).filter(|report| pytest::is_certain(stdout, report));
            match (cargo, pytest) {
                (Some(cargo), Some(pytest)) => Some(cargo.and(pytest)),
                (one, other) => one.or(other),
            }
        }
    }
}
