//! What the scorer sees of a case.

use std::collections::BTreeMap;

use crate::domain::check::TestStatus;
use crate::domain::failure::ErrorType;

use super::super::super::signature::normal_form;
use super::super::candidate::Candidate;
use super::super::facts::CommandFacts;
use super::Feature;

/// How much a word counts against a structured fact.
const WORD: f64 = 0.24;

/// How many lines from the end of a stream are read, and how many bytes of each at most.
const LAST_LINES: usize = 5;
const LINE: usize = 300;

/// How much of a stream's end is looked at for them.
const TAIL: usize = 4096;

/// The features of a command: linear in the candidates and a constant part of the streams.
pub fn features(facts: &CommandFacts<'_>, candidates: &[Candidate]) -> Vec<Feature> {
    let mut found: BTreeMap<String, f64> = BTreeMap::new();
    found.insert("bias".to_owned(), 1.0);
    of_rules(candidates, &mut found);
    of_ending(facts, &mut found);
    of_report(facts, &mut found);
    for (at, candidate) in candidates.iter().enumerate().take(3) {
        if let Some(line) = &candidate.root_cause {
            let mark = if at == 0 { "cause" } else { "other" };
            words(mark, &line.text, &mut found);
        }
    }
    for (mark, stream) in [("err", facts.stderr), ("out", facts.stdout)] {
        for line in last_lines(stream) {
            words(mark, line, &mut found);
        }
    }
    found.into_iter().collect()
}

/// The feature that holds how sure the rules are of a class, as the logarithm of its odds.
pub(super) fn says(class: ErrorType) -> String {
    format!("says={class}")
}

/// What the rules say, in their order, and how sure they are.
fn of_rules(candidates: &[Candidate], found: &mut BTreeMap<String, f64>) {
    let mut best = [0.0_f64; ErrorType::ALL.len()];
    for (at, candidate) in candidates.iter().enumerate().take(6) {
        let Some(class) = candidate.error_type else {
            continue;
        };
        let place = &mut best[class as usize];
        *place = place.max(candidate.confidence);
        if at == 0 {
            let family = candidate.rule.split('.').next().unwrap_or_default();
            found.insert(format!("first={class}"), 1.0);
            found.insert(format!("rule={}", candidate.rule), 0.7);
            found.insert(format!("family={family}"), 0.7);
            found.insert(format!("cause={:?}", candidate.cause), 0.5);
        } else if at == 1 {
            found.insert(format!("second={class}"), 0.5);
        }
    }
    for class in ErrorType::ALL {
        let sure = best[class as usize].clamp(0.01, 0.99);
        found.insert(says(class), (sure / (1.0 - sure)).ln() / 4.0);
    }
}

/// How it ended.
fn of_ending(facts: &CommandFacts<'_>, found: &mut BTreeMap<String, f64>) {
    let code = match facts.exit_code {
        None => "none".to_owned(),
        Some(code @ (0..=5 | 100 | 101 | 124..=127)) => code.to_string(),
        Some(6..=99 | 102..=123) => "middle".to_owned(),
        Some(_) => "high".to_owned(),
    };
    found.insert(format!("code={code}"), 0.5);
    if let Some(signal) = facts.signal {
        found.insert(
            format!("signal={:.12}", signal.trim_start_matches("SIG")),
            0.5,
        );
    }
    if facts.timed_out {
        found.insert("timed_out".to_owned(), 1.0);
    }
    if !facts.around.generated_by_model.is_empty() {
        found.insert("generated".to_owned(), 1.0);
    }
    if facts.stdout.trim().is_empty() && facts.stderr.trim().is_empty() {
        found.insert("silent".to_owned(), 1.0);
    }
}

/// What its report says.
fn of_report(facts: &CommandFacts<'_>, found: &mut BTreeMap<String, f64>) {
    let failing = facts
        .tests
        .iter()
        .any(|test| test.status == TestStatus::Failed);
    let state = match facts.counts {
        None if failing => "named",
        None => "none",
        Some(counts) if counts.failed > 0 => "failed",
        Some(counts) if counts.errors > 0 => "errors",
        Some(_) if failing => "named",
        Some(_) => "green",
    };
    found.insert(format!("report={state}"), 0.7);
}

/// The last lines that say something.
fn last_lines(stream: &str) -> impl Iterator<Item = &str> {
    let from = stream.ceil_char_boundary(stream.len().saturating_sub(TAIL));
    let lines = stream[from..].lines().rev();
    lines
        .filter(|line| !line.trim().is_empty())
        .take(LAST_LINES)
}

/// The words of a line, and its pairs of words.
fn words(mark: &str, line: &str, found: &mut BTreeMap<String, f64>) {
    let line = &line[..line.floor_char_boundary(LINE)];
    let plain = normal_form(line).to_lowercase();
    let all: Vec<&str> = plain
        .split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '<' | '>')))
        .filter(|word| (2..=24).contains(&word.len()))
        .take(40)
        .collect();
    for word in &all {
        found.insert(format!("{mark}:{word}"), WORD);
    }
    if mark == "cause" {
        for pair in all.windows(2) {
            found.insert(format!("{mark}:{} {}", pair[0], pair[1]), WORD);
        }
    }
}
