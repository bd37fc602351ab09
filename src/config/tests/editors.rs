//! The schema for editors: it says what the loader checks, no more and hardly less.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};

use regex::Regex;

use super::super::key_path::{KeyPath, Segment};
use super::super::schema;
use super::super::shape::Shape;
use super::example::{EXAMPLE, WHOLE, with_every_setting_in_force};
use super::*;

/// What the schema is made of; this test knows no more.
const WORDS: [&str; 13] = [
    "$schema",
    "title",
    "description",
    "default",
    "type",
    "enum",
    "pattern",
    "minimum",
    "maximum",
    "properties",
    "additionalProperties",
    "propertyNames",
    "items",
];

/// Where an editor would put a squiggle.
fn squiggles(schema: &Value, value: &Value, path: &str) -> Vec<String> {
    for word in schema.as_object().unwrap().keys() {
        assert!(WORDS.contains(&word.as_str()), "{word}");
    }
    let mut found: Vec<String> = on_itself(schema, value)
        .into_iter()
        .map(|what| format!("{path}: {what}"))
        .collect();
    for (name, value) in value.as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        if let Some(pattern) = schema["propertyNames"]["pattern"].as_str() {
            found.extend((!matches(pattern, name)).then(|| format!("{path}: name")));
        }
        let known = &schema["properties"][name.as_str()];
        match (known, &schema["additionalProperties"]) {
            (Value::Null, Value::Bool(false)) => found.push(format!("{path}: unknown")),
            (Value::Null, Value::Null) => {}
            (Value::Null, other) => found.extend(squiggles(other, value, &path)),
            (known, _) => found.extend(squiggles(known, value, &path)),
        }
    }
    let items = schema.get("items").zip(value.as_array());
    for item in items.iter().flat_map(|(_, items)| items.iter()) {
        found.extend(squiggles(&schema["items"], item, &format!("{path}[]")));
    }
    found
}

/// What of the schema a value itself does not keep to.
fn on_itself(schema: &Value, value: &Value) -> Vec<&'static str> {
    let among = |words: &Value| words.as_array().is_none_or(|words| words.contains(value));
    let number = value.as_f64();
    let beside = |limit: &Value, fits: fn(f64, f64) -> bool| {
        let pair = number.zip(limit.as_f64());
        pair.is_none_or(|(number, limit)| fits(number, limit))
    };
    let text = schema["pattern"].as_str().zip(value.as_str());
    let kept = [
        ("type", is_of_type(&schema["type"], value)),
        ("enum", among(&schema["enum"])),
        (
            "pattern",
            text.is_none_or(|(pattern, text)| matches(pattern, text)),
        ),
        (
            "minimum",
            beside(&schema["minimum"], |number, least| number >= least),
        ),
        (
            "maximum",
            beside(&schema["maximum"], |number, most| number <= most),
        ),
    ];
    let broken = kept.into_iter().filter(|(_, holds)| !holds);
    broken.map(|(word, _)| word).collect()
}

/// Each pattern is compiled once: there are many values.
fn matches(pattern: &str, text: &str) -> bool {
    static KNOWN: LazyLock<Mutex<BTreeMap<String, Regex>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap();
    let regex = known.entry(pattern.to_owned());
    regex
        .or_insert_with(|| Regex::new(pattern).unwrap())
        .is_match(text)
}

fn is_of_type(kinds: &Value, value: &Value) -> bool {
    let is = |kind: &Value| match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("no type {other}"),
    };
    kinds
        .as_array()
        .map_or_else(|| is(kinds), |kinds| kinds.iter().any(is))
}

fn editor(value: &Value) -> Vec<String> {
    squiggles(&json_schema(), value, "")
}

fn loader(value: &Value) -> Vec<String> {
    let found = schema::ROOT.mismatches(value, &KeyPath::default());
    found
        .into_iter()
        .map(|wrong| format!("{}: {}", wrong.path, wrong.what))
        .collect()
}

#[test]
fn every_example_pleases_the_editor() {
    let todo = include_str!("../../../examples/todo/orchestrator.yaml");
    let local = include_str!("../../../examples/todo/local.yaml");
    let all = with_every_setting_in_force();
    for text in [EXAMPLE, WHOLE, all.as_str(), todo, local] {
        let value: Value = serde_yaml::from_str(text).unwrap();
        assert_eq!(editor(&value), [""; 0]);
        assert_eq!(loader(&value), [""; 0]);
    }
}

#[test]
fn what_is_wrong_is_wrong_for_the_editor_too() {
    for text in [
        "chekcs: {}",
        "checks: {test: {comand: cargo test}}",
        "checks: {a b: {command: x}}",
        "checks: {test: {command: ' '}}",
        "checks: {test: {command: x, timeout: 15}}",
        "checks: {test: {command: x, timeout: 15 m}}",
        "checks: {test: {command: x, timeout: 0s}}",
        "checks: {test: {command: x, cwd: ../up}}",
        "checks: {test: {command: x, env: {1A: x}}}",
        "checks: [cargo test]",
        "execution: {max_retries: many}",
        "execution: {max_retries: -1}",
        "execution: {on_step_failure: ignore}",
        "budget: {usd: '5'}",
        "policy: {protected: [null]}",
        "phases: {tester: {temperature: 3}}",
        "phases: {cook: {}}",
        "workspace: {share: [/etc], cache: maybe}",
        "logging: {rotate: 10XB}",
        "providers: {lab: {kind: openai, base_url: lab}}",
    ] {
        let value: Value = serde_yaml::from_str(text).unwrap();
        assert_ne!(loader(&value), [""; 0], "{text}");
        assert_ne!(editor(&value), [""; 0], "{text}");
    }
}

