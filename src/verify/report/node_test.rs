//! The text that Node's own runner prints for people (its `spec` reporter): the tree of tests, then the numbers, then
//! every failure once more, by its own name alone.
//!
//! The tree tells in which suites a failure lies; what a test prints may look like a line of it, so only failures that
//! are told again behind the numbers count.

use std::collections::{HashMap, HashSet};

use super::found::{Found, Lines, failed, last, message_of, without_time};
use super::{MAX_NAME, MAX_NAMED, Report};

/// What stands between the names of a test and of those it lies in.
const BETWEEN: &str = " > ";
/// The words of the numbers, in their order.
const WORDS: [&str; 7] = [
    "tests",
    "suites",
    "pass",
    "fail",
    "cancelled",
    "skipped",
    "todo",
];
/// The most levels of a tree.
const MAX_DEPTH: usize = 64;

pub(super) fn read(lines: &Lines<'_>) -> Option<Found> {
    let (at, (mut report, taken)) = last(lines, |at, _| totals(&lines[at..]))?;
    let again = again(lines, at + taken);
    let end = again.last().map_or(at + taken, |(last, _)| {
        let body = |line: &&_| str::is_empty(line) || str::starts_with(line, ' ');
        last + 1
            + lines[last + 1..]
                .iter()
                .map(AsRef::as_ref)
                .take_while(body)
                .count()
    });
    let mut told: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, (_, title)) in again.iter().enumerate().rev() {
        told.entry(title).or_default().push(index);
    }
    let tree = tree(&lines[..at]);
    let mut names: Vec<Option<String>> = vec![None; again.len()];
    let mut groups = Vec::new();
    let mut cancelled: Option<String> = None;
    let mut suites = HashSet::new();
    for line in tree {
        // Whoever has cancelled tests is a suite whose hook failed, and no test.
        let own = cancelled.take_if(|test| {
            line.closes
                && test
                    .strip_prefix(&line.name)
                    .is_some_and(|rest| rest.starts_with(BETWEEN))
        });
        match told.get_mut(line.title).and_then(Vec::pop) {
            Some(index) if own.is_some() => {
                suites.insert(index);
            }
            Some(index) => {
                if without_time(line.title).len() == line.title.len() {
                    cancelled = Some(line.name.clone());
                }
                names[index] = Some(line.name);
            }
            None if line.closes => groups.push(line.name),
            None => {}
        }
    }
    for (index, (at, title)) in again.iter().enumerate() {
        if suites.contains(&index) {
            continue;
        }
        let until = again.get(index + 1).map_or(end, |next| next.0);
        let body = &lines[at + 1..until.max(at + 1)];
        let name = names[index].take();
        let name = name.unwrap_or_else(|| without_time(title).to_owned());
        let place = lines[*at - 1].strip_prefix("test at ").and_then(place);
        report.name(failed(&name, message_of(index, body), place));
    }
    // A test with subtests is a test of its own, a suite is not: only the numbers tell them apart.
    let missing = (report.counts.failed as usize).checked_sub(report.tests.len());
    if missing == Some(groups.len()) {
        for name in &groups {
            report.name(failed(name, None, None));
        }
    }
    Some(Found::complete(report, 0, end))
}

/// The numbers and how many lines they take, if these lines begin with them.
fn totals(lines: &Lines<'_>) -> Option<(Report, usize)> {
    let mut report = Report::default();
    let counts = &mut report.counts;
    let mut taken = 0;
    for word in WORDS {
        let line = lines.get(taken)?;
        let Some(number) = line
            .strip_prefix("ℹ ")
            .and_then(|line| line.strip_prefix(word)?.trim().parse::<u32>().ok())
        else {
            // Older versions do not count suites.
            if word == "suites" {
                continue;
            }
            return None;
        };
        taken += 1;
        match word {
            "pass" => counts.passed = number,
            "fail" | "cancelled" => counts.failed = counts.failed.saturating_add(number),
            "skipped" => counts.skipped = number,
            _ => {}
        }
    }
    lines.get(taken)?.strip_prefix("ℹ duration_ms ")?;
    Some((report, taken + 1))
}

/// The failures behind the numbers: line and title, the time included.
fn again<'a>(lines: &'a Lines<'_>, from: usize) -> Vec<(usize, &'a str)> {
    let Some(begin) = lines[from..]
        .iter()
        .position(|line| line.trim_end() == "✖ failing tests:")
    else {
        return Vec::new();
    };
    lines
        .iter()
        .enumerate()
        .skip(from + begin + 1)
        .filter_map(|(at, line)| Some((at, line.strip_prefix("✖ ")?.trim_end())))
        // What is cancelled has no time.
        .filter(|(at, title)| {
            without_time(title).len() < title.len() || lines[at - 1].starts_with("test at ")
        })
        .take(MAX_NAMED)
        .collect()
}

/// A line of the tree that tells of a failure.
struct Line<'a> {
    /// What stands behind the cross.
    title: &'a str,
    name: String,
    /// Whether it ends a group of tests.
    closes: bool,
}

fn tree<'a>(lines: &'a Lines<'_>) -> Vec<Line<'a>> {
    let mut open: Vec<&str> = Vec::new();
    let mut failures = Vec::new();
    for line in lines {
        let text = line.trim_start_matches(' ');
        let depth = (line.len() - text.len()) / 2;
        if depth > open.len() || depth >= MAX_DEPTH {
            continue;
        }
        let Some((sign, title)) = text.split_once(' ') else {
            continue;
        };
        let title = title.trim_end();
        let name = without_time(title);
        let ended = name.len() < title.len();
        match sign {
            "▶" if !ended => {
                open.truncate(depth);
                open.push(title);
            }
            "✖" | "▶" if ended || sign == "✖" => {
                let closes = open.get(depth).is_some_and(|open| *open == name);
                let above = open[..depth].iter().map(|part| part.len()).sum::<usize>();
                if sign == "✖" && failures.len() < MAX_NAMED && above <= MAX_NAME {
                    let path: Vec<&str> = open[..depth].iter().copied().chain([name]).collect();
                    failures.push(Line {
                        title,
                        name: path.join(BETWEEN),
                        closes,
                    });
                }
                open.truncate(depth);
            }
            "✔" if ended => open.truncate(depth),
            _ => {}
        }
    }
    failures
}

/// `path:line` of `path:line:column`.
fn place(text: &str) -> Option<String> {
    let (place, _column) = text.trim_end().rsplit_once(':')?;
    let (_, number) = place.rsplit_once(':')?;
    number.parse::<u32>().ok()?;
    Some(place.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::told::{failing, numbers, told};
    use crate::config::ReportFormat::NodeTest;

    #[test]
    fn the_tree_names_what_is_told_again() {
        let report = told(include_str!("fixtures/node_spec.txt"), "", NodeTest);
        assert_eq!(numbers(&report), (1, 6, 1, 0, true));
        assert_eq!(
            failing(&report),
            [
                "cart > discount # hash",
                "cart > deep > discount # hash",
                "throws",
                "outer > inner",
                "/home/rep/c.test.js",
            ]
        );
    }
}
