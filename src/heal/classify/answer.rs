//! Model answers that cannot be used.

use serde_json::Value;

use crate::domain::failure::{Cause, ErrorType, Failure, Origin};
use crate::domain::message::FinishReason;

use super::super::lenient;
use super::excerpt::capped;
use super::words::declines;
use super::{one_line, plain};

/// An answer that its agent cannot use.
#[derive(Clone, Debug, PartialEq)]
pub struct AnswerError {
    /// What kind of unusable.
    pub problem: AnswerProblem,
    /// The exact error: the parser's words, the field that is missing.
    pub detail: String,
    /// What the model said.
    pub text: String,
    /// The JSON schema that was asked for.
    pub schema: Option<Value>,
}

/// In what way an answer is unusable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerProblem {
    /// There is nothing in it.
    Empty,
    /// It ends too early.
    Truncated,
    /// It is no JSON.
    NotJson,
    /// It is JSON of another shape.
    WrongSchema,
    /// The model would not.
    Refusal,
    /// It holds neither words nor calls that can be carried out, again and again.
    NoToolCall,
}

impl AnswerError {
    /// An answer whose text does not read as the JSON that was asked for; `error` are the words
    /// of whoever read it.
    pub fn of_text(
        text: String,
        finish: FinishReason,
        detail: String,
        schema: Option<Value>,
    ) -> Self {
        let is_json = serde_json::from_str::<Value>(&text).is_ok();
        let problem = match finish {
            FinishReason::Refusal => AnswerProblem::Refusal,
            _ if text.trim().is_empty() => AnswerProblem::Empty,
            FinishReason::Length => AnswerProblem::Truncated,
            _ if is_json => AnswerProblem::WrongSchema,
            _ if lenient::is_cut_off(&text) => AnswerProblem::Truncated,
            _ => AnswerProblem::NotJson,
        };
        Self {
            problem,
            detail,
            text,
            schema,
        }
    }
}

/// Classifies an answer that cannot be used. Its evidence is what the model needs to do better:
/// the exact error, the place in its own words, the schema.
pub fn from_answer(error: &AnswerError) -> Failure {
    let repairable =
        error.problem == AnswerProblem::NotJson && lenient::recover_json(&error.text).is_some();
    let cause = match repairable {
        true => Cause::RepairableAnswer,
        false => Cause::UnusableAnswer,
    };
    let problem = match error.problem {
        AnswerProblem::Empty => "the answer is empty",
        AnswerProblem::Truncated => "the answer is cut off",
        AnswerProblem::NotJson => "the answer is not JSON",
        AnswerProblem::WrongSchema => "the answer has the wrong shape",
        AnswerProblem::Refusal => "the model refused",
        AnswerProblem::NoToolCall => "the answer holds no call that can be carried out",
    };
    if error.problem == AnswerProblem::Refusal {
        return refusal(problem, &error.text);
    }
    let message = match error.detail.as_str() {
        "" => problem.to_owned(),
        detail => format!("{problem}: {detail}"),
    };
    // Whoever declines in words declines the identical request again; another one may be taken.
    let declined = declines(&error.text);
    let mut sections = vec![format!("Your last answer could not be used: {message}.")];
    if !error.text.trim().is_empty() {
        sections.push(format!("It read there:\n{}", offending(error)));
    }
    if let Some(schema) = &error.schema {
        sections.push(format!("It must be JSON of this schema:\n{schema:#}"));
    }
    Failure {
        retryable: !declined,
        origin: Origin::Model,
        root_cause: Some(one_line(&message)),
        evidence: sections.join("\n\n"),
        ..plain(ErrorType::Llm, cause, &message)
    }
}

/// A model that would not. Nobody gets around that: neither by asking it again nor by another model.
fn refusal(problem: &str, words: &str) -> Failure {
    let said = one_line(words);
    let message = match said.as_str() {
        "" => problem.to_owned(),
        said => format!("{problem}: {said}"),
    };
    Failure {
        origin: Origin::Model,
        evidence: message.clone(),
        ..plain(ErrorType::Safety, Cause::Refusal, &message)
    }
}

/// The lines around the place where the text stops being JSON, that place marked; its end where
/// no place is known.
fn offending(error: &AnswerError) -> String {
    const SHOWN: usize = 600;
    let place = match error.problem {
        AnswerProblem::NotJson | AnswerProblem::Truncated => {
            serde_json::from_str::<Value>(&error.text).err()
        }
        _ => None,
    };
    let Some(place) = place else {
        return capped(&error.text, SHOWN);
    };
    let line_start: usize = error
        .text
        .split_inclusive('\n')
        .take(place.line().saturating_sub(1))
        .map(str::len)
        .sum();
    let at = (line_start + place.column()).min(error.text.len());
    let at = error.text.floor_char_boundary(at);
    let from = error.text.ceil_char_boundary(at.saturating_sub(SHOWN / 2));
    let to = error
        .text
        .floor_char_boundary((at + SHOWN / 2).min(error.text.len()));
    format!("{}⟪here⟫{}", &error.text[from..at], &error.text[at..to])
}
