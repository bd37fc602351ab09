//! Which reports output holds beyond doubt, when nobody said which there are.
//!
//! What begins as XML or TAP is that, and what stands in it is a test's own output, whatever it looks like; XML and TAP
//! that stand in other output are a test's, too, unless there is nothing else. A document in JSON tells more than the
//! text of the same runner. Of two reports of which one lies inside the other, the inner is what a test printed. Reports behind each other, or on both streams, are those of several runners.

use std::borrow::Cow;

use super::found::{Found, Lines};
use super::{
    Report, bats, begins_as, cargo_test, ctest, document, go_test, gtest, jest, junit,
    junit_console, lines, minitest, mocha, nextest, node_test, phpunit, prove, pytest, rspec,
    surefire, tap, test_unit, unittest, vitest,
};
use crate::config::ReportFormat;

/// The formats of text whose place in a stream is known, each with what its report cannot do without.
const TEXTS: [(ReportFormat, &str); 17] = [
    (ReportFormat::Surefire, "Tests run: "),
    (ReportFormat::JunitConsole, "Test run finished after "),
    (ReportFormat::GoTest, "\t"),
    (ReportFormat::Nextest, "Summary ["),
    (ReportFormat::Ctest, "tests "),
    (ReportFormat::Gtest, "[==========] "),
    (ReportFormat::Vitest, "Test Files  "),
    (ReportFormat::Phpunit, "PHPUnit "),
    (ReportFormat::Jest, "Test Suites: "),
    (ReportFormat::NodeTest, "ℹ duration_ms "),
    (ReportFormat::Rspec, "Finished in "),
    (ReportFormat::Minitest, " assertions, "),
    (ReportFormat::TestUnit, " notifications"),
    (ReportFormat::Unittest, "Ran "),
    (ReportFormat::Mocha, " passing ("),
    (ReportFormat::Bats, " failure"),
    (ReportFormat::Prove, "Files="),
];

/// The reports that output holds beyond doubt.
pub(super) fn read(stdout: &str, stderr: &str) -> Option<Report> {
    match begins_as(stdout) {
        ReportFormat::Junit => return junit::read(stdout).filter(tells),
        ReportFormat::Tap => return tap::read(stdout).filter(tells),
        _ => {}
    }
    let streams = Streams::new(stdout, stderr);
    let mut found = documents(stdout, Stream::Out);
    found.extend(documents(stderr, Stream::Error));
    let told: Vec<ReportFormat> = found.iter().map(|document| document.format).collect();
    found.extend(streams.texts(&told));
    streams.keep_final(&mut found);
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
        .or_else(|| among(stdout))
}

/// A report in XML or TAP that stands in other output, where there is no other report and it is whole.
fn among(stdout: &str) -> Option<Report> {
    let xml = stdout
        .contains("<testsuite")
        .then(|| junit::read(stdout))
        .flatten()
        .filter(|report| report.counts.complete && !report.tests.is_empty());
    xml.or_else(|| {
        (stdout.contains("1..") && stdout.contains("ok "))
            .then(|| tap::read_among(stdout))
            .flatten()
    })
}

/// The JSON documents in a stream.
fn documents(text: &str, stream: Stream) -> Vec<Candidate> {
    let (mut at, mut line) = (0, 0);
    let mut line_of = |place: usize| {
        line += text[at..place]
            .bytes()
            .filter(|byte| *byte == b'\n')
            .count();
        at = place;
        line
    };
    document::read(text)
        .into_iter()
        .map(|document| Candidate {
            format: document.format,
            stream,
            found: Found {
                begin: line_of(document.begin),
                end: line_of(document.end) + 1,
                report: document.report,
            },
        })
        .filter(|candidate| tells(&candidate.found.report))
        .collect()
}

/// Of what breaks off, only what has failed by then is beyond doubt.
fn tells(report: &Report) -> bool {
    report.counts.complete || report.counts.failed > 0
}

