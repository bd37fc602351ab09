//! The rules of the protocol as published: what is not in it is refused.

use serde_json::{Map, Value};

use super::super::{Verdict, list, must};
use super::signature;

/// What a part may hold; exactly one of them.
const DATA: [&str; 5] = [
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
];

/// What Google takes for the signature of a call that another model made.
const UNSIGNED: [&str; 2] = [
    "skip_thought_signature_validator",
    "context_engineering_is_the_way_to_go",
];

/// Checks a request.
pub(super) fn check(head: &str, body: &Value) -> Verdict {
    let model = address(head)?;
    let generation = generation(model);
    let names = [
        "contents",
        "systemInstruction",
        "tools",
        "toolConfig",
        "generationConfig",
    ];
    let body = known(body, "the request", &names)?;
    if let Some(system) = body.get("systemInstruction") {
        known(system, "system_instruction", &["parts", "role"])?;
        for part in list(system.get("parts"), "parts")? {
            known(part, "system_instruction.parts", &["text"])?;
            must(is_words(&part["text"]), || format!("{part}"))?;
        }
    }
    let contents = list(body.get("contents"), "contents")?;
    turns(contents)?;
    if generation >= (3, 0) {
        signatures(contents)?;
    }
    if let Some(tools) = body.get("tools") {
        list(Some(tools), "tools")?.iter().try_for_each(tool)?;
    }
    let config = body.get("generationConfig");
    config.map_or(Ok(()), |config| {
        generation_config(config, body.contains_key("tools"), model, generation)
    })
}

/// The model in the address, if everything before the body is as it should be.
fn address(head: &str) -> Result<&str, String> {
    let line = head.lines().next().unwrap_or_default();
    let path = line
        .strip_prefix("POST /v1beta/models/")
        .and_then(|rest| rest.strip_suffix(" HTTP/1.1"));
    let (model, method) = path.and_then(|path| path.split_once(':')).ok_or(line)?;
    let methods = ["generateContent", "streamGenerateContent?alt=sse"];
    must(methods.contains(&method), || line.to_owned())?;
    must(!model.contains('/'), || line.to_owned())?;
    let lower = head.to_ascii_lowercase();
    for (holds, words) in [
        (lower.contains("\r\nx-goog-api-key: "), "no key"),
        (!lower.contains("\r\nauthorization:"), "two keys"),
        (
            lower.contains("\r\ncontent-type: application/json\r\n"),
            "the type",
        ),
        (!lower.contains("accept-encoding"), "compression"),
    ] {
        must(holds, || words.to_owned())?;
    }
    Ok(model)
}

fn generation(model: &str) -> (u32, u32) {
    let digits: Vec<u32> = model
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|number| number.parse().ok())
        .collect();
    match digits[..] {
        [] => (2, 0),
        [major] => (major, 0),
        [major, minor, ..] => (major, minor),
    }
}

/// The object, if it has no other fields than these.
fn known<'v>(
    value: &'v Value,
    place: &str,
    names: &[&str],
) -> Result<&'v Map<String, Value>, String> {
    let object = value.as_object().ok_or(format!("{value} is no object"))?;
    for name in object.keys() {
        must(names.contains(&name.as_str()), || {
            format!(
                "Invalid JSON payload received. Unknown name \"{name}\" at '{place}': Cannot find field."
            )
        })?;
    }
    Ok(object)
}

fn is_words(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

fn is_name(value: &Value) -> bool {
    let name = value.as_str().unwrap_or_default();
    let legal = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    begins && name.len() <= 64 && name.chars().all(legal)
}

fn each<'v>(content: &'v Value, kind: &str) -> Vec<&'v Value> {
    let parts = content["parts"].as_array().into_iter().flatten();
    parts.filter_map(|part| part.get(kind)).collect()
}

