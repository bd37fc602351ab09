//! What all protocols need to read an answer: ids of calls, arguments in a text, counts of tokens.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::price;
use crate::domain::budget::Usage;
use crate::domain::lenient;
use crate::domain::message::{Message, ModelAnswer, ModelRequest};

/// The most tokens that are believed of one call.
const MAX_TOKENS: u64 = 1_000_000_000;

/// A number of tokens as it is reported: what is not there is zero, and what is no plausible number
/// makes the whole report implausible.
pub(super) fn count(reported: Option<&Value>) -> Option<u64> {
    match reported {
        None | Some(Value::Null) => Some(0),
        Some(value) => value.as_u64().filter(|count| *count <= MAX_TOKENS),
    }
}

/// What an answer used where the server does not say so, as a likely number: what is reserved is
/// twice that and more, and would be told as fact.
pub(super) fn estimated(request: &ModelRequest, answer: &ModelAnswer) -> Usage {
    let calls = answer
        .tool_calls
        .iter()
        .map(|call| price::tokens_in(&call.name) + price::tokens_in(&call.arguments.to_string()));
    let output = price::tokens_in(&answer.text) + calls.sum::<u64>();
    Usage {
        model_calls: 1,
        input_tokens: request.estimated_tokens(),
        output_tokens: output.min(u64::from(request.max_output)),
        ..Usage::default()
    }
}

/// The arguments in a text. One that is no JSON is kept as it is: whoever carries out the call
/// says what is wrong with it.
pub(super) fn arguments(text: String) -> Value {
    if text.trim().is_empty() {
        return Value::Object(Map::new());
    }
    match serde_json::from_str(&text) {
        Ok(Value::Null) => Value::Object(Map::new()),
        Ok(value) => value,
        Err(_) => lenient::recover_json(&text).unwrap_or(Value::String(text)),
    }
}

/// The ids of the calls of a conversation. An answer pairs with its call by id, so a server that
/// gives none, or the same again, is helped out.
pub(super) struct Ids {
    taken: BTreeSet<String>,
    turn: usize,
}

impl Ids {
    /// The ids that the messages use.
    pub(super) fn of(messages: &[Message]) -> Self {
        let calls = messages.iter().flat_map(|message| match message {
            Message::Assistant { tool_calls, .. } => tool_calls.as_slice(),
            Message::User { .. } | Message::Tool { .. } => &[],
        });
        Self {
            taken: calls.map(|call| call.id.clone()).collect(),
            turn: messages.len(),
        }
    }

    /// An id for the next call: the wanted one if it is free.
    pub(super) fn give(&mut self, wanted: String) -> String {
        let made = (1..).map(|number| format!("call_{}_{number}", self.turn));
        let mut candidates = std::iter::once(wanted).chain(made);
        let free = |id: &String| !id.is_empty() && !self.taken.contains(id);
        let id = candidates.find(free).unwrap_or_default();
        self.taken.insert(id.clone());
        id
    }
}
