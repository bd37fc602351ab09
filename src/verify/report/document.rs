//! Reports that are one JSON document in what a runner prints, perhaps between other output; one file per shape.
//!
//! A document begins at a line's start with `{`, or anywhere with what its runner always puts first. Only what it
//! needs is kept of it; how deep it may nest is the parser's limit (128).

mod gtest;
mod jest;
mod mocha;
mod pytest;
mod rspec;

use serde::Deserialize;

use super::{MAX_MESSAGE, Report, lines, playwright, shorten};
use crate::config::ReportFormat;

/// How many beginnings may turn out to be none before the rest is text: each is looked through to its end.
const MAX_FALSE_STARTS: usize = 16;
/// The most documents of a text.
const MAX_DOCUMENTS: usize = 1000;
/// What runners put first that print their document on one line, perhaps behind what a test has printed.
const HEADS: [&str; 3] = [
    "{\"numFailedTestSuites\":",
    "{\"numTotalTestSuites\":",
    "{\"version\":\"",
];
/// What a document begins with at the start of a line.
const LINES: [&str; 8] = [
    "{\n",
    "{\r\n",
    "{\"stats\":",
    "{\"created\":",
    "{\"config\":",
    "{\"suites\":",
    "{\"tests\":",
    "{\"num",
];
/// How much of a document is searched for what tells its shape.
const MAX_PEEK: usize = 4 * 1024;

/// A document in a text.
pub(super) struct Document {
    /// The runner that wrote it.
    pub(super) format: ReportFormat,
    pub(super) report: Report,
    /// Where in the text it begins and ends, in bytes.
    pub(super) begin: usize,
    pub(super) end: usize,
}

/// The documents in a text that are the reports of a runner.
pub(super) fn read(text: &str) -> Vec<Document> {
    let mut found = Vec::new();
    let mut from = 0;
    let mut false_starts = 0;
    let mut starts = Starts::of(text);
    while let Some(begin) = starts.next(from) {
        match document(&text[begin..]) {
            Some((format, report, length)) => {
                from = begin + length;
                found.push(Document {
                    format,
                    report,
                    begin,
                    end: from,
                });
                if found.len() == MAX_DOCUMENTS {
                    break;
                }
            }
            None => {
                from = begin + 1;
                false_starts += 1;
                if false_starts > MAX_FALSE_STARTS {
                    break;
                }
            }
        }
    }
    found
}

/// The places at which a document could begin.
struct Starts<'a> {
    text: &'a str,
    /// The next place of each head; none when there is no more.
    heads: [Option<usize>; HEADS.len()],
}

impl<'a> Starts<'a> {
    fn of(text: &'a str) -> Self {
        Self {
            text,
            heads: HEADS.map(|head| text.find(head)),
        }
    }

    /// The first that does not lie before `from`.
    fn next(&mut self, from: usize) -> Option<usize> {
        let text = self.text;
        for (next, head) in self.heads.iter_mut().zip(HEADS) {
            if next.is_some_and(|at| at < from) {
                *next = text[from..].find(head).map(|at| from + at);
            }
        }
        let begins = |at: &usize| LINES.iter().any(|begin| text[*at..].starts_with(begin));
        let first = (from == 0 || text[..from].ends_with('\n')).then_some(from);
        let at_line = first
            .into_iter()
            .chain(
                text[from..]
                    .match_indices("\n{")
                    .map(|(at, _)| from + at + 1),
            )
            .find(begins);
        at_line
            .into_iter()
            .chain(self.heads.into_iter().flatten())
            .min()
    }
}

/// The runner whose document begins like this.
fn shape(text: &str) -> Option<ReportFormat> {
    let head = shorten(text, MAX_PEEK);
    let has = |keys: &[&str]| keys.iter().all(|key| head.contains(key));
    let known: [(&[&str], ReportFormat); 7] = [
        (
            &["\"numFailedTestSuites\"", "\"openHandles\""],
            ReportFormat::Jest,
        ),
        (&["\"numFailedTestSuites\""], ReportFormat::Vitest),
        (
            &["\"stats\"", "\"passes\"", "\"pending\""],
            ReportFormat::Mocha,
        ),
        (&["\"config\"", "\"rootDir\""], ReportFormat::Playwright),
        (&["\"version\"", "\"examples\""], ReportFormat::Rspec),
        (&["\"testsuites\"", "\"testsuite\""], ReportFormat::Gtest),
        (&["\"exitcode\"", "\"summary\""], ReportFormat::Pytest),
    ];
    let own = known.into_iter().find(|(keys, _)| has(keys));
    own.map(|(_, format)| format)
        .or_else(|| has(&["\"suites\""]).then_some(ReportFormat::Playwright))
}

/// The document that begins a text: its runner, its report and its length.
fn document(text: &str) -> Option<(ReportFormat, Report, usize)> {
    let format = shape(text)?;
    let (report, length) = match format {
        ReportFormat::Jest | ReportFormat::Vitest => jest::read(text)?,
        ReportFormat::Mocha => mocha::read(text)?,
        ReportFormat::Rspec => rspec::read(text)?,
        ReportFormat::Gtest => gtest::read(text)?,
        ReportFormat::Pytest => pytest::read(text)?,
        _ => playwright::read(text)?,
    };
    Some((format, report, length))
}

/// The value that begins a text, and its length.
pub(super) fn value<'a, T: Deserialize<'a>>(text: &'a str) -> Option<(T, usize)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<T>();
    let value = values.next()?.ok()?;
    Some((value, values.byte_offset()))
}

/// A text of a document as a failure's message: without escapes, and without the trace below it.
fn message(text: &str) -> Option<String> {
    let kept: Vec<_> = lines(shorten(text, 2 * MAX_MESSAGE))
        .take_while(|line| !line.starts_with("    at "))
        .collect();
    let text = kept.join("\n");
    Some(shorten(text.trim(), MAX_MESSAGE).to_owned()).filter(|text| !text.is_empty())
}
