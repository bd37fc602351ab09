//! Calls to models that came to nothing.

use serde_json::Value;

use crate::domain::failure::{Cause, ErrorType};
use crate::domain::tape::ModelFailureKind as Kind;
use crate::heal::classify::from_model;
use crate::llm::foreign::{Exchanged, Foreign, read};

use super::case::Case;
use super::verdict::{DOUBTFUL, LIKELY, SURE, Verdict};

/// What a call came to.
pub(super) fn judge(case: &Case) -> Verdict {
    let http = &case.http;
    let headers: Vec<(&str, &str)> = http
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
        .collect();
    let came = Exchanged {
        status: http.status,
        headers: &headers,
        body: &http.body,
        transport_error: http.transport_error.as_deref(),
        stream: http.stream,
    };
    match read(&came) {
        Foreign::Answer => Verdict::well("call.answered", LIKELY),
        Foreign::Unusable(why) => Verdict::of(
            ErrorType::Llm,
            Cause::UnusableAnswer,
            "call.unusable",
            DOUBTFUL,
        )
        .because(why)
        .retryable(),
        Foreign::Failed(failure) => {
            let told = from_model(&failure);
            let confidence = match (failure.kind, failure.status) {
                (Kind::Malformed, _) => DOUBTFUL,
                (_, Some(200..=399)) => LIKELY,
                _ => SURE,
            };
            let rule = serde_json::to_value(failure.kind).unwrap_or_default();
            let rule = format!("call.{}", rule.as_str().unwrap_or("failed"));
            let mut verdict = Verdict::of(told.error_type, told.cause, &rule, confidence).because(
                match http.status {
                    Some(status) => format!("status {status}: {}", failure.message),
                    None => failure.message.clone(),
                },
            );
            verdict.diagnosis.retryable =
                told.error_type == ErrorType::Infra && failure.retryable();
            verdict.diagnosis.origin = told.origin;
            verdict.diagnosis.action_required = told.action_required;
            shown(case, verdict)
        }
    }
}

/// The verdict with the line that tells most: the error of the transport, else that of the body.
fn shown(case: &Case, verdict: Verdict) -> Verdict {
    if let Some(error) = case.http.transport_error.as_deref() {
        return verdict.at(error, error.lines().next().unwrap_or_default());
    }
    let body = &case.http.body;
    let document: Option<Value> = serde_json::from_str(body).ok();
    let words = match document {
        // The line holds message and codes alike.
        Some(_) => [
            "\"message\"",
            "\"error\"",
            "\"blockReason\"",
            "\"detail\"",
            "{",
        ],
        None => ["<title>", "\"error\"", "<h1>", "<body", "data:"],
    };
    let found = words.into_iter().find(|word| body.contains(word));
    let first = body
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    verdict.at(body, found.unwrap_or(first))
}
