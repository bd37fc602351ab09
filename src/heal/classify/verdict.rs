//! What one statement, or the way a command ended, says of its class.

use crate::domain::failure::{Cause, ErrorType};

use super::lexicon::Rule;

/// A class with what led to it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Verdict {
    pub(super) error_type: ErrorType,
    pub(super) cause: Cause,
    pub(super) retryable: bool,
    /// The rule, as `network.refused`.
    pub(super) rule: &'static str,
    /// How sure, 0 to 1.
    pub(super) confidence: f64,
    pub(super) action_required: Option<String>,
}

impl Verdict {
    pub(super) fn new(rule: &'static str, error_type: ErrorType, cause: Cause) -> Self {
        Self {
            error_type,
            cause,
            retryable: false,
            rule,
            confidence: 0.9,
            action_required: None,
        }
    }

    /// What a rule of the tables says of `sentence`.
    pub(super) fn of(rule: &'static Rule, sentence: &str) -> Self {
        Self {
            retryable: rule.retryable,
            confidence: rule.confidence,
            action_required: rule.action(sentence),
            ..Self::new(rule.id, rule.class, rule.cause)
        }
    }

    pub(super) fn retryable(self) -> Self {
        Self {
            retryable: true,
            ..self
        }
    }

    pub(super) fn asking(self, action: impl Into<String>) -> Self {
        Self {
            action_required: Some(action.into()),
            ..self
        }
    }

    pub(super) fn sure(self, confidence: f64) -> Self {
        Self { confidence, ..self }
    }

    /// Whether what failed is around the program, not the program.
    pub(super) fn is_around(&self) -> bool {
        matches!(
            self.error_type,
            ErrorType::Infra | ErrorType::Config | ErrorType::Safety
        )
    }

    /// A crash that nothing explains.
    pub(super) fn is_bare_crash(&self) -> bool {
        self.error_type == ErrorType::Runtime && self.cause == Cause::Crash
    }
}
