//! The protocol against a server that knows its rules, and some that do not.

mod answers;
mod faults;
mod lessons;
mod requests;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::Model as _;
use super::super::conformance;
use super::super::endpoint::{Endpoint, Secret, Skills};
use super::super::fake::{End, Fake, Reply, Seen, gemini};
use super::super::http::Limits;
use super::super::protocol::Caller;
use super::*;
use crate::domain::message::{FinishReason, Message, ModelAnswer, Native};
use crate::domain::phase::Agent;
use crate::domain::tape::ModelFailure;

type Gemini = Caller<GenerateContent>;

const KEY: &str = "AIzaSyCanary0123456789abcdefghijklmnopq";

fn endpoint(base: &str, stream: bool) -> Endpoint {
    Endpoint {
        name: "fast".into(),
        provider: "lab".into(),
        model: "gemini-3-flash-preview".into(),
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

fn model_at(endpoint: Endpoint) -> Gemini {
    Gemini::new(endpoint, Arc::default(), conformance::clock())
}

fn model(fake: &Fake, stream: bool) -> Gemini {
    model_at(endpoint(fake.base(), stream))
}

/// The model of this name.
fn named(fake: &Fake, name: &str) -> Gemini {
    model_at(Endpoint {
        model: name.into(),
        ..endpoint(fake.base(), true)
    })
}

fn user(text: &str) -> Message {
    Message::User { text: text.into() }
}

fn request() -> ModelRequest {
    conformance::request(Agent::Builder, vec![user("go")])
}

async fn ask(model: &Gemini, request: &ModelRequest) -> Result<ModelAnswer, ModelFailure> {
    let prepared = model.prepare(request, &[])?;
    model.call(request, &prepared, &|_| {}).await.result
}

/// Asks once, streaming or not, a server that always answers so.
async fn answer_of(stream: bool, reply: Reply) -> Result<ModelAnswer, ModelFailure> {
    let fake = Fake::start(gemini::RULES, move |_| reply.clone());
    let answer = ask(&model(&fake, stream), &request()).await;
    assert_eq!(fake.seen().len(), 1);
    answer
}

/// The turn of an answer, and what its tools said, the last first.
fn turn(answer: ModelAnswer) -> Vec<Message> {
    let answers = answer.tool_calls.iter().rev().map(|call| Message::Tool {
        call_id: call.id.clone(),
        name: call.name.clone(),
        text: format!("of {}", call.arguments),
        is_error: call.arguments["path"] == "b",
    });
    let answers: Vec<Message> = answers.collect();
    let said = Message::Assistant {
        text: answer.text,
        tool_calls: answer.tool_calls,
        native: answer.native,
    };
    std::iter::once(said).chain(answers).collect()
}

/// Two calls of the same tool.
fn two_calls() -> [(&'static str, Value); 2] {
    ["a", "b"].map(|path| ("read_file", json!({"path": path})))
}

#[tokio::test]
async fn it_conforms_streaming_and_not() {
    for stream in [true, false] {
        let fake = Fake::start(gemini::RULES, |seen| {
            let last = seen.body["contents"].as_array().and_then(|all| all.last());
            if last.is_some_and(|last| last["parts"][0]["text"] == "tools") {
                let read = ("read_file", json!({"path": "größe.rs"}));
                gemini::answer(seen, "I look.", &[read, ("list_files", json!({}))])
            } else {
                gemini::answer(seen, "Hello there, friend.", &[])
            }
        });
        conformance::holds(&model(&fake, stream)).await;
        let seen = fake.seen();
        assert_eq!(seen.len(), 3);
        for seen in seen {
            let header = format!("\r\nx-goog-api-key: {KEY}\r\n");
            assert!(seen.head.contains(&header), "{}", seen.head);
            assert_eq!(seen.head.matches(KEY).count(), 1);
            assert_eq!(seen.head.contains("?alt=sse "), stream);
        }
    }
}

#[tokio::test]
async fn twenty_turns_break_no_rule_and_every_part_goes_back_where_it_was() {
    for stream in [true, false] {
        let fake = Fake::start(gemini::RULES, |seen| {
            let turns = seen.body["contents"].as_array().map_or(0, Vec::len);
            let calls = two_calls();
            // Now and then it says something first, or calls nothing.
            match turns % 7 {
                1 => gemini::answer(seen, "I look again.", &calls),
                2 => gemini::answer(seen, "I am done.", &[]),
                _ => gemini::answer(seen, "", &calls),
            }
        });
        let model = model(&fake, stream);
        let mut messages = vec![user("go")];
        for _ in 0..20 {
            let request = conformance::request(Agent::Builder, messages.clone());
            let answer = ask(&model, &request).await.expect("answers");
            let said = answer.native.clone().expect("it is signed");
            assert_eq!(said.by, "gemini/gemini-3-flash-preview");
            let done = answer.tool_calls.is_empty();
            messages.extend(turn(answer));
            if done {
                messages.push(user("go on"));
            }
        }
        let seen = fake.seen();
        assert_eq!(seen.len(), 20);
        let sent = seen[19].body["contents"].as_array().expect("a list");
        let natives = messages.iter().filter_map(|message| match message {
            Message::Assistant { native, .. } => native.as_ref(),
            _ => None,
        });
        let returned = sent.iter().filter(|content| content["role"] == "model");
        let pairs: Vec<_> = natives.zip(returned).collect();
        assert_eq!(pairs.len(), 19);
        for (native, returned) in pairs {
            assert_eq!(returned["parts"], Value::Array(native.parts.clone()));
        }
    }
}

#[tokio::test]
async fn usage_counts_cached_and_reasoning_tokens() {
    for stream in [true, false] {
        let fake = Fake::start(gemini::RULES, |seen| gemini::answer(seen, "hello", &[]));
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
    let fake = Fake::start(gemini::RULES, |seen| {
        gemini::answer(seen, "never ever", &[])
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
