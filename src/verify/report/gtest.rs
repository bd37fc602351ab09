//! The text that GoogleTest prints: lines with a sign in brackets for each test, then the numbers and the list of
//! what failed. A program that dies prints none of the latter: then the test that had begun is the one that failed.

use std::collections::{HashMap, HashSet};

use super::found::{Found, Lines, failed, last, message_of, numbered};
use super::{MAX_NAMED, Report};

pub(super) fn read(lines: &Lines<'_>) -> Option<Found> {
    let Some((begin, planned)) = last(lines, |_, line| running(line)) else {
        return brief(lines);
    };
    let ran = lines[begin..].iter().position(|line| ran(line));
    let Some(at) = ran.map(|at| begin + at) else {
        return Some(torso(lines, begin, planned));
    };
    let mut report = Report::default();
    let mut names = HashSet::new();
    let parts = parts(&lines[begin..at]);
    let mut end = at + 1;
    for (offset, line) in lines[at + 1..].iter().enumerate() {
        let Some((sign, rest)) = signed(line) else {
            continue;
        };
        let told = numbered(rest).filter(|(_, words)| {
            let words = words
                .trim_end_matches(", listed below:")
                .trim_end_matches('.');
            matches!(words, "test" | "tests")
        });
        match (sign, told) {
            ("PASSED", Some((number, _))) => report.counts.passed = number,
            ("SKIPPED", Some((number, _))) => report.counts.skipped = number,
            ("FAILED", Some((number, _))) => report.counts.failed = number,
            ("FAILED", None) => {
                let name = name(rest);
                if names.len() < MAX_NAMED && names.insert(name) {
                    name_failed(&mut report, &parts, name);
                }
            }
            _ => {}
        }
        end = at + 2 + offset;
    }
    let counts = &mut report.counts;
    if counts.failed == 0 && !report.tests.is_empty() {
        counts.failed = u32::try_from(report.tests.len()).unwrap_or(u32::MAX);
    }
    Some(Found::complete(report, begin, end))
}

/// The sign and what follows it in `[  FAILED  ] Cart.Discount`.
fn signed(line: &str) -> Option<(&str, &str)> {
    let (sign, rest) = line.strip_prefix('[')?.split_once("] ")?;
    (sign.len() == 10).then(|| (sign.trim(), rest.trim_end()))
}

/// The number in `[==========] Running 5 tests from 2 test suites.`
fn running(line: &str) -> Option<u32> {
    let (sign, rest) = signed(line)?;
    let (number, words) = numbered(rest.strip_prefix("Running ")?)?;
    let known = words.starts_with("tests from ") || words.starts_with("test from ");
    (sign == "==========" && known).then_some(number)
}

/// Whether a line is `[==========] 5 tests from 2 test suites ran. (0 ms total)`.
fn ran(line: &str) -> bool {
    signed(line).is_some_and(|(sign, rest)| {
        let rest = rest.split(" (").next().unwrap_or(rest);
        sign == "==========" && numbered(rest).is_some() && rest.ends_with(" ran.")
    })
}

/// A test's name without its parameter.
fn name(text: &str) -> &str {
    let end = [", where GetParam() = ", ", where TypeParam = "]
        .iter()
        .filter_map(|words| text.find(words))
        .min();
    let text = &text[..end.unwrap_or(text.len())];
    super::found::without_time(text)
}

/// What stands between the first and the last line of each test that failed or never ended.
fn parts<'l, 'a>(lines: &'l Lines<'a>) -> HashMap<&'l str, &'l Lines<'a>> {
    let mut parts = HashMap::new();
    let mut running: Option<(&str, usize)> = None;
    for (at, line) in lines.iter().enumerate() {
        match signed(line) {
            Some(("RUN", test)) => running = Some((test, at + 1)),
            Some(("OK" | "FAILED" | "SKIPPED", rest)) => {
                if let Some((test, begin)) = running
                    && test == name(rest)
                {
                    parts.insert(test, &lines[begin..at]);
                    running = None;
                }
            }
            _ => {}
        }
    }
    if let Some((test, begin)) = running {
        parts.insert(test, &lines[begin..]);
    }
    parts
}

/// Adds a failing test.
fn name_failed(report: &mut Report, parts: &HashMap<&str, &Lines<'_>>, test: &str) {
    let body = parts.get(test).copied().unwrap_or_default();
    let message = message_of(report.tests.len(), body);
    report.name(failed(test, message, place(body)));
}

