//! What compilers and linters say, as observations with a place; one file a format.
//!
//! A document for machines tells severities and places by itself, so where there is one only it is read. Else the lines
//! for people are: what breaks a build, and what a linter says of lines of files.

mod audit;
mod compiler;
mod eslint;
mod golangci;
mod mypy;
mod phpstan;
mod placed;
mod pylint;
mod python;
mod rubocop;
mod ruff;
mod rustc;
mod sarif;
mod shellcheck;
mod typescript;

use std::collections::HashSet;

use serde::Deserialize;

use super::report::{lines, python_place, shorten};
use crate::config::ReportFormat;
use crate::domain::finding::{Category, Observation, Severity};

/// The most observations of one kind that one check makes.
pub(super) const MAX_OBSERVATIONS: usize = 100;
/// The most bytes of an observation's message.
const MAX_MESSAGE: usize = 300;
/// How many beginnings of documents are tried in a text.
const MAX_STARTS: usize = 16;
/// How much of a document is searched for what tells its shape.
const MAX_PEEK: usize = 4 * 1024;

/// One thing that a compiler or linter says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    severity: Severity,
    message: String,
    location: Option<String>,
}

impl Said {
    /// `message` with its rule's `code` behind it, as in `mismatched types (E0308)`.
    fn new(
        severity: Severity,
        message: &str,
        code: Option<&str>,
        location: Option<String>,
    ) -> Self {
        let message = one_line(message);
        let word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '/' | '.');
        let is_told = |code: &&str| message.split(|c| !word(c)).any(|part| part == *code);
        let message = match code.filter(|code| !is_told(code)) {
            Some(code) => format!("{message} ({code})"),
            None => message,
        };
        Self {
            severity,
            message,
            location,
        }
    }

    /// As an observation of a check of this category.
    pub(super) fn observed(self, category: Category) -> Observation {
        Observation {
            severity: self.severity,
            category,
            message: one_line(&self.message),
            location: self.location,
        }
    }
}

/// `path:line`, if there is a line.
fn place(path: &str, line: Option<u32>) -> Option<String> {
    let path = path.strip_prefix("./").unwrap_or(path);
    let line = line.filter(|line| *line > 0 && !path.is_empty())?;
    Some(format!("{path}:{line}"))
}

/// The severity that a linter's word means.
fn severity(word: &str) -> Severity {
    match word.to_ascii_lowercase().as_str() {
        "error" | "fatal" | "failure" | "critical" | "high" | "blocker" | "major" => {
            Severity::Major
        }
        "warning" | "warn" | "medium" | "moderate" => Severity::Medium,
        _ => Severity::Minor,
    }
}

/// A format of documents: its name, and what reads the document that begins a text.
type Reader = (ReportFormat, fn(&str) -> Option<Vec<Said>>);

const READERS: [Reader; 11] = [
    (ReportFormat::Sarif, sarif::read),
    (ReportFormat::Eslint, eslint::read),
    (ReportFormat::Ruff, ruff::read),
    (ReportFormat::Shellcheck, shellcheck::read),
    (ReportFormat::Pylint, pylint::read),
    (ReportFormat::Golangci, golangci::read),
    (ReportFormat::Rubocop, rubocop::read),
    (ReportFormat::Phpstan, phpstan::read),
    (ReportFormat::CargoAudit, audit::read),
    (ReportFormat::Rustc, rustc::events),
    (ReportFormat::Mypy, mypy::events),
];

/// Whether a format is one of documents with findings, and not of tests.
pub(super) fn is_format(format: ReportFormat) -> bool {
    READERS.iter().any(|(own, _)| *own == format)
}

/// What the documents in these texts say; none if there is no document of that format (of any, if it is `Auto`).
pub(super) fn documents(texts: &[&str], format: ReportFormat) -> Option<Vec<Said>> {
    let readers = READERS
        .iter()
        .filter(|(own, _)| *own == format || format == ReportFormat::Auto);
    let readers: Vec<_> = readers.map(|(_, read)| read).collect();
    let named = format != ReportFormat::Auto;
    let mut found: Option<Vec<Said>> = None;
    for text in texts {
        let one = starts(text).take(MAX_STARTS).find_map(|at| {
            let text = &text[at..];
            let nothing = || (named && is_empty_list(text)).then(Vec::new);
            readers.iter().find_map(|read| read(text)).or_else(nothing)
        });
        if let Some(one) = one {
            found.get_or_insert_default().extend(one);
        }
    }
    found.map(without_repeats)
}

