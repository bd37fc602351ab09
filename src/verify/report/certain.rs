//! Which reports output holds beyond doubt, when nobody said which there are.
//!
//! What begins as XML, TAP or JSON is that, and what stands in it is a test's own output, whatever it looks like; XML
//! and TAP that stand in other output are a test's, too. Of two reports in text of which one lies inside the other, the
//! inner is what a test printed. Reports behind each other, or on both streams, are those of several runners.

use std::borrow::Cow;

use super::found::{Found, Lines};
use super::{
    Report, begins_as, cargo_test, ctest, go_test, gtest, jest, junit, lines, minitest, mocha,
    nextest, node_test, phpunit, playwright, pytest, rspec, surefire, tap, unittest, vitest,
};
use crate::config::ReportFormat;

/// The formats of text whose place in a stream is known.
const TEXTS: [ReportFormat; 13] = [
    ReportFormat::Surefire,
    ReportFormat::GoTest,
    ReportFormat::Nextest,
    ReportFormat::Ctest,
    ReportFormat::Gtest,
    ReportFormat::Vitest,
    ReportFormat::Phpunit,
    ReportFormat::Jest,
    ReportFormat::NodeTest,
    ReportFormat::Rspec,
    ReportFormat::Minitest,
    ReportFormat::Unittest,
    ReportFormat::Mocha,
];

/// The reports that output holds beyond doubt.
pub(super) fn read(stdout: &str, stderr: &str) -> Option<Report> {
    let begins = begins_as(stdout);
    match begins {
        ReportFormat::Junit => return junit::read(stdout).filter(tells),
        ReportFormat::Tap => return tap::read(stdout).filter(tells),
        ReportFormat::Playwright => {
            if let Some(report) = playwright::read(stdout) {
                return Some(report).filter(tells);
            }
        }
        _ => {}
    }
    let streams = Streams::new(stdout, stderr);
    let mut found = streams.texts();
    found.extend(streams.older(stdout, stderr, &found));
    // The events of Go's tests hold all that these print.
    let go = match go_test::is_certain(stdout) {
        true => go_test::read(stdout, stderr),
        false => None,
    };
    if go.is_some() {
        found.retain(|candidate| candidate.format != ReportFormat::GoTest);
    }
    outermost(found)
        .into_iter()
        .map(|candidate| candidate.found.report)
        .chain(go)
        .reduce(Report::and)
}

/// Of what breaks off, only what has failed by then is beyond doubt.
fn tells(report: &Report) -> bool {
    report.counts.complete || report.counts.failed > 0
}

/// Reads the report of one such format, on the stream where it belongs, else on the other.
pub(super) fn read_text(stdout: &str, stderr: &str, format: ReportFormat) -> Option<Report> {
    let candidate = Streams::new(stdout, stderr).read(format)?;
    Some(candidate.found.report)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    Out,
    Error,
}

/// A report that may be one beyond doubt.
struct Candidate {
    format: ReportFormat,
    stream: Stream,
    found: Found,
}

impl Candidate {
    /// Whether this is what a test of the other one printed. Of cargo and pytest, neither hides the other.
    fn is_inside(&self, outer: &Self) -> bool {
        let older = [ReportFormat::CargoTest, ReportFormat::Pytest];
        let (inner, around) = (&self.found, &outer.found);
        self.stream == outer.stream
            && !(older.contains(&self.format) && older.contains(&outer.format))
            && around.begin < inner.end
            && inner.end <= around.end
    }
}

struct Streams<'a> {
    stdout: Vec<Cow<'a, str>>,
    stderr: Vec<Cow<'a, str>>,
}

impl<'a> Streams<'a> {
    fn new(stdout: &'a str, stderr: &'a str) -> Self {
        Self {
            stdout: lines(stdout).collect(),
            stderr: lines(stderr).collect(),
        }
    }

    fn lines(&self, stream: Stream) -> &Lines<'a> {
        match stream {
            Stream::Out => &self.stdout,
            Stream::Error => &self.stderr,
        }
    }

    fn read(&self, format: ReportFormat) -> Option<Candidate> {
        use ReportFormat::{Jest, Nextest, Unittest};
        let order = match format {
            Jest | Nextest | Unittest => [Stream::Error, Stream::Out],
            _ => [Stream::Out, Stream::Error],
        };
        order.into_iter().find_map(|stream| {
            let lines = self.lines(stream);
            let found = match format {
                ReportFormat::Unittest => unittest::read(lines),
                ReportFormat::Nextest => nextest::read(lines),
                ReportFormat::Jest => jest::read(lines),
                ReportFormat::Vitest => vitest::read(lines, &self.stderr),
                ReportFormat::Mocha => mocha::read(lines),
                ReportFormat::NodeTest => node_test::read(lines),
                ReportFormat::Rspec => rspec::read(lines),
                ReportFormat::Minitest => minitest::read(lines),
                ReportFormat::Phpunit => phpunit::read(lines),
                ReportFormat::Ctest => ctest::read(lines),
                ReportFormat::Gtest => gtest::read(lines),
                ReportFormat::Surefire => surefire::read(lines),
                ReportFormat::GoTest => go_test::text::read(lines),
                ReportFormat::Auto
                | ReportFormat::None
                | ReportFormat::CargoTest
                | ReportFormat::Pytest
                | ReportFormat::Junit
                | ReportFormat::Tap
                | ReportFormat::Playwright => None,
            };
            Some(Candidate {
                format,
                stream,
                found: found?,
            })
        })
    }

    /// The reports of text on streams that end with one.
    fn texts(&self) -> Vec<Candidate> {
        let mut found: Vec<Candidate> = TEXTS
            .iter()
            .filter_map(|format| self.read(*format))
            .filter(|candidate| tells(&candidate.found.report))
            .collect();
        for stream in [Stream::Out, Stream::Error] {
            let own = found.iter().filter(|candidate| candidate.stream == stream);
            let last = own.max_by_key(|candidate| candidate.found.end);
            if last.is_some_and(|last| !last.found.is_final(self.lines(stream))) {
                found.retain(|candidate| candidate.stream != stream);
            }
        }
        found
    }

    /// The reports of cargo and pytest. Under nextest, each test is a run of cargo's own runner.
    fn older(&self, stdout: &str, stderr: &str, texts: &[Candidate]) -> Vec<Candidate> {
        let nextest = texts
            .iter()
            .any(|candidate| candidate.format == ReportFormat::Nextest);
        let cargo = cargo_test::read(stdout, stderr)
            .filter(|report| !nextest && cargo_test::is_certain(stderr, report));
        let pytest = pytest::read(stdout).filter(|report| pytest::is_certain(stdout, report));
        let spans = [
            (
                ReportFormat::CargoTest,
                cargo,
                cargo_test::span(&self.stdout),
            ),
            (ReportFormat::Pytest, pytest, pytest::span(&self.stdout)),
        ];
        let candidate = |(format, report, span): (_, Option<Report>, std::ops::Range<usize>)| {
            Some(Candidate {
                format,
                stream: Stream::Out,
                found: Found {
                    report: report?,
                    begin: span.start,
                    end: span.end,
                },
            })
        };
        spans.into_iter().filter_map(candidate).collect()
    }
}

/// Without those that lie inside another, in the order of their ends.
fn outermost(mut found: Vec<Candidate>) -> Vec<Candidate> {
    found.sort_by_key(|candidate| std::cmp::Reverse(candidate.found.end));
    let mut outer: Vec<Candidate> = Vec::new();
    for one in found {
        if !outer.iter().any(|outer| one.is_inside(outer)) {
            outer.push(one);
        }
    }
    outer.reverse();
    outer
}
