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
    let mut assembly = Answer::default();
    for piece in pieces {
        for event in reader.push(piece) {
            if let Ok(chunk) = serde_json::from_slice(&event.data) {
                assembly.take("", &chunk, &on_token);
            }
        }
    }
    let answer = assembly.answer(&request());
    (answer, words.into_inner().expect("lock"))
}

/// The answer of a server that streams these chunks.
async fn streamed(chunks: &[Value]) -> ModelAnswer {
    let lines = chunks
        .iter()
        .map(|chunk| format!("data: {chunk}\n\n").into_bytes());
    let reply = Reply::raw(200, "text/event-stream", lines.collect());
    answer_of(true, reply).await.expect("answers")
}

fn delta(delta: Value) -> Value {
    json!({"choices": [{"delta": delta}]})
}

fn end(reason: &str) -> Value {
    json!({"choices": [{"delta": {}, "finish_reason": reason}]})
}

fn piece(call: Value) -> Value {
    delta(json!({"tool_calls": [call]}))
}

/// Names and arguments.
fn calls(answer: &ModelAnswer) -> Vec<(String, String)> {
    let calls = answer.tool_calls.iter();
    calls
        .map(|call| (call.name.clone(), call.arguments.to_string()))
        .collect()
}

fn pair(name: &str, arguments: &str) -> (String, String) {
    (name.to_owned(), arguments.to_owned())
}

proptest! {
    #[test]
    fn any_split_of_the_bytes_gives_the_same_answer(
        crlf: bool,
        comments: bool,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let arguments = json!({"path": "größe/漢字.rs", "text": "a\n\"b\"\u{2028}😀"}).to_string();
        let written = [("write_file", arguments.clone()), ("finish", "{}".to_owned())];
        let events = chat::events("Grüße 😀 an\u{2028}alle 漢字", &written);
        let line_end = if crlf { "\r\n" } else { "\n" };
        let comment = if comments { ": ping" } else { "" };
        let text: String = events
            .iter()
            .map(|data| format!("{comment}{line_end}data: {data}{line_end}{line_end}"))
            .collect();
        let bytes = text.as_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        let (answer, words) = assembled(&pieces);
        prop_assert_eq!(&answer, &assembled(&[bytes]).0);
        prop_assert_eq!(&words, &answer.text);
        prop_assert_eq!(calls(&answer), [pair("write_file", &arguments), pair("finish", "{}")]);
        prop_assert_eq!(answer.usage.input_tokens, 120);
    }
}

#[tokio::test]
async fn an_answer_is_the_same_in_one_piece_and_in_many() {
    let written = [("write_file", "{\"a\":1}".to_owned())];
    let (document, lines) = (
        chat::document("Hello you", &written),
        chat::events("Hello you", &written),
    );
    let lines = lines
        .iter()
        .map(|data| format!("data:{data}\r\n\r\n").into_bytes())
        .collect();
    let streamed = Reply::raw(200, "text/event-stream; charset=utf-8", lines);
    let whole = Reply::json(200, &document);
    // A server may also send the other form than the one that was asked for.
    for stream in [true, false] {
        let one = answer_of(stream, whole.clone()).await.expect("answers");
        let other = answer_of(stream, streamed.clone()).await.expect("answers");
        assert_eq!(one, other);
    }
}

#[tokio::test]
async fn a_stream_may_lack_everything_but_words_and_an_end() {
    let words = [
        delta(json!({"content": "hel"})),
        delta(json!({"content": "lo"})),
        end("stop"),
    ];
    let answer = streamed(&words).await;
    assert_eq!(
        (answer.text.as_str(), answer.finish),
        ("hello", FinishReason::Stop)
    );
    assert_eq!(answer.usage.input_tokens, request().estimated_tokens());
    assert_eq!(answer.usage.output_tokens, 2);

    let lines = [
        "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\n",
        "data: [DONE]",
    ];
    let lines = lines.map(|line| line.as_bytes().to_vec()).to_vec();
    let without_reason = answer_of(true, Reply::raw(200, "text/event-stream", lines)).await;
    assert_eq!(without_reason.expect("answers").text, "hi");
}

#[tokio::test]
async fn an_answer_that_is_finished_may_lose_its_farewell() {
    for end in [End::Cut, End::Hanging] {
        let reply = chat::events("hello", &[]);
        let lines: Vec<Vec<u8>> = reply
            .iter()
            .map(|data| format!("data: {data}\n\n").into_bytes())
            .collect();
        let finished = lines.len() - 2;
        let reply = Reply::raw(200, "text/event-stream", lines)
            .shortened(finished)
            .ending(end);
        assert_eq!(answer_of(true, reply).await.expect("answers").text, "hello");
    }
}

