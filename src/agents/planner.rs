//! The planner: turns the goal into a plan, or refines one with what was learned.

use serde_json::{Value, json};

use crate::domain::brief::Brief;
use crate::domain::message::FinishReason;
use crate::domain::plan::Plan;
use crate::domain::tape::{Call, TapeEntry};

use super::conversation;
use super::{AgentError, Next, Output, answer, prompt, tools};

pub(super) fn next(brief: &Brief, tape: &[TapeEntry]) -> Next {
    let repaired = brief
        .task
        .evidence
        .as_ref()
        .and_then(|evidence| evidence.repaired_answer.as_deref());
    if let Some(text) = repaired {
        return Next::Done(read(text, FinishReason::Stop));
    }
    let turns = conversation::turns(tape);
    let Some(last) = turns.last() else {
        return ask(brief, tape);
    };
    if last.answer.finish == FinishReason::Refusal {
        return Next::Done(read(&last.answer.text, FinishReason::Refusal));
    }
    if let Some(call) = last.pending() {
        return Next::Act(Call::Tool(call.clone()));
    }
    if last.calls.is_empty() {
        return Next::Done(read(&last.answer.text, last.answer.finish));
    }
    match conversation::dead_end(&turns, brief.context.models.max_turns) {
        Some(error) => Next::Done(Err(error)),
        None => ask(brief, tape),
    }
}

fn ask(brief: &Brief, tape: &[TapeEntry]) -> Next {
    let first = |cut| prompt::planner(brief, cut);
    let (tools, schema) = (tools::reading(), Some(schema()));
    Next::Ask(conversation::request(brief, tape, first, tools, schema))
}

/// Reads an answer as a plan and checks it.
fn read(text: &str, finish: FinishReason) -> Result<Output, AgentError> {
    let unusable = |reason: String| AgentError::UnusableAnswer {
        text: text.to_owned(),
        finish,
        reason,
        schema: Some(schema()),
    };
    if finish == FinishReason::Refusal {
        return Err(unusable("the model refused".to_owned()));
    }
    let value = answer::json(text).map_err(unusable)?;
    let plan: Plan = serde_json::from_value(value).map_err(|error| unusable(error.to_string()))?;
    plan.validate().map_err(AgentError::InvalidPlan)?;
    let summary = if plan.summary.trim().is_empty() {
        format!("{} steps", plan.steps.len())
    } else {
        plan.summary.clone()
    };
    let value = serde_json::to_value(&plan).map_err(|error| unusable(error.to_string()))?;
    Ok(Output { value, summary })
}

/// The JSON schema of a plan, as models are held to it.
fn schema() -> Value {
    let text = json!({"type": "string"});
    let texts = json!({"type": "array", "items": text});
    let level = json!({"type": "string", "enum": ["low", "medium", "high"]});
    json!({
        "type": "object",
        "properties": {
            "summary": text,
            "steps": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "id": text, "name": text, "description": text,
                        "dependencies": texts, "files": texts,
                        "critical": {"type": "boolean"},
                        "estimated_complexity": level, "risk_level": level,
                        "verification_criteria": texts,
                    },
                    "required": ["id", "name", "description"],
                },
            },
        },
        "required": ["steps"],
    })
}
