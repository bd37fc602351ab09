//! The protocol against a server that knows its rules, and some that do not.

mod answers;
mod faults;
mod requests;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::Model as _;
use super::super::conformance;
use super::super::endpoint::{Endpoint, Secret, Skills};
use super::super::fake::{End, Fake, Reply, Seen, responses};
use super::super::http::Limits;
use super::super::protocol::Caller;
use super::*;
use crate::domain::message::{Effort, FinishReason, Message, ModelAnswer};
use crate::domain::phase::Agent;
use crate::domain::tape::ModelFailure;

type OpenAiResponses = Caller<Responses>;

const KEY: &str = "sk-canary-0123456789abcdef";

/// A model that answers at once, and one that reasons first.
const MODELS: [&str; 2] = ["gpt-4.1", "gpt-5-mini"];

fn endpoint(base: &str, name: &str, stream: bool) -> Endpoint {
    Endpoint {
        name: "fast".into(),
        provider: "lab".into(),
        model: name.into(),
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

fn model_at(endpoint: Endpoint) -> OpenAiResponses {
    OpenAiResponses::new(endpoint, Arc::default(), conformance::clock())
}

fn model(fake: &Fake, name: &str, stream: bool) -> OpenAiResponses {
    model_at(endpoint(fake.base(), name, stream))
}

fn user(text: &str) -> Message {
    Message::User { text: text.into() }
}

fn request() -> ModelRequest {
    conformance::request(Agent::Builder, vec![user("go")])
}

async fn ask(model: &OpenAiResponses, request: &ModelRequest) -> Result<ModelAnswer, ModelFailure> {
    let prepared = model.prepare(request, &[])?;
    model.call(request, &prepared, &|_| {}).await.result
}

/// Asks once, streaming or not, a server that always answers so.
async fn answer_of(stream: bool, reply: Reply) -> Result<ModelAnswer, ModelFailure> {
    let fake = Fake::start(responses::RULES, move |_| reply.clone());
    let answer = ask(&model(&fake, MODELS[1], stream), &request()).await;
    assert_eq!(fake.seen().len(), 1);
    answer
}

/// The conversation after an answer whose calls are all carried out.
fn goes_on(mut messages: Vec<Message>, answer: ModelAnswer) -> Vec<Message> {
    messages.push(Message::Assistant {
        text: answer.text,
        tool_calls: answer.tool_calls.clone(),
        native: answer.native,
    });
    messages.extend(answer.tool_calls.into_iter().map(|call| Message::Tool {
        call_id: call.id,
        name: call.name,
        text: "done".into(),
        is_error: false,
    }));
    messages
}

/// The items of a request.
fn input(seen: &Seen) -> &[Value] {
    seen.body["input"].as_array().expect("a list")
}

#[tokio::test]
async fn it_conforms_streaming_and_not() {
    for (name, stream) in [
        (MODELS[0], true),
        (MODELS[0], false),
        (MODELS[1], true),
        (MODELS[1], false),
    ] {
        let fake = Fake::start(responses::RULES, |seen| {
            let last = input(seen).last().cloned().unwrap_or_default();
            if last["content"][0]["text"] == "tools" {
                let read = ("read_file", json!({"path": "größe.rs"}).to_string());
                let list = ("list_files", "{}".to_owned());
                responses::answer(seen, "I look.", &[read, list])
            } else {
                responses::answer(seen, "Hello there, friend.", &[])
            }
        });
        conformance::holds(&model(&fake, name, stream)).await;
        assert_eq!(fake.seen().len(), 3);
    }
}

#[tokio::test]
async fn twenty_turns_break_no_rule_and_reasoning_stays_with_its_calls() {
    for (name, stream) in [
        (MODELS[0], true),
        (MODELS[0], false),
        (MODELS[1], true),
        (MODELS[1], false),
    ] {
        let fake = Fake::start(responses::RULES, |seen| {
            let calls = ["a", "ß"].map(|path| ("read_file", json!({"path": path}).to_string()));
            responses::answer(
                seen,
                if input(seen).len() % 2 == 1 {
                    "I look."
                } else {
                    ""
                },
                &calls,
            )
        });
        let model = model(&fake, name, stream);
        let mut messages = vec![user("go")];
        for turn in 0..20 {
            let request = ModelRequest {
                effort: Some(Effort::Medium),
                ..conformance::request(Agent::Builder, messages.clone())
            };
            let answer = ask(&model, &request).await.expect("answers");
            assert_eq!(answer.tool_calls.len(), 2);
            assert_eq!(answer.native.is_some(), name == MODELS[1]);
            messages = goes_on(messages, answer);
            if turn == 10 {
                messages.push(user("on"));
            }
        }
        let seen = fake.seen();
        assert_eq!(seen.len(), 20);
        let items = input(&seen[19]);
        let made = items.iter().filter(|item| item["type"] == "reasoning");
        assert_eq!(made.count(), if name == MODELS[1] { 19 } else { 0 });
        assert!(
            input(&seen[19]).starts_with(input(&seen[18])),
            "a stable prefix"
        );
    }
}

#[tokio::test]
async fn the_items_of_a_model_are_said_back_as_it_made_them() {
    let items = [
        json!({"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}],
            "encrypted_content": "gAAAA-1=="}),
        json!({"id": "cmp_1", "type": "compaction", "encrypted_content": "x"}),
        json!({"id": "msg_1", "type": "message", "status": "completed", "role": "assistant",
            "phase": "commentary", "content": [{"type": "output_text", "text": "I look.",
            "annotations": [], "logprobs": []}]}),
        json!({"id": "fc_1_0", "type": "function_call", "status": "completed", "name": "read_file",
            "arguments": "{ \"path\" : \"a\" }", "call_id": "call_1"}),
    ];
    for stream in [true, false] {
        let made = items.clone();
        let fake = Fake::start(responses::RULES, move |seen| match input(seen).len() {
            1 if stream => responses::stream(&responses::events(&made)),
            1 => Reply::json(200, &responses::response("completed", &made)),
            _ => responses::answer(seen, "fine", &[]),
        });
        let model = model(&fake, MODELS[1], stream);
        let answer = ask(&model, &request()).await.expect("answers");
        assert_eq!(answer.text, "I look.");
        let messages = goes_on(vec![user("go")], answer);
        let next = conformance::request(Agent::Builder, messages.clone());
        ask(&model, &next).await.expect("answers");
        assert_eq!(input(&fake.seen()[1])[1..5], items);

        // To any other model they mean nothing.
        let other = model_at(endpoint(fake.base(), "gpt-5", stream));
        ask(&other, &next).await.expect("answers");
        let seen = fake.seen();
        let told = &input(&seen[2])[1..];
        assert_eq!(
            told[0],
            json!({"type": "message", "role": "assistant", "content": "I look."})
        );
        assert_eq!(told[1]["arguments"], "{\"path\":\"a\"}");
        assert_eq!(told[1].get("id"), None);
    }
}

#[tokio::test]
async fn usage_counts_cached_and_reasoning_tokens() {
    for stream in [true, false] {
        let fake = Fake::start(responses::RULES, |seen| {
            responses::answer(seen, "hello", &[])
        });
        let answer = ask(&model(&fake, MODELS[1], stream), &request()).await;
        let usage = answer.expect("answers").usage;
        let counts = (
            usage.input_tokens,
            usage.cached_input_tokens,
            usage.output_tokens,
        );
        assert_eq!((counts, usage.reasoning_tokens), ((120, 100, 30), 12));
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_closes_its_connection() {
    let fake = Fake::start(responses::RULES, |seen| {
        let reply = responses::answer(seen, "never", &[]);
        reply.shortened(7).ending(End::Hanging)
    });
    let model = model(&fake, MODELS[1], true);
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
