//! Everything that goes wrong, and what it is taken for.

use ModelFailureKind as K;

use super::*;

async fn failure(stream: bool, reply: Reply) -> ModelFailure {
    answer_of(stream, reply).await.expect_err("fails")
}

/// The first so many events of an answer, then these.
fn then(count: usize, events: &[Value]) -> Reply {
    let mut all = responses::events(&responses::items(1, true, "Hello you", &[]));
    all.truncate(count);
    all.extend_from_slice(events);
    responses::stream(&all)
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
        let found = failure(true, responses::error(status, "x", "the provider's words")).await;
        assert_eq!((found.kind, found.status), (kind, Some(status)));
        let start = format!(
            "model fast (gpt-5-mini at lab): status {status}: the provider's words (request id req_7)"
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
        (
            429,
            "rate_limit_exceeded",
            "Rate limit reached",
            K::RateLimited,
        ),
        (
            429,
            "rate_limit_exceeded",
            "Request too large for gpt-5 on tokens per min (TPM): Limit 30000, Requested 40000.",
            K::ContextTooLong,
        ),
        (
            400,
            "context_length_exceeded",
            "Your input exceeds the context window",
            K::ContextTooLong,
        ),
        (
            400,
            "invalid_prompt",
            "Your prompt was flagged as potentially violating our usage policy.",
            K::ContentRefused,
        ),
        (400, "invalid_prompt", "no", K::BadRequest),
        (
            404,
            "model_not_found",
            "The requested model does not exist",
            K::UnknownModel,
        ),
        (
            401,
            "invalid_api_key",
            "Incorrect API key provided",
            K::Authentication,
        ),
        (
            400,
            "unsupported_parameter",
            "Unsupported parameter: 'max_output_tokens'",
            K::BadRequest,
        ),
    ] {
        let found = failure(false, responses::error(status, name, words)).await;
        assert_eq!(found.kind, kind, "{name}: {}", found.message);
    }
}

#[tokio::test]
async fn a_wait_that_is_asked_for_is_known_to_the_millisecond() {
    let limited = || responses::error(429, "rate_limit_exceeded", "slow down");
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
}

#[tokio::test]
async fn an_answer_that_fails_after_a_good_start_says_how() {
    let error = |code: &str, message: &str| json!({"code": code, "message": message});
    for (code, words, kind, wait) in [
        (
            "rate_limit_exceeded",
            "Please try again in 11.054s. Visit us.",
            K::RateLimited,
            Some(11_054),
        ),
        ("server_error", "An error occurred", K::Overloaded, None),
        (
            "context_length_exceeded",
            "too long",
            K::ContextTooLong,
            None,
        ),
        ("insufficient_quota", "no money", K::QuotaExhausted, None),
        (
            "invalid_prompt",
            "Invalid prompt: it was flagged",
            K::ContentRefused,
            None,
        ),
    ] {
        let mut response = responses::response("failed", &[]);
        response["error"] = error(code, words);
        let event = json!({"type": "response.failed", "response": response, "sequence_number": 9});
        let flat = json!({"type": "error", "code": code, "message": words, "param": null});
        let nested = json!({"type": "error", "error": error(code, words), "sequence_number": 9});
        for reply in [
            then(4, &[event]),
            then(4, &[flat]),
            then(4, &[nested]),
            Reply::json(200, &response),
        ] {
            let found = failure(true, reply).await;
            assert_eq!(
                (found.kind, found.status),
                (kind, None),
                "{}",
                found.message
            );
            assert!(found.message.contains(words), "{}", found.message);
            assert_eq!(found.retry_after_ms, wait, "{}", found.message);
        }
    }
    let unexplained = json!({"type": "response.failed", "response": {"error": null}});
    assert_eq!(
        failure(true, then(4, &[unexplained])).await.kind,
        K::Overloaded
    );
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
        (body("application/json", b"{}"), K::Malformed, "no output"),
        (
            body("application/json", b"{\"status\": \"queued\"}"),
            K::Malformed,
            "is queued",
        ),
        (
            body("application/json", b"nonsense"),
            K::Malformed,
            "not JSON",
        ),
        (
            body("application/json", b"{\"output\": [{\"ty"),
            K::Truncated,
            "broke off",
        ),
        (body("text/event-stream", b""), K::Truncated, "broke off"),
        (
            body("text/event-stream", b"data: {\"type\": [\n\n"),
            K::Malformed,
            "not JSON",
        ),
        (
            body("text/event-stream", b"data: {\"delta\": \"a\xff\"}\n\n"),
            K::Malformed,
            "not JSON",
        ),
        (
            body(
                "application/json",
                b"[{\"error\": {\"message\": \"no\", \"code\": 403}}]",
            ),
            K::Permission,
            "no",
        ),
    ] {
        let found = failure(true, reply).await;
        assert_eq!(found.kind, kind, "{}", found.message);
        assert!(found.message.contains(words), "{}", found.message);
    }
}

