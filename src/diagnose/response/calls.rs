//! Tool calls: known, complete, about what there is, and not the same for ever.

use serde_json::{Map, Value};

use crate::domain::failure::ErrorType;
use crate::heal::lenient;

use super::super::action;
use super::super::case::{Call, Case};
use super::content::{elision, packaging};
use super::{Fault, schema};

/// How often the same call, or pair of calls, is made before it is a loop.
const SAME: usize = 3;
const PAIRS: usize = 3;

/// What the tools of this house and their likes must be given, where no schema says so.
const REQUIRED: [(&str, &[&str]); 12] = [
    ("read_file", &["path"]),
    ("write_file", &["path", "content"]),
    ("create_file", &["path", "content"]),
    ("delete_file", &["path"]),
    ("edit_file", &["path"]),
    ("apply_patch", &["patch"]),
    ("run_command", &["command"]),
    ("run", &["command"]),
    ("shell", &["command"]),
    ("bash", &["command"]),
    ("search_code", &["query"]),
    ("finish", &["summary"]),
];

/// Tools that need the file they name.
const READING: [&str; 5] = [
    "read_file",
    "edit_file",
    "delete_file",
    "open_file",
    "view_file",
];

pub(super) fn fault(case: &Case) -> Option<Fault> {
    let calls = &case.response.tool_calls;
    if calls.is_empty() {
        let in_text = lenient::recover_json(&case.response.text)
            .is_some_and(|value| value.get("name").is_some() || value.get("tool").is_some());
        let message = "the answer calls no tool";
        return Some(Fault::new("call.none", message).repairable(in_text));
    }
    calls.iter().find_map(|call| of_call(call, case))
}

fn of_call(call: &Call, case: &Case) -> Option<Fault> {
    let tools = &case.request.tools;
    let spec = tools
        .iter()
        .find(|tool| name_of(tool) == Some(call.name.as_str()));
    if call.name.is_empty() || (!tools.is_empty() && spec.is_none()) {
        let message = format!("there is no tool {:?}", call.name);
        return Some(Fault::new("call.unknown_tool", message).shown(call.name.clone()));
    }
    let arguments = match arguments(&call.arguments) {
        Ok(arguments) => arguments,
        Err((why, repairable)) => {
            let message = format!("the arguments of {} are {why}", call.name);
            return Some(Fault::new("call.bad_arguments", message).repairable(repairable));
        }
    };
    let schema = spec.and_then(parameters);
    let mismatch = match schema {
        Some(schema) => schema::mismatch(schema, &Value::Object(arguments.clone())),
        None => lacks(&call.name, &arguments),
    };
    if let Some(mismatch) = mismatch {
        let message = format!("the arguments of {} do not fit: {mismatch}", call.name);
        return Some(Fault::new("call.bad_arguments", message));
    }
    if let Some(message) = case
        .policy
        .as_ref()
        .and_then(|policy| action::refused(&call.name, &Value::Object(arguments.clone()), policy))
    {
        return Some(Fault::new("call.refused", message).instead(ErrorType::Safety));
    }
    of_file(call, &arguments, case)
}

/// What a call does to a file.
fn of_file(call: &Call, arguments: &Map<String, Value>, case: &Case) -> Option<Fault> {
    let path = arguments
        .get("path")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let plain = path.strip_prefix("./").unwrap_or(path);
    let (files, contents) = (&case.context.project_files, &case.context.file_contents);
    let is_there = files.iter().any(|file| file == plain) || contents.contains_key(plain);
    let says = !files.is_empty() || !contents.is_empty();
    if READING.contains(&call.name.as_str()) && !path.is_empty() && says && !is_there {
        let message = format!("there is no file {path}");
        return Some(Fault::new("call.no_such_file", message).shown(path));
    }
    let old = arguments.get("old_text").and_then(Value::as_str);
    let lacks = |old: &str| {
        contents
            .get(plain)
            .is_some_and(|content| !content.contains(old))
    };
    if old.is_some_and(lacks) {
        let message = format!("the text to find is not in {path}");
        return Some(Fault::new("edit.no_match", message).shown(path));
    }
    let content = arguments.get("content").and_then(Value::as_str)?;
    let before = contents.get(plain).map_or("", String::as_str);
    let gap = elision(content).filter(|line| !before.contains(*line));
    let (rule, line) = match (packaging(path, content), gap) {
        (Some(line), _) => ("call.packaging", line),
        (None, Some(line)) => ("call.elision", line),
        (None, None) => return None,
    };
    let message = format!("what is to be written to {path} is not the content of a file");
    Some(Fault::new(rule, message).shown(line))
}

