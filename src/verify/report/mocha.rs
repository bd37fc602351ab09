//! The end of the text that mocha's reporters for people print (`spec`, `dot`, `min`, …): the numbers, then a
//! numbered part for each failure, headed by the names of suites and test, each level two spaces deeper.
//!
//! Before the numbers anything may stand. Behind them the parts must be numbered through and be as many as the
//! numbers say, or it is a test's output.

use super::Report;
use super::found::{Found, Lines, failed, message_of, numbered, numbered_title};

/// What stands between the names of a test and of those it lies in.
const BETWEEN: &str = " > ";
/// How far the second level of a title is indented, and by how much each further one is deeper.
const SECOND_LEVEL: usize = 7;
const DEEPER: usize = 2;
/// How many places that look like the numbers are tried, from the last.
const MAX_CANDIDATES: usize = 8;
/// The most levels of a title.
const MAX_DEPTH: usize = 64;

pub(super) fn read(lines: &Lines<'_>) -> Option<Found> {
    let heads: Vec<(usize, u32)> = lines
        .iter()
        .enumerate()
        .filter_map(|(at, line)| Some((at, head(line)?)))
        .collect();
    let from = |totals: &Totals| heads.partition_point(|head| head.0 < totals.end);
    let candidates: Vec<Totals> = (0..lines.len())
        .rev()
        .filter_map(|at| Totals::parse(lines, at))
        .take(MAX_CANDIDATES)
        .collect();
    let whole = candidates.iter().find(|totals| {
        let numbers = heads[from(totals)..].iter().map(|head| head.1);
        numbers.eq(1..=totals.failing)
    });
    // A message may hold a line like a head.
    let some = || {
        candidates
            .iter()
            .find(|totals| own(&heads[from(totals)..], totals).len() == totals.failing as usize)
    };
    let totals = whole.or_else(some)?;
    let own = own(&heads[from(totals)..], totals);
    let mut report = Report::default();
    report.counts.passed = totals.passing;
    report.counts.skipped = totals.pending;
    report.counts.failed = totals.failing;
    for (index, at) in own.iter().enumerate() {
        let until = own.get(index + 1).copied().unwrap_or(lines.len());
        let (name, body) = titled(&lines[*at..until]);
        let message = message_of(index, &lines[at + body..until]);
        report.name(failed(&name, message, place(&lines[at + body..until])));
    }
    // Empty lines end the list; those in a message have spaces, or stand alone.
    let end = own.last().map_or(totals.end, |last| {
        let end = lines[*last..]
            .windows(2)
            .position(|pair| pair.iter().all(|line| line.is_empty()));
        end.map_or(lines.len(), |end| last + end)
    });
    Some(Found::complete(report, 0, end))
}

/// The lines of the heads that are numbered through from 1.
fn own(heads: &[(usize, u32)], totals: &Totals) -> Vec<usize> {
    let mut wanted = 1;
    let mut own = Vec::new();
    for (at, number) in heads {
        if *number == wanted && wanted <= totals.failing {
            own.push(*at);
            wanted += 1;
        }
    }
    own
}

/// The numbers, and the line behind them.
struct Totals {
    passing: u32,
    pending: u32,
    failing: u32,
    end: usize,
}

impl Totals {
    /// Reads `  3 passing (8ms)` and the lines `  1 pending` and `  2 failing` behind it.
    fn parse(lines: &Lines<'_>, at: usize) -> Option<Self> {
        let (passing, time) = numbered(indented(&lines[at])?)?;
        let time = time.strip_prefix("passing (")?;
        time.trim_end().strip_suffix(')')?;
        let mut totals = Self {
            passing,
            pending: 0,
            failing: 0,
            end: at + 1,
        };
        for line in &lines[at + 1..] {
            match indented(line).and_then(numbered) {
                Some((number, "pending")) => totals.pending = number,
                Some((number, "failing")) => totals.failing = number,
                _ => break,
            }
            totals.end += 1;
        }
        Some(totals)
    }
}

/// A line without the two spaces before it.
fn indented(line: &str) -> Option<&str> {
    line.strip_prefix("  ")
        .filter(|text| !text.starts_with(' '))
}

/// The number of a part that begins here.
fn head(line: &str) -> Option<u32> {
    numbered_title(indented(line)?).map(|(number, _)| number)
}

/// The name over a part, and how many lines it takes.
fn titled(lines: &Lines<'_>) -> (String, usize) {
    let first = lines.first().and_then(|line| numbered_title(line));
    let mut title = first.map_or("", |(_, title)| title).trim_end();
    let mut name = String::new();
    let mut taken = 1;
    while taken < MAX_DEPTH {
        let indent = SECOND_LEVEL + DEEPER * (taken - 1);
        let next = lines
            .get(taken)
            .filter(|line| line.len() - line.trim_start_matches(' ').len() == indent)
            .map(|line| line.trim());
        let Some(next) = next.filter(|next| !title.ends_with(':') || next.ends_with(':')) else {
            break;
        };
        name.push_str(title);
        name.push_str(BETWEEN);
        title = next;
        taken += 1;
    }
    name.push_str(title.strip_suffix(':').unwrap_or(title));
    (name, taken)
}

/// The place in a trace's `at Context.<anonymous> (test/a.js:4:31)` that is not in a dependency or in Node itself.
fn place(body: &Lines<'_>) -> Option<String> {
    body.iter().find_map(|line| {
        let line = line.trim_start().strip_prefix("at ")?;
        let place = match line.rsplit_once(" (") {
            Some((_, place)) => place.strip_suffix(')')?,
            None => line,
        };
        let (place, _column) = place.rsplit_once(':')?;
        let (path, number) = place.rsplit_once(':')?;
        number.parse::<u32>().ok()?;
        let foreign = path.contains("node_modules/") || path.starts_with("node:");
        (!foreign).then(|| place.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::super::told::{failing, numbers, told};
    use crate::config::ReportFormat::Mocha;

    #[test]
    fn titles_are_taken_level_by_level() {
        let report = told(include_str!("fixtures/mocha.txt"), "", Mocha);
        assert_eq!(numbers(&report), (1, 3, 1, 0, true));
        assert_eq!(
            failing(&report),
            [
                "cart > discount",
                "cart > deep > throws:",
                "db > \"before all\" hook for \"selects\"",
            ]
        );
    }
}
