//! What both of OpenAI's protocols demand.

use serde_json::{Map, Value, json};

use super::{Reply, Verdict, fields, list, must};

/// How much a model can be told to reason.
const EFFORTS: [&str; 7] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/// An error as OpenAI words it.
pub(crate) fn error(status: u16, kind: &str, message: &str) -> Reply {
    let error = json!({"message": message, "type": kind, "param": null, "code": kind});
    Reply::json(status, &json!({"error": error}))
}

/// Whether the model reasons before it answers.
pub(super) fn reasons(body: &Map<String, Value>) -> bool {
    let model = body.get("model").and_then(Value::as_str);
    let model = model.unwrap_or_default();
    let families = ["o3", "gpt-5", "gpt-6"];
    families.iter().any(|family| model.starts_with(family)) && !model.contains("-chat")
}

pub(super) fn is_name(value: Option<&Value>) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let name = value.and_then(Value::as_str).unwrap_or_default();
    (1..=64).contains(&name.len()) && name.chars().all(legal)
}

/// An id of a call, at most so long.
pub(super) fn is_id(value: Option<&Value>, longest: usize) -> bool {
    let id = value.and_then(Value::as_str).unwrap_or_default();
    (1..=longest).contains(&id.len())
}

pub(super) fn effort(effort: &Value) -> Verdict {
    let known = effort.as_str().is_some_and(|name| EFFORTS.contains(&name));
    must(known, || format!("Invalid value: {effort}."))
}

pub(super) fn temperature(temperature: &Value) -> Verdict {
    let value = temperature.as_f64();
    let legal = value.is_some_and(|value| (0.0..=2.0).contains(&value));
    must(legal && temperature.to_string().len() < 6, || {
        format!("temperature {temperature}")
    })
}

/// The text of a call's arguments.
pub(super) fn arguments(text: Option<&Value>) -> Verdict {
    let text = text.and_then(Value::as_str).unwrap_or_default();
    let arguments = serde_json::from_str::<Value>(text);
    must(arguments.is_ok_and(|value| value.is_object()), || {
        format!("the arguments {text:?}")
    })
}

/// The schema of a tool's arguments.
pub(super) fn parameters(schema: &Value) -> Verdict {
    must(schema["type"] == "object", || format!("{schema}"))?;
    must(schema["properties"].is_object(), || {
        format!("In context=(), object schema missing properties: {schema}")
    })
}

/// A schema that is to be kept to the letter.
pub(super) fn strict(schema: &Value) -> Verdict {
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
        let demanded = |name: &String| required.contains(&name.as_str().into());
        must(properties.keys().all(demanded), || {
            format!(
                "'required' is required to be supplied and to be an array including every key in {schema}"
            )
        })?;
        properties.values().try_for_each(strict)?;
    }
    object.get("items").map_or(Ok(()), strict)?;
    match object.get("anyOf") {
        Some(choices) => list(Some(choices), "anyOf")?.iter().try_for_each(strict),
        None => Ok(()),
    }
}
