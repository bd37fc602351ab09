//! The rules of a conversation: each item in its published form, calls paired with their answers,
//! reasoning with what followed it.
//!
//! The items that this server makes tell by their ids to which turn they belong, as in `rs_7`,
//! `msg_7`, `fc_7_0`.

use serde_json::Value;

use super::super::openai::{arguments, is_id, is_name};
use super::super::{Verdict, list, must};
use super::rules::known;

/// The longest id of a call.
const CALL_ID: usize = 64;

/// A conversation up to some item.
#[derive(Default)]
struct Talk<'v> {
    reasons: bool,
    /// The calls that wait for their answers.
    open: Vec<&'v str>,
    /// The calls so far.
    made: Vec<&'v str>,
    /// The turn of the model's own items that is under way.
    turn: Option<&'v str>,
    /// Reasoning that nothing has followed yet.
    alone: Option<&'v str>,
}

/// Checks the items of a request to a model that reasons, or does not.
pub(super) fn check(items: &[Value], reasons: bool) -> Verdict {
    let mut talk = Talk {
        reasons,
        ..Talk::default()
    };
    for (at, item) in items.iter().enumerate() {
        talk.item(item, &format!("input[{at}]."))?;
    }
    talk.nothing_waits()?;
    let last = items.last().unwrap_or(&Value::Null);
    must(
        last["type"] == "function_call_output" || last["role"] == "user",
        || format!("the model speaks last: {last}"),
    )
}

impl<'v> Talk<'v> {
    fn item(&mut self, item: &'v Value, place: &str) -> Verdict {
        match (item["type"].as_str(), item["role"].as_str()) {
            (None | Some("message"), Some("user" | "system" | "developer")) => {
                self.nothing_waits()?;
                self.turn = None;
                spoken(item, place)
            }
            (None | Some("message"), Some("assistant")) => self.said(item, place),
            (Some("function_call"), _) => self.call(item, place),
            (Some("function_call_output"), _) => self.output(item, place),
            (Some("reasoning"), _) => self.reasoning(item, place),
            // Any other kind of item that this server made.
            (Some("compaction"), _) => {
                known(item, &["id", "type", "encrypted_content"], place)?;
                self.own(item, "cmp_")
            }
            (kind, role) => Err(format!("Invalid value: {kind:?} {role:?} at {place}")),
        }
    }

    /// All calls are answered, and all reasoning has led to something.
    fn nothing_waits(&self) -> Verdict {
        if let Some(id) = self.open.first() {
            return Err(format!("No tool output found for function call {id}."));
        }
        self.not_alone()
    }

    fn not_alone(&self) -> Verdict {
        self.alone.map_or(Ok(()), |turn| {
            Err(format!(
                "Item 'rs_{turn}' of type 'reasoning' was provided without its required following item."
            ))
        })
    }

    /// An item with an id of this server's: its reasoning must be there.
    fn own(&mut self, item: &'v Value, prefix: &str) -> Verdict {
        let id = item["id"].as_str().unwrap_or_default();
        let rest = id.strip_prefix(prefix).ok_or(format!(
            "Invalid 'id': '{id}'. Expected an ID that begins with '{prefix}'."
        ))?;
        let turn = rest.split('_').next().unwrap_or_default();
        must(!self.reasons || self.turn == Some(turn), || {
            format!("'{id}' was provided without its required 'reasoning' item: 'rs_{turn}'.")
        })?;
        self.alone = None;
        Ok(())
    }

    /// Words of a model: its own, or only told.
    fn said(&mut self, item: &'v Value, place: &str) -> Verdict {
        if item.get("id").is_none() {
            self.nothing_waits()?;
            self.turn = None;
            return spoken(item, place);
        }
        let fields = ["id", "type", "role", "status", "content", "phase"];
        known(item, &fields, place)?;
        status(item)?;
        for part in list(item.get("content"), "content")? {
            let text = match part["type"].as_str() {
                Some("output_text") => {
                    known(part, &["type", "text", "annotations", "logprobs"], place)?;
                    must(part["annotations"].is_array(), || format!("{part}"))?;
                    &part["text"]
                }
                Some("refusal") => &known(part, &["type", "refusal"], place)?["refusal"],
                other => return Err(format!("Invalid value: {other:?} at {place}content")),
            };
            must(text.is_string(), || format!("{part}"))?;
        }
        self.own(item, "msg_")
    }

    fn call(&mut self, item: &'v Value, place: &str) -> Verdict {
        let fields = ["id", "type", "status", "call_id", "name", "arguments"];
        known(item, &fields, place)?;
        must(is_name(item.get("name")), || format!("the name in {item}"))?;
        arguments(item.get("arguments"))?;
        must(is_id(item.get("call_id"), CALL_ID), || {
            format!("Invalid '{place}call_id': string too long.")
        })?;
        let id = item["call_id"].as_str().unwrap_or_default();
        must(!self.made.contains(&id), || {
            format!("the id {id} is used twice")
        })?;
        self.made.push(id);
        self.open.push(id);
        if item.get("id").is_none() {
            return self.not_alone();
        }
        status(item)?;
        self.own(item, "fc_")
    }

    fn output(&mut self, item: &'v Value, place: &str) -> Verdict {
        known(item, &["type", "call_id", "output"], place)?;
        must(item["output"].is_string(), || format!("{item}"))?;
        let id = item["call_id"].as_str().unwrap_or_default();
        let asked = self.open.iter().position(|open| *open == id);
        self.open.remove(asked.ok_or(format!(
            "No tool call found for function call output with call_id {id}."
        ))?);
        self.turn = None;
        self.not_alone()
    }

    fn reasoning(&mut self, item: &'v Value, place: &str) -> Verdict {
        known(item, &["id", "type", "summary", "encrypted_content"], place)?;
        self.not_alone()?;
        let id = item["id"].as_str().unwrap_or_default();
        let turn = id.strip_prefix("rs_").ok_or(format!(
            "Invalid '{place}id': '{id}'. Expected an ID that begins with 'rs'."
        ))?;
        must(item["summary"].is_array(), || format!("{item}"))?;
        must(
            item["encrypted_content"] == format!("gAAAA-{turn}=="),
            || {
                format!(
                    "Item with id '{id}' not found. Items are not persisted when `store` is set to false."
                )
            },
        )?;
        self.turn = Some(turn);
        self.alone = Some(turn);
        Ok(())
    }
}

fn status(item: &Value) -> Verdict {
    let status = item["status"].as_str().unwrap_or_default();
    must(
        ["in_progress", "completed", "incomplete"].contains(&status),
        || format!("the status of {item}"),
    )
}

/// A message without an id: words, or parts of an input.
fn spoken(item: &Value, place: &str) -> Verdict {
    known(item, &["type", "role", "content"], place)?;
    if item["content"].is_string() {
        return Ok(());
    }
    for part in list(item.get("content"), "content")? {
        must(part["type"] == "input_text", || {
            format!(
                "Invalid value: {}. Supported values are: 'input_text', 'input_image', and 'input_file'.",
                part["type"]
            )
        })?;
        let part = known(part, &["type", "text"], place)?;
        must(part["text"].is_string(), || format!("{item}"))?;
    }
    Ok(())
}
