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

fn error(status: u16, name: &str, message: &str, details: Value) -> Value {
    json!({"error": {"code": status, "message": message, "status": name, "details": details}})
}

const PART: &str = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}\r\n\r\n";

#[tokio::test]
async fn every_status_has_its_kind() {
    for (status, name, kind) in [
        (400, "INVALID_ARGUMENT", K::BadRequest),
        (401, "UNAUTHENTICATED", K::Authentication),
        (402, "", K::QuotaExhausted),
        (403, "PERMISSION_DENIED", K::Permission),
        (404, "NOT_FOUND", K::UnknownModel),
        (408, "", K::TimedOut),
        (413, "", K::ContextTooLong),
        (422, "", K::BadRequest),
        (429, "RESOURCE_EXHAUSTED", K::RateLimited),
        (500, "INTERNAL", K::Overloaded),
        (502, "", K::Overloaded),
        (503, "UNAVAILABLE", K::Overloaded),
        (504, "DEADLINE_EXCEEDED", K::Overloaded),
        (529, "", K::Overloaded),
    ] {
        let document = error(status, name, "the provider's words", json!([]));
        for body in [document.clone(), json!([document])] {
            let found = failure(true, Reply::json(status, &body)).await;
            assert_eq!((found.kind, found.status), (kind, Some(status)));
            let start = format!(
                "model fast (gemini-3-flash-preview at lab): status {status}: the provider's words (request id req_7)"
            );
            assert!(found.message.starts_with(&start), "{}", found.message);
        }
    }
}

/// The kind of an error without a name of its own.
async fn kind_of(status: u16, words: &str, details: Value) -> ModelFailureKind {
    let body = error(status, "", words, details);
    failure(false, Reply::json(status, &body)).await.kind
}

#[tokio::test]
async fn words_say_more_than_a_status() {
    for (status, words, kind) in [
        (
            400,
            "API key expired. Please renew the API key.",
            K::Authentication,
        ),
        (
            403,
            "Method doesn't allow unregistered callers.",
            K::Authentication,
        ),
        (
            403,
            "Your API key was reported as leaked.",
            K::Authentication,
        ),
        (
            400,
            "User location is not supported for the API use.",
            K::Permission,
        ),
        (
            400,
            "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576).",
            K::ContextTooLong,
        ),
        (
            400,
            "Request payload size exceeds the limit: 20971520 bytes.",
            K::ContextTooLong,
        ),
        (
            429,
            "Quota exceeded: 250 requests per day",
            K::QuotaExhausted,
        ),
        (
            429,
            "Resource has been exhausted (e.g. check quota).",
            K::RateLimited,
        ),
    ] {
        assert_eq!(kind_of(status, words, Value::Null).await, kind, "{words}");
    }
}

#[tokio::test]
async fn names_in_the_details_say_more_than_a_status() {
    let reason = |reason: &str| json!([{"@type": "google.rpc.ErrorInfo", "reason": reason}]);
    let wrong = kind_of(400, "no", reason("API_KEY_INVALID")).await;
    assert_eq!(wrong, K::Authentication);
    let disabled = kind_of(403, "no", reason("SERVICE_DISABLED")).await;
    assert_eq!(disabled, K::Permission);
    let quota = "You exceeded your current quota, please check your plan and billing details.";
    let minute = json!({"quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"});
    let day = json!({"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"});
    for (limits, kind) in [
        (vec![minute.clone()], K::RateLimited),
        (vec![minute, day], K::QuotaExhausted),
    ] {
        let details = json!([{"@type": "google.rpc.QuotaFailure", "violations": limits}]);
        assert_eq!(kind_of(429, quota, details).await, kind);
    }
}

#[tokio::test]
async fn a_wait_that_is_asked_for_is_known_to_the_millisecond() {
    let limited = |details: Value| {
        let body = error(429, "RESOURCE_EXHAUSTED", "slow down", details);
        Reply::json(429, &body)
    };
    let wait = async |reply| failure(true, reply).await.retry_after_ms;
    for (delay, expected) in [("34s", 34_000), ("34.074824224s", 34_075), ("0.25s", 250)] {
        let info = json!([{"reason": "RATE_LIMIT_EXCEEDED"}, {"retryDelay": delay}]);
        assert_eq!(wait(limited(info)).await, Some(expected));
    }
    assert_eq!(wait(limited(json!([]))).await, None);
    let info = json!([{"retryDelay": "9s"}]);
    let header = limited(info).header("retry-after", "1.5");
    assert_eq!(wait(header).await, Some(1_500));
    let date = limited(json!([])).header("retry-after", "Thu, 01 Jan 1970 00:00:09 GMT");
    assert_eq!(wait(date).await, Some(9_000));
}

#[tokio::test]
async fn a_prompt_that_is_blocked_is_refused_content() {
    let blocked = json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
        "usageMetadata": {"promptTokenCount": 7}, "modelVersion": "m"});
    let line = format!("data: {blocked}\r\n\r\n");
    for reply in [Reply::json(200, &blocked), events(&[&line])] {
        let found = failure(true, reply).await;
        assert_eq!((found.kind, found.status), (K::ContentRefused, None));
        assert!(
            found.message.contains("PROHIBITED_CONTENT"),
            "{}",
            found.message
        );
    }
}

