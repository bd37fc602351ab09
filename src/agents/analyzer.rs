//! The analyzer: finds the root cause of a failure that the rules do not know for sure. It looks,
//! and changes nothing.

use serde_json::{Value, json};

use crate::domain::brief::Brief;
use crate::domain::failure::ErrorType;
use crate::domain::lenient;
use crate::domain::message::FinishReason;
use crate::domain::tape::{Call, TapeEntry};
use crate::domain::text::one_line;

use super::{AgentError, Next, Output, answer, conversation, prompt, tools};

/// The most turns: an opinion is worth a few looks, not an expedition.
const MOST: u32 = 8;

/// The most characters of a root cause.
const LINE: usize = 500;

/// The most bytes of an explanation.
const EXPLANATION: usize = 4 * 1024;

pub(super) fn next(brief: &Brief, tape: &[TapeEntry]) -> Next {
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
    let most = brief.context.models.max_turns.min(MOST);
    match conversation::dead_end(&turns, most) {
        Some(error) => Next::Done(Err(error)),
        None => ask(brief, tape),
    }
}

fn ask(brief: &Brief, tape: &[TapeEntry]) -> Next {
    let first = |cut| prompt::about_failure(brief, cut);
    let (tools, schema) = (tools::reading(), Some(schema()));
    Next::Ask(conversation::request(brief, tape, first, tools, schema))
}

/// Reads an answer leniently and puts it in the one form that is passed on.
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
    let named = value.get("error_type").and_then(Value::as_str);
    let class = named
        .and_then(class)
        .ok_or_else(|| unusable("`error_type` is to be one of the seven classes"))?;
    let confidence = confidence(value.get("confidence"))
        .ok_or_else(|| unusable("`confidence` is to be a number from 0 to 1"))?;
    let text = |key: &str| {
        value
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .trim()
    };
    let root_cause: String = one_line(text("root_cause")).chars().take(LINE).collect();
    let explanation = text("explanation");
    let explanation = &explanation[..explanation.floor_char_boundary(EXPLANATION)];
    let summary = match root_cause.as_str() {
        "" => class.to_string(),
        cause => format!("{class}: {cause}"),
    };
    Ok(Output {
        value: json!({
            "error_type": class,
            "confidence": confidence,
            "root_cause": root_cause,
            "explanation": explanation,
        }),
        summary,
    })
}

/// The class of a name, however it is written: `ASSERTION_ERROR`, `assertion error`, `Assertion`.
fn class(name: &str) -> Option<ErrorType> {
    let bare = |name: &str| {
        let letters = name.chars().filter(char::is_ascii_alphabetic);
        let name: String = letters.map(|letter| letter.to_ascii_uppercase()).collect();
        name.strip_suffix("ERROR").unwrap_or(&name).to_owned()
    };
    let name = bare(name);
    ErrorType::ALL
        .into_iter()
        .find(|class| bare(class.as_str()) == name)
}

/// A share from 0 to 1, also where it is a text or in percent; nothing said is half sure.
fn confidence(value: Option<&Value>) -> Option<f64> {
    let (number, percent) = match value {
        None | Some(Value::Null) => (0.5, false),
        Some(Value::String(text)) => {
            let text = text.trim();
            let bare = text.trim_end_matches('%').trim();
            (bare.parse().ok()?, text.ends_with('%'))
        }
        Some(value) => (value.as_f64()?, false),
    };
    let share = match percent || number > 1.0 {
        true => number / 100.0,
        false => number,
    };
    (0.0..=1.0).contains(&share).then_some(share)
}

fn schema() -> Value {
    let text = json!({"type": "string"});
    json!({
        "type": "object",
        "properties": {
            "error_type": {"type": "string", "enum": ErrorType::ALL},
            "confidence": {"type": "number"},
            "root_cause": text,
            "explanation": text,
        },
        "required": ["error_type", "confidence", "root_cause", "explanation"],
        "additionalProperties": false,
    })
}
