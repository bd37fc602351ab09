//! What comes back, in all the forms that servers give it.

use std::sync::Mutex;

use proptest::prelude::*;

use super::super::super::protocol::{Assembly as _, Progress};
use super::super::super::sse;
use super::*;

/// The answer that comes of a stream's bytes, in these pieces, and the words that were handed on.
fn assembled(pieces: &[&[u8]]) -> (ModelAnswer, String) {
    let words = Mutex::new(String::new());
    let on_token = |token: &str| words.lock().expect("lock").push_str(token);
    let mut reader = sse::Reader::default();
    let mut assembly = Answer::by("me".into());
    for piece in pieces {
        for event in reader.push(piece) {
            if let Ok(value) = serde_json::from_slice(&event.data) {
                let progress = assembly.take(&event.kind, &value, &on_token);
                assert_eq!(progress == Progress::Over, assembly.is_finished());
            }
        }
    }
    let answer = assembly.answer(&request());
    (answer, words.into_inner().expect("lock"))
}

/// The answer of a server that streams these events, and the words that were handed on.
async fn streamed(events: &[Value]) -> (ModelAnswer, String) {
    let reply = responses::stream(events);
    let fake = Fake::start(responses::RULES, move |_| reply.clone());
    let model = model(&fake, MODELS[1], true);
    let (request, words) = (request(), Mutex::new(String::new()));
    let on_token = |token: &str| words.lock().expect("lock").push_str(token);
    let prepared = model.prepare(&request, &[]).expect("prepares");
    let called = model.call(&request, &prepared, &on_token).await;
    (
        called.result.expect("answers"),
        words.into_inner().expect("lock"),
    )
}

/// Names and arguments.
fn calls(answer: &ModelAnswer) -> Vec<(String, String)> {
    let calls = answer.tool_calls.iter();
    calls
        .map(|call| (call.name.clone(), call.arguments.to_string()))
        .collect()
}

fn items() -> Vec<Value> {
    let arguments = json!({"path": "größe/漢字.rs", "text": "a\n\"b\"\u{2028}😀"}).to_string();
    let calls = [("write_file", arguments), ("finish", "{}".to_owned())];
    responses::items(7, true, "Grüße 😀 an\u{2028}alle 漢字", &calls)
}

proptest! {
    #[test]
    fn any_split_of_the_bytes_gives_the_same_answer(
        crlf: bool,
        comments: bool,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let line_end = if crlf { "\r\n" } else { "\n" };
        let comment = if comments { ": ping" } else { "" };
        let text: String = responses::events(&items())
            .iter()
            .map(|event| format!("{comment}{line_end}event: {}{line_end}data: {event}{line_end}{line_end}", event["type"]))
            .collect();
        let bytes = text.as_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        let (answer, words) = assembled(&pieces);
        prop_assert_eq!(&answer, &assembled(&[bytes]).0);
        prop_assert_eq!(&words, &answer.text);
        prop_assert_eq!(answer.tool_calls.len(), 2);
        prop_assert_eq!(&answer.native.as_ref().expect("native").parts, &items());
        prop_assert_eq!(answer.usage.input_tokens, 120);
    }

    #[test]
    fn no_event_whatever_brings_it_down(
        kinds in prop::collection::vec(0..12_usize, 0..30),
        numbers in prop::collection::vec(prop::option::of(prop_oneof![0..3_u64, Just(u64::MAX)]), 30),
    ) {
        const KINDS: [&str; 12] = [
            "output_item.added", "output_item.done", "content_part.added", "output_text.delta",
            "output_text.done", "refusal.delta", "refusal.done", "function_call_arguments.delta",
            "function_call_arguments.done", "in_progress", "completed", "incomplete",
        ];
        let mut assembly = Answer::by("me".into());
        for (kind, number) in kinds.iter().zip(&numbers) {
            let event = json!({"type": format!("response.{}", KINDS[*kind]), "output_index": number,
                "content_index": number, "sequence_number": number, "delta": "a", "text": 1,
                "item": number, "response": number});
            assembly.take("", &event, &|_| {});
        }
        assembly.answer(&request());
    }
}

