//! Messages as Anthropic publishes it.

mod rules;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::{Value, json};

use super::{Reply, Rules, Seen};

/// What it says of requests.
pub(crate) const RULES: Rules = Rules {
    root: "",
    check: rules::check,
    refusal: |violation| error(400, "invalid_request_error", violation),
};

/// What the model thinks whenever it is told to.
const THOUGHT: &str = "Hm, größe 😀.";

/// A thought that is not shown.
const HIDDEN: &str = "RW5jcnlwdGVk";

/// An error as Anthropic words it.
pub(crate) fn error(status: u16, kind: &str, message: &str) -> Reply {
    Reply::json(status, &error_body(kind, message))
}

/// The document of an error.
pub(crate) fn error_body(kind: &str, message: &str) -> Value {
    json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_9"})
}

/// The answer with these words and calls (name and arguments), in the form that was asked for;
/// with thoughts where the model was told to think.
pub(crate) fn answer(seen: &Seen, text: &str, calls: &[(&str, String)]) -> Reply {
    let mut blocks = Vec::new();
    if seen.body.get("thinking").is_some() {
        blocks = vec![
            thought(),
            json!({"type": "redacted_thinking", "data": HIDDEN}),
        ];
    }
    if !text.is_empty() {
        blocks.push(json!({"type": "text", "text": text, "citations": null}));
    }
    blocks.extend(calls.iter().enumerate().map(|(at, (name, arguments))| {
        let input = serde_json::from_str(arguments).unwrap_or(Value::Null);
        json!({"type": "tool_use", "id": format!("toolu_abc{at}"), "name": name, "input": input})
    }));
    let reason = if calls.is_empty() {
        "end_turn"
    } else {
        "tool_use"
    };
    said(seen, &blocks, reason)
}

/// The answer of these blocks, in the form that was asked for.
pub(crate) fn said(seen: &Seen, blocks: &[Value], reason: &str) -> Reply {
    if seen.body["stream"] == true {
        let lines = events(blocks, reason).into_iter().map(String::into_bytes);
        Reply::raw(200, "text/event-stream; charset=utf-8", lines.collect())
    } else {
        Reply::json(200, &document(blocks, reason))
    }
    .header("request-id", "req_8")
}

/// A signed thought.
pub(crate) fn thought() -> Value {
    json!({"type": "thinking", "thinking": THOUGHT, "signature": signature(THOUGHT)})
}

fn signature(thought: &str) -> String {
    let mut hasher = DefaultHasher::new();
    thought.hash(&mut hasher);
    format!("sig+{:x}/==", hasher.finish())
}

fn usage(blocks: &[Value]) -> Value {
    let thinks = blocks.iter().any(|block| block["type"] == "thinking");
    let thinking = if thinks { 12 } else { 0 };
    json!({"input_tokens": 20, "cache_read_input_tokens": 90, "cache_creation_input_tokens": 10,
        "output_tokens": 30, "output_tokens_details": {"thinking_tokens": thinking},
        "service_tier": "standard"})
}

/// A whole answer as a document.
pub(crate) fn document(blocks: &[Value], reason: &str) -> Value {
    json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": blocks,
        "stop_reason": reason, "stop_sequence": null, "stop_details": null, "usage": usage(blocks)})
}

/// The same as events, words, thoughts and arguments in pieces.
pub(crate) fn events(blocks: &[Value], reason: &str) -> Vec<String> {
    let mut begun = document(&[], reason);
    for (name, value) in [("stop_reason", Value::Null), ("usage", usage(&[]))] {
        begun[name] = value;
    }
    begun["usage"]["output_tokens"] = json!(1);
    let mut made = vec![
        event(&json!({"type": "message_start", "message": begun})),
        event(&json!({"type": "ping"})),
    ];
    for (index, block) in blocks.iter().enumerate() {
        made.extend(of_block(index, block));
    }
    let output = json!({"output_tokens": 30, "output_tokens_details": usage(blocks)["output_tokens_details"]});
    made.push(event(&json!({"type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": null}, "usage": output})));
    made.push(event(&json!({"type": "message_stop"})));
    made
}

/// An event.
pub(crate) fn event(data: &Value) -> String {
    let kind = data["type"].as_str().unwrap_or_default();
    format!("event: {kind}\ndata: {data}\n\n")
}

fn of_block(index: usize, block: &Value) -> Vec<String> {
    let delta = |kind: &str, key: &str, piece: &str| {
        event(
            &json!({"type": "content_block_delta", "index": index, "delta": {"type": kind, key: piece}}),
        )
    };
    let text = |key: &str| block[key].as_str().unwrap_or_default();
    let mut begun = block.clone();
    let mut made = Vec::new();
    match text("type") {
        "text" => {
            begun["text"] = json!("");
            let words = text("text").split_inclusive(' ');
            made.extend(words.map(|word| delta("text_delta", "text", word)));
        }
        "thinking" => {
            (begun["thinking"], begun["signature"]) = (json!(""), json!(""));
            let words = text("thinking").split_inclusive(' ');
            made.extend(words.map(|word| delta("thinking_delta", "thinking", word)));
            made.push(delta("signature_delta", "signature", text("signature")));
        }
        "tool_use" => {
            begun["input"] = json!({});
            made.push(delta("input_json_delta", "partial_json", ""));
            let input = block["input"].to_string();
            let letters: Vec<char> = input.chars().filter(|_| input != "{}").collect();
            made.extend(letters.chunks(5).map(|piece| {
                let piece: String = piece.iter().collect();
                delta("input_json_delta", "partial_json", &piece)
            }));
        }
        _ => {}
    }
    let start = json!({"type": "content_block_start", "index": index, "content_block": begun});
    made.insert(0, event(&start));
    made.push(event(
        &json!({"type": "content_block_stop", "index": index}),
    ));
    made
}
