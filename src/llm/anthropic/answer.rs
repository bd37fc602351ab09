//! What comes back, put together: from one document, or from the pieces of a stream.
//!
//! An answer is a list of blocks. They are kept as they come, for what is signed must go back
//! unchanged; words and calls are read out of them at the end.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::turns;
use crate::domain::budget::Usage;
use crate::domain::message::{FinishReason, Message, ModelAnswer, ModelRequest, Native, ToolCall};
use crate::llm::OnToken;
use crate::llm::protocol::{Assembly, Progress};
use crate::llm::reading::{self, Ids, arguments, count};

/// An answer so far.
#[derive(Debug)]
pub(in crate::llm) struct Answer {
    /// Who speaks, as it is told of parts that only the same model understands.
    speaker: String,
    blocks: Vec<Block>,
    /// Where the block of an index is; without indexes, the last.
    places: BTreeMap<Option<u64>, usize>,
    /// Why it would not, in its own words.
    refusal: String,
    finish: Option<String>,
    usage: Map<String, Value>,
}

/// A block so far.
#[derive(Debug)]
struct Block {
    /// As it began, with all that was added to it but the arguments of a call.
    content: Value,
    arguments: String,
    is_whole: bool,
}

impl Answer {
    /// Nothing yet, by `speaker`.
    pub(super) fn by(speaker: String) -> Self {
        Self {
            speaker,
            blocks: Vec::new(),
            places: BTreeMap::new(),
            refusal: String::new(),
            finish: None,
            usage: Map::new(),
        }
    }

    fn begin(&mut self, index: Option<u64>, content: &Value, on_token: OnToken<'_>) {
        // Whatever is said twice counts once.
        let is_known = index.is_some() && self.places.contains_key(&index);
        if is_known || !content.is_object() {
            return;
        }
        let block = Block {
            content: content.clone(),
            arguments: String::new(),
            is_whole: false,
        };
        if block.is("text") && !block.text("text").is_empty() {
            on_token(block.text("text"));
        }
        self.places.insert(index, self.blocks.len());
        self.blocks.push(block);
    }

    fn block(&mut self, index: Option<u64>) -> Option<&mut Block> {
        let place = *self.places.get(&index)?;
        self.blocks.get_mut(place)
    }

    fn add(&mut self, index: Option<u64>, delta: &Value, on_token: OnToken<'_>) {
        let text = |key: &str| delta.get(key).and_then(Value::as_str).unwrap_or_default();
        let kind = text("type");
        if !self.places.contains_key(&index) {
            // Some servers leave out the beginning of a block of words.
            let begun = match kind {
                "text_delta" => json!({"type": "text", "text": ""}),
                "thinking_delta" => json!({"type": "thinking", "thinking": ""}),
                _ => return,
            };
            self.begin(index, &begun, on_token);
        }
        let Some(block) = self.block(index).filter(|block| !block.is_whole) else {
            return;
        };
        match kind {
            "text_delta" if block.is("text") && !text("text").is_empty() => {
                block.append("text", text("text"));
                on_token(text("text"));
            }
            "thinking_delta" => block.append("thinking", text("thinking")),
            "input_json_delta" => block.arguments.push_str(text("partial_json")),
            "signature_delta" => block.content["signature"] = json!(text("signature")),
            _ => {}
        }
    }

    fn count(&mut self, usage: Option<&Value>) {
        for (name, value) in usage.and_then(Value::as_object).into_iter().flatten() {
            // Counts grow; some servers know the prompt's only at the beginning, some at the end.
            let known = self.usage.get(name).and_then(Value::as_u64);
            let is_less =
                matches!((known, value.as_u64()), (Some(known), Some(new)) if new < known);
            if !value.is_null() && !is_less {
                self.usage.insert(name.clone(), value.clone());
            }
        }
    }

    /// Takes why it stopped, from a document or from the end of a stream.
    fn stop(&mut self, said: &Value, on_token: OnToken<'_>) {
        let text = |value: &Value, key: &str| value.get(key)?.as_str().map(str::to_owned);
        if self.finish.is_some() {
            return;
        }
        self.finish = text(said, "stop_reason");
        let details = said.get("stop_details");
        let why = details.and_then(|details| text(details, "explanation"));
        if let Some(why) = why.filter(|_| self.finish.as_deref() == Some("refusal")) {
            let has_words = self.blocks.iter().any(|block| block.is("text"));
            self.refusal = if has_words { format!("\n\n{why}") } else { why };
            on_token(&self.refusal);
        }
    }

    fn calls(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(|block| block.is("tool_use"))
    }
}

impl Block {
    fn is(&self, kind: &str) -> bool {
        self.content.get("type").and_then(Value::as_str) == Some(kind)
    }

    fn text(&self, key: &str) -> &str {
        let text = self.content.get(key).and_then(Value::as_str);
        text.unwrap_or_default()
    }

    fn append(&mut self, key: &str, text: &str) {
        match &mut self.content[key] {
            Value::String(all) => all.push_str(text),
            other => *other = json!(text),
        }
    }

