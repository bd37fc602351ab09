//! The rules of the protocol as published: what is not in it is refused.

use serde_json::{Map, Value};

use super::super::{Verdict, fields, list, must};

const FIELDS: [&str; 9] = [
    "model",
    "max_tokens",
    "system",
    "messages",
    "tools",
    "thinking",
    "output_config",
    "temperature",
    "stream",
];

/// Models that think adaptively, under an effort.
const ADAPTIVE: [&str; 5] = [
    "claude-sonnet-4-6",
    "claude-opus-4-6",
    "claude-opus-4-7",
    "claude-opus-5-5",
    "claude-sonnet-5-5",
];

/// Models that think within a budget.
const BUDGETED: [&str; 5] = [
    "claude-3-7-sonnet-20250219",
    "claude-opus-4-20250514",
    "claude-sonnet-4-5",
    "claude-haiku-4-5-20251001",
    "claude-sonnet-4-6",
];

/// Models without sampling knobs.
const WITHOUT_KNOBS: [&str; 3] = ["claude-opus-4-7", "claude-opus-5-5", "claude-sonnet-5-5"];

/// Models without structured output.
const WITHOUT_SCHEMA: [&str; 3] = [
    "claude-3-7-sonnet-20250219",
    "claude-3-5-haiku-20241022",
    "claude-opus-4-20250514",
];

/// Checks a request.
pub(super) fn check(head: &str, body: &Value) -> Verdict {
    headers(head)?;
    let body = fields(body, &FIELDS)?;
    let model = body.get("model").and_then(Value::as_str);
    let model = model.ok_or("model: Field required")?;
    let limit = body.get("max_tokens").and_then(Value::as_u64);
    let limit = limit.filter(|limit| *limit > 0);
    let limit = limit.ok_or("max_tokens: Field required")?;
    if let Some(system) = body.get("system") {
        list(Some(system), "system")?.iter().try_for_each(text)?;
    }
    if let Some(given) = body.get("tools") {
        tools(list(Some(given), "tools")?)?;
    }
    let said = list(body.get("messages"), "messages")?;
    messages(said)?;
    let makes_calls = said.iter().any(|turn| kinds(turn).contains(&"tool_use"));
    must(!makes_calls || body.contains_key("tools"), || {
        "Requests which include `tool_use` or `tool_result` blocks must define tools".into()
    })?;
    thinking(body, model, limit, said)?;
    output(body.get("output_config"), model)?;
    must(body.get("stream").is_none_or(Value::is_boolean), || {
        "stream".into()
    })?;
    marks(&Value::Object(body.clone()))
}

fn headers(head: &str) -> Verdict {
    let lower = head.to_ascii_lowercase();
    must(head.starts_with("POST /v1/messages HTTP/1.1\r\n"), || {
        head.to_owned()
    })?;
    for needed in [
        "\r\ncontent-type: application/json\r\n",
        "\r\nx-api-key: ",
        "\r\nanthropic-version: 2023-06-01\r\n",
    ] {
        must(lower.contains(needed), || format!("no {needed:?}"))?;
    }
    for wrong in ["\r\naccept-encoding:", "\r\nauthorization:"] {
        must(!lower.contains(wrong), || format!("a header {wrong:?}"))?;
    }
    Ok(())
}

fn is_plain(value: &Value, longest: usize) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let name = value.as_str().unwrap_or_default();
    (1..=longest).contains(&name.len()) && name.chars().all(legal)
}

fn tools(tools: &[Value]) -> Verdict {
    let mut names = Vec::new();
    for tool in tools {
        fields(
            tool,
            &["name", "description", "input_schema", "cache_control"],
        )?;
        must(is_plain(&tool["name"], 128), || format!("{tool}"))?;
        must(!names.contains(&&tool["name"]), || "a tool twice".into())?;
        names.push(&tool["name"]);
        let schema = &tool["input_schema"];
        must(schema["type"] == "object", || format!("{tool}"))?;
        for choice in ["oneOf", "anyOf", "allOf"] {
            must(schema.get(choice).is_none(), || {
                format!("{choice} in {tool}")
            })?;
        }
    }
    Ok(())
}

/// The kinds of the blocks of a turn.
fn kinds(turn: &Value) -> Vec<&str> {
    let blocks = turn["content"].as_array().into_iter().flatten();
    blocks.filter_map(|block| block["type"].as_str()).collect()
}

