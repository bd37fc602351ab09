//! ESLint: its `json` formatter, and the text that it prints for people (`stylish`).

use std::borrow::Cow;

use serde::Deserialize;

use super::{MAX_OBSERVATIONS, Said, lines, place, value};
use crate::domain::finding::Severity;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    #[serde(borrow)]
    file_path: Cow<'a, str>,
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    #[serde(borrow, default)]
    rule_id: Option<Cow<'a, str>>,
    /// 2 is an error, 1 a warning.
    severity: u8,
    #[serde(borrow)]
    message: Cow<'a, str>,
    line: Option<u32>,
}

/// The document that begins a text.
pub(super) fn read(text: &str) -> Option<Vec<Said>> {
    let files: Vec<File<'_>> = value(text, &["\"filePath\"", "\"messages\""])?;
    let said = files.iter().flat_map(|file| {
        file.messages.iter().map(|one| {
            let severity = match one.severity {
                2.. => Severity::Major,
                _ => Severity::Medium,
            };
            let place = place(&file.file_path, one.line);
            Said::new(severity, &one.message, one.rule_id.as_deref(), place)
        })
    });
    Some(said.take(MAX_OBSERVATIONS + 1).collect())
}

/// A file's path on a line of its own, below it `  3:10  error  message  rule`.
pub(super) fn stylish(text: &str) -> Vec<Said> {
    let mut found = Vec::new();
    let mut file = String::new();
    for line in lines(text) {
        if line.trim().is_empty() {
            file.clear();
        } else if !line.starts_with(' ') {
            file = line.trim_end().to_owned();
        } else if let Some((number, severity, message)) = entry(&line).filter(|_| !file.is_empty())
        {
            found.push(Said::new(
                severity,
                message,
                None,
                place(&file, Some(number)),
            ));
        }
        if found.len() > MAX_OBSERVATIONS {
            break;
        }
    }
    found
}

fn entry(line: &str) -> Option<(u32, Severity, &str)> {
    let (place, rest) = line.trim_start().split_once(' ')?;
    let (number, column) = place.split_once(':')?;
    column.parse::<u32>().ok()?;
    let (word, message) = rest.trim_start().split_once(' ')?;
    let severity = match word {
        "error" => Severity::Major,
        "warning" => Severity::Medium,
        _ => return None,
    };
    Some((number.parse().ok()?, severity, message.trim()))
}
