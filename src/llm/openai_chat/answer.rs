//! What comes back, put together: from one document, or from the pieces of a stream.
//!
//! Nothing is taken for granted: servers leave out roles, indexes, ids, usage and reasons, repeat
//! what they said, and add what nobody asked for.

use serde_json::Value;

use super::own::Own;
use crate::domain::budget::Usage;
use crate::domain::lenient;
use crate::domain::message::{FinishReason, ModelAnswer, ModelRequest, ToolCall};
use crate::llm::OnToken;
use crate::llm::failure::Complaint;
use crate::llm::protocol::{Assembly, Progress};
use crate::llm::reading::{self, Ids, arguments, count};

/// An answer so far.
#[derive(Debug, Default)]
pub(in crate::llm) struct Answer {
    /// Who speaks.
    by: String,
    text: String,
    refusal: String,
    calls: Vec<CallPieces>,
    finish: Option<String>,
    usage: Option<Usage>,
    own: Own,
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
    /// What the server added to it, as signatures of its reasoning.
    extra: Option<Value>,
}

impl Answer {
    /// An answer of this speaker.
    pub(super) fn by(speaker: String) -> Self {
        Self {
            by: speaker,
            ..Self::default()
        }
    }

    /// Takes a document or a chunk, and hands on the words in it.
    fn read(&mut self, chunk: &Value, on_token: OnToken<'_>) {
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

    fn words(&mut self, said: &Value, on_token: OnToken<'_>) {
        for (key, place) in [("content", &mut self.text), ("refusal", &mut self.refusal)] {
            if let Some(text) = text_of(said.get(key)).filter(|text| !text.is_empty()) {
                place.push_str(&text);
                on_token(&text);
            }
        }
        self.own.read(said);
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
        if let Some(extra) = piece.get("extra_content").filter(|extra| !extra.is_null()) {
            call.extra = Some(extra.clone());
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
}

impl Assembly for Answer {
    fn take(&mut self, _: &str, piece: &Value, on_token: OnToken<'_>) -> Progress {
        if let Some(complaint) = given_up(piece) {
            return Progress::Failed(complaint);
        }
        self.read(piece, on_token);
        Progress::More
    }

    fn document(&mut self, document: &Value, on_token: OnToken<'_>) -> Result<(), String> {
        let choices = document.get("choices").and_then(Value::as_array);
        if choices.is_none_or(Vec::is_empty) {
            return Err("the answer has no choices".to_owned());
        }
        if let Some(complaint) = given_up(document) {
            return Err(complaint.message);
        }
        self.read(document, on_token);
        Ok(())
    }

    fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    fn is_torn(&self) -> bool {
        let torn = |call: &CallPieces| lenient::is_cut_off(&call.arguments);
        !self.is_finished() && self.calls.iter().any(torn)
    }

    fn answer(self, request: &ModelRequest) -> ModelAnswer {
        let mut ids = Ids::of(&request.messages);
        let (tool_calls, extras): (Vec<ToolCall>, Vec<_>) = self
            .calls
            .into_iter()
            .filter(|call| !(call.name.is_empty() && call.arguments.is_empty()))
            .map(|call| call.into_call(&mut ids))
            .unzip();
        let finish = match self.finish.as_deref() {
            Some("content_filter") => FinishReason::Refusal,
            Some("length" | "max_tokens") => FinishReason::Length,
            _ if !tool_calls.is_empty() => FinishReason::ToolCalls,
            _ if !self.refusal.is_empty() => FinishReason::Refusal,
            _ => FinishReason::Stop,
        };
        let mut answer = ModelAnswer {
            text: self.text + &self.refusal,
            native: self.own.into_native(self.by, &tool_calls, extras),
            tool_calls,
            finish,
            usage: self.usage.unwrap_or_default(),
        };
        if self.usage.is_none() {
            answer.usage = reading::estimated(request, &answer);
        }
        answer
    }
}

impl CallPieces {
    /// The call, and what the server added to it.
    fn into_call(self, ids: &mut Ids) -> (ToolCall, Option<Value>) {
        let call = ToolCall {
            id: ids.give(self.id),
            name: self.name,
            arguments: self.whole.unwrap_or_else(|| arguments(self.arguments)),
        };
        (call, self.extra)
    }
}

/// The error that a router tells of in the midst of an answer, or an end that is none.
fn given_up(chunk: &Value) -> Option<Complaint> {
    let choice = chunk.get("choices")?.get(0)?;
    if choice.get("error").is_some_and(|error| !error.is_null()) {
        return Complaint::of_json(choice);
    }
    let reason = choice.get("finish_reason")?.as_str()?;
    let given_up = ["error", "abort", "insufficient_system_resource"].contains(&reason);
    given_up.then(|| Complaint {
        message: format!("the answer was given up with the reason {reason:?}"),
        ..Complaint::default()
    })
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

/// What a call used, if the server says so and it can be right.
fn usage(reported: &Value) -> Option<Usage> {
    let reported = |path: &[&str]| {
        let value = path.iter().try_fold(reported, |value, key| value.get(key));
        value.filter(|value| !value.is_null())
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
