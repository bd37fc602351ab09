//! The rules of the protocol as published: what is not in it is refused.

use serde_json::{Map, Value};

use super::super::openai::{
    arguments, effort, is_id, is_name, parameters as schema, reasons, strict, temperature,
};
use super::super::{Verdict, fields, list, must};

/// The longest id of a call.
const CALL_ID: usize = 40;

const FIELDS: [&str; 11] = [
    "model",
    "messages",
    "tools",
    "response_format",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "reasoning_effort",
    "prompt_cache_key",
    "stream",
    "stream_options",
];

/// Checks a request.
pub(super) fn check(head: &str, body: &Value) -> Verdict {
    let lower = head.to_ascii_lowercase();
    must(
        head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"),
        || head.to_owned(),
    )?;
    must(lower.contains("content-type: application/json"), || {
        "the type".into()
    })?;
    must(!lower.contains("accept-encoding"), || "compression".into())?;
    let body = fields(body, &FIELDS)?;
    must(body.get("model").is_some_and(Value::is_string), || {
        "no model".into()
    })?;
    messages(list(body.get("messages"), "messages")?)?;
    if let Some(given) = body.get("tools") {
        tools(list(Some(given), "tools")?)?;
    }
    if let Some(format) = body.get("response_format") {
        response_format(format)?;
    }
    parameters(body)
}

fn parameters(body: &Map<String, Value>) -> Verdict {
    let has = |name: &str| body.contains_key(name);
    must(!(has("max_tokens") && has("max_completion_tokens")), || {
        "two limits".into()
    })?;
    if reasons(body) {
        for name in ["max_tokens", "temperature"] {
            must(!has(name), || {
                format!("Unsupported parameter: '{name}' is not supported with this model.")
            })?;
        }
    } else {
        must(!has("reasoning_effort"), || {
            "Unrecognized request argument supplied: reasoning_effort".into()
        })?;
    }
    body.get("reasoning_effort").map_or(Ok(()), effort)?;
    let key = body.get("prompt_cache_key");
    must(key.is_none_or(Value::is_string), || format!("{key:?}"))?;
    for name in ["max_tokens", "max_completion_tokens"] {
        let limit = body.get(name);
        must(limit.is_none_or(|limit| limit.as_u64() > Some(0)), || {
            format!("{name}: {limit:?}")
        })?;
    }
    body.get("temperature").map_or(Ok(()), temperature)?;
    must(body.get("stream").is_none_or(Value::is_boolean), || {
        "stream".into()
    })?;
    if let Some(options) = body.get("stream_options") {
        must(body.get("stream") == Some(&true.into()), || {
            "stream_options without stream".into()
        })?;
        fields(options, &["include_usage"])?;
    }
    Ok(())
}

fn messages(messages: &[Value]) -> Verdict {
    let mut open: Vec<&str> = Vec::new();
    let mut used: Vec<&str> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        must(role == "tool" || open.is_empty(), || {
            format!(
                "An assistant message with 'tool_calls' must be followed by tool messages, not by {message}"
            )
        })?;
        let content = &message["content"];
        match role {
            "system" | "developer" | "user" => {
                must((role == "user") != (at == 0), || {
                    format!("a {role} at {at}")
                })?;
                fields(message, &["role", "content"])?;
                must(content.is_string(), || format!("{message}"))?;
            }
            "assistant" => {
                let message = fields(message, &["role", "content", "tool_calls"])?;
                match message.get("tool_calls") {
                    None => must(content.is_string(), || "neither words nor calls".into())?,
                    calls => {
                        must(content.is_string() || content.is_null(), || {
                            format!("{content}")
                        })?;
                        open = list(calls, "tool_calls")?
                            .iter()
                            .map(call)
                            .collect::<Result<_, _>>()?;
                    }
                }
                for id in &open {
                    must(!used.contains(id), || format!("the id {id} is used twice"))?;
                    used.push(id);
                }
            }
            "tool" => {
                fields(message, &["role", "content", "tool_call_id"])?;
                must(content.is_string(), || format!("{message}"))?;
                let id = message["tool_call_id"].as_str().unwrap_or_default();
                let asked = open.iter().position(|open| *open == id);
                open.remove(asked.ok_or(format!("nobody asked for {message}"))?);
            }
            other => return Err(format!("the role {other:?}")),
        }
    }
    must(open.is_empty(), || format!("{open:?} have no answer"))?;
    let last = messages.last().map_or(&Value::Null, |last| &last["role"]);
    must(last != "assistant", || "the model speaks last".into())
}

/// The id of a call.
fn call(call: &Value) -> Result<&str, String> {
    fields(call, &["id", "type", "function"])?;
    must(call["type"] == "function", || format!("{call}"))?;
    let function = fields(&call["function"], &["name", "arguments"])?;
    must(is_name(function.get("name")), || {
        format!("the name in {call}")
    })?;
    arguments(function.get("arguments"))?;
    must(is_id(call.get("id"), CALL_ID), || {
        format!("the id of {call}")
    })?;
    Ok(call["id"].as_str().unwrap_or_default())
}

fn tools(tools: &[Value]) -> Verdict {
    must(tools.len() <= 128, || "too many tools".into())?;
    for tool in tools {
        fields(tool, &["type", "function"])?;
        must(tool["type"] == "function", || format!("{tool}"))?;
        let function = fields(
            &tool["function"],
            &["name", "description", "parameters", "strict"],
        )?;
        must(is_name(function.get("name")), || format!("{tool}"))?;
        schema(&function["parameters"])?;
    }
    Ok(())
}

fn response_format(format: &Value) -> Verdict {
    fields(format, &["type", "json_schema"])?;
    must(format["type"] == "json_schema", || format!("{format}"))?;
    let known = ["name", "description", "schema", "strict"];
    let wanted = fields(&format["json_schema"], &known)?;
    must(is_name(wanted.get("name")), || format!("{format}"))?;
    if wanted.get("strict") == Some(&true.into()) {
        must(wanted["schema"]["type"] == "object", || {
            "the root must be an object".into()
        })?;
        strict(&wanted["schema"])?;
    }
    Ok(())
}
