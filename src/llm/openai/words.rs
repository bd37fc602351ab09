//! What is said back to a model, in a form that servers take: a model may have said nonsense, and
//! a history may come from elsewhere.

use std::borrow::Cow;

use serde_json::Value;

use crate::domain::id::Digest;
use crate::domain::message::{Message, ModelRequest};
use crate::llm::saying;

/// The longest name of a tool.
const TOOL_NAME: usize = 64;

/// The name of a tool, in the few characters that names may have.
pub(in crate::llm) fn tool_name(name: &str) -> String {
    saying::tool_name(name, TOOL_NAME)
}

/// The arguments of a call as the text of an object.
pub(in crate::llm) fn arguments_text(arguments: &Value) -> String {
    saying::arguments(arguments).to_string()
}

/// The id of a call, at most so many characters of it. Other providers make longer ones; the same
/// id is always shortened to the same, so that calls and their answers stay together.
pub(in crate::llm) fn call_id(id: &str, longest: usize) -> Cow<'_, str> {
    if !id.is_empty() && id.chars().count() <= longest {
        return Cow::Borrowed(id);
    }
    let digest = Digest::of(id.as_bytes()).to_string();
    Cow::Owned(format!("call_{}", digest.get(..32).unwrap_or(&digest)))
}

/// What the requests of one conversation have in common, so that a provider can send them to where
/// their beginning is cached.
pub(in crate::llm) fn cache_key(request: &ModelRequest) -> String {
    let first = match request.messages.first() {
        Some(Message::User { text }) => text.as_str(),
        _ => "",
    };
    let beginning = Digest::of(format!("{}\0{first}", request.system).as_bytes()).to_string();
    format!(
        "rgpt-{}-{}",
        request.agent,
        beginning.get(..16).unwrap_or(&beginning)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_ids_from_elsewhere_are_made_legal() {
        assert_eq!(tool_name("read file;"), "read_file_");
        assert_eq!(tool_name(""), "_");
        assert_eq!(tool_name(&"ß".repeat(99)), "_".repeat(64));
        assert_eq!(call_id("toolu_1", 40), "toolu_1");
        let long = "x".repeat(41);
        assert_eq!(call_id(&long, 40).len(), 37);
        assert_eq!(call_id(&long, 40), call_id(&long, 40));
        assert_ne!(call_id(&long, 40), call_id(&format!("{long}y"), 40));
        assert!(call_id("", 40).starts_with("call_"));
    }
}
