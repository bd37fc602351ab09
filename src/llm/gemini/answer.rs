//! What comes back, put together: from one document, or from the pieces of a stream, which are
//! documents of the same form.
//!
//! Parts are kept as they came, for some are signed, and must go back where they were.

use serde_json::{Map, Value};

use super::kind;
use crate::domain::budget::Usage;
use crate::domain::message::{FinishReason, ModelAnswer, ModelRequest, Native, ToolCall};
use crate::llm::OnToken;
use crate::llm::failure::Complaint;
use crate::llm::protocol::{Assembly, Progress};
use crate::llm::reading::{self, Ids, arguments, count};

/// Reasons of answers that were cut off because of what they say.
const REFUSED: [&str; 10] = [
    "SAFETY",
    "RECITATION",
    "LANGUAGE",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
    "MODEL_ARMOR",
];

/// An answer so far.
#[derive(Debug)]
pub(in crate::llm) struct Answer {
    /// Who answers, as it is told with the parts.
    by: String,
    parts: Vec<Value>,
    finish: Option<String>,
    /// What is said about a refusal.
    refusal: String,
    usage: Option<Usage>,
    complaint: Option<Complaint>,
}

impl Answer {
    /// An answer of this model, of which nothing has come yet.
    pub(super) fn by(speaker: String) -> Self {
        Self {
            by: speaker,
            parts: Vec::new(),
            finish: None,
            refusal: String::new(),
            usage: None,
            complaint: None,
        }
    }

    /// Takes a document or a chunk, and hands on the words in it.
    fn read(&mut self, chunk: &Value, on_token: OnToken<'_>) {
        if let Some(usage) = chunk.get("usageMetadata").and_then(usage) {
            self.usage = Some(usage);
        }
        let Some(candidate) = candidate(chunk) else {
            self.complaint = self.complaint.take().or_else(|| blocked(chunk));
            return;
        };
        let parts = candidate.get("content").and_then(|said| said.get("parts"));
        for part in parts.and_then(Value::as_array).into_iter().flatten() {
            self.part(part, on_token);
        }
        let said = |key: &str| candidate.get(key).and_then(Value::as_str);
        let known = |reason: &&str| !matches!(*reason, "" | "FINISH_REASON_UNSPECIFIED");
        if let Some(reason) = said("finishReason").filter(known) {
            self.end(reason, said("finishMessage").unwrap_or_default(), on_token);
        }
    }

    /// Takes a part. Neighbours that are nothing but words become one, and words that are none
    /// count for nothing; whatever is signed stays apart.
    fn part(&mut self, part: &Value, on_token: OnToken<'_>) {
        if !part.is_object() {
            return;
        }
        if let Some(words) = spoken(part).filter(|words| !words.is_empty()) {
            on_token(words);
        }
        let words = part.get("text").and_then(Value::as_str);
        let Some(words) = words.filter(|_| is_plain(part)) else {
            self.parts.push(part.clone());
            return;
        };
        let thought = is_thought(part);
        match self.parts.last_mut() {
            _ if words.is_empty() => {}
            Some(last) if is_plain(last) && is_thought(last) == thought => {
                if let Some(Value::String(text)) = last.get_mut("text") {
                    text.push_str(words);
                }
            }
            _ => self.parts.push(part.clone()),
        }
    }

    fn end(&mut self, reason: &str, words: &str, on_token: OnToken<'_>) {
        if kind::MALFORMED.contains(&reason) {
            self.complaint = Some(Complaint {
                message: format!("the answer ended with {reason}: {words}")
                    .trim_end_matches([':', ' '])
                    .to_owned(),
                codes: vec![reason.to_owned()],
                ..Complaint::default()
            });
        }
        if REFUSED.contains(&reason) && self.finish.is_none() {
            let words = if words.is_empty() { reason } else { words };
            on_token(words);
            self.refusal = words.to_owned();
        }
        self.finish = Some(reason.to_owned());
    }

