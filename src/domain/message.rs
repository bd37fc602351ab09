//! What is said to a model and what it answers, in no provider's dialect.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::budget::Usage;
use super::phase::Agent;

/// One question to a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelRequest {
    /// Who asks.
    pub agent: Agent,
    /// The system prompt; its first line names the agent.
    pub system: String,
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// The tools the model may call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolSpec>,
    /// The JSON schema of the answer's text, where one is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    /// Sampling temperature, where one is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// How much to reason, where that is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<Effort>,
    /// The most tokens to generate.
    pub max_output: u32,
}

impl ModelRequest {
    /// The text of the last user or tool message, which scripts match on.
    pub fn last_words(&self) -> &str {
        self.messages
            .iter()
            .rev()
            .find_map(|message| match message {
                Message::User { text } | Message::Tool { text, .. } => Some(text.as_str()),
                Message::Assistant { .. } => None,
            })
            .unwrap_or_default()
    }

    /// An estimate of its tokens: system prompt, tools, schema and conversation.
    pub fn estimated_tokens(&self) -> u64 {
        // Only numbers that are not finite cannot be written as JSON, and they have no tokens.
        serde_json::to_string(self).map_or(0, |text| tokens_in(&text))
    }
}

/// An estimate of the tokens in `text`: one for four ASCII characters or one other character.
pub fn tokens_in(text: &str) -> u64 {
    let other = text.chars().filter(|c| !c.is_ascii()).count() as u64;
    let ascii = text.bytes().filter(u8::is_ascii).count() as u64;
    ascii.div_ceil(4) + other
}

/// The tokens that a prompt may have in a context window where an answer of `max_output` tokens is
/// wanted. An answer needs no more than a quarter of the window: what is allowed to it is often far
/// more than it is long.
pub fn room_for_prompt(window: u64, max_output: u32) -> u64 {
    window - u64::from(max_output).min(window / 4)
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "lowercase")]
pub enum Message {
    /// rgpt speaks.
    User {
        /// The words.
        text: String,
    },
    /// The model spoke.
    Assistant {
        /// The words.
        text: String,
        /// The calls it made.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<ToolCall>,
        /// The same as its provider worded it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        native: Option<Native>,
    },
    /// The answer to one tool call.
    Tool {
        /// The call that is answered.
        call_id: String,
        /// The tool's name.
        name: String,
        /// The answer.
        text: String,
        /// Whether the call was refused or failed.
        #[serde(default)]
        is_error: bool,
    },
}

/// What a model said in the words of its provider: parts that must be carried back unchanged, such
/// as signed reasoning. They mean something only to the model that said them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Native {
    /// The protocol and the model's name at its provider, as in `anthropic/claude-sonnet-4-6`.
    pub by: String,
    /// The parts, in order.
    pub parts: Vec<Value>,
}

/// How much a model is to reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// Little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
}

impl Effort {
    /// Its name in configuration, JSON and protocols.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// A tool as it is offered to a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// JSON schema of its arguments.
    pub parameters: Value,
}

/// A model's wish to use a tool. Untrusted: name and arguments may be anything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Pairs the call with its answer.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// Its arguments.
    pub arguments: Value,
}

/// Why a model stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// It was done.
    Stop,
    /// It wants tools called.
    ToolCalls,
    /// It ran into the limit of tokens.
    Length,
    /// It would not.
    Refusal,
}

/// What a model answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelAnswer {
    /// The text, empty if there is none.
    #[serde(default)]
    pub text: String,
    /// The tools it wants called, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// Why it stopped.
    pub finish: FinishReason,
    /// What the call used.
    pub usage: Usage,
    /// The same in the words of the provider, where they must be carried back to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}
