//! What is sent: a conversation in Ollama's words, and the room that it needs.

use serde_json::{Map, Value, json};

use super::dialect::Dialect;
use super::speaker;
use crate::domain::message::{Message, ModelRequest, Native, ToolCall, ToolSpec};
use crate::llm::endpoint::Endpoint;
use crate::llm::saying;

impl Dialect {
    /// The body of a request. What is left out of it the server fills in as it likes, and what it
    /// does not know it drops without a word.
    pub(super) fn body(&self, endpoint: &Endpoint, request: &ModelRequest) -> Value {
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        put("model", json!(endpoint.model));
        put("messages", messages(endpoint, request));
        if !request.tools.is_empty() {
            put("tools", tools(request));
        }
        if let Some(think) = request.effort.and_then(|effort| self.think.said(effort)) {
            put("think", think);
        }
        // Held to a schema from its first token on, a model cannot call a tool.
        if let Some(schema) = &request.schema
            && self.form
            && request.tools.is_empty()
        {
            put("format", schema.clone());
        }
        put("options", self.options(request));
        put("stream", json!(endpoint.stream));
        Value::Object(body)
    }

    fn options(&self, request: &ModelRequest) -> Value {
        let share = self.window.share(request);
        self.window.reach(share.window);
        let mut options = json!({"num_ctx": share.window, "num_predict": share.answer});
        if let Some(temperature) = request.temperature.filter(|_| self.temperature) {
            options["temperature"] = saying::temperature(temperature);
        }
        options
    }
}

fn messages(endpoint: &Endpoint, request: &ModelRequest) -> Value {
    let speaker = speaker(endpoint);
    let first = json!({"role": "system", "content": request.system});
    let said = request.messages.iter().map(|said| message(said, &speaker));
    std::iter::once(first).chain(said).collect()
}

fn tools(request: &ModelRequest) -> Value {
    let tool = |tool: &ToolSpec| {
        json!({"type": "function", "function": {
            "name": tool.name, "description": tool.description, "parameters": tool.parameters,
        }})
    };
    request.tools.iter().map(tool).collect()
}

fn message(message: &Message, speaker: &str) -> Value {
    match message {
        Message::User { text } => json!({"role": "user", "content": text}),
        Message::Assistant {
            text,
            tool_calls,
            native,
        } => {
            let mut said = json!({"role": "assistant", "content": text});
            if let Some(thinking) = native.as_ref().and_then(|native| thinking(native, speaker)) {
                said["thinking"] = thinking.clone();
            }
            if !tool_calls.is_empty() {
                said["tool_calls"] = tool_calls.iter().map(call).collect();
            }
            said
        }
        Message::Tool {
            call_id,
            name,
            text,
            ..
        } => {
            json!({"role": "tool", "tool_name": said_name(name), "tool_call_id": call_id,
                "content": text})
        }
    }
}

/// What the model thought, if it was this one.
fn thinking<'n>(native: &'n Native, speaker: &str) -> Option<&'n Value> {
    let parts = Some(&native.parts).filter(|_| native.by == speaker)?;
    parts.iter().find_map(|part| part.get("thinking"))
}

/// A model's own call, said back to it. Arguments that are no object are refused.
fn call(call: &ToolCall) -> Value {
    let arguments = saying::arguments(&call.arguments);
    json!({"id": call.id,
        "function": {"name": said_name(&call.name), "arguments": arguments}})
}

fn said_name(name: &str) -> &str {
    if name.is_empty() { "_" } else { name }
}