fn messages(turns: &[Value]) -> Verdict {
    let mut open: Vec<&str> = Vec::new();
    let mut used: Vec<&str> = Vec::new();
    for (at, turn) in turns.iter().enumerate() {
        fields(turn, &["role", "content"])?;
        let blocks = list(turn.get("content"), "content")?;
        let role = if at % 2 == 0 { "user" } else { "assistant" };
        must(turn["role"] == role, || {
            format!("messages.{at}: roles must alternate between \"user\" and \"assistant\"")
        })?;
        if role == "user" {
            user(at, blocks, &mut open)?;
            continue;
        }
        for block in blocks {
            of_model(block)?;
            if block["type"] == "tool_use" {
                let id = block["id"].as_str().unwrap_or_default();
                must(!used.contains(&id), || {
                    "`tool_use` ids must be unique".into()
                })?;
                used.push(id);
                open.push(id);
            }
        }
    }
    must(open.is_empty(), || format!("{open:?} have no answer"))?;
    // A model goes on by itself only where a tool of the server was at work.
    let last = turns.last().unwrap_or(&Value::Null);
    let paused = kinds(last).contains(&"server_tool_use");
    must(last["role"] == "user" || paused, || {
        "This model does not support assistant message prefill.".into()
    })
}

/// A turn of others: first an answer to every open call, then words.
fn user(at: usize, blocks: &[Value], open: &mut Vec<&str>) -> Verdict {
    let mut has_words = false;
    for block in blocks {
        if block["type"] != "tool_result" {
            has_words = true;
            text(block)?;
            continue;
        }
        let known = [
            "type",
            "tool_use_id",
            "content",
            "is_error",
            "cache_control",
        ];
        let result = fields(block, &known)?;
        must(!has_words, || "an answer after words".into())?;
        let id = block["tool_use_id"].as_str().unwrap_or_default();
        let asked = open.iter().position(|open| *open == id);
        open.remove(asked.ok_or(format!("unexpected `tool_use_id` {id}"))?);
        let content = result.get("content");
        let blank = content.is_none_or(|content| content == "");
        let is_error = result.get("is_error");
        must(content.is_none_or(Value::is_string), || format!("{block}"))?;
        must(is_error.is_none_or(Value::is_boolean), || {
            format!("{block}")
        })?;
        must(!blank || is_error != Some(&true.into()), || {
            "content cannot be empty if `is_error` is true".into()
        })?;
    }
    must(open.is_empty(), || {
        format!(
            "messages.{at}: `tool_use` ids were found without `tool_result` blocks immediately after: {open:?}"
        )
    })
}

fn text(block: &Value) -> Verdict {
    fields(block, &["type", "text", "cache_control"])?;
    must(block["type"] == "text", || format!("{block}"))?;
    let words = block["text"].as_str().unwrap_or_default();
    must(!words.trim().is_empty(), || {
        "text content blocks must contain non-whitespace text".into()
    })
}

fn of_model(block: &Value) -> Verdict {
    let kind = block["type"].as_str().unwrap_or_default();
    match kind {
        "text" => {
            fields(block, &["type", "text", "citations"])?;
            let words = block["text"].as_str().unwrap_or_default();
            must(!words.trim().is_empty(), || "blank text".into())
        }
        "tool_use" => {
            fields(block, &["type", "id", "name", "input"])?;
            let legal = is_plain(&block["id"], 200) && is_plain(&block["name"], 128);
            must(legal && block["input"].is_object(), || format!("{block}"))
        }
        "thinking" => {
            fields(block, &["type", "thinking", "signature"])?;
            let thought = block["thinking"].as_str().unwrap_or_default();
            must(block["signature"] == super::signature(thought), || {
                "Invalid `signature` in `thinking` block".into()
            })
        }
        "redacted_thinking" => {
            fields(block, &["type", "data"])?;
            must(block["data"] == super::HIDDEN, || "Invalid `data`".into())
        }
        "server_tool_use" => fields(block, &["type", "id", "name", "input"]).map(drop),
        "web_search_tool_result" => fields(block, &["type", "tool_use_id", "content"]).map(drop),
        other => Err(format!("Input tag '{other}' found using 'type'")),
    }
}

