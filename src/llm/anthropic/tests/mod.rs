//! The protocol against a server that knows its rules, and some that do not.

mod answers;
mod faults;
mod pauses;
mod requests;

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::Model as _;
use super::super::conformance;
use super::super::endpoint::{Endpoint, Secret, Skills};
use super::super::fake::{End, Fake, Reply, Seen, anthropic};
use super::super::http::Limits;
use super::super::protocol::Caller;
use super::*;
use crate::domain::message::{Effort, FinishReason, Message, ModelAnswer, Native, ToolCall};
use crate::domain::phase::Agent;
use crate::domain::tape::ModelFailure;

type Anthropic = Caller<Messages>;

const KEY: &str = "sk-ant-api03-canary-0123456789abcdef";
const ADAPTIVE: &str = "claude-sonnet-4-6";
const BUDGETED: &str = "claude-sonnet-4-5";

fn endpoint(base: &str, stream: bool) -> Endpoint {
    Endpoint {
        name: "fast".into(),
        provider: "lab".into(),
        model: ADAPTIVE.into(),
        base: base.into(),
        key: Secret::new(KEY),
        key_variable: Some("LAB_KEY".into()),
        stream,
        limits: Limits::new(None, stream),
        skills: Skills {
            json: true,
            ..Skills::default()
        },
    }
}

fn named(name: &str, base: &str, stream: bool) -> Endpoint {
    Endpoint {
        model: name.into(),
        ..endpoint(base, stream)
    }
}

fn model_at(endpoint: Endpoint) -> Anthropic {
    Anthropic::new(endpoint, Arc::default(), conformance::clock())
}

fn model(fake: &Fake, stream: bool) -> Anthropic {
    model_at(endpoint(fake.base(), stream))
}

fn user(text: &str) -> Message {
    Message::User { text: text.into() }
}

fn request() -> ModelRequest {
    conformance::request(Agent::Builder, vec![user("go")])
}

fn thinking(effort: Effort) -> ModelRequest {
    ModelRequest {
        effort: Some(effort),
        max_output: 8_000,
        ..request()
    }
}

fn said(answer: ModelAnswer) -> Message {
    Message::Assistant {
        text: answer.text,
        tool_calls: answer.tool_calls,
        native: answer.native,
    }
}

fn answered(call: &ToolCall, text: &str, is_error: bool) -> Message {
    Message::Tool {
        call_id: call.id.clone(),
        name: call.name.clone(),
        text: text.into(),
        is_error,
    }
}

async fn ask(model: &Anthropic, request: &ModelRequest) -> Result<ModelAnswer, ModelFailure> {
    let prepared = model.prepare(request, &[])?;
    model.call(request, &prepared, &|_| {}).await.result
}

/// Asks once, streaming or not, a server that always answers so.
async fn answer_of(stream: bool, reply: Reply) -> Result<ModelAnswer, ModelFailure> {
    let fake = Fake::start(anthropic::RULES, move |_| reply.clone());
    let answer = ask(&model(&fake, stream), &request()).await;
    assert_eq!(fake.seen().len(), 1);
    answer
}

#[tokio::test]
async fn it_conforms_streaming_and_not() {
    for stream in [true, false] {
        let fake = Fake::start(anthropic::RULES, |seen| {
            let last = seen.body["messages"].as_array().and_then(|all| all.last());
            if last.is_some_and(|last| last["content"][0]["text"] == "tools") {
                let read = ("read_file", json!({"path": "größe.rs"}).to_string());
                let list = ("list_files", "{}".to_owned());
                anthropic::answer(seen, "I look.", &[read, list])
            } else {
                anthropic::answer(seen, "Hello there, friend.", &[])
            }
        });
        conformance::holds(&model(&fake, stream)).await;
        assert_eq!(fake.seen().len(), 3);
    }
}

#[tokio::test]
async fn twenty_turns_of_thoughts_and_calls_break_no_rule() {
    for (name, stream) in [
        (ADAPTIVE, true),
        (ADAPTIVE, false),
        (BUDGETED, true),
        (BUDGETED, false),
    ] {
        let fake = Fake::start(anthropic::RULES, |seen| {
            // A server that always gives the same ids.
            let calls = ["a", "b"].map(|path| ("read_file", json!({"path": path}).to_string()));
            anthropic::answer(seen, "I look.", &calls)
        });
        let model = model_at(named(name, fake.base(), stream));
        let mut request = thinking(Effort::Medium);
        for turn in 0..20 {
            let answer = ask(&model, &request).await.expect("answers");
            assert_eq!(answer.tool_calls.len(), 2);
            let native = answer.native.as_ref().expect("thoughts");
            assert_eq!(native.by, format!("anthropic/{name}"));
            assert_eq!(native.parts[0], anthropic::thought());
            assert_eq!(native.parts.len(), 5);
            let calls = answer.tool_calls.clone();
            request.messages.push(said(answer));
            let results = calls.iter().map(|call| answered(call, "", turn % 2 == 0));
            request.messages.extend(results);
            if turn % 5 == 4 {
                request.messages.push(user("go on"));
            }
        }
        let seen = fake.seen();
        assert_eq!(seen.len(), 20);
        assert!(seen.iter().all(|seen| seen.body.get("thinking").is_some()));
    }
}

#[tokio::test]
async fn usage_counts_cached_and_thinking_tokens() {
    for stream in [true, false] {
        let fake = Fake::start(anthropic::RULES, |seen| {
            anthropic::answer(seen, "hello", &[])
        });
        let answer = ask(&model(&fake, stream), &thinking(Effort::Low)).await;
        let usage = answer.expect("answers").usage;
        let prompt = (usage.input_tokens, usage.cached_input_tokens);
        assert_eq!(prompt, (120, 90));
        assert_eq!((usage.output_tokens, usage.reasoning_tokens), (30, 12));
        assert_eq!(usage.model_calls, 1);
    }
}
