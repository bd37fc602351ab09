//! The configuration as it is shown, and as it is recorded with a run.

use serde::Serialize;
use serde_json::Value;

use super::key_path::KeyPath;
use super::load::{Loaded, Origin, collect_leaves};
use super::settings::Config;

/// A setting, its value, and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShownValue {
    /// The dotted path.
    pub path: String,
    /// The value as it could stand in a file.
    pub value: Value,
    /// Where it comes from.
    pub origin: Origin,
}

/// Every setting that has a value or was cleared. No keys: the configuration holds only the names
/// of the variables that do.
///
/// # Errors
///
/// As [`canonical_json`].
pub fn show(loaded: &Loaded) -> Result<Vec<ShownValue>, serde_json::Error> {
    // By way of the text: a temperature of 0.2 would show as 0.20000000298 otherwise.
    let value: Value = serde_json::from_str(&canonical_json(&loaded.config)?)?;
    let mut leaves = Vec::new();
    collect_leaves(&value, &KeyPath::default(), &mut leaves);
    let shown = leaves.into_iter().filter_map(|(path, value)| {
        let path = path.to_string();
        let origin = loaded.origins.get(&path)?.clone();
        Some(ShownValue {
            path,
            value: value.clone(),
            origin,
        })
    });
    Ok(shown.collect())
}

/// The effective configuration in one form: the same configuration always gives the same text.
/// It is recorded with each run and read back with [`from_canonical_json`].
///
/// # Errors
///
/// A path in it that is not UTF-8, which no loaded configuration has.
pub fn canonical_json(config: &Config) -> Result<String, serde_json::Error> {
    serde_json::to_string(config)
}

/// Reads what [`canonical_json`] wrote.
///
/// # Errors
///
/// A text that is no configuration.
pub fn from_canonical_json(text: &str) -> Result<Config, serde_json::Error> {
    serde_json::from_str(text)
}
