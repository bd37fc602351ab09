//! What kind of failure a complaint is, and what to do about it. Complaints are words without names.

use crate::domain::tape::ModelFailureKind;
use crate::llm::endpoint::Endpoint;
use crate::llm::failure::{Complaint, kind_of_status};

/// How complaints that a model calls no tools are worded.
const NO_TOOLS: &str = "does not support tools";

/// The name of complaints that are made here, of answers that are none.
pub(super) const NO_ANSWER: &str = "no_answer";

/// The kind of failure.
pub(in crate::llm) fn kind_of(status: Option<u16>, complaint: &Complaint) -> ModelFailureKind {
    use ModelFailureKind as K;
    let message = complaint.message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let of_context = ["context length", "context window", "context size"];
    if matches!(status, None | Some(400 | 413 | 422 | 500)) && says(&of_context) {
        return K::ContextTooLong;
    }
    // What the model said could not be read as a call.
    if complaint.is_named(NO_ANSWER) || says(&["error parsing tool call"]) {
        return K::Malformed;
    }
    if says(&[NO_TOOLS]) {
        return K::BadRequest;
    }
    if says(&["usage limit"]) {
        return K::QuotaExhausted;
    }
    match status.and_then(kind_of_status) {
        Some(kind) => kind,
        None if says(&["not found"]) => K::UnknownModel,
        None => K::Overloaded,
    }
}

/// What to do about a failure that only this protocol knows.
pub(super) fn advice(
    endpoint: &Endpoint,
    kind: ModelFailureKind,
    complaint: &Complaint,
) -> Option<String> {
    let message = complaint.message.to_ascii_lowercase();
    if message.contains(NO_TOOLS) {
        return Some(format!(
            "set `tools: false` in models.{}, and it is asked without",
            endpoint.name
        ));
    }
    let missing = kind == ModelFailureKind::UnknownModel && message.contains("model");
    missing.then(|| format!("fetch it with `ollama pull {}`", endpoint.model))
}
