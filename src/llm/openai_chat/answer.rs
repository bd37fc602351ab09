//! What comes back, put together: from one document, or from the pieces of a stream.
//!
//! Nothing is taken for granted: servers leave out roles, indexes, ids, usage and reasons, repeat
//! what they said, and add what nobody asked for.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::domain::budget::Usage;
use crate::domain::message::{FinishReason, Message, ModelAnswer, ModelRequest, ToolCall};
use crate::heal::lenient;
use crate::llm::{OnToken, price};

/// An answer so far.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    text: String,
    refusal: String,
    calls: Vec<CallPieces>,
    finish: Option<String>,
    usage: Option<Usage>,
}

/// A tool call so far.
#[derive(Debug, Default)]
struct CallPieces {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
    /// The arguments, where a server sends them as an object.
    whole: Option<Value>,
}

impl Assembly {
    /// Takes a document or a chunk, and hands on the words in it.
    pub(super) fn take(&mut self, chunk: &Value, on_token: OnToken<'_>) {
        let elsewhere = chunk.get("x_groq").and_then(|groq| groq.get("usage"));
        if let Some(usage) = chunk.get("usage").or(elsewhere).and_then(usage) {
            self.usage = Some(usage);
        }
        let Some(choice) = chunk.get("choices").and_then(|choices| choices.get(0)) else {
            return;
        };
        let said = choice.get("delta").or_else(|| choice.get("message"));
        if let Some(said) = said {
            self.words(said, on_token);
            let calls = said.get("tool_calls").and_then(Value::as_array);
            for call in calls.into_iter().flatten() {
                self.call(call);
            }
        }
        if let Some(reason) = text_of(choice.get("finish_reason")).filter(|text| !text.is_empty()) {
            self.finish = Some(reason);
        }
    }

    /// Whether it is said that the answer is over.
    pub(super) fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// Whether it stands still in the middle of a call, although it is not said to be over: whoever
    /// passed it on has closed what was cut off before.
    pub(super) fn is_torn(&self) -> bool {
        let torn = |call: &CallPieces| lenient::is_cut_off(&call.arguments);
        !self.is_finished() && self.calls.iter().any(torn)
    }

    fn words(&mut self, said: &Value, on_token: OnToken<'_>) {
        for (key, place) in [("content", &mut self.text), ("refusal", &mut self.refusal)] {
            if let Some(text) = text_of(said.get(key)).filter(|text| !text.is_empty()) {
                place.push_str(&text);
                on_token(&text);
            }
        }
    }

    fn call(&mut self, piece: &Value) {
        let index = piece.get("index").and_then(Value::as_u64);
        let id = text_of(piece.get("id")).unwrap_or_default();
        let function = piece.get("function").unwrap_or(&Value::Null);
        let name = text_of(function.get("name")).unwrap_or_default();
        let call = self.place(index, &id, &name);
        // Some servers repeat id and name with every piece.
        if call.id.is_empty() {
            call.id = id;
        }
        if call.name.is_empty() {
            call.name = name;
        }
        match function.get("arguments") {
            Some(Value::String(piece)) => call.arguments.push_str(piece),
            Some(whole @ Value::Object(_)) => call.whole = Some(whole.clone()),
            _ => {}
        }
    }

    /// The call that a piece belongs to. Another id is another call, whatever the index says; a
    /// piece with nothing but arguments goes on with the call it has the index of, or the last.
    fn place(&mut self, index: Option<u64>, id: &str, name: &str) -> &mut CallPieces {
        let known = |call: &CallPieces| {
            let same_id = id.is_empty() || call.id.is_empty() || call.id == id;
            match index {
                Some(_) => call.index == index && same_id,
                None if !id.is_empty() => call.id == id,
                // Without index and id, a name begins a call.
                None => name.is_empty(),
            }
        };
        let at = self.calls.iter().rposition(known).unwrap_or_else(|| {
            self.calls.push(CallPieces {
                index,
                ..CallPieces::default()
            });
            self.calls.len() - 1
        });
        &mut self.calls[at]
    }

