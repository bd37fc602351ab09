//! What the answers of servers that are no answers mean, whatever the protocol.

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::domain::tape::ModelFailureKind;

/// The kind of failure that an HTTP status stands for; `None` if it is no error. A redirect is one:
/// it is not followed, for the key must not go elsewhere.
pub(super) fn kind_of_status(status: u16) -> Option<ModelFailureKind> {
    use ModelFailureKind as K;
    Some(match status {
        300..=399 | 404 | 405 | 410 => K::UnknownModel,
        401 | 407 => K::Authentication,
        402 => K::QuotaExhausted,
        403 => K::Permission,
        408 => K::TimedOut,
        409 | 500..=599 => K::Overloaded,
        413 => K::ContextTooLong,
        429 => K::RateLimited,
        400..=499 => K::BadRequest,
        _ => return None,
    })
}

/// An error as a server words it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Complaint {
    /// What people are told.
    pub(super) message: String,
    /// The class of the error and its names, where there are any; a status written as the name too.
    pub(super) codes: Vec<String>,
    /// The field of the request that is at fault.
    pub(super) field: Option<String>,
    /// How long it asks to wait, in milliseconds, where it says so in its own words.
    pub(super) retry_after_ms: Option<u64>,
}

impl Complaint {
    /// The error in a JSON document, in any of the forms that servers use; `None` if it holds none.
    pub(super) fn of_json(document: &Value) -> Option<Self> {
        let document = match document {
            Value::Array(list) => list.first()?,
            other => other,
        };
        let error = match document.get("error") {
            None | Some(Value::Null | Value::Bool(false)) => document,
            Some(error) => error,
        };
        let is_error = std::ptr::eq(error, document)
            && document.get("detail").is_none()
            && document.get("object").and_then(Value::as_str) != Some("error")
            && document.get("type").and_then(Value::as_str) != Some("error");
        if is_error {
            return None;
        }
        let text = |key: &str| error.get(key).and_then(plain);
        let message = match error {
            Value::String(message) => message.clone(),
            _ => text("message")
                .or_else(|| text("detail"))
                .or_else(|| validation(error.get("detail")?))
                .unwrap_or_else(|| error.to_string()),
        };
        let codes = ["code", "type", "status"].into_iter().filter_map(text);
        let codes = codes.filter(|code| code != "error");
        Some(Self {
            codes: codes.chain(names_in_details(error)).collect(),
            field: text("param"),
            retry_after_ms: retry_info(error).or_else(|| retry_words(&message)),
            message,
        })
    }

    /// What a body that came with an error status says, whatever it is.
    pub(super) fn of_body(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let said = |message: String| Self {
            message,
            ..Self::default()
        };
        match serde_json::from_slice::<Value>(body) {
            Ok(document) => Self::of_json(&document)
                .or_else(|| document.get("message").and_then(plain).map(said))
                .unwrap_or_else(|| said(text.into_owned())),
            Err(_) if looks_like_html(&text) => said(of_page(&text)),
            Err(_) => said(text.into_owned()),
        }
    }

    /// The HTTP status that an error without one of its own names.
    pub(super) fn status(&self) -> Option<u16> {
        let numbers = self.codes.iter().filter_map(|code| code.parse().ok());
        numbers.into_iter().find(|code| (400..600).contains(code))
    }

    /// Whether one of its names contains this word.
    pub(super) fn is_named(&self, word: &str) -> bool {
        self.codes.iter().any(|code| code.contains(word))
    }
}

/// The wait in the details of an error, as Google words it: `"retryDelay": "34.5s"`.
fn retry_info(error: &Value) -> Option<u64> {
    let details = error.get("details")?.as_array()?;
    let delay = details.iter().find_map(|detail| detail.get("retryDelay"))?;
    go_duration(delay.as_str()?)
}

/// The wait in words, as OpenAI says it where no header can: `Please try again in 11.054s.`
fn retry_words(message: &str) -> Option<u64> {
    let (_, rest) = message.split_once("try again in ")?;
    let wait = rest.split_whitespace().next()?;
    go_duration(wait.trim_end_matches(['.', ',']))
}

