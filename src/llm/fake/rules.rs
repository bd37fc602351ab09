//! The rules of the protocol as published: what is not in it is refused.

use serde_json::{Map, Value};

type Verdict = Result<(), String>;

const FIELDS: [&str; 9] = [
    "model",
    "messages",
    "tools",
    "response_format",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
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

fn must(holds: bool, otherwise: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// The object, if it has no other fields than these.
fn fields<'v>(value: &'v Value, known: &[&str]) -> Result<&'v Map<String, Value>, String> {
    let object = value.as_object().ok_or(format!("{value} is no object"))?;
    for name in object.keys() {
        must(known.contains(&name.as_str()), || {
            format!("Unrecognized request argument supplied: {name}")
        })?;
    }
    Ok(object)
}

/// The list, if it is not empty.
fn list<'v>(value: Option<&'v Value>, name: &str) -> Result<&'v [Value], String> {
    let list = value.and_then(Value::as_array).map(Vec::as_slice);
    list.filter(|list| !list.is_empty())
        .ok_or(format!("{name} is no list, or empty"))
}

fn is_name(value: Option<&Value>) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let name = value.and_then(Value::as_str).unwrap_or_default();
    (1..=64).contains(&name.len()) && name.chars().all(legal)
}

fn parameters(body: &Map<String, Value>) -> Verdict {
    let has = |name: &str| body.contains_key(name);
    must(!(has("max_tokens") && has("max_completion_tokens")), || {
        "two limits".into()
    })?;
    let model = body["model"].as_str().unwrap_or_default();
    if model.starts_with("o3") || model.starts_with("gpt-5") {
        for name in ["max_tokens", "temperature"] {
            must(!has(name), || {
                format!("Unsupported parameter: '{name}' is not supported with this model.")
            })?;
        }
    }
    for name in ["max_tokens", "max_completion_tokens"] {
        let limit = body.get(name);
        must(limit.is_none_or(|limit| limit.as_u64() > Some(0)), || {
            format!("{name}: {limit:?}")
        })?;
    }
    if let Some(temperature) = body.get("temperature") {
        let legal = temperature
            .as_f64()
            .is_some_and(|value| (0.0..=2.0).contains(&value));
        must(legal && temperature.to_string().len() < 6, || {
            format!("temperature {temperature}")
        })?;
    }
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
    let text = call["function"]["arguments"].as_str().unwrap_or_default();
    let arguments = serde_json::from_str::<Value>(text);
    must(arguments.is_ok_and(|value| value.is_object()), || {
        format!("the arguments of {call}")
    })?;
    call["id"]
        .as_str()
        .filter(|id| !id.is_empty())
        .ok_or(format!("{call} has no id"))
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
        must(function["parameters"]["type"] == "object", || {
            format!("{tool}")
        })?;
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

fn strict(schema: &Value) -> Verdict {
    let known = [
        "type",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "enum",
        "description",
        "anyOf",
        "const",
    ];
    let object = fields(schema, &known)?;
    if let Some(properties) = object.get("properties").and_then(Value::as_object) {
        must(schema["additionalProperties"] == false, || {
            format!("open: {schema}")
        })?;
        let required = schema["required"].as_array().map_or(&[][..], Vec::as_slice);
        must(
            properties
                .keys()
                .all(|name| required.contains(&name.as_str().into())),
            || {
                format!(
                    "'required' is required to be supplied and to be an array including every key in {schema}"
                )
            },
        )?;
        properties.values().try_for_each(strict)?;
    }
    object.get("items").map_or(Ok(()), strict)?;
    object
        .get("anyOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .try_for_each(strict)
}
