use super::*;

const COMPLAINTS: [(u16, &str, Kind); 16] = [
    (
        401,
        r#"{"error": {"message": "no key", "type": "invalid_request_error"}}"#,
        Kind::Authentication,
    ),
    (
        400,
        r#"{"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}"#,
        Kind::Authentication,
    ),
    (
        400,
        r#"{"type": "error", "error": {"type": "invalid_request_error", "message": "Your credit balance is too low"}}"#,
        Kind::QuotaExhausted,
    ),
    (
        429,
        r#"{"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}"#,
        Kind::QuotaExhausted,
    ),
    (
        429,
        r#"{"error": {"message": "Rate limit reached. Please try again in 6s.", "code": "rate_limit_exceeded"}}"#,
        Kind::RateLimited,
    ),
    (
        400,
        r#"{"error": {"message": "The response was filtered due to the prompt triggering the content management policy", "code": "content_filter"}}"#,
        Kind::ContentRefused,
    ),
    (
        400,
        r#"{"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 2 > 1"}}"#,
        Kind::ContextTooLong,
    ),
    (
        404,
        r#"{"error": "model 'x' not found, try pulling it first"}"#,
        Kind::UnknownModel,
    ),
    (
        529,
        r#"{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}"#,
        Kind::Overloaded,
    ),
    (413, "<html><title>413</title></html>", Kind::ContextTooLong),
    (200, "<html>sign in</html>", Kind::Malformed),
    (
        200,
        r#"{"promptFeedback": {"blockReason": "SAFETY"}}"#,
        Kind::ContentRefused,
    ),
    (
        200,
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n",
        Kind::Truncated,
    ),
    (
        200,
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}}\n",
        Kind::Overloaded,
    ),
    (200, "", Kind::Truncated),
    (200, "{\"choices\": [{\"message\": {\"con", Kind::Truncated),
];

fn of(status: u16, body: &str) -> Foreign {
    read(&Exchanged {
        status: Some(status),
        headers: &[],
        body,
        transport_error: None,
        stream: false,
    })
}

fn kind(status: u16, body: &str) -> Option<Kind> {
    match of(status, body) {
        Foreign::Failed(failure) => Some(failure.kind),
        _ => None,
    }
}

#[test]
fn errors_name_themselves_in_every_form() {
    for (status, body, expected) in COMPLAINTS {
        assert_eq!(kind(status, body), Some(expected), "{status} {body}");
    }
}

#[test]
fn whole_answers_are_no_failures_unless_they_say_nothing() {
    for body in [
        r#"{"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}"#,
        r#"{"type": "message", "content": [{"type": "text", "text": "a"}], "stop_reason": "end_turn"}"#,
        r#"{"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}]}"#,
        r#"{"message": {"content": "a"}, "done": true}"#,
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n",
    ] {
        assert_eq!(of(200, body), Foreign::Answer, "{body}");
    }
    assert!(matches!(
        of(200, r#"{"choices": []}"#),
        Foreign::Unusable(_)
    ));
    assert!(matches!(
        of(
            200,
            r#"{"choices": [{"message": {"content": "a"}, "finish_reason": "length"}]}"#
        ),
        Foreign::Unusable(_)
    ));
}

#[test]
fn without_an_answer_the_transport_tells() {
    let of = |error| {
        read(&Exchanged {
            status: None,
            headers: &[],
            body: "",
            transport_error: Some(error),
            stream: false,
        })
    };
    let told = |error| match of(error) {
        Foreign::Failed(failure) => Some((failure.kind, failure.retryable())),
        _ => None,
    };
    assert_eq!(
        told("dns error: failed to lookup"),
        Some((Kind::Network, true))
    );
    assert_eq!(
        told("invalid peer certificate: UnknownIssuer"),
        Some((Kind::Network, false))
    );
    assert_eq!(told("operation timed out"), Some((Kind::TimedOut, true)));
    assert_eq!(
        told("connection closed before message completed"),
        Some((Kind::Truncated, true))
    );
    assert_eq!(
        told("builder error: relative URL without a base"),
        Some((Kind::Authentication, false))
    );
}
