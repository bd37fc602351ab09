//! What kind of failure a complaint is.

use crate::domain::tape::ModelFailureKind;
use crate::llm::failure::{Complaint, kind_of_status};

/// The kind of failure. Names say more than a status, and words only what neither says.
pub(super) fn kind_of(status: Option<u16>, complaint: &Complaint) -> ModelFailureKind {
    use ModelFailureKind as K;
    let named = |names: &[&str]| names.iter().any(|name| complaint.is_named(name));
    if named(&["insufficient_quota", "credit_balance", "billing"]) {
        return K::QuotaExhausted;
    }
    if named(&["context_length_exceeded"]) || speaks_of_context(status, &complaint.message) {
        return K::ContextTooLong;
    }
    if named(&["content_filter", "content_policy"]) {
        return K::ContentRefused;
    }
    if named(&["model_not_found"]) {
        return K::UnknownModel;
    }
    if named(&["invalid_api_key"]) {
        return K::Authentication;
    }
    if let Some(kind) = status.and_then(kind_of_status) {
        return kind;
    }
    if named(&["rate_limit"]) {
        K::RateLimited
    } else if named(&["authentication"]) {
        K::Authentication
    } else if named(&["permission"]) {
        K::Permission
    } else if named(&["invalid_request"]) {
        K::BadRequest
    } else {
        K::Overloaded
    }
}

fn speaks_of_context(status: Option<u16>, message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    let phrases = [
        "context length",
        "context window",
        "context size",
        "prompt is too long",
    ];
    matches!(status, None | Some(400 | 413 | 422 | 500))
        && phrases.iter().any(|phrase| message.contains(phrase))
}
