//! The rules of the protocol as published: what is not in it is refused, in OpenAI's words.

use serde_json::{Map, Value};

use super::super::openai::{
    effort, is_name, parameters as arguments, reasons, strict, temperature,
};
use super::super::{Verdict, list, must};
use super::items;

const FIELDS: [&str; 12] = [
    "model",
    "instructions",
    "input",
    "tools",
    "text",
    "reasoning",
    "include",
    "store",
    "max_output_tokens",
    "temperature",
    "prompt_cache_key",
    "stream",
];

/// What chat completions calls something else.
const MOVED: [(&str, &str); 6] = [
    ("messages", "input"),
    ("response_format", "text.format"),
    ("max_tokens", "max_output_tokens"),
    ("max_completion_tokens", "max_output_tokens"),
    ("reasoning_effort", "reasoning.effort"),
    ("verbosity", "text.verbosity"),
];

/// Checks a request.
pub(super) fn check(head: &str, body: &Value) -> Verdict {
    let lower = head.to_ascii_lowercase();
    must(head.starts_with("POST /v1/responses HTTP/1.1\r\n"), || {
        head.to_owned()
    })?;
    must(lower.contains("content-type: application/json"), || {
        "the type".into()
    })?;
    for (name, now) in MOVED {
        must(body.get(name).is_none(), || {
            format!(
                "Unsupported parameter: '{name}'. In the Responses API, this parameter has moved to '{now}'."
            )
        })?;
    }
    let body = known(body, &FIELDS, "")?;
    must(body.get("model").is_some_and(Value::is_string), || {
        "Missing required parameter: 'model'.".into()
    })?;
    let instructions = body.get("instructions");
    must(instructions.is_some_and(Value::is_string), || {
        "no system prompt".into()
    })?;
    items::check(list(body.get("input"), "input")?, reasons(body))?;
    if let Some(given) = body.get("tools") {
        tools(list(Some(given), "tools")?)?;
    }
    if let Some(text) = body.get("text") {
        format(&known(text, &["format", "verbosity"], "text.")?["format"])?;
    }
    parameters(body)
}

/// The object, if it has no other fields than these.
pub(super) fn known<'v>(
    value: &'v Value,
    known: &[&str],
    place: &str,
) -> Result<&'v Map<String, Value>, String> {
    let object = value.as_object().ok_or(format!("{value} is no object"))?;
    for name in object.keys() {
        must(known.contains(&name.as_str()), || {
            format!("Unknown parameter: '{place}{name}'.")
        })?;
    }
    Ok(object)
}

fn parameters(body: &Map<String, Value>) -> Verdict {
    let unsupported =
        |name: &str| format!("Unsupported parameter: '{name}' is not supported with this model.");
    must(body.get("store") == Some(&false.into()), || {
        "it is to be kept".into()
    })?;
    let limit = body.get("max_output_tokens").and_then(Value::as_u64);
    must(limit >= Some(16), || {
        format!("Invalid 'max_output_tokens': integer below minimum value: {limit:?}")
    })?;
    if let Some(given) = body.get("temperature") {
        must(!reasons(body), || unsupported("temperature"))?;
        temperature(given)?;
    }
    if let Some(reasoning) = body.get("reasoning") {
        must(reasons(body), || unsupported("reasoning.effort"))?;
        effort(&known(reasoning, &["effort", "summary"], "reasoning.")?["effort"])?;
    }
    if let Some(wanted) = body.get("include") {
        must(reasons(body), || {
            "Encrypted content is not supported with this model.".into()
        })?;
        for one in list(Some(wanted), "include")? {
            must(one == "reasoning.encrypted_content", || {
                format!("Invalid value: {one}.")
            })?;
        }
    }
    must(body.get("stream").is_none_or(Value::is_boolean), || {
        "stream".into()
    })?;
    let key = body.get("prompt_cache_key");
    must(key.is_none_or(Value::is_string), || format!("{key:?}"))
}

fn tools(tools: &[Value]) -> Verdict {
    must(tools.len() <= 128, || "too many tools".into())?;
    for (at, tool) in tools.iter().enumerate() {
        let place = format!("tools[{at}].");
        must(is_name(tool.get("name")), || {
            format!("Missing required parameter: '{place}name'.")
        })?;
        let fields = ["type", "name", "description", "parameters", "strict"];
        let object = known(tool, &fields, &place)?;
        must(tool["type"] == "function", || format!("{tool}"))?;
        arguments(&tool["parameters"])?;
        // Left unsaid it is true, and that must be meant.
        match object.get("strict").and_then(Value::as_bool) {
            Some(true) => strict(&tool["parameters"])?,
            Some(false) => {}
            None => return Err(format!("{place}strict is not said")),
        }
    }
    Ok(())
}

fn format(format: &Value) -> Verdict {
    must(is_name(format.get("name")), || {
        "Missing required parameter: 'text.format.name'.".into()
    })?;
    let fields = ["type", "name", "description", "schema", "strict"];
    let object = known(format, &fields, "text.format.")?;
    must(format["type"] == "json_schema", || format!("{format}"))?;
    if object.get("strict") == Some(&true.into()) {
        must(format["schema"]["type"] == "object", || {
            "the root must be an object".into()
        })?;
        strict(&format["schema"])?;
    }
    Ok(())
}
