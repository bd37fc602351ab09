//! What comes back, in all the forms that servers give it.

use std::sync::Mutex;

use proptest::prelude::*;

use super::super::super::protocol::Assembly as _;
use super::super::super::sse;
use super::*;

/// The answer that comes of a stream's bytes, in these pieces, and the words that were handed on.
fn assembled(pieces: &[&[u8]]) -> (ModelAnswer, String) {
    let words = Mutex::new(String::new());
    let on_token = |token: &str| words.lock().expect("lock").push_str(token);
    let mut reader = sse::Reader::default();
    let mut assembly = Answer::by("anthropic/m".into());
    for piece in pieces {
        for event in reader.push(piece) {
            let data = serde_json::from_slice(&event.data).expect("JSON");
            assembly.take(&event.kind, &data, &on_token);
        }
    }
    assert!(assembly.is_finished() && !assembly.is_torn());
    let answer = assembly.answer(&request());
    (answer, words.into_inner().expect("lock"))
}

fn stream(events: &[String]) -> Reply {
    let lines = events.iter().map(|event| event.clone().into_bytes());
    Reply::raw(200, "text/event-stream", lines.collect())
}

/// The answer of a server that streams these events.
async fn streamed(events: &[Value]) -> ModelAnswer {
    let events: Vec<String> = events.iter().map(anthropic::event).collect();
    answer_of(true, stream(&events)).await.expect("answers")
}

/// The answer of a server that sends this document.
async fn whole(document: Value) -> ModelAnswer {
    answer_of(false, Reply::json(200, &document))
        .await
        .expect("answers")
}

fn text(words: &str) -> Value {
    json!({"type": "text", "text": words})
}

fn tool_use(id: &str, name: &str, input: Value) -> Value {
    json!({"type": "tool_use", "id": id, "name": name, "input": input})
}

fn start(index: u64, block: Value) -> Value {
    json!({"type": "content_block_start", "index": index, "content_block": block})
}

fn delta(index: u64, delta: Value) -> Value {
    json!({"type": "content_block_delta", "index": index, "delta": delta})
}

fn arguments(index: u64, piece: &str) -> Value {
    delta(
        index,
        json!({"type": "input_json_delta", "partial_json": piece}),
    )
}

fn end(reason: &str) -> [Value; 2] {
    [
        json!({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 7}}),
        json!({"type": "message_stop"}),
    ]
}

fn blocks() -> Vec<Value> {
    let input = json!({"path": "größe/漢字.rs", "text": "a\n\"b\"\u{2028}😀"});
    vec![
        anthropic::thought(),
        json!({"type": "redacted_thinking", "data": "RW5jcnlwdGVk"}),
        text("Grüße 😀 an\u{2028}alle 漢字"),
        tool_use("toolu_1", "write_file", input),
        tool_use("toolu_2", "finish", json!({})),
        json!({"type": "something_new", "deep": {"value": [1, "ü"]}}),
    ]
}

proptest! {
    #[test]
    fn any_split_of_the_bytes_gives_the_same_answer(
        crlf: bool,
        noise: bool,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let mut text = anthropic::events(&blocks(), "tool_use").concat();
        if noise {
            let unknown = anthropic::event(&json!({"type": "something_new", "index": 0}));
            text = text.replace("event: content_block_stop", &format!(": hm\nid: 7\n\n{unknown}event: content_block_stop"));
        }
        if crlf {
            text = text.replace('\n', "\r\n");
        }
        let bytes = text.as_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        let (answer, words) = assembled(&pieces);
        prop_assert_eq!(&words, &answer.text);
        prop_assert_eq!(words, "Grüße 😀 an\u{2028}alle 漢字");
        prop_assert_eq!(answer.native.expect("parts").parts, blocks());
        prop_assert_eq!(&answer.tool_calls[0].arguments, &blocks()[3]["input"]);
        prop_assert_eq!(&answer.tool_calls[1].arguments, &json!({}));
        prop_assert_eq!(answer.usage.input_tokens, 120);
    }
}

/// Anything that may stand in an event, much of it nonsense.
fn piece() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "text",
        "thinking",
        "tool_use",
        "text_delta",
        "thinking_delta",
        "input_json_delta",
        "signature_delta",
        "refusal",
        "pause_turn",
        "{",
    ]);
    let key = prop::sample::select(vec![
        "type",
        "index",
        "message",
        "usage",
        "content_block",
        "delta",
        "text",
        "thinking",
        "signature",
        "input",
        "partial_json",
        "id",
        "name",
        "stop_reason",
        "stop_details",
        "explanation",
        "content",
        "output_tokens",
    ]);
    let leaf = prop_oneof![
        word.prop_map(Value::from),
        (0..3_u64).prop_map(Value::from),
        Just(Value::Null),
        Just(json!([])),
    ];
    leaf.prop_recursive(4, 32, 8, move |inner| {
        prop::collection::vec((key.clone(), inner), 0..8).prop_map(|pairs| {
            pairs
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect()
        })
    })
}