fn turns(contents: &[Value]) -> Verdict {
    for (at, content) in contents.iter().enumerate() {
        known(content, "contents", &["role", "parts"])?;
        let role = content["role"].as_str().unwrap_or_default();
        must(matches!(role, "user" | "model"), || {
            "Please use a valid role: user, model.".to_owned()
        })?;
        for part in list(content.get("parts"), "parts")? {
            check_part(part, role)?;
        }
        let before = at.checked_sub(1).map(|at| &contents[at]);
        let calls = before.map_or(Vec::new(), |before| each(before, "functionCall"));
        let responses = each(content, "functionResponse");
        must(calls.len() == responses.len(), || {
            "Please ensure that the number of function response parts is equal to the number of \
             function call parts of the function call turn."
                .to_owned()
        })?;
        for (call, response) in calls.iter().zip(responses) {
            for key in ["name", "id"] {
                must(call.get(key) == response.get(key), || {
                    format!("{response} does not answer {call}")
                })?;
            }
        }
        let after_user = before.is_some_and(|before| before["role"] == "user");
        must(
            each(content, "functionCall").is_empty() || after_user,
            || {
                "Please ensure that function call turn comes immediately after a user turn or after a \
             function response turn."
                .to_owned()
            },
        )?;
    }
    let role = |content: Option<&Value>| content.is_some_and(|content| content["role"] == "user");
    must(role(contents.first()) && role(contents.last()), || {
        "the model speaks first or last".to_owned()
    })
}

fn check_part(part: &Value, role: &str) -> Verdict {
    let others = ["thought", "thoughtSignature"];
    let fields = known(part, "contents.parts", &[&DATA[..], &others].concat())?;
    let kinds: Vec<&str> = DATA
        .into_iter()
        .filter(|kind| fields.contains_key(*kind))
        .collect();
    must(kinds.len() == 1, || {
        format!("required oneof field 'data' must have one initialized field: {part}")
    })?;
    let signature = fields.get("thoughtSignature");
    must(signature.is_none_or(is_words), || format!("{part}"))?;
    match kinds[0] {
        "text" => must(
            is_words(&part["text"]) || part["text"] == "" && signature.is_some(),
            || format!("an empty part: {part}"),
        ),
        "functionCall" => {
            must(role == "model", || format!("a {role} calls"))?;
            let call = &part["functionCall"];
            known(call, "function_call", &["id", "name", "args"])?;
            must(is_name(&call["name"]), || {
                format!("Invalid function name: {call}")
            })?;
            must(call.get("args").is_none_or(Value::is_object), || {
                format!("{call}")
            })
        }
        "functionResponse" => {
            must(role == "user" && signature.is_none(), || {
                format!("a {role} answers")
            })?;
            let response = &part["functionResponse"];
            known(response, "function_response", &["id", "name", "response"])?;
            must(response["response"].is_object(), || format!("{response}"))
        }
        other => Err(format!("nobody sends {other}")),
    }
}

/// Each step of the current turn must carry the signature of its first call, and every signature
/// be that of its place.
fn signatures(contents: &[Value]) -> Verdict {
    let begins = |content: &Value| content["role"] == "user" && !each(content, "text").is_empty();
    let current = contents.iter().rposition(begins).unwrap_or(0);
    for (at, content) in contents.iter().enumerate() {
        let parts = content["parts"].as_array().into_iter().flatten();
        let own = signature(at);
        for signature in each(content, "thoughtSignature") {
            let foreign = UNSIGNED.iter().any(|mark| signature == mark);
            must(foreign || *signature == own, || {
                format!("Corrupted thought signature: {signature} at {at}")
            })?;
        }
        let first = parts
            .clone()
            .find(|part| part.get("functionCall").is_some());
        let signed = first.is_none_or(|first| first.get("thoughtSignature").is_some());
        must(signed || at < current, || {
            format!("Function call is missing a thought_signature in functionCall parts: {content}")
        })?;
    }
    Ok(())
}

