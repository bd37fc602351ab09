//! The diagnostics of a test point: the few keys of a YAML block that say what failed and where.
//!
//! Only lines at the block's own indentation are keys; whatever a test printed into a value stands deeper.

use super::super::{MAX_MESSAGE, shorten};
use super::point::{Point, milliseconds};

/// The most bytes of a block that are kept.
const MAX_BLOCK: usize = 4 * MAX_MESSAGE;

/// A block while it is read.
pub(super) struct Block {
    indent: usize,
    /// Lines with their indentation beyond the block's.
    lines: Vec<(usize, String)>,
    size: usize,
}

/// What a line is to a block.
pub(super) enum State {
    /// A part of it.
    More,
    /// Its end.
    Ended,
    /// Neither: the block has no end.
    Broken,
}

impl Block {
    pub(super) fn new(indent: usize) -> Self {
        Self {
            indent,
            lines: Vec::new(),
            size: 0,
        }
    }

    pub(super) fn line(&mut self, indent: usize, text: &str) -> State {
        let text = text.trim_end();
        if text.is_empty() {
            self.keep(0, "");
            return State::More;
        }
        if indent < self.indent {
            return State::Broken;
        }
        if indent == self.indent && text == "..." {
            return State::Ended;
        }
        self.keep(indent - self.indent, text);
        State::More
    }

    fn keep(&mut self, indent: usize, text: &str) {
        self.size += text.len() + 1;
        if self.size <= MAX_BLOCK {
            self.lines.push((indent, text.to_owned()));
        }
    }

    /// Adds what the block says to its point.
    pub(super) fn tell(&self, point: &mut Point) {
        for (at, (indent, line)) in self.lines.iter().enumerate() {
            let Some((key, value)) = line.split_once(':').filter(|_| *indent == 0) else {
                continue;
            };
            let value = value.trim();
            match key {
                "type" => point.group |= scalar(value) == "suite",
                "duration_ms" => point.duration_ms = milliseconds(value),
                "location" | "at" => {
                    point.location = place(&scalar(value)).or(point.location.take());
                }
                "error" | "message" if point.message.is_none() => {
                    point.message = self.value(at, value);
                }
                _ => {}
            }
        }
    }

    /// The text of the key in the line `at`: on it, in the lines below, or under `message` in a map below.
    fn value(&self, at: usize, value: &str) -> Option<String> {
        let below = self.lines[at + 1..]
            .iter()
            .take_while(|(indent, line)| *indent > 0 || line.is_empty());
        let text = if value.starts_with(['|', '>']) {
            let lines: Vec<&(usize, String)> = below.collect();
            let first = lines.iter().find(|(_, line)| !line.is_empty());
            let base = first.map_or(0, |(indent, _)| *indent);
            let shown = lines
                .iter()
                .map(|(indent, line)| format!("{}{line}", " ".repeat(indent.saturating_sub(base))));
            shown.collect::<Vec<_>>().join("\n")
        } else if value.is_empty() {
            let message = below
                .filter_map(|(_, line)| line.strip_prefix("message:"))
                .next();
            scalar(message?.trim())
        } else {
            scalar(value)
        };
        let text = shorten(text.trim(), MAX_MESSAGE);
        (!text.is_empty()).then(|| text.to_owned())
    }
}

/// A value on one line, without its quotes.
fn scalar(value: &str) -> String {
    let inner = |quote: char| {
        value
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
    };
    if let Some(text) = inner('\'') {
        return text.replace("''", "'");
    }
    match inner('"') {
        Some(text) => serde_json::from_str(value).unwrap_or_else(|_| text.to_owned()),
        None => value.to_owned(),
    }
}

/// `path:line` from `path:line:column`, also of a file's URL.
fn place(text: &str) -> Option<String> {
    let text = text.strip_prefix("file://").unwrap_or(text);
    let (rest, column) = text.rsplit_once(':')?;
    let line = rest.rsplit_once(':')?.1;
    let numbers = column.parse::<u32>().is_ok() && line.parse::<u32>().is_ok();
    numbers.then(|| rest.to_owned())
}
