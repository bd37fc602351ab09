//! Who is asked: what addresses and names tell, and what a complaint is about.

use crate::llm::endpoint::{Endpoint, Secret};
use crate::llm::failure::Complaint;
use reqwest::header::{AUTHORIZATION, HeaderMap};

/// The reasoning models of OpenAI's that are no GPT. They take fewer parameters.
const REASONING: [&str; 3] = ["o1", "o3", "o4"];

/// How an answer is held to a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::llm) enum Form {
    /// The provider guarantees it, where the schema can be put in the form that this needs.
    Strict,
    /// The schema is shown.
    Shown,
    /// Not at all.
    Free,
}

impl Form {
    /// The best that a model can be held to.
    pub(in crate::llm) fn of(endpoint: &Endpoint) -> Self {
        if endpoint.skills.json {
            Self::Strict
        } else {
            Self::Free
        }
    }
}

/// What a server may complain of: the parameter that must have been sent, whether its words are
/// about it, and the dialect without it.
pub(in crate::llm) type Learns<D> = (&'static str, bool, D);

/// Whether OpenAI itself is there, and no server that speaks like it.
pub(in crate::llm) fn is_openai(base: &str) -> bool {
    rest(base).split(['/', ':']).next() == Some("api.openai.com")
}

/// Whether the address lacks a version, so that it is given the usual one.
pub(in crate::llm) fn lacks_version(base: &str) -> bool {
    !rest(base).contains('/')
}

fn rest(base: &str) -> &str {
    base.split_once("://").map_or("", |(_, rest)| rest)
}

/// Where requests go: the base and this path, unless the base has it already.
pub(in crate::llm) fn address(base: &str, versioned: bool, path: &str) -> String {
    if base.ends_with(path) {
        base.to_owned()
    } else if versioned {
        format!("{base}/v1{path}")
    } else {
        format!("{base}{path}")
    }
}

/// Says who asks.
pub(in crate::llm) fn authorize(endpoint: &Endpoint, headers: &mut HeaderMap) {
    if let Some(bearer) = endpoint.key.as_ref().and_then(Secret::bearer) {
        headers.insert(AUTHORIZATION, bearer);
    }
}

/// Whether the name is that of a reasoning model of OpenAI's.
pub(in crate::llm) fn is_reasoning(model: &str) -> bool {
    // Routers put the maker before the name, as in `openai/o3`.
    let name = model.rsplit('/').next().unwrap_or(model);
    let is_of = |family: &str| {
        name.strip_prefix(family)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
    };
    let generation = name.strip_prefix("gpt-").map(|rest| {
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
        digits.and_then(|digits| digits.parse::<u32>().ok())
    });
    let thinks = match generation.flatten() {
        // Up to the fourth they answer at once, as does `gpt-4o`.
        Some(generation) => (5..1_000).contains(&generation),
        None => REASONING.into_iter().any(is_of),
    };
    thinks && !name.contains("-chat")
}

/// Whether a complaint is about something that is not known, rather than about its value.
pub(in crate::llm) fn is_about_support(complaint: &Complaint) -> bool {
    let text = complaint.message.to_ascii_lowercase();
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
        "has moved to",
    ];
    complaint.is_named("unsupported") || words.iter().any(|word| text.contains(word))
}
