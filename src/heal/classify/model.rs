//! Model calls that failed on their way.

use crate::domain::failure::{Cause, ErrorType, Failure, Origin};
use crate::domain::tape::{ModelFailure, ModelFailureKind};

use super::plain;

/// What a person does about a server that does not answer.
const UNREACHABLE: &str =
    "start the server or bring the network up, or correct base_url under `providers:`";

/// Classifies a model call that failed after every attempt.
pub fn from_model(failure: &ModelFailure) -> Failure {
    use ModelFailureKind as K;
    let message = &failure.message;
    let (error_type, cause, origin, action) = match failure.kind {
        K::RateLimited | K::Overloaded | K::TimedOut | K::Truncated | K::Malformed => {
            (ErrorType::Infra, Cause::ModelCall, Origin::Infra, None)
        }
        K::Network => {
            return Failure {
                retryable: true,
                origin: Origin::Infra,
                evidence: message.clone(),
                retry_after_ms: failure.retry_after_ms,
                // The message says which server, and is shown beside it.
                action_required: Some(UNREACHABLE.to_owned()),
                ..plain(ErrorType::Infra, Cause::ModelCall, message)
            };
        }
        K::QuotaExhausted => (
            ErrorType::Config,
            Cause::Missing,
            Origin::Human,
            Some("add credit at the provider, or name another model"),
        ),
        K::Permission => (
            ErrorType::Config,
            Cause::Missing,
            Origin::Human,
            Some("use a key that may ask this model, or name another model"),
        ),
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
