//! Commands that ended: facts in, candidates and a diagnosis out.
//!
//! How the command ended → the lines it said → the statements among them → what each says → which
//! counts: the strongest form, and of these the first in time, the cause before its symptom.

use crate::domain::check::TestStatus;
use crate::domain::failure::{Cause, Distribution, ErrorType};
use crate::domain::finding::Category;

use super::candidate::Candidate;
use super::choice::{self, Chosen};
use super::decided::{decided, unexplained};
use super::diagnosis::{Diagnosis, RootCause};
use super::facts::CommandFacts;
use super::judge::Setting;
use super::log::{self, Line};
use super::outcome::{self, Ending};
use super::statement::{self, Form, Statement};
use super::tools::{self, Role};
use super::verdict::Verdict;

/// What a command that ended is, by the rules alone.
pub fn command(facts: &CommandFacts<'_>) -> Diagnosis {
    diagnose(&candidates(facts))
}

/// The first candidate with the shares of all.
pub(super) fn diagnose(candidates: &[Candidate]) -> Diagnosis {
    let Some(first) = candidates.first() else {
        return Candidate::nothing_failed().diagnosis(Distribution::of(|_| 1.0), 0.0);
    };
    let distribution = Distribution::of(|class| {
        let of_class = candidates
            .iter()
            .filter(|candidate| candidate.error_type == Some(class));
        of_class
            .map(|candidate| candidate.confidence)
            .fold(0.01, f64::max)
    });
    first.diagnosis(distribution, first.confidence)
}

/// What the command may be, the one that the rules hold for right first; never empty. At most one
/// of each class.
pub fn candidates(facts: &CommandFacts<'_>) -> Vec<Candidate> {
    let (stdout, stderr) = (log::clean(facts.stdout), log::clean(facts.stderr));
    let lines = log::lines(&stdout, &stderr);
    let statements = statement::statements(&lines);
    let failing = facts
        .tests
        .iter()
        .any(|test| test.status == TestStatus::Failed);
    let purpose = tools::purpose(facts.kind, facts.command);
    // A mark alone makes no test: programs draw crosses too.
    let marked = |text: &str| text.starts_with(['×', '✗', '✖', '✕']);
    let has_heads = statements.iter().any(|statement| {
        let is_test = purpose == Role::Tests || !marked(&statement.text);
        statement.form == Form::Head && is_test
    });
    let setting = Setting {
        facts,
        purpose,
        in_tests: failing || purpose == Role::Tests || has_heads,
        has_heads,
    };
    let ending = outcome::ending(facts);
    if ending == Ending::Well && !masked(facts, failing, &statements) {
        return vec![
            complaint(&statements, &lines, &setting).unwrap_or_else(Candidate::nothing_failed),
        ];
    }
    let mut ranked = choice::ranked(&statements, &lines, &setting);
    let unsure = |first: &choice::Chosen| first.verdict.confidence < 0.7;
    if ranked.first().is_none_or(unsure) {
        ranked.splice(0..0, hook(facts, &lines));
    }
    ranked.extend(reported(facts, &setting));
    choice::put_the_cause_first(&mut ranked);
    if facts.kind == Category::Test {
        choice::put_the_assertion_first(&mut ranked);
    }
    let mut found = Vec::new();
    if let Some(decided) = decided(ending, facts, &ranked, &statements, &lines) {
        found.push(decided);
    }
    found.extend(ranked.into_iter().map(|chosen| candidate(chosen, &lines)));
    found.extend(unexplained(ending, &setting, &lines));
    if ending == Ending::Well {
        found.push(Candidate::nothing_failed());
    }
    let mut seen: Vec<Option<ErrorType>> = Vec::new();
    found.retain(|candidate| {
        let is_new = !seen.contains(&candidate.error_type);
        seen.push(candidate.error_type);
        is_new
    });
    if is_flaky(facts) {
        for candidate in &mut found {
            let by_code = matches!(
                candidate.error_type,
                Some(ErrorType::Assertion | ErrorType::Runtime)
            );
            candidate.retryable |= by_code;
        }
    }
    found
}

/// It ended well before, on the same tree.
fn is_flaky(facts: &CommandFacts<'_>) -> bool {
    facts.around.history.contains(&true)
}

