//! Answers with a good status: whole, empty, filtered, or broken off.

use serde_json::Value;

use crate::domain::tape::{ModelFailure, ModelFailureKind as Kind};

use super::super::failure::{Complaint, looks_like_html, of_page};
use super::{Exchanged, Foreign, failed, of_status};

/// Whether less came than the header promised.
pub(super) fn is_cut_by_length(came: &Exchanged<'_>) -> bool {
    let header = |name: &str| {
        came.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
    };
    let packed = header("content-encoding").is_some();
    let length = header("content-length").and_then(|(_, value)| value.trim().parse::<usize>().ok());
    !packed && length.is_some_and(|length| length > came.body.len())
}

/// An answer with a good status.
pub(super) fn whole(status: u16, came: &Exchanged<'_>) -> Foreign {
    let body = came.body.trim();
    if body.is_empty() {
        return failed(Kind::Truncated, "the body is empty", Some(status));
    }
    if looks_like_html(body) {
        return Foreign::Failed(ModelFailure {
            status: Some(status),
            should_retry: Some(false),
            ..ModelFailure::new(Kind::Malformed, of_page(body))
        });
    }
    match serde_json::from_str::<Value>(body) {
        Ok(document) => document_of(&document, status),
        Err(_) => stream_of(body, status),
    }
}

/// One document.
fn document_of(document: &Value, status: u16) -> Foreign {
    if let Some(complaint) = Complaint::of_json(document) {
        return complained(&complaint, document, status);
    }
    if let Some(reason) = document.pointer("/promptFeedback/blockReason") {
        return failed(
            Kind::ContentRefused,
            format!("the prompt was blocked: {reason}"),
            Some(status),
        );
    }
    let mut pieces = Pieces::default();
    pieces.take(document);
    if let Some(reason) = pieces.filtered {
        return failed(
            Kind::ContentRefused,
            format!("the answer was filtered: {reason}"),
            Some(status),
        );
    }
    if pieces.shape && pieces.cut {
        return Foreign::Unusable("the answer is cut off at its limit");
    }
    if pieces.shape && !pieces.says {
        return Foreign::Unusable("the answer is empty");
    }
    if pieces.shape {
        Foreign::Answer
    } else {
        failed(
            Kind::Malformed,
            "the body is JSON of no known form",
            Some(status),
        )
    }
}

fn complained(complaint: &Complaint, document: &Value, status: u16) -> Foreign {
    let told = complaint.status().filter(|told| *told != status);
    let came = Exchanged {
        status: told.or(Some(529)),
        headers: &[],
        body: &document.to_string(),
        transport_error: None,
        stream: false,
    };
    let failure = of_status(came.status.unwrap_or(529), complaint, &came);
    match failure {
        Some(failure) => Foreign::Failed(failure),
        None => failed(Kind::Overloaded, complaint.message.clone(), Some(status)),
    }
}

/// A stream of events or of lines, as far as it came.
fn stream_of(body: &str, status: u16) -> Foreign {
    let mut pieces = Pieces::default();
    let mut over = false;
    let mut any = false;
    for line in body.lines() {
        let line = line.trim();
        let data = line.strip_prefix("data:").map_or(line, str::trim);
        if data == "[DONE]" {
            over = true;
        }
        let Ok(piece) = serde_json::from_str::<Value>(data) else {
            continue;
        };
        any = true;
        if let Some(complaint) = Complaint::of_json(&piece) {
            return complained(&complaint, &piece, status);
        }
        over |= piece
            .get("type")
            .and_then(Value::as_str)
            .is_some_and(|kind| matches!(kind, "message_stop" | "response.completed"));
        over |= piece.get("done") == Some(&Value::Bool(true));
        pieces.take(&piece);
    }
    if let Some(reason) = pieces.filtered {
        return failed(
            Kind::ContentRefused,
            format!("the answer was filtered: {reason}"),
            Some(status),
        );
    }
    if !any && !body.starts_with(['{', '[']) && !body.contains("data:") {
        return failed(Kind::Malformed, "the body is no answer", Some(status));
    }
    if !over && !pieces.ended {
        return failed(Kind::Truncated, "the answer broke off", Some(status));
    }
    if pieces.cut {
        return Foreign::Unusable("the answer is cut off at its limit");
    }
    if pieces.says {
        Foreign::Answer
    } else {
        Foreign::Unusable("the answer is empty")
    }
}

/// What the pieces of an answer have in common, whatever the protocol.
#[derive(Default)]
struct Pieces {
    /// It has the form of an answer.
    shape: bool,
    /// It holds words or calls.
    says: bool,
    /// A reason to end was given.
    ended: bool,
    /// The reason is that there was no room.
    cut: bool,
    /// The reason is a filter.
    filtered: Option<String>,
}

impl Pieces {
    fn take(&mut self, piece: &Value) {
        let list = |key: &str| piece.get(key).and_then(Value::as_array).map(Vec::as_slice);
        for key in ["choices", "candidates", "content", "output"] {
            self.shape |= list(key).is_some();
        }
        for choice in list("choices").unwrap_or_default() {
            self.reason(choice.get("finish_reason"));
            let message = choice
                .get("message")
                .or_else(|| choice.get("delta"))
                .unwrap_or(choice);
            self.words(message.get("content").or_else(|| message.get("text")));
            self.says |= message
                .get("tool_calls")
                .and_then(Value::as_array)
                .is_some_and(|calls| !calls.is_empty());
        }
        for candidate in list("candidates").unwrap_or_default() {
            self.reason(candidate.get("finishReason"));
            let parts = candidate
                .pointer("/content/parts")
                .and_then(Value::as_array);
            self.says |= parts.is_some_and(|parts| !parts.is_empty());
        }
        let message = piece.get("message");
        for block in list("content")
            .unwrap_or_default()
            .iter()
            .chain(list("output").unwrap_or_default())
        {
            self.words(block.get("text").or_else(|| block.get("content")));
            let kind = block.get("type").and_then(Value::as_str);
            self.says |= matches!(kind, Some("tool_use" | "function_call" | "message"));
        }
        self.words(
            piece
                .pointer("/delta/text")
                .or_else(|| piece.pointer("/delta/partial_json")),
        );
        self.reason(piece.get("stop_reason"));
        self.reason(piece.pointer("/delta/stop_reason"));
        self.reason(piece.get("done_reason"));
        if let Some(message) = message {
            self.shape |= piece.get("done").is_some();
            self.words(message.get("content"));
            self.says |= message.get("tool_calls").is_some();
        }
    }

    fn words(&mut self, content: Option<&Value>) {
        self.says |= match content {
            Some(Value::String(text)) => !text.trim().is_empty(),
            Some(Value::Array(parts)) => !parts.is_empty(),
            _ => false,
        };
    }

    fn reason(&mut self, reason: Option<&Value>) {
        let Some(reason) = reason.and_then(Value::as_str) else {
            return;
        };
        self.ended = true;
        let lower = reason.to_ascii_lowercase();
        self.cut |= matches!(lower.as_str(), "length" | "max_tokens");
        let filters = [
            "content_filter",
            "safety",
            "refusal",
            "recitation",
            "prohibited_content",
            "blocklist",
            "spii",
        ];
        if filters.contains(&lower.as_str()) {
            self.filtered = Some(reason.to_owned());
        }
    }
}
