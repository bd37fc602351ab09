//! JUnit's XML, as most runners can write it: suites (in suites) of test cases with what went wrong in them.
//!
//! There is no standard, so only what all agree on is read. A document type is refused and no entity but XML's own is
//! resolved, so nothing in a report can grow. Suites say how many of their tests failed; if they tell of more than
//! they list, that counts too.

mod case;

use std::collections::BTreeSet;

use quick_xml::Reader as Xml;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};

use self::case::{Case, Style};
use super::found::suites_apart;
use super::{MAX_NAME, Report, shorten};
use crate::domain::check::TestStatus;

/// How deep elements may lie.
const MAX_DEPTH: usize = 64;
/// The most bytes of an attribute that are kept.
const MAX_ATTRIBUTE: usize = 4 * 1024;
/// How many starts of documents may turn out to be none before the rest is text: each is looked through to its end.
const MAX_FALSE_STARTS: usize = 8;
/// What a document begins with.
const STARTS: [&str; 3] = ["<?xml", "<testsuites", "<testsuite"];

/// Reads all reports in a text, each from the start of a line; none if there is none.
pub(super) fn read(text: &str) -> Option<Report> {
    let mut rest = text;
    let mut whole: Option<Report> = None;
    let mut false_starts = 0;
    while let Some(at) = start(rest) {
        rest = &rest[at..];
        let Document {
            report,
            length,
            broken,
        } = document(rest);
        let is_report = report.is_some();
        whole = match (whole, report) {
            (Some(before), Some(report)) => Some(before.and(report)),
            (one, other) => one.or(other),
        };
        false_starts += usize::from(broken);
        if broken && (is_report || false_starts > MAX_FALSE_STARTS) {
            break;
        }
        let length = if broken { 1 } else { length.max(1) };
        rest = &rest[rest.ceil_char_boundary(length)..];
    }
    whole
}

/// Whether a text begins as XML does.
pub(super) fn begins(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    STARTS.iter().any(|start| text.starts_with(start))
}

fn start(text: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let inner = line.trim_start_matches(['\u{feff}', ' ', '\t']);
        if STARTS.iter().any(|start| inner.starts_with(start)) {
            return Some(at + line.len() - inner.len());
        }
        at += line.len();
    }
    None
}

/// One document in a text.
struct Document {
    /// None if it is something else.
    report: Option<Report>,
    /// In bytes.
    length: usize,
    /// Whether it has no proper end.
    broken: bool,
}

/// Reads the document that begins a text.
fn document(text: &str) -> Document {
    let mut xml = Xml::from_str(text);
    let mut reader = Reader::default();
    reader.report.counts.complete = true;
    let broken = loop {
        let step = match xml.read_event() {
            Ok(Event::Start(tag)) => reader.begin(&tag),
            Ok(Event::Empty(tag)) => reader.begin(&tag).map(|()| reader.end()),
            Ok(Event::End(_)) => {
                reader.end();
                Ok(())
            }
            Ok(Event::Text(text)) => {
                reader.text(&text);
                Ok(())
            }
            Ok(Event::CData(text)) => {
                reader.text(&text);
                Ok(())
            }
            Ok(Event::GeneralRef(name)) => {
                let reference = format!("&{};", &*name);
                reader.text(unescape(&reference).as_deref().unwrap_or(&reference));
                Ok(())
            }
            Ok(Event::DocType(_)) => Err("it declares a document type".to_owned()),
            Ok(Event::Eof) => break Some("the XML ends before its first element does".to_owned()),
            Ok(_) => Ok(()),
            Err(error) => Err(format!("the XML is not well-formed: {error}")),
        };
        match step {
            Err(why) => break Some(why),
            Ok(()) if reader.begun && reader.depth == 0 => break None,
            Ok(()) => {}
        }
    };
    let length = usize::try_from(xml.buffer_position()).unwrap_or(text.len());
    if let Some(why) = &broken {
        reader.break_off(why);
    }
    reader.name_by_titles();
    Document {
        report: reader.is_report.then_some(reader.report),
        length,
        broken: broken.is_some(),
    }
}

/// A suite, or all suites.
struct Suite {
    name: String,
    /// Its name after those of the suites it lies in.
    path: String,
    depth: usize,
    told: Told,
    /// Test cases in it, and those of them that failed or were skipped.
    tests: u64,
    failing: u64,
    skipped: u64,
}

/// What a suite's attributes say.
struct Told {
    tests: u64,
    failing: u64,
    skipped: u64,
}

#[derive(Default)]
struct Reader {
    report: Report,
    depth: usize,
    /// Whether there was an element.
    begun: bool,
    /// Whether the first one was a suite.
    is_report: bool,
    suites: Vec<Suite>,
    case: Option<Case>,
    style: Style,
    /// Tests whose suites have joined titles.
    titles: Vec<(usize, String)>,
}

