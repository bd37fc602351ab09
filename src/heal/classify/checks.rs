//! Checks that do not pass.

use crate::domain::check::{CheckResult, CheckStatus, TestCase};
use crate::domain::failure::{Cause, Damage, ErrorType, Failure};
use crate::domain::finding::{Category, Observation};

use super::super::signature::{signature, without_escapes};
use super::candidate::Candidate;
use super::command::{candidates, diagnose};
use super::diagnosis::Diagnosis;
use super::excerpt::{CAP, capped};
use super::facts::CommandFacts;
use super::scorer::Scorer;
use super::{one_line, plain};

/// Classifies what checks say: the first that does not pass in the order build, test, lint,
/// others, unless one before it in time shows that the environment was at fault.
///
/// `results` are in the order in which the checks ran, `damage` is measured from them. Where all
/// checks pass, their findings are above the limits.
pub fn from_checks(results: &[CheckResult], damage: Damage) -> Failure {
    let judged: Vec<(&CheckResult, (Candidate, Diagnosis))> = results
        .iter()
        .filter(|result| !result.status.acceptable())
        .map(|result| (result, judge(result)))
        .collect();
    let worst = (0..judged.len()).min_by_key(|at| judged[*at].0.kind);
    let environment = judged.iter().position(|(_, (first, _))| {
        matches!(
            first.error_type,
            Some(ErrorType::Infra | ErrorType::Config | ErrorType::Safety)
        )
    });
    let chosen = match (worst, environment) {
        (Some(worst), Some(environment)) => worst.min(environment),
        (Some(worst), None) => worst,
        (None, _) => return above_the_limits(results, damage),
    };
    let (result, (candidate, diagnosis)) = &judged[chosen];
    let others: Vec<&CheckResult> = judged
        .iter()
        .map(|(other, _)| *other)
        .filter(|other| other.name != result.name)
        .collect();
    describe(result, candidate, diagnosis, &others, damage)
}

/// What a check that does not pass is.
fn judge(result: &CheckResult) -> (Candidate, Diagnosis) {
    let facts = CommandFacts::of_check(result);
    let excused: Vec<TestCase>;
    let facts = if result.excused.is_empty() {
        facts
    } else {
        excused = result.failing_tests().cloned().collect();
        CommandFacts {
            tests: &excused,
            ..facts
        }
    };
    let mut candidates = candidates(&facts);
    candidates.retain(|candidate| candidate.error_type.is_some());
    if candidates.is_empty() || (unexplained(&candidates) && result.status == CheckStatus::Error) {
        candidates = vec![not_carried_out(result)];
    }
    let weighed = Scorer::built_in().weigh(&facts, &candidates).diagnosis;
    let is_named = |it: &Candidate| it.error_type == weighed.error_type;
    match candidates.iter().position(is_named) {
        Some(named) => (candidates.swap_remove(named), weighed),
        // What no rule names has no cause to go by.
        None => {
            let diagnosis = diagnose(&candidates);
            (candidates.swap_remove(0), diagnosis)
        }
    }
}

fn unexplained(candidates: &[Candidate]) -> bool {
    let first = candidates.first();
    first.is_some_and(|first| first.rule.starts_with("outcome.un") || first.confidence < 0.5)
}

/// Its output says nothing, and its report and its exit code do not agree.
fn not_carried_out(result: &CheckResult) -> Candidate {
    let (error_type, cause) = match (result.status, result.kind) {
        (CheckStatus::Error, _) => (ErrorType::Infra, Cause::Environment),
        (_, Category::Build) => (ErrorType::Logic, Cause::Build),
        (_, Category::Lint | Category::Security) => (ErrorType::Assertion, Cause::Lint),
        (_, Category::Test | Category::Custom) => (ErrorType::Runtime, Cause::Crash),
    };
    let why = result.note.as_deref().unwrap_or("its output says why");
    let action = format!(
        "see why the check {:?} could not be carried out: {why}",
        result.name
    );
    Candidate {
        error_type: Some(error_type),
        cause,
        root_cause: None,
        rule: "outcome.not_carried_out",
        confidence: 0.6,
        retryable: false,
        action_required: (result.status == CheckStatus::Error).then_some(action),
    }
}

fn describe(
    result: &CheckResult,
    candidate: &Candidate,
    diagnosis: &Diagnosis,
    others: &[&CheckResult],
    damage: Damage,
) -> Failure {
    let error_type = candidate.error_type.unwrap_or(ErrorType::Runtime);
    let failing_tests: Vec<String> = result
        .failing_tests()
        .map(|test| test.name.clone())
        .collect();
    let ending = ending(result);
    let root_cause = candidate.root_cause.as_ref();
    let line = root_cause.map_or("", |cause| cause.text.as_str());
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
        error_type,
        candidate.cause,
        &result.name,
        &failing_tests,
        line,
    );
    Failure {
        error_type,
        retryable: candidate.retryable,
        origin: candidate.origin(),
        signature,
        message,
        root_cause: root_cause.map(|cause| cause.text.clone()),
        evidence: evidence(result, candidate, others, &ending),
        failing_tests,
        distribution: Some(diagnosis.distribution),
        retry_after_ms: None,
        action_required: candidate.action_required.clone(),
        damage: Some(damage),
        cause: candidate.cause,
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
    candidate: &Candidate,
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
        let from = root_cause_at(&text, candidate);
        sections.push(capped(&text[from..], CAP * 3 / 4));
    }
    for other in others {
        sections.push(format!("The check {:?} does not pass either.", other.name));
    }
    sections.retain(|section| !section.trim().is_empty());
    capped(&sections.join("\n\n"), CAP)
}

/// Where the evidence begins: at the root cause, with what led to it in a crash or assertion.
fn root_cause_at(text: &str, candidate: &Candidate) -> usize {
    if candidate.cause != Cause::Build {
        return 0;
    }
    let root_cause = candidate.root_cause.as_ref();
    let line = root_cause.map_or("", |cause| cause.text.as_str());
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
