//! What comes back, put together: from one document, or from the lines of a stream, which have the
//! same form.
//!
//! The server leaves out whatever is zero or empty.

use serde_json::{Value, json};

use super::kind::NO_ANSWER;
use crate::domain::budget::Usage;
use crate::domain::message::{FinishReason, ModelAnswer, ModelRequest, Native, ToolCall};
use crate::llm::failure::Complaint;
use crate::llm::protocol::{Assembly, Progress};
use crate::llm::reading::{self, Ids, arguments, count};
use crate::llm::{OnToken, price};

/// An answer so far.
#[derive(Debug, Default)]
pub(in crate::llm) struct Answer {
    speaker: String,
    text: String,
    thinking: String,
    calls: Vec<ToolCall>,
    done: bool,
    reason: String,
    prompt_tokens: u64,
    answer_tokens: u64,
}

impl Answer {
    /// An answer of this speaker of which nothing has come yet.
    pub(super) fn of(speaker: String) -> Self {
        Self {
            speaker,
            ..Self::default()
        }
    }

    fn read(&mut self, piece: &Value, on_token: OnToken<'_>) {
        let message = piece.get("message").unwrap_or(&Value::Null);
        let text = |key: &str| message.get(key).and_then(Value::as_str);
        self.thinking.push_str(text("thinking").unwrap_or_default());
        if let Some(words) = text("content").filter(|words| !words.is_empty()) {
            self.text.push_str(words);
            on_token(words);
        }
        let calls = message.get("tool_calls").and_then(Value::as_array);
        self.calls.extend(calls.into_iter().flatten().map(call));
        self.done |= piece.get("done") == Some(&Value::Bool(true));
        if let Some(reason) = piece.get("done_reason").and_then(Value::as_str) {
            reason.clone_into(&mut self.reason);
        }
        // A number that cannot be right is none.
        let counted = |key: &str| count(piece.get(key)).unwrap_or_default();
        self.prompt_tokens = self.prompt_tokens.max(counted("prompt_eval_count"));
        self.answer_tokens = self.answer_tokens.max(counted("eval_count"));
    }

    /// Whether the server loaded or unloaded the model, and that was all.
    fn is_none(&self) -> bool {
        let nothing = self.text.is_empty() && self.calls.is_empty();
        self.done && nothing && matches!(self.reason.as_str(), "load" | "unload")
    }

    /// What is not reported is estimated. A prompt that is all cached is not reported.
    fn usage(&self, request: &ModelRequest, answer: &ModelAnswer) -> Usage {
        let mut usage = reading::estimated(request, answer);
        if self.prompt_tokens > 0 {
            usage.input_tokens = self.prompt_tokens;
        }
        usage.output_tokens = if self.answer_tokens > 0 {
            self.answer_tokens
        } else {
            let most = u64::from(request.max_output);
            (usage.output_tokens + price::tokens_in(&self.thinking)).min(most)
        };
        usage
    }
}

impl Assembly for Answer {
    fn take(&mut self, _: &str, piece: &Value, on_token: OnToken<'_>) -> Progress {
        self.read(piece, on_token);
        if self.is_none() {
            return Progress::Failed(Complaint {
                message: nothing_said(&self.reason),
                codes: vec![NO_ANSWER.to_owned()],
                ..Complaint::default()
            });
        }
        match self.done {
            true => Progress::Over,
            false => Progress::More,
        }
    }

    fn document(&mut self, document: &Value, on_token: OnToken<'_>) -> Result<(), String> {
        if !document.get("message").is_some_and(Value::is_object) {
            return Err("the answer has no message".to_owned());
        }
        self.read(document, on_token);
        if self.is_none() {
            return Err(nothing_said(&self.reason));
        }
        Ok(())
    }

    fn is_finished(&self) -> bool {
        self.done
    }

    fn answer(mut self, request: &ModelRequest) -> ModelAnswer {
        let mut ids = Ids::of(&request.messages);
        let mut tool_calls = std::mem::take(&mut self.calls);
        for call in &mut tool_calls {
            call.id = ids.give(std::mem::take(&mut call.id));
        }
        let finish = match self.reason.as_str() {
            "length" => FinishReason::Length,
            _ if !tool_calls.is_empty() => FinishReason::ToolCalls,
            _ => FinishReason::Stop,
        };
        let native = (!self.thinking.is_empty()).then(|| Native {
            by: self.speaker.clone(),
            parts: vec![json!({"thinking": self.thinking})],
        });
        let mut answer = ModelAnswer {
            text: std::mem::take(&mut self.text),
            tool_calls,
            finish,
            usage: Usage::default(),
            native,
        };
        answer.usage = self.usage(request, &answer);
        answer
    }
}

fn nothing_said(reason: &str) -> String {
    format!("the server did no more than {reason} the model")
}

/// A call, which comes whole.
fn call(call: &Value) -> ToolCall {
    let function = call.get("function").unwrap_or(&Value::Null);
    let text = |of: &Value, key: &str| {
        let text = of.get(key).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    ToolCall {
        id: text(call, "id"),
        name: text(function, "name"),
        arguments: match function.get("arguments") {
            None | Some(Value::Null) => json!({}),
            Some(Value::String(written)) => arguments(written.clone()),
            Some(whole) => whole.clone(),
        },
    }
}
