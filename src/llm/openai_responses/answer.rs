//! What comes back, put together: from one document, or from the events of a stream.
//!
//! The last event holds the whole response and is the truth. What was said before is handed on as
//! it comes, and counts only where the last event lacks it.

use serde_json::Value;

use super::items::Items;
use crate::domain::budget::Usage;
use crate::domain::message::{FinishReason, ModelAnswer, ModelRequest, Native, ToolCall};
use crate::llm::OnToken;
use crate::llm::failure::Complaint;
use crate::llm::protocol::{Assembly, Progress};
use crate::llm::reading::{self, Ids, arguments, count};

/// What stands between the words of two messages of one answer.
const BETWEEN: &str = "\n\n";

/// An answer so far.
#[derive(Debug, Default)]
pub(in crate::llm) struct Answer {
    /// Who speaks.
    by: String,
    items: Items,
    /// The words that were handed on.
    told: String,
    /// The place of the item whose words were handed on last.
    telling: Option<u64>,
    /// The highest number of a piece.
    heard: u64,
    end: Option<End>,
}

/// What the end of an answer says of it.
#[derive(Debug)]
struct End {
    /// All items; empty where they are not repeated.
    output: Vec<Value>,
    /// Why it is not complete.
    incomplete: Option<String>,
    usage: Option<Usage>,
}

impl Answer {
    /// An answer of this speaker.
    pub(super) fn by(speaker: String) -> Self {
        Self {
            by: speaker,
            ..Self::default()
        }
    }

    /// Takes a piece of words, and hands it on.
    fn words(&mut self, event: &Value, kind: &str, on_token: OnToken<'_>) {
        let Some(piece) = text_in(event, "delta").filter(|piece| !piece.is_empty()) else {
            return;
        };
        let place = self.items.say(event, kind, piece);
        if self.telling.is_some_and(|telling| telling != place) {
            self.tell(BETWEEN, on_token);
        }
        self.telling = Some(place);
        self.tell(piece, on_token);
    }

    /// Whether a piece was heard before.
    fn repeats(&mut self, event: &Value) -> bool {
        let number = event.get("sequence_number").and_then(Value::as_u64);
        // Some servers number nothing, or everything with 0.
        let number = number.unwrap_or_default();
        let heard = self.heard;
        self.heard = heard.max(number);
        number > 0 && number <= heard
    }

    fn tell(&mut self, words: &str, on_token: OnToken<'_>) {
        self.told.push_str(words);
        on_token(words);
    }

    /// Takes the whole response, and hands on what was not handed on before.
    fn ends(&mut self, response: &Value, incomplete: bool, on_token: OnToken<'_>) {
        let output = response.get("output").and_then(Value::as_array);
        let details = response.get("incomplete_details");
        let reason = details.and_then(|details| text_in(details, "reason"));
        let incomplete = incomplete || text_in(response, "status") == Some("incomplete");
        let output = output.cloned().unwrap_or_default();
        let whole = spoken(&output).join(BETWEEN);
        if let Some(rest) = whole.strip_prefix(&self.told).map(str::to_owned)
            && !rest.is_empty()
        {
            self.tell(&rest, on_token);
        }
        self.end = Some(End {
            output,
            incomplete: incomplete.then(|| reason.unwrap_or_default().to_owned()),
            usage: response.get("usage").and_then(usage),
        });
    }
}

impl Assembly for Answer {
    fn take(&mut self, kind: &str, event: &Value, on_token: OnToken<'_>) -> Progress {
        let kind = text_in(event, "type").unwrap_or(kind);
        let whole = |key: &str| text_in(event, key).unwrap_or_default();
        let response = event.get("response").unwrap_or(&Value::Null);
        if kind.ends_with(".delta") && self.repeats(event) {
            return Progress::More;
        }
        match kind {
            "response.output_item.added" => self.items.begin(event),
            "response.output_item.done" => self.items.end(event),
            "response.output_text.delta" => self.words(event, "output_text", on_token),
            "response.refusal.delta" => self.words(event, "refusal", on_token),
            "response.output_text.done" => self.items.said(event, "output_text", whole("text")),
            "response.refusal.done" => self.items.said(event, "refusal", whole("refusal")),
            "response.function_call_arguments.delta" => {
                self.items.argue(event, whole("delta"), false);
            }
            "response.function_call_arguments.done" => {
                self.items.argue(event, whole("arguments"), true);
            }
            "response.completed" | "response.incomplete" => {
                self.ends(response, kind == "response.incomplete", on_token);
                return Progress::Over;
            }
            "response.failed" => return Progress::Failed(failed(response)),
            _ => {}
        }
        Progress::More
    }

    fn document(&mut self, document: &Value, on_token: OnToken<'_>) -> Result<(), String> {
        let status = text_in(document, "status");
        if let Some(status) = status.filter(|status| !["completed", "incomplete"].contains(status))
        {
            return Err(format!("the response is {status}"));
        }
        if document
            .get("output")
            .is_none_or(|output| !output.is_array())
        {
            return Err("the answer has no output".to_owned());
        }
        self.ends(document, false, on_token);
        Ok(())
    }

