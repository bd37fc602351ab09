//! rustc and clippy: diagnostics for people, and those of `--message-format=json`.

use std::borrow::Cow;

use serde::Deserialize;

use super::{MAX_OBSERVATIONS, Said, lines, may_hold, place, place_without_column, severity};
use crate::domain::finding::Severity;

/// Diagnostics in the form `error[E0308]: message` with `--> path:line:column` on one of the next lines.
pub(super) fn lines_of(text: &str, word: &str, severity: Severity) -> Vec<Said> {
    let mut found = Vec::new();
    if !may_hold(text, &["--> "]) {
        return found;
    }
    let mut open: Option<String> = None;
    for line in lines(text) {
        if let Some(message) = headline(&line, word) {
            open = Some(message);
        } else if let Some(place) = line.trim_start().strip_prefix("--> ") {
            if let Some(message) = open.take() {
                found.push(Said::new(
                    severity,
                    &message,
                    None,
                    place_without_column(place),
                ));
            }
        } else if line.is_empty() {
            open = None;
        }
        if found.len() > MAX_OBSERVATIONS {
            break;
        }
    }
    found
}

/// `mismatched types (E0308)` from `error[E0308]: mismatched types`.
fn headline(line: &str, word: &str) -> Option<String> {
    let rest = line.strip_prefix(word)?;
    if let Some(message) = rest.strip_prefix(": ") {
        return Some(message.to_owned());
    }
    let (code, message) = rest.strip_prefix('[')?.split_once("]: ")?;
    Some(format!("{message} ({code})"))
}

/// One line of cargo, or of rustc itself.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    reason: Cow<'a, str>,
    #[serde(rename = "$message_type", borrow, default)]
    kind: Cow<'a, str>,
    message: serde_json::Value,
}

/// What the events that begin a text say; none if none is a compiler's.
pub(super) fn events(text: &str) -> Option<Vec<Said>> {
    if !(text.starts_with("{\"reason\":") || text.starts_with("{\"$message_type\":")) {
        return None;
    }
    let mut is_rustc = false;
    let mut found = Vec::new();
    for line in text.lines().filter(|line| line.starts_with('{')) {
        // Cargo's other events are long, and none of them is about code.
        let cargo = line.starts_with("{\"reason\":");
        is_rustc |=
            cargo && line.contains("\"package_id\":") || line.contains("\"build-finished\"");
        if cargo && !line.starts_with("{\"reason\":\"compiler-message\"") {
            continue;
        }
        let Ok(event) = serde_json::from_str::<Event<'_>>(line) else {
            continue;
        };
        let diagnostic = match (event.reason.as_ref(), event.kind.as_ref()) {
            ("compiler-message", _) => event.message,
            (_, "diagnostic") => match serde_json::from_str(line) {
                Ok(own) => own,
                Err(_) => continue,
            },
            _ => continue,
        };
        is_rustc = true;
        found.extend(said(&diagnostic));
        if found.len() > MAX_OBSERVATIONS {
            break;
        }
    }
    is_rustc.then_some(found)
}

/// The errors among events that stand in a text, as cargo prints them while it builds tests.
pub(super) fn compile_errors(text: &str) -> Vec<Said> {
    if !text.contains("\"compiler-message\"") {
        return Vec::new();
    }
    let first = text.find("{\"reason\":").unwrap_or(0);
    let mut found = events(&text[first..]).unwrap_or_default();
    found.retain(|said| said.severity == Severity::Major);
    found
}

/// A diagnostic, unless it only counts others.
fn said(diagnostic: &serde_json::Value) -> Option<Said> {
    let message = diagnostic["message"].as_str()?;
    let span = diagnostic["spans"]
        .as_array()?
        .iter()
        .find(|span| span["is_primary"] == true)?;
    let line = span["line_start"].as_u64();
    let line = line.and_then(|line| u32::try_from(line).ok());
    Some(Said::new(
        severity(diagnostic["level"].as_str().unwrap_or_default()),
        message,
        diagnostic["code"]["code"].as_str(),
        place(span["file_name"].as_str().unwrap_or_default(), line),
    ))
}
