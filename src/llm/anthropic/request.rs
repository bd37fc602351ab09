//! What is sent: a conversation in the words of messages, and in the dialect of the server.

use serde_json::{Map, Value, json};

use super::NAME;
use super::dialect::{Dialect, Thinking};
use super::turns::{self, Turn};
use crate::domain::message::{Effort, ModelRequest, ToolSpec};
use crate::llm::endpoint::Endpoint;
use crate::llm::saying;
use crate::llm::schema;

/// The fewest tokens of a budget to think with, and what is left for the answer at least.
const LEAST: u32 = 1_024;

/// The most turns whose end is marked; with the tools and the system prompt these are the four
/// marks that a request may have.
const MARKED_TURNS: usize = 2;

impl Dialect {
    /// The body of a request.
    pub(super) fn body(&self, endpoint: &Endpoint, request: &ModelRequest) -> Value {
        let speaker = self.native.then(|| endpoint.speaker(NAME));
        let mut turns = turns::of(&request.messages, speaker.as_deref());
        let thinking = self.thinking(request, &turns);
        let mut tools: Vec<Value> = request.tools.iter().map(tool).collect();
        let mut system = json!({"type": "text", "text": request.system});
        if self.marks {
            mark_all(&mut tools, &mut system, &mut turns);
        }
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        put("model", json!(endpoint.model));
        put("max_tokens", json!(request.max_output));
        if !tools.is_empty() {
            put("tools", Value::Array(tools));
        }
        put("system", json!([system]));
        put("messages", turns.into_iter().map(Value::from).collect());
        match thinking {
            Some(thinking) => {
                put("thinking", thinking);
            }
            None => {
                if let Some(temperature) = request.temperature.filter(|_| self.temperature) {
                    put(
                        "temperature",
                        saying::temperature(temperature.clamp(0.0, 1.0)),
                    );
                }
            }
        }
        let output = self.output(request);
        if !output.is_empty() {
            put("output_config", Value::Object(output));
        }
        if endpoint.stream {
            put("stream", json!(true));
        }
        Value::Object(body)
    }

    fn thinking(&self, request: &ModelRequest, turns: &[Turn]) -> Option<Value> {
        let effort = request.effort?;
        match self.thinking? {
            Thinking::Adaptive => Some(json!({"type": "adaptive"})),
            // Who begins a series of calls without thinking must not think in the middle of it.
            Thinking::Budget if turns::is_thoughtless(turns) => None,
            Thinking::Budget => {
                let budget = budget(effort, request.max_output)?;
                Some(json!({"type": "enabled", "budget_tokens": budget}))
            }
        }
    }

    /// How the answer is to be: with what effort, and in what form.
    fn output(&self, request: &ModelRequest) -> Map<String, Value> {
        let mut output = Map::new();
        let adaptive = self.thinking == Some(Thinking::Adaptive);
        if let Some(effort) = request.effort.filter(|_| adaptive && self.effort) {
            output.insert("effort".to_owned(), json!(effort));
        }
        let wanted = request.schema.as_ref().filter(|_| self.schema);
        if let Some(schema) = wanted.and_then(schema::strict) {
            let format = json!({"type": "json_schema", "schema": schema});
            output.insert("format".to_owned(), format);
        }
        output
    }
}

/// How many tokens of an answer may be thinking; `None` if it has no room for any.
fn budget(effort: Effort, limit: u32) -> Option<u32> {
    let most = limit.checked_sub(LEAST).filter(|most| *most >= LEAST)?;
    let share = match effort {
        Effort::Low => limit / 4,
        Effort::Medium => limit / 2,
        Effort::High => limit / 4 * 3,
    };
    Some(share.clamp(LEAST, most))
}

fn tool(tool: &ToolSpec) -> Value {
    json!({"name": tool.name, "description": tool.description, "input_schema": tool.parameters})
}

/// Marks the ends of what stays the same from one request to the next: the tools, the system
/// prompt, and the conversation up to the last words of others and up to those before, which the
/// request before has marked.
fn mark_all(tools: &mut [Value], system: &mut Value, turns: &mut [Turn]) {
    let ends = turns.iter_mut().rev().filter(|turn| turn.is_user());
    let ends = ends.filter_map(|turn| turn.content.last_mut());
    let marked = tools.last_mut().into_iter().chain([system]);
    for block in marked.chain(ends.take(MARKED_TURNS)) {
        block["cache_control"] = json!({"type": "ephemeral"});
    }
}
