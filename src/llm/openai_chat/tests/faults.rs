//! Everything that goes wrong, and what it is taken for.

use ModelFailureKind as K;

use super::*;

async fn failure(stream: bool, reply: Reply) -> ModelFailure {
    answer_of(stream, reply).await.expect_err("fails")
}

fn events(lines: &[&str]) -> Reply {
    let lines = lines.iter().map(|line| line.as_bytes().to_vec());
    Reply::raw(200, "text/event-stream", lines.collect())
}

#[tokio::test]
async fn every_status_has_its_kind() {
    for (status, kind) in [
        (400, K::BadRequest),
        (401, K::Authentication),
        (402, K::QuotaExhausted),
        (403, K::Permission),
        (404, K::UnknownModel),
        (405, K::UnknownModel),
        (408, K::TimedOut),
        (409, K::Overloaded),
        (413, K::ContextTooLong),
        (422, K::BadRequest),
        (429, K::RateLimited),
        (500, K::Overloaded),
        (502, K::Overloaded),
        (503, K::Overloaded),
        (529, K::Overloaded),
    ] {
        let found = failure(true, chat::error(status, "x", "the provider's words")).await;
        assert_eq!((found.kind, found.status), (kind, Some(status)));
        let start = format!(
            "model fast (m at lab): status {status}: the provider's words (request id req_7)"
        );
        assert!(found.message.starts_with(&start), "{}", found.message);
    }
}

#[tokio::test]
async fn names_and_words_say_more_than_a_status() {
    for (status, name, words, kind) in [
        (
            429,
            "insufficient_quota",
            "You exceeded your current quota",
            K::QuotaExhausted,
        ),
        (429, "rate_limit_exceeded", "slow down", K::RateLimited),
        (
            400,
            "context_length_exceeded",
            "too much",
            K::ContextTooLong,
        ),
        (
            400,
            "BadRequestError",
            "This model's maximum context length is 4096 tokens",
            K::ContextTooLong,
        ),
        (
            500,
            "server_error",
            "the request exceeds the available context size",
            K::ContextTooLong,
        ),
        (400, "content_filter", "filtered", K::ContentRefused),
        (400, "model_not_found", "no such model", K::UnknownModel),
        (400, "invalid_api_key", "wrong", K::Authentication),
    ] {
        let found = failure(false, chat::error(status, name, words)).await;
        assert_eq!(found.kind, kind, "{name}: {}", found.message);
    }
}

#[tokio::test]
async fn a_wait_that_is_asked_for_is_known_to_the_millisecond() {
    let limited = || chat::error(429, "rate_limit_exceeded", "slow down");
    let wait = async |reply| failure(true, reply).await.retry_after_ms;
    assert_eq!(
        wait(limited().header("retry-after", "1.5")).await,
        Some(1_500)
    );
    assert_eq!(
        wait(limited().header("retry-after-ms", "20")).await,
        Some(20)
    );
    let date = "Thu, 01 Jan 1970 00:00:09 GMT";
    assert_eq!(
        wait(limited().header("retry-after", date)).await,
        Some(9_000)
    );
    assert_eq!(wait(limited()).await, None);
    let refused = chat::error(400, "x", "no").header("retry-after", "1");
    assert_eq!(wait(refused).await, None, "waiting would not help");
}

#[tokio::test]
async fn a_key_that_is_echoed_is_taken_out() {
    for reply in [
        chat::error(
            401,
            "invalid_api_key",
            &format!("Incorrect API key provided: {KEY}."),
        ),
        Reply::raw(
            500,
            "text/plain",
            vec![format!("Bearer {KEY}").into_bytes()],
        ),
        Reply::raw(
            200,
            "text/plain",
            vec![format!("{{\"key\": \"{KEY}\"}}").into_bytes()],
        ),
        chat::error(302, "x", "moved").header("location", &format!("http://evil/?k={KEY}")),
    ] {
        let failure = failure(true, reply).await;
        assert!(failure.message.contains("[key]"), "{}", failure.message);
        assert!(!format!("{failure:?}").contains(KEY));
    }
}

