//! A lenient reader of JSON that a model wrote almost right.
//!
//! It recovers a payload whole or not at all: prose and fences around it, comments, trailing
//! commas, single quotes, bare keys, raw line breaks in strings and Python's literals are
//! forgiven; whatever is cut off is not.

use std::str::CharIndices;

use serde_json::{Map, Number, Value};

/// Nesting deeper than this is no answer of a model.
const MAX_DEPTH: usize = 100;

/// Reads the one payload in `text`: its greatest balanced `{…}` or `[…]`.
///
/// `None` if there is none, if anything that opens does not close (the answer may be cut off), or
/// if it cannot be read in one way only.
pub fn recover_json(text: &str) -> Option<Value> {
    if let Ok(value @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) {
        return Some(value);
    }
    let region = greatest_region(text)?;
    let mut reader = Reader {
        rest: region,
        depth: 0,
    };
    let value = reader.value()?;
    reader.space()?;
    reader.rest.is_empty().then_some(value)
}

/// Whether something in `text` opens and never closes.
pub fn is_cut_off(text: &str) -> bool {
    let mut rest = text;
    while let Some(start) = rest.find(['{', '[']) {
        rest = &rest[start..];
        match balanced(rest) {
            Some(length) => rest = &rest[length..],
            None => return true,
        }
    }
    false
}

fn greatest_region(text: &str) -> Option<&str> {
    let mut greatest = "";
    let mut rest = text;
    while let Some(start) = rest.find(['{', '[']) {
        rest = &rest[start..];
        let length = balanced(rest)?;
        if length > greatest.len() {
            greatest = &rest[..length];
        }
        rest = &rest[length..];
    }
    (!greatest.is_empty()).then_some(greatest)
}

/// The length of the balanced region at the start of `text`; brackets in strings do not count.
fn balanced(text: &str) -> Option<usize> {
    let mut open = Vec::new();
    let mut quote = None;
    let mut before = ' ';
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match (quote, c) {
            (Some(_), '\\') => drop(chars.next()),
            (Some(mark), _) if mark == c => quote = None,
            (Some(_), _) => {}
            (None, '"') => quote = Some(c),
            // An apostrophe within a word opens nothing.
            (None, '\'') if !before.is_alphanumeric() => quote = Some(c),
            (None, '{' | '[') => open.push(if c == '{' { '}' } else { ']' }),
            (None, '}' | ']') => {
                if open.pop() != Some(c) {
                    return None;
                }
                if open.is_empty() {
                    return Some(at + c.len_utf8());
                }
            }
            _ => {}
        }
        before = c;
    }
    None
}

