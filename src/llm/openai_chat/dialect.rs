//! Which parameters a server takes: what is known of it before, and what it then complains of.

use serde_json::Value;

use crate::llm::endpoint::Endpoint;
use crate::llm::failure::Complaint;
use crate::llm::openai::{self, Form, Learns};

/// What servers add to messages and calls, to be said back to them.
const EXTRAS: [&str; 2] = ["extra_content", "reasoning_details"];

/// Which parameters a server takes. What a server is not sure to take is left out; what it then
/// still refuses is left out from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::llm) struct Dialect {
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
    /// Whether it is told how much to reason.
    pub(super) effort: bool,
    /// Whether reasoning must be switched off where there are tools.
    pub(super) no_effort: bool,
    /// Whether it is told which requests belong together.
    pub(super) cache_key: bool,
    /// Whether what it added to its answers is said back to it.
    pub(super) extras: bool,
    /// Whether its reasoning is said back to it, too: servers refuse the one or demand the other.
    pub(super) thoughts: bool,
}

impl Dialect {
    /// What is known before anything was sent.
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        let openai = openai::is_openai(&endpoint.base);
        let reasoning = openai::is_reasoning(&endpoint.model);
        Self {
            versioned: openai::lacks_version(&endpoint.base),
            developer: openai && reasoning,
            completion_limit: openai || reasoning,
            temperature: endpoint.skills.temperature.unwrap_or(!reasoning),
            effort: endpoint.skills.effort.unwrap_or(openai && reasoning),
            usage: true,
            form: Form::of(endpoint),
            no_effort: false,
            cache_key: openai,
            extras: true,
            thoughts: false,
        }
    }

    /// Where requests go.
    pub(super) fn address(&self, base: &str) -> String {
        openai::address(base, self.versioned, "/chat/completions")
    }

    /// The dialect without what a server complains of; `None` if it is something else, or was not
    /// even sent.
    pub(super) fn without(&self, status: u16, complaint: &Complaint, body: &Value) -> Option<Self> {
        let field = complaint.field.as_deref().unwrap_or_default();
        let text = format!("{field} {}", complaint.message);
        let names = |parameter: &str| text.contains(parameter);
        if status == 404 && self.versioned && !complaint.is_named("model") && !names("model") {
            return Some(Self {
                versioned: false,
                ..*self
            });
        }
        let refused = matches!(status, 400 | 422);
        if refused && !self.thoughts && demands_thoughts(&text) {
            return Some(Self {
                thoughts: true,
                ..*self
            });
        }
        if !refused || !openai::is_about_support(complaint) {
            return None;
        }
        self.lessons(names)
            .into_iter()
            .find(|(sent, said, _)| *said && body.get(sent).is_some())
            .map(|(.., learnt)| learnt)
    }

    /// What a server may complain of: the parameter that must have been sent, whether its words
    /// are about it, and the dialect without it.
    fn lessons(&self, names: impl Fn(&str) -> bool) -> [Learns<Self>; 10] {
        let learn = |change: fn(&mut Self)| {
            let mut learnt = *self;
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
                !self.no_effort && names("reasoning_effort") && names("tools") && names("none"),
                learn(|d| d.no_effort = true),
            ),
            (
                "reasoning_effort",
                self.effort && !self.no_effort && names("reasoning_effort"),
                learn(|d| d.effort = false),
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
            (
                "messages",
                self.extras && EXTRAS.into_iter().any(&names),
                learn(|d| d.extras = false),
            ),
        ]
    }
}

/// Whether a server misses the reasoning that it had sent along with its calls.
fn demands_thoughts(text: &str) -> bool {
    text.contains("reasoning_content") && (text.contains("issing") || text.contains("passed back"))
}