#[tokio::test]
async fn the_key_does_not_follow_a_redirect() {
    let elsewhere = Fake::start(chat::RULES, |seen| chat::answer(seen, "stolen", &[]));
    let there = format!("{}/chat/completions", elsewhere.base());
    let failure = failure(
        true,
        chat::error(307, "x", "moved").header("location", &there),
    )
    .await;
    assert_eq!((failure.kind, failure.status), (K::UnknownModel, Some(307)));
    assert!(failure.message.contains("base_url"), "{}", failure.message);
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_no_answer() {
    let body = |kind: &str, body: &[u8]| Reply::raw(200, kind, vec![body.to_vec()]);
    let html = b"<!doctype html><title>Sign in</title>";
    for (reply, kind, words) in [
        (body("text/html", html), K::Malformed, "a web page: Sign in"),
        (
            body("application/json", html),
            K::Malformed,
            "a web page: Sign in",
        ),
        (
            body("application/json", b""),
            K::Malformed,
            "the answer is empty",
        ),
        (body("application/json", b"{}"), K::Malformed, "no choices"),
        (
            body("application/json", b"nonsense"),
            K::Malformed,
            "not JSON",
        ),
        (
            body("application/json", b"{\"choices\": [{\"mess"),
            K::Truncated,
            "broke off",
        ),
        (
            body(
                "application/json",
                b"{\"error\": {\"message\": \"busy\", \"code\": 503}}",
            ),
            K::Overloaded,
            "busy",
        ),
        (
            body(
                "application/json",
                b"[{\"error\": {\"message\": \"no\", \"code\": 403}}]",
            ),
            K::Permission,
            "no",
        ),
        (events(&[""]), K::Truncated, "broke off"),
        (
            events(&["data: {\"choices\": [\n\n"]),
            K::Malformed,
            "not JSON",
        ),
    ] {
        let found = failure(true, reply).await;
        assert_eq!(found.kind, kind, "{}", found.message);
        assert!(found.message.contains(words), "{}", found.message);
    }
    let no_text = b"data: {\"choices\":[{\"delta\":{\"content\":\"a\xff\"}}]}\n\n";
    for kind in ["text/event-stream", "application/json"] {
        assert_eq!(failure(true, body(kind, no_text)).await.kind, K::Malformed);
    }
}

#[tokio::test]
async fn a_stream_that_ends_early_is_no_answer() {
    const PART: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    for end in [End::Whole, End::Cut] {
        for lines in [&[PART][..], &[PART, "data: {\"choi"]] {
            let found = failure(true, events(lines).ending(end)).await;
            assert_eq!(found.kind, K::Truncated, "{}", found.message);
        }
    }
    let torn = json!({"choices": [{"delta": {"tool_calls": [
        {"index": 0, "id": "1", "function": {"name": "a", "arguments": "{\"x\": \"y"}}]}}]});
    let closed = events(&[&format!("data: {torn}\n\n"), "data: [DONE]\n\n"]);
    assert_eq!(failure(true, closed).await.kind, K::Truncated);
    for (error, kind) in [
        (
            r#"{"error": {"message": "overloaded", "type": "server_error"}}"#,
            K::Overloaded,
        ),
        (
            r#"{"error": {"message": "slow", "code": 429}}"#,
            K::RateLimited,
        ),
        (r#"{"error": "something"}"#, K::Overloaded),
        (
            r#"{"object": "error", "message": "bad", "type": "invalid_request_error", "code": 400}"#,
            K::BadRequest,
        ),
    ] {
        let line = format!("data: {error}\n\n");
        let found = failure(true, events(&[PART, &line])).await;
        assert_eq!(found.kind, kind, "{}", found.message);
    }
    let named = failure(
        true,
        events(&[PART, "event: error\ndata: {\"what\": 1}\n\n"]),
    )
    .await;
    assert_eq!(named.kind, K::Overloaded);
}

#[tokio::test]
async fn silence_and_slowness_have_an_end() {
    let limits = |first_byte: u64, idle: u64, total: u64| Limits {
        first_byte: Duration::from_millis(first_byte),
        idle: Duration::from_millis(idle),
        total: Duration::from_millis(total),
    };
    const LONG: u64 = 60_000;
    let part = |seen: &Seen| {
        chat::answer(seen, "a b", &[])
            .shortened(2)
            .ending(End::Hanging)
    };
    let head = |seen: &Seen| {
        chat::answer(seen, "a b", &[])
            .shortened(0)
            .ending(End::Hanging)
    };
    let drip = |seen: &Seen| {
        let pause = Duration::from_millis(20);
        chat::answer(seen, "a b c d e f g h", &[]).dripping(pause)
    };
    let fakes = [
        Fake::start(chat::RULES, head),
        Fake::start(chat::RULES, part),
        Fake::start(chat::RULES, part),
        Fake::start(chat::RULES, drip),
    ];
    let cases = [
        limits(50, LONG, LONG),
        limits(LONG, 50, LONG),
        limits(LONG, LONG, 50),
        limits(LONG, LONG, 50),
    ];
    let words = [
        "no answer within 0.05 s",
        "nothing more came for 0.05 s",
        "not complete within 0.05 s",
        "not complete within 0.05 s",
    ];
    for ((fake, limits), words) in fakes.iter().zip(cases).zip(words) {
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
async fn nobody_there_is_a_failure_of_the_network() {
    // The port was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let base = format!("http://{}/v1", free.local_addr().expect("an address"));
    drop(free);
    let failure = ask(&model_at(endpoint(&base, true)), &request())
        .await
        .expect_err("fails");
    assert_eq!((failure.kind, failure.status), (K::Network, None));
    assert!(failure.message.contains(&base), "{}", failure.message);
}

#[tokio::test]
async fn an_answer_of_eight_megabytes_is_read_and_one_without_end_is_not() {
    let words = "word ".repeat(8 * 1024 * 1024 / 5);
    let large = Reply::json(
        200,
        &json!({"choices": [{"message": {"content": words}, "finish_reason": "stop"}]}),
    );
    assert_eq!(
        answer_of(false, large).await.expect("answers").text.len(),
        words.len()
    );
    let endless = Reply::raw(200, "text/event-stream", vec![vec![b':'; 1024 * 1024]; 40]);
    let found = failure(true, endless).await;
    assert_eq!(found.kind, K::Malformed);
    assert!(
        found.message.contains("larger than 32 MiB"),
        "{}",
        found.message
    );
}
