//! Everything that goes wrong, and what it is taken for.

use ModelFailureKind as K;

use super::super::super::endpoint::Secret;
use super::*;

async fn failure(stream: bool, reply: Reply) -> ModelFailure {
    answer_of(stream, reply).await.expect_err("fails")
}

fn body(kind: &str, body: &[u8]) -> Reply {
    Reply::raw(200, kind, vec![body.to_vec()])
}

#[tokio::test]
async fn every_status_has_its_kind() {
    for (status, kind) in [
        (400, K::BadRequest),
        (401, K::Authentication),
        (402, K::QuotaExhausted),
        (403, K::Permission),
        (404, K::UnknownModel),
        (408, K::TimedOut),
        (413, K::ContextTooLong),
        (422, K::BadRequest),
        (429, K::RateLimited),
        (500, K::Overloaded),
        (502, K::Overloaded),
        (503, K::Overloaded),
        (529, K::Overloaded),
    ] {
        for stream in [true, false] {
            let found = failure(stream, ollama::error(status, "the server's words")).await;
            assert_eq!((found.kind, found.status), (kind, Some(status)));
            let start = format!(
                "model fast (m at lab): status {status}: the server's words (request id req_7)"
            );
            assert!(found.message.starts_with(&start), "{}", found.message);
        }
    }
}

#[tokio::test]
async fn words_say_more_than_a_status() {
    for (status, words, kind, advice) in [
        (
            404,
            "model 'm' not found",
            K::UnknownModel,
            "fetch it with `ollama pull m`",
        ),
        (
            400,
            "registry.ollama.ai/library/m:latest does not support tools",
            K::BadRequest,
            "set `tools: false` in models.fast",
        ),
        (
            400,
            "the input length exceeds the context length",
            K::ContextTooLong,
            "name a model with a longer context",
        ),
        (
            500,
            "error parsing tool call: raw='{\"path\": ', err=unexpected end of JSON input",
            K::Malformed,
            "",
        ),
        (
            429,
            "you have reached your weekly usage limit",
            K::QuotaExhausted,
            "",
        ),
        (503, "server busy, please try again", K::Overloaded, ""),
    ] {
        let found = failure(true, ollama::error(status, words)).await;
        assert_eq!(found.kind, kind, "{}", found.message);
        assert!(found.message.contains(advice), "{}", found.message);
    }
}

#[tokio::test]
async fn an_error_may_come_in_the_middle_of_a_stream() {
    for (message, kind) in [
        (
            "an error was encountered while running the model",
            K::Overloaded,
        ),
        ("model runner has unexpectedly stopped", K::Overloaded),
        ("context length exceeded", K::ContextTooLong),
        ("error parsing tool call: raw='{'", K::Malformed),
    ] {
        let reply = stream_of(&[words("so"), json!({"error": message})]);
        let found = failure(true, reply).await;
        assert_eq!((found.kind, found.status), (kind, None), "{message}");
        assert!(found.message.contains(message), "{}", found.message);
    }
    let document = Reply::json(200, &json!({"error": "busy"}));
    assert_eq!(failure(false, document).await.kind, K::Overloaded);
}

#[tokio::test]
async fn a_model_that_was_only_loaded_has_not_answered() {
    for reason in ["load", "unload"] {
        for (stream, reply) in [
            (true, stream_of(&[end(reason)])),
            (false, Reply::json(200, &end(reason))),
        ] {
            let found = failure(stream, reply).await;
            assert_eq!(found.kind, K::Malformed);
            let words = format!("no more than {reason} the model");
            assert!(found.message.contains(&words), "{}", found.message);
        }
    }
}

