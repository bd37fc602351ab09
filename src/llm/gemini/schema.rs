//! JSON schemas in the older form of the protocol, a subset of OpenAPI's.

use serde_json::{Map, Value, json};

/// What the subset knows besides the keywords that are handled one by one.
const KEPT: [&str; 10] = [
    "description",
    "enum",
    "format",
    "maxItems",
    "maximum",
    "minItems",
    "minimum",
    "nullable",
    "required",
    "title",
];

/// The schema in that form. What it says beyond the subset is left out: whoever carries out a call
/// checks its arguments anyway.
pub(super) fn openapi(schema: &Value) -> Value {
    let mut reduced = Map::new();
    for (keyword, value) in schema.as_object().into_iter().flatten() {
        match (keyword.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                let each = properties.iter();
                let each = each.map(|(name, schema)| (name.clone(), openapi(schema)));
                reduced.insert(keyword.clone(), Value::Object(each.collect()));
            }
            ("items", value) => {
                reduced.insert(keyword.clone(), openapi(value));
            }
            ("anyOf", Value::Array(choices)) => {
                reduced.insert(keyword.clone(), choices.iter().map(openapi).collect());
            }
            ("type", Value::Array(kinds)) => {
                let kind = kinds.iter().find(|kind| *kind != "null");
                reduced.insert(keyword.clone(), kind.cloned().unwrap_or(json!("string")));
                reduced.insert("nullable".to_owned(), json!(true));
            }
            ("type", kind) => {
                reduced.insert(keyword.clone(), kind.clone());
            }
            (kept, value) if KEPT.contains(&kept) => {
                reduced.insert(keyword.clone(), value.clone());
            }
            _ => {}
        }
    }
    Value::Object(reduced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_subset_does_not_know_is_left_out() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object", "additionalProperties": false, "required": ["path"],
            "properties": {
                "path": {"type": "string", "pattern": "^a", "description": "where"},
                "line": {"type": ["integer", "null"], "exclusiveMinimum": 0},
                "lists": {"type": "array", "items": {"anyOf": [{"const": 1}, {"type": "string"}]}},
            },
        });
        assert_eq!(
            openapi(&schema),
            json!({
                "type": "object", "required": ["path"],
                "properties": {
                    "path": {"type": "string", "description": "where"},
                    "line": {"type": "integer", "nullable": true},
                    "lists": {"type": "array", "items": {"anyOf": [{}, {"type": "string"}]}},
                },
            })
        );
        assert_eq!(openapi(&json!(true)), json!({}));
    }
}
