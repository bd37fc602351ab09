//! Checks that do not pass.

use std::sync::LazyLock;

use regex::Regex;

use crate::domain::check::{CheckResult, CheckStatus};
use crate::domain::failure::{Cause, Damage, ErrorType, Failure};
use crate::domain::finding::{Category, Observation};

use super::super::signature::{pattern, signature, without_escapes};
use super::excerpt::{CAP, capped};
use super::rules::{self, Verdict};
use super::{one_line, plain, statement};

/// Classifies what checks say: the first that does not pass in the order build, test, lint,
/// others, unless one before it in time shows that the environment was at fault.
///
/// `results` are in the order in which the checks ran, `damage` is measured from them. Where all
/// checks pass, their findings are above the limits.
pub fn from_checks(results: &[CheckResult], damage: Damage) -> Failure {
    let judged: Vec<(&CheckResult, Verdict)> = results
        .iter()
        .filter(|result| !result.status.acceptable())
        .map(|result| (result, judge(result)))
        .collect();
    let worst = (0..judged.len()).min_by_key(|at| judged[*at].0.kind);
    let environment = judged.iter().position(|(_, verdict)| {
        matches!(
            verdict.error_type,
            ErrorType::Infra | ErrorType::Config | ErrorType::Safety
        )
    });
    let chosen = match (worst, environment) {
        (Some(worst), Some(environment)) => worst.min(environment),
        (Some(worst), None) => worst,
        (None, _) => return above_the_limits(results, damage),
    };
    let (result, verdict) = &judged[chosen];
    let others: Vec<&CheckResult> = judged
        .iter()
        .map(|(other, _)| *other)
        .filter(|other| other.name != result.name)
        .collect();
    describe(result, verdict, &others, damage)
}

/// The first rule that applies decides.
fn judge(result: &CheckResult) -> Verdict {
    let text = without_escapes(&result.output);
    ended_from_outside(result)
        .or_else(|| failing_tests(result, &text))
        .or_else(|| stated(result, &text).filter(|_| result.kind == Category::Test))
        .or_else(|| not_found(result, &text))
        .or_else(|| first_line(&text, |line| rules::environment(line, &text)))
        .or_else(|| {
            let is_compiler = !matches!(result.kind, Category::Lint | Category::Security);
            first_line(&text, |line| rules::logic(line, is_compiler))
        })
        .or_else(|| stated(result, &text))
        .unwrap_or_else(|| unexplained(result, &text))
}

/// The time limit and signals.
fn ended_from_outside(result: &CheckResult) -> Option<Verdict> {
    let limit = || {
        Verdict::new(ErrorType::Infra, Cause::TimeLimit)
            .retryable()
            .asking(format!(
                "find out why the check {:?} does not end in time, or raise its `timeout`",
                result.name
            ))
    };
    let by_timeout = result.exit_code == Some(124) && result.command.contains("timeout ");
    if result.timed_out || by_timeout {
        return Some(limit());
    }
    let signal = match (&result.signal, result.exit_code) {
        (Some(name), _) => name.trim_start_matches("SIG").to_owned(),
        (None, Some(code)) => signal_of(code)?.to_owned(),
        (None, None) => return None,
    };
    match signal.as_str() {
        "KILL" | "TERM" | "INT" | "HUP" | "XCPU" | "QUIT" => Some(limit()),
        "SYS" => Some(Verdict::new(ErrorType::Safety, Cause::Policy)),
        _ if OUT_OF_MEMORY
            .iter()
            .any(|words| result.output.contains(words)) =>
        {
            Some(Verdict::new(ErrorType::Infra, Cause::Environment))
        }
        _ => {
            let text = without_escapes(&result.output);
            let crash = Verdict::new(ErrorType::Runtime, Cause::Crash);
            let line = text.lines().rev().find(|line| is_crash(line));
            Some(match line {
                Some(line) => crash.at(line),
                None => crash,
            })
        }
    }
}

const OUT_OF_MEMORY: [&str; 3] = [
    "heap out of memory",
    "Cannot allocate memory",
    "memory allocation of",
];

/// The signal behind a shell's exit code of 128 + n.
fn signal_of(code: i32) -> Option<&'static str> {
    Some(match code {
        129 => "HUP",
        130 => "INT",
        131 => "QUIT",
        132 => "ILL",
        134 => "ABRT",
        135 => "BUS",
        136 => "FPE",
        137 => "KILL",
        139 => "SEGV",
        143 => "TERM",
        152 => "XCPU",
        159 => "SYS",
        _ => return None,
    })
}