/// The places at which a document could begin: at a line's start, with a bracket.
fn starts(text: &str) -> impl Iterator<Item = usize> {
    let first = text.len()
        - text
            .trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t'])
            .len();
    let lines = text.match_indices('\n').map(|(at, _)| at + 1);
    let begins = |at: &usize| text[*at..].starts_with(['[', '{']);
    std::iter::once(first)
        .chain(lines.filter(move |at| *at > first))
        .filter(begins)
}

/// Whether a text is a list of nothing, which is all that many linters say when all is well.
fn is_empty_list(text: &str) -> bool {
    text.strip_prefix('[')
        .is_some_and(|rest| rest.trim_start().starts_with(']'))
}

/// The value that begins a text, if all of these keys stand near its beginning.
fn value<'a, T: Deserialize<'a>>(text: &'a str, keys: &[&str]) -> Option<T> {
    let head = shorten(text, MAX_PEEK);
    if !keys.iter().all(|key| head.contains(key)) {
        return None;
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<T>();
    values.next()?.ok()
}

/// `text` as one line for people.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::new();
    for part in text.lines().map(str::trim).filter(|part| !part.is_empty()) {
        if !line.is_empty() {
            line.push_str(if line.ends_with([':', ',']) {
                " "
            } else {
                ", "
            });
        }
        line.push_str(part);
        if line.len() > MAX_MESSAGE {
            let cut = shorten(&line, MAX_MESSAGE).len();
            line.truncate(cut);
            line.push('…');
            break;
        }
    }
    line
}

/// Errors of a compiler: rustc's, Go's, TypeScript's, those of C and Java, and Python's syntax errors.
pub(super) fn compile_errors(stdout: &str, stderr: &str) -> Vec<Observation> {
    let mut found = rustc::lines_of(stderr, "error", Severity::Major);
    found.extend(rustc::compile_errors(stdout));
    found.extend(compiler::go(stderr));
    found.extend(typescript::errors(stdout));
    for text in [stdout, stderr] {
        found.extend(compiler::errors(text));
        found.extend(python::syntax(text));
    }
    let found = without_repeats(found);
    found
        .into_iter()
        .map(|said| said.observed(Category::Build))
        .collect()
}

/// What a linter says to people. Its errors are major, its warnings medium; lines of linters that know no levels are
/// errors if the linter `failed`.
pub(super) fn lints(stdout: &str, stderr: &str, failed: bool) -> Vec<Observation> {
    let level = if failed {
        Severity::Major
    } else {
        Severity::Medium
    };
    let mut found = Vec::new();
    for text in [stderr, stdout] {
        found.extend(rustc::lines_of(text, "error", Severity::Major));
        found.extend(rustc::lines_of(text, "warning", Severity::Medium));
    }
    found.extend(eslint::stylish(stdout));
    found.extend(typescript::errors(stdout));
    for text in [stdout, stderr] {
        found.extend(placed::lines_of(text, level));
    }
    let found = without_repeats(found);
    found
        .into_iter()
        .map(|said| said.observed(Category::Lint))
        .collect()
}

/// Whether a text may have a line with one of these in it; terminal escapes could stand inside of it.
fn may_hold(text: &str, signs: &[&str]) -> bool {
    signs.iter().any(|sign| text.contains(sign)) || text.contains('\u{1b}')
}

/// `path:line` from `path:line:column`.
fn place_without_column(place: &str) -> Option<String> {
    let (rest, column) = place.trim().rsplit_once(':')?;
    let told = rest
        .rsplit_once(':')
        .is_some_and(|(_, line)| line.parse::<u32>().is_ok());
    (told && column.parse::<u32>().is_ok()).then(|| rest.to_owned())
}

/// The same thing is often said twice: a target is compiled as a library and for its tests.
fn without_repeats(mut found: Vec<Said>) -> Vec<Said> {
    let mut seen = HashSet::new();
    found.retain(|one| seen.insert((one.message.clone(), one.location.clone())));
    found.truncate(MAX_OBSERVATIONS);
    found
}

#[cfg(test)]
mod tests;