/// The place in `cart.cc:4: Failure`.
fn place(body: &Lines<'_>) -> Option<String> {
    body.iter().find_map(|line| {
        let (place, _) = line.split_once(": Failure")?;
        let (_, number) = place.rsplit_once(':')?;
        number.parse::<u32>().ok().map(|_| place.to_owned())
    })
}

/// What `--gtest_brief=1` leaves: the tests that failed, and the numbers.
fn brief(lines: &Lines<'_>) -> Option<Found> {
    let (at, ()) = last(lines, |_, line| ran(line).then_some(()))?;
    let mut report = Report::default();
    let mut names = HashSet::new();
    let mut begin = 0;
    for (index, line) in lines[..at].iter().enumerate() {
        let Some(("FAILED", rest)) = signed(line) else {
            continue;
        };
        let test = name(rest);
        if super::found::without_time(rest) != rest && names.len() < MAX_NAMED && names.insert(test)
        {
            let body = &lines[begin..index];
            let from = body.iter().position(|line| line.ends_with(": Failure"));
            let body = &body[from.unwrap_or(0)..];
            report.name(failed(
                test,
                message_of(report.tests.len(), body),
                place(body),
            ));
        }
        begin = index + 1;
    }
    let mut end = at + 1;
    for line in &lines[at + 1..] {
        match signed(line).and_then(|(sign, rest)| Some((sign, numbered(rest)?.0))) {
            Some(("PASSED", number)) => report.counts.passed = number,
            Some(("SKIPPED", number)) => report.counts.skipped = number,
            _ => break,
        }
        end += 1;
    }
    report.counts.failed = u32::try_from(report.tests.len()).unwrap_or(u32::MAX);
    Some(Found::complete(report, 0, end))
}

/// The report of a program that died.
fn torso(lines: &Lines<'_>, begin: usize, planned: u32) -> Found {
    let mut report = Report::default();
    let mut running: Option<&str> = None;
    let mut failing = Vec::new();
    for line in &lines[begin..] {
        match signed(line) {
            Some(("RUN", test)) => running = Some(test),
            Some((sign @ ("OK" | "FAILED" | "SKIPPED"), rest)) if running == Some(name(rest)) => {
                running = None;
                match sign {
                    "OK" => report.counts.passed += 1,
                    "SKIPPED" => report.counts.skipped += 1,
                    _ => failing.push(name(rest)),
                }
            }
            _ => {}
        }
    }
    failing.extend(running);
    failing.truncate(MAX_NAMED);
    let parts = parts(&lines[begin..]);
    for test in failing {
        report.counts.failed += 1;
        name_failed(&mut report, &parts, test);
    }
    let counts = report.counts;
    let ended = u64::from(counts.passed) + u64::from(counts.skipped) + u64::from(counts.failed);
    report.note(&format!(
        "{ended} of {planned} tests began, then the program ended"
    ));
    Found {
        report,
        begin,
        end: lines.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::told::{failing, numbers, told};
    use crate::config::ReportFormat::Gtest;

    #[test]
    fn parameters_are_no_part_of_a_name() {
        let report = told(include_str!("fixtures/gtest.txt"), "", Gtest);
        assert_eq!(numbers(&report), (2, 2, 1, 0, true));
        assert_eq!(failing(&report), ["Cart.Discount", "Nums/P.Even/1",]);
    }

    #[test]
    fn brief_output_names_what_failed() {
        let text = "Running main() from gtest_main.cc\nt.cc:2: Failure\nFailed\nno\n[  FAILED  ] A.B (0 ms)\nt.cc:4: Failure\nFailed\n[  FAILED  ] Nums/P.Even/1, where GetParam() = 3 (0 ms)\n[==========] 4 tests from 1 test suite ran. (0 ms total)\n[  PASSED  ] 1 test.\n[  SKIPPED ] 1 test.\n";
        let report = told(text, "", Gtest);
        assert_eq!(numbers(&report), (1, 2, 1, 0, true));
        assert_eq!(failing(&report), ["A.B", "Nums/P.Even/1"]);
        assert_eq!(report.tests[0].location.as_deref(), Some("t.cc:2"));
    }

    #[test]
    fn the_test_that_had_begun_is_the_one_that_died() {
        let report = told(include_str!("fixtures/gtest_crash.txt"), "", Gtest);
        assert_eq!(numbers(&report), (1, 2, 0, 0, false));
        assert_eq!(failing(&report), ["Cart.Discount", "Cart.Vat"]);
    }
}