fn thinking(body: &Map<String, Value>, model: &str, limit: u64, turns: &[Value]) -> Verdict {
    let thinking = body.get("thinking");
    if let Some(temperature) = body.get("temperature") {
        must(!WITHOUT_KNOBS.contains(&model), || {
            "`temperature` is deprecated for this model.".into()
        })?;
        must(thinking.is_none(), || {
            "`temperature` may only be set to 1 when thinking is enabled".into()
        })?;
        let legal = temperature.as_f64();
        let legal = legal.is_some_and(|value| (0.0..=1.0).contains(&value));
        must(legal && temperature.to_string().len() < 6, || {
            format!("temperature {temperature}")
        })?;
    }
    let Some(thinking) = thinking else {
        return Ok(());
    };
    if thinking["type"] == "adaptive" {
        fields(thinking, &["type"])?;
        return must(ADAPTIVE.contains(&model), || {
            "adaptive thinking is not supported on this model".into()
        });
    }
    fields(thinking, &["type", "budget_tokens"])?;
    must(thinking["type"] == "enabled", || format!("{thinking}"))?;
    must(BUDGETED.contains(&model), || {
        "\"thinking.type.enabled\" is not supported for this model. Use \"thinking.type.adaptive\" and \"output_config.effort\" to control thinking behavior.".into()
    })?;
    let budget = thinking["budget_tokens"].as_u64().unwrap_or_default();
    must((1_024..limit).contains(&budget), || {
        "`max_tokens` must be greater than `thinking.budget_tokens`".into()
    })?;
    // The calls since somebody last spoke must have begun with a thought.
    let speaks = |turn: &Value| turn["role"] == "user" && kinds(turn)[0] != "tool_result";
    let start = turns.iter().rposition(speaks).unwrap_or_default() + 1;
    let first = turns.get(start).map(|turn| kinds(turn)[0]);
    must(first.is_none_or(|kind| kind.ends_with("thinking")), || {
        format!("Expected `thinking` or `redacted_thinking`, but found `{first:?}`")
    })
}

fn output(output: Option<&Value>, model: &str) -> Verdict {
    let Some(output) = output else {
        return Ok(());
    };
    let output = fields(output, &["effort", "format"])?;
    if let Some(effort) = output.get("effort") {
        must(ADAPTIVE.contains(&model), || {
            "This model does not support the effort parameter.".into()
        })?;
        let levels = ["low", "medium", "high", "xhigh", "max"];
        must(
            levels.contains(&effort.as_str().unwrap_or_default()),
            || format!("effort {effort}"),
        )?;
    }
    if let Some(format) = output.get("format") {
        must(!WITHOUT_SCHEMA.contains(&model), || {
            "output_config.format: Extra inputs are not permitted".into()
        })?;
        fields(format, &["type", "schema"])?;
        must(format["type"] == "json_schema", || format!("{format}"))?;
        schema(&format["schema"])?;
    }
    Ok(())
}

fn schema(value: &Value) -> Verdict {
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
    let object = fields(value, &known)?;
    if value["type"] == "object" {
        must(value["additionalProperties"] == false, || {
            format!(
                "For 'object' type, 'additionalProperties' must be explicitly set to false: {value}"
            )
        })?;
    }
    let properties = object.get("properties").and_then(Value::as_object);
    for (_, property) in properties.into_iter().flatten() {
        schema(property)?;
    }
    object.get("items").map_or(Ok(()), schema)?;
    let choices = object.get("anyOf").and_then(Value::as_array);
    choices.into_iter().flatten().try_for_each(schema)
}

/// At most four marks, each of the one kind, none on a thought.
fn marks(body: &Value) -> Verdict {
    let blocks = ["tools", "system", "messages"]
        .into_iter()
        .flat_map(|name| {
            let list = body[name].as_array().into_iter().flatten();
            list.flat_map(|entry| match entry["content"].as_array() {
                Some(blocks) => blocks.iter().collect(),
                None => vec![entry],
            })
        });
    let marked: Vec<&Value> = blocks
        .filter(|block| block.get("cache_control").is_some())
        .collect();
    must(marked.len() <= 4, || {
        "A maximum of 4 blocks with cache_control may be provided.".into()
    })?;
    for block in marked {
        let mark = &block["cache_control"];
        fields(mark, &["type"])?;
        must(mark["type"] == "ephemeral", || format!("{mark}"))?;
    }
    Ok(())
}
