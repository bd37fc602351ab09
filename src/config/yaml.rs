//! YAML text -> JSON value, and where in the text a setting stands.
//!
//! The parser tells positions only in its errors. [`locate`] makes use of that: it walks the text
//! again and stops with an error at the setting asked for.

use std::fmt;

use serde::de::{Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::key_path::{KeyPath, Segment};

/// Nodes and bytes of text after aliases are expanded. A file within the size limit stays far
/// below it without aliases; a few lines of nested aliases could fill the memory otherwise.
const MAX_EXPANDED: usize = 4 * 1024 * 1024;

/// Opening brackets and braces in a file, in whatever they stand. The parser's time grows with the
/// square of their depth: 1 MiB of them would take it an hour, this many take half a second.
const MAX_BRACKETS: usize = 10_000;

/// A text that is no usable YAML document.
#[derive(Debug, PartialEq)]
pub(super) struct SyntaxError {
    /// Line and column, counted from 1.
    pub(super) position: Option<(usize, usize)>,
    /// How far the reader came.
    pub(super) path: KeyPath,
    /// What is wrong.
    pub(super) what: String,
}

/// The part of a setting that is to be located.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    /// Its key.
    Key,
    /// Its value.
    Value,
}

/// Reads one document. An empty text is `null`. Duplicate keys, tags, directives, keys that are no
/// text, and numbers that JSON has not are errors.
pub(super) fn read(text: &str) -> Result<Value, SyntaxError> {
    refuse_what_stalls_the_parser(text)?;
    let mut walk = Walk::default();
    let document = yaml_deserializer(text).deserialize_any(Node(&mut walk));
    document.map_err(|error| {
        let position = error.location().map(|at| (at.line(), at.column()));
        let what = walk.stopped.unwrap_or_else(|| error.to_string());
        SyntaxError {
            position,
            path: KeyPath(walk.path),
            what,
        }
    })
}

/// The line and column of a setting, counted from 1; `None` if the text does not have it.
pub(super) fn locate(text: &str, path: &KeyPath, spot: Spot) -> Option<(usize, usize)> {
    let mut walk = Walk {
        target: Some((path, spot)),
        ..Walk::default()
    };
    let error = yaml_deserializer(text)
        .deserialize_any(Node(&mut walk))
        .err()?;
    let at = error.location()?;
    (walk.path == path.0).then(|| (at.line(), at.column()))
}

/// Everything else that fits into a file takes the parser milliseconds.
fn refuse_what_stalls_the_parser(text: &str) -> Result<(), SyntaxError> {
    let refuse = |line: Option<usize>, what: &str| {
        Err(SyntaxError {
            position: line.map(|line| (line, 1)),
            path: KeyPath::default(),
            what: what.to_owned(),
        })
    };
    if let Some(line) = text.lines().position(|line| line.starts_with('%')) {
        return refuse(Some(line + 1), "YAML directives (`%NAME`) are not allowed");
    }
    if text.bytes().filter(|byte| b"[{".contains(byte)).count() > MAX_BRACKETS {
        return refuse(None, "there are too many brackets in it");
    }
    Ok(())
}

fn yaml_deserializer(text: &str) -> serde_yaml::Deserializer<'_> {
    // Some editors begin a file with a byte order mark.
    serde_yaml::Deserializer::from_str(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// The state of one walk through a document.
#[derive(Default)]
struct Walk<'t> {
    path: Vec<Segment>,
    expanded: usize,
    target: Option<(&'t KeyPath, Spot)>,
    stopped: Option<String>,
}

impl Walk<'_> {
    fn stop<E: Error>(&mut self, what: impl Into<String>) -> E {
        let what = what.into();
        let error = E::custom(&what);
        self.stopped = Some(what);
        error
    }

    /// Counts a node of `size` bytes of text, and stops if it is the one to be located.
    fn enter<E: Error>(&mut self, size: usize, spot: Spot) -> Result<(), E> {
        if let Some((path, wanted)) = self.target
            && wanted == spot
            && path.0 == self.path
        {
            return Err(self.stop("located"));
        }
        self.expanded += 1 + size;
        if self.expanded > MAX_EXPANDED {
            return Err(self.stop("the file grows too large when its aliases are expanded"));
        }
        Ok(())
    }
}

/// Visits a value and whatever it holds.
struct Node<'w, 't>(&'w mut Walk<'t>);

