//! Which parameters a server takes: what is known of its model, and what it then complains of.

use serde_json::Value;

use crate::llm::endpoint::Endpoint;
use crate::llm::failure::Complaint;

/// The version of a model that does not name one.
const NEWEST: (u32, u32) = (u32::MAX, 0);

/// How a model is told to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thinking {
    /// As much as it finds right, under an effort.
    Adaptive,
    /// Up to a number of tokens.
    Budget,
}

/// Which parameters a server takes. What a server is not sure to take is left out; what it then
/// still refuses is left out from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::llm) struct Dialect {
    /// How it is told to think, if it is.
    pub(super) thinking: Option<Thinking>,
    /// How else it may be told, should this way be refused.
    otherwise: Option<Thinking>,
    /// Whether thinking goes under an effort.
    pub(super) effort: bool,
    pub(super) temperature: bool,
    /// Whether an answer can be held to a schema.
    pub(super) schema: bool,
    /// Whether what does not change is marked to be cached.
    pub(super) marks: bool,
    /// Whether its own signed thinking is carried back.
    pub(super) native: bool,
}

impl Dialect {
    /// What is known before anything was sent.
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        let version = version(&endpoint.model);
        let thinking = match version {
            Some((4, 6..) | (5.., _)) => Some(Thinking::Adaptive),
            Some((3, 7..) | (4, _)) => Some(Thinking::Budget),
            _ => None,
        };
        let thinking = match endpoint.skills.effort {
            None => thinking,
            Some(true) => thinking.or(Some(Thinking::Adaptive)),
            Some(false) => None,
        };
        let plain = version.is_none_or(|version| version < (4, 7));
        Self {
            thinking,
            otherwise: thinking.map(Thinking::other),
            effort: true,
            temperature: endpoint.skills.temperature.unwrap_or(plain),
            schema: endpoint.skills.json && version.is_some_and(|version| version >= (4, 5)),
            marks: true,
            native: true,
        }
    }

    /// The dialect without what a server complains of; `None` if it is something else, or was not
    /// even sent.
    pub(super) fn without(&self, status: u16, complaint: &Complaint, body: &Value) -> Option<Self> {
        if !matches!(status, 400 | 422) {
            return None;
        }
        let field = complaint.field.as_deref().unwrap_or_default();
        let text = format!("{field} {}", complaint.message).to_ascii_lowercase();
        if is_about_carried_thinking(&text) {
            return self.native.then_some(Self {
                native: false,
                ..*self
            });
        }
        if !is_about_support(&text) {
            return None;
        }
        self.lessons(|parameter| text.contains(parameter))
            .into_iter()
            .find(|(sent, said, _)| *said && body.pointer(sent).is_some())
            .map(|(.., learnt)| learnt)
    }

    /// What a server may complain of: the parameter that must have been sent, whether its words
    /// are about it, and the dialect without it.
    fn lessons(&self, names: impl Fn(&str) -> bool) -> [(&'static str, bool, Self); 6] {
        let learn = |change: fn(&mut Self)| {
            let mut learnt = *self;
            change(&mut learnt);
            learnt
        };
        let of_schema = [
            "output_config.format",
            "output format",
            "json_schema",
            "structured output",
        ];
        [
            (
                "/system/0/cache_control",
                names("cache_control"),
                learn(|d| d.marks = false),
            ),
            (
                "/temperature",
                names("temperature"),
                learn(|d| d.temperature = false),
            ),
            (
                "/thinking",
                names("thinking"),
                learn(|d| d.thinking = d.otherwise.take()),
            ),
            (
                "/output_config/format",
                of_schema.into_iter().any(&names),
                learn(|d| d.schema = false),
            ),
            (
                "/output_config/effort",
                names("effort"),
                learn(|d| d.effort = false),
            ),
            (
                "/output_config",
                names("output_config"),
                learn(|d| (d.effort, d.schema) = (false, false)),
            ),
        ]
    }
}

impl Thinking {
    fn other(self) -> Self {
        match self {
            Self::Adaptive => Self::Budget,
            Self::Budget => Self::Adaptive,
        }
    }
}

/// The version of a Claude model, as in (4, 6) of `claude-sonnet-4-6-20260217`; `None` for a model
/// of somebody else.
fn version(model: &str) -> Option<(u32, u32)> {
    let lower = model.to_ascii_lowercase();
    let (_, name) = lower.rsplit_once("claude")?;
    let parts = name.split(|c: char| !c.is_ascii_alphanumeric());
    // A date has more digits.
    let mut numbers = parts
        .filter(|part| part.len() <= 2)
        .filter_map(|part| part.parse().ok());
    Some(match numbers.next() {
        None => NEWEST,
        Some(major) => (major, numbers.next().unwrap_or(0)),
    })
}

/// Whether a complaint is about thinking that was carried back: a conversation that was changed
/// since, or that another account had.
fn is_about_carried_thinking(text: &str) -> bool {
    let faults = ["signature", "cannot be modified", "is bound to"];
    text.contains("messages.")
        && text.contains("thinking")
        && faults.iter().any(|fault| text.contains(fault))
}

/// Whether a complaint is about something that is not known, rather than about its value.
fn is_about_support(text: &str) -> bool {
    let words = [
        "not support",
        "unsupported",
        "not permitted",
        "not allowed",
        "not available",
        "deprecated",
        "unknown",
        "unrecognized",
        "unexpected",
        "extra inputs",
        "expected tags",
        "expected `thinking`",
        "may only be set",
    ];
    words.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_a_model_is_told_by_its_name() {
        for (name, expected) in [
            ("claude-sonnet-4-6", Some((4, 6))),
            ("claude-opus-4-20250514", Some((4, 0))),
            ("claude-3-7-sonnet-latest", Some((3, 7))),
            ("anthropic.claude-3-5-sonnet-20241022-v2:0", Some((3, 5))),
            ("claude-haiku-4-5@20251001", Some((4, 5))),
            ("anthropic/claude-opus-4.7", Some((4, 7))),
            ("claude-opus-5", Some((5, 0))),
            ("claude-mythos-preview", Some(NEWEST)),
            ("kimi-k2", None),
        ] {
            assert_eq!(version(name), expected, "{name}");
        }
    }
}
