//! What is sent: a conversation in Gemini's words, and in the dialect of the model.

use serde_json::{Map, Value, json};

use super::NAME;
use super::dialect::{Dialect, Form, Marked, Thinking};
use super::schema;
use crate::domain::message::{Effort, Message, ModelRequest, ToolCall};
use crate::llm::endpoint::Endpoint;
use crate::llm::saying;

/// The longest name of a tool.
const TOOL_NAME: usize = 64;

/// What stands for the signature of a call that has none because another model made it, as Google
/// documents it for conversations that are handed over.
const UNSIGNED: &str = "skip_thought_signature_validator";

/// The least and the most tokens that every model with a budget may be given to think.
const BUDGET: (u32, u32) = (512, 24_576);

impl Dialect {
    /// The body of a request.
    pub(super) fn body(&self, endpoint: &Endpoint, request: &ModelRequest) -> Value {
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        put(
            "systemInstruction",
            json!({"parts": [{"text": request.system}]}),
        );
        if !request.tools.is_empty() {
            put("tools", self.tools(request));
        }
        put("contents", self.contents(endpoint, request));
        put("generationConfig", self.config(request));
        Value::Object(body)
    }

    fn tools(&self, request: &ModelRequest) -> Value {
        let declared = request.tools.iter().map(|tool| {
            let (keyword, parameters) = if self.json_schema {
                ("parametersJsonSchema", tool.parameters.clone())
            } else {
                ("parameters", schema::openapi(&tool.parameters))
            };
            json!({"name": tool.name, "description": tool.description, keyword: parameters})
        });
        json!([{"functionDeclarations": declared.collect::<Vec<Value>>()}])
    }

    fn config(&self, request: &ModelRequest) -> Value {
        let mut config = Map::new();
        let mut put = |name: &str, value: Value| config.insert(name.to_owned(), value);
        put("maxOutputTokens", json!(request.max_output));
        if let Some(temperature) = request.temperature.filter(|_| self.temperature) {
            put("temperature", saying::temperature(temperature));
        }
        let can_be_held = request.tools.is_empty() || self.form_with_tools;
        if let Some(schema) = request.schema.as_ref().filter(|_| can_be_held)
            && self.form != Form::Free
        {
            put("responseMimeType", json!("application/json"));
            if self.form == Form::Schema {
                put("responseJsonSchema", schema.clone());
            }
        }
        let thinking = request.effort.and_then(|effort| match self.thinking {
            Thinking::Budget => {
                let budget = budget(effort, request.max_output)?;
                Some(json!({"thinkingBudget": budget}))
            }
            Thinking::Level => Some(json!({"thinkingLevel": effort.as_str().to_uppercase()})),
            Thinking::LowOrHigh if effort == Effort::Low => Some(json!({"thinkingLevel": "LOW"})),
            Thinking::LowOrHigh => Some(json!({"thinkingLevel": "HIGH"})),
            Thinking::Untold => None,
        });
        if let Some(thinking) = thinking {
            put("thinkingConfig", thinking);
        }
        Value::Object(config)
    }

    /// The conversation. Each turn of the model with calls is followed by one turn with as many
    /// answers, in the order of the calls.
    fn contents(&self, endpoint: &Endpoint, request: &ModelRequest) -> Value {
        let speaker = endpoint.speaker(NAME);
        let mut contents: Vec<Value> = Vec::new();
        let mut rest = request.messages.as_slice();
        while let Some((message, after)) = rest.split_first() {
            rest = after;
            match message {
                Message::User { text } => say(&mut contents, text),
                Message::Assistant { tool_calls, .. } => {
                    let is_answer = |message: &&Message| matches!(message, Message::Tool { .. });
                    let answers = after.iter().take_while(is_answer).count();
                    let (answers, after) = after.split_at(answers);
                    rest = after;
                    let parts = self.parts(&speaker, message);
                    let responses = responses(tool_calls, &parts, answers);
                    if !parts.is_empty() {
                        contents.push(json!({"role": "model", "parts": parts}));
                    }
                    if !responses.is_empty() {
                        contents.push(json!({"role": "user", "parts": responses}));
                    }
                }
                // An answer that nobody waits for is refused before.
                Message::Tool { .. } => {}
            }
        }
        Value::Array(contents)
    }