#[tokio::test]
async fn an_answer_is_the_same_in_one_piece_and_in_many() {
    let whole = Reply::json(200, &responses::response("completed", &items()));
    let many = responses::stream(&responses::events(&items()));
    // A server may also send the other form than the one that was asked for.
    for stream in [true, false] {
        let one = answer_of(stream, whole.clone()).await.expect("answers");
        let other = answer_of(stream, many.clone()).await.expect("answers");
        assert_eq!(one, other);
        assert_eq!(one.finish, FinishReason::ToolCalls);
    }
}

#[tokio::test]
async fn events_that_come_twice_or_are_not_known_are_harmless() {
    let events = responses::events(&items());
    let (expected, _) = streamed(&events).await;
    let end = events.len() - 1;
    let mut twice: Vec<Value> = Vec::new();
    for event in &events[..end] {
        let unknown = json!({"type": "response.new.delta", "output_index": 99, "delta": {"x": 1}});
        twice.extend([
            event.clone(),
            event.clone(),
            unknown,
            json!({"type": "keepalive"}),
        ]);
    }
    twice.push(events[end].clone());
    let (answer, words) = streamed(&twice).await;
    assert_eq!(answer, expected);
    assert_eq!(words, expected.text);
    // Also where the truth does not come in the end.
    let last = twice.len() - 1;
    twice[last]["response"]["output"] = json!([]);
    assert_eq!(streamed(&twice).await, (expected.clone(), words));
}

#[tokio::test]
async fn what_the_last_event_lacks_is_put_together_from_the_pieces() {
    let mut events = responses::events(&items());
    let expected = streamed(&events).await.0;
    if let Some(end) = events.last_mut() {
        end["response"] = json!({"status": "completed"});
    }
    let (answer, _) = streamed(&events).await;
    assert_eq!(
        (&answer.text, calls(&answer)),
        (&expected.text, calls(&expected))
    );
    assert_eq!(answer.native, expected.native);
    assert_eq!(answer.usage.input_tokens, request().estimated_tokens());
    // Without the ends of the items, either, nothing is sure to be whole.
    events.retain(|event| {
        let kind = event["type"].as_str().unwrap_or_default();
        kind.ends_with(".added") || kind.ends_with(".delta") || kind == "response.completed"
    });
    let (answer, words) = streamed(&events).await;
    assert_eq!(
        (&answer.text, calls(&answer)),
        (&expected.text, calls(&expected))
    );
    assert_eq!((words, answer.native), (answer.text, None));
}

#[tokio::test]
async fn places_may_be_missing() {
    let mut events = responses::events(&items());
    for event in &mut events {
        if let Some(event) = event.as_object_mut() {
            for key in ["output_index", "sequence_number", "content_index"] {
                event.remove(key);
            }
            if event["type"] == "response.completed" {
                event.remove("response");
            }
        }
    }
    let (answer, words) = streamed(&events).await;
    assert_eq!(answer.native.map(|native| native.parts), Some(items()));
    assert_eq!(words, answer.text);
}

#[tokio::test]
async fn words_that_were_not_streamed_are_handed_on_in_the_end() {
    let said = |text: &str, turn: usize| responses::items(turn, false, text, &[]).remove(0);
    let both = [said("First.", 1), said("Then {}", 2)];
    let mut events = responses::events(&both);
    let (answer, words) = streamed(&events).await;
    assert_eq!(answer.text, "First.\n\nThen {}");
    assert_eq!(words, answer.text);
    events.retain(|event| event["type"] == "response.completed");
    assert_eq!(streamed(&events).await.1, answer.text);
    // What is held to a schema is the last of them.
    let document = Reply::json(200, &responses::response("completed", &both));
    let fake = Fake::start(responses::RULES, move |_| document.clone());
    let request = ModelRequest {
        schema: Some(json!({"type": "object", "properties": {}})),
        ..request()
    };
    let answer = ask(&model(&fake, MODELS[0], false), &request).await;
    assert_eq!(answer.expect("answers").text, "Then {}");
}

