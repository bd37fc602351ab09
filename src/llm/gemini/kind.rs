//! What kind of failure a complaint is.

use crate::domain::tape::ModelFailureKind;
use crate::llm::failure::{Complaint, kind_of_status};

/// The name of a prompt that was not let through.
pub(super) const BLOCKED: &str = "PROMPT_BLOCKED";

/// Reasons of answers that ended because the model made no sense.
pub(super) const MALFORMED: [&str; 5] = [
    "MALFORMED_FUNCTION_CALL",
    "MALFORMED_RESPONSE",
    "MISSING_THOUGHT_SIGNATURE",
    "TOO_MANY_TOOL_CALLS",
    "UNEXPECTED_TOOL_CALL",
];

/// The kind of failure. Names in the details and words come first: the status of a bad key is that
/// of a bad request, and an hour's limit has that of a day's.
pub(in crate::llm) fn kind_of(status: Option<u16>, complaint: &Complaint) -> ModelFailureKind {
    use ModelFailureKind as K;
    let words = complaint.message.to_ascii_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(phrase));
    let named = |names: &[&str]| names.iter().any(|name| complaint.is_named(name));
    if named(&[BLOCKED]) {
        return K::ContentRefused;
    }
    if named(&MALFORMED) {
        return K::Malformed;
    }
    let no_key = ["api key not valid", "api key expired", "api key not found"];
    let odd_key = ["api key was reported", "unregistered callers"];
    if named(&["API_KEY_INVALID", "API_KEY_EXPIRED"]) || says(&no_key) || says(&odd_key) {
        return K::Authentication;
    }
    if matches!(status, None | Some(400 | 413 | 500)) && speaks_of_length(&words) {
        return K::ContextTooLong;
    }
    if says(&["user location is not supported"]) {
        return K::Permission;
    }
    let used_up = [
        "per day",
        "limit: 0",
        "credits are depleted",
        "spending cap",
    ];
    let is_limit = status == Some(429) || named(&["RESOURCE_EXHAUSTED"]);
    if is_limit && (named(&["PerDay"]) || says(&used_up)) {
        return K::QuotaExhausted;
    }
    if let Some(kind) = status.and_then(kind_of_status) {
        return kind;
    }
    match complaint.codes.iter().find_map(|code| by_name(code)) {
        Some(kind) => kind,
        None => K::Overloaded,
    }
}

/// The kind by the name of a status, where no number came with it.
fn by_name(status: &str) -> Option<ModelFailureKind> {
    use ModelFailureKind as K;
    Some(match status {
        "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" => K::BadRequest,
        "UNAUTHENTICATED" => K::Authentication,
        "PERMISSION_DENIED" => K::Permission,
        "NOT_FOUND" => K::UnknownModel,
        "RESOURCE_EXHAUSTED" => K::RateLimited,
        _ => return None,
    })
}

fn speaks_of_length(words: &str) -> bool {
    let counted = words.contains("token count") && words.contains("exceed");
    let phrases = [
        "context length",
        "context window",
        "prompt is too long",
        "payload size exceeds",
    ];
    counted || phrases.iter().any(|phrase| words.contains(phrase))
}
