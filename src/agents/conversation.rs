//! The conversation with a model, rebuilt from the tape each time.

use serde_json::Value;

use crate::domain::brief::Brief;
use crate::domain::message::{Message, ModelAnswer, ModelRequest, ToolCall, ToolSpec};
use crate::domain::tape::{Answer, Call, TapeEntry, ToolAnswer};

use super::{answer, prompt};

/// One turn of the model with the answers to its calls so far.
pub(super) struct Turn<'a> {
    /// The model's answer.
    pub(super) answer: &'a ModelAnswer,
    /// The calls in it, native or fenced.
    pub(super) calls: Vec<ToolCall>,
    /// The answers so far, in the order of the calls.
    pub(super) answered: Vec<&'a ToolAnswer>,
}

impl Turn<'_> {
    /// The first call that has no answer yet.
    pub(super) fn pending(&self) -> Option<&ToolCall> {
        self.calls.get(self.answered.len())
    }
}

/// The model's turns on a tape. Attempts that failed on their way are left out.
pub(super) fn turns(tape: &[TapeEntry]) -> Vec<Turn<'_>> {
    let mut turns: Vec<Turn<'_>> = Vec::new();
    for entry in tape {
        match (&entry.call, &entry.answer) {
            (Call::Model(_), Some(Answer::Model(answer))) => turns.push(Turn {
                answer,
                calls: answer::calls(answer, entry.ordinal),
                answered: Vec::new(),
            }),
            (Call::Tool(_), Some(Answer::Tool(answer))) => {
                if let Some(turn) = turns.last_mut() {
                    turn.answered.push(answer);
                }
            }
            _ => {}
        }
    }
    turns
}

/// What is asked next, after `turns`.
pub(super) fn request(
    brief: &Brief,
    first: String,
    turns: &[Turn<'_>],
    tools: Vec<ToolSpec>,
    schema: Option<Value>,
) -> ModelRequest {
    let settings = &brief.context.models;
    ModelRequest {
        agent: brief.agent,
        system: prompt::system_with_tools(brief.agent, brief, &tools),
        messages: messages(brief, first, turns),
        tools: if settings.native_tools {
            tools
        } else {
            Vec::new()
        },
        schema,
        temperature: settings.temperature,
        max_output: settings.max_output,
    }
}

/// The messages that follow the first one.
///
/// A model without native tools sees its calls as its own text, and the answers as a user's words.
fn messages(brief: &Brief, first: String, turns: &[Turn<'_>]) -> Vec<Message> {
    let mut messages = vec![Message::User { text: first }];
    for turn in turns {
        let native = brief.context.models.native_tools;
        messages.push(Message::Assistant {
            text: turn.answer.text.clone(),
            tool_calls: if native {
                turn.calls.clone()
            } else {
                Vec::new()
            },
        });
        for (call, answer) in turn.calls.iter().zip(&turn.answered) {
            messages.push(if native {
                Message::Tool {
                    call_id: call.id.clone(),
                    name: call.name.clone(),
                    text: answer.text.clone(),
                    is_error: answer.is_error,
                }
            } else {
                let outcome = if answer.is_error {
                    "failed"
                } else {
                    "answered"
                };
                Message::User {
                    text: format!("{} {outcome}:\n{}", call.name, answer.text),
                }
            });
        }
    }
    messages
}
