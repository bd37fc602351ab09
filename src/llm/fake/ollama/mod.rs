//! Ollama's own protocol as it is published.

mod rules;

use serde_json::{Value, json};

use super::{Reply, Rules, Seen};

/// What it says of requests. The real server drops what it does not know without a word.
pub(crate) const RULES: Rules = Rules {
    root: "",
    check: rules::check,
    refusal: |violation| error(400, violation),
};

/// An error as Ollama words it.
pub(crate) fn error(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({"error": message}))
}

/// The answer with these words and calls (name and arguments), in the form that was asked for.
pub(crate) fn answer(seen: &Seen, text: &str, calls: &[(&str, String)]) -> Reply {
    if seen.body["stream"] == true {
        let pieces = lines(text, calls).into_iter();
        let lines = pieces.map(|line| format!("{line}\n").into_bytes());
        Reply::raw(200, "application/x-ndjson", lines.collect())
    } else {
        Reply::json(200, &document(text, calls))
    }
}

fn piece(message: Value) -> Value {
    json!({"model": "m", "created_at": "2026-11-01T10:00:00.123456789Z", "message": message,
        "done": false})
}

fn made(calls: &[(&str, String)]) -> Value {
    let call = |(at, (name, arguments)): (usize, &(&str, String))| {
        let arguments: Value = serde_json::from_str(arguments).unwrap();
        json!({"id": format!("call_abc{at}"),
            "function": {"index": at, "name": name, "arguments": arguments}})
    };
    calls.iter().enumerate().map(call).collect()
}

/// The last piece: why it is the last, and what the call used.
fn finished(message: Value) -> Value {
    let mut last = piece(message);
    last["done"] = json!(true);
    let end = json!({"done_reason": "stop", "total_duration": 5_043_500_667_u64,
        "load_duration": 5_025_959, "prompt_eval_count": 120,
        "prompt_eval_duration": 325_953_000, "eval_count": 30, "eval_duration": 4_709_213_000_u64});
    let end = end.as_object().cloned().unwrap_or_default();
    last.as_object_mut().unwrap().extend(end);
    last
}

/// A whole answer as a document.
pub(crate) fn document(text: &str, calls: &[(&str, String)]) -> Value {
    let mut message = json!({"role": "assistant", "content": text});
    if !calls.is_empty() {
        message["tool_calls"] = made(calls);
    }
    finished(message)
}

/// The same line by line, the words in pieces. Letters that mean something in HTML are escaped.
pub(crate) fn lines(text: &str, calls: &[(&str, String)]) -> Vec<String> {
    let said = |words: &str| piece(json!({"role": "assistant", "content": words}));
    let mut all: Vec<Value> = text.split_inclusive(' ').map(said).collect();
    if !calls.is_empty() {
        let message = json!({"role": "assistant", "content": "", "tool_calls": made(calls)});
        all.push(piece(message));
    }
    all.push(finished(json!({"role": "assistant", "content": ""})));
    let escaped = |line: &Value| {
        let line = line.to_string().replace('<', "\\u003c");
        line.replace('>', "\\u003e").replace('&', "\\u0026")
    };
    all.iter().map(escaped).collect()
}
