//! What came over the wire, where nobody knows which protocol it speaks.
//!
//! The forms of all of them are tried: an error names itself by its shape, and an answer is whole
//! if any protocol would say so.

mod answer;

use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::domain::tape::{ModelFailure, ModelFailureKind as Kind};

use super::failure::{Complaint, kind_of_status, retry_after_ms};
use super::{anthropic, gemini, ollama, openai};

/// What a server, or whoever stood between, gave back.
#[derive(Clone, Copy, Debug)]
pub struct Exchanged<'a> {
    /// The status; none if there was no answer.
    pub status: Option<u16>,
    /// The headers.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body, as far as it came.
    pub body: &'a str,
    /// Why there was no answer, or not the whole of it.
    pub transport_error: Option<&'a str>,
    /// Whether a stream was asked for.
    pub stream: bool,
}

/// What that is.
#[derive(Clone, Debug, PartialEq)]
pub enum Foreign {
    /// A whole answer.
    Answer,
    /// An answer that came whole and says nothing that can be used; why.
    Unusable(&'static str),
    /// The call came to nothing. What is to be shown of it stands in its message.
    Failed(ModelFailure),
}

/// Reads what came back for a call to a model.
pub fn read(came: &Exchanged<'_>) -> Foreign {
    if let Some(error) = came
        .transport_error
        .filter(|error| !error.trim().is_empty())
    {
        return Foreign::Failed(transport(error));
    }
    let Some(status) = came.status else {
        return failed(Kind::Network, "there was no answer", None);
    };
    let complaint = Complaint::of_body(came.body.as_bytes());
    if let Some(failure) = of_status(status, &complaint, came) {
        return Foreign::Failed(failure);
    }
    if answer::is_cut_by_length(came) {
        return failed(
            Kind::Truncated,
            "the body is shorter than its length",
            Some(status),
        );
    }
    answer::whole(status, came)
}

fn failed(kind: Kind, message: impl Into<String>, status: Option<u16>) -> Foreign {
    Foreign::Failed(ModelFailure {
        status,
        ..ModelFailure::new(kind, message)
    })
}

/// No answer, or half of one.
fn transport(error: &str) -> ModelFailure {
    let words = error.to_ascii_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(phrase));
    let trust = [
        "certificate",
        "unknownissuer",
        "unknown issuer",
        "self-signed",
        "self signed",
        "notvalidforname",
        "handshake",
        "tls alert",
        "ssl routines",
        "invalid peer",
    ];
    let address = [
        "relative url without a base",
        "invalid url",
        "empty host",
        "unsupported scheme",
        "builder error",
        "invalid uri",
        "scheme is not",
        "url scheme",
        "invalid port",
        "invalid header value",
        "proxy authentication",
        "407",
    ];
    let part = [
        "incomplete",
        "unexpected eof",
        "end of file",
        "closed before message",
        "body",
        "chunk",
        "decoding",
        "connection closed",
        "reset by peer",
        "broken pipe",
        "goaway",
        "stream",
    ];
    let late = ["timed out", "timeout", "deadline", "elapsed"];
    let (kind, again) = if says(&trust) {
        (Kind::Network, Some(false))
    } else if says(&address) {
        (Kind::Authentication, Some(false))
    } else if says(&late) {
        (Kind::TimedOut, None)
    } else if says(&part) {
        (Kind::Truncated, None)
    } else {
        (Kind::Network, None)
    };
    ModelFailure {
        should_retry: again,
        ..ModelFailure::new(kind, error)
    }
}

/// Words of filters; not of accounts that were closed.
const FILTERS: [&str; 11] = [
    "content management policy",
    "content policy",
    "usage policies",
    "usage policy",
    "safety system",
    "content filter",
    "flagged by",
    "moderation",
    "responsibleaipolicy",
    "was flagged",
    "violat",
];

/// Words about keys.
const KEYS: [&str; 6] = [
    "api key not valid",
    "invalid api key",
    "incorrect api key",
    "api key expired",
    "no api key",
    "unauthorized",
];

/// Words about money.
const MONEY: [&str; 14] = [
    "insufficient_quota",
    "exceeded your current quota",
    "credit balance",
    "billing",
    "insufficient credits",
    "insufficient balance",
    "out of credits",
    "payment required",
    "spending limit",
    "spend limit",
    "usage limit",
    "hard limit",
    "credits are depleted",
    "insufficient funds",
];

/// Words about prompts that do not fit.
const LENGTH: [&str; 11] = [
    "context length",
    "context window",
    "context size",
    "prompt is too long",
    "too many tokens",
    "maximum context",
    "reduce the length",
    "input token count",
    "exceeds the maximum number of tokens",
    "exceed context limit",
    "input is too long",
];