impl<'de> serde::de::DeserializeSeed<'de> for Node<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a setting")
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        self.visit_unit()
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        self.0.enter(0, Spot::Value)?;
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        self.0.enter(0, Spot::Value)?;
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.0.enter(0, Spot::Value)?;
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        self.0.enter(0, Spot::Value)?;
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        self.0.enter(0, Spot::Value)?;
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| self.0.stop("expected a finite number"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.0.enter(value.len(), Spot::Value)?;
        Ok(value.into())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<Value, A::Error> {
        self.0.enter(0, Spot::Value)?;
        Err(self.0.stop("YAML tags (`!name`) are not allowed"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        self.0.enter(0, Spot::Value)?;
        let mut list = Vec::new();
        loop {
            self.0.path.push(Segment::Item(list.len()));
            let item = items.next_element_seed(Node(&mut *self.0))?;
            self.0.path.pop();
            match item {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        self.0.enter(0, Spot::Value)?;
        let mut map = Map::new();
        while let Some(key) = entries.next_key_seed(Key(&mut *self.0, &map))? {
            let value = entries.next_value_seed(Node(&mut *self.0))?;
            self.0.path.pop();
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

/// Visits a key; leaves it on the path for the visit of its value.
struct Key<'w, 't>(&'w mut Walk<'t>, &'w Map<String, Value>);

impl<'de> serde::de::DeserializeSeed<'de> for Key<'_, '_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Key<'_, '_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key of plain text")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<String, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<String, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<String, E> {
        let Self(walk, seen) = self;
        walk.path.push(Segment::Key(key.to_owned()));
        walk.enter(key.len(), Spot::Key)?;
        if seen.contains_key(key) {
            return Err(walk.stop("this key is there twice"));
        }
        Ok(key.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(text: &str) -> (Option<(usize, usize)>, String, String) {
        let error = read(text).unwrap_err();
        (error.position, error.path.to_string(), error.what)
    }

    #[test]
    fn a_document_becomes_json() {
        let text = "a: {b: [1, -2, 0.5, x, 'y', true, null]}\n7: off\n";
        let expected = json!({"a": {"b": [1, -2, 0.5, "x", "y", true, null]}, "7": "off"});
        assert_eq!(read(text).unwrap(), expected);
    }

    #[test]
    fn an_empty_document_is_null() {
        for text in ["", "# only a comment\n", "---\n", "\u{feff}"] {
            assert_eq!(read(text).unwrap(), Value::Null, "{text:?}");
        }
    }

    #[test]
    fn a_duplicate_key_is_an_error_at_its_second_place() {
        assert_eq!(
            error("a:\n  b: 1\n  c: 2\n  b: 3\n"),
            (Some((4, 3)), "a.b".into(), "this key is there twice".into())
        );
    }

    #[test]
    fn tags_and_infinite_numbers_are_errors() {
        let what = "YAML tags (`!name`) are not allowed";
        assert_eq!(
            error("a:\n- !x 1\n"),
            (Some((2, 3)), "a[0]".into(), what.into())
        );
        assert_eq!(error("a: .inf").2, "expected a finite number");
    }

    #[test]
    fn broken_syntax_is_reported_with_its_place() {
        let (position, _, what) = error("a: [1, 2\nb: 3\n");
        assert_eq!(position.map(|(line, _)| line), Some(2));
        assert!(what.contains("did not find expected ',' or ']'"), "{what}");
        assert!(
            error("a: 1\n---\nb: 2\n")
                .2
                .contains("more than one document")
        );
    }

    #[test]
    fn a_bomb_of_aliases_is_refused() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let below = vec![format!("*a{}", level - 1); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        assert!(error(&text).2.contains("repetition limit"));

        let long = "x".repeat(100_000);
        let aliases = vec!["*a"; 90].join(", ");
        let what = error(&format!("a: &a {long}\nb: [{aliases}]\n")).2;
        assert_eq!(
            what,
            "the file grows too large when its aliases are expanded"
        );

        let deep = "[".repeat(1000);
        assert!(error(&format!("a: {deep}")).2.contains("recursion limit"));
    }

    #[test]
    fn what_would_stall_the_parser_is_refused_before_it_is_parsed() {
        assert_eq!(
            error(&"[".repeat(100_000)).2,
            "there are too many brackets in it"
        );
        let directive = error("# x\n%TAG !a! b\n---\na: 1\n");
        assert_eq!(directive.0, Some((2, 1)));
        assert_eq!(directive.2, "YAML directives (`%NAME`) are not allowed");
    }

    #[test]
    fn keys_and_values_are_located() {
        let text = "checks:\n  test:\n    command: cargo test\n    env: {A: '1',\n      B: '2'}\n";
        let at = |keys: &[&str], spot| locate(text, &KeyPath::of(keys), spot);
        assert_eq!(at(&["checks"], Spot::Key), Some((1, 1)));
        assert_eq!(at(&["checks", "test", "command"], Spot::Key), Some((3, 5)));
        assert_eq!(
            at(&["checks", "test", "command"], Spot::Value),
            Some((3, 14))
        );
        assert_eq!(at(&["checks", "test", "env", "B"], Spot::Key), Some((5, 7)));
        assert_eq!(at(&["checks", "lint"], Spot::Key), None);
    }
}
