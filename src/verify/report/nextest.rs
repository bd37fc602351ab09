//! The text that `cargo nextest run` prints on standard error: a line for each test, then a summary with the numbers,
//! then the lines of the tests that failed once more.
//!
//! What tests print is indented by four spaces and stands between those lines.

use std::collections::{HashMap, HashSet};

use super::found::{Found, Lines, failed, last, message_of, numbered};
use super::{MAX_NAMED, Report};

/// How wide the word is that says how a test ended.
const WORD: usize = 12;
/// By how much what a test prints is indented.
const PRINTED: &str = "    ";

pub(super) fn read(lines: &Lines<'_>) -> Option<Found> {
    let (at, totals) = last(lines, |_, line| Totals::parse(line))?;
    let begin = lines[..at]
        .iter()
        .rposition(|line| line.trim_start().starts_with("Nextest run ID "))
        .or_else(|| lines[..at].iter().rposition(|line| is_start(line)))?;
    let mut report = Report::default();
    report.counts.passed = totals.passed;
    report.counts.failed = totals.failed;
    report.counts.skipped = totals.skipped;
    let printed = printed(&lines[begin..at]);
    let mut names = HashSet::new();
    let mut end = at + 1;
    for (offset, line) in lines[at + 1..].iter().enumerate() {
        let Some((word, name)) = ended(line) else {
            continue;
        };
        end = at + 2 + offset;
        if is_failure(word) && names.len() < MAX_NAMED && names.insert(name) {
            let printed = printed.get(name).copied().unwrap_or_default();
            let message = message_of(report.tests.len(), printed);
            report.name(failed(name, message, place(printed)));
        }
    }
    let mut found = Found::complete(report, begin, end);
    if totals.ran < totals.planned {
        found.report.counts.complete = false;
        let note = format!("{} of {} tests ended", totals.ran, totals.planned);
        found.report.note(&note);
    }
    Some(found)
}

/// Whether a line is `Starting 7 tests across 2 binaries`.
fn is_start(line: &str) -> bool {
    line.trim_start()
        .strip_prefix("Starting ")
        .and_then(numbered)
        .is_some_and(|(_, words)| {
            words.starts_with("tests across ") || words.starts_with("test across ")
        })
}

/// The numbers of the summary.
struct Totals {
    ran: u32,
    planned: u32,
    passed: u32,
    failed: u32,
    skipped: u32,
}

impl Totals {
    /// Reads `Summary [   0.040s] 7 tests run: 4 passed (1 flaky), 3 failed, 1 skipped`, and `5/7 tests run: …` of a
    /// run that stopped early.
    fn parse(line: &str) -> Option<Self> {
        // What tests print stands deeper.
        let rest = line.strip_prefix("     Summary [")?;
        let (_, rest) = rest.split_once("] ")?;
        let (run, rest) = rest
            .split_once(" tests run: ")
            .or_else(|| rest.split_once(" test run: "))?;
        let (ran, planned) = run.split_once('/').unwrap_or((run, run));
        let mut totals = Self {
            ran: ran.trim().parse().ok()?,
            planned: planned.trim().parse().ok()?,
            passed: 0,
            failed: 0,
            skipped: 0,
        };
        for part in outside_brackets(rest) {
            let (number, word) = numbered(&part)?;
            let field = match word {
                "passed" => &mut totals.passed,
                "skipped" => &mut totals.skipped,
                _ => &mut totals.failed,
            };
            *field = field.saturating_add(number);
        }
        Some(totals)
    }
}

/// The parts between commas, without what stands in brackets.
fn outside_brackets(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_u32;
    for char in text.chars() {
        match char {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => parts.push(String::new()),
            _ if depth == 0 => {
                if let Some(part) = parts.last_mut() {
                    part.push(char);
                }
            }
            _ => {}
        }
    }
    parts
}

/// The word and the name in `        FAIL [   0.016s] (2/7) crate::binary path::test`.
fn ended(line: &str) -> Option<(&str, &str)> {
    let (head, rest) = line.split_once(" [")?;
    let right_aligned = head.chars().count() >= WORD && !head.ends_with(' ');
    let (time, rest) = rest.split_once("] ")?;
    let seconds = time.trim_start_matches('>').trim().strip_suffix('s')?;
    seconds.parse::<f64>().ok().filter(|_| right_aligned)?;
    let name = match rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        Some((_, name)) => name,
        None => rest,
    };
    Some((head.trim(), name.trim())).filter(|(_, name)| name.contains(' '))
}

/// Whether this word says that a test failed, by itself or after its last retry.
fn is_failure(word: &str) -> bool {
    let word = match word.strip_prefix("TRY ") {
        Some(rest) => rest.split_once(' ').map_or("", |(_, word)| word),
        None => word,
    };
    let good = ["PASS", "LEAK", "SLOW", "SKIP", "START", "SETUP", "FLAKY"];
    !good.iter().any(|good| word.starts_with(good)) || word.starts_with("LEAK-FAIL")
}

/// What each failing test printed, from its panic on where there is one.
fn printed<'l, 'a>(lines: &'l Lines<'a>) -> HashMap<&'l str, &'l Lines<'a>> {
    let mut printed = HashMap::new();
    let mut current: Option<(&str, usize, usize)> = None;
    for (at, line) in lines.iter().enumerate() {
        if let Some((word, name)) = ended(line) {
            if let Some((name, _, panic)) = current.take() {
                printed.insert(name, &lines[panic..at]);
            }
            current = is_failure(word).then_some((name, at + 1, at + 1));
        } else if let Some((_, begin, panic)) = &mut current
            && begin == panic
            && line.starts_with("    thread '")
            && line.contains(" panicked at ")
        {
            *panic = at;
        }
    }
    if let Some((name, _, panic)) = current {
        printed.insert(name, &lines[panic..]);
    }
    printed
}

/// The place in `thread 'x' (123) panicked at src/lib.rs:7:34:`.
fn place(printed: &Lines<'_>) -> Option<String> {
    let line = printed.first()?.strip_prefix(PRINTED)?;
    let (_, place) = line.split_once(" panicked at ")?;
    let mut parts = place.trim_end_matches(':').rsplitn(2, ':');
    let _column = parts.next();
    parts.next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::told::{failing, numbers, told};
    use crate::config::ReportFormat::Nextest;

    #[test]
    fn summaries_that_tests_print_do_not_count() {
        let report = told("", include_str!("fixtures/nextest.txt"), Nextest);
        assert_eq!(numbers(&report), (1, 3, 1, 0, true));
        assert_eq!(
            failing(&report),
            ["shop tests::aborts", "shop tests::discount", "shop::it api",]
        );
    }

    #[test]
    fn a_test_that_passed_when_run_again_passed() {
        let line = |text: &str| {
            super::Totals::parse(text).map(|t| (t.ran, t.planned, t.passed, t.failed, t.skipped))
        };
        assert_eq!(
            line(
                "     Summary [   0.040s] 5/7 tests run: 2 passed (1 slow, 1 flaky), 1 failed, 1 timed out, 1 exec failed, 3 skipped"
            ),
            Some((5, 7, 2, 3, 3))
        );
        assert!(!super::is_failure("FLAKY 2/2"));
        assert!(super::is_failure("TRY 2 TMT") && super::is_failure("SIGSEGV"));
    }
}
