//! Messages: Anthropic's protocol, which some other servers speak, too.
//!
//! Start at [`Anthropic`]. [`request`] says what is sent, in the server's [`dialect`], the
//! conversation as [`turns`]; [`answer`] what comes back.

mod answer;
mod dialect;
pub(super) mod kind;
mod request;
#[cfg(test)]
mod tests;
mod turns;

use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::Value;

use super::endpoint::{Endpoint, Secret};
use super::failure::Complaint;
use super::protocol::Protocol;
use crate::domain::message::ModelRequest;
use crate::domain::tape::ModelFailureKind;
use answer::Answer;
use dialect::Dialect;

/// Where Anthropic itself is.
pub(super) const ANTHROPIC: &str = "https://api.anthropic.com";

/// The version of the protocol. A newer one refuses every sampling temperature, of older models,
/// too.
const VERSION: &str = "2023-06-01";

/// The protocol's name in what only its models understand.
const NAME: &str = "anthropic";

/// The protocol.
pub(super) struct Messages;

impl Protocol for Messages {
    type Dialect = Dialect;
    type Assembly = Answer;

    const STREAM: &'static str = "text/event-stream";

    fn dialect(endpoint: &Endpoint) -> Dialect {
        Dialect::of(endpoint)
    }

    fn address(endpoint: &Endpoint, _: &Dialect) -> String {
        let base = endpoint.base.as_str();
        if base.ends_with("/v1/messages") {
            return base.to_owned();
        }
        let root = base.strip_suffix("/v1").unwrap_or(base);
        format!("{root}/v1/messages")
    }

    fn identify(endpoint: &Endpoint, headers: &mut HeaderMap) {
        headers.insert("anthropic-version", HeaderValue::from_static(VERSION));
        if let Some(key) = endpoint.key.as_ref().and_then(Secret::bare) {
            headers.insert("x-api-key", key);
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
        Answer::by(endpoint.speaker(NAME))
    }

    fn kind_of(status: Option<u16>, complaint: &Complaint) -> ModelFailureKind {
        kind::kind_of(status, complaint)
    }
}