proptest! {
    #[test]
    fn no_nonsense_brings_it_down(pieces in prop::collection::vec(piece(), 0..12)) {
        let words = Mutex::new(String::new());
        let on_token = |token: &str| words.lock().expect("lock").push_str(token);
        let mut assembly = Answer::by("anthropic/m".into());
        for piece in &pieces {
            assembly.take("", piece, &on_token);
            let mut whole = Answer::by("anthropic/m".into());
            let _ = whole.document(piece, &|_| {});
            whole.answer(&request());
        }
        let answer = assembly.answer(&request());
        prop_assert_eq!(answer.text, words.into_inner().expect("lock"));
    }
}

#[tokio::test]
async fn an_answer_is_the_same_in_one_piece_and_in_many() {
    let document = Reply::json(200, &anthropic::document(&blocks(), "tool_use"));
    let events = stream(&anthropic::events(&blocks(), "tool_use"));
    // A server may also send the other form than the one that was asked for.
    for stream in [true, false] {
        let one = answer_of(stream, document.clone()).await.expect("answers");
        let other = answer_of(stream, events.clone()).await.expect("answers");
        assert_eq!(one, other);
    }
}

#[tokio::test]
async fn what_is_said_twice_counts_once() {
    let call = start(1, tool_use("toolu_1", "read_file", json!({})));
    let stop = |index: u64| json!({"type": "content_block_stop", "index": index});
    let [last, over] = end("tool_use");
    let begun = json!({"type": "message_start", "message": {"usage": {"input_tokens": 5, "output_tokens": 1}}});
    let word = delta(0, json!({"type": "text_delta", "text": "hi"}));
    let events = [
        begun.clone(),
        begun,
        start(0, text("")),
        start(0, text("")),
        word.clone(),
        stop(0),
        word,
        call.clone(),
        arguments(1, "{\"path\""),
        call,
        arguments(1, ": \"a\"}"),
        stop(1),
        stop(1),
        arguments(1, "}"),
        last.clone(),
        last,
        over,
    ];
    let answer = streamed(&events).await;
    assert_eq!(answer.text, "hi");
    assert_eq!(answer.tool_calls.len(), 1);
    assert_eq!(answer.tool_calls[0].arguments, json!({"path": "a"}));
    let used = (answer.usage.input_tokens, answer.usage.output_tokens);
    assert_eq!(used, (5, 7));
}

#[tokio::test]
async fn a_stream_may_lack_everything_but_words_and_an_end() {
    let words = |words: &str| json!({"type": "content_block_delta", "delta": {"type": "text_delta", "text": words}});
    let [last, over] = end("end_turn");
    let bare = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}});
    let answer = streamed(&[words("hel"), words("lo"), bare, over.clone()]).await;
    assert_eq!(
        (answer.text.as_str(), answer.finish),
        ("hello", FinishReason::Stop)
    );
    assert_eq!(answer.usage.input_tokens, request().estimated_tokens());
    assert_eq!(answer.usage.output_tokens, 2);
    assert_eq!(streamed(&[words("hi"), over]).await.text, "hi");

    // All is said, and the farewell does not come.
    for end in [End::Cut, End::Hanging] {
        let events = [words("hi"), last.clone()].map(|event| anthropic::event(&event));
        let reply = stream(&events).ending(end);
        assert_eq!(answer_of(true, reply).await.expect("answers").text, "hi");
    }
}

#[tokio::test]
async fn arguments_are_read_in_every_form() {
    let cases = [
        (vec![arguments(0, "")], json!({}), json!({})),
        (vec![], json!({}), json!({})),
        (vec![], json!({"a": 1}), json!({"a": 1})),
        (vec![], json!("{\"a\": 1}"), json!({"a": 1})),
        (
            vec![arguments(0, "{\"a\": [1,]}")],
            json!({}),
            json!({"a": [1]}),
        ),
        (
            vec![arguments(0, "{\"a\": \"b")],
            json!({}),
            json!("{\"a\": \"b"),
        ),
        (vec![arguments(0, "[1]")], Value::Null, json!([1])),
    ];
    for (pieces, begun, expected) in cases {
        let mut events = vec![start(0, tool_use("t", "a", begun))];
        events.extend(pieces);
        events.extend(end("tool_use"));
        let answer = streamed(&events).await;
        assert_eq!(answer.tool_calls[0].arguments, expected);
        assert_eq!(answer.native, None);
    }
}

