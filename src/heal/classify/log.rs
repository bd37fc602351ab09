//! What a command said, line by line: colours gone, JSON lines unfolded, the place of each line known.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::super::signature::{pattern, without_escapes};

/// One line of output.
#[derive(Clone, Debug)]
pub(super) struct Line<'a> {
    /// Its number in the stream, from 1.
    pub(super) number: usize,
    /// Its text, without colours and what a carriage return overwrote.
    pub(super) text: Cow<'a, str>,
}

/// `text` without terminal escapes; borrowed where there are none, which is the usual case.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\u{1b}') {
        Cow::Owned(without_escapes(text))
    } else {
        Cow::Borrowed(text)
    }
}

/// The lines of both streams, standard output first; a program's last words stand on standard
/// error, so they come last.
pub(super) fn lines<'a>(stdout: &'a str, stderr: &'a str) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    read(stdout, &mut lines);
    read(stderr, &mut lines);
    lines
}

fn read<'a>(text: &'a str, lines: &mut Vec<Line<'a>>) {
    if let Some(document) = whole_document(text) {
        unfold(&document, &mut |words| {
            lines.extend(words.lines().map(|line| Line {
                number: 1,
                text: Cow::Owned(without_escapes(line)),
            }));
        });
        return;
    }
    for (index, line) in text.split('\n').enumerate() {
        let line = line.trim_end_matches('\r');
        let number = index + 1;
        if let Some(event) = event(line) {
            unfold(&event, &mut |words| {
                lines.extend(words.lines().map(|line| Line {
                    number,
                    text: Cow::Owned(without_escapes(line)),
                }));
            });
            continue;
        }
        let shown = line.rsplit('\r').find(|part| !part.trim().is_empty());
        lines.push(Line {
            number,
            text: Cow::Borrowed(shown.unwrap_or_default()),
        });
    }
}

/// The most bytes of one JSON document that are looked into.
const LARGEST: usize = 4 * 1024 * 1024;

/// Output that is one JSON document over several lines, as reporters write it.
fn whole_document(text: &str) -> Option<Value> {
    let text = text.trim();
    let is_document = text.starts_with(['{', '[']) && text.ends_with(['}', ']']);
    if !is_document || text.len() > LARGEST || !text.contains('\n') {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// A line that is a JSON object.
fn event(line: &str) -> Option<Value> {
    let line = line.trim();
    if !(line.starts_with('{') && line.ends_with('}') && line.contains("\":")) {
        return None;
    }
    serde_json::from_str(line).ok()
}

/// What a JSON value says in words, in its order: the strings under keys that hold speech.
fn unfold(value: &Value, say: &mut impl FnMut(&str)) {
    match value {
        Value::Object(fields) => {
            let rendered = fields.get("rendered").and_then(Value::as_str);
            if let Some(rendered) = rendered {
                say(rendered);
                return;
            }
            for (key, value) in fields {
                match value {
                    Value::String(words) if SPEECH.is_match(key) => say(words),
                    Value::Array(parts) if SPEECH.is_match(key) => {
                        for part in parts {
                            match part {
                                Value::String(words) => say(words),
                                other => unfold(other, say),
                            }
                        }
                    }
                    Value::Object(_) | Value::Array(_) => unfold(value, say),
                    _ => {}
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                unfold(item, say);
            }
        }
        _ => {}
    }
}

static SPEECH: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(?:message|messages|failuremessages?|msg|error|err|stdout|stderr|output|stack|detail|details|longrepr|crash|reason|summary|code|event)$",
    )
});
