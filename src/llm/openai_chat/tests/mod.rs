//! The protocol against a server that knows its rules, and some that do not.

mod answers;
mod extras;
mod faults;
mod requests;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::Model as _;
use super::super::conformance;
use super::super::endpoint::{Endpoint, Secret, Skills};
use super::super::fake::{End, Fake, Reply, Seen, chat};
use super::super::http::Limits;
use super::super::protocol::Caller;
use super::*;
use crate::domain::message::{FinishReason, Message, ModelAnswer};
use crate::domain::phase::Agent;
use crate::domain::tape::ModelFailure;

type OpenAiChat = Caller<ChatCompletions>;

const KEY: &str = "sk-canary-0123456789abcdef";

fn endpoint(base: &str, stream: bool) -> Endpoint {
    Endpoint {
        name: "fast".into(),
        provider: "lab".into(),
        model: "m".into(),
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

fn model_at(endpoint: Endpoint) -> OpenAiChat {
    OpenAiChat::new(endpoint, Arc::default(), conformance::clock())
}

fn model(fake: &Fake, stream: bool) -> OpenAiChat {
    model_at(endpoint(fake.base(), stream))
}

fn user(text: &str) -> Message {
    Message::User { text: text.into() }
}

fn request() -> ModelRequest {
    conformance::request(Agent::Builder, vec![user("go")])
}

async fn ask(model: &OpenAiChat, request: &ModelRequest) -> Result<ModelAnswer, ModelFailure> {
    let prepared = model.prepare(request, &[])?;
    model.call(request, &prepared, &|_| {}).await.result
}

/// Asks once, streaming or not, a server that always answers so.
async fn answer_of(stream: bool, reply: Reply) -> Result<ModelAnswer, ModelFailure> {
    let fake = Fake::start(chat::RULES, move |_| reply.clone());
    let answer = ask(&model(&fake, stream), &request()).await;
    assert_eq!(fake.seen().len(), 1);
    answer
}

#[tokio::test]
async fn it_conforms_streaming_and_not() {
    for stream in [true, false] {
        let fake = Fake::start(chat::RULES, |seen| {
            let last = seen.body["messages"].as_array().and_then(|all| all.last());
            if last.is_some_and(|last| last["content"] == "tools") {
                let read = ("read_file", json!({"path": "größe.rs"}).to_string());
                let list = ("list_files", "{}".to_owned());
                chat::answer(seen, "I look.", &[read, list])
            } else {
                chat::answer(seen, "Hello there, friend.", &[])
            }
        });
        conformance::holds(&model(&fake, stream)).await;
        assert_eq!(fake.seen().len(), 3);
    }
}

#[tokio::test]
async fn twenty_turns_break_no_rule() {
    for stream in [true, false] {
        let fake = Fake::start(chat::RULES, |seen| {
            // A server that always gives the same ids.
            let calls = ["a", "b"].map(|path| ("read_file", json!({"path": path}).to_string()));
            chat::answer(seen, "", &calls)
        });
        let model = model(&fake, stream);
        let mut messages = vec![user("go")];
        for _ in 0..20 {
            let request = conformance::request(Agent::Builder, messages.clone());
            let answer = ask(&model, &request).await.expect("answers");
            assert_eq!(answer.tool_calls.len(), 2);
            messages.push(Message::Assistant {
                text: answer.text,
                tool_calls: answer.tool_calls.clone(),
                native: None,
            });
            messages.extend(answer.tool_calls.into_iter().map(|call| Message::Tool {
                call_id: call.id,
                name: call.name,
                text: String::new(),
                is_error: true,
            }));
        }
        assert_eq!(fake.seen().len(), 20);
    }
}

#[tokio::test]
async fn usage_counts_cached_and_reasoning_tokens() {
    for stream in [true, false] {
        let fake = Fake::start(chat::RULES, |seen| chat::answer(seen, "hello", &[]));
        let usage = ask(&model(&fake, stream), &request())
            .await
            .expect("answers")
            .usage;
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
    let fake = Fake::start(chat::RULES, |seen| {
        chat::answer(seen, "never", &[])
            .shortened(2)
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