fn tool(tool: &Value) -> Verdict {
    known(tool, "tools", &["functionDeclarations"])?;
    for declared in list(tool.get("functionDeclarations"), "functionDeclarations")? {
        let names = ["name", "description", "parameters", "parametersJsonSchema"];
        known(declared, "tools.function_declarations", &names)?;
        must(is_name(&declared["name"]), || {
            format!("Invalid function name: {declared}")
        })?;
        must(is_words(&declared["description"]), || format!("{declared}"))?;
        let (old, new) = (
            declared.get("parameters"),
            declared.get("parametersJsonSchema"),
        );
        must(old.is_none() || new.is_none(), || {
            format!("both: {declared}")
        })?;
        old.map_or(Ok(()), openapi)?;
        let parameters = old.or(new).unwrap_or(&Value::Null);
        must(parameters["type"] == "object", || format!("{declared}"))?;
    }
    Ok(())
}

fn openapi(schema: &Value) -> Verdict {
    let names = [
        "type",
        "description",
        "properties",
        "required",
        "items",
        "enum",
        "nullable",
        "anyOf",
    ];
    let schema = known(schema, "parameters", &names)?;
    let properties = schema.get("properties").and_then(Value::as_object);
    let inner = properties.into_iter().flat_map(Map::values);
    inner.chain(schema.get("items")).try_for_each(openapi)
}

fn generation_config(config: &Value, tools: bool, model: &str, generation: (u32, u32)) -> Verdict {
    let names = [
        "temperature",
        "topP",
        "topK",
        "maxOutputTokens",
        "stopSequences",
        "seed",
        "responseMimeType",
        "responseSchema",
        "responseJsonSchema",
        "thinkingConfig",
    ];
    let config = known(config, "generation_config", &names)?;
    if let Some(temperature) = config.get("temperature") {
        let legal = temperature
            .as_f64()
            .is_some_and(|value| (0.0..=2.0).contains(&value));
        must(legal && temperature.to_string().len() < 6, || {
            format!("temperature {temperature}")
        })?;
        must(generation < (3, 6), || {
            "temperature is deprecated for this model".to_owned()
        })?;
    }
    let most = config
        .get("maxOutputTokens")
        .map_or(Some(8_192), Value::as_u64);
    must(most > Some(0), || format!("maxOutputTokens {most:?}"))?;
    let mime = config.get("responseMimeType");
    must(mime.is_none_or(|mime| mime == "application/json"), || {
        format!("{mime:?}")
    })?;
    must(mime.is_none() || !tools || generation >= (3, 0), || {
        "Function calling with a response mime type: 'application/json' is unsupported".to_owned()
    })?;
    if let Some(schema) = config.get("responseJsonSchema") {
        must(mime.is_some() && schema.is_object(), || {
            "a schema without JSON".to_owned()
        })?;
    }
    let thinking = config.get("thinkingConfig");
    thinking.map_or(Ok(()), |config| thinks(config, most, model, generation))
}

fn thinks(config: &Value, most: Option<u64>, model: &str, generation: (u32, u32)) -> Verdict {
    let names = ["includeThoughts", "thinkingBudget", "thinkingLevel"];
    let config = known(config, "generation_config.thinking_config", &names)?;
    if let Some(level) = config.get("thinkingLevel") {
        must(generation >= (3, 0), || {
            "Thinking level is not supported for this model.".to_owned()
        })?;
        must(!config.contains_key("thinkingBudget"), || {
            "You can only set only one of thinking budget and thinking level.".to_owned()
        })?;
        let level = level.as_str().unwrap_or_default();
        must(
            ["MINIMAL", "LOW", "MEDIUM", "HIGH"].contains(&level),
            || level.to_owned(),
        )?;
        must(
            !(model.starts_with("gemini-3-pro") && level == "MEDIUM"),
            || {
                "Thinking level MEDIUM is not supported for this model. Please retry with other thinking level."
                .to_owned()
            },
        )?;
    }
    if let Some(budget) = config.get("thinkingBudget") {
        must(generation == (2, 5), || {
            "thinking is not supported by this model".to_owned()
        })?;
        let budget = budget.as_u64().unwrap_or_default();
        must(
            (512..=24_576).contains(&budget) && Some(budget) < most,
            || {
                format!(
                    "The thinking budget {budget} is invalid. Please choose a value between 512 and 24576."
                )
            },
        )?;
    }
    Ok(())
}
