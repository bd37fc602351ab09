//! Which parameters a server takes: what is known of it before, and what it then complains of.

use serde_json::Value;

use crate::llm::endpoint::Endpoint;
use crate::llm::failure::Complaint;

/// Beginnings of the names of OpenAI's reasoning models, which take fewer parameters.
const REASONING: [&str; 4] = ["o1", "o3", "o4", "gpt-5"];

/// How an answer is held to a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The provider guarantees it, where the schema can be put in the form that this needs.
    Strict,
    /// The schema is shown.
    Shown,
    /// Not at all.
    Free,
}

/// Which parameters a server takes. What a server is not sure to take is left out; what it then
/// still refuses is left out from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    /// Whether the address lacks a version, and is given the usual one.
    versioned: bool,
    /// Whether the system prompt is the developer's.
    pub(super) developer: bool,
    /// Whether the limit of tokens goes by its newer name.
    pub(super) completion_limit: bool,
    pub(super) temperature: bool,
    /// Whether a stream ends with what was used.
    pub(super) usage: bool,
    pub(super) form: Form,
    /// Whether reasoning must be switched off where there are tools.
    pub(super) no_effort: bool,
}

impl Dialect {
    /// What is known before anything was sent. `json`: whether the model can be held to a schema.
    pub(super) fn of(endpoint: &Endpoint, json: bool) -> Self {
        let rest = endpoint.base.split_once("://").map_or("", |(_, rest)| rest);
        let host = rest.split(['/', ':']).next().unwrap_or_default();
        let openai = host == "api.openai.com";
        let reasoning = is_reasoning(&endpoint.model);
        Self {
            versioned: !rest.contains('/'),
            developer: openai && reasoning,
            completion_limit: openai || reasoning,
            temperature: !reasoning,
            usage: true,
            form: if json { Form::Strict } else { Form::Free },
            no_effort: false,
        }
    }

    /// Where requests go.
    pub(super) fn address(&self, base: &str) -> String {
        if base.ends_with("/chat/completions") {
            base.to_owned()
        } else if self.versioned {
            format!("{base}/v1/chat/completions")
        } else {
            format!("{base}/chat/completions")
        }
    }

    /// The dialect without what a server complains of; `None` if it is something else, or was not
    /// even sent.
    pub(super) fn without(self, status: u16, complaint: &Complaint, body: &Value) -> Option<Self> {
        let field = complaint.field.as_deref().unwrap_or_default();
        let text = format!("{field} {}", complaint.message);
        let names = |parameter: &str| text.contains(parameter);
        if status == 404 && self.versioned && !complaint.is_named("model") && !names("model") {
            return Some(Self {
                versioned: false,
                ..self
            });
        }
        if !matches!(status, 400 | 422) || !is_about_support(&text, complaint) {
            return None;
        }
        self.lessons(names)
            .into_iter()
            .find(|(sent, said, _)| *said && body.get(sent).is_some())
            .map(|(.., learnt)| learnt)
    }

    /// What a server may complain of: the parameter that must have been sent, whether its words
    /// are about it, and the dialect without it.
    fn lessons(self, names: impl Fn(&str) -> bool) -> [(&'static str, bool, Self); 8] {
        let learn = |change: fn(&mut Self)| {
            let mut learnt = self;
            change(&mut learnt);
            learnt
        };
        let of_form = ["response_format", "json_schema", "structured"];
        [
            (
                "stream_options",
                names("stream_options"),
                learn(|d| d.usage = false),
            ),
            (
                "max_tokens",
                names("max_tokens"),
                learn(|d| d.completion_limit = true),
            ),
            (
                "max_completion_tokens",
                names("max_completion_tokens"),
                learn(|d| d.completion_limit = false),
            ),
            (
                "temperature",
                names("temperature"),
                learn(|d| d.temperature = false),
            ),
            (
                "tools",
                !self.no_effort && names("reasoning_effort") && names("none"),
                learn(|d| d.no_effort = true),
            ),
            (
                "response_format",
                self.form == Form::Strict && names("strict"),
                learn(|d| d.form = Form::Shown),
            ),
            (
                "response_format",
                of_form.into_iter().any(&names),
                learn(|d| d.form = Form::Free),
            ),
            (
                "messages",
                self.developer && names("developer"),
                learn(|d| d.developer = false),
            ),
        ]
    }
}

fn is_reasoning(model: &str) -> bool {
    // Routers put the maker before the name, as in `openai/o3`.
    let name = model.rsplit('/').next().unwrap_or(model);
    REASONING.iter().any(|family| {
        name.strip_prefix(family)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
    }) && !name.contains("-chat")
}

/// Whether a complaint is about something that is not known, rather than about its value.
fn is_about_support(text: &str, complaint: &Complaint) -> bool {
    let text = text.to_ascii_lowercase();
    let words = [
        "unsupported",
        "not support",
        "unrecognized",
        "unknown",
        "extra inputs",
        "extra fields",
        "not permitted",
        "not allowed",
        "unexpected",
        "invalid role",
    ];
    complaint.is_named("unsupported") || words.iter().any(|word| text.contains(word))
}
