//! What `cargo test` prints, as events or as text: one section of libtest for each test binary, then those of the doc tests.
//!
//! A section begins with `running N tests`, lists the tests, shows what the failing ones printed, names them under
//! `failures:` and ends with `test result:`. What a test prints can hold all of these lines. So a result only ends
//! a section whose announced number it adds up to, and sections inside an open section stand on a stack: if the
//! outer one ends properly, the inner ones were a test's output; if it never ends, its binary died and they are the
//! binaries after it.

mod events;
mod failure;
mod section;

use std::borrow::Cow;
use std::ops::Range;

use section::Section;

use super::{MAX_NAMED, Report, Reported, lines};
use crate::domain::check::{Counts, TestStatus};

/// How many sections may be open at a time; deeper ones are text.
const MAX_DEPTH: usize = 16;
/// The note of a run that left binaries out.
const STOPPED_EARLY: &str =
    "cargo stopped at the first failing test binary (`--no-fail-fast` runs the others)";

/// Reads a report: events if there are any, else sections; none if the output holds neither.
pub(super) fn read(stdout: &str, stderr: &str) -> Option<Report> {
    let lines: Vec<Cow<'_, str>> = lines(stdout).collect();
    read_lines(&lines, stdout, stderr)
}

/// As [`read`], where standard output has been taken apart.
pub(super) fn read_lines(lines: &[Cow<'_, str>], stdout: &str, stderr: &str) -> Option<Report> {
    if let Some(report) = events::read(stdout, stderr) {
        return Some(report);
    }
    let mut reader = Reader::default();
    for line in lines {
        reader.line(line);
    }
    let (sections, headless) = reader.finish();
    if sections.is_empty() && headless.is_none() {
        return None;
    }
    let mut report = Report::default();
    report.counts.complete = headless.is_none();
    if let Some(result) = headless {
        report.counts = result.counts();
        report
            .notes
            .push("only the end of the report is there".to_owned());
    }
    let told = Told::of(stderr);
    for section in sections {
        add(&mut report, section, &told);
    }
    if told.stopped_early {
        report.counts.complete = false;
        report.note(STOPPED_EARLY);
    }
    Some(report)
}

/// Whether output that was not announced as cargo's is cargo's.
pub(super) fn is_certain(stdout: &str, stderr: &str, report: &Report) -> bool {
    report.counts.complete
        || events::read(stdout, stderr).is_some()
        || lines(stderr).any(|line| {
            let line = line.trim_start();
            line.starts_with("Running ") || line.starts_with("Doc-tests ")
        })
}

/// The lines from the first section to the last result.
pub(super) fn span(lines: &[Cow<'_, str>]) -> Range<usize> {
    if let Some(span) = events::span(lines) {
        return span;
    }
    let begin = lines.iter().position(|line| line.starts_with("running "));
    let end = lines
        .iter()
        .rposition(|line| line.starts_with("test result: "));
    begin.unwrap_or(0)..end.map_or(lines.len(), |end| end + 1)
}

fn add(report: &mut Report, section: Section, told: &Told) {
    let counts = &mut report.counts;
    if let Some(result) = section.result {
        let told = result.counts();
        counts.passed = counts.passed.saturating_add(told.passed);
        counts.failed = counts.failed.saturating_add(told.failed);
        counts.skipped = counts.skipped.saturating_add(told.skipped);
        report.tests.extend(section.into_tests());
    } else {
        let announced = section.announced;
        let mut tests = section.into_tests();
        let finished = tests.len();
        if let Some((name, end)) = &told.died_in
            && !tests.iter().any(|test| test.case.name == *name)
        {
            tests.push(crashed(name, end));
        }
        for test in &tests {
            let count = match test.case.status {
                TestStatus::Passed => &mut counts.passed,
                TestStatus::Failed => &mut counts.failed,
                TestStatus::Skipped => &mut counts.skipped,
            };
            *count = count.saturating_add(1);
        }
        counts.complete = false;
        let end = told
            .signal
            .as_deref()
            .map(|signal| format!(" ({signal})"))
            .unwrap_or_default();
        report.notes.push(format!(
            "a test binary ended{end} after {finished} of {announced} tests"
        ));
        report.tests.extend(tests);
    }
    report.tests.truncate(MAX_NAMED);
}

fn crashed(name: &str, end: &str) -> Reported {
    let mut test = Reported::new(name, TestStatus::Failed);
    test.case.message = Some(end.to_owned());
    test
}

/// What cargo and the dying tell on stderr.
#[derive(Default)]
struct Told {
    /// The signal or status that ended a test binary, as cargo words it.
    signal: Option<String>,
    /// The test that overflowed its stack, and the line that says so.
    died_in: Option<(String, String)>,
    /// Whether binaries were left out after a failing one.
    stopped_early: bool,
}

impl Told {
    fn of(stderr: &str) -> Self {
        let mut told = Self::default();
        for line in lines(stderr) {
            if line.starts_with("error: ") && line.contains("test failed, to rerun pass") {
                told.stopped_early = true;
            } else if is_list_of_failed_targets(&line) {
                // Cargo prints this list only when it ran every target, and prints it last.
                told.stopped_early = false;
            } else if let Some(rest) = line
                .trim_start()
                .strip_prefix("process didn't exit successfully: ")
            {
                told.signal = rest
                    .rfind("` (")
                    .map(|at| rest[at + 3..].trim_end_matches(')').to_owned())
                    .filter(|end| end.starts_with("signal"));
            } else if line.ends_with(" has overflowed its stack")
                && let Some(name) = quoted_thread(&line)
            {
                told.died_in = Some((name.to_owned(), line.trim().to_owned()));
            }
        }
        told
    }
}

fn is_list_of_failed_targets(line: &str) -> bool {
    line.strip_prefix("error: ")
        .and_then(|rest| rest.strip_suffix(':'))
        .and_then(|rest| rest.strip_suffix(" failed"))
        .and_then(|rest| {
            rest.strip_suffix(" target")
                .or_else(|| rest.strip_suffix(" targets"))
        })
        .is_some_and(|number| number.parse::<u32>().is_ok())
}

/// The name in `thread 'name' …`.
fn quoted_thread(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("thread '")?;
    Some(&rest[..rest.find('\'')?])
}

/// A `test result:` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ResultLine {
    passed: u32,
    failed: u32,
    ignored: u32,
    measured: u32,
}

impl ResultLine {
    fn parse(line: &str) -> Option<Self> {
        let rest = line.strip_prefix("test result: ")?;
        let (verdict, numbers) = rest.split_once(". ")?;
        let mut parts = numbers.split("; ");
        let mut number = |word: &str| -> Option<u32> {
            parts.next()?.strip_suffix(word)?.trim_end().parse().ok()
        };
        let result = Self {
            passed: number("passed")?,
            failed: number("failed")?,
            ignored: number("ignored")?,
            measured: number("measured")?,
        };
        let _filtered_out = number("filtered out")?;
        let agrees = match verdict {
            "ok" => result.failed == 0,
            "FAILED" => result.failed > 0,
            _ => false,
        };
        agrees.then_some(result)
    }

    fn total(self) -> u64 {
        [self.passed, self.failed, self.ignored, self.measured]
            .map(u64::from)
            .iter()
            .sum()
    }

    fn counts(self) -> Counts {
        Counts {
            passed: self.passed.saturating_add(self.measured),
            failed: self.failed,
            skipped: self.ignored,
            errors: 0,
            complete: false,
        }
    }
}

/// The number in `running N tests`.
fn header(line: &str) -> Option<u32> {
    let rest = line.strip_prefix("running ")?;
    rest.strip_suffix(" tests")
        .or_else(|| rest.strip_suffix(" test"))?
        .parse()
        .ok()
}

#[derive(Default)]
struct Reader {
    /// Finished sections that lie in no other.
    finished: Vec<Section>,
    /// Open sections, the innermost last.
    open: Vec<Section>,
    /// The names under the last `failures:`, as long as nothing else followed.
    list: Vec<String>,
    /// Whether the lines now are such a list.
    in_list: bool,
    /// A result where no section was ever announced: the head of the output is missing.
    headless: Option<ResultLine>,
}

impl Reader {
    fn line(&mut self, line: &str) {
        if self.in_list && (line.is_empty() || line.starts_with("    ")) {
            if let Some(name) = line.strip_prefix("    ")
                && self.list.len() < MAX_NAMED
            {
                self.list.push(name.to_owned());
            }
            return;
        }
        if let Some(result) = ResultLine::parse(line) {
            self.result(result);
        } else {
            self.list_was_output();
            if let Some(announced) = header(line)
                && self.open.len() < MAX_DEPTH
            {
                self.headless = None;
                self.open.push(Section::new(announced));
            } else if line == "failures:" {
                self.in_list = true;
                if let Some(section) = self.open.last_mut() {
                    section.begin_failures();
                }
                return;
            } else if let Some(section) = self.open.last_mut() {
                section.line(line);
            }
        }
        self.in_list = false;
        self.list.clear();
    }

    /// Gives a list that no result followed back to the test that printed it.
    fn list_was_output(&mut self) {
        let list = std::mem::take(&mut self.list);
        if let Some(section) = self.open.last_mut() {
            for name in list {
                section.detail(&format!("    {name}"));
            }
        }
    }

    /// Ends the innermost section that `result` adds up for; else corrects the one that ended last, whose first
    /// result then was a test's output.
    fn result(&mut self, result: ResultLine) {
        if let Some(at) = self.open.iter().rposition(|section| section.fits(result)) {
            let inner: Vec<Section> = self.open.drain(at + 1..).collect();
            let Some(mut section) = self.open.pop() else {
                return;
            };
            for section_inside in inner {
                section.absorb(section_inside);
            }
            section.end(result, std::mem::take(&mut self.list));
            match self.open.last_mut() {
                Some(outer) => outer.inner.push(section),
                None => self.finished.push(section),
            }
            return;
        }
        if self.open.is_empty() && self.finished.is_empty() {
            self.headless = Some(result);
            return;
        }
        let last = match self.open.last_mut() {
            Some(outer) => outer.inner.last_mut(),
            None => self.finished.last_mut(),
        };
        if let Some(section) = last.filter(|section| section.fits(result)) {
            section.end(result, std::mem::take(&mut self.list));
        }
    }

    /// All sections that count, and the lone result of an output without any.
    fn finish(self) -> (Vec<Section>, Option<ResultLine>) {
        let mut sections = self.finished;
        for mut section in self.open {
            let after = std::mem::take(&mut section.inner);
            sections.push(section);
            sections.extend(after);
        }
        let headless = self.headless.filter(|_| sections.is_empty());
        (sections, headless)
    }
}

#[cfg(test)]
mod tests;
