//! Which parameters a server takes: what is known of it before, and what it then complains of.

use serde_json::Value;

use crate::llm::endpoint::Endpoint;
use crate::llm::failure::Complaint;
use crate::llm::openai::{self, Form, Learns};

/// Which parameters a server takes. What a server is not sure to take is left out; what it then
/// still refuses is left out from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::llm) struct Dialect {
    /// Whether the address lacks a version, and is given the usual one.
    versioned: bool,
    pub(super) temperature: bool,
    /// Whether it is told how much to reason.
    pub(super) effort: bool,
    /// Whether its reasoning is asked for in the form in which it can be carried back.
    pub(super) thoughts: bool,
    /// Whether the model's own items are said back to it as it made them.
    pub(super) echo: bool,
    /// Whether it is told to keep nothing.
    pub(super) store: bool,
    /// Whether it is told how strictly the arguments of a tool are held to their schema.
    pub(super) strict_tools: bool,
    pub(super) form: Form,
    /// Whether it is told which requests belong together.
    pub(super) cache_key: bool,
}

impl Dialect {
    /// What is known before anything was sent.
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        let reasoning = openai::is_reasoning(&endpoint.model);
        let effort = endpoint.skills.effort;
        Self {
            versioned: openai::lacks_version(&endpoint.base),
            temperature: endpoint.skills.temperature.unwrap_or(!reasoning),
            effort: effort.unwrap_or(reasoning),
            thoughts: reasoning || effort == Some(true),
            echo: true,
            store: true,
            strict_tools: true,
            form: Form::of(endpoint),
            cache_key: openai::is_openai(&endpoint.base),
        }
    }

    /// Where requests go.
    pub(super) fn address(&self, base: &str) -> String {
        openai::address(base, self.versioned, "/responses")
    }

    /// The dialect without what a server complains of; `None` if it is something else, or was not
    /// even sent.
    pub(super) fn without(&self, status: u16, complaint: &Complaint, body: &Value) -> Option<Self> {
        let field = complaint.field.as_deref().unwrap_or_default();
        let text = format!("{field} {}", complaint.message);
        let names = |parameter: &str| text.contains(parameter);
        let unknown = openai::is_about_support(complaint);
        let about_items = is_about_items(&text) || (unknown && names("input["));
        if matches!(status, 400 | 404 | 422) && about_items && self.echo && echoes(body) {
            return Some(Self {
                echo: false,
                ..*self
            });
        }
        if status == 404 && self.versioned && !complaint.is_named("model") && !names("model") {
            return Some(Self {
                versioned: false,
                ..*self
            });
        }
        if !matches!(status, 400 | 422) || !unknown {
            return None;
        }
        self.lessons(names)
            .into_iter()
            .find(|(sent, said, _)| *said && body.get(sent).is_some())
            .map(|(.., learnt)| learnt)
    }

    /// What a server may complain of.
    fn lessons(&self, names: impl Fn(&str) -> bool) -> [Learns<Self>; 7] {
        let learn = |change: fn(&mut Self)| {
            let mut learnt = *self;
            change(&mut learnt);
            learnt
        };
        let of_form = [
            "text.format",
            "json_schema",
            "response_format",
            "structured",
        ];
        let encrypted = names("include") || names("ncrypted");
        [
            ("include", encrypted, learn(|d| d.thoughts = false)),
            (
                "reasoning",
                names("reasoning") && !encrypted,
                learn(|d| d.effort = false),
            ),
            (
                "temperature",
                names("temperature"),
                learn(|d| d.temperature = false),
            ),
            (
                "tools",
                self.strict_tools && names("strict") && !names("text."),
                learn(|d| d.strict_tools = false),
            ),
            (
                "text",
                self.form == Form::Strict && names("strict"),
                learn(|d| d.form = Form::Shown),
            ),
            (
                "text",
                of_form.into_iter().any(&names),
                learn(|d| d.form = Form::Free),
            ),
            ("store", names("store"), learn(|d| d.store = false)),
        ]
    }
}

/// Whether a request holds items as the model made them.
fn echoes(body: &Value) -> bool {
    let items = body.get("input").and_then(Value::as_array);
    let made = |item: &Value| item.get("id").is_some() || item["type"] == "reasoning";
    items.is_some_and(|items| items.iter().any(made))
}

/// Whether a server cannot do anything with items that it made itself: it did not keep them, it
/// was another key's, or one of those that belong together is missing.
fn is_about_items(text: &str) -> bool {
    [
        "not persisted",
        "could not be verified",
        "without its required",
        "an ID that begins",
    ]
    .iter()
    .any(|words| text.contains(words))
}
