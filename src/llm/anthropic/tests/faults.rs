//! Everything that goes wrong, and what it is taken for.

use ModelFailureKind as K;

use super::*;

async fn failure(stream: bool, reply: Reply) -> ModelFailure {
    answer_of(stream, reply).await.expect_err("fails")
}

fn events(lines: &[String]) -> Reply {
    let lines = lines.iter().map(|line| line.clone().into_bytes());
    Reply::raw(200, "text/event-stream", lines.collect())
}

/// The beginning of an answer.
fn begun() -> Vec<String> {
    let blocks = [json!({"type": "text", "text": "so far "})];
    let mut events = anthropic::events(&blocks, "end_turn");
    events.truncate(4);
    events
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
        (409, K::Overloaded),
        (413, K::ContextTooLong),
        (422, K::BadRequest),
        (429, K::RateLimited),
        (500, K::Overloaded),
        (502, K::Overloaded),
        (503, K::Overloaded),
        (529, K::Overloaded),
    ] {
        let found = failure(true, anthropic::error(status, "x", "the provider's words")).await;
        assert_eq!((found.kind, found.status), (kind, Some(status)));
        let start = format!(
            "model fast (claude-sonnet-4-6 at lab): status {status}: the provider's words (request id req_7)"
        );
        assert!(found.message.starts_with(&start), "{}", found.message);
    }
}

/// Status, name and words as they are published, and what they mean.
const ERRORS: [(u16, &str, &str, K); 15] = [
    (429, "rate_limit_error", "slow down", K::RateLimited),
    (529, "overloaded_error", "Overloaded", K::Overloaded),
    (
        401,
        "authentication_error",
        "invalid x-api-key",
        K::Authentication,
    ),
    (403, "permission_error", "not for you", K::Permission),
    (404, "not_found_error", "model: claude-x", K::UnknownModel),
    (
        413,
        "request_too_large",
        "Request exceeds the maximum size",
        K::ContextTooLong,
    ),
    (
        400,
        "invalid_request_error",
        "prompt is too long: 210000 tokens > 200000 maximum",
        K::ContextTooLong,
    ),
    (
        400,
        "invalid_request_error",
        "input length and `max_tokens` exceed context limit: 1 + 2 > 2",
        K::ContextTooLong,
    ),
    (402, "billing_error", "pay", K::QuotaExhausted),
    (
        400,
        "invalid_request_error",
        "Your credit balance is too low to access the Anthropic API.",
        K::QuotaExhausted,
    ),
    (
        400,
        "invalid_request_error",
        "You have reached your specified API usage limits.",
        K::QuotaExhausted,
    ),
    (504, "timeout_error", "too slow", K::TimedOut),
    (500, "api_error", "Internal server error", K::Overloaded),
    (
        400,
        "invalid_request_error",
        "Output blocked by content filtering policy",
        K::ContentRefused,
    ),
    (
        400,
        "invalid_request_error",
        "messages.0.content: Field required",
        K::BadRequest,
    ),
];

