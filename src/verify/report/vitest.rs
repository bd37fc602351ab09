//! The text that vitest prints: the files and what failed in them on standard output, then the numbers; the failures
//! in full on standard error, under `Failed Suites` and `Failed Tests`.
//!
//! Names come from the full failures, which stand between their banner and the end; where they are missing (behind a
//! pipe of one stream), from the lines with a cross under a file.

use std::collections::HashSet;

use super::found::{Found, Lines, failed, last, message_of, numbered, without_time};
use super::{MAX_NAMED, Report};

/// What stands between the names of a test and of those it lies in.
const BETWEEN: &str = " > ";
/// How many lines of numbers may stand between two that must be there.
const NUMBERS_WITHIN: usize = 4;

/// Reads the numbers in `summary` and the failures in `failures`, else before the numbers.
pub(super) fn read(summary: &Lines<'_>, failures: &Lines<'_>) -> Option<Found> {
    let (at, mut report) = last(summary, |at, _| totals(&summary[at..]))?;
    let begin = summary[..at].iter().rposition(|line| {
        let mut words = line.split_whitespace();
        matches!(words.next(), Some("RUN" | "DEV"))
            && words.next().is_some_and(|v| v.starts_with('v'))
    })?;
    name(&mut report, failures);
    if report.tests.is_empty() {
        name(&mut report, &summary[begin..at]);
    }
    if report.tests.is_empty() {
        name_from_files(&mut report, &summary[begin..at]);
    }
    let end = summary.len().min(at + 2 * NUMBERS_WITHIN);
    let end = summary[at..end]
        .iter()
        .rposition(|line| line.trim_start().starts_with("Duration  "))
        .map_or(at + 2, |last| at + last + 1);
    let errors = summary[at..end].iter().find_map(|line| of("Errors", line));
    let mut found = Found::complete(report, begin, end);
    if let Some((number, _)) = errors.and_then(numbered) {
        let counts = &mut found.report.counts;
        counts.errors = counts.errors.saturating_add(number);
        found.report.note("vitest caught errors outside of tests");
    }
    Some(found)
}

/// What stands behind a right-aligned word and two spaces.
fn of<'a>(word: &str, line: &'a str) -> Option<&'a str> {
    line.trim_start()
        .strip_prefix(word)?
        .strip_prefix("  ")
        .map(str::trim)
}

/// The numbers, if these lines begin with them.
fn totals(lines: &Lines<'_>) -> Option<Report> {
    of("Test Files", lines.first()?)?;
    let near = &lines[1..lines.len().min(1 + NUMBERS_WITHIN)];
    let tests = near.iter().find_map(|line| of("Tests", line))?;
    let mut report = Report::default();
    if tests == "no tests" {
        return Some(report);
    }
    let (parts, total) = tests.rsplit_once(" (")?;
    total.strip_suffix(')')?.parse::<u32>().ok()?;
    for part in parts.split(" | ") {
        let (number, word) = numbered(part)?;
        match word {
            "passed" => report.counts.passed = number,
            "failed" => report.counts.failed = number,
            "skipped" => report.counts.skipped = number,
            _ => {}
        }
    }
    Some(report)
}

/// Names the failures that are told in full.
fn name(report: &mut Report, lines: &Lines<'_>) {
    let Some(begin) = lines.iter().position(|line| is_banner(line)) else {
        return;
    };
    let lines = &lines[begin..];
    let heads: Vec<(usize, &str)> = lines
        .iter()
        .enumerate()
        .filter_map(|(at, line)| Some((at, line.strip_prefix(" FAIL ")?.trim())))
        .take(MAX_NAMED)
        .collect();
    // What fails as a whole, a file or what surrounds tests, stands before the tests.
    let tests = lines
        .iter()
        .position(|line| is_banner(line) && !line.contains(" Failed Suites "))
        .unwrap_or(lines.len());
    let mut known = HashSet::new();
    for (index, (at, title)) in heads.iter().enumerate() {
        let (file, name) = titled(title);
        if !known.insert((file, name)) {
            continue;
        }
        if *at < tests {
            report.counts.errors = report.counts.errors.saturating_add(1);
        }
        // Tests that fail alike stand together over one message.
        let mut next = index + 1;
        while heads
            .get(next)
            .is_some_and(|head| head.0 == heads[next - 1].0 + 1)
        {
            next += 1;
        }
        let from = heads[next - 1].0 + 1;
        let until = heads.get(next).map_or(lines.len(), |head| head.0);
        let body = &lines[from.min(until)..until];
        let end = body
            .iter()
            .position(|line| line.trim_start().starts_with('❯') || line.starts_with('⎯'));
        let message = message_of(index, &body[..end.unwrap_or(body.len())]);
        let mut test = failed(name, message, place(body, file));
        test.file = Some(file.to_owned()).filter(|file| file != name);
        report.name(test);
    }
}

