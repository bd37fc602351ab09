//! Chat completions: OpenAI's older protocol, which nearly every other server speaks, too.
//!
//! Start at [`OpenAiChat`]. [`request`] says what is sent, in the server's [`dialect`]; [`answer`]
//! what comes back.

mod answer;
mod dialect;
mod own;
mod request;
#[cfg(test)]
mod tests;

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::endpoint::Endpoint;
use super::failure::Complaint;
use super::openai;
use super::protocol::Protocol;
use crate::domain::message::ModelRequest;
use crate::domain::tape::ModelFailureKind;
use answer::Answer;
use dialect::Dialect;

/// The name of the protocol, as the parts of answers tell by whom they were said.
const NAME: &str = "openai-chat";

/// The protocol.
pub(super) struct ChatCompletions;

impl Protocol for ChatCompletions {
    type Dialect = Dialect;
    type Assembly = Answer;

    const STREAM: &'static str = "text/event-stream";

    fn dialect(endpoint: &Endpoint) -> Dialect {
        Dialect::of(endpoint)
    }

    fn address(endpoint: &Endpoint, dialect: &Dialect) -> String {
        dialect.address(&endpoint.base)
    }

    fn identify(endpoint: &Endpoint, headers: &mut HeaderMap) {
        openai::authorize(endpoint, headers);
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
        openai::kind_of(status, complaint)
    }
}
