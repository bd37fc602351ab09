//! Agents that make one call each and take any text for an answer.

use rgpt::agents::{Next, Output};
use rgpt::domain::brief::Brief;
use rgpt::domain::message::{Message, ModelRequest};
use rgpt::domain::phase::Agent;
use rgpt::domain::tape::{Answer, TapeEntry};
use serde_json::{Value, json};

/// What an agent wants next: an answer, and with it the end.
pub(crate) fn next(brief: &Brief, tape: &[TapeEntry]) -> Next {
    let answered = tape.iter().find_map(|entry| match &entry.answer {
        Some(Answer::Model(answer)) => Some(answer.text.as_str()),
        _ => None,
    });
    match answered {
        None => Next::Ask(request(brief)),
        Some(text) => Next::Done(Ok(Output {
            value: output(brief.agent, text),
            summary: text.chars().take(72).collect(),
        })),
    }
}

fn request(brief: &Brief) -> ModelRequest {
    ModelRequest {
        agent: brief.agent,
        system: format!("You are the rgpt {} agent.", brief.agent),
        messages: vec![Message::User {
            text: brief.task.goal.clone(),
        }],
        tools: Vec::new(),
        schema: None,
        temperature: brief.context.models.temperature,
        effort: None,
        max_output: brief.context.models.max_output,
    }
}

fn output(agent: Agent, text: &str) -> Value {
    match agent {
        Agent::Planner => json!({
            "summary": text,
            "steps": [{"id": "step-1", "name": "The step", "description": "The only one"}],
        }),
        Agent::Releaser => json!({"commit": "", "tree": "", "branch": "", "notes": text}),
        _ => json!({"summary": text}),
    }
}
