//! The builder: carries out a step of the plan, or a repair, by calling tools.

use serde_json::{Value, json};

use crate::domain::brief::Brief;
use crate::domain::message::{FinishReason, ToolCall};
use crate::domain::tape::{Call, TapeEntry};

use super::conversation::{self, Turn};
use super::{AgentError, Next, Output, prompt, tools};

pub(super) fn next(brief: &Brief, tape: &[TapeEntry]) -> Next {
    let turns = conversation::turns(tape);
    let Some(last) = turns.last() else {
        return ask(brief, tape);
    };
    if last.answer.finish == FinishReason::Refusal {
        return Next::Done(words(last));
    }
    if let Some(call) = last.pending() {
        return if call.name == tools::FINISH {
            Next::Done(finish(call))
        } else {
            Next::Act(Call::Tool(call.clone()))
        };
    }
    if last.calls.is_empty() {
        return Next::Done(words(last));
    }
    match conversation::dead_end(&turns, brief.context.models.max_turns) {
        Some(error) => Next::Done(Err(error)),
        None => ask(brief, tape),
    }
}

fn ask(brief: &Brief, tape: &[TapeEntry]) -> Next {
    let first = |cut| prompt::builder(brief, cut);
    let tools = tools::all();
    Next::Ask(conversation::request(brief, tape, first, tools, None))
}

fn finish(call: &ToolCall) -> Result<Output, AgentError> {
    let argument = |name: &str| {
        call.arguments
            .get(name)
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|text| !text.is_empty())
    };
    match argument("blocked") {
        Some(why) => Err(AgentError::Blocked(why.to_owned())),
        None => Ok(done(argument("summary").unwrap_or("done"))),
    }
}

/// Text without a tool call ends a step like `finish`, if it is a whole answer.
fn words(last: &Turn<'_>) -> Result<Output, AgentError> {
    let text = last.answer.text.trim();
    let reason = match last.answer.finish {
        FinishReason::Refusal => Some("the model refused"),
        FinishReason::Length => Some("the answer was cut off at the limit of tokens"),
        _ if text.is_empty() => Some("the answer is empty"),
        _ => None,
    };
    match reason {
        Some(reason) => Err(AgentError::UnusableAnswer {
            text: last.answer.text.clone(),
            finish: last.answer.finish,
            reason: reason.to_owned(),
            schema: None,
        }),
        None => Ok(done(text)),
    }
}

fn done(summary: &str) -> Output {
    Output {
        value: json!({"summary": summary}),
        summary: summary.to_owned(),
    }
}