    fn is_finished(&self) -> bool {
        self.end.is_some()
    }

    fn is_torn(&self) -> bool {
        // This protocol has another end than the one that is meant here.
        !self.is_finished()
    }

    fn answer(self, request: &ModelRequest) -> ModelAnswer {
        let (pieces, whole) = self.items.into_values();
        let end = self.end.unwrap_or(End {
            output: Vec::new(),
            incomplete: None,
            usage: None,
        });
        let (mut items, whole) = if end.output.is_empty() {
            (pieces, whole)
        } else {
            (end.output, true)
        };
        let tool_calls = calls(&mut items, request);
        let finish = match end.incomplete.as_deref() {
            Some("content_filter") => FinishReason::Refusal,
            Some(_) => FinishReason::Length,
            None if !tool_calls.is_empty() => FinishReason::ToolCalls,
            None if refuses(&items) => FinishReason::Refusal,
            None => FinishReason::Stop,
        };
        let mut messages = spoken(&items);
        let text = match messages.pop() {
            // What is said before the answer itself is held to no schema.
            Some(last) if request.schema.is_some() => last,
            Some(last) => {
                messages.push(last);
                messages.join(BETWEEN)
            }
            None => String::new(),
        };
        let mut answer = ModelAnswer {
            text,
            tool_calls,
            finish,
            usage: end.usage.unwrap_or_default(),
            native: if whole { native(self.by, items) } else { None },
        };
        if end.usage.is_none() {
            answer.usage = reading::estimated(request, &answer);
        }
        answer
    }
}

fn text_in<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key)?.as_str()
}

fn is_of(item: &Value, kind: &str) -> bool {
    text_in(item, "type") == Some(kind)
}

/// What a response that failed complains of.
fn failed(response: &Value) -> Complaint {
    let error = response.get("error").filter(|error| !error.is_null());
    let complaint = error.and_then(|_| Complaint::of_json(response));
    complaint.unwrap_or_else(|| Complaint {
        message: "the response failed, and nobody says why".to_owned(),
        ..Complaint::default()
    })
}

/// The parts of a message.
fn parts(item: &Value) -> &[Value] {
    let parts = item.get("content").and_then(Value::as_array);
    parts
        .filter(|_| is_of(item, "message"))
        .map_or(&[], Vec::as_slice)
}

/// The words of each message that has some.
fn spoken(items: &[Value]) -> Vec<String> {
    let words = |part: &Value| {
        let text = text_in(part, "text").or_else(|| text_in(part, "refusal"));
        text.unwrap_or_default().to_owned()
    };
    let messages = items
        .iter()
        .map(|item| parts(item).iter().map(words).collect::<String>());
    messages.filter(|text| !text.is_empty()).collect()
}

fn refuses(items: &[Value]) -> bool {
    let mut parts = items.iter().flat_map(parts);
    parts.any(|part| is_of(part, "refusal"))
}

/// The calls among the items, which get the ids that are given to the calls.
fn calls(items: &mut [Value], request: &ModelRequest) -> Vec<ToolCall> {
    let mut ids = Ids::of(&request.messages);
    let mut made = Vec::new();
    for item in items {
        if !is_of(item, "function_call") {
            continue;
        }
        let text = |key: &str| text_in(item, key).unwrap_or_default().to_owned();
        let call = ToolCall {
            id: ids.give(text("call_id")),
            name: text("name"),
            arguments: match item.get("arguments") {
                Some(whole @ Value::Object(_)) => whole.clone(),
                _ => arguments(text("arguments")),
            },
        };
        item["call_id"] = Value::String(call.id.clone());
        made.push(call);
    }
    made
}

/// The items that must be carried back as they are: all of them, if one of them is more than words
/// and calls. Reasoning that came to nothing is not taken back.
fn native(by: String, mut items: Vec<Value>) -> Option<Native> {
    while items.last().is_some_and(|item| is_of(item, "reasoning")) {
        items.pop();
    }
    let plain = |item: &Value| {
        is_of(item, "function_call") || (is_of(item, "message") && item.get("phase").is_none())
    };
    let parts = items;
    (!parts.iter().all(plain)).then_some(Native { by, parts })
}

/// What a call used, if the server says so and it can be right.
fn usage(reported: &Value) -> Option<Usage> {
    let details = |of: &str, key: &str| reported.get(of)?.get(key);
    let usage = Usage {
        model_calls: 1,
        input_tokens: count(reported.get("input_tokens"))?,
        cached_input_tokens: count(details("input_tokens_details", "cached_tokens"))?,
        output_tokens: count(reported.get("output_tokens"))?,
        reasoning_tokens: count(details("output_tokens_details", "reasoning_tokens"))?,
        cost_usd: 0.0,
    };
    (usage.tokens() > 0).then_some(usage)
}