/// Whether a line is `⎯⎯⎯ Failed Tests 1 ⎯⎯⎯`.
fn is_banner(line: &str) -> bool {
    line.starts_with('⎯')
        && ["Failed Tests", "Failed Suites", "Failed Typecheck"]
            .iter()
            .any(|title| line.trim_matches('⎯').trim_start().starts_with(title))
}

/// The file and the name in `|project| a.test.mjs > suite > test`; a file that could not be loaded is its own name.
fn titled(title: &str) -> (&str, &str) {
    let title = match title
        .strip_prefix('|')
        .and_then(|rest| rest.split_once("| "))
    {
        Some((_, rest)) => rest.trim_start(),
        None => title,
    };
    if let Some((path, name)) = title.split_once(BETWEEN) {
        let file = path.split_whitespace().next_back().unwrap_or(path);
        return (file, name);
    }
    let file = title.split_once(" [ ").map_or(title, |(file, _)| file);
    let file = file.split_whitespace().next_back().unwrap_or(file);
    (file, file)
}

/// The place in `❯ a.test.mjs:2:39`: the first in the test's own file, else the first of all.
fn place(body: &Lines<'_>, file: &str) -> Option<String> {
    let places = body.iter().filter_map(|line| {
        let line = line.trim_start().strip_prefix('❯')?.trim();
        let (place, _column) = line.rsplit_once(':')?;
        let place = place.rsplit(' ').next()?;
        let (path, number) = place.rsplit_once(':')?;
        number.parse::<u32>().ok()?;
        Some((path, place))
    });
    let mut first = None;
    for (path, place) in places {
        if path == file {
            return Some(place.to_owned());
        }
        first.get_or_insert(place);
    }
    first.map(str::to_owned)
}

/// Names what has a cross under a file, with the first line of why.
fn name_from_files(report: &mut Report, lines: &Lines<'_>) {
    for (at, line) in lines.iter().enumerate() {
        let Some(title) = line
            .strip_prefix("   × ")
            .or_else(|| line.strip_prefix("     × "))
        else {
            continue;
        };
        let why = lines
            .get(at + 1)
            .and_then(|line| line.trim_start().strip_prefix("→ "));
        let time = title.trim_end().rsplit_once(' ').filter(|(_, time)| {
            let number = time.trim_end_matches("ms").trim_end_matches('s');
            number.len() < time.len() && number.parse::<f64>().is_ok()
        });
        let title = time.map_or(without_time(title), |(title, _)| title);
        report.name(failed(title, why.map(str::to_owned), None));
    }
}

#[cfg(test)]
mod tests {
    use super::super::told::{failing, first_failure, numbers, told};
    use crate::config::ReportFormat::Vitest;

    #[test]
    fn both_streams_make_the_report() {
        let report = told(
            include_str!("fixtures/vitest.out.txt"),
            include_str!("fixtures/vitest.err.txt"),
            Vitest,
        );
        assert_eq!(numbers(&report), (1, 2, 2, 2, true));
        assert_eq!(
            failing(&report),
            [
                "hooked",
                "b.test.mjs",
                "cart > applies > discount",
                "throws",
            ]
        );
        assert_eq!(
            first_failure(&report),
            ("Error: no database", "a.test.mjs:9")
        );
    }

    #[test]
    fn without_the_full_failures_the_files_name_them() {
        let report = told(include_str!("fixtures/vitest.out.txt"), "", Vitest);
        assert_eq!(failing(&report), ["cart > applies > discount", "throws"]);
    }

    #[test]
    fn one_stream_is_enough() {
        let both = [
            include_str!("fixtures/vitest.out.txt"),
            include_str!("fixtures/vitest.err.txt"),
        ];
        let (head, totals) = both[0].split_at(both[0].rfind("\n Test Files").unwrap());
        let report = told(&format!("{head}\n{}{totals}", both[1]), "", Vitest);
        assert_eq!(failing(&report).len(), 4);
    }
}