#[tokio::test]
async fn a_window_that_was_full_is_no_answer() {
    let used = |prompt: u64, answer: u64| {
        let mut last = end("length");
        last["prompt_eval_count"] = json!(prompt);
        last["eval_count"] = json!(answer);
        stream_of(&[words("half"), last])
    };
    // The window is 8,192 tokens, of which 1,000 are reserved for the answer.
    for (prompt, answer) in [(8_192, 1), (8_100, 92), (7_193, 999)] {
        let found = failure(true, used(prompt, answer)).await;
        assert_eq!(found.kind, K::ContextTooLong, "{}", found.message);
        let words = "filled the window of 8192 tokens";
        assert!(found.message.contains(words), "{}", found.message);
    }
    for (prompt, answer) in [(7_192, 1_000), (8_000, 5), (120, 1_000)] {
        let answer = answer_of(true, used(prompt, answer)).await;
        assert_eq!(answer.expect("answers").finish, FinishReason::Length);
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_no_answer() {
    const LINES: &str = "application/x-ndjson";
    let html = b"<!doctype html><title>Sign in</title>";
    for (reply, kind, words) in [
        (body("text/html", html), K::Malformed, "a web page: Sign in"),
        (body("application/json", b""), K::Malformed, "empty"),
        (body("application/json", b"{}"), K::Malformed, "no message"),
        (
            body("application/json", b"nonsense"),
            K::Malformed,
            "not JSON",
        ),
        (
            body("application/json", b"{\"message\": {"),
            K::Truncated,
            "broke off",
        ),
        (body(LINES, b""), K::Truncated, "broke off"),
        (body(LINES, b"nonsense\n"), K::Malformed, "not JSON"),
        (
            body(LINES, b"{\"message\": {\"content\": \"a\xff\"}}\n"),
            K::Malformed,
            "not JSON",
        ),
    ] {
        let found = failure(true, reply).await;
        assert_eq!(found.kind, kind, "{}", found.message);
        assert!(found.message.contains(words), "{}", found.message);
    }
}

#[tokio::test]
async fn a_stream_that_ends_early_is_no_answer() {
    let part = format!("{}\n", words("a"));
    for end in [End::Whole, End::Cut] {
        for rest in ["", "{\"model\": \"m\", \"mess"] {
            let reply = body("application/x-ndjson", format!("{part}{rest}").as_bytes());
            let found = failure(true, reply.ending(end)).await;
            assert_eq!(found.kind, K::Truncated, "{}", found.message);
        }
    }
    // All is said in the last line; that the connection is then cut, or kept, does not matter.
    for end in [End::Cut, End::Hanging] {
        let fake = Fake::start(ollama::RULES, move |seen| {
            ollama::answer(seen, "hello", &[]).ending(end)
        });
        let answer = ask(&model(&fake, true), &request()).await;
        assert_eq!(answer.expect("answers").text, "hello");
    }
}

#[tokio::test]
async fn a_key_that_is_echoed_is_taken_out() {
    let echo = format!("unauthorized: {KEY}");
    let fake = Fake::start(ollama::RULES, move |_| ollama::error(401, &echo));
    let model = model_at(Endpoint {
        key: Secret::new(KEY),
        key_variable: Some("OLLAMA_API_KEY".into()),
        ..endpoint(fake.base(), true)
    });
    let prepared = model.prepare(&request(), &[]).expect("prepares");
    let called = model.call(&request(), &prepared, &|_| {}).await;
    let told = format!("{called:?}");
    assert!(told.contains("[key]") && !told.contains(KEY), "{told}");
    assert!(told.contains("export OLLAMA_API_KEY="), "{told}");
}

#[tokio::test]
async fn silence_has_an_end() {
    let limits = |first_byte: u64, idle: u64| Limits {
        first_byte: Duration::from_millis(first_byte),
        idle: Duration::from_millis(idle),
        total: Duration::from_secs(60),
    };
    for (pieces, limits, words) in [
        (0, limits(50, 60_000), "no answer within 0.05 s"),
        (1, limits(60_000, 50), "nothing more came for 0.05 s"),
    ] {
        let fake = Fake::start(ollama::RULES, move |seen| {
            ollama::answer(seen, "a b", &[])
                .shortened(pieces)
                .ending(End::Hanging)
        });
        let model = model_at(Endpoint {
            limits,
            ..endpoint(fake.base(), true)
        });
        let failure = ask(&model, &request()).await.expect_err("fails");
        assert_eq!(failure.kind, K::TimedOut);
        assert!(failure.message.contains(words), "{}", failure.message);
    }
}

#[tokio::test]
async fn an_answer_of_eight_megabytes_is_read_and_one_without_end_is_not() {
    let text = "word ".repeat(8 * 1024 * 1024 / 5);
    let mut large = end("stop");
    large["message"]["content"] = json!(text);
    let answer = answer_of(false, Reply::json(200, &large)).await;
    assert_eq!(answer.expect("answers").text.len(), text.len());
    let endless = vec![vec![b' '; 1024 * 1024]; 40];
    let found = failure(true, Reply::raw(200, "application/x-ndjson", endless)).await;
    assert_eq!(found.kind, K::Malformed);
    assert!(found.message.contains("larger than 32 MiB"));
}
