//! pytest's numbers: the last line, the number of collected tests, and the letters of progress.

use std::borrow::Cow;

use crate::domain::check::Counts;

/// The numbers of the last line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) passed: u32,
    pub(super) failed: u32,
    pub(super) skipped: u32,
    pub(super) errors: u32,
    /// Tests that fail as they are expected to, or pass although they are not.
    expected: u32,
}

impl Summary {
    /// Reads `==== 1 failed, 2 passed in 0.12s ====`, with or without the bars.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let line = line.trim().trim_matches('=').trim();
        let (numbers, time) = line.rsplit_once(" in ")?;
        if !is_time(time) {
            return None;
        }
        let mut summary = Self::default();
        if numbers == "no tests ran" {
            return Some(summary);
        }
        let mut known = false;
        for part in numbers.split(", ") {
            let (number, word) = part.split_once(' ')?;
            let number: u32 = number.parse().ok()?;
            let field = match word {
                "passed" => &mut summary.passed,
                "failed" => &mut summary.failed,
                "skipped" => &mut summary.skipped,
                "error" | "errors" => &mut summary.errors,
                "xfailed" | "xpassed" => &mut summary.expected,
                "deselected" | "warning" | "warnings" | "rerun" => {
                    known = true;
                    continue;
                }
                _ => continue,
            };
            known = true;
            *field = field.saturating_add(number);
        }
        known.then_some(summary)
    }

    /// How many tests came to an end.
    pub(super) fn ended(&self) -> u32 {
        [
            self.passed,
            self.failed,
            self.skipped,
            self.errors,
            self.expected,
        ]
        .iter()
        .fold(0, |sum, number| u32::saturating_add(sum, *number))
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            passed: self.passed,
            failed: self.failed,
            skipped: self.skipped,
            errors: self.errors,
            complete: false,
        }
    }
}

/// `0.12s`, `75.10s (0:01:15)`, and `0.12 seconds` of old versions.
fn is_time(text: &str) -> bool {
    let seconds = match text.split_once(" (") {
        Some((seconds, rest)) if rest.ends_with(')') => seconds,
        _ => text,
    };
    seconds
        .strip_suffix(" seconds")
        .or_else(|| seconds.strip_suffix('s'))
        .is_some_and(|number| number.parse::<f64>().is_ok())
}

/// How many tests a `collected 9 items / 2 deselected / …` line or xdist's `2 workers [9 items]` promises.
pub(super) fn collected(line: &str) -> Option<u32> {
    let line = line.strip_prefix("collecting ... ").unwrap_or(line);
    if let Some((workers, rest)) = line.split_once(" [")
        && let Some(number) = rest
            .strip_suffix(" items]")
            .or_else(|| rest.strip_suffix(" item]"))
        && (workers.ends_with(" workers") || workers.ends_with(" worker"))
    {
        return number.parse().ok();
    }
    let mut parts = line.strip_prefix("collected ")?.split(" / ");
    let items = parts.next()?;
    let items: u32 = items
        .strip_suffix(" items")
        .or_else(|| items.strip_suffix(" item"))?
        .parse()
        .ok()?;
    let deselected = parts
        .find_map(|part| part.strip_suffix(" deselected")?.parse::<u32>().ok())
        .unwrap_or(0);
    Some(items.saturating_sub(deselected))
}

/// The numbers that the letters of progress give, and whether they reach 100 %.
pub(super) fn progress(lines: &[Cow<'_, str>]) -> Option<(Summary, bool)> {
    let mut summary = Summary::default();
    let mut seen = false;
    for line in lines {
        let Some(letters) = letters(line) else {
            continue;
        };
        seen = true;
        for letter in letters.bytes() {
            let field = match letter {
                b'.' => &mut summary.passed,
                b'F' => &mut summary.failed,
                b'E' => &mut summary.errors,
                b's' => &mut summary.skipped,
                _ => &mut summary.expected,
            };
            *field = field.saturating_add(1);
        }
        if is_progress_end(line) {
            return Some((summary, true));
        }
    }
    seen.then_some((summary, false))
}

/// Whether a line of progress says that all is done.
pub(super) fn is_progress_end(line: &str) -> bool {
    line.ends_with("[100%]") && letters(line).is_some()
}

/// The letters in `..F [ 50%]` or `tests/test_a.py ..F`.
fn letters(line: &str) -> Option<&str> {
    let line = match line.rfind(" [") {
        Some(at) if line.ends_with("%]") => line[..at].trim_end(),
        _ => line,
    };
    let letters = match line.split_once(".py ") {
        Some((_, letters)) => letters,
        None => line,
    };
    let are_letters = !letters.is_empty() && letters.bytes().all(|byte| b".FEsxXR".contains(&byte));
    are_letters.then_some(letters)
}