#[tokio::test]
async fn a_stream_without_its_last_event_is_no_answer() {
    let all = responses::events(&responses::items(1, true, "Hello you", &[])).len();
    for end in [End::Whole, End::Cut] {
        for count in [1, 5, all - 1] {
            let found = failure(true, then(count, &[]).ending(end)).await;
            assert_eq!(found.kind, K::Truncated, "{count}: {}", found.message);
        }
    }
    // Another protocol's farewell is not the end of this one.
    let mut text = String::new();
    for event in responses::events(&responses::items(1, true, "Hello", &[])) {
        if event["type"] != "response.completed" {
            text.push_str(&format!("data: {event}\n\n"));
        }
    }
    text.push_str("data: [DONE]\n\n");
    let reply = Reply::raw(200, "text/event-stream", vec![text.into_bytes()]);
    assert_eq!(failure(true, reply).await.kind, K::Truncated);
    // After the last event nothing more is waited for.
    let hanging = then(all, &[]).ending(End::Hanging);
    assert_eq!(
        answer_of(true, hanging).await.expect("answers").text,
        "Hello you"
    );
}

#[tokio::test]
async fn silence_and_slowness_have_an_end() {
    const LONG: u64 = 60_000;
    for (pieces, times, words) in [
        (0, [50, LONG, LONG], "no answer within 0.05 s"),
        (5, [LONG, 50, LONG], "nothing more came for 0.05 s"),
        (5, [LONG, LONG, 50], "not complete within 0.05 s"),
    ] {
        let fake = Fake::start(responses::RULES, move |seen| {
            let reply = responses::answer(seen, "a b", &[]);
            reply.shortened(pieces).ending(End::Hanging)
        });
        let [first_byte, idle, total] = times.map(Duration::from_millis);
        let limits = Limits {
            first_byte,
            idle,
            total,
        };
        let endpoint = Endpoint {
            limits,
            ..endpoint(fake.base(), MODELS[1], true)
        };
        let failure = ask(&model_at(endpoint), &request())
            .await
            .expect_err("fails");
        assert_eq!(failure.kind, K::TimedOut);
        assert!(failure.message.contains(words), "{}", failure.message);
    }
}

#[tokio::test]
async fn a_key_that_is_echoed_is_taken_out() {
    let words = format!("Incorrect API key provided: {KEY}.");
    let event = json!({"type": "error", "error": {"code": "invalid_api_key", "message": words}});
    for reply in [
        responses::error(401, "invalid_api_key", &words),
        then(2, &[event]),
    ] {
        let failure = failure(true, reply).await;
        assert_eq!(failure.kind, K::Authentication);
        assert!(failure.message.contains("[key]"), "{}", failure.message);
        assert!(!format!("{failure:?}").contains(KEY));
    }
}

#[tokio::test]
async fn an_answer_of_eight_megabytes_is_read() {
    let words = "word ".repeat(8 * 1024 * 1024 / 5);
    let items = responses::items(1, false, &words, &[]);
    let large = Reply::json(200, &responses::response("completed", &items));
    let answer = answer_of(false, large).await.expect("answers");
    assert_eq!(answer.text.len(), words.len());
}