fn is_crash(line: &str) -> bool {
    [
        "Segmentation fault",
        "overflowed its stack",
        "Fatal Python error",
        "Aborted",
        "SIGSEGV",
        "SIGABRT",
        "core dumped",
    ]
    .iter()
    .any(|words| line.contains(words))
}

/// Tests that a report names: one failing assertion makes it an assertion; else a fault of the
/// environment is the root of the crashes beside it; else they crashed.
fn failing_tests(result: &CheckResult, text: &str) -> Option<Verdict> {
    let mut verdicts: Vec<Verdict> = Vec::new();
    for test in result.failing_tests() {
        let message = without_escapes(test.message.as_deref().unwrap_or_default());
        let said = statement::statements(&message)
            .first()
            .map(|(_, line)| *line);
        let line = said.or_else(|| message.lines().map(str::trim).find(|line| !line.is_empty()));
        verdicts.extend(line.map(|line| statement::judge(line, &message)));
    }
    if verdicts.is_empty() {
        result.failing_tests().next()?;
        return stated(result, text)
            .or_else(|| Some(Verdict::new(ErrorType::Assertion, Cause::Tests)));
    }
    let weight = |verdict: &Verdict| match verdict.error_type {
        ErrorType::Assertion => 0,
        ErrorType::Runtime => 2,
        _ => 1,
    };
    verdicts.into_iter().min_by_key(weight)
}

/// A shell's codes for commands that it cannot find or run.
fn not_found(result: &CheckResult, text: &str) -> Option<Verdict> {
    let code = result.exit_code.filter(|code| matches!(code, 126 | 127))?;
    let line = text.lines().rev().find(|line| {
        [
            "not found",
            "ermission denied",
            "xec format",
            "No such file",
        ]
        .iter()
        .any(|words| line.contains(words))
    });
    let line = line.unwrap_or(&result.command);
    let name = line
        .rsplit(": ")
        .find(|part| !part.contains("not found") && !part.contains(' '))
        .unwrap_or_default();
    if code == 127 && name.contains('/') && !name.starts_with('/') {
        return Some(Verdict::new(ErrorType::Logic, Cause::Missing).at(line));
    }
    let action = if code == 127 {
        format!(
            "install {name}, or correct the command of the check {:?}",
            result.name
        )
    } else {
        format!(
            "make the command of the check {:?} executable: {line}",
            result.name
        )
    };
    Some(
        Verdict::new(ErrorType::Config, Cause::Missing)
            .at(line)
            .asking(action),
    )
}

fn first_line(text: &str, verdict: impl Fn(&str) -> Option<Verdict>) -> Option<Verdict> {
    text.lines()
        .filter(|line| rules::may_state_a_cause(line))
        .find_map(verdict)
}

/// Without a report: the first failure that the output states.
fn stated(result: &CheckResult, text: &str) -> Option<Verdict> {
    if matches!(result.kind, Category::Lint | Category::Security) {
        return None;
    }
    let verdicts = statement::statements(text)
        .into_iter()
        .map(|(_, line)| statement::judge(line, text));
    verdicts.into_iter().next()
}

/// Nothing in the output says more than the kind of the check does.
fn unexplained(result: &CheckResult, text: &str) -> Verdict {
    let verdict = match (result.status, result.kind) {
        (CheckStatus::Error, _) => {
            Verdict::new(ErrorType::Infra, Cause::Environment).asking(format!(
                "see why the check {:?} could not be carried out: {}",
                result.name,
                result.note.as_deref().unwrap_or("its output says why")
            ))
        }
        (_, Category::Build) => Verdict::new(ErrorType::Logic, Cause::Build),
        (_, Category::Lint | Category::Security) => Verdict::new(ErrorType::Assertion, Cause::Lint),
        (_, Category::Test) if FAILED_TESTS.is_match(text) => {
            Verdict::new(ErrorType::Assertion, Cause::Tests)
        }
        (_, Category::Test | Category::Custom) => Verdict::new(ErrorType::Runtime, Cause::Crash),
    };
    let line = match verdict.cause {
        Cause::Tests => text.lines().find(|line| FAILED_TESTS.is_match(line)),
        Cause::Lint => text.lines().find(|line| !line.trim().is_empty()),
        _ => text
            .lines()
            .find(|line| line.starts_with("error"))
            .or_else(|| text.lines().rev().find(|line| !line.trim().is_empty())),
    };
    match line {
        Some(line) => verdict.at(line),
        None => verdict,
    }
}

