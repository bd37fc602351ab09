//! Plans as JSON.

use serde_json::Value;

use crate::domain::failure::ErrorType;
use crate::heal::lenient;

use super::super::case::Case;
use super::super::plan;
use super::{Fault, is_cut, schema};

pub(super) fn fault(case: &Case) -> Option<Fault> {
    let text = &case.response.text;
    let schema = case.request.schema.as_ref();
    let strict = serde_json::from_str::<Value>(text.trim());
    let error = match strict {
        Ok(value) => {
            return wrong_shape(&value, schema).or_else(|| wrong_plan(&value, case));
        }
        Err(error) => error.to_string(),
    };
    let saved = lenient::recover_json(text)
        .or_else(|| first_document(text))
        .is_some_and(|value| {
            schema.is_none_or(|schema| schema::mismatch(schema, &value).is_none())
        });
    let (rule, what) = if saved {
        ("answer.almost_json", "the answer is not quite JSON")
    } else if is_cut(text) {
        ("answer.truncated", "the answer is cut off")
    } else {
        ("answer.not_json", "the answer is not JSON")
    };
    Some(Fault::new(rule, format!("{what}: {error}")).repairable(saved))
}

/// The document at the beginning of a text that goes on with something else.
fn first_document(text: &str) -> Option<Value> {
    let mut documents = serde_json::Deserializer::from_str(text.trim_start()).into_iter::<Value>();
    documents
        .next()?
        .ok()
        .filter(|value| value.is_object() || value.is_array())
}

fn wrong_shape(value: &Value, schema: Option<&Value>) -> Option<Fault> {
    let schema = schema?;
    let mismatch = schema::mismatch(schema, value)?;
    // What was asked for may lie one wrapping away.
    let saved = unwrapped(value, 3).any_fits(schema)
        || schema::only_array(schema).is_some_and(|key| {
            let list = serde_json::json!({key: value});
            schema::mismatch(schema, &list).is_none()
        });
    let error = value.get("error").or_else(|| value.get("refusal"));
    let rule = match (saved, error) {
        (true, _) => "answer.wrapped",
        (_, Some(_)) => "answer.reports_error",
        _ => "answer.wrong_schema",
    };
    Some(Fault::new(rule, format!("the answer has the wrong shape: {mismatch}")).repairable(saved))
}

struct Unwrapped<'a>(Vec<&'a Value>);

/// What lies in a document under keys that stand alone.
fn unwrapped(value: &Value, depth: usize) -> Unwrapped<'_> {
    let mut found = Vec::new();
    let mut inner = value;
    for _ in 0..depth {
        match inner {
            Value::Object(object) if object.len() == 1 => {
                let Some(only) = object.values().next() else {
                    break;
                };
                inner = only;
                found.push(inner);
            }
            _ => break,
        }
    }
    Unwrapped(found)
}

impl Unwrapped<'_> {
    fn any_fits(&self, schema: &Value) -> bool {
        self.0
            .iter()
            .any(|value| schema::mismatch(schema, value).is_none())
    }
}

/// A plan of the right shape may still be no plan for this project.
fn wrong_plan(value: &Value, case: &Case) -> Option<Fault> {
    value.get("steps")?;
    let (class, message, shown) = plan::problem(value, case)?;
    let rule = match class {
        ErrorType::Safety => "plan.refused",
        _ => "plan.wrong",
    };
    Some(Fault::new(rule, message).shown(shown).instead(class))
}
