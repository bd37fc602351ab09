//! Reading JSON documents for showing: nothing is required, and every text comes out clean.

use jiff::Timestamp;
use serde_json::Value;

use crate::domain::clean;

/// A part of a document; [`Value::Null`] where there is none.
#[derive(Clone, Copy, Debug)]
pub struct Doc<'a>(pub &'a Value);

impl<'a> Doc<'a> {
    /// The part under a key.
    pub fn at(self, key: &str) -> Self {
        Self(self.0.get(key).unwrap_or(&Value::Null))
    }

    /// The elements of the list under a key.
    pub fn list(self, key: &str) -> impl DoubleEndedIterator<Item = Self> + use<'a> {
        self.at(key).items()
    }

    /// The elements of a list.
    pub fn items(self) -> impl DoubleEndedIterator<Item = Self> + use<'a> {
        self.0
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default()
            .iter()
            .map(Self)
    }

    /// The values of an object, in order.
    pub(crate) fn values(self) -> impl Iterator<Item = Self> + use<'a> {
        let entries = self.0.as_object();
        entries
            .into_iter()
            .flat_map(|entries| entries.values().map(Self))
    }

    /// The text or number under a key on one line, clean; `None` if there is none or it is empty.
    pub fn text(self, key: &str) -> Option<String> {
        self.at(key).own_text()
    }

    /// This part itself as [`Doc::text`] reads it.
    pub fn own_text(self) -> Option<String> {
        let text = match self.0 {
            Value::String(text) => clean::line(text),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        (!text.is_empty()).then_some(text)
    }

    /// As [`Doc::text`], empty if there is none.
    pub fn word(self, key: &str) -> String {
        self.text(key).unwrap_or_default()
    }

    /// The text under a key, clean, in its lines.
    pub fn lines(self, key: &str) -> Vec<String> {
        let text = clean::clean(self.at(key).0.as_str().unwrap_or_default());
        text.trim()
            .lines()
            .map(|line| line.replace('\t', "    "))
            .collect()
    }

    /// The whole number under a key.
    pub fn number(self, key: &str) -> Option<u64> {
        self.at(key).0.as_u64()
    }

    /// The number under a key.
    pub fn amount(self, key: &str) -> Option<f64> {
        self.at(key).0.as_f64()
    }

    /// Whether the value under a key is `true`.
    pub fn is(self, key: &str) -> bool {
        self.at(key).0.as_bool() == Some(true)
    }

    /// Whether the value under a key is `false`.
    pub fn is_not(self, key: &str) -> bool {
        self.at(key).0.as_bool() == Some(false)
    }

    /// The time under a key.
    pub fn time(self, key: &str) -> Option<Timestamp> {
        self.at(key).0.as_str()?.parse().ok()
    }

    /// Tokens in and out together, of an object that says what model calls used.
    pub fn tokens(self) -> Option<u64> {
        Some(
            self.number("input_tokens")?
                .saturating_add(self.number("output_tokens")?),
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_there_is_nothing() {
        let value = json!({"a": null, "b": "", "c": 1.5});
        let doc = Doc(&value);
        assert_eq!(doc.text("a").or(doc.text("b")).or(doc.text("none")), None);
        assert_eq!(doc.at("none").at("deeper").list("list").count(), 0);
        assert_eq!(doc.text("c").as_deref(), Some("1.5"));
        assert_eq!(doc.time("b"), None);
    }

    #[test]
    fn every_text_comes_out_clean() {
        let value = json!({"title": "a\u{1b}[2J\n\tb\u{202e}", "goal": "x\r\n\ty\u{7}"});
        assert_eq!(Doc(&value).word("title"), "a b<U+202E>");
        assert_eq!(Doc(&value).lines("goal"), ["x", "    y"]);
    }
}
