//! What every [`Model`] keeps to. A new protocol passes [`holds`] against its mock server, whose
//! model answers "tools" with two tool calls and anything else with words.

use std::sync::{Arc, Mutex};

use serde_json::json;

use super::{Model, price};
use crate::config::ModelConfig;
use crate::domain::Clock;
use crate::domain::message::{FinishReason, Message, ModelAnswer, ModelRequest, ToolSpec};
use crate::domain::phase::Agent;
use crate::domain::tape::ModelFailureKind;

struct Still;

impl Clock for Still {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }
}

/// A clock for tests, at the beginning of 1970.
pub(super) fn clock() -> Arc<dyn Clock> {
    Arc::new(Still)
}

/// A well-formed request with these messages.
pub(super) fn request(agent: Agent, messages: Vec<Message>) -> ModelRequest {
    let tool = |name: &str| ToolSpec {
        name: name.into(),
        description: "a tool".into(),
        parameters: json!({"type": "object"}),
    };
    ModelRequest {
        agent,
        system: format!("{}\nBe brief.", agent.introduction()),
        messages,
        tools: vec![tool("read_file"), tool("list_files")],
        schema: None,
        temperature: Some(0.2),
        effort: None,
        max_output: 1_000,
    }
}

fn user(text: &str) -> Message {
    Message::User { text: text.into() }
}

/// Asserts all of it.
pub(super) async fn holds(model: &dyn Model) {
    assert!(!model.name().is_empty());
    words_are_streamed_as_they_are_answered(model).await;
    tool_calls_can_be_answered(model).await;
    malformed_conversations_are_refused(model);
}

async fn ask(model: &dyn Model, request: &ModelRequest) -> (ModelAnswer, String) {
    let prepared = model.prepare(request, &[]).expect("prepares");
    assert_eq!(
        model.prepare(request, &[]),
        Ok(prepared),
        "preparing has no effect"
    );
    let streamed = Mutex::new(String::new());
    let on_token = |token: &str| streamed.lock().expect("lock").push_str(token);
    let answer = model
        .call(request, &prepared, &on_token)
        .await
        .result
        .expect("answers");
    (answer, streamed.into_inner().expect("lock"))
}

async fn words_are_streamed_as_they_are_answered(model: &dyn Model) {
    let request = request(Agent::Planner, vec![user("words")]);
    let (answer, streamed) = ask(model, &request).await;
    assert!(!answer.text.is_empty());
    assert_eq!(streamed, answer.text);
    assert_eq!(answer.finish, FinishReason::Stop);
    assert_eq!(answer.usage.model_calls, 1);
    assert!(answer.usage.input_tokens > 0 && answer.usage.output_tokens > 0);
    let config = ModelConfig::of("p", "m");
    assert!(answer.usage.tokens() <= price::reserve(&request, &config).tokens);
}

async fn tool_calls_can_be_answered(model: &dyn Model) {
    let mut messages = vec![user("tools")];
    let (answer, _) = ask(model, &request(Agent::Builder, messages.clone())).await;
    assert_eq!(answer.finish, FinishReason::ToolCalls);
    assert_eq!(answer.tool_calls.len(), 2);
    assert_ne!(answer.tool_calls[0].id, answer.tool_calls[1].id);
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
    let (answer, _) = ask(model, &request(Agent::Builder, messages)).await;
    assert!(answer.tool_calls.is_empty());
}

fn malformed_conversations_are_refused(model: &dyn Model) {
    let own_words = Message::Assistant {
        text: "me".into(),
        tool_calls: Vec::new(),
        native: None,
    };
    let orphan = Message::Tool {
        call_id: "nobody".into(),
        name: "read_file".into(),
        text: String::new(),
        is_error: false,
    };
    let mut nameless = request(Agent::Builder, vec![user("words")]);
    nameless.system = "Hello.".into();
    for malformed in [
        request(Agent::Builder, vec![]),
        request(Agent::Builder, vec![user("words"), own_words]),
        request(Agent::Builder, vec![user("words"), orphan]),
        nameless,
    ] {
        let failure = model.prepare(&malformed, &[]).expect_err("refused");
        assert_eq!(failure.kind, ModelFailureKind::BadRequest);
    }
}