    /// The answer, when nothing more comes. What the server did not say about its usage is
    /// estimated, so that budgets hold.
    pub(super) fn answer(self, request: &ModelRequest) -> ModelAnswer {
        let usage = self.usage.unwrap_or_else(|| self.estimated(request));
        let mut ids = Ids::of(&request.messages);
        let tool_calls: Vec<ToolCall> = self
            .calls
            .into_iter()
            .filter(|call| !(call.name.is_empty() && call.arguments.is_empty()))
            .map(|call| call.into_call(&mut ids))
            .collect();
        let finish = match self.finish.as_deref() {
            Some("content_filter") => FinishReason::Refusal,
            Some("length" | "max_tokens") => FinishReason::Length,
            _ if !tool_calls.is_empty() => FinishReason::ToolCalls,
            _ if !self.refusal.is_empty() => FinishReason::Refusal,
            _ => FinishReason::Stop,
        };
        ModelAnswer {
            text: self.text + &self.refusal,
            tool_calls,
            finish,
            usage,
        }
    }

    fn estimated(&self, request: &ModelRequest) -> Usage {
        let calls = self.calls.iter().map(|call| {
            let whole = call
                .whole
                .as_ref()
                .map_or(0, |whole| price::tokens_in(&whole.to_string()));
            price::tokens_in(&call.name) + price::tokens_in(&call.arguments) + whole
        });
        let words = price::tokens_in(&self.text) + price::tokens_in(&self.refusal);
        Usage {
            model_calls: 1,
            input_tokens: price::tokens_of_prompt(request),
            output_tokens: (words + calls.sum::<u64>()).min(u64::from(request.max_output)),
            ..Usage::default()
        }
    }
}

impl CallPieces {
    fn into_call(self, ids: &mut Ids) -> ToolCall {
        ToolCall {
            id: ids.give(self.id),
            name: self.name,
            arguments: self.whole.unwrap_or_else(|| arguments(self.arguments)),
        }
    }
}

/// The arguments in a text. One that is no JSON is kept as it is: whoever carries out the call
/// says what is wrong with it.
fn arguments(text: String) -> Value {
    if text.trim().is_empty() {
        return Value::Object(Map::new());
    }
    match serde_json::from_str(&text) {
        Ok(Value::Null) => Value::Object(Map::new()),
        Ok(value) => value,
        Err(_) => lenient::recover_json(&text).unwrap_or(Value::String(text)),
    }
}

/// The ids of the calls of a conversation. An answer pairs with its call by id, so a server that
/// gives none, or the same again, is helped out.
struct Ids {
    taken: BTreeSet<String>,
    turn: usize,
}

impl Ids {
    fn of(messages: &[Message]) -> Self {
        let calls = messages.iter().flat_map(|message| match message {
            Message::Assistant { tool_calls, .. } => tool_calls.as_slice(),
            Message::User { .. } | Message::Tool { .. } => &[],
        });
        Self {
            taken: calls.map(|call| call.id.clone()).collect(),
            turn: messages.len(),
        }
    }

    fn give(&mut self, wanted: String) -> String {
        let made = (1..).map(|number| format!("call_{}_{number}", self.turn));
        let mut candidates = std::iter::once(wanted).chain(made);
        let free = |id: &String| !id.is_empty() && !self.taken.contains(id);
        let id = candidates.find(free).unwrap_or_default();
        self.taken.insert(id.clone());
        id
    }
}

/// Text as it is, or in parts.
fn text_of(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| part.get("text")?.as_str());
            Some(texts.collect())
        }
        _ => None,
    }
}

/// The most tokens that are believed of one call.
const MAX_TOKENS: u64 = 1_000_000_000;

/// What a call used, if the server says so and it can be right.
fn usage(reported: &Value) -> Option<Usage> {
    let reported = |path: &[&str]| {
        let value = path.iter().try_fold(reported, |value, key| value.get(key));
        value.filter(|value| !value.is_null())
    };
    // What is not there is zero; what is no plausible number makes the whole implausible.
    let count = |value: Option<&Value>| match value {
        None => Some(0),
        Some(value) => value.as_u64().filter(|count| *count <= MAX_TOKENS),
    };
    let cached = reported(&["prompt_tokens_details", "cached_tokens"])
        .or_else(|| reported(&["prompt_cache_hit_tokens"]));
    let usage = Usage {
        model_calls: 1,
        input_tokens: count(reported(&["prompt_tokens"]))?,
        cached_input_tokens: count(cached)?,
        output_tokens: count(reported(&["completion_tokens"]))?,
        reasoning_tokens: count(reported(&["completion_tokens_details", "reasoning_tokens"]))?,
        cost_usd: 0.0,
    };
    (usage.tokens() > 0).then_some(usage)
}