/// A runner counts or names failing tests, without saying why they fail.
static FAILED_TESTS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?m)\b[1-9]\d* (?:failed|failures?|FAILED TESTS?)\b|^--- FAIL: |^not ok \d|: FAIL(?:ED)?$|threshold for \w+ \(.*not met",
    )
});

fn describe(
    result: &CheckResult,
    verdict: &Verdict,
    others: &[&CheckResult],
    damage: Damage,
) -> Failure {
    let failing_tests: Vec<String> = result
        .failing_tests()
        .map(|test| test.name.clone())
        .collect();
    let ending = ending(result);
    let line = verdict.line.as_deref().unwrap_or_default();
    let detail = match (&result.note, line) {
        (Some(note), "") => note.as_str(),
        (_, line) => line,
    };
    let tests = match failing_tests.as_slice() {
        [] => String::new(),
        [only] => format!(", test {only}"),
        [first, more @ ..] => format!(", test {first} and {} more", more.len()),
    };
    let message = format!("check {:?} {ending}{tests}: {detail}", result.name);
    let message = one_line(message.trim_end_matches([':', ' ']));
    // Without a line the message would bring in durations; the check's name must do.
    let signature = signature(
        verdict.error_type,
        verdict.cause,
        &result.name,
        &failing_tests,
        line,
    );
    Failure {
        error_type: verdict.error_type,
        retryable: verdict.retryable,
        origin: verdict.origin(),
        signature,
        message,
        root_cause: verdict.line.clone(),
        evidence: evidence(result, verdict, others, &ending),
        failing_tests,
        retry_after_ms: None,
        action_required: verdict.action_required.clone(),
        damage: Some(damage),
        cause: verdict.cause,
    }
}

fn ending(result: &CheckResult) -> String {
    match (result.timed_out, &result.signal, result.exit_code) {
        (true, _, _) => "was killed at its time limit".to_owned(),
        (_, Some(signal), _) => format!("was ended by {signal}"),
        (_, _, Some(0)) => "failed although its exit code is 0".to_owned(),
        (_, _, Some(code)) => format!("failed with exit code {code}"),
        (_, _, None) => "could not be carried out".to_owned(),
    }
}

/// What an agent is shown: each failing test with its assertion or trace, or the output from the
/// line that is the root cause.
fn evidence(
    result: &CheckResult,
    verdict: &Verdict,
    others: &[&CheckResult],
    ending: &str,
) -> String {
    let mut sections = vec![format!(
        "The check {:?} (`{}`) {ending}.",
        result.name, result.command
    )];
    sections.extend(result.note.clone());
    for test in result.failing_tests() {
        if let Some(message) = &test.message {
            let message = capped(&without_escapes(message), CAP / 4);
            sections.push(format!("Test {}:\n{message}", test.name));
        }
    }
    if sections.len() == 1 + usize::from(result.note.is_some()) {
        let text = without_escapes(&result.output);
        let from = root_cause_at(&text, verdict);
        sections.push(capped(&text[from..], CAP * 3 / 4));
    }
    for other in others {
        sections.push(format!("The check {:?} does not pass either.", other.name));
    }
    sections.retain(|section| !section.trim().is_empty());
    capped(&sections.join("\n\n"), CAP)
}

/// Where the evidence begins: at the root cause, with what led to it in a crash or assertion.
fn root_cause_at(text: &str, verdict: &Verdict) -> usize {
    if verdict.cause != Cause::Build {
        return 0;
    }
    let line = verdict.line.as_deref().unwrap_or_default();
    text.find(line).unwrap_or(0)
}

/// All checks pass, but what they found is more than is tolerated.
fn above_the_limits(results: &[CheckResult], damage: Damage) -> Failure {
    let mut findings: Vec<&Observation> = results
        .iter()
        .flat_map(|result| &result.observations)
        .collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let lines: Vec<String> = findings
        .iter()
        .map(|finding| {
            let location = finding.location.as_deref().unwrap_or("somewhere");
            format!("{} {location}: {}", finding.severity, finding.message)
        })
        .collect();
    let message = format!("{} findings are above the limits", damage.findings);
    let root_cause = lines.first().cloned();
    Failure {
        signature: signature(
            ErrorType::Assertion,
            Cause::Lint,
            "findings",
            &[],
            root_cause.as_deref().unwrap_or_default(),
        ),
        evidence: capped(&format!("{message}:\n{}", lines.join("\n")), CAP),
        root_cause,
        damage: Some(damage),
        ..plain(ErrorType::Assertion, Cause::Lint, &message)
    }
}
