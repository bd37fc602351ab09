//! Model calls that failed on their way.

use crate::domain::failure::{Cause, ErrorType, Failure, Origin};
use crate::domain::tape::{ModelFailure, ModelFailureKind};

use super::plain;

/// Classifies a model call that failed after every attempt.
pub fn from_model(failure: &ModelFailure) -> Failure {
    use ModelFailureKind as K;
    let message = &failure.message;
    let (error_type, cause, origin, action) = match failure.kind {
        K::RateLimited | K::Overloaded | K::TimedOut | K::Network => {
            (ErrorType::Infra, Cause::ModelCall, Origin::Infra, None)
        }
        K::Authentication => (
            ErrorType::Config,
            Cause::Missing,
            Origin::Human,
            Some("set a valid key for the provider"),
        ),
        K::UnknownModel => (
            ErrorType::Config,
            Cause::Missing,
            Origin::Human,
            Some("correct the model or its provider in the configuration"),
        ),
        K::ScriptExhausted => (
            ErrorType::Config,
            Cause::Missing,
            Origin::Human,
            Some("add a reply to the script"),
        ),
        K::ContextTooLong | K::BadRequest => {
            (ErrorType::Logic, Cause::ModelCall, Origin::Code, None)
        }
        K::ContentRefused => (ErrorType::Safety, Cause::Refusal, Origin::Model, None),
    };
    Failure {
        retryable: failure.kind.transient(),
        origin,
        evidence: message.clone(),
        retry_after_ms: failure.retry_after_ms,
        action_required: action.map(|action| format!("{action}: {message}")),
        ..plain(error_type, cause, message)
    }
}
