//! What a failure is, as the classifier says it.

use crate::domain::failure::{Cause, Distribution, ErrorType, Origin};

/// What a failure is.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnosis {
    /// The most likely class; none if nothing failed.
    pub error_type: Option<ErrorType>,
    /// How likely each class is, given that something failed.
    pub distribution: Distribution,
    /// How likely `error_type` is right, 0 to 1, calibrated.
    pub confidence: f64,
    /// The detail of the class, which decides among remedies.
    pub cause: Cause,
    /// Who is to act.
    pub origin: Origin,
    /// Whether the identical action has a fair chance to succeed if tried again.
    pub retryable: bool,
    /// The line that is the root cause.
    pub root_cause: Option<RootCause>,
    /// What exactly a person must do, where the origin is human.
    pub action_required: Option<String>,
}

/// A line of output that is a root cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootCause {
    /// Its number from 1 in the stream that holds it.
    pub line: usize,
    /// Its text, without colours.
    pub text: String,
}