#[tokio::test]
async fn the_last_usage_counts_wherever_it_stands() {
    let with = |mut chunk: Value, output: u64| {
        chunk["usage"] = json!({"prompt_tokens": 7, "completion_tokens": output});
        chunk
    };
    let every = [
        with(delta(json!({"role": "assistant", "content": "a"})), 1),
        with(end("stop"), 2),
        with(end("stop"), 2),
    ];
    let usage = streamed(&every).await.usage;
    assert_eq!(
        (usage.input_tokens, usage.output_tokens, usage.model_calls),
        (7, 2, 1)
    );
    let mut groq = end("stop");
    groq["x_groq"] = json!({"usage": {"prompt_tokens": 5, "completion_tokens": 1}});
    assert_eq!(
        streamed(&[delta(json!({"content": "a"})), groq])
            .await
            .usage
            .input_tokens,
        5
    );
}

#[tokio::test]
async fn a_usage_that_cannot_be_right_is_estimated() {
    let with = |usage: Value| {
        let mut last = end("stop");
        last["usage"] = usage;
        [delta(json!({"content": "hello"})), last]
    };
    let estimated = streamed(&with(Value::Null)).await.usage;
    for usage in [
        json!({"prompt_tokens": 1_000_000_001, "completion_tokens": 1}),
        json!({"prompt_tokens": 7, "completion_tokens": u64::MAX}),
        json!({"prompt_tokens": 1e300, "completion_tokens": 1}),
        json!({"prompt_tokens": -7, "completion_tokens": 1}),
        json!({"prompt_tokens": 7.5, "completion_tokens": 1}),
        json!({"prompt_tokens": "7", "completion_tokens": 1}),
        json!({"prompt_tokens": 7, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": -1}}),
    ] {
        assert_eq!(
            streamed(&with(usage.clone())).await.usage,
            estimated,
            "{usage}"
        );
    }
    let most = json!({"prompt_tokens": 1_000_000_000, "completion_tokens": null});
    assert_eq!(
        streamed(&with(most)).await.usage.input_tokens,
        1_000_000_000
    );
}

#[tokio::test]
async fn calls_are_told_apart_however_a_server_numbers_them() {
    let function = |name: &str, arguments: &str| json!({"name": name, "arguments": arguments});
    let expected = [pair("a", "{\"x\":1}"), pair("b", "{}")];
    // Whole calls, all with the index 0.
    let same_index = [
        piece(json!({"index": 0, "id": "1", "function": function("a", "{\"x\":1}")})),
        piece(json!({"index": 0, "id": "2", "function": function("b", "")})),
        end("stop"),
    ];
    // No index, ids repeated with every piece.
    let no_index = [
        piece(json!({"id": "1", "function": function("a", "{\"x\"")})),
        piece(json!({"id": "1", "function": function("a", ":1}")})),
        piece(json!({"id": "2", "function": function("b", "{}")})),
        end("tool_calls"),
    ];
    // Neither.
    let nothing = [
        piece(json!({"function": function("a", "{\"x\"")})),
        piece(json!({"function": {"arguments": ":1}"}})),
        piece(json!({"function": {"name": "b", "arguments": {}}})),
        end("tool_calls"),
    ];
    for chunks in [&same_index[..], &no_index, &nothing] {
        let answer = streamed(chunks).await;
        assert_eq!(calls(&answer), expected, "{chunks:?}");
        assert_eq!(answer.finish, FinishReason::ToolCalls);
        assert!(!answer.tool_calls[0].id.is_empty());
        assert_ne!(answer.tool_calls[0].id, answer.tool_calls[1].id);
    }
}

#[tokio::test]
async fn arguments_that_are_no_json_are_kept_for_whoever_carries_them_out() {
    let cut = piece(
        json!({"index": 0, "id": "1", "function": {"name": "a", "arguments": "{\"x\": \"y"}}),
    );
    let answer = streamed(&[cut, end("length")]).await;
    assert_eq!(answer.tool_calls[0].arguments, json!("{\"x\": \"y"));
    assert_eq!(answer.finish, FinishReason::Length);
}

#[tokio::test]
async fn reasons_and_refusals_are_understood() {
    let said = |reason: &str| [delta(json!({"content": "x"})), end(reason)];
    for (reason, finish) in [
        ("stop", FinishReason::Stop),
        ("length", FinishReason::Length),
        ("content_filter", FinishReason::Refusal),
        ("something new", FinishReason::Stop),
    ] {
        assert_eq!(streamed(&said(reason)).await.finish, finish, "{reason}");
    }
    let refused = [
        delta(json!({"content": null, "refusal": "I will not."})),
        end("stop"),
    ];
    let answer = streamed(&refused).await;
    assert_eq!(
        (answer.text.as_str(), answer.finish),
        ("I will not.", FinishReason::Refusal)
    );
    let parts = json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]);
    assert_eq!(
        streamed(&[
            delta(json!({"content": parts, "reasoning": "hm"})),
            end("stop")
        ])
        .await
        .text,
        "ab"
    );
}
