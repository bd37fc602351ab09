//! The repair agent: runs the commands that are a repair, writes instructions for the rest of a run,
//! or mends what it finds like a builder.

use serde_json::{Value, json};

use crate::domain::brief::Brief;
use crate::domain::lenient;
use crate::domain::message::{FinishReason, ToolCall};
use crate::domain::remedy::HealAction;
use crate::domain::state::State;
use crate::domain::tape::{Answer, Call, TapeEntry};

use super::{AgentError, Next, Output, answer, builder, conversation, instructions, prompt};

/// The time limit of a command that is a repair, in seconds: formatters and fixers may compile.
const LIMIT_S: u64 = 10 * 60;

pub(super) fn next(brief: &Brief, tape: &[TapeEntry]) -> Next {
    let evidence = brief.task.evidence.as_ref();
    let commands = evidence.map_or(&[][..], |evidence| &evidence.commands);
    match commands {
        [] if writes_instructions(brief) => advise(brief, tape),
        [] => builder::next(brief, tape),
        commands => run(commands, tape),
    }
}

/// Whether it is asked about a failure, and not sent to mend it.
fn writes_instructions(brief: &Brief) -> bool {
    let evidence = brief.task.evidence.as_ref();
    let wanted = HealAction::PatchInstructions.as_str();
    matches!(brief.phase, State::Error(_)) && evidence.is_some_and(|one| one.action == wanted)
}

/// One question, one answer.
fn advise(brief: &Brief, tape: &[TapeEntry]) -> Next {
    let turns = conversation::turns(tape);
    let Some(last) = turns.last() else {
        let first = |cut| prompt::for_instructions(brief, cut);
        let schema = Some(schema());
        return Next::Ask(conversation::request(
            brief,
            tape,
            first,
            Vec::new(),
            schema,
        ));
    };
    Next::Done(read(&last.answer.text, last.answer.finish))
}

fn read(text: &str, finish: FinishReason) -> Result<Output, AgentError> {
    let unusable = |reason: &str| AgentError::UnusableAnswer {
        text: text.to_owned(),
        finish,
        reason: reason.to_owned(),
        schema: Some(schema()),
    };
    if finish == FinishReason::Refusal {
        return Err(unusable("the model refused"));
    }
    let value = match answer::json(text) {
        Ok(value) => value,
        Err(reason) => lenient::recover_json(text).ok_or_else(|| unusable(&reason))?,
    };
    let written = value.get("instructions").and_then(Value::as_str);
    let written = written.ok_or_else(|| unusable("it has no `instructions`"))?;
    let accepted = instructions::accept(written).map_err(|refusal| unusable(&refusal))?;
    Ok(Output {
        value: json!({"instructions": accepted}),
        summary: accepted,
    })
}

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {"instructions": {"type": "string"}},
        "required": ["instructions"],
        "additionalProperties": false,
    })
}

/// Each command once, in order, whatever comes of it: the checks judge.
fn run(commands: &[String], tape: &[TapeEntry]) -> Next {
    let is_answered = |entry: &&TapeEntry| {
        matches!(
            (&entry.call, &entry.answer),
            (Call::Tool(_), Some(Answer::Tool(_)))
        )
    };
    let ran = tape.iter().filter(is_answered).count();
    match commands.get(ran) {
        Some(line) => Next::Act(Call::Tool(ToolCall {
            id: format!("command-{}", ran + 1),
            name: "run_command".to_owned(),
            arguments: json!({"command": line, "timeout_s": LIMIT_S}),
        })),
        None => {
            let summary = format!("ran {}", commands.join("; "));
            Next::Done(Ok(Output {
                value: json!({"summary": summary, "commands": outcomes(tape)}),
                summary,
            }))
        }
    }
}

fn outcomes(tape: &[TapeEntry]) -> Vec<Value> {
    let outcome = |entry: &TapeEntry| match (&entry.call, &entry.answer) {
        (Call::Tool(call), Some(Answer::Tool(answer))) => Some(json!({
            "command": call.arguments["command"],
            "failed": answer.is_error,
        })),
        _ => None,
    };
    tape.iter().filter_map(outcome).collect()
}
