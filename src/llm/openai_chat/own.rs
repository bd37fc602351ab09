//! What servers add to chat completions, and must be told again: signatures of reasoning, and the
//! reasoning itself.

use serde_json::{Map, Value, json};

use crate::domain::message::{Native, ToolCall};

/// What a server added to its answer.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// The reasoning, as some servers show it.
    thoughts: String,
    /// The same in parts, some of them signed, as routers tell it.
    details: Vec<Value>,
}

impl Own {
    /// Takes what is in a message or a piece of it.
    pub(super) fn read(&mut self, said: &Value) {
        if let Some(thoughts) = said.get("reasoning_content").and_then(Value::as_str) {
            self.thoughts.push_str(thoughts);
        }
        let details = said.get("reasoning_details").and_then(Value::as_array);
        for detail in details.into_iter().flatten() {
            match self.details.last_mut() {
                Some(last) if continues(detail, last) => extend(last, detail),
                _ => self.details.push(detail.clone()),
            }
        }
    }

    /// What must be carried back to the server, if anything: one object, whose fields belong to the
    /// message, and its `tool_calls` to the calls by their ids.
    pub(super) fn into_native(
        self,
        by: String,
        calls: &[ToolCall],
        extras: Vec<Option<Value>>,
    ) -> Option<Native> {
        let mut own = Map::new();
        let signed: Map<String, Value> = calls
            .iter()
            .zip(extras)
            .filter_map(|(call, extra)| Some((call.id.clone(), extra?)))
            .collect();
        if !signed.is_empty() {
            own.insert("tool_calls".to_owned(), Value::Object(signed));
        }
        if !self.details.is_empty() {
            own.insert("reasoning_details".to_owned(), json!(self.details));
        }
        // Nobody wants it back but along with calls.
        if !self.thoughts.is_empty() && !calls.is_empty() {
            own.insert("reasoning_content".to_owned(), json!(self.thoughts));
        }
        (!own.is_empty()).then(|| Native {
            by,
            parts: vec![Value::Object(own)],
        })
    }
}

/// Whether a part of reasoning goes on with the last one.
fn continues(part: &Value, last: &Value) -> bool {
    let same = |key: &str| part.get(key).is_some() && part.get(key) == last.get(key);
    same("type") && same("index")
}

/// Adds the words of a part to those before; everything else is as it says last.
fn extend(last: &mut Value, part: &Value) {
    for (key, value) in part.as_object().into_iter().flatten() {
        match (last.get_mut(key), value) {
            (Some(Value::String(words)), Value::String(more))
                if matches!(key.as_str(), "text" | "summary" | "data") =>
            {
                words.push_str(more);
            }
            (_, Value::Null) => {}
            _ => last[key.as_str()] = value.clone(),
        }
    }
}
