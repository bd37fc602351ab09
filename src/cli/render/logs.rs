//! Records of the log: `rgpt logs`.

use serde_json::Value;

use super::clean;
use super::document::Doc;
use super::layout::{hang, pad};
use super::look::{Look, style};
use super::units;

/// What stands at the head of the line, or in the message.
const SAID: [&str; 12] = [
    "timestamp",
    "level",
    "run",
    "trace_id",
    "phase",
    "execution",
    "agent",
    "message",
    "target",
    "seq",
    "event",
    "model",
];

/// The columns of `releaser/12`.
const PLACE: usize = 11;

/// One record on one line, or `wrapped` to the width of a terminal.
pub(crate) fn record(record: &Value, wrapped: bool, look: &Look) -> String {
    let doc = Doc(record);
    let time = doc
        .time("timestamp")
        .map_or_else(|| " ".repeat(8), |time| look.clock(time));
    let level = doc.word("level");
    let colour = match level.as_str() {
        "ERROR" => style::BAD,
        "WARN" => style::WARN,
        "INFO" => style::PLAIN,
        _ => style::DIM,
    };
    let head = format!(
        "{}  {} {}  ",
        style::paint(style::DIM, time),
        style::paint(colour, pad(&level, 5)),
        style::paint(style::DIM, pad(&place(doc), PLACE)),
    );
    let words = format!("{}{}", doc.word("message"), fields(record));
    if wrapped {
        hang(&head, &words, 6, look)
    } else {
        format!("{head}{words}").trim_end().to_owned()
    }
}

/// `builder/3`: the phase, or the agent, and its execution.
fn place(record: Doc<'_>) -> String {
    let who = record.text("phase").or_else(|| record.text("agent"));
    match (who, record.number("execution")) {
        (Some(who), Some(execution)) => format!("{who}/{execution}"),
        (Some(who), None) => who,
        (None, _) => String::new(),
    }
}

fn fields(record: &Value) -> String {
    let mut text = String::new();
    for (name, value) in record.as_object().into_iter().flatten() {
        if SAID.contains(&name.as_str()) || value.as_u64() == Some(0) {
            continue;
        }
        let number = value.as_u64().unwrap_or(0);
        let shown = match name.as_str() {
            "ms" => units::duration(number),
            "input_tokens" => format!("{} in", units::tokens(number)),
            "cached_input_tokens" => format!("{} cached", units::tokens(number)),
            "output_tokens" => format!("{} out", units::tokens(number)),
            "cost_usd" => units::cost(value.as_f64().unwrap_or(0.0)),
            "tree" => format!("tree={:.10}", value.as_str().unwrap_or_default()),
            _ => match value.as_str() {
                Some(word) => format!("{name}={word}"),
                None => format!("{name}={value}"),
            },
        };
        text.push_str("  ");
        text.push_str(&clean::line(&shown));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::render::fixture;

    fn shown(value: &Value, wrapped: bool) -> String {
        fixture::plain(&record(value, wrapped, &fixture::look()))
    }

    #[test]
    fn a_record_is_one_line() {
        let answered = json!({
            "timestamp": "2026-10-05T12:03:04.5Z", "level": "INFO", "run": 7, "trace_id": "ab",
            "phase": "builder", "execution": 3, "agent": "builder", "message": "sonnet answered",
            "model": "sonnet", "input_tokens": 1200, "cached_input_tokens": 0, "output_tokens": 90,
            "cost_usd": 0.0123, "ms": 3249, "target": "rgpt::story",
        });
        insta::assert_snapshot!(shown(&answered, false), @"12:03:04  INFO  builder/3    sonnet answered  1.2k in  90 out  $0.0123  3.2 s");
    }

    #[test]
    fn a_long_record_hangs_below_its_message_where_there_is_a_terminal() {
        let long = json!({"level": "WARN", "message": "words ".repeat(20)});
        insta::assert_snapshot!(shown(&long, true), @r"
                  WARN               words words words words words words words words
                                     words words words words words words words words
                                     words words words words
        ");
    }

    #[test]
    fn what_a_terminal_would_obey_is_taken_out() {
        let hostile = json!({"level": "\u{1b}[2J", "message": "a\u{1b}]0;t\u{7}b\nc", "x\u{1b}[1m": "\u{202e}y"});
        let shown = shown(&hostile, false);
        assert!(!shown.contains(['\u{1b}', '\n', '\u{202e}']), "{shown:?}");
        assert!(shown.contains("ab c"), "{shown:?}");
    }
}
