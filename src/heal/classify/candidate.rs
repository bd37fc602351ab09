//! What the rules say of a command, before anything is weighed.

use crate::domain::failure::{Cause, Distribution, ErrorType, Origin};

use super::diagnosis::{Diagnosis, RootCause};

/// What a command that ended may be. The rules give several, the one they hold for right first.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The class; none if nothing failed.
    pub error_type: Option<ErrorType>,
    /// The detail of the class.
    pub cause: Cause,
    /// The line that says so.
    pub root_cause: Option<RootCause>,
    /// The rule, as `network.refused`: family and name, stable.
    pub rule: &'static str,
    /// How sure the rule is of itself where it is the first to apply, 0 to 1, not calibrated.
    pub confidence: f64,
    /// Whether the identical command has a fair chance if run again.
    pub retryable: bool,
    /// What exactly a person must do, where a person must.
    pub action_required: Option<String>,
}

impl Candidate {
    /// The command did what it was to do.
    pub(super) fn nothing_failed() -> Self {
        Self {
            error_type: None,
            cause: Cause::Tests,
            root_cause: None,
            rule: "outcome.well",
            confidence: 0.99,
            retryable: false,
            action_required: None,
        }
    }

    /// Who is to act, as far as the class tells.
    pub fn origin(&self) -> Origin {
        match self.error_type {
            Some(ErrorType::Infra) => Origin::Infra,
            Some(ErrorType::Config) => Origin::Human,
            Some(ErrorType::Llm) => Origin::Model,
            _ => Origin::Code,
        }
    }

    /// The diagnosis with this candidate at its head: `distribution` says how likely each class
    /// is, `confidence` how likely this one is right.
    pub fn diagnosis(&self, distribution: Distribution, confidence: f64) -> Diagnosis {
        Diagnosis {
            error_type: self.error_type,
            distribution,
            confidence,
            cause: self.cause,
            origin: self.origin(),
            retryable: self.retryable,
            root_cause: self.root_cause.clone(),
            action_required: self.action_required.clone(),
        }
    }
}