    fn call(&self, ids: &mut Ids) -> ToolCall {
        let whole = self.content.get("input");
        let arguments = match whole.filter(|_| self.arguments.trim().is_empty()) {
            Some(Value::String(text)) => arguments(text.clone()),
            Some(whole) if !whole.is_null() => whole.clone(),
            _ => arguments(self.arguments.clone()),
        };
        ToolCall {
            id: ids.give(self.text("id").to_owned()),
            name: self.text("name").to_owned(),
            arguments,
        }
    }

    /// Whether its meaning is lost on the way through neutral words.
    fn must_be_carried(&self) -> bool {
        !self.is("text") && !self.is("tool_use")
    }

    /// The block as it can go back; `None` if it cannot.
    fn carried(self, call: Option<&ToolCall>) -> Option<Value> {
        let is_unsigned = self.is("thinking") && self.text("signature").is_empty();
        let is_blank = self.is("text") && self.text("text").trim().is_empty();
        let mut content = self.content;
        for (key, value) in call
            .map(turns::call)
            .iter()
            .filter_map(Value::as_object)
            .flatten()
        {
            content[key.as_str()] = value.clone();
        }
        (!is_unsigned && !is_blank).then_some(content)
    }
}

impl Assembly for Answer {
    fn take(&mut self, kind: &str, piece: &Value, on_token: OnToken<'_>) -> Progress {
        let kind = piece.get("type").and_then(Value::as_str).unwrap_or(kind);
        let index = piece.get("index").and_then(Value::as_u64);
        let part = |name: &str| piece.get(name).unwrap_or(&Value::Null);
        match kind {
            "message_start" => self.count(part("message").get("usage")),
            "content_block_start" => self.begin(index, part("content_block"), on_token),
            "content_block_delta" => self.add(index, part("delta"), on_token),
            "content_block_stop" => {
                if let Some(block) = self.block(index) {
                    block.is_whole = true;
                }
            }
            "message_delta" => {
                self.stop(part("delta"), on_token);
                self.count(piece.get("usage"));
            }
            "message_stop" => return Progress::Over,
            _ => {}
        }
        Progress::More
    }

    fn document(&mut self, document: &Value, on_token: OnToken<'_>) -> Result<(), String> {
        let content = document.get("content").and_then(Value::as_array);
        for block in content.ok_or("the answer has no content")? {
            self.begin(None, block, on_token);
        }
        self.count(document.get("usage"));
        self.stop(document, on_token);
        Ok(())
    }

    fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    fn is_torn(&self) -> bool {
        !self.is_finished()
    }

    fn is_paused(&self) -> bool {
        // What waits for the answer to a call cannot go on by itself.
        self.finish.as_deref() == Some("pause_turn") && self.calls().next().is_none()
    }

    fn answer(self, request: &ModelRequest) -> ModelAnswer {
        let mut ids = Ids::of(&request.messages);
        let tool_calls: Vec<ToolCall> = self.calls().map(|block| block.call(&mut ids)).collect();
        let words = self.blocks.iter().filter(|block| block.is("text"));
        let text: String = words.map(|block| block.text("text")).collect();
        let finish = match self.finish.as_deref() {
            Some("refusal") => FinishReason::Refusal,
            Some("max_tokens" | "model_context_window_exceeded" | "pause_turn") => {
                FinishReason::Length
            }
            _ if !tool_calls.is_empty() => FinishReason::ToolCalls,
            _ => FinishReason::Stop,
        };
        let goes_on = matches!(request.messages.last(), Some(Message::Assistant { .. }));
        let is_native =
            self.is_paused() || goes_on || self.blocks.iter().any(Block::must_be_carried);
        let mut calls = tool_calls.iter();
        let parts = self.blocks.into_iter().filter_map(|block| {
            let call = block.is("tool_use").then(|| calls.next()).flatten();
            block.carried(call)
        });
        let native = is_native.then(|| Native {
            by: self.speaker,
            parts: parts.collect(),
        });
        let mut answer = ModelAnswer {
            text: text + &self.refusal,
            tool_calls,
            finish,
            usage: Usage::default(),
            native: native.filter(|native| !native.parts.is_empty()),
        };
        answer.usage = usage(&self.usage).unwrap_or_else(|| reading::estimated(request, &answer));
        answer
    }
}

/// What a call used, if the server says so and it can be right. What came from a cache and what
/// went into one are counted apart from the rest of the prompt.
fn usage(reported: &Map<String, Value>) -> Option<Usage> {
    let cached = count(reported.get("cache_read_input_tokens"))?;
    let fresh = count(reported.get("input_tokens"))?;
    let kept = count(reported.get("cache_creation_input_tokens"))?;
    let details = reported.get("output_tokens_details");
    let usage = Usage {
        model_calls: 1,
        input_tokens: fresh + cached + kept,
        cached_input_tokens: cached,
        output_tokens: count(reported.get("output_tokens"))?,
        reasoning_tokens: count(details.and_then(|details| details.get("thinking_tokens")))?,
        cost_usd: 0.0,
    };
    (usage.tokens() > 0).then_some(usage)
}
