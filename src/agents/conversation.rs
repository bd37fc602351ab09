//! The conversation with a model, rebuilt from the tape each time.

use serde_json::Value;

use crate::domain::brief::Brief;
use crate::domain::message::{
    FinishReason, Message, ModelAnswer, ModelRequest, ToolCall, ToolSpec,
};
use crate::domain::tape::{Answer, Call, TapeEntry, ToolAnswer};

use super::pack::{self, Cut};
use super::{AgentError, answer, prompt, stuck};

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

    /// What it said, if it said all of it; a refusal says nothing to the point.
    pub(super) fn words(&self) -> &str {
        match self.answer.finish {
            FinishReason::Stop | FinishReason::ToolCalls => &self.answer.text,
            FinishReason::Length | FinishReason::Refusal => "",
        }
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

/// Why a model is not asked again, if there is a reason: it goes round in circles, or has had its
/// `most` turns.
pub(super) fn dead_end(turns: &[Turn<'_>], most: u32) -> Option<AgentError> {
    if let Some(pattern) = stuck::course(turns).stuck {
        return Some(AgentError::Stuck(pattern));
    }
    (turns.len() >= most as usize).then_some(AgentError::TooManyTurns(most))
}

/// The longest that a speech of the model is that it made some turns ago, where room is scarce.
const SPEECH: usize = 2_000;

/// What is asked next on a tape: `first` is the first message with so much left out of it.
pub(super) fn request(
    brief: &Brief,
    tape: &[TapeEntry],
    first: impl Fn(Cut) -> String,
    tools: Vec<ToolSpec>,
    schema: Option<Value>,
) -> ModelRequest {
    let settings = &brief.context.models;
    let turns = turns(tape);
    pack::fitting(settings, tape, |cut| ModelRequest {
        agent: brief.agent,
        system: prompt::system_with_tools(brief.agent, brief, &tools),
        messages: messages(brief, first(cut), &turns, cut),
        tools: match settings.native_tools {
            true => tools.clone(),
            false => Vec::new(),
        },
        schema: schema.clone(),
        temperature: settings.temperature,
        effort: settings.effort,
        max_output: settings.max_output,
    })
}

/// The first message, and those that follow it.
///
/// A model without native tools sees its calls as its own text, and the answers as a user's words.
fn messages(brief: &Brief, first: String, turns: &[Turn<'_>], cut: Cut) -> Vec<Message> {
    let mut messages = vec![Message::User { text: first }];
    let native = brief.context.models.native_tools;
    let told = stuck::course(turns).told;
    for (newer, turn) in (0..turns.len()).rev().zip(turns) {
        let is_whole = newer < cut.whole_turns();
        messages.push(Message::Assistant {
            text: match is_whole || cut < Cut::Answers || turn.answer.native.is_some() {
                true => turn.answer.text.clone(),
                false => pack::ends(&turn.answer.text, SPEECH),
            },
            tool_calls: if native {
                turn.calls.clone()
            } else {
                Vec::new()
            },
            // The provider's own words hold the calls that it made, and no others.
            native: turn
                .answer
                .native
                .clone()
                .filter(|_| native && turn.calls == turn.answer.tool_calls),
        });
        for (call, answer) in turn.calls.iter().zip(&turn.answered) {
            let text = match is_whole {
                true => answer.text.clone(),
                false => pack::answer(call, &answer.text),
            };
            messages.push(if native {
                Message::Tool {
                    call_id: call.id.clone(),
                    name: call.name.clone(),
                    text,
                    is_error: answer.is_error,
                }
            } else {
                let outcome = if answer.is_error {
                    "failed"
                } else {
                    "answered"
                };
                Message::User {
                    text: format!("{} {outcome}:\n{text}", call.name),
                }
            });
        }
        let at = turns.len() - 1 - newer;
        if let Some((_, words)) = told.as_ref().filter(|(after, _)| *after == at) {
            let text = words.clone();
            messages.push(Message::User { text });
        }
    }
    messages
}