/// Reads the report of one such format: its documents, else its text on the stream where it belongs, else on the other.
pub(super) fn read_named(stdout: &str, stderr: &str, format: ReportFormat) -> Option<Report> {
    let own = document::read(stdout)
        .into_iter()
        .filter(|document| is_same_family(document.format, format))
        .map(|document| document.report);
    own.reduce(Report::and).or_else(|| match format {
        ReportFormat::Pytest => pytest::read(stdout, stderr),
        _ => Some(Streams::new(stdout, stderr).read(format)?.found.report),
    })
}

/// Whether two formats are of one runner, or of two that write the same documents.
fn is_same_family(one: ReportFormat, other: ReportFormat) -> bool {
    let javascript = [ReportFormat::Jest, ReportFormat::Vitest];
    one == other || (javascript.contains(&one) && javascript.contains(&other))
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
    texts: [&'a str; 2],
    /// Whether there are terminal escapes.
    escaped: bool,
}

impl<'a> Streams<'a> {
    fn new(stdout: &'a str, stderr: &'a str) -> Self {
        Self {
            stdout: lines(stdout).collect(),
            stderr: lines(stderr).collect(),
            texts: [stdout, stderr],
            escaped: [stdout, stderr].iter().any(|text| text.contains('\u{1b}')),
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
                ReportFormat::JunitConsole => junit_console::read(lines),
                ReportFormat::TestUnit => test_unit::read(lines),
                ReportFormat::Bats => bats::read(lines),
                ReportFormat::Prove => prove::read(lines, &self.stderr),
                // Those that are no text, and those that tell of findings.
                _ => None,
            };
            Some(Candidate {
                format,
                stream,
                found: found?,
            })
        })
    }

    /// The reports of text, but for those of runners that a document has `told` of.
    fn texts(&self, told: &[ReportFormat]) -> Vec<Candidate> {
        TEXTS
            .iter()
            .filter(|(format, _)| !told.iter().any(|told| is_same_family(*told, *format)))
            .filter(|(_, sign)| self.may_hold(sign))
            .filter_map(|(format, _)| self.read(*format))
            .filter(|candidate| tells(&candidate.found.report))
            .collect()
    }

    /// Whether a report whose end holds `sign` may be there. Where there are escapes, one may stand inside the sign.
    fn may_hold(&self, sign: &str) -> bool {
        self.escaped || self.texts.iter().any(|text| text.contains(sign))
    }

    /// Drops the reports of streams that do not end with one.
    fn keep_final(&self, found: &mut Vec<Candidate>) {
        for stream in [Stream::Out, Stream::Error] {
            let own = found.iter().filter(|candidate| candidate.stream == stream);
            let last = own.max_by_key(|candidate| candidate.found.end);
            if last.is_some_and(|last| !last.found.is_final(self.lines(stream))) {
                found.retain(|candidate| candidate.stream != stream);
            }
        }
    }

    /// The reports of cargo and pytest. Under nextest, each test is a run of cargo's own runner.
    fn older(&self, stdout: &str, stderr: &str, others: &[Candidate]) -> Vec<Candidate> {
        let has = |format| others.iter().any(|candidate| candidate.format == format);
        let nextest = has(ReportFormat::Nextest);
        let sections = ["running ", "test result: ", "test_count"];
        let cargo = (!nextest && sections.iter().any(|sign| self.may_hold(sign)))
            .then(|| cargo_test::read_lines(&self.stdout, stdout, stderr))
            .flatten()
            .filter(|report| cargo_test::is_certain(stdout, stderr, report));
        let counts = [" in ", "%]"];
        let pytest = (!has(ReportFormat::Pytest) && counts.iter().any(|sign| self.may_hold(sign)))
            .then(|| pytest::read_lines(&self.stdout, stderr))
            .flatten()
            .filter(|report| pytest::is_certain(&self.stdout, report));
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