/// A recursive-descent reader; `None` anywhere means that the text cannot be read.
struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn value(&mut self) -> Option<Value> {
        self.space()?;
        match self.rest.chars().next()? {
            '{' => self.nested(Self::object),
            '[' => self.nested(Self::array),
            '"' | '\'' => self.string().map(Value::String),
            _ => self.literal(),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Option<Value>) -> Option<Value> {
        self.depth += 1;
        let value = (self.depth <= MAX_DEPTH).then(|| read(self))?;
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Option<Value> {
        self.take("{")?;
        let mut object = Map::new();
        loop {
            self.space()?;
            if self.take("}").is_some() {
                return Some(Value::Object(object));
            }
            let key = self.key()?;
            self.space()?;
            self.take(":")?;
            // A key that stands twice can be read in two ways.
            if object.insert(key, self.value()?).is_some() {
                return None;
            }
            self.separator('}')?;
        }
    }

    fn array(&mut self) -> Option<Value> {
        self.take("[")?;
        let mut items = Vec::new();
        loop {
            self.space()?;
            if self.take("]").is_some() {
                return Some(Value::Array(items));
            }
            items.push(self.value()?);
            self.separator(']')?;
        }
    }

    /// A comma, or nothing if the end follows.
    fn separator(&mut self, end: char) -> Option<()> {
        self.space()?;
        if self.rest.starts_with(end) {
            return Some(());
        }
        self.take(",")
    }

    fn key(&mut self) -> Option<String> {
        if self.rest.starts_with(['"', '\'']) {
            return self.string();
        }
        let word = self.word(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '$'));
        (!word.is_empty()).then_some(word)
    }

    fn string(&mut self) -> Option<String> {
        let quote = self.rest.chars().next()?;
        let mut chars = self.rest[quote.len_utf8()..].char_indices();
        let mut text = String::new();
        while let Some((at, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.rest = &self.rest[at + 2 * quote.len_utf8()..];
                    return Some(text);
                }
                '\\' => match chars.next()?.1 {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    'r' => text.push('\r'),
                    'b' => text.push('\u{8}'),
                    'f' => text.push('\u{c}'),
                    'u' => text.push(unicode(&mut chars)?),
                    '\n' => {}
                    other => text.push(other),
                },
                c => text.push(c),
            }
        }
        None
    }

    fn literal(&mut self) -> Option<Value> {
        let word = self.word(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_'));
        match word.as_str() {
            "true" | "True" => Some(Value::Bool(true)),
            "false" | "False" => Some(Value::Bool(false)),
            "null" | "None" | "undefined" => Some(Value::Null),
            number => number.parse::<Number>().ok().map(Value::Number),
        }
    }

    fn word(&mut self, belongs: fn(char) -> bool) -> String {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.to_owned()
    }

    fn take(&mut self, text: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    /// Skips white space and comments; `None` if a comment does not end.
    fn space(&mut self) -> Option<()> {
        loop {
            self.rest = self.rest.trim_start();
            if self.rest.starts_with("//") || self.rest.starts_with('#') {
                let end = self.rest.find('\n').unwrap_or(self.rest.len());
                self.rest = &self.rest[end..];
            } else if let Some(comment) = self.rest.strip_prefix("/*") {
                self.rest = &comment[comment.find("*/")? + 2..];
            } else {
                return Some(());
            }
        }
    }
}

/// The character of `\uXXXX`, after the `u`; a pair of surrogates is one character.
fn unicode(chars: &mut CharIndices<'_>) -> Option<char> {
    let first = code_unit(chars)?;
    if !(0xD800..0xDC00).contains(&first) {
        return char::from_u32(first);
    }
    (chars.next()?.1 == '\\' && chars.next()?.1 == 'u').then_some(())?;
    let second = code_unit(chars)?;
    (0xDC00..0xE000).contains(&second).then_some(())?;
    char::from_u32(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
}

fn code_unit(chars: &mut CharIndices<'_>) -> Option<u32> {
    (0..4).try_fold(0, |code, _| Some(code * 16 + chars.next()?.1.to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn prose_and_fences_around_the_payload_are_forgiven() {
        let text =
            "Here's the plan, as you {asked}:\n```json\n{\"steps\": [1, 2]}\n```\nIt's done.";
        assert_eq!(recover_json(text), Some(json!({"steps": [1, 2]})));
    }

    #[test]
    fn trailing_commas_quotes_bare_keys_comments_and_python_are_forgiven() {
        let text = "{ // the plan\n summary: 'it\\'s ok', 'n': 1.5, /* all */ ok: True, none: None,\n \"list\": [1, 2,], }";
        assert_eq!(
            recover_json(text),
            Some(json!({"summary": "it's ok", "n": 1.5, "ok": true, "none": null, "list": [1, 2]}))
        );
    }

    #[test]
    fn a_raw_line_break_in_a_string_is_forgiven() {
        assert_eq!(
            recover_json("{\"a\": \"one\ntwo {\"}"),
            Some(json!({"a": "one\ntwo {"}))
        );
    }

    #[test]
    fn escapes_are_read_as_json_reads_them() {
        let text = r#"{"a": "\u00e9\ud83d\ude00\/\t", }"#;
        assert_eq!(recover_json(text), Some(json!({"a": "é😀/\t"})));
        assert_eq!(recover_json(r#"{"a": "\ud83d", }"#), None);
    }

    #[test]
    fn prose_alone_is_no_payload() {
        assert_eq!(recover_json("I cannot do that."), None);
        assert_eq!(recover_json("replace {name} with yours"), None);
        assert_eq!(recover_json("\"text\""), None);
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_not_recovered() {
        assert_eq!(recover_json("{a: 1, a: 2}"), None);
        assert_eq!(recover_json("{a: b c}"), None);
        assert_eq!(recover_json("{\"a\": 1 \"b\": 2}"), None);
    }

    #[test]
    fn endless_nesting_is_refused() {
        let text = format!("x{}{}", "[".repeat(5000), "]".repeat(5000));
        assert_eq!(recover_json(&text), None);
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::String),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::btree_map("[a-z{}\\[\\]'\"]{1,6}", inner, 1..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn well_formed_json_between_prose_is_recovered_as_it_is(value in json_value()) {
            prop_assume!(value.is_object());
            let text = format!("Sure, here's it:\n```\n{value:#}\n```\nBye!");
            prop_assert_eq!(recover_json(&text), Some(value));
        }

        #[test]
        fn a_payload_that_is_cut_off_is_never_recovered(value in json_value(), cut in 1_usize..400) {
            prop_assume!(value.is_object());
            let text = value.to_string();
            let cut = text.floor_char_boundary(text.len() - cut.min(text.len() - 1));
            prop_assert_eq!(recover_json(&text[..cut]), None);
            prop_assert!(is_cut_off(&text[..cut]));
        }

        #[test]
        fn any_text_is_read_or_refused_without_harm(text in ".{0,200}") {
            let _ = recover_json(&text);
        }
    }
}
