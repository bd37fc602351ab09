//! Asking models: one trait, one file per wire protocol, and what decides among models.
//!
//! [`Model`] is what a protocol implements; [`Mesh`] holds the configured ones. Which attempt
//! follows which is pure ([`retry`]), and so is what a call may cost ([`price`], [`budget`]).
//!
//! A protocol says what is sent and what comes back means. What all of them need is apart from
//! them: whom to ask and how a failure is told (`endpoint`), sending and reading within limits
//! (`http`, `sse`), what errors and hints to wait mean (`failure`).

pub mod budget;
#[cfg(test)]
mod conformance;
mod conversation;
mod endpoint;
mod failure;
#[cfg(test)]
mod fake;
mod http;
mod mesh;
mod openai_chat;
pub mod price;
pub mod retry;
mod scripted;
mod sse;

use std::future::Future;
use std::pin::Pin;

use crate::domain::message::{ModelAnswer, ModelRequest};
use crate::domain::tape::ModelFailure;

pub use mesh::{Mesh, Unusable};
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
    /// usage has no cost yet.
    fn call<'a>(
        &'a self,
        request: &'a ModelRequest,
        prepared: &'a Prepared,
        on_token: OnToken<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<ModelAnswer, ModelFailure>> + Send + 'a>>;
}

/// Takes the pieces of an answer's text.
pub type OnToken<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// What must be recorded with the intent of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Which reply of a script answers, from 0; none for real models.
    pub reply: Option<u32>,
}
