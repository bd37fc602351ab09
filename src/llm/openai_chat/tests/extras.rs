//! What servers add to their answers and want to be told again, and what routers say besides.

use super::super::super::fake::Rules;
use super::*;

/// A server that takes its own additions back, as OpenAI would not.
const ADDING: Rules = Rules {
    check: |head, body| {
        let mut plain = body.clone();
        for message in plain["messages"].as_array_mut().into_iter().flatten() {
            bare(message);
        }
        (chat::RULES.check)(head, &plain)
    },
    ..chat::RULES
};

fn bare(message: &mut Value) {
    for call in message["tool_calls"].as_array_mut().into_iter().flatten() {
        remove(call, "extra_content");
    }
    remove(message, "reasoning_details");
    remove(message, "reasoning_content");
    if message["tool_calls"].is_null() {
        remove(message, "tool_calls");
    }
}

fn remove(value: &mut Value, key: &str) {
    if let Some(object) = value.as_object_mut() {
        object.remove(key);
    }
}

/// Asks, carries out the calls, and asks again.
async fn two_turns(model: &OpenAiChat) -> Result<ModelAnswer, ModelFailure> {
    let answer = ask(model, &request()).await?;
    let mut messages = vec![user("go")];
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
    messages.push(user("on"));
    ask(model, &conformance::request(Agent::Builder, messages)).await
}

fn is_first(seen: &Seen) -> bool {
    seen.body["messages"]
        .as_array()
        .is_some_and(|all| all.len() == 2)
}

/// A message with a call, in one piece or as a stream of such.
fn says(seen: &Seen, pieces: &[Value]) -> Reply {
    let choice = |piece: &Value, finish: Value| json!({"choices": [{"index": 0, "delta": piece, "finish_reason": finish}]});
    if seen.body["stream"] == true {
        let mut chunks: Vec<Value> = pieces
            .iter()
            .map(|piece| choice(piece, Value::Null))
            .collect();
        chunks.push(choice(&json!({}), json!("tool_calls")));
        let lines = chunks
            .iter()
            .map(|chunk| format!("data: {chunk}\n\n").into_bytes());
        return Reply::raw(200, "text/event-stream", lines.collect());
    }
    let mut message = json!({"role": "assistant", "content": null});
    for (key, value) in pieces.iter().filter_map(Value::as_object).flatten() {
        message[key.as_str()] = value.clone();
    }
    let choice = json!({"index": 0, "message": message, "finish_reason": "tool_calls"});
    Reply::json(200, &json!({"choices": [choice]}))
}

fn call() -> Value {
    json!({"index": 0, "id": "function-call-1", "type": "function",
        "function": {"name": "list_files", "arguments": "{}"}})
}

#[tokio::test]
async fn a_signature_on_a_call_is_carried_back_to_who_signed_it() {
    let signed = json!({"google": {"thought_signature": "AY89a18+/=="}});
    for stream in [true, false] {
        let mut made = call();
        made["extra_content"] = signed.clone();
        let fake = Fake::start(ADDING, move |seen| {
            if is_first(seen) {
                says(seen, &[json!({"tool_calls": [made]})])
            } else {
                chat::answer(seen, "fine", &[])
            }
        });
        assert_eq!(
            two_turns(&model(&fake, stream))
                .await
                .expect("answers")
                .text,
            "fine"
        );
        let seen = fake.seen();
        let call = &seen[1].body["messages"][2]["tool_calls"][0];
        assert_eq!(call["extra_content"], signed);
    }
}

#[tokio::test]
async fn reasoning_in_parts_is_put_together_and_carried_back() {
    let part = |part: Value| json!({"reasoning_details": [part]});
    let whole = json!([
        {"type": "reasoning.text", "index": 0, "text": "I think.", "signature": "s1"},
        {"type": "reasoning.encrypted", "index": 1, "data": "xyz"},
    ]);
    let fake = Fake::start(ADDING, move |seen| {
        if is_first(seen) {
            let pieces = [
                part(
                    json!({"type": "reasoning.text", "index": 0, "text": "I ", "signature": null}),
                ),
                part(json!({"type": "reasoning.text", "index": 0, "text": "think."})),
                part(json!({"type": "reasoning.text", "index": 0, "signature": "s1"})),
                part(json!({"type": "reasoning.encrypted", "index": 1, "data": "xyz"})),
                json!({"tool_calls": [call()]}),
            ];
            says(seen, &pieces)
        } else {
            chat::answer(seen, "fine", &[])
        }
    });
    two_turns(&model(&fake, true)).await.expect("answers");
    assert_eq!(
        fake.seen()[1].body["messages"][2]["reasoning_details"],
        whole
    );
}

#[tokio::test]
async fn reasoning_is_said_back_to_a_server_that_misses_it_and_to_no_other() {
    for demanded in [true, false] {
        let fake = Fake::start(ADDING, move |seen| {
            let told = &seen.body["messages"][2]["reasoning_content"];
            if is_first(seen) {
                says(
                    seen,
                    &[json!({"reasoning_content": "hm", "tool_calls": [call()]})],
                )
            } else if demanded && told != "hm" {
                let words =
                    "The `reasoning_content` in the thinking mode must be passed back to the API.";
                chat::error(400, "invalid_request_error", words)
            } else {
                assert_eq!(told.is_null(), !demanded);
                chat::answer(seen, "fine", &[])
            }
        });
        assert_eq!(
            two_turns(&model(&fake, true)).await.expect("answers").text,
            "fine"
        );
        assert_eq!(fake.seen().len(), if demanded { 3 } else { 2 });
    }
}

#[tokio::test]
async fn additions_that_a_server_does_not_take_back_are_kept_from_it() {
    let fake = Fake::start(ADDING, |seen| {
        if is_first(seen) {
            let mut made = call();
            made["extra_content"] = json!({"x": 1});
            return says(seen, &[json!({"tool_calls": [made]})]);
        }
        if seen.body.to_string().contains("extra_content") {
            let words = "Unknown name \"extra_content\" at 'messages[2].tool_calls[0]'";
            return chat::error(400, "INVALID_ARGUMENT", words);
        }
        chat::answer(seen, "fine", &[])
    });
    assert_eq!(
        two_turns(&model(&fake, true)).await.expect("answers").text,
        "fine"
    );
}

#[tokio::test]
async fn an_answer_that_a_router_gave_up_is_no_answer() {
    let said = |choice: Value| json!({"choices": [choice]});
    let error = json!({"message": "Provider disconnected", "code": 502});
    for choice in [
        json!({"delta": {"content": "he"}, "finish_reason": "error", "error": error}),
        json!({"delta": {"content": "he"}, "finish_reason": "error"}),
        json!({"delta": {"content": "he"}, "finish_reason": "insufficient_system_resource"}),
    ] {
        let line = format!("data: {}\n\n", said(choice.clone())).into_bytes();
        let stream = Reply::raw(200, "text/event-stream", vec![line]);
        let failure = answer_of(true, stream).await.expect_err("fails");
        assert_eq!(
            failure.kind,
            ModelFailureKind::Overloaded,
            "{}",
            failure.message
        );
        let document = Reply::json(200, &said(choice));
        let failure = answer_of(false, document).await.expect_err("fails");
        assert!(failure.kind.transient(), "{}", failure.message);
    }
}
