//! What a model takes: what is known of it before, and what its server then complains of.

use serde_json::{Value, json};

use super::window::Window;
use crate::domain::message::Effort;
use crate::llm::endpoint::Endpoint;
use crate::llm::failure::Complaint;

/// Beginnings of the names of models that can be told to reason or not to.
const SWITCHED: [&str; 4] = ["deepseek-r1", "deepseek-v3.1", "magistral", "qwen3"];

/// The beginning of the names of models that are told how much to reason.
const LEVELLED: &str = "gpt-oss";

/// Parts of the names of models that do not reason, whatever their family does.
const PLAIN: [&str; 2] = ["coder", "instruct"];

/// How a model is told to reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Think {
    /// How much.
    Levels,
    /// Whether at all.
    Switch,
    /// Not.
    Unsaid,
}

/// What a model takes.
#[derive(Clone, Debug)]
pub(in crate::llm) struct Dialect {
    pub(super) think: Think,
    pub(super) temperature: bool,
    /// Whether an answer can be held to a schema.
    pub(super) form: bool,
    pub(super) window: Window,
}

impl Dialect {
    /// What is known before anything was sent.
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        Self {
            think: Think::of(&endpoint.model, endpoint.skills.effort),
            temperature: endpoint.skills.temperature.unwrap_or(true),
            form: endpoint.skills.json,
            window: Window::of(endpoint),
        }
    }

    /// The dialect without what a server complains of; `None` if it is something else, or was not
    /// even sent.
    pub(super) fn without(&self, status: u16, complaint: &Complaint, body: &Value) -> Option<Self> {
        let sent = |field: &str| body.get(field).is_some();
        let words = complaint.message.to_ascii_lowercase();
        let says = |word: &str| words.contains(word);
        let refuses = says("not support") || says("invalid") || says("unsupported");
        if status == 400 && refuses && says("think") && sent("think") {
            let think = match self.think {
                Think::Levels if !says("does not support thinking") => Think::Switch,
                _ => Think::Unsaid,
            };
            return Some(Self {
                think,
                ..self.clone()
            });
        }
        let of_form = says("format") || says("grammar") || says("schema");
        if matches!(status, 400 | 500) && of_form && sent("format") {
            return Some(Self {
                form: false,
                ..self.clone()
            });
        }
        None
    }
}

impl Think {
    /// As the configuration says, else by the model's name.
    fn of(model: &str, configured: Option<bool>) -> Self {
        // Their makers stand before names, as in `hf.co/qwen/qwen3`.
        let name = model.rsplit('/').next().unwrap_or(model);
        let name = name.to_ascii_lowercase();
        let plain = PLAIN.iter().any(|part| name.contains(part));
        let switched = SWITCHED.iter().any(|family| name.starts_with(family));
        match configured {
            Some(false) => Self::Unsaid,
            _ if name.starts_with(LEVELLED) => Self::Levels,
            Some(true) => Self::Switch,
            None if switched && !plain => Self::Switch,
            None => Self::Unsaid,
        }
    }

    /// What is said of this effort.
    pub(super) fn said(self, effort: Effort) -> Option<Value> {
        match self {
            Self::Levels => Some(json!(effort)),
            Self::Switch => Some(json!(effort > Effort::Low)),
            Self::Unsaid => None,
        }
    }
}
