//! What the readers of text for people share: where in a stream a report stands, and how its lines are taken apart.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{MAX_DETAILED, MAX_MESSAGE, Report, Reported, shorten};
use crate::domain::check::TestStatus;

/// A stream's lines.
pub(super) type Lines<'a> = [Cow<'a, str>];

/// How many lines may follow a report at the end of a stream: what exit handlers and package managers say.
const TRAILING_LINES: usize = 40;

/// A report and the lines that it takes, `end` excluded.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) report: Report,
    pub(super) begin: usize,
    pub(super) end: usize,
}

impl Found {
    /// A report that told of everything that was to run.
    pub(super) fn complete(mut report: Report, begin: usize, end: usize) -> Self {
        report.counts.complete = true;
        Self { report, begin, end }
    }

    /// Whether it is the last that its stream says.
    pub(super) fn is_final(&self, lines: &Lines<'_>) -> bool {
        let after = lines.iter().skip(self.end);
        after.filter(|line| !line.trim().is_empty()).count() <= TRAILING_LINES
    }
}

/// The last line that says something, with what it says.
pub(super) fn last<T>(
    lines: &Lines<'_>,
    says: impl Fn(usize, &str) -> Option<T>,
) -> Option<(usize, T)> {
    (0..lines.len())
        .rev()
        .find_map(|at| Some((at, says(at, &lines[at])?)))
}

/// The number and the words of `2 failed`, if nothing else stands there.
pub(super) fn numbered(part: &str) -> Option<(u32, &str)> {
    let (number, words) = part.trim().split_once(' ')?;
    Some((number.parse().ok()?, words.trim()))
}

/// The numbers and words of `2 failed, 1 passed`, if that is all that stands there.
pub(super) fn numbers<'a>(text: &'a str, between: &str) -> Option<Vec<(u32, &'a str)>> {
    text.split(between).map(numbered).collect()
}

/// The title in `  2) title`, and its number.
pub(super) fn numbered_title(line: &str) -> Option<(u32, &str)> {
    let (number, title) = line.trim_start().split_once(") ")?;
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    Some((number.parse().ok().filter(|_| digits)?, title))
}

/// A test that failed.
pub(super) fn failed(name: &str, message: Option<String>, location: Option<String>) -> Reported {
    let mut test = Reported::new(name, TestStatus::Failed);
    test.case.message = message;
    test.location = location;
    test
}

/// The lines of a failure as its message, without the indentation of the first; none if there is nothing.
pub(super) fn message(lines: &Lines<'_>) -> Option<String> {
    let first = lines.iter().find(|line| !line.trim().is_empty())?;
    let indent = first.len() - first.trim_start_matches(' ').len();
    let mut text = String::new();
    for line in lines {
        let cut = line.len() - line.trim_start_matches(' ').len();
        text.push_str(line[cut.min(indent)..].trim_end());
        text.push('\n');
        if text.len() > MAX_MESSAGE {
            break;
        }
    }
    Some(shorten(text.trim(), MAX_MESSAGE).to_owned()).filter(|text| !text.is_empty())
}

/// The message of the failure with this index; none where there are too many failures.
pub(super) fn message_of(index: usize, lines: &Lines<'_>) -> Option<String> {
    (index < MAX_DETAILED).then(|| message(lines)).flatten()
}

/// `text` without a time in brackets at its end, as in `adds (2 ms)`.
pub(super) fn without_time(text: &str) -> &str {
    let text = text.trim_end();
    let Some((rest, time)) = text
        .strip_suffix(')')
        .and_then(|text| text.rsplit_once(" ("))
    else {
        return text;
    };
    let number = time.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let unit = time[number.len()..].trim();
    let real = number.parse::<f64>().is_ok() && matches!(unit, "ms" | "s" | "m" | "h");
    if real { rest } else { text }
}

/// The titles of suites that are joined with spaces, apart where what stands before a space is a known suite itself.
pub(super) fn suites_apart(joined: &str, known: &BTreeSet<String>) -> String {
    let mut apart = String::new();
    let mut from = 0;
    for (at, _) in joined.match_indices(' ') {
        if at > from && known.contains(&joined[..at]) {
            apart.push_str(&joined[from..at]);
            apart.push_str(" > ");
            from = at + 1;
        }
    }
    apart.push_str(&joined[from..]);
    apart
}

/// A path without `./` before it.
pub(super) fn plain_path(path: &str) -> &str {
    path.strip_prefix("./").unwrap_or(path)
}
