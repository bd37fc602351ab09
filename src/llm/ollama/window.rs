//! How many tokens a model is to hold in mind. The server silently forgets the beginning of what does
//! not fit, so nothing is sent that might not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use crate::domain::message::{ModelAnswer, ModelRequest};
use crate::llm::endpoint::Endpoint;
use crate::llm::price;

/// The smallest window that is asked for, in tokens.
const SMALLEST: u64 = 8_192;

/// The largest window that is asked for where the configuration names none, in tokens.
const LARGEST: u64 = 131_072;

/// A prompt that leaves less room for an answer does not fit, in tokens.
const LEAST_ANSWER: u64 = 256;

/// The window of a model. Clones share it: a server loads a model anew for another window, so it
/// only grows.
#[derive(Clone, Debug)]
pub(super) struct Window {
    /// As the configuration names it.
    configured: Option<u64>,
    /// The largest that was asked for.
    reached: Arc<AtomicU64>,
}

/// A window, and the part of it that is the answer's. Both in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) window: u64,
    pub(super) answer: u64,
}

impl Window {
    /// The window of the model at `endpoint`.
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        Self {
            configured: endpoint.skills.context_window,
            reached: Arc::default(),
        }
    }

    /// The window for a request, and what is left of it for the answer.
    pub(super) fn share(&self, request: &ModelRequest) -> Share {
        let prompt = price::likely_tokens_of_prompt(request);
        let wanted = u64::from(request.max_output);
        let window = self.configured.unwrap_or_else(|| {
            let needed = prompt.saturating_add(wanted);
            let enough = needed.checked_next_power_of_two().unwrap_or(LARGEST);
            let enough = enough.clamp(SMALLEST, LARGEST);
            enough.max(self.reached.load(Ordering::Relaxed))
        });
        Share {
            window,
            answer: wanted.min(window.saturating_sub(prompt)),
        }
    }

    /// A model is asked for this window.
    pub(super) fn reach(&self, window: u64) {
        self.reached.fetch_max(window, Ordering::Relaxed);
    }

    /// Why a request cannot be put to the model at `endpoint`.
    pub(super) fn too_long(&self, endpoint: &Endpoint, request: &ModelRequest) -> Option<String> {
        let share = self.share(request);
        if share.answer >= u64::from(request.max_output).min(LEAST_ANSWER) {
            return None;
        }
        let prompt = request.estimated_tokens();
        let of = match self.configured {
            Some(_) => format!("models.{}.context_window", endpoint.name),
            None => "the largest window that is asked for".to_owned(),
        };
        Some(format!(
            "the prompt has about {prompt} tokens, too many beside an answer in {} ({of})",
            share.window
        ))
    }
}

/// What an answer says of the window it was made in, if that was full: whatever did not fit was
/// forgotten on the way.
pub(super) fn overflow(body: &Value, answer: &ModelAnswer) -> Option<String> {
    let option = |name: &str| body.get("options")?.get(name)?.as_u64();
    let (window, reserved) = (option("num_ctx")?, option("num_predict")?);
    let usage = answer.usage;
    let planned = usage.input_tokens.saturating_add(reserved);
    (usage.tokens() >= window && planned > window).then(|| {
        format!(
            "prompt ({} tokens) and answer ({}) filled the window of {window} tokens, \
             so a part of the prompt was forgotten",
            usage.input_tokens, usage.output_tokens
        )
    })
}