#[tokio::test]
async fn ends_and_refusals_are_understood() {
    let ended = async |status: &str, reason: Value, items: &[Value]| {
        let mut events = responses::events(items);
        let mut response = responses::response(status, items);
        response["incomplete_details"] = reason;
        let last = events.len() - 1;
        events[last] = json!({"type": format!("response.{status}"), "response": response});
        let document = answer_of(false, Reply::json(200, &response)).await;
        let (answer, _) = streamed(&events).await;
        assert_eq!(document, Ok(answer.clone()));
        answer
    };
    let words = responses::items(1, false, "Hello", &[]);
    for (reason, finish) in [
        ("max_output_tokens", FinishReason::Length),
        ("content_filter", FinishReason::Refusal),
        ("something_new", FinishReason::Length),
    ] {
        let answer = ended("incomplete", json!({"reason": reason}), &words).await;
        assert_eq!((answer.finish, answer.text.as_str()), (finish, "Hello"));
    }
    let cut = [("read_file", "{\"path\": \"a".to_owned())];
    let cut = responses::items(1, true, "", &cut);
    let answer = ended("incomplete", json!({"reason": "max_output_tokens"}), &cut).await;
    assert_eq!(answer.finish, FinishReason::Length);
    assert_eq!(answer.tool_calls[0].arguments, json!("{\"path\": \"a"));

    let mut refused = responses::items(1, false, "", &[]);
    refused[0]["content"] = json!([{"type": "refusal", "refusal": "I will not."}]);
    let answer = ended("completed", Value::Null, &refused).await;
    assert_eq!(
        (answer.text.as_str(), answer.finish),
        ("I will not.", FinishReason::Refusal)
    );
    assert_eq!(
        ended("completed", Value::Null, &words).await.finish,
        FinishReason::Stop
    );
}

#[tokio::test]
async fn reasoning_that_came_to_nothing_is_not_said_back() {
    let fake = Fake::start(responses::RULES, |seen| {
        if input(seen).len() > 1 {
            return responses::answer(seen, "fine", &[]);
        }
        let reasoning = &responses::items(1, true, "", &[])[..1];
        let mut response = responses::response("incomplete", reasoning);
        response["incomplete_details"] = json!({"reason": "max_output_tokens"});
        Reply::json(200, &response)
    });
    let model = model(&fake, MODELS[1], false);
    let answer = ask(&model, &request()).await.expect("answers");
    assert_eq!(
        (answer.finish, answer.text.as_str(), &answer.native),
        (FinishReason::Length, "", &None)
    );
    let mut messages = goes_on(vec![user("go")], answer);
    messages.push(user("shorter"));
    let next = conformance::request(Agent::Builder, messages);
    ask(&model, &next).await.expect("answers");
    assert_eq!(input(&fake.seen()[1]).len(), 2);
}

#[tokio::test]
async fn calls_whose_ids_are_missing_or_given_again_can_be_answered() {
    let fake = Fake::start(responses::RULES, |seen| {
        let turn = input(seen).len();
        let calls = [
            ("list_files", "{}".to_owned()),
            ("list_files", "{ ".to_owned()),
        ];
        let mut items = responses::items(turn, true, "", &calls);
        items[1]["call_id"] = json!("again");
        items[2]["call_id"] = if turn > 1 {
            json!("again")
        } else {
            Value::Null
        };
        Reply::json(200, &responses::response("completed", &items))
    });
    let model = model(&fake, MODELS[1], false);
    let mut messages = vec![user("go")];
    for _ in 0..3 {
        let next = conformance::request(Agent::Builder, messages.clone());
        messages = goes_on(messages, ask(&model, &next).await.expect("answers"));
    }
    assert_eq!(fake.seen().len(), 3);
}

#[test]
fn a_usage_that_cannot_be_right_is_estimated() {
    let answered = |usage: Value| {
        let mut response = responses::response("completed", &items());
        response["usage"] = usage;
        let mut assembly = Answer::by("me".into());
        assembly.document(&response, &|_| {}).expect("reads");
        assembly.answer(&request()).usage
    };
    let estimated = answered(Value::Null);
    for usage in [
        json!({"input_tokens": 1_000_000_001, "output_tokens": 1}),
        json!({"input_tokens": -7, "output_tokens": 1}),
        json!({"input_tokens": 7, "output_tokens": 1.5}),
        json!({"input_tokens": 7, "output_tokens": 1, "output_tokens_details": {"reasoning_tokens": "3"}}),
        json!({}),
    ] {
        assert_eq!(answered(usage.clone()), estimated, "{usage}");
    }
    assert_eq!(
        answered(json!({"input_tokens": 7, "output_tokens": 1})).input_tokens,
        7
    );
}
