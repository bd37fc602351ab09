//! Runs that a model behind Gemini's own protocol drives, streaming and not.

use std::sync::{Arc, Mutex};

use rgpt::domain::message::{Message, ModelAnswer, ModelRequest, ToolCall};
use serde_json::{Value, json};

use crate::sandbox::{Sandbox, events};
use crate::wire::fake::{Fake, Reply, Seen, gemini};
use crate::wire::{self, Wire, course, greeting, replies};

const KEY: &str = "AIzaSyCanary-b3dEf6hIj9kLmNoPqRsTuVwXyZ";

/// A model that refuses calls of its own without their signatures.
const MODEL: &str = "gemini-3-flash-preview";

/// How it is spoken.
const GEMINI: Wire = Wire {
    rules: gemini::RULES,
    request,
    answer,
};

fn answer(seen: &Seen, answer: &ModelAnswer) -> Reply {
    let calls = answer.tool_calls.iter();
    let calls: Vec<_> = calls
        .map(|call| (call.name.as_str(), call.arguments.clone()))
        .collect();
    gemini::answer(seen, &answer.text, &calls)
}

/// What the body of a request asks. Calls and their answers pair by their places.
fn request(body: &Value) -> ModelRequest {
    let contents = body["contents"].as_array().unwrap();
    let mut messages = Vec::new();
    for (turn, content) in contents.iter().enumerate() {
        let parts = content["parts"].as_array().unwrap();
        let of = |kind: &str| -> Vec<Value> {
            parts
                .iter()
                .filter_map(|part| part.get(kind))
                .cloned()
                .collect()
        };
        let text: String = of("text").iter().filter_map(Value::as_str).collect();
        let id = |turn: usize, at: usize| format!("{turn}-{at}");
        if content["role"] == "model" {
            let calls = of("functionCall").into_iter().enumerate();
            let call = |(at, call): (usize, Value)| ToolCall {
                id: id(turn, at),
                name: call["name"].as_str().unwrap().to_owned(),
                arguments: call["args"].clone(),
            };
            messages.push(Message::Assistant {
                text,
                tool_calls: calls.map(call).collect(),
                native: None,
            });
            continue;
        }
        let answers = of("functionResponse").into_iter().enumerate();
        messages.extend(answers.map(|(at, answer)| {
            let response = answer["response"].as_object().unwrap();
            let (kind, text) = response.iter().next().unwrap();
            Message::Tool {
                call_id: id(turn - 1, at),
                name: answer["name"].as_str().unwrap().to_owned(),
                text: text.as_str().unwrap().to_owned(),
                is_error: kind == "error",
            }
        }));
        if !text.is_empty() {
            messages.push(Message::User { text });
        }
    }
    let system = body["systemInstruction"]["parts"][0]["text"].as_str();
    wire::asked(system.unwrap(), messages)
}

fn sandbox_with(server: &Fake, stream: bool) -> Sandbox {
    wire::sandbox(server, "gemini", MODEL, KEY, stream)
}

#[test]
fn a_run_ends_like_the_scripted_one_and_replays_without_the_server() {
    let scripted = Sandbox::new();
    scripted.script(&replies());
    let (code, expected) = scripted.run(&[]);
    assert_eq!(code, 0, "{expected:#}");
    for stream in [true, false] {
        let server = wire::server(GEMINI, &replies(), |_, _| None);
        let mut sandbox = sandbox_with(&server, stream);
        let (code, summary) = sandbox.run(&[]);
        assert_eq!(code, 0, "{summary:#}");
        assert_eq!(course(&summary), course(&expected));
        let usage = &summary["run"]["usage"];
        assert_eq!(usage["cached_input_tokens"], 700);
        assert_eq!(
            (&usage["output_tokens"], &usage["reasoning_tokens"]),
            (&json!(210), &json!(84))
        );
        let seen = server.seen();
        assert_eq!(seen.len(), 7);
        for seen in &seen {
            let method = seen.head.split_once(':').unwrap().1;
            assert_eq!(method.starts_with("streamGenerateContent?alt=sse "), stream);
            assert!(
                seen.head
                    .contains(&format!("\r\nx-goog-api-key: {KEY}\r\n"))
            );
            let marked = seen.body.to_string().contains("skip_thought_signature");
            assert!(!marked, "its own signatures come back: {}", seen.body);
        }
        wire::assert_nowhere(&sandbox, KEY);

        sandbox.set("LAB_KEY", "");
        let replayed = sandbox.rgpt(&["replay", "--run", "1", "--offline", "--json"]);
        assert_eq!(replayed.code, 0, "{replayed:#?}");
        let replayed = replayed.summary();
        assert_eq!(replayed["replay"]["result"], "equal", "{replayed:#}");
        assert_eq!(replayed["run"]["tree"], summary["run"]["tree"]);
        assert_eq!(server.seen().len(), 7, "nobody is asked");
    }
}

#[test]
fn a_server_that_asks_for_patience_gets_it() {
    let server = wire::server(GEMINI, &greeting(), |number, _| {
        let details =
            json!([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.02s"}]);
        let error = json!({"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED", "details": details});
        (number < 2).then(|| Reply::json(429, &json!({"error": error})))
    });
    let sandbox = sandbox_with(&server, true);
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    assert_eq!(summary["run"]["heal_count"], 0);
    assert_eq!(server.seen().len(), 5);
}

#[test]
fn a_wrong_key_waits_for_a_person_and_is_nowhere_to_be_seen() {
    let refused = Arc::new(Mutex::new(true));
    let wrong = refused.clone();
    let server = wire::server(GEMINI, &greeting(), move |_, _| {
        let words = format!("API key not valid: {KEY}");
        let refused = *wrong.lock().unwrap();
        refused.then(|| gemini::error(400, "INVALID_ARGUMENT", &words))
    });
    let sandbox = sandbox_with(&server, true);
    let outcome = sandbox.rgpt(&["run", "--goal", "greet the world", "-vv"]);
    assert_eq!(outcome.code, 3, "{outcome:#?}");
    assert_eq!(server.seen().len(), 1, "a wrong key is not tried again");
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    for words in [
        "status 400",
        "API key not valid: [key]",
        "export LAB_KEY=",
        "rgpt resume",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains(KEY), "{said}");
    wire::assert_nowhere(&sandbox, KEY);
    *refused.lock().unwrap() = false;
    let resumed = sandbox.rgpt(&["resume", "--json"]);
    assert_eq!(resumed.code, 0, "{resumed:#?}");
    assert_eq!(events(&resumed.summary(), "run.resumed").len(), 1);
}