/// Puts everything that a file may hold by mistake in the place of every value of the example.
#[test]
fn editor_and_loader_agree_wherever_a_value_is_replaced() {
    let whole: Value = serde_yaml::from_str(&with_every_setting_in_force()).unwrap();
    let values = serde_json::json!([
        null, true, 0, -1, 3, 1.5, 3e12, "", " ", "x", "15m", "10MB", "stop", "none", "a b", "/a",
        "../a", "LAB", "http://a", [], ["x"], [null], [1], {}, {"x": null}, {"x": "y"}, {"x": {}}, {"a b": null}
    ]);
    let mut places = Vec::new();
    below(&whole, &KeyPath::default(), &mut places);
    assert!(places.len() > 80, "{}", places.len());
    let mut disagreements = Vec::new();
    for place in &places {
        for value in values.as_array().unwrap() {
            let mut changed = whole.clone();
            *at(&mut changed, place) = value.clone();
            let (editor, loader) = (editor(&changed), loader(&changed));
            if editor.is_empty() != loader.is_empty() {
                disagreements.push(format!("{place} = {value}: {editor:?} {loader:?}"));
            }
        }
    }
    // One pattern cannot keep a path inside and say that it is not blank.
    disagreements.retain(|found| !found.ends_with(r#": must not be empty"]"#));
    assert_eq!(disagreements, [""; 0]);
}

/// The places of all values in `value`, but the root.
fn below(value: &Value, path: &KeyPath, places: &mut Vec<KeyPath>) {
    let children: Vec<(KeyPath, &Value)> = match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (path.key(key), value))
            .collect(),
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items
                .map(|(index, item)| (path.item(index), item))
                .collect()
        }
        _ => Vec::new(),
    };
    for (path, value) in children {
        below(value, &path, places);
        places.push(path);
    }
}

fn at<'v>(value: &'v mut Value, path: &KeyPath) -> &'v mut Value {
    path.0.iter().fold(value, |value, segment| match segment {
        Segment::Key(key) => &mut value[key.as_str()],
        Segment::Item(index) => &mut value[*index],
    })
}

#[test]
fn every_key_says_what_it_means_and_what_holds_without_it() {
    let schema = json_schema();
    let mut silent = Vec::new();
    unexplained(&schema::ROOT, &schema, &KeyPath::default(), &mut silent);
    assert_eq!(silent, [""; 0]);
    let property = |path: &str| {
        let parts = path.split('.');
        parts.fold(&schema, |schema, part| match part {
            "*" => &schema["additionalProperties"],
            "[]" => &schema["items"],
            name => &schema["properties"][name],
        })
    };
    insta::assert_snapshot!(property("execution.max_retries"), @r#"{"description":"Failures of one phase before the run is given up.","type":["integer","null"],"minimum":0,"maximum":4294967295,"default":3}"#);
    insta::assert_snapshot!(property("checks.*.command"), @r#"{"description":"The command line, for sh -c. Needed, in this file or another.","type":["string","null"],"pattern":"\\S"}"#);
    assert_eq!(property("budget.wall")["default"], "2h");
    assert_eq!(property("logging.rotate")["default"], "10MB");
    assert_eq!(property("checks.*.report")["default"], "auto");
    assert_eq!(property("workspace.setup.[].timeout")["default"], "30m");
    assert_eq!(
        property("phases.gate.models")["default"],
        serde_json::json!([])
    );
    for unset in [
        "checks.*.timeout",
        "checks.*.kind",
        "workspace.setup",
        "models.*.provider",
    ] {
        assert_eq!(property(unset)["default"], Value::Null, "{unset}");
    }
}

/// The keys of the loader that the schema does not have, or says nothing about.
fn unexplained(shape: &Shape, schema: &Value, path: &KeyPath, silent: &mut Vec<String>) {
    match shape {
        Shape::Record(fields) => {
            let properties = schema["properties"].as_object().unwrap();
            assert_eq!(properties.len(), fields.len(), "{path}");
            for field in *fields {
                let (schema, path) = (&properties[field.name], path.key(field.name));
                let about = schema["description"].as_str().unwrap_or_default();
                if !about.starts_with(char::is_uppercase) || !about.ends_with('.') {
                    silent.push(path.to_string());
                }
                unexplained(&field.shape, schema, &path, silent);
            }
        }
        Shape::Named(_, shape) => {
            unexplained(
                shape,
                &schema["additionalProperties"],
                &path.key("…"),
                silent,
            );
        }
        Shape::List(shape) => unexplained(shape, &schema["items"], &path.item(0), silent),
        _ => {}
    }
}