#[tokio::test]
async fn names_and_words_say_more_than_a_status() {
    for (status, name, words, kind) in ERRORS {
        let found = failure(false, anthropic::error(status, name, words)).await;
        assert_eq!(found.kind, kind, "{name}: {}", found.message);
    }
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_stream_is_the_same_error() {
    for (_, name, words, kind) in ERRORS {
        let mut lines = begun();
        lines.push(anthropic::event(&anthropic::error_body(name, words)));
        let found = failure(true, events(&lines)).await;
        assert_eq!(
            (found.kind, found.status),
            (kind, None),
            "{}",
            found.message
        );
        assert!(found.message.contains(words), "{}", found.message);
        let document = Reply::json(200, &anthropic::error_body(name, words));
        assert_eq!(failure(false, document).await.kind, kind);
    }
}

#[tokio::test]
async fn a_wait_that_is_asked_for_is_known_to_the_millisecond() {
    let limited = || anthropic::error(429, "rate_limit_error", "slow down");
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
    let told = limited().header("x-should-retry", "false");
    assert!(!failure(true, told).await.retryable());
}

#[tokio::test]
async fn limits_and_ids_stay_with_the_exchange() {
    let fake = Fake::start(anthropic::RULES, |seen| {
        let left = "anthropic-ratelimit-requests-remaining";
        anthropic::answer(seen, "hi", &[]).header(left, "49")
    });
    let model = model(&fake, true);
    let request = request();
    let prepared = model.prepare(&request, &[]).expect("prepares");
    let exchange = model
        .call(&request, &prepared, &|_| {})
        .await
        .exchanges
        .remove(0);
    assert_eq!(exchange.headers["request-id"], "req_8");
    assert_eq!(
        exchange.headers["anthropic-ratelimit-requests-remaining"],
        "49"
    );
}

#[tokio::test]
async fn a_key_that_is_echoed_is_taken_out() {
    for reply in [
        anthropic::error(
            401,
            "authentication_error",
            &format!("invalid x-api-key: {KEY}."),
        ),
        Reply::raw(
            500,
            "text/plain",
            vec![format!("x-api-key: {KEY}").into_bytes()],
        ),
        anthropic::error(302, "x", "moved").header("location", &format!("http://evil/?k={KEY}")),
    ] {
        let failure = failure(true, reply).await;
        assert!(failure.message.contains("[key]"), "{}", failure.message);
        assert!(!format!("{failure:?}").contains(KEY));
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_no_answer() {
    let body = |kind: &str, body: &[u8]| Reply::raw(200, kind, vec![body.to_vec()]);
    let html = b"<!doctype html><title>Sign in</title>";
    for (reply, kind, words) in [
        (body("text/html", html), K::Malformed, "a web page: Sign in"),
        (
            body("application/json", b""),
            K::Malformed,
            "the answer is empty",
        ),
        (body("application/json", b"{}"), K::Malformed, "no content"),
        (
            body("application/json", b"nonsense"),
            K::Malformed,
            "not JSON",
        ),
        (
            body("application/json", b"{\"content\": [{\"ty"),
            K::Truncated,
            "broke off",
        ),
        (
            body("application/json", b"{\"content\": \"\xff\"}"),
            K::Malformed,
            "not JSON",
        ),
        (events(&[]), K::Truncated, "broke off"),
        (
            events(&["data: {\"type\": [\n\n".into()]),
            K::Malformed,
            "not JSON",
        ),
        (
            body("text/event-stream", b"data: {\"type\": \"\xff\"}\n\n"),
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
    let done = "data: [DONE]\n\n".to_owned();
    let half = "event: content_block_delta\ndata: {\"typ".to_owned();
    for end in [End::Whole, End::Cut] {
        for more in [vec![], vec![half.clone()], vec![done.clone()]] {
            let lines = [begun(), more].concat();
            let found = failure(true, events(&lines).ending(end)).await;
            assert_eq!(found.kind, K::Truncated, "{}", found.message);
        }
    }
}

#[tokio::test]
async fn an_answer_of_eight_megabytes_is_read_and_one_without_end_is_not() {
    let words = "word ".repeat(8 * 1024 * 1024 / 5);
    let blocks = [json!({"type": "text", "text": words})];
    let large = Reply::json(200, &anthropic::document(&blocks, "end_turn"));
    let answer = answer_of(false, large).await.expect("answers");
    assert_eq!(answer.text.len(), words.len());
    let endless = Reply::raw(200, "text/event-stream", vec![vec![b':'; 1024 * 1024]; 40]);
    assert_eq!(failure(true, endless).await.kind, K::Malformed);
}

#[tokio::test]
async fn a_tool_that_nobody_offered_is_left_to_whoever_carries_it_out() {
    let fake = Fake::start(anthropic::RULES, |seen| {
        anthropic::answer(seen, "", &[("rm -rf", "{}".to_owned())])
    });
    let answer = ask(&model(&fake, true), &request()).await.expect("answers");
    assert_eq!(answer.tool_calls[0].name, "rm -rf");
    assert_eq!(answer.finish, FinishReason::ToolCalls);
}