#[tokio::test]
async fn a_model_that_makes_no_sense_has_not_answered() {
    for reason in [
        "MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE",
        "MALFORMED_RESPONSE",
    ] {
        let document = json!({"candidates": [{"content": {}, "finishReason": reason,
            "finishMessage": "print(read_file("}]});
        let line = format!("data: {document}\r\n\r\n");
        for reply in [Reply::json(200, &document), events(&[PART, &line])] {
            let found = failure(true, reply).await;
            assert_eq!(found.kind, K::Malformed, "{}", found.message);
            let words = format!("the answer ended with {reason}: print(read_file(");
            assert!(found.message.contains(&words), "{}", found.message);
        }
    }
}

#[tokio::test]
async fn a_key_that_is_echoed_is_taken_out() {
    for reply in [
        gemini::error(
            400,
            "INVALID_ARGUMENT",
            &format!("API key not valid: {KEY}."),
        ),
        Reply::raw(500, "text/plain", vec![format!("key={KEY}").into_bytes()]),
        gemini::error(302, "", "moved").header("location", &format!("http://evil/?key={KEY}")),
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
    let json = "application/json";
    for (reply, kind, words) in [
        (body("text/html", html), K::Malformed, "a web page: Sign in"),
        (body(json, b""), K::Malformed, "the answer is empty"),
        (body(json, b"{}"), K::Malformed, "no candidates"),
        (body(json, b"[]"), K::Malformed, "no candidates"),
        (
            body(json, b"{\"candidates\": []}"),
            K::Malformed,
            "no candidates",
        ),
        (body(json, b"nonsense"), K::Malformed, "not JSON"),
        (
            body(json, b"{\"candidates\": [{\"cont"),
            K::Truncated,
            "broke off",
        ),
        (events(&[""]), K::Truncated, "broke off"),
        (
            events(&["data: {\"candidates\": [\r\n\r\n"]),
            K::Malformed,
            "not JSON",
        ),
    ] {
        let found = failure(true, reply).await;
        assert_eq!(found.kind, kind, "{}", found.message);
        assert!(found.message.contains(words), "{}", found.message);
    }
    let no_text = b"data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\xff\"}]}}]}\n\n";
    for kind in ["text/event-stream", "application/json"] {
        assert_eq!(failure(true, body(kind, no_text)).await.kind, K::Malformed);
    }
}

#[tokio::test]
async fn a_stream_that_ends_early_is_no_answer() {
    for end in [End::Whole, End::Cut] {
        for lines in [
            &[PART][..],
            &[PART, "data: {\"candi"],
            &[PART, "{\r\n  \"error\": {\r\n"],
        ] {
            let found = failure(true, events(lines).ending(end)).await;
            assert_eq!(found.kind, K::Truncated, "{}", found.message);
        }
    }
}

#[tokio::test]
async fn an_error_in_a_stream_is_read_in_both_of_its_forms() {
    for (status, name, kind) in [
        (503, "UNAVAILABLE", K::Overloaded),
        (429, "RESOURCE_EXHAUSTED", K::RateLimited),
        (400, "INVALID_ARGUMENT", K::BadRequest),
    ] {
        let document = error(
            status,
            name,
            "the provider's words",
            json!([{"retryDelay": "2s"}]),
        );
        let event = format!("data: {document}\r\n\r\n");
        let pretty = serde_json::to_string_pretty(&document).expect("JSON");
        let bare = format!("{}\r\n", pretty.replace('\n', "\r\n"));
        let (start, rest) = bare.split_at(20);
        let list = format!("[{pretty}\n]");
        for lines in [
            &[PART, &event][..],
            &[PART, &bare],
            &[PART, start, rest],
            &[PART, &list],
            &[&bare],
        ] {
            let found = failure(true, events(lines)).await;
            assert_eq!(
                (found.kind, found.status),
                (kind, Some(status)),
                "{}",
                found.message
            );
            assert!(
                found.message.contains("the provider's words"),
                "{}",
                found.message
            );
            let wait = (kind != K::BadRequest).then_some(2_000);
            assert_eq!(found.retry_after_ms, wait);
        }
    }
    let unnumbered = events(&["data: {\"error\": {\"status\": \"RESOURCE_EXHAUSTED\"}}\r\n\r\n"]);
    assert_eq!(failure(true, unnumbered).await.kind, K::RateLimited);
}

#[tokio::test]
async fn silence_and_slowness_have_an_end() {
    const LONG: u64 = 60_000;
    let limits = |first_byte: u64, idle: u64, total: u64| Limits {
        first_byte: Duration::from_millis(first_byte),
        idle: Duration::from_millis(idle),
        total: Duration::from_millis(total),
    };
    for (pieces, limits, words) in [
        (0, limits(50, LONG, LONG), "no answer within 0.05 s"),
        (1, limits(LONG, 50, LONG), "nothing more came for 0.05 s"),
        (1, limits(LONG, LONG, 50), "not complete within 0.05 s"),
    ] {
        let fake = Fake::start(gemini::RULES, move |seen| {
            gemini::answer(seen, "a b", &[])
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
async fn an_answer_of_eight_megabytes_is_read() {
    let words = "word ".repeat(8 * 1024 * 1024 / 5);
    let large =
        json!({"candidates": [{"content": {"parts": [{"text": words}]}, "finishReason": "STOP"}]});
    for reply in [
        Reply::json(200, &large),
        events(&[&format!("data: {large}\r\n\r\n")]),
    ] {
        let answer = answer_of(true, reply).await.expect("answers");
        assert_eq!(answer.text.len(), words.len());
    }
}
