//! Gemini's own protocol as Google publishes it.

mod rules;

use serde_json::{Value, json};

use super::{Reply, Rules, Seen};

/// What it says of requests.
pub(crate) const RULES: Rules = Rules {
    root: "/v1beta",
    check: rules::check,
    refusal: |violation| error(400, "INVALID_ARGUMENT", violation),
};

/// An error as Google words it.
pub(crate) fn error(status: u16, name: &str, message: &str) -> Reply {
    let error = json!({"code": status, "message": message, "status": name});
    Reply::json(status, &json!({"error": error}))
}

/// The answer with these words and calls (name and arguments), in the form that was asked for.
pub(crate) fn answer(seen: &Seen, text: &str, calls: &[(&str, Value)]) -> Reply {
    let place = seen.body["contents"].as_array().map_or(0, Vec::len);
    if seen.head.contains(":streamGenerateContent?alt=sse ") {
        let events = events(place, text, calls).into_iter();
        let lines = events.map(|event| format!("data: {event}\r\n\r\n").into_bytes());
        Reply::raw(200, "text/event-stream", lines.collect())
    } else {
        Reply::json(200, &document(place, text, calls))
    }
}

/// The signature of the turn at this place of the conversation.
fn signature(place: usize) -> String {
    format!("c2lnbmVk{place:04}")
}

/// The parts of an answer: the first call is signed, or what follows the words if there is none.
fn parts(place: usize, text: &str, calls: &[(&str, Value)]) -> Vec<Value> {
    let mut parts: Vec<Value> = text
        .split_inclusive(' ')
        .map(|word| json!({"text": word}))
        .collect();
    let made = calls.iter().enumerate().map(|(at, (name, args))| {
        // The same ids with every answer.
        json!({"functionCall": {"name": name, "args": args, "id": format!("call-{at}")}})
    });
    let first = parts.len();
    parts.extend(made);
    if calls.is_empty() {
        parts.push(json!({"text": ""}));
    }
    parts[first]["thoughtSignature"] = json!(signature(place));
    parts
}

/// A whole answer as a document.
pub(crate) fn document(place: usize, text: &str, calls: &[(&str, Value)]) -> Value {
    chunk(parts(place, text, calls), true)
}

/// The same as the data of events, each part in one of its own.
pub(crate) fn events(place: usize, text: &str, calls: &[(&str, Value)]) -> Vec<String> {
    let parts = parts(place, text, calls);
    let last = parts.len() - 1;
    let chunks = parts.into_iter().enumerate();
    chunks
        .map(|(at, part)| chunk(vec![part], at == last).to_string())
        .collect()
}

fn chunk(parts: Vec<Value>, last: bool) -> Value {
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    let mut usage = json!({"promptTokenCount": 120, "totalTokenCount": 121,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 120}]});
    if last {
        candidate["finishReason"] = json!("STOP");
        usage["candidatesTokenCount"] = json!(18);
        usage["thoughtsTokenCount"] = json!(12);
        usage["cachedContentTokenCount"] = json!(100);
    }
    json!({"candidates": [candidate], "usageMetadata": usage, "modelVersion": "m", "responseId": "r"})
}
