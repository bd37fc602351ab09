//! Reading a model's answer: JSON in the text, and tool calls fenced in it.

use serde_json::Value;

use crate::domain::message::{ModelAnswer, ToolCall};

/// The JSON that an answer holds: the whole text, or its one fenced block.
///
/// # Errors
/// The parser's own words, for the model to read.
pub(super) fn json(text: &str) -> Result<Value, String> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err("the answer is empty".to_owned());
    }
    let candidate = match fenced_blocks(trimmed).as_slice() {
        [only] => *only,
        _ => trimmed,
    };
    serde_json::from_str(candidate).map_err(|error| error.to_string())
}

/// The calls of an answer: the native ones, else those fenced in its text.
pub(super) fn calls(answer: &ModelAnswer, ordinal: u32) -> Vec<ToolCall> {
    if !answer.tool_calls.is_empty() {
        return answer.tool_calls.clone();
    }
    fenced_blocks(&answer.text)
        .into_iter()
        .filter_map(|block| serde_json::from_str::<Value>(block).ok())
        .filter_map(|value| {
            let name = value.get("tool").or_else(|| value.get("name"))?.as_str()?;
            let arguments = value.get("arguments")?;
            Some((name.to_owned(), arguments.clone()))
        })
        .enumerate()
        .map(|(index, (name, arguments))| ToolCall {
            id: format!("text-{ordinal}-{}", index + 1),
            name,
            arguments,
        })
        .collect()
}

/// The contents of the fenced blocks of a text that are said to be JSON, or not said to be anything.
fn fenced_blocks(text: &str) -> Vec<&str> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("```") {
        let after = &rest[start + 3..];
        let Some(line) = after.find('\n') else { break };
        let language = after[..line].trim();
        let body = &after[line + 1..];
        let Some(end) = body
            .find("\n```")
            .or_else(|| body.starts_with("```").then_some(0))
        else {
            break;
        };
        if matches!(language, "" | "json" | "tool" | "tool_call") {
            blocks.push(body[..end].trim());
        }
        rest = body[end..]
            .trim_start_matches('\n')
            .strip_prefix("```")
            .unwrap_or("");
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::budget::Usage;
    use crate::domain::message::FinishReason;

    fn answer(text: &str) -> ModelAnswer {
        ModelAnswer {
            text: text.into(),
            tool_calls: Vec::new(),
            finish: FinishReason::Stop,
            usage: Usage::default(),
            native: None,
        }
    }

    #[test]
    fn json_is_read_bare_or_from_one_fence_with_words_around() {
        for text in [
            r#"{"a":1}"#,
            "  {\"a\":1}\n",
            "Here it is:\n```json\n{\"a\":1}\n```\nGood luck!",
            "```\n{\"a\":1}\n```",
        ] {
            assert_eq!(json(text), Ok(serde_json::json!({"a": 1})), "{text:?}");
        }
    }

    #[test]
    fn what_is_wrong_with_json_is_said_in_the_parsers_words() {
        assert_eq!(
            json("{\"steps\": [{\"id\": \"st"),
            Err("EOF while parsing a string at line 1 column 21".into())
        );
        assert_eq!(json(" \n"), Err("the answer is empty".into()));
    }

    #[test]
    fn fenced_calls_are_found_in_order_and_other_blocks_are_not_calls() {
        let text = "First I look.\n```json\n{\"tool\":\"read_file\",\"arguments\":{\"path\":\"a\"}}\n```\n\
                    ```rust\nfn main() {}\n```\nThen:\n```json\n{\"name\":\"finish\",\"arguments\":{\"summary\":\"s\"}}\n```";
        let calls = calls(&answer(text), 7);
        let names: Vec<_> = calls
            .iter()
            .map(|call| (call.id.as_str(), call.name.as_str()))
            .collect();
        assert_eq!(names, [("text-7-1", "read_file"), ("text-7-2", "finish")]);
        assert!(super::calls(&answer("```json\n{\"a\":1}\n```"), 1).is_empty());
        assert!(super::calls(&answer("```json\n{\"tool\":"), 1).is_empty());
    }
}
