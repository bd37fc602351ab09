//! A tape as a conversation that people can read.

use serde_json::Value;

use super::words::Tone;
use crate::domain::message::{Message, ModelAnswer, ModelRequest, ToolCall};
use crate::domain::tape::{Answer, Call, TapeEntry, ToolAnswer};
use crate::domain::units;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Voice {
    /// rgpt asks.
    Asked,
    /// A model answers.
    Model,
    /// A tool, a check or git answers.
    Tool,
    /// Something went wrong on the way.
    Trouble,
}

/// One turn. Its texts are as the record has them: nothing is cleaned or cut yet.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Turn {
    pub(super) voice: Voice,
    pub(super) tone: Tone,
    /// Who or what, in a few words.
    pub(super) title: String,
    /// A call's arguments.
    pub(super) fields: Vec<(String, String)>,
    /// What was said.
    pub(super) text: String,
}

impl Turn {
    fn new(voice: Voice, title: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            voice,
            tone: Tone::Idle,
            title: title.into(),
            fields: Vec::new(),
            text: text.into(),
        }
    }
}

/// The conversation on a tape, from the first request on.
pub(super) fn turns(first: Option<&ModelRequest>, tape: &[TapeEntry]) -> Vec<Turn> {
    let mut turns = Vec::new();
    for message in first
        .map(|request| request.messages.as_slice())
        .unwrap_or_default()
    {
        if let Message::User { text } = message {
            turns.push(Turn::new(Voice::Asked, "rgpt", text));
        }
    }
    let carried_out: Vec<&str> = tape
        .iter()
        .filter_map(|entry| match &entry.call {
            Call::Tool(call) => Some(call.id.as_str()),
            _ => None,
        })
        .collect();
    for entry in tape {
        match (&entry.call, &entry.answer) {
            (_, None) => turns.push(Turn::new(Voice::Trouble, "not answered yet", "")),
            (Call::Model(call), Some(Answer::Model(answer))) => {
                turns.extend(said(&call.model, answer, &carried_out));
            }
            (Call::Tool(call), Some(Answer::Tool(answer))) => turns.push(used(call, answer)),
            (_, Some(answer)) => turns.push(other(&entry.call, answer)),
        }
    }
    turns
}

/// What a model said, and its calls that nothing on the tape answers: they end the conversation.
fn said(model: &str, answer: &ModelAnswer, carried_out: &[&str]) -> Vec<Turn> {
    let usage = answer.usage;
    let tokens = units::tokens(usage.input_tokens.saturating_add(usage.output_tokens));
    let title = format!("{model}, {tokens} tokens, {}", units::cost(usage.cost_usd));
    let mut turns = vec![Turn::new(Voice::Model, title, &answer.text)];
    let last = answer
        .tool_calls
        .iter()
        .filter(|call| !carried_out.contains(&call.id.as_str()));
    turns.extend(last.map(|call| Turn {
        fields: fields(&call.arguments),
        ..Turn::new(Voice::Model, format!("calls {}", call.name), "")
    }));
    turns
}

fn used(call: &ToolCall, answer: &ToolAnswer) -> Turn {
    let (tone, what) = match (&answer.denied, answer.is_error) {
        (Some(denial), _) => (
            Tone::Bad,
            format!("{}, refused ({})", call.name, denial.rule),
        ),
        (None, true) => (Tone::Warn, format!("{}, failed", call.name)),
        (None, false) => (Tone::Good, call.name.clone()),
    };
    Turn {
        tone,
        fields: fields(&call.arguments),
        ..Turn::new(Voice::Tool, what, &answer.text)
    }
}

fn other(call: &Call, answer: &Answer) -> Turn {
    match answer {
        Answer::ModelFailed(failure) => Turn {
            tone: Tone::Bad,
            ..Turn::new(Voice::Trouble, "the call failed", &failure.message)
        },
        Answer::Lost => Turn {
            tone: Tone::Warn,
            ..Turn::new(
                Voice::Trouble,
                "the call was lost",
                "rgpt was ended while it was under way; it was made again",
            )
        },
        Answer::Checks {
            results, failure, ..
        } => {
            let lines: Vec<String> = results
                .iter()
                .map(|result| format!("{}: {}", result.name, result.status.as_str()))
                .chain(failure.iter().map(|failure| failure.message.clone()))
                .collect();
            Turn {
                tone: if failure.is_some() {
                    Tone::Bad
                } else {
                    Tone::Good
                },
                ..Turn::new(Voice::Tool, "the checks", lines.join("\n"))
            }
        }
        Answer::Committed { commit, branch, .. } => {
            let place = branch.as_deref().map(|branch| format!(" on {branch}"));
            let message = match call {
                Call::Commit { message } => message.as_str(),
                _ => "",
            };
            let title = format!("commit {}{}", commit.short(), place.unwrap_or_default());
            Turn {
                tone: Tone::Good,
                ..Turn::new(Voice::Tool, title, message)
            }
        }
        Answer::Model(answer) => Turn::new(Voice::Model, "answer", &answer.text),
        Answer::Tool(answer) => Turn::new(Voice::Tool, "answer", &answer.text),
    }
}

fn fields(arguments: &Value) -> Vec<(String, String)> {
    let shown = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match arguments {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), shown(value)))
            .collect(),
        Value::Null => Vec::new(),
        other => vec![("arguments".to_owned(), shown(other))],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(call: Value, answer: Value) -> TapeEntry {
        let entry = json!({"ordinal": 1, "call": call, "answer": answer});
        serde_json::from_value(entry).unwrap()
    }

    #[test]
    fn a_conversation_is_told_in_order() {
        let usage = json!({"model_calls": 1, "input_tokens": 900, "cached_input_tokens": 0,
            "output_tokens": 100, "reasoning_tokens": 0, "cost_usd": 0.5});
        let model = json!({"call": "model", "model": "m", "provider": "p", "request": "r",
            "reserved_tokens": 1, "reserved_usd": 0.0});
        let edit = json!({"id": "1", "name": "write_file",
            "arguments": {"path": "a", "content": "x\ny", "mode": 3}});
        let end = json!({"id": "2", "name": "finish", "arguments": {"summary": "done"}});
        let tape = [
            entry(
                model.clone(),
                json!({"answer": "model_failed", "kind": "overloaded",
                "message": "too much"}),
            ),
            entry(
                model,
                json!({"answer": "model", "text": "well", "tool_calls": [edit, end],
                "finish": "tool_calls", "usage": usage}),
            ),
            entry(
                json!({"call": "tool", "id": "1", "name": "write_file",
                "arguments": edit["arguments"]}),
                json!({"answer": "tool", "text": "no", "is_error": true,
                    "denied": {"rule": "scope", "message": "no", "hard": false}}),
            ),
            entry(json!({"call": "checks"}), Value::Null),
        ];
        let told: Vec<String> = turns(None, &tape)
            .into_iter()
            .map(|turn| {
                format!(
                    "{:?} {} {:?} {}",
                    turn.voice, turn.title, turn.fields, turn.text
                )
            })
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        Trouble the call failed [] too much
        Model m, 1.0k tokens, $0.5000 [] well
        Model calls finish [("summary", "done")] 
        Tool write_file, refused (scope) [("path", "a"), ("content", "x\ny"), ("mode", "3")] no
        Trouble not answered yet [] 
        "#);
    }
}
