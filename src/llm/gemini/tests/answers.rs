//! What comes back, in all the forms that there are.

use std::sync::Mutex;

use proptest::prelude::*;

use super::super::super::protocol::Assembly as _;
use super::super::super::sse;
use super::*;

const BY: &str = "gemini/gemini-3-flash-preview";

/// The answer that comes of a stream's bytes, in these pieces, and the words that were handed on.
fn assembled(pieces: &[&[u8]]) -> (ModelAnswer, String) {
    let words = Mutex::new(String::new());
    let on_token = |token: &str| words.lock().expect("lock").push_str(token);
    let mut reader = sse::Reader::default();
    let mut assembly = Answer::by(BY.to_owned());
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

fn events(chunks: &[Value]) -> Reply {
    let lines = chunks
        .iter()
        .map(|chunk| format!("data: {chunk}\r\n\r\n").into_bytes());
    Reply::raw(200, "text/event-stream", lines.collect())
}

/// The answer of a server that streams these chunks.
async fn streamed(chunks: &[Value]) -> ModelAnswer {
    answer_of(true, events(chunks)).await.expect("answers")
}

fn part(part: Value) -> Value {
    json!({"candidates": [{"content": {"role": "model", "parts": [part]}}]})
}

fn end(reason: &str) -> Value {
    json!({"candidates": [{"content": {"role": "model"}, "finishReason": reason}]})
}

/// Names and arguments.
fn calls(answer: &ModelAnswer) -> Vec<(&str, &Value)> {
    let calls = answer.tool_calls.iter();
    calls
        .map(|call| (call.name.as_str(), &call.arguments))
        .collect()
}

proptest! {
    #[test]
    fn any_split_of_the_bytes_gives_the_same_answer(
        crlf: bool,
        comments: bool,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let arguments = json!({"path": "größe/漢字.rs", "text": "a\n\"b\"\u{2028}😀"});
        let written = [("write_file", arguments.clone()), ("finish", json!({}))];
        let events = gemini::events(1, "Grüße 😀 an\u{2028}alle 漢字", &written);
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
        prop_assert_eq!(calls(&answer), [("write_file", &arguments), ("finish", &json!({}))]);
        prop_assert_eq!(answer.usage.input_tokens, 120);
    }
}

#[tokio::test]
async fn an_answer_is_the_same_in_one_piece_and_in_many() {
    for written in [&two_calls()[..], &[]] {
        let whole = Reply::json(200, &gemini::document(1, "Hello you", written));
        let lines = gemini::events(1, "Hello you", written);
        let lines = lines
            .iter()
            .map(|data| format!("data:{data}\r\n\r\n").into_bytes());
        let streamed = Reply::raw(200, "text/event-stream; charset=utf-8", lines.collect());
        // A server may also send the other form than the one that was asked for.
        for stream in [true, false] {
            let one = answer_of(stream, whole.clone()).await.expect("answers");
            let other = answer_of(stream, streamed.clone()).await.expect("answers");
            assert_eq!(one, other);
        }
    }
}

#[tokio::test]
async fn parts_are_kept_as_they_came_and_only_words_are_joined() {
    let thought = |text: &str| json!({"text": text, "thought": true});
    let signed = json!({"text": "c", "thoughtSignature": "x"});
    let call = json!({"functionCall": {"name": "a", "args": {"n": 1}}, "thoughtSignature": "y"});
    let unknown = json!({"executableCode": {"code": "1"}, "partMetadata": {"k": [1]}});
    let last = json!({"text": "", "thoughtSignature": "z"});
    let answer = streamed(&[
        part(thought("I ")),
        part(thought("think")),
        part(json!({"text": "a"})),
        part(json!({"text": ""})),
        part(json!({"text": "b"})),
        part(signed.clone()),
        part(json!({"text": "d"})),
        part(call.clone()),
        part(unknown.clone()),
        part(last.clone()),
        end("STOP"),
    ])
    .await;
    assert_eq!(answer.text, "abcd");
    assert_eq!(calls(&answer), [("a", &json!({"n": 1}))]);
    assert_eq!(answer.finish, FinishReason::ToolCalls);
    let native = answer.native.expect("kept");
    assert_eq!(native.by, BY);
    assert_eq!(
        native.parts,
        [
            thought("I think"),
            json!({"text": "ab"}),
            signed,
            json!({"text": "d"}),
            call,
            unknown,
            last
        ]
    );
    let plain = streamed(&[part(json!({"text": "just words"})), end("STOP")]).await;
    assert_eq!(plain.native, None, "nothing would be lost");
}

#[tokio::test]
async fn an_answer_may_lack_nearly_everything() {
    let answer = streamed(&[part(json!({"text": "hello"})), end("STOP")]).await;
    assert_eq!(
        (answer.text.as_str(), answer.finish),
        ("hello", FinishReason::Stop)
    );
    let prompt = request().estimated_tokens();
    assert_eq!(answer.usage.input_tokens, prompt);
    assert_eq!(answer.usage.output_tokens, 2);
    for empty in [
        json!({"candidates": [{"finishReason": "STOP"}]}),
        json!({"candidates": [{"content": {}, "finishReason": "STOP"}]}),
        json!({"candidates": [{"content": {"parts": ["x", 1, null, {}]}, "finishReason": "STOP"}]}),
    ] {
        for reply in [
            events(std::slice::from_ref(&empty)),
            Reply::json(200, &empty),
        ] {
            let answer = answer_of(true, reply).await.expect("answers");
            assert_eq!(
                (answer.text.as_str(), answer.finish),
                ("", FinishReason::Stop)
            );
        }
    }
    let bare = json!({"functionCall": {"name": "a"}});
    let same = json!({"functionCall": {"name": "a", "args": null, "id": "7"}});
    let text = json!({"functionCall": {"args": "{\"n\": 1", "id": "7"}});
    let answer = streamed(&[part(bare), part(same), part(text), end("STOP")]).await;
    let n = json!({"n": 1});
    let none = json!({});
    let arguments = &answer.tool_calls[2].arguments;
    assert!(arguments == &n || arguments.is_string(), "{arguments}");
    assert_eq!(calls(&answer)[..2], [("a", &none), ("a", &none)]);
    let ids: Vec<&str> = answer
        .tool_calls
        .iter()
        .map(|call| call.id.as_str())
        .collect();
    assert!(!ids[0].is_empty() && ids[1] == "7" && ids[2] != "7" && ids[0] != ids[2]);
}

#[tokio::test]
async fn an_answer_that_is_finished_may_lose_its_farewell() {
    for end in [End::Cut, End::Hanging] {
        let fake = Fake::start(gemini::RULES, move |seen| {
            gemini::answer(seen, "hello", &[]).ending(end)
        });
        let answer = ask(&model(&fake, true), &request()).await;
        assert_eq!(answer.expect("answers").text, "hello");
    }
}

#[tokio::test]
async fn the_last_usage_counts_unless_it_cannot_be_right() {
    let with = |mut chunk: Value, usage: Value| {
        chunk["usageMetadata"] = usage;
        chunk
    };
    let counts = |prompt: u64, output: u64| json!({"promptTokenCount": prompt, "candidatesTokenCount": output});
    let usage = streamed(&[
        with(part(json!({"text": "a"})), counts(7, 1)),
        with(end("STOP"), counts(7, 2)),
        json!({"usageMetadata": counts(7, 3)}),
    ])
    .await
    .usage;
    assert_eq!(
        (usage.input_tokens, usage.output_tokens, usage.model_calls),
        (7, 3, 1)
    );
    let estimated = streamed(&[part(json!({"text": "hello"})), end("STOP")])
        .await
        .usage;
    for odd in [
        Value::Null,
        json!({}),
        counts(1_000_000_001, 1),
        counts(7, u64::MAX),
        json!({"promptTokenCount": -7}),
        json!({"promptTokenCount": 7, "thoughtsTokenCount": "1"}),
    ] {
        let chunks = [
            part(json!({"text": "hello"})),
            with(end("STOP"), odd.clone()),
        ];
        assert_eq!(streamed(&chunks).await.usage, estimated, "{odd}");
    }
}

#[tokio::test]
async fn reasons_and_refusals_are_understood() {
    let words = json!({"text": "x"});
    for (reason, finish) in [
        ("STOP", FinishReason::Stop),
        ("MAX_TOKENS", FinishReason::Length),
        ("OTHER", FinishReason::Stop),
        ("SOMETHING_NEW", FinishReason::Stop),
        ("SAFETY", FinishReason::Refusal),
        ("PROHIBITED_CONTENT", FinishReason::Refusal),
        ("BLOCKLIST", FinishReason::Refusal),
        ("RECITATION", FinishReason::Refusal),
        ("SPII", FinishReason::Refusal),
        ("LANGUAGE", FinishReason::Refusal),
    ] {
        let answer = streamed(&[part(words.clone()), end(reason)]).await;
        assert_eq!(answer.finish, finish, "{reason}");
    }
    let mut refused = end("SAFETY");
    refused["candidates"][0]["finishMessage"] = json!("I will not.");
    let document = Reply::json(200, &refused);
    for answer in [
        streamed(&[refused]).await,
        answer_of(false, document).await.expect("answers"),
    ] {
        assert_eq!(
            (answer.text.as_str(), answer.finish),
            ("I will not.", FinishReason::Refusal)
        );
    }
    assert_eq!(streamed(&[end("RECITATION")]).await.text, "RECITATION");
}
