//! The text that Perl's prove prints: a line for each file, a summary of those with trouble, the numbers.
//!
//! Which tests failed is told by number only; their titles stand in the points that `-v` and `-f` show, else in what
//! Test::More says on standard error.

use super::found::{Found, Lines, failed, message_of};
use super::tap::Point;
use super::{MAX_NAMED, Report};
use crate::domain::check::TestStatus;

/// What Test::More says of a failing test.
const FAILED: &str = "#   Failed test ";

pub(super) fn read(lines: &Lines<'_>, stderr: &Lines<'_>) -> Option<Found> {
    let at = lines
        .windows(2)
        .rposition(|pair| files_and_tests(&pair[0]).is_some() && pair[1].starts_with("Result: "))?;
    let (_, tests) = files_and_tests(&lines[at])?;
    let summary = lines[..at]
        .iter()
        .rposition(|line| line.trim_end() == "Test Summary Report");
    let body = &lines[..summary.unwrap_or(at)];
    let points = Points::of(body);
    let mut report = Report::default();
    let counts = &mut report.counts;
    let mut broken = Vec::new();
    for file in summary.map_or_else(Vec::new, |from| troubled(&lines[from..at])) {
        counts.failed = counts.failed.saturating_add(file.failed);
        if file.failed == 0 && file.broken {
            counts.errors = counts.errors.saturating_add(1);
            broken.push(file);
        }
    }
    counts.skipped = match points.seen {
        0 => told_skipped(body),
        _ => points.skipped,
    };
    counts.passed = [counts.failed, counts.skipped, points.todo]
        .iter()
        .fold(tests, |rest, number| rest.saturating_sub(*number));
    name(&mut report, points.failing, body, stderr);
    for file in broken {
        report.name(failed(file.path, Some(file.why.to_owned()), None));
    }
    let begin = body.iter().position(|line| is_file(line)).unwrap_or(at);
    Some(Found::complete(report, begin, at + 2))
}

/// The numbers in `Files=2, Tests=6,  0 wallclock secs ( 0.01 usr …`.
fn files_and_tests(line: &str) -> Option<(u32, u32)> {
    let rest = line.strip_prefix("Files=")?;
    let (files, rest) = rest.split_once(", Tests=")?;
    let (tests, rest) = rest.split_once(',')?;
    rest.trim_start()
        .contains(" wallclock secs")
        .then_some((files.parse().ok()?, tests.parse().ok()?))
}

/// Whether a line is `t/a.t ... ok`, or the start of it.
fn is_file(line: &str) -> bool {
    let line = match line.strip_prefix('[') {
        Some(rest) => rest.split_once("] ").map_or(line, |(_, rest)| rest),
        None => line,
    };
    let mut words = line.split(' ');
    words.next().is_some_and(|path| !path.is_empty())
        && words
            .next()
            .is_some_and(|dots| dots.len() >= 2 && dots.bytes().all(|byte| byte == b'.'))
}

/// A file of the summary.
struct Troubled<'a> {
    path: &'a str,
    failed: u32,
    /// Whether something beside tests is wrong: it died, or its plan is not met.
    broken: bool,
    why: &'a str,
}

/// Reads `t/a.t (Wstat: 256 (exited 1) Tests: 4 Failed: 1)` and what stands behind it.
fn troubled<'a>(lines: &'a Lines<'_>) -> Vec<Troubled<'a>> {
    let mut files: Vec<Troubled<'a>> = Vec::new();
    for line in lines {
        let head = line.split_once(" (Wstat: ").and_then(|(path, rest)| {
            let failed = rest
                .trim_end()
                .strip_suffix(')')?
                .rsplit_once(" Failed: ")?;
            Some((path.trim_end(), failed.1.parse::<u32>().ok()?))
        });
        if let Some((path, failed)) = head {
            files.push(Troubled {
                path,
                failed,
                broken: false,
                why: "",
            });
        } else if let Some(file) = files.last_mut()
            && let Some(why) = [
                "  Non-zero exit status: ",
                "  Non-zero wait status: ",
                "  Parse errors: ",
            ]
            .iter()
            .find(|words| line.starts_with(**words))
            .map(|_| line.trim())
        {
            file.broken = true;
            file.why = why;
        }
    }
    files
}

/// The number in `(less 1 skipped subtest: 2 okay)`, over all files.
fn told_skipped(lines: &Lines<'_>) -> u32 {
    let skipped = |line: &str| {
        let rest = line.trim_start().strip_prefix("(less ")?;
        let (number, rest) = rest.split_once(' ')?;
        let known = rest.starts_with("skipped subtest");
        number.parse::<u32>().ok().filter(|_| known)
    };
    lines
        .iter()
        .filter_map(|line| skipped(line))
        .fold(0, u32::saturating_add)
}

