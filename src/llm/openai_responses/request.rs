//! What is sent: a conversation as a list of items, in the dialect of the server.

use serde_json::{Map, Value, json};

use super::NAME;
use super::dialect::Dialect;
use crate::domain::message::{Message, ModelRequest, ToolCall, ToolSpec};
use crate::llm::endpoint::Endpoint;
use crate::llm::openai::{self, Form};
use crate::llm::reading::arguments;
use crate::llm::saying;
use crate::llm::schema;

/// The longest id of a call.
const CALL_ID: usize = 64;

/// The fewest tokens that an answer can be limited to.
const LEAST_OUTPUT: u32 = 16;

impl Dialect {
    /// The body of a request.
    pub(super) fn body(&self, endpoint: &Endpoint, request: &ModelRequest) -> Value {
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        put("model", json!(endpoint.model));
        put("instructions", json!(request.system));
        if !request.tools.is_empty() {
            put("tools", self.tools(request));
        }
        put("input", self.input(&endpoint.speaker(NAME), request));
        if let Some(schema) = &request.schema
            && let Some(format) = self.format(request, schema)
        {
            put("text", json!({ "format": format }));
        }
        if let Some(effort) = request.effort.filter(|_| self.effort) {
            put("reasoning", json!({ "effort": effort }));
        }
        if self.thoughts {
            put("include", json!(["reasoning.encrypted_content"]));
        }
        if self.store {
            put("store", json!(false));
        }
        put(
            "max_output_tokens",
            json!(request.max_output.max(LEAST_OUTPUT)),
        );
        if let Some(temperature) = request.temperature.filter(|_| self.temperature) {
            put("temperature", saying::temperature(temperature));
        }
        if self.cache_key {
            put("prompt_cache_key", json!(openai::cache_key(request)));
        }
        if endpoint.stream {
            put("stream", json!(true));
        }
        Value::Object(body)
    }

    fn tools(&self, request: &ModelRequest) -> Value {
        let tool = |tool: &ToolSpec| {
            let strict = schema::strict_as_meant(&tool.parameters).filter(|_| self.strict_tools);
            let mut made =
                json!({"type": "function", "name": tool.name, "description": tool.description});
            // Left unsaid, it would be true.
            if self.strict_tools {
                made["strict"] = json!(strict.is_some());
            }
            made["parameters"] = strict.unwrap_or_else(|| schema::parameters(&tool.parameters));
            made
        };
        request.tools.iter().map(tool).collect()
    }

    fn format(&self, request: &ModelRequest, schema: &Value) -> Option<Value> {
        let strict = match self.form {
            Form::Strict => schema::strict(schema),
            Form::Shown => None,
            Form::Free => return None,
        };
        let mut format =
            json!({"type": "json_schema", "name": format!("{}_answer", request.agent)});
        if self.form == Form::Strict {
            format["strict"] = json!(strict.is_some());
        }
        format["schema"] = strict.unwrap_or_else(|| schema.clone());
        Some(format)
    }

    fn input(&self, speaker: &str, request: &ModelRequest) -> Value {
        let messages = request.messages.iter();
        messages
            .flat_map(|message| self.items(speaker, message))
            .collect()
    }

    /// The items of a message.
    fn items(&self, speaker: &str, message: &Message) -> Vec<Value> {
        match message {
            Message::User { text } => vec![json!({"type": "message", "role": "user",
                "content": [{"type": "input_text", "text": text}]})],
            Message::Tool { call_id, text, .. } => vec![json!({"type": "function_call_output",
                "call_id": openai::call_id(call_id, CALL_ID), "output": text})],
            Message::Assistant {
                text,
                tool_calls,
                native,
            } => {
                let own = native.as_ref().filter(|native| native.by == speaker);
                match own.filter(|_| self.echo) {
                    Some(native) => native.parts.iter().map(said).collect(),
                    None => words(text).chain(tool_calls.iter().map(call)).collect(),
                }
            }
        }
    }
}

/// Words of a model, without the id that parts of type `output_text` would need.
fn words(text: &str) -> impl Iterator<Item = Value> {
    let message = json!({"type": "message", "role": "assistant", "content": text});
    (!text.is_empty()).then_some(message).into_iter()
}

fn call(call: &ToolCall) -> Value {
    json!({"type": "function_call", "call_id": openai::call_id(&call.id, CALL_ID),
        "name": openai::tool_name(&call.name),
        "arguments": openai::arguments_text(&call.arguments)})
}

/// An item as the model made it, but for what no server would take back.
fn said(item: &Value) -> Value {
    let mut item = item.clone();
    if item["type"] != "function_call" {
        return item;
    }
    let text = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
    let readable = serde_json::from_str::<Map<String, Value>>(&text("arguments")).is_ok();
    let legal = call(&ToolCall {
        id: text("call_id"),
        name: text("name"),
        arguments: match &item["arguments"] {
            Value::String(text) => arguments(text.clone()),
            other => other.clone(),
        },
    });
    item["call_id"] = legal["call_id"].clone();
    item["name"] = legal["name"].clone();
    if !readable {
        item["arguments"] = legal["arguments"].clone();
    }
    item
}
