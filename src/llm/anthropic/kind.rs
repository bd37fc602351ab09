//! What kind of failure a complaint is.

use crate::domain::tape::ModelFailureKind;
use crate::llm::failure::{Complaint, kind_of_status};

/// Words about a prompt that does not fit.
const CONTEXT: [&str; 4] = [
    "prompt is too long",
    "exceed context limit",
    "context window",
    "context length",
];

/// Words about money that is used up, whatever status they come with.
const MONEY: [&str; 4] = [
    "credit balance",
    "usage limit",
    "spend limit",
    "spending limit",
];

/// The kind of failure. Names say more than a status, but several faults share the name of a
/// malformed request and are told apart by words only.
pub(in crate::llm) fn kind_of(status: Option<u16>, complaint: &Complaint) -> ModelFailureKind {
    use ModelFailureKind as K;
    let words = complaint.message.to_ascii_lowercase();
    let speaks_of = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(phrase));
    let named = |name: &str| complaint.is_named(name);
    let is_refused = matches!(status, None | Some(400 | 403 | 413 | 422 | 429));
    if named("billing") || (is_refused && speaks_of(&MONEY)) {
        return K::QuotaExhausted;
    }
    if named("request_too_large") || (is_refused && speaks_of(&CONTEXT)) {
        return K::ContextTooLong;
    }
    if is_refused && speaks_of(&["content filter"]) {
        return K::ContentRefused;
    }
    let by_name = [
        ("rate_limit", K::RateLimited),
        ("overloaded", K::Overloaded),
        ("authentication", K::Authentication),
        ("permission", K::Permission),
        ("not_found", K::UnknownModel),
        ("timeout", K::TimedOut),
        ("invalid_request", K::BadRequest),
        ("api_error", K::Overloaded),
    ];
    let found = by_name.into_iter().find(|(name, _)| named(name));
    found
        .map(|(_, kind)| kind)
        .or_else(|| status.and_then(kind_of_status))
        .unwrap_or(K::Overloaded)
}