/// Exit code 0 hides a failure: a report names one, or the command line hides how its parts end and
/// the output tells of one.
fn masked(facts: &CommandFacts<'_>, failing: bool, statements: &[Statement]) -> bool {
    let hides = tools::hides_failures(facts.command);
    let counted = facts
        .counts
        .is_some_and(|counts| counts.failed + counts.errors > 0);
    if failing || counted {
        return true;
    }
    let query = facts.command.contains("psql")
        && statements
            .iter()
            .any(|statement| statement.text.contains("ERROR:  "));
    let maven = statements
        .iter()
        .any(|statement| statement.form == Form::Head && statement.text.starts_with("Tests run:"));
    let told = statements.iter().any(|statement| {
        matches!(
            statement.form,
            Form::Head | Form::Diagnostic | Form::Thrown | Form::Expectation | Form::Summary
        )
    });
    (hides
        && told
        && facts
            .counts
            .is_none_or(|counts| counts.failed + counts.errors > 0))
        || query
        || (maven && facts.command.contains("mvn"))
}

/// A tool that ended well although it says that it could not read its own configuration.
fn complaint(
    statements: &[Statement],
    lines: &[Line<'_>],
    setting: &Setting<'_>,
) -> Option<Candidate> {
    let checks = matches!(setting.purpose, Role::Lint | Role::Types | Role::Format);
    let chosen = choice::ranked(statements, lines, setting)
        .into_iter()
        .find(|chosen| {
            chosen.verdict.rule == "missing.unparsable" && chosen.form != Form::Warned
        })?;
    checks.then(|| candidate(chosen, lines))
}

pub(super) fn candidate(chosen: Chosen, lines: &[Line<'_>]) -> Candidate {
    let root_cause = match (chosen.line, chosen.text) {
        (Some(at), _) => lines.get(at).map(|line| RootCause {
            line: line.number,
            text: shown(&line.text),
        }),
        (None, Some(text)) => Some(place(&text, lines)),
        (None, None) => None,
    };
    of_verdict(chosen.verdict, root_cause)
}

/// The line that holds what a report says, or the words themselves.
fn place(text: &str, lines: &[Line<'_>]) -> RootCause {
    let line = lines
        .iter()
        .find(|line| line.text.contains(text))
        .map_or(1, |line| line.number);
    RootCause {
        line,
        text: shown(text),
    }
}

/// The most bytes of a line that is shown as a root cause.
const LONGEST: usize = 1000;

pub(super) fn shown(text: &str) -> String {
    let text = text.trim();
    text[..text.floor_char_boundary(LONGEST)].to_owned()
}

pub(super) fn of_verdict(verdict: Verdict, root_cause: Option<RootCause>) -> Candidate {
    Candidate {
        error_type: Some(verdict.error_type),
        cause: verdict.cause,
        root_cause,
        rule: verdict.rule,
        confidence: verdict.confidence,
        retryable: verdict.retryable,
        action_required: verdict.action_required,
    }
}

/// A hook stopped git: it has its own words, git adds none.
fn hook(facts: &CommandFacts<'_>, lines: &[Line<'_>]) -> Option<Chosen> {
    let flat = facts
        .command
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let own = |line: &Line<'_>| {
        line.text.starts_with("On branch") || line.text.contains("nothing to commit")
    };
    if lines.iter().any(own) {
        return None;
    }
    let runs_hooks = ["git commit", "git push", "git merge", "git am"];
    if facts.exit_code != Some(1) || !runs_hooks.iter().any(|verb| flat.contains(verb)) {
        return None;
    }
    let line = lines.iter().position(|line| !line.text.trim().is_empty())?;
    Some(Chosen {
        verdict: Verdict::new("policy.hook", ErrorType::Safety, Cause::Policy).sure(0.7),
        form: Form::Plain,
        line: Some(line),
        text: None,
    })
}

/// What the report's own messages say, for output that does not show them.
fn reported(facts: &CommandFacts<'_>, setting: &Setting<'_>) -> Vec<Chosen> {
    let failing = facts
        .tests
        .iter()
        .filter(|test| test.status == TestStatus::Failed);
    let mut found = Vec::new();
    for test in failing.filter_map(|test| test.message.as_deref()).take(50) {
        let message = log::clean(test);
        let lines = log::lines(&message, "");
        let statements = statement::statements(&lines);
        let mut ranked = choice::ranked(&statements, &lines, setting);
        ranked.retain(|chosen| chosen.form < Form::Said);
        found.extend(ranked.into_iter().map(|chosen| {
            let text = chosen
                .line
                .and_then(|at| lines.get(at))
                .map(|line| line.text.trim().to_owned());
            Chosen {
                line: None,
                text,
                ..chosen
            }
        }));
    }
    found
}
