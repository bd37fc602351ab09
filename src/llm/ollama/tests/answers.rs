//! What comes back, in all the forms that servers give it.

use std::sync::Mutex;

use proptest::prelude::*;

use super::super::super::lines;
use super::super::super::protocol::Assembly as _;
use super::*;

/// The answer that comes of a stream's bytes, in these pieces, and the words that were handed on.
fn assembled(pieces: &[&[u8]]) -> (ModelAnswer, String) {
    let words = Mutex::new(String::new());
    let on_token = |token: &str| words.lock().expect("lock").push_str(token);
    let mut reader = lines::Reader::default();
    let mut assembly = Answer::of("ollama/m".into());
    let mut events: Vec<_> = Vec::new();
    for piece in pieces {
        events.extend(reader.push(piece));
    }
    events.extend(reader.finish());
    for event in events {
        let piece = serde_json::from_slice(&event.data).expect("a whole line");
        assembly.take("", &piece, &on_token);
    }
    let answer = assembly.answer(&request());
    (answer, words.into_inner().expect("lock"))
}

fn pair(name: &str, arguments: Value) -> (String, Value) {
    (name.to_owned(), arguments)
}

/// Names and arguments.
fn calls(answer: &ModelAnswer) -> Vec<(String, Value)> {
    let calls = answer.tool_calls.iter();
    calls
        .map(|call| (call.name.clone(), call.arguments.clone()))
        .collect()
}

async fn streamed(lines: &[Value]) -> ModelAnswer {
    answer_of(true, stream_of(lines)).await.expect("answers")
}

proptest! {
    #[test]
    fn any_split_of_the_bytes_gives_the_same_answer(
        crlf: bool,
        last_line_ends: bool,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let arguments = json!({"path": "größe/漢字.rs", "text": "a <b> & \"c\"\u{2028}😀"});
        let written = [("write_file", arguments.to_string()), ("finish", "{}".to_owned())];
        let made = ollama::lines("Grüße <😀> an\u{2028}alle & 漢字", &written);
        let line_end = if crlf { "\r\n" } else { "\n" };
        let mut text = made.join(line_end);
        if last_line_ends {
            text.push_str(line_end);
        }
        let bytes = text.as_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        let (answer, words) = assembled(&pieces);
        prop_assert_eq!(&answer, &assembled(&[bytes]).0);
        prop_assert_eq!(&words, "Grüße <😀> an\u{2028}alle & 漢字");
        prop_assert_eq!(&words, &answer.text);
        prop_assert_eq!(calls(&answer), [pair("write_file", arguments), pair("finish", json!({}))]);
        prop_assert_eq!((answer.usage.input_tokens, answer.usage.output_tokens), (120, 30));
    }
}

#[tokio::test]
async fn an_answer_is_the_same_in_one_piece_and_in_many() {
    let written = [("write_file", "{\"a\":1}".to_owned())];
    let lines = ollama::lines("Hello you", &written);
    let lines = lines
        .iter()
        .map(|line| format!("{line}\r\n\r\n").into_bytes())
        .collect();
    let streamed = Reply::raw(200, "application/x-ndjson; charset=utf-8", lines);
    let whole = Reply::json(200, &ollama::document("Hello you", &written));
    // A server may also send the other form than the one that was asked for.
    for stream in [true, false] {
        let one = answer_of(stream, whole.clone()).await.expect("answers");
        let other = answer_of(stream, streamed.clone()).await.expect("answers");
        assert_eq!(one, other);
        assert_eq!(one.finish, FinishReason::ToolCalls);
    }
}

#[tokio::test]
async fn thoughts_are_no_words_and_are_kept() {
    let think = |text: &str| said(json!({"role": "assistant", "content": "", "thinking": text}));
    let answer = streamed(&[think("first "), think("then"), words("Yes."), end("stop")]).await;
    assert_eq!(answer.text, "Yes.");
    let native = answer.native.expect("thoughts");
    assert_eq!(native.by, "ollama/m");
    assert_eq!(native.parts, [json!({"thinking": "first then"})]);
}

#[tokio::test]
async fn what_is_not_reported_is_estimated() {
    let bare = json!({"message": {"role": "assistant", "content": ""}, "done": true});
    let answer = streamed(&[words("hel"), words("lo"), bare.clone()]).await;
    assert_eq!(
        (answer.text.as_str(), answer.finish),
        ("hello", FinishReason::Stop)
    );
    let prompt = request().estimated_tokens();
    assert_eq!(
        (answer.usage.input_tokens, answer.usage.output_tokens),
        (prompt, 2)
    );
    // A prompt that is all cached is not reported.
    let mut cached = bare.clone();
    cached["eval_count"] = json!(9);
    let usage = streamed(&[words("hello"), cached]).await.usage;
    assert_eq!((usage.input_tokens, usage.output_tokens), (prompt, 9));
    for nonsense in [json!(-7), json!(7.5), json!("7"), json!(1_000_000_001_u64)] {
        let mut last = bare.clone();
        last["prompt_eval_count"] = nonsense.clone();
        let usage = streamed(&[words("hello"), last]).await.usage;
        assert_eq!(usage.input_tokens, prompt, "{nonsense}");
    }
}

#[tokio::test]
async fn reasons_are_understood() {
    for (reason, finish) in [
        ("stop", FinishReason::Stop),
        ("length", FinishReason::Length),
        ("something new", FinishReason::Stop),
    ] {
        assert_eq!(streamed(&[words("x"), end(reason)]).await.finish, finish);
    }
}

#[tokio::test]
async fn arguments_are_taken_in_any_form() {
    let call = |arguments: Value| json!({"function": {"name": "a", "arguments": arguments}});
    let message = json!({"role": "assistant", "tool_calls": [
        call(json!({"x": 1})), call(json!("{\"x\": 1}")), call(Value::Null), call(json!("{\"x\": \"y")),
    ]});
    let answer = streamed(&[said(message), end("stop")]).await;
    let arguments: Vec<Value> = calls(&answer).into_iter().map(|(_, made)| made).collect();
    assert_eq!(
        arguments,
        [
            json!({"x": 1}),
            json!({"x": 1}),
            json!({}),
            json!("{\"x\": \"y")
        ]
    );
    let mut ids: Vec<&str> = answer
        .tool_calls
        .iter()
        .map(|call| call.id.as_str())
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}
