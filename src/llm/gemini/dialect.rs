//! Which parameters a model takes: what its name says of it, and what its server then complains of.

use serde_json::Value;

use crate::llm::endpoint::Endpoint;
use crate::llm::failure::Complaint;

/// The version in an address that names none.
const VERSION: &str = "v1beta";

/// How a model is told how much to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thinking {
    /// By a number of tokens.
    Budget,
    /// By a level.
    Level,
    /// By a level, of which there are only the lowest and the highest.
    LowOrHigh,
    /// Not at all.
    Untold,
}

/// How an answer is held to a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The provider guarantees it.
    Schema,
    /// It is JSON, of whatever form.
    Json,
    /// Not at all.
    Free,
}

/// Which calls are marked as having no signature, where a model wants one with each turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marked {
    /// None: signatures are not asked for.
    Nobodys,
    /// Those that another model made.
    Foreign,
    /// Its own, too, where it signed none.
    Every,
}

/// Which parameters a model takes. What it is not sure to take is left out; what its server then
/// still refuses is left out from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::llm) struct Dialect {
    /// Whether the address lacks a version, and is given the usual one.
    unversioned: bool,
    pub(super) temperature: bool,
    pub(super) thinking: Thinking,
    pub(super) form: Form,
    /// Whether an answer can be held to a form where there are tools.
    pub(super) form_with_tools: bool,
    /// Whether tools are described by real JSON schemas, rather than by a subset of OpenAPI's.
    pub(super) json_schema: bool,
    pub(super) marked: Marked,
}

impl Dialect {
    /// What is known before anything was sent.
    ///
    /// From the third generation on the temperature is left alone: Google advises against setting
    /// it, its newer models ignore it, and later ones are announced to refuse it.
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        let generation = generation(&endpoint.model);
        let third = generation.is_some_and(|generation| generation >= (3, 0));
        Self {
            unversioned: !ends_in_version(&endpoint.base),
            temperature: endpoint.skills.temperature.unwrap_or(!third),
            thinking: thinking(endpoint, generation),
            form: if endpoint.skills.json {
                Form::Schema
            } else {
                Form::Free
            },
            form_with_tools: third,
            json_schema: true,
            marked: if third {
                Marked::Foreign
            } else {
                Marked::Nobodys
            },
        }
    }

    /// Where requests go.
    pub(super) fn address(&self, endpoint: &Endpoint) -> String {
        let Endpoint { base, model, .. } = endpoint;
        let version = if self.unversioned {
            format!("/{VERSION}")
        } else {
            String::new()
        };
        // A name may say itself what it is one of, as in `tunedModels/mine`.
        let family = if model.contains('/') { "" } else { "models/" };
        let method = if endpoint.stream {
            "streamGenerateContent?alt=sse"
        } else {
            "generateContent"
        };
        format!("{base}{version}/{family}{model}:{method}")
    }

    /// The dialect without what a server complains of; `None` if it is something else, or was not
    /// even sent.
    pub(super) fn without(&self, status: u16, complaint: &Complaint, body: &Value) -> Option<Self> {
        let words = complaint.message.to_lowercase();
        let learn = |change: fn(&mut Self)| {
            let mut learnt = *self;
            change(&mut learnt);
            Some(learnt)
        };
        if status == 404 && self.unversioned && !words.contains("model") {
            return learn(|dialect| dialect.unversioned = false);
        }
        if status != 400 {
            return None;
        }
        let unsigned = words.contains("thought_signature") || words.contains("thought signature");
        if unsigned && self.marked != Marked::Every {
            return learn(|dialect| dialect.marked = Marked::Every);
        }
        let config = &body["generationConfig"];
        let sent = |name: &str| config.get(name).is_some();
        let names = |names: &[&str]| names.iter().any(|name| words.contains(name));
        if !is_about_support(&words) {
            return None;
        }
        if sent("thinkingConfig") && words.contains("thinking") {
            return if self.thinking == Thinking::Level && words.contains("medium") {
                learn(|dialect| dialect.thinking = Thinking::LowOrHigh)
            } else {
                learn(|dialect| dialect.thinking = Thinking::Untold)
            };
        }
        let of_schema = ["responsejsonschema", "response_json_schema", "schema"];
        let of_form = ["responsemimetype", "response_mime_type", "mime type"];
        if body.get("tools").is_some() && self.json_schema && names(&["parametersjsonschema"]) {
            learn(|dialect| dialect.json_schema = false)
        } else if sent("temperature") && words.contains("temperature") {
            learn(|dialect| dialect.temperature = false)
        } else if sent("responseMimeType") && body.get("tools").is_some() && names(&of_form) {
            learn(|dialect| dialect.form_with_tools = false)
        } else if sent("responseJsonSchema") && names(&of_schema) {
            learn(|dialect| dialect.form = Form::Json)
        } else if sent("responseMimeType") && (names(&of_form) || words.contains("json mode")) {
            learn(|dialect| dialect.form = Form::Free)
        } else {
            None
        }
    }
}

/// How the model is told how much to think; a person may know better than its name says.
fn thinking(endpoint: &Endpoint, generation: Option<(u32, u32)>) -> Thinking {
    let usual = match generation {
        Some((3, 0)) if endpoint.model.contains("-pro") => Thinking::LowOrHigh,
        Some(generation) if generation >= (3, 0) => Thinking::Level,
        Some((2, 5)) => Thinking::Budget,
        _ => Thinking::Untold,
    };
    match (endpoint.skills.effort, usual, generation) {
        (Some(false), ..) => Thinking::Untold,
        (Some(true), Thinking::Untold, Some(_)) => Thinking::Budget,
        (Some(true), Thinking::Untold, None) => Thinking::Level,
        _ => usual,
    }
}

/// The version in a model's name, as in `gemini-2.5-pro` and `models/gemini-3-flash-preview`.
fn generation(model: &str) -> Option<(u32, u32)> {
    let (_, name) = model.rsplit_once("gemini-")?;
    let number = name.split('-').next()?;
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Whether the last step of an address is a version, as in `/v1` or `/v1beta`.
fn ends_in_version(base: &str) -> bool {
    let last = base.rsplit('/').next().unwrap_or_default();
    last.strip_prefix('v').is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_digit())
            && rest.chars().all(|c| c.is_ascii_alphanumeric())
    })
}

/// Whether a complaint is about something that is not known or cannot be, in lower case.
fn is_about_support(words: &str) -> bool {
    let phrases = [
        "unknown name",
        "cannot find field",
        "not support",
        "unsupported",
        "deprecated",
        "not enabled",
        "not allowed",
        "is invalid",
        "too many states",
    ];
    phrases.iter().any(|phrase| words.contains(phrase))
}