/// The text of arguments, as it came.
pub(super) fn arguments_text(arguments: &Value) -> String {
    match arguments {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Arguments as an object, or what they are instead and whether they can be saved.
fn arguments(given: &Value) -> Result<Map<String, Value>, (&'static str, bool)> {
    match given {
        Value::Object(object) => Ok(object.clone()),
        Value::Null => Ok(Map::new()),
        Value::String(text) if text.trim().is_empty() => Ok(Map::new()),
        Value::String(text) => match serde_json::from_str(text) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) => Err(("no object", false)),
            Err(_) => {
                let saved = lenient::recover_json(text).is_some_and(|value| value.is_object());
                Err(("not JSON", saved))
            }
        },
        _ => Err(("no object", false)),
    }
}

fn lacks(name: &str, arguments: &Map<String, Value>) -> Option<String> {
    let (_, required) = REQUIRED.iter().find(|(tool, _)| *tool == name)?;
    required.iter().find_map(|key| match arguments.get(*key) {
        Some(Value::String(text)) if text.is_empty() && *key != "content" => {
            Some(format!("{key:?} is empty"))
        }
        Some(Value::String(_)) => None,
        Some(_) => Some(format!("{key:?} is not a string")),
        None => Some(format!("{key:?} is missing")),
    })
}

fn name_of(tool: &Value) -> Option<&str> {
    let inner = tool.get("function").unwrap_or(tool);
    tool.as_str().or_else(|| inner.get("name")?.as_str())
}

fn parameters(tool: &Value) -> Option<&Value> {
    let inner = tool.get("function").unwrap_or(tool);
    let keys = ["parameters", "input_schema", "arguments"];
    keys.iter().find_map(|key| inner.get(key))
}

/// The same calls, or the same pair of calls, again and again.
pub(super) fn repeated(case: &Case) -> Option<Fault> {
    let turn = |calls: &[Call]| -> Vec<(String, String)> {
        let plain = |call: &Call| {
            let text = arguments_text(&call.arguments);
            let text = serde_json::from_str::<Value>(&text).map_or(text, |value| value.to_string());
            (call.name.clone(), text)
        };
        calls.iter().map(plain).collect()
    };
    let now = turn(&case.response.tool_calls);
    let (first, words) = (now.first(), case.response.text.trim());
    let mut turns: Vec<(Vec<(String, String)>, &str)> = case
        .history
        .iter()
        .map(|attempt| (turn(&attempt.tool_calls), attempt.text.trim()))
        .collect();
    turns.push((now.clone(), words));
    turns.reverse();
    let is_something = first.is_some() || !words.is_empty();
    let same = |turn: &(Vec<(String, String)>, &str), other: &(Vec<(String, String)>, &str)| {
        turn.0 == other.0 && (!turn.0.is_empty() || turn.1 == other.1)
    };
    let is_loop = turns.len() >= SAME && turns[..SAME].iter().all(|turn| same(turn, &turns[0]));
    let is_dance = turns.len() >= 2 * PAIRS - 1
        && (2..2 * PAIRS - 1).all(|at| same(&turns[at], &turns[at - 2]));
    let shown = first.map_or(String::new(), |(_, text)| text.clone());
    (is_something && (is_loop || is_dance))
        .then(|| Fault::new("call.loop", "the model does the same again and again").shown(shown))
}
