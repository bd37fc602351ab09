//! Chat completions as OpenAI publishes it.

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
pub(crate) fn answer(seen: &Seen, text: &str, calls: &[(&str, String)]) -> Reply {
    if seen.body["stream"] == true {
        let pieces = events(text, calls).into_iter();
        let lines = pieces.map(|event| format!("data: {event}\n\n").into_bytes());
        Reply::raw(200, "text/event-stream", lines.collect())
    } else {
        Reply::json(200, &document(text, calls))
    }
}

fn usage() -> Value {
    json!({"prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150,
        "prompt_tokens_details": {"cached_tokens": 100},
        "completion_tokens_details": {"reasoning_tokens": 12}})
}

fn reason(calls: &[(&str, String)]) -> &'static str {
    if calls.is_empty() {
        "stop"
    } else {
        "tool_calls"
    }
}

/// A whole answer as a document.
pub(crate) fn document(text: &str, calls: &[(&str, String)]) -> Value {
    let made = calls.iter().enumerate().map(|(at, (name, arguments))| {
        json!({"id": format!("call_abc{at}"), "type": "function",
            "function": {"name": name, "arguments": arguments}})
    });
    let mut message = json!({"role": "assistant", "content": text, "refusal": null});
    if !calls.is_empty() {
        message["tool_calls"] = made.collect();
    }
    json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": reason(calls)}],
        "usage": usage()})
}

/// The same as the data of events, words and arguments in pieces.
pub(crate) fn events(text: &str, calls: &[(&str, String)]) -> Vec<String> {
    let chunk = |delta: Value, finish: Value| {
        json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}],
            "usage": null, "obfuscation": "x"})
    };
    let delta = |delta: Value| chunk(delta, Value::Null);
    let mut made = vec![delta(
        json!({"role": "assistant", "content": "", "refusal": null}),
    )];
    let words = text.split_inclusive(' ');
    made.extend(words.map(|word| delta(json!({"content": word}))));
    for (index, (name, arguments)) in calls.iter().enumerate() {
        let call = |call: Value| delta(json!({"tool_calls": [call]}));
        made.push(call(
            json!({"index": index, "id": format!("call_abc{index}"), "type": "function",
            "function": {"name": name, "arguments": ""}}),
        ));
        let letters: Vec<char> = arguments.chars().collect();
        made.extend(letters.chunks(5).map(|piece| {
            let piece: String = piece.iter().collect();
            call(json!({"index": index, "function": {"arguments": piece}}))
        }));
    }
    made.push(chunk(json!({}), json!(reason(calls))));
    let mut last = delta(json!({}));
    last["choices"] = json!([]);
    last["usage"] = usage();
    made.push(last);
    let farewell = std::iter::once("[DONE]".to_owned());
    made.iter().map(Value::to_string).chain(farewell).collect()
}
