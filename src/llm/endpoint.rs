//! Whom a model's calls go to, and how a failure of one is told.

use std::fmt;

use reqwest::header::HeaderValue;

use super::http::{Limits, Trouble};
use super::scrub::Scrubber;
use crate::domain::tape::{ModelFailure, ModelFailureKind};

/// The most characters of a provider's words that are kept.
const WORDS: usize = 300;

/// A key. It is sent, and never shown.
#[derive(Clone)]
pub(super) struct Secret(String, Scrubber);

impl Secret {
    /// The key in the value of a variable; `None` if that is blank or cannot be sent.
    pub(super) fn new(value: &str) -> Option<Self> {
        let key = value.trim();
        let sendable = !key.is_empty() && HeaderValue::from_str(key).is_ok();
        sendable.then(|| Self(key.to_owned(), Scrubber::new([key])))
    }

    /// The value of a header that proves who asks.
    pub(super) fn bearer(&self) -> Option<HeaderValue> {
        sensitive(&format!("Bearer {}", self.0))
    }

    /// The value of a header that holds the key and nothing else.
    pub(super) fn bare(&self) -> Option<HeaderValue> {
        sensitive(&self.0)
    }

    /// The text without the key.
    fn taken_out_of(&self, text: &str) -> String {
        self.1.text(text).into_owned()
    }
}

fn sensitive(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key]")
    }
}

/// Whom a model's calls go to.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    /// The model's name in the configuration.
    pub(super) name: String,
    /// The provider's name in the configuration.
    pub(super) provider: String,
    /// The model's name at the provider.
    pub(super) model: String,
    /// Where the provider is, without a slash at the end.
    pub(super) base: String,
    /// The key, where one is configured.
    pub(super) key: Option<Secret>,
    /// The variable that holds it.
    pub(super) key_variable: Option<String>,
    /// Whether answers are asked for piece by piece.
    pub(super) stream: bool,
    /// How long to wait for what.
    pub(super) limits: Limits,
    /// What the model is known to do.
    pub(super) skills: Skills,
}

/// What a model is known to do.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Skills {
    /// Whether it can be held to a JSON schema.
    pub(super) json: bool,
    /// Whether it takes a sampling temperature; `None`: told by its name.
    pub(super) temperature: Option<bool>,
    /// Whether it takes a reasoning effort; `None`: told by its name.
    pub(super) effort: Option<bool>,
    /// The most tokens of prompt and answer together.
    pub(super) context_window: Option<u64>,
}

impl Endpoint {
    /// A failure of a call: who failed, with what status, in the provider's `words`, and what to
    /// do about it. The key is taken out of it, whoever put it there.
    pub(super) fn failure(
        &self,
        kind: ModelFailureKind,
        status: Option<u16>,
        words: &str,
        request_id: Option<&str>,
    ) -> ModelFailure {
        // Cutting first could leave a part of a key that is then not recognised.
        let open = |text: &str| match &self.key {
            Some(key) => key.taken_out_of(text),
            None => text.to_owned(),
        };
        let mut message = format!("model {} ({} at {})", self.name, self.model, self.provider);
        if let Some(status) = status {
            message.push_str(&format!(": status {status}"));
        }
        let words = shown(&open(words), WORDS);
        if !words.is_empty() {
            message.push_str(&format!(": {words}"));
        }
        if let Some(id) = request_id.map(|id| shown(&open(id), 80)) {
            message.push_str(&format!(
                " (request id {})",
                id.replace(char::is_whitespace, "_")
            ));
        }
        if let Some(advice) = self.advice(kind) {
            message.push_str(&format!("; {advice}"));
        }
        ModelFailure {
            status,
            ..ModelFailure::new(kind, open(&message))
        }
    }

    /// A failure on the way.
    pub(super) fn trouble(&self, trouble: &Trouble, status: Option<u16>) -> ModelFailure {
        let kind = match trouble {
            Trouble::Connection(_) => ModelFailureKind::Network,
            Trouble::TimedOut(..) => ModelFailureKind::TimedOut,
            Trouble::BrokenOff(_) => ModelFailureKind::Truncated,
            Trouble::TooLarge => ModelFailureKind::Malformed,
            Trouble::NoClient(_) => ModelFailureKind::BadRequest,
        };
        let mut failure = self.failure(kind, status, &trouble.to_string(), None);
        if let Trouble::TimedOut(which, _) = trouble {
            failure.timeout = Some(*which);
        }
        failure
    }

    /// Who speaks, as it is told of parts that only this model understands.
    pub(super) fn speaker(&self, protocol: &str) -> String {
        format!("{protocol}/{}", self.model)
    }

    fn advice(&self, kind: ModelFailureKind) -> Option<String> {
        use ModelFailureKind as K;
        let provider = &self.provider;
        Some(match (kind, &self.key_variable) {
            (K::Authentication, Some(variable)) => {
                format!("the key in {variable} is not accepted: export {variable}=…")
            }
            (K::Authentication, None) => format!(
                "no key was sent: name the variable that holds it in providers.{provider}.api_key_env"
            ),
            (K::UnknownModel, _) => format!(
                "see models.{}.model and providers.{provider}.base_url ({})",
                self.name, self.base
            ),
            (K::Network, _) => format!("see whether a server listens at {}", self.base),
            (K::TimedOut, _) => {
                format!("if it needs longer, raise providers.{provider}.timeout")
            }
            (K::ContextTooLong, _) => {
                "name a model with a longer context, or ask for smaller steps".to_owned()
            }
            _ => return None,
        })
    }
}

/// The text on one line, without control characters, at most so many characters of it.
fn shown(text: &str, most: usize) -> String {
    let visible = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    // More than can be shown need not be looked at.
    let start: String = visible.take(most * 8).collect();
    let line = start.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(key: &str) -> Endpoint {
        Endpoint {
            name: "fast".into(),
            provider: "lab".into(),
            model: "m-1".into(),
            base: "http://lab/v1".into(),
            key: Secret::new(key),
            key_variable: Some("LAB_KEY".into()),
            stream: true,
            limits: Limits::new(None, true),
            skills: Skills::default(),
        }
    }

    #[test]
    fn a_failure_names_everything_that_helps() {
        let failure = endpoint("k").failure(
            ModelFailureKind::Authentication,
            Some(401),
            "wrong\n\u{1b}[2Jkey",
            Some("req 1"),
        );
        assert_eq!(
            failure.message,
            "model fast (m-1 at lab): status 401: wrong [2Jkey (request id req_1); \
             the key in LAB_KEY is not accepted: export LAB_KEY=…"
        );
    }

    #[test]
    fn a_key_is_never_shown() {
        let key = "sk-live-0123456789";
        let endpoint = endpoint(&format!(" {key}\n"));
        assert!(!format!("{endpoint:?}").contains(key));
        assert!(!format!("{:?}", endpoint.key.as_ref().and_then(Secret::bearer)).contains(key));
        let words = format!(
            "{} {key} {key}{}",
            "x".repeat(WORDS - 10),
            "y".repeat(9_000)
        );
        let failure = endpoint.failure(ModelFailureKind::BadRequest, None, &words, Some(key));
        assert!(!failure.message.contains("sk-live"), "{}", failure.message);
        assert!(failure.message.len() < 600);
    }

    #[test]
    fn a_value_that_cannot_be_a_key_is_none() {
        for value in ["", "  \n", "two\nlines", "nul\0"] {
            assert!(Secret::new(value).is_none(), "{value:?}");
        }
    }
}
