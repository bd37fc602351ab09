//! Does a document fit a JSON schema? The keywords that answers of models are asked in.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::Value;

/// Deeper is no answer of a model.
const DEPTH: usize = 64;

/// The first place where a document does not fit, in words; `None` if it fits. Keywords that are
/// not known hold nobody to anything.
pub(super) fn mismatch(schema: &Value, value: &Value) -> Option<String> {
    Check { root: schema }.mismatch(schema, value, "the document", DEPTH)
}

/// The one property of a schema that must be there, if it is an array.
pub(super) fn only_array(schema: &Value) -> Option<&str> {
    let [only] = schema.get("required")?.as_array()?.as_slice() else {
        return None;
    };
    let name = only.as_str()?;
    let kind = schema.get("properties")?.get(name)?.get("type")?;
    (kind == "array").then_some(name)
}

struct Check<'a> {
    root: &'a Value,
}

impl Check<'_> {
    fn mismatch(&self, schema: &Value, value: &Value, place: &str, depth: usize) -> Option<String> {
        let depth = depth.checked_sub(1)?;
        if schema == &Value::Bool(false) {
            return Some(format!("{place} is not allowed"));
        }
        let schema = schema.as_object()?;
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let target = self.root.pointer(target.strip_prefix('#')?)?;
            return self.mismatch(target, value, place, depth);
        }
        let fits = |one: &Value| self.mismatch(one, value, place, depth).is_none();
        let list = |key: &str| schema.get(key).and_then(Value::as_array);
        if let Some(kind) = schema.get("type").filter(|kind| !is_of(kind, value)) {
            return Some(format!("{place} is {}, not {}", name(value), words(kind)));
        }
        if list("enum").is_some_and(|all| !all.contains(value)) {
            return Some(format!("{place} is none of the values it may be"));
        }
        if schema.get("const").is_some_and(|only| only != value) {
            return Some(format!("{place} is not the one value it may be"));
        }
        if list("anyOf").is_some_and(|all| !all.iter().any(fits))
            || list("oneOf").is_some_and(|all| all.iter().filter(|one| fits(one)).count() != 1)
        {
            return Some(format!("{place} has none of the shapes it may have"));
        }
        list("allOf")
            .and_then(|all| {
                all.iter()
                    .find_map(|one| self.mismatch(one, value, place, depth))
            })
            .or_else(|| bounds(schema, value, place))
            .or_else(|| self.object(schema, value, place, depth))
            .or_else(|| self.array(schema, value, place, depth))
    }

    fn object(
        &self,
        schema: &serde_json::Map<String, Value>,
        value: &Value,
        place: &str,
        depth: usize,
    ) -> Option<String> {
        let object = value.as_object()?;
        let required = schema.get("required").and_then(Value::as_array);
        let mut names = required.into_iter().flatten().filter_map(Value::as_str);
        if let Some(missing) = names.find(|name| !object.contains_key(*name)) {
            return Some(format!("{place} lacks {missing:?}"));
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        let known = |name: &str| properties.and_then(|all| all.get(name));
        let others = schema.get("additionalProperties");
        object
            .iter()
            .find_map(|(name, inner)| match (known(name), others) {
                (Some(schema), _) | (None, Some(schema)) => {
                    self.mismatch(schema, inner, &format!("{name:?}"), depth)
                }
                (None, None) => None,
            })
    }

    fn array(
        &self,
        schema: &serde_json::Map<String, Value>,
        value: &Value,
        place: &str,
        depth: usize,
    ) -> Option<String> {
        let (items, list) = (schema.get("items"), value.as_array()?);
        let unique = schema.get("uniqueItems") == Some(&Value::Bool(true));
        let mut seen = BTreeSet::new();
        list.iter().enumerate().find_map(|(at, inner)| {
            if unique && !seen.insert(inner.to_string()) {
                return Some(format!("{place} holds the same twice"));
            }
            self.mismatch(items?, inner, &format!("item {} of {place}", at + 1), depth)
        })
    }
}

/// Least and most, of numbers, texts and lists.
fn bounds(schema: &serde_json::Map<String, Value>, value: &Value, place: &str) -> Option<String> {
    let limit = |key: &str| schema.get(key).and_then(Value::as_f64);
    #[expect(
        clippy::cast_precision_loss,
        reason = "sizes of texts and lists are small"
    )]
    let (size, least, most) = match value {
        Value::Number(number) => (number.as_f64()?, "minimum", "maximum"),
        Value::String(text) => (text.chars().count() as f64, "minLength", "maxLength"),
        Value::Array(list) => (list.len() as f64, "minItems", "maxItems"),
        _ => return None,
    };
    if limit(least).is_some_and(|limit| size < limit) {
        return Some(format!("{place} is smaller than it may be"));
    }
    if limit(most).is_some_and(|limit| size > limit) {
        return Some(format!("{place} is greater than it may be"));
    }
    let pattern = schema.get("pattern").and_then(Value::as_str)?;
    let pattern = Regex::new(pattern).ok()?;
    (!pattern.is_match(value.as_str()?)).then(|| format!("{place} is not written as it must be"))
}

fn is_of(kind: &Value, value: &Value) -> bool {
    match kind {
        Value::Array(kinds) => kinds.iter().any(|kind| is_of(kind, value)),
        Value::String(kind) => match kind.as_str() {
            "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
            "number" => value.is_number(),
            other => other == name(value),
        },
        _ => true,
    }
}

fn name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn words(kind: &Value) -> String {
    match kind {
        Value::String(kind) => kind.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_keyword_holds() {
        let schema = json!({"type": "object", "required": ["a"], "additionalProperties": false, "properties": {
            "a": {"type": "array", "minItems": 1, "items": {"enum": [1, "x"]}},
            "n": {"type": ["integer", "null"], "minimum": 0}, "p": {"type": "string", "pattern": "^s-"},
            "u": {"anyOf": [{"type": "string"}, {"$ref": "#/properties/a"}]}}});
        for fine in [
            json!({"a": [1, "x"]}),
            json!({"a": [1], "n": null, "p": "s-1", "u": [1]}),
        ] {
            assert_eq!(mismatch(&schema, &fine), None, "{fine}");
        }
        for (bad, why) in [
            (json!([]), "the document is array, not object"),
            (json!({}), "the document lacks \"a\""),
            (json!({"a": []}), "\"a\" is smaller than it may be"),
            (
                json!({"a": [2]}),
                "item 1 of \"a\" is none of the values it may be",
            ),
            (
                json!({"a": [1], "n": -1}),
                "\"n\" is smaller than it may be",
            ),
            (
                json!({"a": [1], "n": 0.5}),
                "\"n\" is number, not [\"integer\",\"null\"]",
            ),
            (
                json!({"a": [1], "p": "x"}),
                "\"p\" is not written as it must be",
            ),
            (
                json!({"a": [1], "u": 1}),
                "\"u\" has none of the shapes it may have",
            ),
            (json!({"a": [1], "z": 1}), "\"z\" is not allowed"),
        ] {
            assert_eq!(mismatch(&schema, &bad).as_deref(), Some(why), "{bad}");
        }
    }

    #[test]
    fn a_schema_that_goes_in_circles_ends() {
        let schema = json!({"$ref": "#"});
        assert_eq!(mismatch(&schema, &json!({})), None);
    }
}