#[tokio::test]
async fn a_call_that_goes_back_is_legal_whatever_it_was() {
    let blocks = [
        anthropic::thought(),
        text(" "),
        tool_use("t", "read file", json!("{\"a\": ")),
        tool_use("t", "b", json!({})),
    ];
    let answer = whole(anthropic::document(&blocks, "max_tokens")).await;
    assert_eq!(answer.finish, FinishReason::Length);
    assert_eq!(answer.tool_calls[0].name, "read file");
    let parts = answer.native.expect("parts").parts;
    assert_eq!(parts.len(), 3);
    assert_eq!(parts[1]["name"], "read_file");
    assert_eq!(parts[1]["input"], json!({"unreadable": "{\"a\": "}));
    assert_eq!(parts[2]["id"], answer.tool_calls[1].id.as_str());
    assert_ne!(parts[1]["id"], parts[2]["id"]);
}

#[tokio::test]
async fn thoughts_go_back_only_as_they_were_signed() {
    let hidden = json!({"type": "thinking", "thinking": "", "signature": "s"});
    let cut_off = json!({"type": "thinking", "thinking": "hm", "signature": ""});
    for (block, carried) in [(hidden.clone(), vec![hidden]), (cut_off, vec![])] {
        let answer = whole(anthropic::document(&[block, text("hi")], "end_turn")).await;
        assert_eq!(answer.text, "hi");
        let parts = answer.native.expect("parts").parts;
        assert_eq!(parts, [carried, vec![text("hi")]].concat());
    }
    let plain = whole(anthropic::document(&[text("hi")], "end_turn")).await;
    assert_eq!(plain.native, None);
}

#[tokio::test]
async fn reasons_are_understood() {
    for (reason, finish) in [
        ("end_turn", FinishReason::Stop),
        ("stop_sequence", FinishReason::Stop),
        ("max_tokens", FinishReason::Length),
        ("model_context_window_exceeded", FinishReason::Length),
        ("refusal", FinishReason::Refusal),
        ("something new", FinishReason::Stop),
        ("tool_use", FinishReason::Stop),
    ] {
        let answer = whole(anthropic::document(&[text("x")], reason)).await;
        assert_eq!(
            (answer.text.as_str(), answer.finish),
            ("x", finish),
            "{reason}"
        );
    }
    let calls = [tool_use("t", "a", json!({}))];
    let answer = whole(anthropic::document(&calls, "end_turn")).await;
    assert_eq!(answer.finish, FinishReason::ToolCalls);
    let nothing = whole(anthropic::document(&[], "end_turn")).await;
    assert_eq!(
        (nothing.text.as_str(), nothing.finish),
        ("", FinishReason::Stop)
    );
}

#[tokio::test]
async fn a_refusal_says_why() {
    let mut document = anthropic::document(&[], "refusal");
    document["stop_details"] =
        json!({"type": "refusal", "category": "cyber", "explanation": "I will not."});
    let answer = whole(document).await;
    assert_eq!(
        (answer.text.as_str(), answer.finish),
        ("I will not.", FinishReason::Refusal)
    );
    let last = json!({"type": "message_delta", "delta": {"stop_reason": "refusal",
        "stop_details": {"explanation": "I will not."}}});
    let word = delta(0, json!({"type": "text_delta", "text": "Well"}));
    assert_eq!(streamed(&[word, last]).await.text, "Well\n\nI will not.");
}

#[tokio::test]
async fn a_usage_that_cannot_be_right_is_estimated() {
    let used = async |usage: Value| {
        let mut document = anthropic::document(&[text("hello")], "end_turn");
        document["usage"] = usage;
        whole(document).await.usage
    };
    let estimated = used(Value::Null).await;
    assert_eq!(estimated.output_tokens, 2);
    for usage in [
        json!({}),
        json!({"input_tokens": 1_000_000_001, "output_tokens": 1}),
        json!({"input_tokens": 7, "output_tokens": u64::MAX}),
        json!({"input_tokens": -7, "output_tokens": 1}),
        json!({"input_tokens": "7", "output_tokens": 1}),
        json!({"input_tokens": 7, "output_tokens": 1, "cache_read_input_tokens": 1.5}),
    ] {
        assert_eq!(used(usage.clone()).await, estimated, "{usage}");
    }
    let plain =
        used(json!({"input_tokens": 7, "output_tokens": 3, "cache_read_input_tokens": null})).await;
    assert_eq!((plain.input_tokens, plain.output_tokens), (7, 3));
}

#[tokio::test]
async fn what_is_used_is_known_wherever_it_is_said() {
    let begun = json!({"type": "message_start", "message": {"usage": {"input_tokens": 0, "output_tokens": 0}}});
    let last = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
        "usage": {"input_tokens": 40, "cache_read_input_tokens": 2, "output_tokens": 3}});
    let usage = streamed(&[begun, start(0, text("hi")), last]).await.usage;
    assert_eq!((usage.input_tokens, usage.output_tokens), (42, 3));
    let begun = json!({"type": "message_start", "message": {"usage": {"input_tokens": 40, "output_tokens": 1}}});
    let last = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
        "usage": {"input_tokens": 0, "output_tokens": 3}});
    let usage = streamed(&[begun, start(0, text("hi")), last]).await.usage;
    assert_eq!((usage.input_tokens, usage.output_tokens), (40, 3));
}
