//! The text that PHPUnit prints: its banner, progress, a section for each kind of trouble with numbered parts, the
//! verdict and the numbers.

mod names;

use std::collections::HashSet;

use super::found::{Found, Lines, failed, last, message_of, numbered_title};
use super::{MAX_NAMED, Report};

/// The first version whose warnings and risky tests are tests that passed.
const PASSES_WITH_WARNINGS: u32 = 10;

pub(super) fn read(lines: &Lines<'_>) -> Option<Found> {
    let (at, totals) = last(lines, |_, line| Totals::parse(line))?;
    let (begin, version) = last(&lines[..at], |_, line| banner(line))?;
    let mut report = Report::default();
    let counts = &mut report.counts;
    counts.failed = totals.failures;
    counts.errors = totals.errors;
    counts.skipped = totals.skipped;
    let mut rest = [
        totals.failures,
        totals.errors,
        totals.skipped,
        totals.incomplete,
    ]
    .iter()
    .fold(totals.tests, |rest, number| rest.saturating_sub(*number));
    if version < PASSES_WITH_WARNINGS {
        rest = rest
            .saturating_sub(totals.warnings)
            .saturating_sub(totals.risky);
    }
    counts.passed = rest;
    name(&lines[begin..at], &totals, &mut report);
    let told = totals.failures.saturating_add(totals.errors) as usize;
    if report.tests.is_empty() && told > 0 {
        names::service_messages(&lines[begin..at], told, &mut report);
    }
    if report.tests.is_empty() && told > 0 {
        names::sentences(&lines[begin..at], told, &mut report);
    }
    Some(Found::complete(report, begin, at + 1))
}

/// The main version in `PHPUnit 9.6.7 by Sebastian Bergmann and contributors.`
fn banner(line: &str) -> Option<u32> {
    let rest = line.strip_prefix("PHPUnit ")?;
    let (version, rest) = rest.split_once(' ')?;
    rest.starts_with("by Sebastian Bergmann").then_some(())?;
    version.split('.').next()?.parse().ok()
}

/// The numbers.
#[derive(Default)]
struct Totals {
    tests: u32,
    failures: u32,
    errors: u32,
    warnings: u32,
    skipped: u32,
    incomplete: u32,
    risky: u32,
}

impl Totals {
    /// Reads `Tests: 5, Assertions: 4, Failures: 1.` and `OK (3 tests, 5 assertions)`.
    fn parse(line: &str) -> Option<Self> {
        let line = line.trim_end();
        let mut totals = Self::default();
        if let Some(rest) = line.strip_prefix("OK (") {
            let (tests, rest) = rest.split_once(' ')?;
            let known = rest.starts_with("test, ") || rest.starts_with("tests, ");
            totals.tests = tests.parse().ok()?;
            return (known && rest.ends_with(')')).then_some(totals);
        }
        if line == "No tests executed!" {
            return Some(totals);
        }
        let parts = line.strip_suffix('.')?;
        if !parts.starts_with("Tests: ") || !parts.contains(", Assertions: ") {
            return None;
        }
        for part in parts.split(", ") {
            let (word, number) = part.split_once(": ")?;
            let number = number.parse().ok()?;
            let field = match word {
                "Tests" => &mut totals.tests,
                "Failures" => &mut totals.failures,
                "Errors" => &mut totals.errors,
                "Warnings" => &mut totals.warnings,
                "Skipped" => &mut totals.skipped,
                "Incomplete" => &mut totals.incomplete,
                "Risky" => &mut totals.risky,
                _ => continue,
            };
            *field = number;
        }
        Some(totals)
    }
}

