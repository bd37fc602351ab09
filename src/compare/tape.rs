//! Where the tapes of two executions part: models' answers word by word, tools by what they did.

use serde_json::{Value, json};

use crate::domain::message::{ModelAnswer, ToolCall};
use crate::domain::tape::{Answer, Call, TapeEntry};

use super::part;
use super::words::{command, own, reworded};

/// The first call that two tapes answer differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapeParting {
    /// The call on the first tape, or on the second if the first has ended.
    pub call: u32,
    /// What the first tape says.
    pub a: String,
    /// What the second tape says.
    pub b: String,
}

/// The first call that two tapes answer differently; `None` if there is none.
///
/// Requests may be put in other words, calls that failed on their way or were lost do not count, and
/// a tool's text does not: what matters of it shows in the next answer. Only where both tapes are
/// `whole`, one that ends earlier parts there.
pub fn parting(a: &[TapeEntry], b: &[TapeEntry], whole: bool) -> Option<TapeParting> {
    let (left, right) = (answered(a), answered(b));
    let most = match whole {
        true => left.len().max(right.len()),
        false => left.len().min(right.len()),
    };
    (0..most).find_map(|at| {
        let (a, b) = (left.get(at), right.get(at));
        let call = a.or(b)?.0;
        let said =
            |entry: Option<&(u32, Value)>| entry.map_or(Value::Null, |entry| entry.1.clone());
        let (a, b) = part::first(&said(a), &said(b))?;
        Some(TapeParting { call, a, b })
    })
}

/// The calls that were answered, with what counts of each.
fn answered(tape: &[TapeEntry]) -> Vec<(u32, Value)> {
    let said = tape.iter().filter_map(|entry| {
        let said = match (&entry.call, entry.answer.as_ref()?) {
            (_, Answer::ModelFailed(_) | Answer::Lost) => return None,
            (_, Answer::Model(answer)) => model(answer),
            (Call::Tool(call), Answer::Tool(answer)) => json!({
                "tool": call.name,
                "refused": answer.denied.as_ref().map(|denial| &denial.rule),
                "failed": answer.is_error,
                "tree": answer.tree,
            }),
            (Call::Commit { .. }, _) => json!({"call": "commit"}),
            // The events tell how checks ended.
            _ => json!({"call": "checks"}),
        };
        Some((entry.ordinal, said))
    });
    said.collect()
}

fn model(answer: &ModelAnswer) -> Value {
    json!({
        "text": own(&answer.text),
        "tool_calls": answer.tool_calls.iter().map(wish).collect::<Vec<_>>(),
        "finish": answer.finish,
    })
}

fn wish(call: &ToolCall) -> Value {
    let words = match call.name.as_str() {
        "run_command" => command,
        _ => own,
    };
    json!({"name": call.name, "arguments": reworded(&call.arguments, words)})
}
