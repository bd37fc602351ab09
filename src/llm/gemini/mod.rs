//! Gemini's own protocol: `generateContent`, and `streamGenerateContent` for answers in pieces.
//!
//! Start at [`Gemini`]. [`request`] says what is sent, in the model's [`dialect`]; [`answer`] what
//! comes back. What the model said goes back to it part by part as it came, for parts are signed.

mod answer;
mod dialect;
pub(super) mod kind;
mod request;
mod schema;
#[cfg(test)]
mod tests;

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::endpoint::{Endpoint, Secret};
use super::failure::Complaint;
use super::protocol::Protocol;
use crate::domain::message::ModelRequest;
use crate::domain::tape::ModelFailureKind;
use answer::Answer;
use dialect::Dialect;

/// Where Google itself is.
pub(super) const GOOGLE: &str = "https://generativelanguage.googleapis.com/v1beta";

/// The protocol's name where parts are kept that only one model understands.
const NAME: &str = "gemini";

/// The header of the key. It may go into the address, too, but addresses get into logs.
const KEY: &str = "x-goog-api-key";

/// The protocol.
pub(super) struct GenerateContent;

impl Protocol for GenerateContent {
    type Dialect = Dialect;
    type Assembly = Answer;

    const STREAM: &'static str = "text/event-stream";

    fn dialect(endpoint: &Endpoint) -> Dialect {
        Dialect::of(endpoint)
    }

    fn address(endpoint: &Endpoint, dialect: &Dialect) -> String {
        dialect.address(endpoint)
    }

    fn identify(endpoint: &Endpoint, headers: &mut HeaderMap) {
        if let Some(key) = endpoint.key.as_ref().and_then(Secret::bare) {
            headers.insert(KEY, key);
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