    /// What the model said: in its own words if it was the same model, otherwise in ours.
    fn parts(&self, speaker: &str, message: &Message) -> Vec<Value> {
        let Message::Assistant {
            text,
            tool_calls,
            native,
        } = message
        else {
            return Vec::new();
        };
        let own = native.as_ref().filter(|native| {
            let calls = native.parts.iter().filter(|part| is_call(part)).count();
            native.by == speaker && calls == tool_calls.len()
        });
        let mut parts: Vec<Value> = match own {
            Some(native) => native.parts.iter().map(legal).collect(),
            None => {
                let words = Some(text).filter(|text| !text.is_empty());
                let words = words.map(|text| json!({"text": text}));
                words
                    .into_iter()
                    .chain(tool_calls.iter().map(call))
                    .collect()
            }
        };
        let marks = match self.marked {
            Marked::Nobodys => false,
            Marked::Foreign => own.is_none(),
            Marked::Every => true,
        };
        if marks
            && let Some(first) = parts.iter_mut().find(|part| is_call(part))
            && first.get("thoughtSignature").is_none()
        {
            first["thoughtSignature"] = json!(UNSIGNED);
        }
        parts
    }
}

/// How many tokens a model may think, of all those that it may generate: something must be left
/// for the answer. `None` where those are too few.
fn budget(effort: Effort, max_output: u32) -> Option<u32> {
    let (wanted, most) = match effort {
        Effort::Low => (2_048, max_output / 4),
        Effort::Medium => (8_192, max_output / 2),
        Effort::High => (BUDGET.1, max_output / 4 * 3),
    };
    Some(wanted.min(most).max(BUDGET.0)).filter(|budget| *budget < max_output)
}

/// Adds the words of rgpt, to the turn before if they are its own, too.
fn say(contents: &mut Vec<Value>, text: &str) {
    let part = json!({"text": text});
    if let Some(last) = contents.last_mut()
        && last["role"] == "user"
        && let Some(parts) = last["parts"].as_array_mut()
        && parts.iter().all(|part| part.get("text").is_some())
    {
        parts.push(part);
    } else {
        contents.push(json!({"role": "user", "parts": [part]}));
    }
}

fn is_call(part: &Value) -> bool {
    part.get("functionCall").is_some()
}

/// The answers to the calls, each under the name, and the id if there is one, that its call in
/// `parts` goes by.
fn responses(calls: &[ToolCall], parts: &[Value], answers: &[Message]) -> Vec<Value> {
    let said = parts.iter().filter_map(|part| part.get("functionCall"));
    let pairs = calls.iter().zip(said);
    pairs
        .filter_map(|(call, said)| {
            let response = answers.iter().find_map(|answer| match answer {
                Message::Tool {
                    call_id,
                    text,
                    is_error,
                    ..
                } if *call_id == call.id => {
                    let key = if *is_error { "error" } else { "result" };
                    Some(json!({key: text}))
                }
                _ => None,
            })?;
            let mut answer = json!({"name": said["name"], "response": response});
            if let Some(id) = said.get("id") {
                answer["id"] = id.clone();
            }
            Some(json!({"functionResponse": answer}))
        })
        .collect()
}

/// A call that another model made.
fn call(call: &ToolCall) -> Value {
    json!({"functionCall": {"name": legal_name(&call.name), "args": legal_args(&call.arguments)}})
}

/// A part as the model said it. Only a call that was nonsense is put in a form that is taken back.
fn legal(part: &Value) -> Value {
    let mut part = part.clone();
    if let Some(Value::Object(call)) = part.get_mut("functionCall") {
        let name = call.get("name").and_then(Value::as_str);
        let name = legal_name(name.unwrap_or_default());
        call.insert("name".to_owned(), json!(name));
        if let Some(args) = call.get_mut("args") {
            *args = legal_args(args);
        }
    }
    part
}

/// The name as it may be said: it begins with a letter or `_`, and has few kinds of characters.
fn legal_name(name: &str) -> String {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let start = if begins { "" } else { "_" };
    let name = name.chars().map(|c| if legal(c) { c } else { '_' });
    start.chars().chain(name).take(TOOL_NAME).collect()
}

/// The arguments as an object, which alone may be said.
fn legal_args(arguments: &Value) -> Value {
    match arguments {
        Value::Null => json!({}),
        other => saying::arguments(other),
    }
}
