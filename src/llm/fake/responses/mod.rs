//! Responses as OpenAI publishes it.

mod items;
mod rules;

use serde_json::{Value, json};

pub(crate) use super::openai::error;
use super::{Reply, Rules, Seen};

/// What it says of requests.
pub(crate) const RULES: Rules = Rules {
    root: "/v1",
    check: rules::check,
    refusal: |violation| error(400, "invalid_request_error", violation),
};

/// The answer with these words and calls (name and arguments), in the form that was asked for.
/// A reasoning model reasons first, and everything it then says belongs to that.
pub(crate) fn answer(seen: &Seen, text: &str, calls: &[(&str, String)]) -> Reply {
    let turn = seen.body["input"].as_array().map_or(0, Vec::len);
    let reasons = seen.body.get("include").is_some();
    let items = items(turn, reasons, text, calls);
    if seen.body["stream"] == true {
        stream(&events(&items))
    } else {
        Reply::json(200, &response("completed", &items))
    }
}

/// The items of an answer, numbered by the turn.
pub(crate) fn items(
    turn: usize,
    reasons: bool,
    text: &str,
    calls: &[(&str, String)],
) -> Vec<Value> {
    let mut items = Vec::new();
    if reasons {
        items.push(
            json!({"id": format!("rs_{turn}"), "type": "reasoning", "summary": [],
            "encrypted_content": format!("gAAAA-{turn}==")}),
        );
    }
    if !text.is_empty() || calls.is_empty() {
        let part = json!({"type": "output_text", "annotations": [], "logprobs": [], "text": text});
        items.push(
            json!({"id": format!("msg_{turn}"), "type": "message", "status": "completed",
            "content": [part], "role": "assistant"}),
        );
    }
    for (at, (name, arguments)) in calls.iter().enumerate() {
        items.push(
            json!({"id": format!("fc_{turn}_{at}"), "type": "function_call",
            "status": "completed", "arguments": arguments, "call_id": format!("call_{turn}_{at}"),
            "name": name}),
        );
    }
    items
}

/// A whole answer as a document.
pub(crate) fn response(status: &str, items: &[Value]) -> Value {
    let usage = json!({"input_tokens": 120, "input_tokens_details": {"cached_tokens": 100},
        "output_tokens": 30, "output_tokens_details": {"reasoning_tokens": 12},
        "total_tokens": 150});
    json!({"id": "resp_1", "object": "response", "created_at": 1, "status": status,
        "error": null, "incomplete_details": null, "model": "m", "output": items,
        "parallel_tool_calls": true, "store": false, "text": {"format": {"type": "text"}},
        "usage": if status == "in_progress" { Value::Null } else { usage }})
}

/// The same as events, words and arguments in pieces.
pub(crate) fn events(items: &[Value]) -> Vec<Value> {
    let begun = response("in_progress", &[]);
    let mut events = vec![
        json!({"type": "response.created", "response": begun}),
        json!({"type": "response.in_progress", "response": begun}),
    ];
    for (place, item) in items.iter().enumerate() {
        let (mut blank, mut inside) = (item.clone(), Vec::new());
        match item["type"].as_str() {
            Some("message") => {
                blank["content"] = json!([]);
                let parts = item["content"].as_array().into_iter().flatten();
                inside = parts.enumerate().flat_map(said).collect();
            }
            Some("function_call") => {
                blank["arguments"] = json!("");
                inside = argued(item["arguments"].as_str().unwrap_or_default());
            }
            Some("reasoning") => blank["encrypted_content"] = json!(""),
            _ => {}
        }
        if blank.get("status").is_some() {
            blank["status"] = json!("in_progress");
        }
        let about = |mut event: Value| {
            event["output_index"] = json!(place);
            event
        };
        events.push(about(
            json!({"type": "response.output_item.added", "item": blank}),
        ));
        events.extend(inside.into_iter().map(|mut event| {
            event["item_id"] = item["id"].clone();
            about(event)
        }));
        events.push(about(
            json!({"type": "response.output_item.done", "item": item}),
        ));
    }
    let end = response("completed", items);
    events.push(json!({"type": "response.completed", "response": end}));
    for (number, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = json!(number);
    }
    events
}

/// The events of a part of a message.
fn said((at, part): (usize, &Value)) -> Vec<Value> {
    let (kind, key) = match part["type"].as_str() {
        Some("refusal") => ("refusal", "refusal"),
        _ => ("output_text", "text"),
    };
    let mut blank = part.clone();
    blank[key] = json!("");
    let mut events =
        vec![json!({"type": "response.content_part.added", "content_index": at, "part": blank})];
    let words = part[key].as_str().unwrap_or_default().split_inclusive(' ');
    events.extend(words.map(|word| {
        json!({"type": format!("response.{kind}.delta"), "content_index": at, "delta": word,
            "logprobs": [], "obfuscation": "x"})
    }));
    events.push(
        json!({"type": format!("response.{kind}.done"), "content_index": at, key: part[key]}),
    );
    events.push(json!({"type": "response.content_part.done", "content_index": at, "part": part}));
    events
}

/// The events of the arguments of a call.
fn argued(arguments: &str) -> Vec<Value> {
    let letters: Vec<char> = arguments.chars().collect();
    let pieces = letters.chunks(5).map(String::from_iter);
    let mut events: Vec<Value> = pieces
        .map(|piece| json!({"type": "response.function_call_arguments.delta", "delta": piece}))
        .collect();
    events.push(json!({"type": "response.function_call_arguments.done", "arguments": arguments}));
    events
}

/// Events on their way.
pub(crate) fn stream(events: &[Value]) -> Reply {
    let lines = events.iter().map(|event| {
        let kind = event["type"].as_str().unwrap_or_default();
        format!("event: {kind}\ndata: {event}\n\n").into_bytes()
    });
    Reply::raw(200, "text/event-stream; charset=utf-8", lines.collect())
}
