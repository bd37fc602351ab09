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
}