    fn calls(&self, request: &ModelRequest) -> Vec<ToolCall> {
        let mut ids = Ids::of(&request.messages);
        let calls = self
            .parts
            .iter()
            .filter_map(|part| part.get("functionCall"));
        calls
            .map(|call| {
                let text = |key: &str| call.get(key).and_then(Value::as_str).unwrap_or_default();
                ToolCall {
                    id: ids.give(text("id").to_owned()),
                    name: text("name").to_owned(),
                    arguments: match call.get("args") {
                        None | Some(Value::Null) => Value::Object(Map::new()),
                        Some(Value::String(text)) => arguments(text.clone()),
                        Some(whole) => whole.clone(),
                    },
                }
            })
            .collect()
    }
}

impl Assembly for Answer {
    fn take(&mut self, _: &str, piece: &Value, on_token: OnToken<'_>) -> Progress {
        self.read(piece, on_token);
        match &self.complaint {
            Some(complaint) => Progress::Failed(complaint.clone()),
            None => Progress::More,
        }
    }

    fn document(&mut self, document: &Value, on_token: OnToken<'_>) -> Result<(), String> {
        self.read(document, on_token);
        if self.complaint.is_none() && candidate(document).is_none() {
            return Err("the answer has no candidates".to_owned());
        }
        Ok(())
    }

    fn complaint(&self) -> Option<&Complaint> {
        self.complaint.as_ref()
    }

    fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    fn answer(self, request: &ModelRequest) -> ModelAnswer {
        let tool_calls = self.calls(request);
        let finish = match self.finish.as_deref() {
            Some(reason) if REFUSED.contains(&reason) => FinishReason::Refusal,
            Some("MAX_TOKENS") => FinishReason::Length,
            _ if !tool_calls.is_empty() => FinishReason::ToolCalls,
            _ => FinishReason::Stop,
        };
        let words: String = self.parts.iter().filter_map(spoken).collect();
        let is_more_than_words = !self.parts.iter().all(is_plain);
        let mut answer = ModelAnswer {
            text: words + &self.refusal,
            tool_calls,
            finish,
            usage: self.usage.unwrap_or_default(),
            native: is_more_than_words.then_some(Native {
                by: self.by,
                parts: self.parts,
            }),
        };
        if self.usage.is_none() {
            answer.usage = reading::estimated(request, &answer);
        }
        answer
    }
}

fn candidate(chunk: &Value) -> Option<&Value> {
    chunk.get("candidates")?.get(0)
}

/// What a document without an answer says of a prompt that was not let through.
fn blocked(document: &Value) -> Option<Complaint> {
    let feedback = document.get("promptFeedback")?;
    let reason = feedback.get("blockReason")?.as_str()?;
    let words = feedback.get("blockReasonMessage").and_then(Value::as_str);
    let words = words.map(|words| format!(": {words}")).unwrap_or_default();
    Some(Complaint {
        message: format!("the prompt was blocked ({reason}){words}"),
        codes: vec![kind::BLOCKED.to_owned()],
        ..Complaint::default()
    })
}

/// Whether a part is nothing but words.
fn is_plain(part: &Value) -> bool {
    let mut keys = part.as_object().into_iter().flat_map(Map::keys);
    part.get("text").is_some_and(Value::is_string)
        && keys.all(|key| matches!(key.as_str(), "text" | "thought"))
}

fn is_thought(part: &Value) -> bool {
    part.get("thought") == Some(&Value::Bool(true))
}

/// The words of a part that belong to the answer's text.
fn spoken(part: &Value) -> Option<&str> {
    let words = part.get("text")?.as_str();
    words.filter(|_| !is_thought(part))
}

/// What a call used, if the server says so and it can be right.
fn usage(reported: &Value) -> Option<Usage> {
    let reported = |key: &str| count(reported.get(key));
    let thoughts = reported("thoughtsTokenCount")?;
    let usage = Usage {
        model_calls: 1,
        input_tokens: reported("promptTokenCount")?,
        cached_input_tokens: reported("cachedContentTokenCount")?,
        output_tokens: reported("candidatesTokenCount")? + thoughts,
        reasoning_tokens: thoughts,
        cost_usd: 0.0,
    };
    (usage.tokens() > 0).then_some(usage)
}
