//! JSON schemas in the form that strict output needs: every object closed, every property required.

use serde_json::{Map, Value, json};

/// The deepest nesting that strict output takes.
const DEPTH: usize = 10;

/// What a strict schema may hold besides the keywords that are handled one by one.
const KEPT: [&str; 6] = ["type", "description", "enum", "const", "$ref", "title"];

/// The schema in its strict form. What fits that form fits `schema`, too: properties that could be
/// left out must be there. `None` if the schema says something that the strict form cannot.
pub(super) fn strict(schema: &Value) -> Option<Value> {
    // The root must be an object, not a choice among several.
    (schema.get("type")? == "object").then_some(())?;
    tightened(schema, DEPTH)
}

/// The same, but `None` also if something could be left out that the strict form demands.
pub(super) fn strict_as_meant(schema: &Value) -> Option<Value> {
    strict(schema).filter(|_| demands_all(schema))
}

/// The schema of a tool's arguments: an object must say which properties it has, if only none.
pub(super) fn parameters(schema: &Value) -> Value {
    let mut parameters = schema.clone();
    if let Value::Object(object) = &mut parameters {
        object.entry("type").or_insert_with(|| json!("object"));
        object.entry("properties").or_insert_with(|| json!({}));
    }
    parameters
}

/// Whether no property of any object in it can be left out.
fn demands_all(schema: &Value) -> bool {
    match schema {
        Value::Object(object) => {
            let properties = object.get("properties").and_then(Value::as_object);
            let required = object.get("required").and_then(Value::as_array);
            let demanded =
                |name: &String| required.is_some_and(|all| all.iter().any(|one| one == name));
            properties.is_none_or(|properties| properties.keys().all(demanded))
                && object.values().all(demands_all)
        }
        Value::Array(list) => list.iter().all(demands_all),
        _ => true,
    }
}

fn tightened(schema: &Value, depth: usize) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    let mut strict = Map::new();
    for (keyword, value) in schema.as_object()? {
        let value = match keyword.as_str() {
            "properties" | "$defs" => each(value, depth)?,
            "items" => tightened(value, depth)?,
            "anyOf" => {
                let choices = value.as_array()?.iter();
                choices
                    .map(|choice| tightened(choice, depth))
                    .collect::<Option<Value>>()?
            }
            "required" | "additionalProperties" => continue,
            kept if KEPT.contains(&kept) => value.clone(),
            _ => return None,
        };
        strict.insert(keyword.clone(), value);
    }
    if is_object(&strict) {
        // An object whose keys are not known has no strict form.
        let properties = strict.get("properties")?.as_object()?;
        let names: Vec<Value> = properties.keys().map(|name| json!(name)).collect();
        let open = schema
            .get("additionalProperties")
            .is_some_and(Value::is_object);
        (!open).then_some(())?;
        strict.insert("required".to_owned(), Value::Array(names));
        strict.insert("additionalProperties".to_owned(), json!(false));
    }
    Some(Value::Object(strict))
}

fn each(schemas: &Value, depth: usize) -> Option<Value> {
    let tight = |(name, schema): (&String, &Value)| Some((name.clone(), tightened(schema, depth)?));
    let all: Option<Map<String, Value>> = schemas.as_object()?.iter().map(tight).collect();
    all.map(Value::Object)
}

fn is_object(schema: &Map<String, Value>) -> bool {
    match schema.get("type") {
        Some(Value::String(kind)) => kind == "object",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        _ => schema.contains_key("properties"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_is_closed_and_every_property_required() {
        let schema = json!({
            "type": "object",
            "properties": {
                "steps": {"type": "array", "items": {
                    "type": "object", "properties": {"id": {"type": "string"}, "files": {"type": "array", "items": {"type": "string"}}},
                    "required": ["id"],
                }},
                "level": {"anyOf": [{"type": "string", "enum": ["low"]}, {"type": "null"}]},
            },
        });
        assert_eq!(
            strict(&schema),
            Some(json!({
                "type": "object",
                "properties": {
                    "steps": {"type": "array", "items": {
                        "type": "object", "properties": {"id": {"type": "string"}, "files": {"type": "array", "items": {"type": "string"}}},
                        "required": ["id", "files"], "additionalProperties": false,
                    }},
                    "level": {"anyOf": [{"type": "string", "enum": ["low"]}, {"type": "null"}]},
                },
                "required": ["steps", "level"], "additionalProperties": false,
            }))
        );
    }

    #[test]
    fn what_may_be_left_out_has_no_strict_form_that_means_the_same() {
        let schema = |required: &[&str]| {
            json!({"type": "object", "required": required,
                "properties": {"path": {"type": "string"}, "line": {"type": "integer"}}})
        };
        let all = schema(&["path", "line"]);
        let mut closed = all.clone();
        closed["additionalProperties"] = json!(false);
        assert_eq!(strict_as_meant(&all), Some(closed));
        assert_eq!(strict_as_meant(&schema(&["path"])), None);
        let inner = json!({"type": "object", "required": ["a"], "properties": {"a": schema(&[])}});
        assert_eq!(strict_as_meant(&inner), None);
        assert_eq!(
            parameters(&json!({"type": "object"})),
            json!({"type": "object", "properties": {}})
        );
    }

    #[test]
    fn what_has_no_strict_form_is_left_as_it_is() {
        let property = |schema: Value| json!({"type": "object", "properties": {"a": schema}});
        for schema in [
            json!({"type": "array", "items": {"type": "string"}}),
            json!({"anyOf": [{"type": "object", "properties": {}}]}),
            property(json!({"type": "object"})),
            property(
                json!({"type": "object", "properties": {}, "additionalProperties": {"type": "string"}}),
            ),
            property(json!({"type": "string", "patternProperties": {}})),
            property(json!({"oneOf": []})),
            property(json!(true)),
        ] {
            assert_eq!(strict(&schema), None, "{schema}");
        }
        let mut deep = json!({"type": "string"});
        for _ in 0..DEPTH {
            deep = json!({"type": "array", "items": deep});
        }
        assert_eq!(strict(&property(deep)), None);
    }
}
