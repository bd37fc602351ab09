//! The protocol against a server that knows its rules, and some that do not.

mod answers;
mod faults;
mod requests;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::Model as _;
use super::super::conformance;
use super::super::endpoint::Skills;
use super::super::fake::{End, Fake, Reply, Seen, ollama};
use super::super::http::Limits;
use super::super::protocol::Caller;
use super::*;
use crate::domain::message::{FinishReason, Message, Native};
use crate::domain::phase::Agent;
use crate::domain::tape::ModelFailure;

type Ollama = Caller<Chat>;

const KEY: &str = "ollama-canary-0123456789abcdef";

fn endpoint(base: &str, stream: bool) -> Endpoint {
    Endpoint {
        name: "fast".into(),
        provider: "lab".into(),
        model: "m".into(),
        base: base.into(),
        key: None,
        key_variable: None,
        stream,
        limits: Limits::new(None, stream),
        skills: Skills {
            json: true,
            ..Skills::default()
        },
    }
}

fn model_at(endpoint: Endpoint) -> Ollama {
    Ollama::new(endpoint, Arc::default(), conformance::clock())
}

fn model(fake: &Fake, stream: bool) -> Ollama {
    model_at(endpoint(fake.base(), stream))
}

fn user(text: &str) -> Message {
    Message::User { text: text.into() }
}

fn request() -> ModelRequest {
    conformance::request(Agent::Builder, vec![user("go")])
}

async fn ask(model: &Ollama, request: &ModelRequest) -> Result<ModelAnswer, ModelFailure> {
    let prepared = model.prepare(request, &[])?;
    model.call(request, &prepared, &|_| {}).await.result
}

/// Asks once, streaming or not, a server that always answers so.
async fn answer_of(stream: bool, reply: Reply) -> Result<ModelAnswer, ModelFailure> {
    let fake = Fake::start(ollama::RULES, move |_| reply.clone());
    let answer = ask(&model(&fake, stream), &request()).await;
    assert_eq!(fake.seen().len(), 1);
    answer
}

/// A stream of these lines.
fn stream_of(lines: &[Value]) -> Reply {
    let lines = lines.iter().map(|line| format!("{line}\n").into_bytes());
    Reply::raw(200, "application/x-ndjson", lines.collect())
}

fn said(message: Value) -> Value {
    json!({"model": "m", "message": message, "done": false})
}

fn words(text: &str) -> Value {
    said(json!({"role": "assistant", "content": text}))
}

fn end(reason: &str) -> Value {
    json!({"model": "m", "message": {"role": "assistant", "content": ""}, "done": true,
        "done_reason": reason, "prompt_eval_count": 7, "eval_count": 2})
}

#[tokio::test]
async fn it_conforms_streaming_and_not() {
    for stream in [true, false] {
        let fake = Fake::start(ollama::RULES, |seen| {
            let last = seen.body["messages"].as_array().and_then(|all| all.last());
            if last.is_some_and(|last| last["content"] == "tools") {
                let read = ("read_file", json!({"path": "größe.rs"}).to_string());
                let list = ("list_files", "{}".to_owned());
                ollama::answer(seen, "I look.", &[read, list])
            } else {
                ollama::answer(seen, "Hello there, friend.", &[])
            }
        });
        conformance::holds(&model(&fake, stream)).await;
        let seen = fake.seen();
        assert_eq!(seen.len(), 3);
        assert!(seen.iter().all(|seen| seen.body["stream"] == stream));
    }
}

/// Twenty turns of a model that thinks aloud, and whose server gives the same ids again or none.
#[tokio::test]
async fn twenty_turns_break_no_rule() {
    for stream in [true, false] {
        let fake = Fake::start(ollama::RULES, |seen| {
            let turn = seen.body["messages"].as_array().map_or(0, Vec::len);
            let call = |path: &str| {
                let mut call =
                    json!({"function": {"name": "read_file", "arguments": {"path": path}}});
                if turn % 2 == 0 {
                    call["id"] = json!("call_1");
                }
                call
            };
            let mut last = end("stop");
            last["message"] = json!({"role": "assistant", "content": "", "thinking": format!("hm {turn}"),
                "tool_calls": [call("a"), call("b")]});
            if seen.body["stream"] == true {
                stream_of(&[last])
            } else {
                Reply::json(200, &last)
            }
        });
        let model = model(&fake, stream);
        let mut messages = vec![user("go")];
        for _ in 0..20 {
            let request = conformance::request(Agent::Builder, messages.clone());
            let answer = ask(&model, &request).await.expect("answers");
            assert_eq!(answer.tool_calls.len(), 2);
            assert_eq!(answer.text, "", "thoughts are no words");
            messages.push(Message::Assistant {
                text: answer.text,
                tool_calls: answer.tool_calls.clone(),
                native: answer.native,
            });
            messages.extend(answer.tool_calls.into_iter().map(|call| Message::Tool {
                call_id: call.id,
                name: call.name,
                text: String::new(),
                is_error: true,
            }));
        }
        let seen = fake.seen();
        assert_eq!(seen.len(), 20);
        let last = seen[19].body["messages"].as_array().expect("messages");
        let thoughts: Vec<&Value> = last
            .iter()
            .filter_map(|message| message.get("thinking"))
            .collect();
        assert_eq!(thoughts.len(), 19);
        assert_eq!(thoughts[..2], [&json!("hm 2"), &json!("hm 5")]);
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_closes_its_connection() {
    let fake = Fake::start(ollama::RULES, |seen| {
        ollama::answer(seen, "never ever", &[])
            .shortened(1)
            .ending(End::Hanging)
    });
    let model = model(&fake, true);
    let (heard, mut hears) = tokio::sync::mpsc::unbounded_channel();
    let request = request();
    let prepared = model.prepare(&request, &[]).expect("prepares");
    let on_token = move |_: &str| heard.send(()).unwrap_or_default();
    tokio::select! {
        _ = model.call(&request, &prepared, &on_token) => panic!("it does not answer"),
        _ = hears.recv() => {}
    }
    // The server notices, or this never ends.
    while fake.left() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
