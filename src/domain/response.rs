//! The end of an execution in the form of the agent contract, read off the event that records it.

use serde_json::{Value, json};

use super::event::{Event, Record};
use super::id::ExecutionId;
use super::phase::Phase;
use super::state::State;

/// The execution that an event ends, and its answer in the form of the agent contract.
pub fn response(record: &Record) -> Option<(ExecutionId, Value)> {
    match &record.event {
        Event::PhaseCompleted(completed) => {
            let next = completed.phase.next().map(State::Running);
            let answer = success(record, completed.phase, &completed.output, next);
            Some((completed.execution?, answer))
        }
        Event::StepCompleted(completed) => {
            let output = json!({"summary": completed.summary});
            let next = Some(State::Running(Phase::Builder));
            let answer = success(record, Phase::Builder, &output, next);
            Some((completed.execution, answer))
        }
        Event::PhaseError(error) => {
            let answer = json!({
                "runId": record.run,
                "phase": State::Running(error.phase),
                "success": false,
                "error_type": error.failure.error_type,
                "error_message": error.failure.message,
                "error_stack": error.failure.evidence,
            });
            Some((error.execution?, answer))
        }
        _ => None,
    }
}

fn success(record: &Record, phase: Phase, output: &Value, next: Option<State>) -> Value {
    json!({
        "runId": record.run,
        "phase": State::Completed(phase),
        "success": true,
        "output": output,
        "artifacts": [],
        "logs": [],
        "nextPhase": next,
    })
}
