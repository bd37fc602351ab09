//! Ollama's own protocol, which alone says how much a model is to hold in mind.
//!
//! Start at [`Ollama`]. [`request`] says what is sent, in the model's [`dialect`] and within its
//! [`window`]; [`answer`] what comes back; [`kind`] what its complaints mean.

mod answer;
mod dialect;
pub(super) mod kind;
mod request;
#[cfg(test)]
mod tests;
mod window;

use reqwest::header::{AUTHORIZATION, HeaderMap};
use serde_json::Value;

use super::endpoint::{Endpoint, Secret};
use super::failure::Complaint;
use super::lines;
use super::protocol::Protocol;
use crate::domain::message::{ModelAnswer, ModelRequest};
use crate::domain::tape::ModelFailureKind;
use answer::Answer;
use dialect::Dialect;

/// Where it listens unless told otherwise.
pub(super) const LOCAL: &str = "http://127.0.0.1:11434";

/// The protocol.
pub(super) struct Chat;

impl Protocol for Chat {
    type Dialect = Dialect;
    type Assembly = Answer;

    const STREAM: &'static str = lines::MEDIA_TYPE;

    fn dialect(endpoint: &Endpoint) -> Dialect {
        Dialect::of(endpoint)
    }

    fn address(endpoint: &Endpoint, _: &Dialect) -> String {
        address(&endpoint.base)
    }

    fn identify(endpoint: &Endpoint, headers: &mut HeaderMap) {
        if let Some(bearer) = endpoint.key.as_ref().and_then(Secret::bearer) {
            headers.insert(AUTHORIZATION, bearer);
        }
    }

    fn body(endpoint: &Endpoint, dialect: &Dialect, request: &ModelRequest) -> Value {
        dialect.body(endpoint, request)
    }

    fn without(
        dialect: &Dialect,
        status: u16,
        complaint: &Complaint,
        body: &Value,
    ) -> Option<Dialect> {
        dialect.without(status, complaint, body)
    }

    fn assembly(endpoint: &Endpoint) -> Answer {
        Answer::of(speaker(endpoint))
    }

    fn kind_of(status: Option<u16>, complaint: &Complaint) -> ModelFailureKind {
        kind::kind_of(status, complaint)
    }

    fn too_long(endpoint: &Endpoint, dialect: &Dialect, request: &ModelRequest) -> Option<String> {
        dialect.window.too_long(endpoint, request)
    }

    fn overflow(body: &Value, answer: &ModelAnswer) -> Option<String> {
        window::overflow(body, answer)
    }

    fn advice(
        endpoint: &Endpoint,
        kind: ModelFailureKind,
        complaint: &Complaint,
    ) -> Option<String> {
        kind::advice(endpoint, kind, complaint)
    }
}

/// Where requests go. People name the server, its interface, or the one that it has for clients of
/// OpenAI.
fn address(base: &str) -> String {
    let server = ["/api/chat", "/api", "/v1"]
        .iter()
        .find_map(|end| base.strip_suffix(end))
        .unwrap_or(base);
    format!("{}/api/chat", server.trim_end_matches('/'))
}

/// Who speaks, as its own parts of an answer tell it.
fn speaker(endpoint: &Endpoint) -> String {
    endpoint.speaker("ollama")
}
