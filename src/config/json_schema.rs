//! The configuration's schema for editors, made from the one that the loader checks with.

use serde_json::{Map, Value, json};

use super::schema;
use super::settings::Config;
use super::shape::{Field, Shape};

/// Whole numbers beyond this are not exact in every editor, so that it is as good as no limit.
const EXACT: u64 = 1 << 53;

/// A JSON Schema (draft 2020-12) of `orchestrator.yaml` and of every other layer that is a file.
///
/// It refuses nothing that the loader accepts in a file. What needs all layers, or more than a
/// pattern, it leaves to the loader: required keys, names of models, longest durations.
pub fn json_schema() -> Value {
    let mut root = Map::new();
    let head = [
        ("$schema", "https://json-schema.org/draft/2020-12/schema"),
        ("title", "orchestrator.yaml"),
        ("description", "The configuration of rgpt."),
    ];
    root.extend(head.map(|(key, text)| (key.to_owned(), text.into())));
    root.extend(described(&schema::ROOT, Some(&defaults()), true));
    Value::Object(root)
}

/// What holds where a file says nothing, below names and items too. Settings that have no default
/// of their own are not there.
fn defaults() -> Value {
    // The least that each thing with a name needs to be there at all.
    let mut least = json!({
        "providers": {"x": {"kind": "openai"}},
        "models": {"x": {"provider": "x", "model": "x"}},
        "phases": {},
        "checks": {"x": {"kind": "custom", "command": "x", "timeout": "1s"}},
        "workspace": {"setup": [{"command": "x"}]},
    });
    if let Ok(Shape::Record(phases)) = schema::ROOT.child("phases") {
        for phase in *phases {
            least["phases"][phase.name] = json!({});
        }
    }
    let config = serde_json::from_value::<Config>(least.clone());
    let mut defaults = config.and_then(serde_json::to_value).unwrap_or_default();
    take_away(&mut defaults, &least);
    defaults
}

/// Takes the settings of `given` out of `value`.
fn take_away(value: &mut Value, given: &Value) {
    match (value, given) {
        (Value::Object(map), Value::Object(given)) => {
            for (key, given) in given {
                if let Some(value) = map.get_mut(key) {
                    take_away(value, given);
                }
            }
        }
        (Value::Array(items), Value::Array(given)) => {
            for (item, given) in items.iter_mut().zip(given) {
                take_away(item, given);
            }
        }
        (value, _) => *value = Value::Null,
    }
}

/// What JSON Schema says of a shape. `null` clears what other layers set; the items of a list
/// cannot be cleared.
fn described(shape: &Shape, default: Option<&Value>, clearable: bool) -> Map<String, Value> {
    let mut said = Map::new();
    let kind = match shape {
        Shape::Record(_) | Shape::Named(..) => "object",
        Shape::List(_) => "array",
        Shape::Switch => "boolean",
        Shape::Integer(..) => "integer",
        Shape::Number(..) => "number",
        Shape::Text(_) | Shape::Choice(_) | Shape::Duration | Shape::Size => "string",
    };
    let kind = match clearable {
        true => json!([kind, "null"]),
        false => json!(kind),
    };
    said.insert("type".to_owned(), kind);
    said.extend(details(shape, default, clearable));
    let is_setting = !matches!(
        shape,
        Shape::Record(_) | Shape::Named(..) | Shape::List(Shape::Record(_))
    );
    if let Some(value) = default.filter(|value| is_setting && !value.is_null()) {
        said.insert("default".to_owned(), value.clone());
    }
    said
}

fn details(shape: &Shape, default: Option<&Value>, clearable: bool) -> Map<String, Value> {
    let details = match shape {
        Shape::Record(fields) => json!({
            "properties": properties(fields, default),
            "additionalProperties": false,
        }),
        Shape::Named(rule, shape) => {
            let default = default.and_then(|all| all.as_object()?.values().next());
            let mut details = json!({"additionalProperties": described(shape, default, true)});
            if let Some(pattern) = rule.pattern {
                details["propertyNames"] = json!({"pattern": pattern});
            }
            details
        }
        Shape::List(shape) => {
            let default = default.and_then(|all| all.as_array()?.first());
            json!({"items": described(shape, default, false)})
        }
        Shape::Text(rule) => match rule.pattern {
            Some(pattern) => json!({"pattern": pattern}),
            None => json!({}),
        },
        Shape::Choice(words) => {
            let cleared = clearable.then_some(Value::Null);
            let words: Vec<Value> = words.iter().map(|word| (*word).into()).collect();
            json!({"enum": words.into_iter().chain(cleared).collect::<Vec<_>>()})
        }
        Shape::Switch => json!({}),
        Shape::Integer(least, most) if *most < EXACT => json!({"minimum": least, "maximum": most}),
        Shape::Integer(least, _) => json!({"minimum": least}),
        Shape::Number(least, most) => json!({"minimum": least, "maximum": most}),
        Shape::Duration => json!({"pattern": "^0*[1-9][0-9]*(ms|s|m|h)$"}),
        Shape::Size => json!({"pattern": "^0*[1-9][0-9]*(B|KB|MB|GB)$"}),
    };
    match details {
        Value::Object(details) => details,
        _ => Map::new(),
    }
}

fn properties(fields: &[Field], defaults: Option<&Value>) -> Map<String, Value> {
    let property = |field: &Field| {
        let default = defaults.and_then(|all| all.get(field.name));
        let mut said = Map::new();
        let needed = match field.required {
            true => " Needed, in this file or another.",
            false => "",
        };
        said.insert(
            "description".to_owned(),
            format!("{}{needed}", field.about).into(),
        );
        said.extend(described(&field.shape, default, true));
        (field.name.to_owned(), Value::Object(said))
    };
    fields.iter().map(property).collect()
}
