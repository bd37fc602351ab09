//! Promise 1's exception: tests that fail on the base tree, too.

use std::collections::HashMap;

use crate::domain::check::{CheckResult, CheckStatus, TestStatus};
use crate::domain::finding::{Category, Severity};

use super::judge::test_message;
use super::runner;
use crate::config::CheckConfig;

/// Holds a failed check against its run on the base tree. Excused are only tests, by name, that fail there at least
/// as often and that no text of `named` (the goal's and the criteria's) names. If these explain the whole failure,
/// the status becomes [`Baseline`](CheckStatus::Baseline); otherwise it stays, and the note says why.
pub fn excuse(
    mut result: CheckResult,
    base: &CheckResult,
    check: &CheckConfig,
    named: &[&str],
) -> CheckResult {
    let reports = (result.report, base.report);
    let (CheckStatus::Failed, (Some(_), Some(_))) = (result.status, reports) else {
        return result;
    };
    let before = failures(base);
    let now = failures(&result);
    let mut excused: Vec<String> = Vec::new();
    for test in result
        .tests
        .iter()
        .filter(|test| test.status == TestStatus::Failed)
    {
        let key = identity(&test.name);
        let no_worse = now.get(&key).copied() <= before.get(&key).copied();
        if no_worse && !excused.contains(&test.name) && !is_named(&test.name, named) {
            excused.push(test.name.clone());
        }
    }
    if excused.is_empty() {
        return result;
    }
    soften(&mut result, &excused, "also fails on the base tree");
    result.excused = excused;
    conclude(
        result,
        check,
        "every failing test fails on the base tree too",
    )
}

/// Makes the status [`Baseline`](CheckStatus::Baseline) if the tests that are excused or flaky explain the whole
/// failure; else the note says `but` why they do not.
pub(super) fn conclude(mut result: CheckResult, check: &CheckConfig, but: &str) -> CheckResult {
    let Some(counts) = result.report else {
        return result;
    };
    let told: u64 = u64::from(counts.failed) + u64::from(counts.errors);
    let listed = result
        .tests
        .iter()
        .filter(|test| test.status == TestStatus::Failed)
        .count() as u64;
    let all = result.failing_tests().next().is_none();
    let others = result
        .observations
        .iter()
        .any(|one| one.severity == Severity::Major);
    let explained = runner::explains(check, result.exit_code);
    let in_the_way = if !all {
        return result;
    } else if !counts.complete {
        "the report is not complete"
    } else if listed != told {
        "the report does not name every failing test"
    } else if !explained {
        "the exit code is not explained by failing tests alone"
    } else if others {
        "there is more than failing tests"
    } else {
        result.status = CheckStatus::Baseline;
        return result;
    };
    let note = format!("{but}, but {in_the_way}");
    result.note = Some(match result.note.take() {
        Some(before) => format!("{before}; {note}"),
        None => note,
    });
    result
}

/// How often each test fails.
fn failures(result: &CheckResult) -> HashMap<String, usize> {
    let mut failing = HashMap::new();
    for test in result
        .tests
        .iter()
        .filter(|test| test.status == TestStatus::Failed)
    {
        *failing.entry(identity(&test.name)).or_default() += 1;
    }
    failing
}

/// A test's name across trees: a doc test's without its line, which moves with every edit above it.
pub(super) fn identity(name: &str) -> String {
    match name.rsplit_once(" (line ") {
        Some((start, line))
            if line
                .strip_suffix(')')
                .is_some_and(|n| n.parse::<u32>().is_ok()) =>
        {
            start.to_owned()
        }
        _ => name.to_owned(),
    }
}

/// Whether a text names the test: whole, by its last part, by the path before that, or by its file.
pub(super) fn is_named(name: &str, texts: &[&str]) -> bool {
    let name = identity(name);
    let plain = name.split('[').next().unwrap_or(&name);
    let mut words = vec![name.as_str(), plain];
    if let Some((path, last)) = plain.rsplit_once("::") {
        words.push(last);
        if path.contains("::") || path.contains('/') || path.contains('.') {
            words.push(path);
        }
    }
    words.extend(other_parts(&name));
    let file = match plain.split_once(" - ") {
        Some((file, item)) => {
            words.push(item.rsplit("::").next().unwrap_or(item));
            Some(file)
        }
        None => plain.split("::").next(),
    };
    if let Some(file) = file.filter(|file| file.contains('.')) {
        words.push(file);
        words.push(file.rsplit('/').next().unwrap_or(file));
    }
    texts
        .iter()
        .any(|text| words.iter().any(|word| holds_word(text, word.trim())))
}

/// The parts of a name by which other runners' tests are known: of `file > suite > test`, of `pkg/path Test/sub`, of
/// `org.example.Class.test()`, of `Class#test`.
fn other_parts(name: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = Vec::new();
    if name.contains(" > ") {
        parts.extend(name.rsplit(" > ").next());
        parts.extend(name.split(" > ").next().filter(|file| file.contains('.')));
        return parts;
    }
    // Behind a package or a binary.
    let own = match name.split_once(' ') {
        Some((above, own)) if above.contains(['/', '.', ':']) || own.contains("::") => {
            parts.extend([above, own]);
            own
        }
        _ => name,
    };
    if let Some((test, _)) = own.split_once('/').filter(|(test, _)| is_go_test(test)) {
        parts.push(test);
    }
    parts.extend(own.split_once('#').map(|(_, test)| test));
    let folder = name.rfind('/').map_or(0, |at| at + 1);
    // A slash after the package begins a subtest, whose own test has no dot.
    let dot = name[folder..].rfind('.').map(|at| folder + at).or_else(|| {
        let first = name.find(".Test").or_else(|| name.find(".Example"));
        first.or_else(|| name.find(".Fuzz"))
    });
    if let Some(dot) = dot.filter(|_| !name.contains("::") && !name.contains(' ')) {
        let own = &name[dot + 1..];
        parts.push(own);
        parts.extend(own.split_once('/').map(|(test, _)| test));
        parts.extend(own.strip_suffix("()"));
        parts.push(&name[..dot]);
    }
    parts
}

/// Whether a name is one that Go gives to what it runs.
fn is_go_test(name: &str) -> bool {
    ["Test", "Example", "Fuzz", "Benchmark"]
        .iter()
        .any(|word| name.starts_with(word))
}

/// Whether `text` holds `word` with no letter, digit or underscore directly before or after it.
fn holds_word(text: &str, word: &str) -> bool {
    let part_of_a_word = |c: char| c.is_alphanumeric() || c == '_';
    !word.is_empty()
        && text.match_indices(word).any(|(at, _)| {
            !text[..at].chars().next_back().is_some_and(part_of_a_word)
                && !text[at + word.len()..]
                    .chars()
                    .next()
                    .is_some_and(part_of_a_word)
        })
}

/// Makes what excused tests say minor, for this reason.
pub(super) fn soften(result: &mut CheckResult, excused: &[String], reason: &str) {
    for test in result
        .tests
        .iter()
        .filter(|test| excused.contains(&test.name))
    {
        let message = test_message(&test.name, test.message.as_deref());
        for one in &mut result.observations {
            if one.category == Category::Test && one.message == message {
                one.severity = Severity::Minor;
                one.message.push_str(&format!(" ({reason})"));
            }
        }
    }
}

#[cfg(test)]
mod tests;
