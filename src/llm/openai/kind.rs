//! What kind of failure a complaint is.

use crate::domain::tape::ModelFailureKind;
use crate::llm::failure::{Complaint, kind_of_status};

/// The kind of failure. Names say more than a status, and words only what neither says.
pub(in crate::llm) fn kind_of(status: Option<u16>, complaint: &Complaint) -> ModelFailureKind {
    use ModelFailureKind as K;
    let named = |names: &[&str]| names.iter().any(|name| complaint.is_named(name));
    if named(&["insufficient_quota", "credit_balance", "billing"]) {
        return K::QuotaExhausted;
    }
    if named(&["context_length_exceeded"]) || speaks_of_context(status, &complaint.message) {
        return K::ContextTooLong;
    }
    if named(&["content_filter", "content_policy"]) || speaks_of_policy(complaint) {
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
    } else if named(&["invalid_request", "invalid_prompt"]) {
        K::BadRequest
    } else {
        K::Overloaded
    }
}

/// A prompt that is called invalid was judged by what it says.
fn speaks_of_policy(complaint: &Complaint) -> bool {
    let message = complaint.message.to_ascii_lowercase();
    let phrases = ["usage policy", "usage policies", "flagged"];
    complaint.is_named("invalid_prompt") && phrases.iter().any(|phrase| message.contains(phrase))
}

fn speaks_of_context(status: Option<u16>, message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    // More at once than the limit of a minute: no wait makes it fit.
    if status == Some(429) {
        return message.starts_with("request too large");
    }
    let phrases = [
        "context length",
        "context window",
        "context size",
        "prompt is too long",
    ];
    matches!(status, None | Some(400 | 413 | 422 | 500))
        && phrases.iter().any(|phrase| message.contains(phrase))
}
