//! Settings from environment variables: `RGPT_EXECUTION__MAX_RETRIES` is `execution.max_retries`.

use serde_json::Value;

use super::environment::Environment;
use super::error::{Place, Problem};
use super::key_path::KeyPath;
use super::layer::{Layer, LayerKind, Source, nested};
use super::nearest::nearest;
use super::schema;
use super::shape::Shape;
use super::yaml;

const PREFIX: &str = "RGPT_";
const SEPARATOR: &str = "__";

/// One layer for each variable that names a setting. Names without a double underscore, such as
/// `RGPT_LOG`, are no settings.
pub(super) fn layers(environment: &Environment) -> Vec<Result<Layer, Problem>> {
    environment
        .iter()
        .filter_map(|(name, text)| {
            let rest = name.strip_prefix(PREFIX)?;
            rest.contains(SEPARATOR).then(|| {
                layer(name, rest, text).map_err(|(path, what)| {
                    Problem::new(Some(Place::Variable(name.to_owned())), &path, what)
                })
            })
        })
        .collect()
}

fn layer(name: &str, rest: &str, text: &str) -> Result<Layer, (KeyPath, String)> {
    let (path, shape) = resolve(rest)?;
    let value = match shape {
        // A command is taken as it is: `echo a: b` is a map in YAML.
        Shape::Text(_) => Value::String(text.to_owned()),
        _ => yaml::read(text).map_err(|error| (path.clone(), error.what))?,
    };
    Ok(Layer {
        kind: LayerKind::Environment,
        source: Source::Variable(name.to_owned()),
        value: nested(&path, value),
    })
}

/// The setting that a variable names.
fn resolve(rest: &str) -> Result<(KeyPath, &'static Shape), (KeyPath, String)> {
    let segments: Vec<&str> = rest.split(SEPARATOR).collect();
    let mut keys: Vec<String> = Vec::new();
    let mut shape = &schema::ROOT;
    for (position, segment) in segments.iter().enumerate() {
        let key = match shape {
            // Names of variables that a check is given keep their case.
            Shape::Named(_, Shape::Text(_)) => (*segment).to_owned(),
            _ => segment.to_lowercase(),
        };
        shape = match shape.child(&key) {
            Ok(shape) => shape,
            Err(_) => {
                return Err((
                    KeyPath::default(),
                    unknown(shape, &key, &segments, position),
                ));
            }
        };
        keys.push(key);
    }
    Ok((KeyPath::of(&keys), shape))
}

fn unknown(shape: &Shape, key: &str, segments: &[&str], position: usize) -> String {
    let Shape::Record(fields) = shape else {
        return "names no setting".to_owned();
    };
    match nearest(key, fields.iter().map(|field| field.name)) {
        Some(name) => {
            let mut meant: Vec<String> = segments.iter().map(|text| (*text).to_owned()).collect();
            meant[position] = name.to_uppercase();
            format!(
                "names no setting (did you mean {PREFIX}{}?)",
                meant.join(SEPARATOR)
            )
        }
        None => {
            let known: Vec<&str> = fields.iter().map(|field| field.name).collect();
            format!("names no setting: `{key}` is none of {}", known.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(name: &str, text: &str) -> Result<Value, String> {
        match layers(&Environment::from_iter([(name, text)])).pop() {
            Some(Ok(layer)) => Ok(layer.value),
            Some(Err(problem)) => Err(problem.to_string()),
            None => Ok(Value::Null),
        }
    }

    #[test]
    fn a_double_underscore_is_a_dot_and_values_are_yaml_scalars() {
        assert_eq!(
            read("RGPT_EXECUTION__MAX_RETRIES", "5"),
            Ok(json!({"execution": {"max_retries": 5}}))
        );
        assert_eq!(
            read("RGPT_PHASES__PLANNER__MODELS", "[a, b]"),
            Ok(json!({"phases": {"planner": {"models": ["a", "b"]}}}))
        );
        assert_eq!(
            read("RGPT_BUDGET__USD", "null"),
            Ok(json!({"budget": {"usd": null}}))
        );
    }

    #[test]
    fn text_is_taken_as_it_is() {
        assert_eq!(
            read("RGPT_CHECKS__TEST__COMMAND", "echo a: 7"),
            Ok(json!({"checks": {"test": {"command": "echo a: 7"}}}))
        );
        assert_eq!(
            read("RGPT_CHECKS__TEST__ENV__RUST_BACKTRACE", "1"),
            Ok(json!({"checks": {"test": {"env": {"RUST_BACKTRACE": "1"}}}}))
        );
    }

    #[test]
    fn names_without_a_double_underscore_are_no_settings() {
        assert_eq!(read("RGPT_STATE_DIR", "/x"), Ok(Value::Null));
        assert_eq!(read("OTHER__THING", "1"), Ok(Value::Null));
    }

    #[test]
    fn an_unknown_name_is_an_error_that_names_the_nearest() {
        assert_eq!(
            read("RGPT_EXECUTION__MAX_RETRYS", "5"),
            Err(
                "environment variable RGPT_EXECUTION__MAX_RETRYS: names no setting \
                 (did you mean RGPT_EXECUTION__MAX_RETRIES?)"
                    .into()
            )
        );
        assert_eq!(
            read("RGPT_BUDGET__CANDY", "5"),
            Err(
                "environment variable RGPT_BUDGET__CANDY: names no setting: \
                 `candy` is none of usd, tokens, wall, attempts, day"
                    .into()
            )
        );
        assert_eq!(
            read("RGPT_BUDGET__USD__X", "5"),
            Err("environment variable RGPT_BUDGET__USD__X: names no setting".into())
        );
    }
}
