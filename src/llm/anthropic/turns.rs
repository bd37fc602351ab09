//! A conversation as turns: the model and whoever speaks to it take them one after the other.

use serde_json::{Value, json};

use crate::domain::id::Digest;
use crate::domain::message::{Message, ToolCall};
use crate::llm::saying;

const USER: &str = "user";
const ASSISTANT: &str = "assistant";

/// The longest name of a tool.
const TOOL_NAME: usize = 128;

/// What stands where something must be said and nothing was.
const NOTHING: &str = "(nothing)";

/// A turn.
#[derive(Debug)]
pub(super) struct Turn {
    role: &'static str,
    /// What is said in it, block by block.
    pub(super) content: Vec<Value>,
}

impl Turn {
    /// Whether someone other than the model speaks.
    pub(super) fn is_user(&self) -> bool {
        self.role == USER
    }

    fn begins_with(&self, kinds: &[&str]) -> bool {
        let first = self
            .content
            .first()
            .and_then(|block| block["type"].as_str());
        first.is_some_and(|first| kinds.contains(&first))
    }
}

impl From<Turn> for Value {
    fn from(turn: Turn) -> Self {
        json!({"role": turn.role, "content": turn.content})
    }
}

/// The turns of a conversation. What the model said goes back in the words of `speaker` where it
/// was the one who said it. The answers to the calls of a turn follow directly after it in
/// [`Message`]s, and so they stand at the beginning of the turn that answers.
pub(super) fn of(messages: &[Message], speaker: Option<&str>) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    for message in messages {
        let (role, content) = match message {
            Message::User { text } => (USER, words(text).into_iter().collect()),
            Message::Tool { .. } => (USER, vec![result(message)]),
            Message::Assistant { .. } => (ASSISTANT, said(message, speaker)),
        };
        match turns.last_mut().filter(|last| last.role == role) {
            Some(last) => last.content.extend(content),
            None if role == ASSISTANT && content.is_empty() => {}
            None => turns.push(Turn { role, content }),
        }
    }
    if turns.first().is_none_or(|first| !first.is_user()) {
        let content = Vec::new();
        turns.insert(
            0,
            Turn {
                role: USER,
                content,
            },
        );
    }
    for turn in &mut turns {
        if turn.content.is_empty() {
            turn.content.extend(words(NOTHING));
        }
    }
    turns
}

/// Whether the model is in the middle of a series of calls that it began without thinking, or
/// whose thinking is lost.
pub(super) fn is_thoughtless(turns: &[Turn]) -> bool {
    let begins = |turn: &Turn| turn.is_user() && !turn.begins_with(&["tool_result"]);
    let start = turns.iter().rposition(begins).map_or(0, |at| at + 1);
    let first = turns[start..].first();
    first.is_some_and(|first| !first.begins_with(&["thinking", "redacted_thinking"]))
}

/// A call, said back to the model that made it. It may have been nonsense, which is not taken back
/// as it was: names and ids have few characters, and arguments are an object.
pub(super) fn call(call: &ToolCall) -> Value {
    let name = saying::tool_name(&call.name, TOOL_NAME);
    let input = saying::arguments(&call.arguments);
    json!({"type": "tool_use", "id": id(&call.id), "name": name, "input": input})
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

/// The id of a call, or one that stands for it where another provider made it of other characters.
fn id(id: &str) -> String {
    if !id.is_empty() && id.chars().all(is_plain) {
        id.to_owned()
    } else {
        format!("call_{}", Digest::of(id.as_bytes()).short())
    }
}

/// A block of words; a blank one is not legal.
fn words(text: &str) -> Option<Value> {
    (!text.trim().is_empty()).then(|| json!({"type": "text", "text": text}))
}

fn said(message: &Message, speaker: Option<&str>) -> Vec<Value> {
    let Message::Assistant {
        text,
        tool_calls,
        native,
    } = message
    else {
        return Vec::new();
    };
    match native {
        Some(native) if speaker == Some(&native.by) => native.parts.clone(),
        _ => words(text)
            .into_iter()
            .chain(tool_calls.iter().map(call))
            .collect(),
    }
}

fn result(message: &Message) -> Value {
    let Message::Tool {
        call_id,
        text,
        is_error,
        ..
    } = message
    else {
        return Value::Null;
    };
    let mut result = json!({"type": "tool_result", "tool_use_id": id(call_id)});
    if !text.trim().is_empty() {
        result["content"] = json!(text);
    }
    if *is_error {
        result["is_error"] = json!(true);
        // An error without words is not legal.
        if result.get("content").is_none() {
            result["content"] = json!(NOTHING);
        }
    }
    result
}
