//! Evidence -> one error type, by hard rules on structured facts.
//!
//! The root cause is labelled before its symptoms, and position counts, not words: `timeout` in
//! an expected value or a log line decides nothing. [`from_checks`] is where most enters.

mod answer;
mod candidate;
mod checks;
mod choice;
mod command;
mod decided;
mod diagnosis;
mod excerpt;
mod facts;
mod judge;
mod lexicon;
mod log;
mod marks;
mod missing;
mod model;
mod outcome;
pub mod scorer;
mod statement;
#[cfg(test)]
mod tests;
mod tools;
mod verdict;
mod words;

use crate::domain::failure::{Cause, ErrorType, Failure, Origin};
use crate::domain::plan::PlanError;
use crate::domain::tape::Denial;

use super::signature::signature;

pub use answer::{AnswerError, AnswerProblem, from_answer};
pub use candidate::Candidate;
pub use checks::from_checks;
pub use command::{candidates, command};
pub use diagnosis::{Diagnosis, RootCause};
pub use facts::{Around, CommandFacts};
pub use model::from_model;
pub use scorer::Scorer;
pub use words::declines;

/// A plan that is refused.
pub fn from_plan(error: &PlanError) -> Failure {
    let reason = error.to_string();
    Failure {
        origin: Origin::Model,
        evidence: format!("The plan is refused: {reason}."),
        ..plain(ErrorType::Logic, Cause::Plan, &reason)
    }
}

/// A step that cannot be done as planned, in the builder's words; `denied` are the edits outside
/// its scope that were refused.
pub fn blocked(why: &str, denied: &[String]) -> Failure {
    let why = why.trim();
    let reason = if why.is_empty() {
        "the step is blocked, and the builder does not say why"
    } else {
        why
    };
    let mut evidence = format!("The step cannot be done as planned: {reason}");
    if !denied.is_empty() {
        evidence += &format!(
            "\nRefused because they are outside the step's scope: {}",
            denied.join(", ")
        );
    }
    Failure {
        origin: Origin::Model,
        evidence,
        ..plain(ErrorType::Logic, Cause::Blocked, reason)
    }
}

/// A model that goes round in circles, although it was told; `pattern` says how.
pub fn stuck(pattern: &str) -> Failure {
    let message = format!("the model goes round in circles: {pattern}");
    Failure {
        retryable: true,
        origin: Origin::Model,
        message: one_line(&message),
        root_cause: Some(one_line(pattern)),
        evidence: format!("{message}. It was told and went on. Take another way from the start."),
        ..plain(
            ErrorType::Llm,
            Cause::UnusableAnswer,
            "the model goes round in circles",
        )
    }
}

/// A proposal that the gate refused in earnest.
pub fn policy(denial: &Denial) -> Failure {
    let reason = format!("refused by the rule {}: {}", denial.rule, denial.message);
    Failure {
        retryable: !denial.hard,
        origin: Origin::Model,
        evidence: reason.clone(),
        action_required: Some(format!(
            "change the goal so that it does not need this, or change the policy yourself: {}",
            one_line(&denial.message)
        )),
        ..plain(ErrorType::Safety, Cause::Policy, &reason)
    }
}

/// A run whose steps are done and whose tree is the base tree.
pub fn no_change() -> Failure {
    Failure {
        origin: Origin::Model,
        evidence: "Every step is done, but no file differs from the start. The goal cannot be \
                   reached without a change."
            .to_owned(),
        ..plain(
            ErrorType::Logic,
            Cause::NoChange,
            "the run changed nothing, so it has not reached its goal",
        )
    }
}

/// A failure with nothing but its class and message.
fn plain(error_type: ErrorType, cause: Cause, message: &str) -> Failure {
    let message = one_line(message);
    Failure {
        error_type,
        retryable: false,
        origin: Origin::Code,
        signature: signature(error_type, cause, "", &[], &message),
        message,
        root_cause: None,
        evidence: String::new(),
        failing_tests: Vec::new(),
        distribution: None,
        retry_after_ms: None,
        action_required: None,
        damage: None,
        cause,
    }
}

/// `text` on one line, at most 300 characters.
fn one_line(text: &str) -> String {
    const LONGEST: usize = 300;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
