//! A model whose words are in a file: for the demo, for tests, and to dry-run a pipeline.
//!
//! It keeps no memory: which replies are used up is told by the record, so that a resumed run
//! goes on where the killed one was. It refuses malformed conversations, as real providers do.

mod script;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::domain::budget::Usage;
use crate::domain::message::{FinishReason, ModelAnswer, ModelRequest, ToolCall};
use crate::domain::tape::{ModelFailure, ModelFailureKind};

use super::{Called, Model, OnToken, Prepared, conversation, price};
use script::{Content, Tool};

pub use script::{Script, ScriptError};

/// The most characters of a message that an error shows.
const SHOWN: usize = 200;

/// A model that answers from a script.
#[derive(Clone, Debug)]
pub struct Scripted {
    name: String,
    script: Script,
}

impl Scripted {
    /// The model `name`, answering from `script`.
    pub fn new(name: impl Into<String>, script: Script) -> Self {
        Self {
            name: name.into(),
            script,
        }
    }

    fn failure(&self, kind: ModelFailureKind, message: &str) -> ModelFailure {
        ModelFailure::new(kind, format!("scripted model {:?}: {message}", self.name))
    }

    async fn answer(
        &self,
        request: &ModelRequest,
        prepared: &Prepared,
        on_token: OnToken<'_>,
    ) -> Result<ModelAnswer, ModelFailure> {
        let reply = prepared
            .reply
            .and_then(|index| Some((index, self.script.reply(index)?)));
        let Some((index, reply)) = reply else {
            let message = "the script no longer has the recorded reply";
            return Err(self.failure(ModelFailureKind::ScriptExhausted, message));
        };
        if reply.delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(reply.delay_ms)).await;
        }
        match &reply.content {
            Content::Failure(failure) => Err(failure.clone()),
            Content::Answer { text, tools } => {
                text.split_inclusive(char::is_whitespace).for_each(on_token);
                Ok(spoken(request, index, text, tools))
            }
        }
    }
}

impl Model for Scripted {
    fn name(&self) -> &str {
        &self.name
    }

    fn prepare(&self, request: &ModelRequest, used: &[u32]) -> Result<Prepared, ModelFailure> {
        conversation::check(request)
            .map_err(|reason| self.failure(ModelFailureKind::BadRequest, &reason))?;
        let reply = self.script.reply_to(request, used).ok_or_else(|| {
            let words: String = request.last_words().chars().take(SHOWN).collect();
            let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
            let message = format!(
                "no reply is left for the {} agent, whose last message begins {words:?}",
                request.agent
            );
            self.failure(ModelFailureKind::ScriptExhausted, &message)
        })?;
        Ok(Prepared { reply: Some(reply) })
    }

    fn call<'a>(
        &'a self,
        request: &'a ModelRequest,
        prepared: &'a Prepared,
        on_token: OnToken<'a>,
    ) -> Pin<Box<dyn Future<Output = Called> + Send + 'a>> {
        Box::pin(async move { self.answer(request, prepared, on_token).await.into() })
    }
}

/// The answer of a reply. Its usage is an estimate, never more than what is reserved for it.
fn spoken(request: &ModelRequest, reply: u32, text: &str, tools: &[Tool]) -> ModelAnswer {
    let tool_calls: Vec<ToolCall> = (1_u32..)
        .zip(tools)
        .map(|(number, tool)| ToolCall {
            id: format!("call-{reply}-{number}"),
            name: tool.name.clone(),
            arguments: tool.arguments.clone(),
        })
        .collect();
    let words = tool_calls
        .iter()
        .map(|call| price::tokens_in(&call.name) + price::tokens_in(&call.arguments.to_string()));
    let output = price::tokens_in(text) + words.sum::<u64>();
    ModelAnswer {
        text: text.to_owned(),
        finish: if tool_calls.is_empty() {
            FinishReason::Stop
        } else {
            FinishReason::ToolCalls
        },
        tool_calls,
        usage: Usage {
            model_calls: 1,
            input_tokens: request.estimated_tokens(),
            output_tokens: output.min(u64::from(request.max_output)),
            ..Usage::default()
        },
        native: None,
    }
}
