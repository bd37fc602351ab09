//! A model that pauses is asked to go on.

use super::*;
use crate::domain::tape::ModelFailureKind;
use crate::llm::{Called, pause};

/// What a tool of the server did, up to a pause.
fn searched() -> [Value; 3] {
    [
        json!({"type": "text", "text": "I search. "}),
        json!({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}),
        json!({"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}),
    ]
}

/// The blocks of the model's own turn, where the request ends with one.
fn own(seen: &Seen) -> usize {
    let last = seen.body["messages"].as_array().and_then(|all| all.last());
    let last = last.filter(|last| last["role"] == "assistant");
    last.and_then(|last| last["content"].as_array())
        .map_or(0, Vec::len)
}

/// A request with room for an answer in several parts.
fn roomy() -> ModelRequest {
    ModelRequest {
        max_output: 10_000,
        ..request()
    }
}

async fn called(model: &Anthropic, request: &ModelRequest) -> Called {
    let prepared = model.prepare(request, &[]).expect("prepares");
    model.call(request, &prepared, &|_| {}).await
}

#[tokio::test]
async fn what_was_said_goes_back_as_it_is_until_all_is_said() {
    for stream in [true, false] {
        let fake = Fake::start(anthropic::RULES, |seen| match own(seen) {
            0 => anthropic::said(seen, &searched(), "pause_turn"),
            3 => anthropic::said(
                seen,
                &[json!({"type": "text", "text": "Still. "})],
                "pause_turn",
            ),
            _ => anthropic::answer(seen, "Found.", &[("read_file", "{}".to_owned())]),
        });
        let Called { result, exchanges } = called(&model(&fake, stream), &roomy()).await;
        let answer = result.expect("answers");
        assert_eq!(answer.text, "I search. Still. Found.");
        assert_eq!(answer.finish, FinishReason::ToolCalls);
        assert_eq!(answer.tool_calls.len(), 1);
        assert_eq!(answer.native.expect("parts").parts.len(), 6);
        let used = (answer.usage.input_tokens, answer.usage.output_tokens);
        assert_eq!((used, answer.usage.model_calls), ((360, 90), 1));
        let seen = fake.seen();
        assert_eq!((seen.len(), exchanges.len()), (3, 3));
        let limits = seen.iter().map(|seen| seen.body["max_tokens"].as_u64());
        let limits: Vec<u64> = limits.map(|limit| limit.expect("a limit")).collect();
        // What is asked for again was paid for already.
        assert!(limits.is_sorted_by(|a, b| *a > b + 150), "{limits:?}");
    }
}

#[tokio::test]
async fn a_model_that_only_ever_pauses_is_not_asked_for_ever() {
    let fake = Fake::start(anthropic::RULES, |seen| {
        anthropic::said(seen, &searched(), "pause_turn")
    });
    let Called { result, exchanges } = called(&model(&fake, true), &roomy()).await;
    assert_eq!(result.expect("answers").finish, FinishReason::Length);
    assert_eq!(exchanges.len(), pause::MOST + 1);
    assert_eq!(fake.seen().len(), exchanges.len());
}

#[tokio::test]
async fn what_was_reserved_is_enough_for_all_parts() {
    let fake = Fake::start(anthropic::RULES, |seen| {
        anthropic::said(seen, &searched(), "pause_turn")
    });
    let tight = ModelRequest {
        max_output: 500,
        ..request()
    };
    let reserved = crate::llm::price::most_tokens_of_prompt(&tight) + 500;
    let Called { result, .. } = called(&model(&fake, true), &tight).await;
    let answer = result.expect("answers");
    assert_eq!(answer.finish, FinishReason::Length);
    assert!(answer.usage.tokens() <= reserved);
}

#[tokio::test]
async fn a_failure_half_way_may_have_cost_something() {
    let fake = Fake::start(anthropic::RULES, |seen| match own(seen) {
        0 => anthropic::said(seen, &searched(), "pause_turn"),
        _ => anthropic::error(429, "rate_limit_error", "slow down").header("retry-after", "2"),
    });
    let Called { result, exchanges } = called(&model(&fake, true), &roomy()).await;
    let failure = result.expect_err("fails");
    assert_eq!(failure.kind, ModelFailureKind::Truncated);
    assert_eq!(failure.retry_after_ms, Some(2_000));
    assert_eq!(exchanges.len(), 2);
}