/// The points that are shown, at the outermost level.
#[derive(Default)]
struct Points<'a> {
    seen: u32,
    skipped: u32,
    todo: u32,
    failing: Vec<(usize, &'a str, String)>,
}

impl<'a> Points<'a> {
    fn of(lines: &'a Lines<'_>) -> Self {
        let mut points = Self::default();
        for (at, line) in lines.iter().enumerate() {
            let Some(point) = Point::parse(line) else {
                continue;
            };
            // Of passing ones only `-v` tells; with `-f`, nothing is known of skipped ones.
            points.seen += u32::from(point.status != TestStatus::Failed);
            match point.status {
                TestStatus::Failed if points.failing.len() < MAX_NAMED => {
                    points.failing.push((at, line, point.name));
                }
                TestStatus::Skipped if point.todo => points.todo += 1,
                TestStatus::Skipped => points.skipped += 1,
                _ => {}
            }
        }
        points
    }
}

/// Names the tests that failed, as many as the summary tells of.
fn name(
    report: &mut Report,
    points: Vec<(usize, &str, String)>,
    body: &Lines<'_>,
    stderr: &Lines<'_>,
) {
    let wanted = report.counts.failed as usize;
    let mut said = said(stderr);
    if said.len() < wanted {
        said.extend(self::said(body));
    }
    if points.len() == wanted {
        for (_, _, name) in points {
            let at = said.iter().position(|one| one.title == name);
            let told = at.map(|at| said.remove(at));
            report.name(failed(
                &name,
                told.as_ref().and_then(|told| told.message.clone()),
                told.and_then(|told| told.place),
            ));
        }
        return;
    }
    said.truncate(wanted);
    for one in said {
        report.name(failed(&one.title, one.message, one.place));
    }
}

/// What Test::More says of a failing test.
struct Said {
    title: String,
    message: Option<String>,
    place: Option<String>,
}

/// Reads `#   Failed test 'title'` and `#   at t/a.t line 3.`; those of subtests are indented.
fn said(lines: &Lines<'_>) -> Vec<Said> {
    let mut said = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(rest) = line.strip_prefix(FAILED) else {
            continue;
        };
        let place = |line: &str| {
            let (path, number) = line.split_once(" line ")?;
            let number: u32 = number.trim_end().trim_end_matches('.').parse().ok()?;
            Some(format!("{path}:{number}"))
        };
        let body = &lines[at + 1..];
        let end = body
            .iter()
            .position(|line| !line.starts_with("# ") || line.starts_with(FAILED));
        let body = &body[..end.unwrap_or(body.len())];
        let quoted = rest.trim_end().strip_prefix('\'');
        let (title, location) = match quoted.and_then(|title| title.strip_suffix('\'')) {
            Some(title) => {
                let next = body.first().and_then(|line| line.strip_prefix("#   at "));
                (title.to_owned(), next.and_then(place))
            }
            None => {
                let own = rest.strip_prefix("at ").and_then(place);
                (own.clone().unwrap_or_else(|| rest.to_owned()), own)
            }
        };
        if said.len() < MAX_NAMED {
            said.push(Said {
                title,
                message: message_of(said.len(), body),
                place: location,
            });
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::super::told::{failing, numbers, told};
    use crate::config::ReportFormat::Prove;

    const OUT: &str = include_str!("fixtures/prove.out.txt");
    const ERR: &str = include_str!("fixtures/prove.err.txt");

    #[test]
    fn titles_come_from_what_the_tests_say() {
        let report = told(OUT, ERR, Prove);
        assert_eq!(numbers(&report), (7, 2, 1, 2, true));
        assert_eq!(
            failing(&report),
            ["discount: ten percent", "cart", "t/c.t", "t/d.t"]
        );
    }

    #[test]
    fn points_that_are_shown_tell_more() {
        let report = told(include_str!("fixtures/prove_v.out.txt"), ERR, Prove);
        assert_eq!(numbers(&report), (6, 2, 1, 2, true));
        assert_eq!(
            failing(&report),
            ["discount: ten percent", "cart", "t/c.t", "t/d.t"]
        );
        assert_eq!(report.tests[0].location.as_deref(), Some("t/a.t:3"));
    }

    #[test]
    fn what_passed_has_no_summary() {
        let text = "t/ok.t .. ok\nAll tests successful.\nFiles=1, Tests=3,  0 wallclock secs ( 0.01 usr  0.01 sys +  0.02 cusr  0.00 csys =  0.04 CPU)\nResult: PASS\n";
        assert_eq!(numbers(&told(text, "", Prove)), (3, 0, 0, 0, true));
    }
}
