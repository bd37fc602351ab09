//! One test point: `not ok 2 - name # SKIP why`.

use super::super::{shorten, whole_milliseconds};
use crate::domain::check::TestStatus;

/// The most bytes of a name.
const MAX_NAME: usize = 1024;

/// A test point, with what lies in it.
pub(in super::super) struct Point {
    pub(in super::super) name: String,
    pub(in super::super) status: TestStatus,
    pub(super) children: Vec<Point>,
    /// Whether it is still to be done: it counts neither as passed nor as failed, nor as skipped.
    pub(in super::super) todo: bool,
    /// Whether its time stands on its own line: then subtests make it a group.
    pub(super) timed: bool,
    /// Whether it is no test of its own.
    pub(super) group: bool,
    /// Whether its subtests follow between braces.
    pub(super) opens: bool,
    pub(super) duration_ms: Option<u64>,
    pub(super) message: Option<String>,
    pub(super) location: Option<String>,
}

impl Point {
    /// Reads a line without its indentation.
    pub(in super::super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim_end();
        let (ok, rest) = match text.strip_prefix("not ok") {
            Some(rest) => (false, rest),
            None => (true, text.strip_prefix("ok")?),
        };
        if !(rest.is_empty() || rest.starts_with(' ')) {
            return None;
        }
        let rest = rest.trim_start();
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, rest) = match rest[digits..].chars().next() {
            None | Some(' ') => rest.split_at(digits),
            Some(_) => ("", rest),
        };
        let rest = rest.trim_start();
        let rest = rest.strip_prefix("- ").unwrap_or(rest);
        let (rest, opens) = match rest.strip_suffix('{') {
            Some(rest) if rest.is_empty() || rest.ends_with(' ') => (rest.trim_end(), true),
            _ => (rest, false),
        };
        let (name, directives) = directives(rest);
        let mut point = Self {
            name: unescaped(shorten(name, MAX_NAME)),
            status: if ok {
                TestStatus::Passed
            } else {
                TestStatus::Failed
            },
            children: Vec::new(),
            todo: false,
            timed: false,
            group: opens,
            opens,
            duration_ms: None,
            message: None,
            location: None,
        };
        for directive in directives {
            match directive {
                Directive::Skip => point.status = TestStatus::Skipped,
                Directive::Todo => {
                    point.status = TestStatus::Skipped;
                    point.todo = true;
                }
                Directive::Time(ms) => {
                    point.duration_ms = Some(ms);
                    point.timed = true;
                }
            }
        }
        if point.name.is_empty() {
            point.name = format!("test {number}").trim_end().to_owned();
        }
        Some(point)
    }

    /// A group of tests whose own point never came.
    pub(super) fn group(name: String, children: Vec<Self>) -> Self {
        Self {
            name,
            status: TestStatus::Passed,
            children,
            todo: false,
            timed: false,
            group: true,
            opens: false,
            duration_ms: None,
            message: None,
            location: None,
        }
    }
}

enum Directive {
    Skip,
    Todo,
    Time(u64),
}

/// The name, and what follows it behind ` # `. A `#` before other words belongs to the name.
fn directives(text: &str) -> (&str, Vec<Directive>) {
    let mut name = text;
    let mut found = Vec::new();
    for (at, _) in text.match_indices('#') {
        let apart = at == 0 || text[..at].ends_with(' ');
        if apart && let Some(directive) = directive(text[at + 1..].trim_start()) {
            if found.is_empty() {
                name = text[..at].trim_end();
            }
            found.push(directive);
        }
    }
    (name, found)
}

fn directive(text: &str) -> Option<Directive> {
    let word = text.split(' ').next()?;
    if let Some(time) = word.strip_prefix("time=") {
        return milliseconds(time.trim_end_matches("ms")).map(Directive::Time);
    }
    let word: String = word.chars().filter(|c| c.is_alphabetic()).collect();
    match word.to_ascii_lowercase().as_str() {
        "skip" | "skipped" => Some(Directive::Skip),
        "todo" => Some(Directive::Todo),
        _ => None,
    }
}

/// Whole milliseconds from a number with a fraction.
pub(super) fn milliseconds(text: &str) -> Option<u64> {
    whole_milliseconds(text.parse().ok()?)
}

fn unescaped(name: &str) -> String {
    name.replace("\\#", "#").replace("\\\\", "\\")
}