/// The names in the details of an error, as Google words them: its reason, and the limits that
/// were hit.
fn names_in_details(error: &Value) -> impl Iterator<Item = String> {
    let details = error.get("details").and_then(Value::as_array);
    details.into_iter().flatten().flat_map(|detail| {
        let violations = detail.get("violations").and_then(Value::as_array);
        let limits = violations.into_iter().flatten();
        let limits = limits.filter_map(|limit| plain(limit.get("quotaId")?));
        let reason = detail.get("reason").and_then(plain);
        reason.into_iter().chain(limits)
    })
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// `[{"loc": ["body", "temperature"], "msg": "…"}]`, as servers that validate forms answer.
fn validation(detail: &Value) -> Option<String> {
    let problems = detail.as_array()?.iter().filter_map(|problem| {
        let place: Vec<String> = problem
            .get("loc")?
            .as_array()?
            .iter()
            .filter_map(plain)
            .collect();
        Some(format!(
            "{}: {}",
            place.join("."),
            plain(problem.get("msg")?)?
        ))
    });
    Some(problems.collect::<Vec<_>>().join("; ")).filter(|text| !text.is_empty())
}

pub(super) fn looks_like_html(text: &str) -> bool {
    text.trim_start().starts_with('<')
}

/// The title of a page, which says what is wrong where anything does.
pub(super) fn of_page(page: &str) -> String {
    let lower = page.to_ascii_lowercase();
    let title = lower.find("<title>").and_then(|start| {
        let start = start + "<title>".len();
        let end = start + lower[start..].find("</title>")?;
        page.get(start..end)
    });
    match title {
        Some(title) => format!("a web page: {}", title.trim()),
        None => "a web page".to_owned(),
    }
}

/// How long a server asks to wait, in milliseconds: `retry-after-ms`, else `retry-after` in seconds
/// or as a date, else, for limits of a rate, when the limit that was hit is lifted.
pub(super) fn retry_after_ms(
    headers: &HeaderMap,
    status: u16,
    now: impl FnOnce() -> Timestamp,
) -> Option<u64> {
    let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.trim());
    let number = |name: &str| text(name)?.parse::<f64>().ok();
    if let Some(ms) = number("retry-after-ms") {
        return milliseconds(ms);
    }
    if let Some(seconds) = number("retry-after") {
        return milliseconds(seconds * 1_000.0);
    }
    if let Some(date) = text("retry-after").and_then(http_date) {
        // By the server's own clock if it tells it: the two need not agree.
        let now = text("date").and_then(http_date).unwrap_or_else(now);
        let wait = date.as_millisecond().saturating_sub(now.as_millisecond());
        return Some(u64::try_from(wait).unwrap_or(0));
    }
    if status != 429 {
        return None;
    }
    let reset = |what: &str| go_duration(text(&format!("x-ratelimit-reset-{what}"))?);
    let is_used_up = |what: &str| text(&format!("x-ratelimit-remaining-{what}")) == Some("0");
    match (reset("requests"), reset("tokens")) {
        (Some(requests), Some(tokens)) if is_used_up("requests") => Some(if is_used_up("tokens") {
            requests.max(tokens)
        } else {
            requests
        }),
        (requests, tokens) => tokens.or(requests),
    }
}

pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text).ok()
}

