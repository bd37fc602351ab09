//! Test reports, read from what a runner prints; one file per format.
//!
//! Words are not evidence, position is: tests print summary lines of their own, run other test runners and quote
//! their output. Each reader therefore knows where its runner puts a line and holds the numbers against each other.
//! Readers take time linear in the text, and no text makes them fail.

mod bats;
mod cargo_test;
mod certain;
#[cfg(test)]
mod corpus;
mod ctest;
mod document;
mod found;
mod go_test;
mod gtest;
#[cfg(test)]
mod hostile;
mod jest;
mod junit;
mod junit_console;
mod minitest;
mod mocha;
mod nextest;
mod node_test;
mod phpunit;
mod playwright;
mod prove;
mod pytest;
mod rspec;
mod surefire;
mod tap;
mod test_unit;
mod text;
#[cfg(test)]
mod told;
mod unittest;
mod vitest;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::config::ReportFormat;
use crate::domain::check::{Counts, TestCase, TestStatus};

pub(crate) use text::{lines, python_place, shorten};

/// The most tests of a report that are named.
const MAX_NAMED: usize = 20_000;
/// The most failing tests whose message is kept.
const MAX_DETAILED: usize = 500;
/// The most bytes of a test's name.
const MAX_NAME: usize = 2 * 1024;
/// The most notes of a report, and the most bytes of each.
const MAX_NOTES: usize = 10;
const MAX_NOTE: usize = 300;
/// The most bytes of one failure's message.
const MAX_MESSAGE: usize = 4 * 1024;

/// A time as a report gives it; none if no test can have taken it, or not every reader of JSON can read it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number is bounded, and a negative time becomes zero"
)]
fn whole_milliseconds(milliseconds: f64) -> Option<u64> {
    const MAX: f64 = 9_007_199_254_740_991.0;
    (milliseconds <= MAX).then_some(milliseconds.round() as u64)
}

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
    /// Adds a note, unless there are too many.
    fn note(&mut self, note: &str) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(shorten(note, MAX_NOTE).to_owned());
        }
    }

    /// Names a test, unless there are too many.
    fn name(&mut self, test: Reported) {
        if self.tests.len() < MAX_NAMED {
            self.tests.push(test);
        }
    }

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
        self.notes.truncate(MAX_NOTES);
        self
    }

    /// Puts the file before the names that tests of several files have.
    fn keep_files_apart(mut self) -> Self {
        let mut files: HashMap<&str, &str> = HashMap::new();
        let mut shared: HashSet<String> = HashSet::new();
        for test in &self.tests {
            if let Some(file) = &test.file
                && *files.entry(&test.case.name).or_insert(file) != file.as_str()
            {
                shared.insert(test.case.name.clone());
            }
        }
        for test in &mut self.tests {
            if let Some(file) = &test.file
                && shared.contains(&test.case.name)
            {
                let name = format!("{file} > {}", test.case.name);
                test.case.name = shorten(&name, MAX_NAME).to_owned();
                test.file = None;
            }
        }
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
    /// The file that it lies in, where its name leaves that out.
    file: Option<String>,
}

impl Reported {
    fn new(name: &str, status: TestStatus) -> Self {
        Self {
            case: TestCase {
                name: shorten(name, MAX_NAME).to_owned(),
                status,
                duration_ms: None,
                message: None,
            },
            location: None,
            file: None,
        }
    }
}

/// The most bytes and lines of a stream that are read, from its end.
const MAX_BYTES: usize = 64 * 1024 * 1024;
const MAX_LINES: usize = 2_000_000;

/// As much of a text's end as is read.
fn bounded(text: &str) -> &str {
    let mut from = text.ceil_char_boundary(text.len().saturating_sub(MAX_BYTES));
    let mut ends = text[from..].rmatch_indices('\n').map(|(at, _)| at + 1);
    if let Some(at) = ends.nth(MAX_LINES) {
        from += at;
    } else if from > 0 {
        from += text[from..].find('\n').map_or(0, |at| at + 1);
    }
    &text[from..]
}

/// Reads the report of `format` from a command's whole output. `Auto` tries every format and accepts only output that
/// is a finished report beyond doubt; a named format also yields the torso of a report. `None`: there is no report.
pub fn recognise(stdout: &str, stderr: &str, format: ReportFormat) -> Option<Report> {
    let whole = stdout.len() + stderr.len();
    let (stdout, stderr) = (bounded(stdout), bounded(stderr));
    let is_cut = stdout.len() + stderr.len() < whole;
    let report = match format {
        ReportFormat::None => None,
        ReportFormat::CargoTest => cargo_test::read(stdout, stderr),
        ReportFormat::Junit => junit::read(stdout),
        ReportFormat::GoTest => go_test::read(stdout, stderr),
        ReportFormat::Tap => tap::read(stdout),
        ReportFormat::Auto => certain::read(stdout, stderr),
        named => certain::read_named(stdout, stderr, named),
    };
    let mut report = report.map(Report::keep_files_apart);
    if let Some(report) = report.as_mut().filter(|_| is_cut) {
        report.counts.complete = false;
        report.note(&format!(
            "the output is too long: only its last {} MiB or {MAX_LINES} lines are read",
            MAX_BYTES / (1024 * 1024)
        ));
    }
    report
}

/// Whether a path is that of a file with JavaScript or TypeScript.
fn is_script(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, ending)| {
        let kinds = ["js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx"];
        kinds.contains(&ending)
    })
}

/// The format that a text's beginning tells, but for what package managers say first; `Auto` if none.
fn begins_as(text: &str) -> ReportFormat {
    if junit::begins(text) {
        return ReportFormat::Junit;
    }
    if tap::begins(text) {
        return ReportFormat::Tap;
    }
    let first = text
        .lines()
        .find(|line| !(line.trim().is_empty() || line.starts_with(['>', '$'])));
    match first.map(str::trim_start) {
        Some(line) if line.starts_with('{') && go_test::is_event(line) => ReportFormat::GoTest,
        _ => ReportFormat::Auto,
    }
}

/// Reads the reports in files, given as path and text; none if no file holds one. A file that should hold one and does
/// not makes the whole incomplete.
pub(crate) fn from_files(files: &[(String, String)], format: ReportFormat) -> Option<Report> {
    let mut whole: Option<Report> = None;
    let mut others = Vec::new();
    for (path, text) in files {
        let format = match format {
            ReportFormat::Auto => begins_as(text),
            named => named,
        };
        match recognise(text, "", format) {
            Some(mut report) => {
                for note in &mut report.notes {
                    *note = format!("{path}: {note}");
                }
                whole = Some(match whole {
                    Some(before) => before.and(report),
                    None => report,
                });
            }
            None => others.push(path),
        }
    }
    if let (Some(whole), Some(path)) = (&mut whole, others.first()) {
        whole.counts.complete = false;
        whole.notes.push(format!("{path}: holds no report"));
    }
    whole.map(Report::keep_files_apart)
}

/// What a command's standard output says to people.
pub(crate) fn readable(stdout: &str, format: ReportFormat) -> Cow<'_, str> {
    match format {
        ReportFormat::GoTest => Cow::Owned(go_test::plain(stdout)),
        ReportFormat::Auto if go_test::is_certain(stdout) => Cow::Owned(go_test::plain(stdout)),
        _ => Cow::Borrowed(stdout),
    }
}