impl Reader {
    fn begin(&mut self, tag: &BytesStart<'_>) -> Result<(), String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("its elements lie too deep in each other".to_owned());
        }
        let name = tag.local_name();
        let name = name.into_inner();
        if !self.begun {
            self.begun = true;
            self.is_report = matches!(name, "testsuites" | "testsuite");
        }
        if matches!(name, "testsuites" | "testsuite")
            && let Some(style) = attribute(tag, "name").as_deref().and_then(Style::of)
        {
            self.style = style;
        }
        match (name, &mut self.case) {
            ("testsuites" | "testsuite", None) => self.begin_suite(tag),
            ("testcase", None) => {
                let above = self.suites.last().map_or("", |suite| suite.path.as_str());
                self.case = Some(Case::new(tag, above, self.depth, self.style));
            }
            (_, Some(case)) => case.begin(name, tag, self.depth),
            _ => {}
        }
        Ok(())
    }

    fn begin_suite(&mut self, tag: &BytesStart<'_>) {
        let number = |name| attribute(tag, name).and_then(|text| text.trim().parse::<u64>().ok());
        let told = Told {
            tests: number("tests").unwrap_or(0),
            failing: number("failures")
                .unwrap_or(0)
                .saturating_add(number("errors").unwrap_or(0)),
            skipped: number("skipped").unwrap_or(0),
        };
        // The name of all suites together is that of the tool.
        let all = tag.local_name().into_inner() == "testsuites";
        let name = attribute(tag, "name").filter(|_| !all).unwrap_or_default();
        let above = self.suites.last().map_or("", |suite| suite.path.as_str());
        let path = case::below(above, &name);
        self.suites.push(Suite {
            path: shorten(&path, MAX_NAME).to_owned(),
            name: shorten(&name, MAX_NAME).to_owned(),
            depth: self.depth,
            told,
            tests: 0,
            failing: 0,
            skipped: 0,
        });
    }

    fn text(&mut self, text: &str) {
        if let Some(case) = &mut self.case {
            case.text(text, self.depth);
        }
    }

    fn end(&mut self) {
        if let Some(case) = &mut self.case {
            case.end(self.depth);
        }
        if let Some(case) = self.case.take_if(|case| case.depth == self.depth) {
            self.end_case(case);
        }
        if self
            .suites
            .last()
            .is_some_and(|suite| suite.depth == self.depth)
            && let Some(suite) = self.suites.pop()
        {
            self.end_suite(&suite);
        }
        self.depth = self.depth.saturating_sub(1);
    }

    fn end_case(&mut self, case: Case) {
        let status = case.status();
        let counts = &mut self.report.counts;
        let count = match status {
            TestStatus::Passed => &mut counts.passed,
            TestStatus::Failed if case.only_error() => &mut counts.errors,
            TestStatus::Failed => &mut counts.failed,
            TestStatus::Skipped => &mut counts.skipped,
        };
        *count = count.saturating_add(u32::from(!case.todo || status == TestStatus::Failed));
        if let Some(suite) = self.suites.last_mut() {
            suite.tests += 1;
            suite.failing += u64::from(case.has_failed());
            suite.skipped += u64::from(status == TestStatus::Skipped);
        }
        if let Some(suites) = case.suites.clone().filter(|suites| !suites.is_empty()) {
            self.titles.push((self.report.tests.len(), suites));
        }
        self.report.name(case.reported());
    }

    fn end_suite(&mut self, suite: &Suite) {
        let Suite { told, .. } = suite;
        // Some writers leave out what was skipped.
        let unlisted = told
            .skipped
            .saturating_sub(suite.skipped)
            .min(told.tests.saturating_sub(suite.tests));
        let tests = suite.tests + unlisted;
        let counts = &mut self.report.counts;
        counts.skipped = counts
            .skipped
            .saturating_add(u32::try_from(unlisted).unwrap_or(u32::MAX));
        let mut failing = suite.failing;
        if told.failing > failing {
            let more = told.failing - failing;
            failing = told.failing;
            let counts = &mut self.report.counts;
            counts.errors = counts
                .errors
                .saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
            self.report.note(&format!(
                "the suite {:?} tells of {} failures but lists {}",
                suite.name, told.failing, suite.failing
            ));
        }
        if told.tests > tests {
            self.report.counts.complete = false;
            self.report.note(&format!(
                "the suite {:?} tells of {} tests but lists {tests}",
                suite.name, told.tests
            ));
        }
        if let Some(above) = self.suites.last_mut() {
            above.tests = above.tests.saturating_add(tests);
            above.skipped = above.skipped.saturating_add(suite.skipped + unlisted);
            above.failing = above.failing.saturating_add(failing);
        }
    }

    /// Puts their suites before the names of tests; all suites must be known by then.
    fn name_by_titles(&mut self) {
        let titles = std::mem::take(&mut self.titles);
        let known: BTreeSet<String> = titles.iter().map(|(_, suites)| suites.clone()).collect();
        for (index, suites) in titles {
            if let Some(test) = self.report.tests.get_mut(index) {
                let name = case::below(&suites_apart(&suites, &known), &test.case.name);
                test.case.name = shorten(&name, MAX_NAME).to_owned();
            }
        }
    }

    /// The document has no proper end.
    fn break_off(&mut self, why: &str) {
        self.report.counts.complete = false;
        self.report.note(why);
        if let Some(case) = self.case.take()
            && case.status() == TestStatus::Failed
        {
            self.end_case(case);
        }
    }
}

/// An attribute's text; as it stands, if its references cannot be resolved.
fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut attributes = tag.attributes();
    let found = attributes
        .with_checks(false)
        .flatten()
        .find(|attribute| attribute.key.local_name().into_inner() == name)?;
    let text = match unescape(&found.value) {
        Ok(text) => shorten(&text, MAX_ATTRIBUTE).to_owned(),
        Err(_) => shorten(&found.value, MAX_ATTRIBUTE).to_owned(),
    };
    Some(text)
}

#[cfg(test)]
mod tests;