/// A duration as in `6ms`, `1m2.5s`, `2h`.
pub(super) fn go_duration(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut sum = 0.0;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, tail) = rest.split_at(unit_at);
        let unit_end = tail
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(tail.len());
        let factor = match &tail[..unit_end] {
            "ms" => 1.0,
            "s" => 1_000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            "d" => 86_400_000.0,
            _ => return None,
        };
        sum += number.parse::<f64>().ok()? * factor;
        rest = &tail[unit_end..];
    }
    if text.is_empty() {
        None
    } else {
        milliseconds(sum)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is checked not to be negative, and a cast to u64 saturates"
)]
fn milliseconds(number: f64) -> Option<u64> {
    (number >= 0.0).then(|| number.ceil() as u64)
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};
    use serde_json::json;

    use super::*;

    fn wait(status: u16, headers: &[(&'static str, &'static str)]) -> Option<u64> {
        let pairs = headers.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        let now = || "1994-11-06T08:49:00Z".parse().expect("a time");
        retry_after_ms(&pairs.collect(), status, now)
    }

    #[test]
    fn a_wait_is_read_in_every_form_to_the_millisecond() {
        assert_eq!(wait(429, &[("retry-after", "2")]), Some(2_000));
        assert_eq!(wait(503, &[("retry-after", " 0.25 ")]), Some(250));
        assert_eq!(
            wait(429, &[("retry-after-ms", "1234"), ("retry-after", "9")]),
            Some(1_234)
        );
        let date = ("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(wait(429, &[date]), Some(37_000));
        let told = ("date", "Sun, 06 Nov 1994 08:49:30 GMT");
        assert_eq!(wait(429, &[date, told]), Some(7_000));
        let past = ("date", "Sun, 06 Nov 1994 09:00:00 GMT");
        assert_eq!(wait(429, &[date, past]), Some(0));
        for nonsense in ["", "soon", "-3", "NaN"] {
            assert_eq!(wait(429, &[("retry-after", nonsense)]), None, "{nonsense}");
        }
    }

    #[test]
    fn the_limit_that_was_hit_says_when_it_is_lifted() {
        let requests = ("x-ratelimit-reset-requests", "1m2.5s");
        let tokens = ("x-ratelimit-reset-tokens", "6ms");
        let none_left = ("x-ratelimit-remaining-requests", "0");
        assert_eq!(wait(429, &[requests, tokens]), Some(6));
        assert_eq!(wait(429, &[requests, tokens, none_left]), Some(62_500));
        assert_eq!(wait(429, &[requests]), Some(62_500));
        assert_eq!(wait(500, &[requests]), None);
        assert_eq!(
            wait(429, &[("x-ratelimit-reset-tokens", "7 parsecs")]),
            None
        );
    }

    #[test]
    fn errors_are_read_in_every_form() {
        let message = |document: Value| Complaint::of_json(&document).map(|found| found.message);
        let nested = json!({"error": {"message": "no", "type": "t", "code": 429, "param": "n"}});
        let complaint = Complaint::of_json(&nested).expect("an error");
        assert_eq!(complaint.codes, ["429", "t"]);
        assert_eq!(
            (complaint.status(), complaint.field.as_deref()),
            (Some(429), Some("n"))
        );
        for document in [
            nested.clone(),
            json!([nested]),
            json!({"error": "no"}),
            json!({"object": "error", "message": "no", "code": 404}),
            json!({"detail": "no"}),
        ] {
            assert_eq!(
                message(document.clone()).as_deref(),
                Some("no"),
                "{document}"
            );
        }
        let patience = json!({"error": {"message": "Please try again in 1m2.5s. See the docs."}});
        let wait = Complaint::of_json(&patience).and_then(|found| found.retry_after_ms);
        assert_eq!(wait, Some(62_500));
        let form = json!({"detail": [{"loc": ["body", "n"], "msg": "Extra inputs", "type": "x"}]});
        assert_eq!(message(form).as_deref(), Some("body.n: Extra inputs"));
        for fine in [
            json!({"choices": []}),
            json!({"error": null, "choices": []}),
            json!([]),
        ] {
            assert_eq!(message(fine), None);
        }
    }

    #[test]
    fn a_body_that_is_no_json_is_told_as_what_it_is() {
        let said = |body: &str| Complaint::of_body(body.as_bytes()).message;
        assert_eq!(
            said("<html><head><TITLE>502 Bad Gateway</TITLE></head></html>"),
            "a web page: 502 Bad Gateway"
        );
        assert_eq!(said("<p>"), "a web page");
        assert_eq!(said("busy"), "busy");
        assert_eq!(said(r#"{"message": "busy"}"#), "busy");
        assert_eq!(said(""), "");
    }
}
