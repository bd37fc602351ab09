//! What a value may look like, and what is wrong with one that does not.

use serde_json::Value;

use super::key_path::KeyPath;
use super::nearest::suggestion;
use super::yaml::Spot;
use super::{text_rules, units};

/// What a value may look like. `null` is a value of every shape: it clears what lower layers set.
pub(super) enum Shape {
    /// A map with these keys.
    Record(&'static [Field]),
    /// A map with names that the user gives, and values of one shape.
    Named(TextRule, &'static Shape),
    /// A list.
    List(&'static Shape),
    /// Text.
    Text(TextRule),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `true` or `false`.
    Switch,
    /// A whole number from the first to the second.
    Integer(u64, u64),
    /// A number from the first to the second.
    Number(f64, f64),
    /// `15m`.
    Duration,
    /// `10MB`.
    Size,
}

/// What a text must be.
pub(super) struct TextRule {
    /// Gives the reason for which a text is refused.
    pub(super) judge: fn(&str) -> Result<(), String>,
    /// A regular expression for editors, which matches whatever `judge` accepts, and perhaps more.
    pub(super) pattern: Option<&'static str>,
}

/// A key of a record.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    /// Whether it must be there once all layers are merged.
    pub(super) required: bool,
    /// What it means, for editors.
    pub(super) about: &'static str,
}

/// A key that may be left out.
pub(super) const fn optional(name: &'static str, shape: Shape, about: &'static str) -> Field {
    Field {
        name,
        shape,
        required: false,
        about,
    }
}

/// A key that must be there.
pub(super) const fn required(name: &'static str, shape: Shape, about: &'static str) -> Field {
    Field {
        name,
        shape,
        required: true,
        about,
    }
}

/// What is wrong in a value.
#[derive(Debug, PartialEq)]
pub(super) struct Mismatch {
    pub(super) path: KeyPath,
    /// Whether the key or the value is to be shown.
    pub(super) spot: Spot,
    pub(super) what: String,
}

impl Shape {
    /// The shape of what `key` names; the reason if there is no such key.
    pub(super) fn child(&self, key: &str) -> Result<&Self, String> {
        match self {
            Self::Record(fields) => match fields.iter().find(|field| field.name == key) {
                Some(field) => Ok(&field.shape),
                None => Err(format!(
                    "unknown key `{key}`{}",
                    suggestion(key, names(fields))
                )),
            },
            Self::Named(rule, shape) => (rule.judge)(key).map(|()| *shape),
            _ => Err(format!("unknown key `{key}`: there is nothing below")),
        }
    }

    /// Everything that is wrong with `value`, which stands at `path`. Keys may be missing.
    pub(super) fn mismatches(&self, value: &Value, path: &KeyPath) -> Vec<Mismatch> {
        let mut found = Vec::new();
        self.collect(value, path, &mut found);
        found
    }

    /// The required keys that are missing in `value`, which stands at `path`.
    pub(super) fn missing(&self, value: &Value, path: &KeyPath) -> Vec<KeyPath> {
        match (self, value) {
            (Self::Record(fields), Value::Object(map)) => fields
                .iter()
                .flat_map(|field| match map.get(field.name) {
                    Some(value) => field.shape.missing(value, &path.key(field.name)),
                    None if field.required => vec![path.key(field.name)],
                    None => Vec::new(),
                })
                .collect(),
            (Self::Named(_, shape), Value::Object(map)) => map
                .iter()
                .flat_map(|(name, value)| shape.missing(value, &path.key(name)))
                .collect(),
            (Self::List(shape), Value::Array(items)) => items
                .iter()
                .enumerate()
                .flat_map(|(index, item)| shape.missing(item, &path.item(index)))
                .collect(),
            _ => Vec::new(),
        }
    }

    fn collect(&self, value: &Value, path: &KeyPath, found: &mut Vec<Mismatch>) {
        match (self, value) {
            (_, Value::Null) => {}
            (Self::Record(_) | Self::Named(..), Value::Object(map)) => {
                for (key, value) in map {
                    match self.child(key) {
                        Ok(shape) => shape.collect(value, &path.key(key), found),
                        Err(what) => found.push(Mismatch {
                            path: path.key(key),
                            spot: Spot::Key,
                            what,
                        }),
                    }
                }
            }
            (Self::List(shape), Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    if item.is_null() {
                        found.push(mismatch(&path.item(index), "an item must not be empty"));
                    }
                    shape.collect(item, &path.item(index), found);
                }
            }
            _ => {
                if let Err(what) = self.scalar(value) {
                    found.push(mismatch(path, what));
                }
            }
        }
    }

    fn scalar(&self, value: &Value) -> Result<(), String> {
        if let Value::String(text) = value
            && text_rules::holds_a_key(text)
        {
            return Err(
                "this looks like a key: put it in an environment variable and give that \
                 variable's name"
                    .to_owned(),
            );
        }
        let wrong = || {
            Err(format!(
                "expected {}, found {}",
                self.wanted(),
                found(value)
            ))
        };
        match (self, value) {
            (Self::Text(rule), Value::String(text)) => (rule.judge)(text),
            (Self::Text(_), Value::Number(_) | Value::Bool(_)) => Err(format!(
                "expected text, found {} (put it in quotes)",
                found(value)
            )),
            (Self::Choice(words), Value::String(text)) if words.contains(&text.as_str()) => Ok(()),
            (Self::Switch, Value::Bool(_)) => Ok(()),
            (Self::Integer(least, most), Value::Number(number)) => match number.as_u64() {
                Some(number) if (*least..=*most).contains(&number) => Ok(()),
                _ => wrong(),
            },
            (Self::Number(least, most), Value::Number(number)) => match number.as_f64() {
                Some(number) if (*least..=*most).contains(&number) => Ok(()),
                _ => wrong(),
            },
            (Self::Duration, Value::String(text)) => {
                let parsed = units::parse_duration(text).map(|_| ());
                parsed.map_err(|what| format!("{what}, found {}", found(value)))
            }
            (Self::Size, Value::String(text)) => {
                let parsed = units::parse_size(text).map(|_| ());
                parsed.map_err(|what| format!("{what}, found {}", found(value)))
            }
            _ => wrong(),
        }
    }

    fn wanted(&self) -> String {
        match self {
            Self::Record(fields) => format!("a map with the keys {}", names(fields).join(", ")),
            Self::Named(..) => "a map of names".to_owned(),
            Self::List(_) => "a list such as [a, b]".to_owned(),
            Self::Text(_) => "text".to_owned(),
            Self::Choice(words) => format!("one of {}", words.join(", ")),
            Self::Switch => "true or false".to_owned(),
            Self::Integer(least, most) if *most >= u64::from(u32::MAX) => {
                format!("a whole number of at least {least}")
            }
            Self::Integer(least, most) => format!("a whole number from {least} to {most}"),
            Self::Number(least, most) if *most >= 1e9 => {
                format!("a number of at least {least}")
            }
            Self::Number(least, most) => format!("a number from {least} to {most}"),
            Self::Duration => "a duration such as 15m or 30s".to_owned(),
            Self::Size => "a size such as 10MB or 512KB".to_owned(),
        }
    }
}

fn names(fields: &[Field]) -> Vec<&'static str> {
    fields.iter().map(|field| field.name).collect()
}

fn mismatch(path: &KeyPath, what: impl Into<String>) -> Mismatch {
    Mismatch {
        path: path.clone(),
        spot: Spot::Value,
        what: what.into(),
    }
}

/// What a value is, for people.
fn found(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => format!("{value}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => {
            let mut shown: String = text.chars().take(40).collect();
            if shown.len() < text.len() {
                shown.push('…');
            }
            format!("the text {shown:?}")
        }
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a map".to_owned(),
    }
}
