//! The rules of the protocol as published: what is not in it is refused, and what is left to the
//! server's defaults, too.

use serde_json::{Map, Value};

use super::super::{Verdict, fields, list, must};

const FIELDS: [&str; 8] = [
    "model",
    "messages",
    "tools",
    "think",
    "format",
    "options",
    "stream",
    "keep_alive",
];

const OPTIONS: [&str; 8] = [
    "num_ctx",
    "num_predict",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "seed",
    "stop",
];

/// Checks a request.
pub(super) fn check(head: &str, body: &Value) -> Verdict {
    let lower = head.to_ascii_lowercase();
    must(head.starts_with("POST /api/chat HTTP/1.1\r\n"), || {
        head.to_owned()
    })?;
    must(lower.contains("content-type: application/json"), || {
        "the type".into()
    })?;
    must(!lower.contains("accept-encoding"), || "compression".into())?;
    let body = fields(body, &FIELDS)?;
    must(body.get("model").is_some_and(Value::is_string), || {
        "model is required".into()
    })?;
    must(body.get("stream").is_some_and(Value::is_boolean), || {
        "whether to stream is left to the server".into()
    })?;
    messages(list(body.get("messages"), "messages")?)?;
    if let Some(given) = body.get("tools") {
        tools(list(Some(given), "tools")?)?;
    }
    if let Some(format) = body.get("format") {
        must(*format == "json" || format["type"].is_string(), || {
            format!("invalid format: {format}")
        })?;
    }
    think(body)?;
    options(body.get("options").ok_or("no options")?)
}

fn think(body: &Map<String, Value>) -> Verdict {
    let Some(think) = body.get("think") else {
        return Ok(());
    };
    let model = body["model"].as_str().unwrap_or_default();
    let level = think
        .as_str()
        .is_some_and(|level| ["low", "medium", "high", "max"].contains(&level));
    if model.starts_with("gpt-oss") {
        must(level, || format!("{model} needs a level, not {think}"))
    } else {
        must(level || think.is_boolean(), || {
            format!("invalid think value: {think}")
        })
    }
}

fn options(options: &Value) -> Verdict {
    let options = fields(options, &OPTIONS)?;
    for name in ["num_ctx", "num_predict"] {
        let number = options.get(name).and_then(Value::as_u64);
        must(number > Some(0), || format!("{name} is {number:?}"))?;
    }
    must(
        options["num_predict"].as_u64() < options["num_ctx"].as_u64(),
        || "no room for a prompt".into(),
    )?;
    let temperature = options.get("temperature");
    must(
        temperature.is_none_or(|value| value.is_number() && value.to_string().len() < 6),
        || format!("temperature {temperature:?}"),
    )
}

fn messages(messages: &[Value]) -> Verdict {
    let mut open: Vec<(&str, &str)> = Vec::new();
    let mut used: Vec<&str> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        must(message["content"].is_string(), || format!("{message}"))?;
        must(role == "tool" || open.is_empty(), || {
            format!("{open:?} have no answer before {message}")
        })?;
        match role {
            "system" | "user" => {
                must((role == "user") != (at == 0), || {
                    format!("a {role} at {at}")
                })?;
                fields(message, &["role", "content"])?;
            }
            "assistant" => {
                let known = ["role", "content", "thinking", "tool_calls"];
                let message = fields(message, &known)?;
                must(message.get("thinking").is_none_or(Value::is_string), || {
                    format!("{message:?}")
                })?;
                if let Some(calls) = message.get("tool_calls") {
                    let calls = list(Some(calls), "tool_calls")?.iter().map(call);
                    open = calls.collect::<Result<_, _>>()?;
                }
                for (id, _) in &open {
                    must(!used.contains(id), || format!("the id {id} is used twice"))?;
                    used.push(id);
                }
            }
            "tool" => {
                fields(message, &["role", "content", "tool_name", "tool_call_id"])?;
                let text = |key: &str| message[key].as_str().unwrap_or_default();
                let answered = (text("tool_call_id"), text("tool_name"));
                let asked = open.iter().position(|open| *open == answered);
                open.remove(asked.ok_or(format!("nobody asked for {message}"))?);
            }
            other => return Err(format!("the role {other:?}")),
        }
    }
    must(open.is_empty(), || format!("{open:?} have no answer"))?;
    let last = messages.last().map_or(&Value::Null, |last| &last["role"]);
    must(last != "assistant", || "the model speaks last".into())
}

/// The id of a call and the name of its tool.
fn call(call: &Value) -> Result<(&str, &str), String> {
    fields(call, &["id", "function"])?;
    let function = fields(&call["function"], &["index", "name", "arguments"])?;
    must(
        function.get("arguments").is_some_and(Value::is_object),
        || format!("json: cannot unmarshal the arguments of {call}"),
    )?;
    let id = call["id"].as_str().unwrap_or_default();
    let name = call["function"]["name"].as_str().unwrap_or_default();
    must(!id.is_empty() && !name.is_empty(), || {
        format!("{call} has no id or no name")
    })?;
    Ok((id, name))
}

fn tools(tools: &[Value]) -> Verdict {
    for tool in tools {
        fields(tool, &["type", "function"])?;
        must(tool["type"] == "function", || format!("{tool}"))?;
        let known = ["name", "description", "parameters"];
        let function = fields(&tool["function"], &known)?;
        must(
            function.get("name").is_some_and(Value::is_string)
                && function["parameters"]["type"] == "object",
            || format!("{tool}"),
        )?;
    }
    Ok(())
}