/// Words about places from where nobody may ask.
const PLACE: [&str; 3] = [
    "is not supported for the api use",
    "not available in your country",
    "unsupported_country",
];

/// Words about models that are not there.
const NO_MODEL: [&str; 6] = [
    "not found",
    "does not exist",
    "unknown model",
    "invalid model",
    "not a valid model",
    "no such model",
];

/// Words about machines that are too small, which no wait makes greater.
const TOO_SMALL: [&str; 5] = [
    "out of memory",
    "more system memory",
    "no space left",
    "insufficient memory",
    "unable to allocate",
];

/// What an error's status and words say together.
fn of_status(status: u16, complaint: &Complaint, came: &Exchanged<'_>) -> Option<ModelFailure> {
    kind_of_status(status)?;
    let kind = by_words(status, complaint).unwrap_or_else(|| by_form(status, complaint, came.body));
    let words = complaint.message.to_ascii_lowercase();
    let small = status >= 500 && TOO_SMALL.iter().any(|phrase| words.contains(phrase));
    let (kind, again) = match (status, kind) {
        // More at once than the limit of a minute: no wait makes it fit.
        (429, Kind::ContextTooLong) => (Kind::RateLimited, Some(false)),
        (501 | 505 | 507 | 511, kind) => (kind, Some(false)),
        (_, kind) => (kind, small.then_some(false)),
    };
    let headers: HeaderMap = came
        .headers
        .iter()
        .filter_map(|(name, value)| {
            let name = HeaderName::try_from(*name).ok()?;
            Some((name, HeaderValue::try_from(*value).ok()?))
        })
        .collect();
    Some(ModelFailure {
        status: Some(status),
        retry_after_ms: retry_after_ms(&headers, status, || Timestamp::MAX)
            .or(complaint.retry_after_ms),
        should_retry: again,
        ..ModelFailure::new(kind, complaint.message.clone())
    })
}

/// The kind by names and words that mean the same everywhere.
fn by_words(status: u16, complaint: &Complaint) -> Option<Kind> {
    let words = complaint.message.to_ascii_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(phrase));
    let codes: Vec<String> = complaint
        .codes
        .iter()
        .map(|code| code.to_ascii_lowercase())
        .collect();
    let named = |names: &[&str]| {
        codes
            .iter()
            .any(|code| names.iter().any(|name| code.contains(name)))
    };
    let filters = [
        "content_filter",
        "content_policy",
        "moderation",
        "responsibleai",
        "safety",
    ];
    let refused = matches!(status, 400 | 403 | 422 | 451);
    if refused && (named(&filters) || says(&FILTERS)) && !says(&["account", "organization"]) {
        return Some(Kind::ContentRefused);
    }
    if matches!(status, 400 | 403) && says(&KEYS) {
        return Some(Kind::Authentication);
    }
    // Who says when to come back speaks of a rate.
    let waits = complaint.retry_after_ms.is_some();
    let money = says(&MONEY) || (named(&["quota", "billing"]) && !waits);
    if matches!(status, 400 | 403 | 429) && money {
        let rate = waits && !named(&["insufficient_quota", "perday"]);
        return Some(if rate {
            Kind::RateLimited
        } else {
            Kind::QuotaExhausted
        });
    }
    if matches!(status, 400 | 413 | 422 | 500) && says(&LENGTH) {
        return Some(Kind::ContextTooLong);
    }
    if matches!(status, 400 | 403) && says(&PLACE) {
        return Some(Kind::Permission);
    }
    (status == 400 && says(&["model"]) && says(&NO_MODEL)).then_some(Kind::UnknownModel)
}

/// The kind by the rules of the protocol whose form the error has.
fn by_form(status: u16, complaint: &Complaint, body: &str) -> Kind {
    let document: Option<Value> = serde_json::from_str(body).ok();
    let document = match &document {
        Some(Value::Array(list)) => list.first(),
        other => other.as_ref(),
    };
    let Some(document) = document else {
        return openai::kind_of(Some(status), complaint);
    };
    let error = document.get("error");
    let is_google = error.and_then(|error| error.get("status")).is_some();
    if is_google {
        gemini::kind::kind_of(Some(status), complaint)
    } else if document.get("type").and_then(Value::as_str) == Some("error") {
        anthropic::kind::kind_of(Some(status), complaint)
    } else if error.is_some_and(Value::is_string) {
        ollama::kind::kind_of(Some(status), complaint)
    } else {
        openai::kind_of(Some(status), complaint)
    }
}

#[cfg(test)]
mod tests;
