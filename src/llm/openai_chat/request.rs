//! What is sent: a conversation in the words of chat completions, and in the dialect of the server.

use serde_json::{Map, Value, json};

use super::NAME;
use super::dialect::Dialect;
use crate::domain::message::{Message, ModelRequest, ToolCall, ToolSpec};
use crate::llm::endpoint::Endpoint;
use crate::llm::openai::{self, Form};
use crate::llm::saying;
use crate::llm::schema;

/// The longest id of a call.
const CALL_ID: usize = 40;

impl Dialect {
    /// The body of a request.
    pub(super) fn body(&self, endpoint: &Endpoint, request: &ModelRequest) -> Value {
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        put("model", json!(endpoint.model));
        put("messages", self.messages(&endpoint.speaker(NAME), request));
        // Without tools, not even an empty list of them is legal.
        if !request.tools.is_empty() {
            put("tools", tools(request));
        }
        if self.no_effort && !request.tools.is_empty() {
            put("reasoning_effort", json!("none"));
        } else if let Some(effort) = request.effort.filter(|_| self.effort) {
            put("reasoning_effort", json!(effort));
        }
        if let Some(schema) = &request.schema
            && let Some(format) = self.response_format(request, schema)
        {
            put("response_format", format);
        }
        let limit = if self.completion_limit {
            "max_completion_tokens"
        } else {
            "max_tokens"
        };
        put(limit, json!(request.max_output));
        if let Some(temperature) = request.temperature.filter(|_| self.temperature) {
            put("temperature", saying::temperature(temperature));
        }
        if self.cache_key {
            put("prompt_cache_key", json!(openai::cache_key(request)));
        }
        if endpoint.stream {
            put("stream", json!(true));
            if self.usage {
                put("stream_options", json!({"include_usage": true}));
            }
        }
        Value::Object(body)
    }

    fn messages(&self, speaker: &str, request: &ModelRequest) -> Value {
        let role = if self.developer {
            "developer"
        } else {
            "system"
        };
        let first = json!({"role": role, "content": request.system});
        std::iter::once(first)
            .chain(
                request
                    .messages
                    .iter()
                    .map(|message| self.message(speaker, message)),
            )
            .collect()
    }

    fn response_format(&self, request: &ModelRequest, schema: &Value) -> Option<Value> {
        let strict = match self.form {
            Form::Strict => schema::strict(schema),
            Form::Shown => None,
            Form::Free => return None,
        };
        let name = format!("{}_answer", request.agent);
        let json_schema = match strict {
            Some(strict) => json!({"name": name, "schema": strict, "strict": true}),
            None => json!({"name": name, "schema": schema}),
        };
        Some(json!({"type": "json_schema", "json_schema": json_schema}))
    }
}

fn tools(request: &ModelRequest) -> Value {
    let tool = |tool: &ToolSpec| {
        json!({"type": "function", "function": {
            "name": tool.name, "description": tool.description,
            "parameters": schema::parameters(&tool.parameters),
        }})
    };
    request.tools.iter().map(tool).collect()
}

impl Dialect {
    fn message(&self, speaker: &str, message: &Message) -> Value {
        match message {
            Message::User { text } => json!({"role": "user", "content": text}),
            Message::Tool { call_id, text, .. } => {
                let id = openai::call_id(call_id, CALL_ID);
                json!({"role": "tool", "tool_call_id": id, "content": text})
            }
            Message::Assistant {
                text,
                tool_calls,
                native,
            } => {
                let own = native.as_ref().filter(|native| native.by == speaker);
                let own = own.and_then(|native| native.parts.first());
                self.said(text, tool_calls, own.unwrap_or(&Value::Null))
            }
        }
    }

    /// What the model said, with what it added to it in its `own` words.
    fn said(&self, text: &str, tool_calls: &[ToolCall], own: &Value) -> Value {
        let mut message = if tool_calls.is_empty() {
            json!({"role": "assistant", "content": text})
        } else {
            let content = Some(text).filter(|text| !text.is_empty());
            let extras = own.get("tool_calls").filter(|_| self.extras);
            let calls = tool_calls.iter().map(|made| {
                let mut call = call(made);
                if let Some(extra) = extras.and_then(|extras| extras.get(&made.id)) {
                    call["extra_content"] = extra.clone();
                }
                call
            });
            let calls: Vec<Value> = calls.collect();
            json!({"role": "assistant", "content": content, "tool_calls": calls})
        };
        if let Some(details) = own.get("reasoning_details").filter(|_| self.extras) {
            message["reasoning_details"] = details.clone();
        }
        if self.thoughts {
            let thoughts = own.get("reasoning_content").cloned();
            message["reasoning_content"] = thoughts.unwrap_or_else(|| json!(""));
        }
        message
    }
}

/// A model's own call, said back to it.
fn call(call: &ToolCall) -> Value {
    json!({"id": openai::call_id(&call.id, CALL_ID), "type": "function", "function": {
        "name": openai::tool_name(&call.name),
        "arguments": openai::arguments_text(&call.arguments),
    }})
}
