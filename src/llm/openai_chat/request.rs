//! What is sent: a conversation in the words of chat completions, and in the dialect of the server.

use serde_json::{Map, Value, json};

use super::dialect::{Dialect, Form};
use super::schema;
use crate::domain::message::{Message, ModelRequest, ToolCall, ToolSpec};
use crate::llm::endpoint::Endpoint;

/// The longest name of a tool.
const TOOL_NAME: usize = 64;

impl Dialect {
    /// The body of a request.
    pub(super) fn body(&self, endpoint: &Endpoint, request: &ModelRequest) -> Value {
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        put("model", json!(endpoint.model));
        put("messages", self.messages(request));
        // Without tools, not even an empty list of them is legal.
        if !request.tools.is_empty() {
            put("tools", tools(request));
            if self.no_effort {
                put("reasoning_effort", json!("none"));
            }
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
            // By way of the shortest text, so that 0.2 is not sent as 0.20000000298023224.
            put(
                "temperature",
                json!(temperature.to_string().parse::<f64>().ok()),
            );
        }
        if endpoint.stream {
            put("stream", json!(true));
            if self.usage {
                put("stream_options", json!({"include_usage": true}));
            }
        }
        Value::Object(body)
    }

    fn messages(&self, request: &ModelRequest) -> Value {
        let role = if self.developer {
            "developer"
        } else {
            "system"
        };
        let first = json!({"role": role, "content": request.system});
        std::iter::once(first)
            .chain(request.messages.iter().map(message))
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
            "name": tool.name, "description": tool.description, "parameters": tool.parameters,
        }})
    };
    request.tools.iter().map(tool).collect()
}

fn message(message: &Message) -> Value {
    match message {
        Message::User { text } => json!({"role": "user", "content": text}),
        Message::Assistant { text, tool_calls } if tool_calls.is_empty() => {
            json!({"role": "assistant", "content": text})
        }
        Message::Assistant { text, tool_calls } => {
            let content = Some(text).filter(|text| !text.is_empty());
            let calls: Vec<Value> = tool_calls.iter().map(call).collect();
            json!({"role": "assistant", "content": content, "tool_calls": calls})
        }
        Message::Tool { call_id, text, .. } => {
            json!({"role": "tool", "tool_call_id": call_id, "content": text})
        }
    }
}

/// A model's own call, said back to it. It may have been nonsense, which servers do not take back:
/// names have few characters, and arguments are the text of an object.
fn call(call: &ToolCall) -> Value {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let name: String = call
        .name
        .chars()
        .take(TOOL_NAME)
        .map(|c| if legal(c) { c } else { '_' })
        .collect();
    let name = if name.is_empty() { "_" } else { &name };
    let arguments = match &call.arguments {
        Value::Object(_) => call.arguments.to_string(),
        other => json!({"unreadable": other}).to_string(),
    };
    json!({"id": call.id, "type": "function",
        "function": {"name": name, "arguments": arguments}})
}
