//! Asking models: one trait, one file per wire protocol, and what decides among models.
//!
//! [`Model`] is what a protocol implements; [`Mesh`] holds the configured ones. Which attempt
//! follows which is pure ([`retry`]), and so is what rules a model out ([`filter`]), when it rests
//! ([`breaker`]) and what a call may cost ([`price`]).
//!
//! A protocol says what is sent and what comes back means. What all of them need is apart from
//! them: whom to ask and how a failure is told (`endpoint`), sending and reading within limits
//! (`protocol`, `http`, `sse`, `lines`, `reading`, `saying`), what errors and hints to wait mean (`failure`).

mod anthropic;
pub mod belief;
pub mod breaker;
mod build;
pub mod choose;
#[cfg(test)]
mod conformance;
mod conversation;
mod endpoint;
mod failure;
#[cfg(test)]
pub(crate) mod fake;
pub mod filter;
pub mod foreign;
mod gemini;
mod http;
mod installed;
mod limiter;
mod lines;
mod mesh;
mod ollama;
mod openai;
mod openai_chat;
mod openai_responses;
mod pause;
pub mod price;
mod protocol;
mod reading;
pub mod retries;
pub mod retry;
mod saying;
mod schema;
mod scripted;
mod scrub;
#[cfg(test)]
mod simulation;
mod sse;
pub mod tuning;

use std::future::Future;
use std::pin::Pin;

use crate::domain::message::{ModelAnswer, ModelRequest};
use crate::domain::tape::{Exchange, ModelFailure};

pub use build::Unusable;
pub use installed::installed;
pub use limiter::Permit;
pub use mesh::Mesh;
pub use scripted::{Script, ScriptError, Scripted};

/// Someone who answers model calls.
///
/// A call has two halves, so that its intent can be on the record before anything happens:
/// [`Model::prepare`] says what must be recorded, [`Model::call`] asks.
pub trait Model: Send + Sync {
    /// The model's name in the configuration.
    fn name(&self) -> &str;

    /// What must be recorded with the intent of a call. Asks nobody. `used` holds the replies of
    /// all recorded intents of the run so far (and of its ancestors), with repeats.
    ///
    /// # Errors
    /// If the call could only fail: a malformed conversation, a script without a reply left.
    fn prepare(&self, request: &ModelRequest, used: &[u32]) -> Result<Prepared, ModelFailure>;

    /// Asks. `on_token` is handed the answer's text piece by piece, as it arrives. The answer's
    /// usage has no cost yet but what the server itself says it is.
    fn call<'a>(
        &'a self,
        request: &'a ModelRequest,
        prepared: &'a Prepared,
        on_token: OnToken<'a>,
    ) -> Pin<Box<dyn Future<Output = Called> + Send + 'a>>;
}

/// What came of a call.
#[derive(Clone, Debug)]
pub struct Called {
    /// The answer, or how the call failed.
    pub result: Result<ModelAnswer, ModelFailure>,
    /// What went over the wire for it, in order; nothing where no wire is.
    pub exchanges: Vec<Exchange>,
}

impl From<Result<ModelAnswer, ModelFailure>> for Called {
    /// Without a wire.
    fn from(result: Result<ModelAnswer, ModelFailure>) -> Self {
        Self {
            result,
            exchanges: Vec::new(),
        }
    }
}

/// Takes the pieces of an answer's text.
pub type OnToken<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// What must be recorded with the intent of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Which reply of a script answers, from 0; none for real models.
    pub reply: Option<u32>,
}