/// Names the parts of the sections for errors and failures, as many as the numbers allow.
fn name(lines: &Lines<'_>, totals: &Totals, report: &mut Report) {
    let mut known = HashSet::new();
    for (many, one, number) in [
        (" errors:", "There was 1 error:", totals.errors),
        (" failures:", "There was 1 failure:", totals.failures),
    ] {
        let begin = lines.iter().rposition(|line| {
            let line = line.trim_end();
            line == one
                || line
                    .strip_prefix("There were ")
                    .and_then(|rest| rest.strip_suffix(many))
                    .is_some_and(|told| told.parse() == Ok(number))
        });
        let Some(begin) = begin.filter(|_| number > 0) else {
            continue;
        };
        let heads = heads(lines, begin, number);
        for (index, (at, title)) in heads.iter().enumerate() {
            let name = without_arguments(title);
            if known.len() >= MAX_NAMED || !known.insert(name) {
                continue;
            }
            let until = heads.get(index + 1).map_or(lines.len(), |next| next.0);
            let body = &lines[at + 1..until];
            let trace = body.iter().position(|line| place(line).is_some());
            let message = message_of(index, &body[..trace.unwrap_or(body.len())]);
            let place = trace.and_then(|at| place(&body[at]));
            report.name(failed(name, message, place));
        }
    }
}

/// The heads of a section, numbered through.
fn heads<'a>(lines: &'a Lines<'_>, begin: usize, number: u32) -> Vec<(usize, &'a str)> {
    let mut heads = Vec::new();
    let mut wanted = 1;
    for (at, line) in lines.iter().enumerate().skip(begin + 1) {
        if wanted > number {
            break;
        }
        let stands_apart = lines[at - 1].trim().is_empty() || at == begin + 1;
        if stands_apart
            && let Some((own, title)) = numbered_title(line)
            && own == wanted
            && !line.starts_with(' ')
        {
            heads.push((at, title.trim_end()));
            wanted += 1;
        }
    }
    heads
}

/// `Class::test with data set "x"` without the arguments behind it.
fn without_arguments(title: &str) -> &str {
    const DATA: &str = " with data set ";
    let Some(at) = title.find(DATA) else {
        return title;
    };
    let set = &title[at + DATA.len()..];
    let length = match set.strip_prefix('"') {
        Some(quoted) => quoted.find("\" (").map(|end| end + 2),
        None => set.find(" ("),
    };
    length.map_or(title, |length| &title[..at + DATA.len() + length])
}

/// A line that is `/path/File.php:12` and nothing else.
fn place(line: &str) -> Option<String> {
    let (path, number) = line.trim_end().rsplit_once(':')?;
    number.parse::<u32>().ok()?;
    let real = path.contains(".php") && !path.contains(' ') && !path.contains("/vendor/");
    real.then(|| line.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::told::{failing, first_failure, numbers, told};
    use crate::config::ReportFormat::Phpunit;

    #[test]
    fn arguments_are_no_part_of_a_name() {
        let report = told(include_str!("fixtures/phpunit.txt"), "", Phpunit);
        assert_eq!(numbers(&report), (2, 1, 1, 1, true));
        assert_eq!(
            failing(&report),
            [
                r"App\Tests\CartTest::testNull",
                r#"App\Tests\CartTest::testDiscount with data set "ten percent (\"sale\")""#,
            ]
        );
        assert_eq!(
            first_failure(&report),
            (
                "Error: Call to undefined function null_fn()",
                "/home/rep/tests/CartTest.php:9"
            )
        );
    }

    #[test]
    fn other_printers_name_what_failed_too() {
        let messages = told(include_str!("fixtures/phpunit_teamcity.txt"), "", Phpunit);
        assert_eq!(numbers(&messages), (3, 3, 1, 1, true));
        assert_eq!(
            failing(&messages),
            [
                "CartTest::testDiscount with data set \"ten percent\"",
                "CartTest::testDiscount with data set #0",
                "CartTest::testNull",
                "CartTest::test_snake_case_name",
            ]
        );
        let sentences = told(include_str!("fixtures/phpunit_testdox.txt"), "", Phpunit);
        assert_eq!(numbers(&sentences), (3, 3, 1, 1, true));
        assert_eq!(failing(&sentences)[..3], failing(&messages)[..3]);
        assert_eq!(
            first_failure(&sentences),
            (
                "Failed asserting that 10 is identical to 9.",
                "/home/rep/tests/CartTest.php:6"
            )
        );
    }

    #[test]
    fn what_has_passed_has_no_list() {
        let text = "PHPUnit 11.1.0 by Sebastian Bergmann and contributors.\n\n...\n\nOK (3 tests, 5 assertions)\n";
        assert_eq!(numbers(&told(text, "", Phpunit)), (3, 0, 0, 0, true));
    }
}
