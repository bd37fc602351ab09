//! What `rgpt init` found and wrote.

use serde_json::Value;

use super::document::Doc;
use super::layout::{hang, pad, width};
use super::look::{Look, Mark, style};
use super::outcome::commands_to_type;
use super::summary::section;

/// What was written, what it says, what is missing, and what to type next; from the document that
/// `rgpt init --json` prints.
pub(crate) fn init(document: &Value, look: &Look) -> String {
    let document = Doc(document);
    let mut parts = vec![written(document, look)];
    parts.extend(found(document, look));
    parts.extend(section("Missing", missing(document, look)));
    let next: Vec<(String, String)> = document
        .list("next")
        .map(|next| (next.word("command"), next.word("why")))
        .collect();
    let next: Vec<(String, &str)> = next
        .iter()
        .map(|(command, why)| (command.clone(), why.as_str()))
        .collect();
    parts.extend(section("Next", commands_to_type(&next, look)));
    parts.join("\n\n")
}

fn written(document: Doc<'_>, look: &Look) -> String {
    let head =
        |mark: Mark, word: &str| format!("{} {}", look.mark(mark), style::paint(style::HEAD, word));
    let mut lines: Vec<String> = words(document, "written")
        .iter()
        .map(|file| format!("{} {file}", head(Mark::Good, "wrote")))
        .collect();
    if let Some(kept) = document.text("kept") {
        lines.push(format!(
            "{} {kept}",
            head(Mark::Good, "kept the old one as")
        ));
    }
    lines.join("\n")
}

/// The texts of a list.
fn words(document: Doc<'_>, key: &str) -> Vec<String> {
    let texts = document.list(key).filter_map(Doc::own_text);
    texts.collect()
}

/// One line for each thing that was found, its kind before the first.
fn found(document: Doc<'_>, look: &Look) -> Option<String> {
    let mut rows: Vec<(&str, String, String)> = Vec::new();
    let mut add = |kind: &'static str, found: Vec<(String, String)>| {
        for (number, (name, text)) in found.into_iter().enumerate() {
            rows.push((if number == 0 { kind } else { "" }, name, text));
        }
    };
    let together = |key: &str| {
        let words = words(document, key).join(", ");
        let words = (!words.is_empty()).then(|| (String::new(), words));
        words.into_iter().collect()
    };
    add("detected", together("detected"));
    let checks: Vec<(String, String)> = document
        .list("checks")
        .map(|check| (check.word("name"), check.word("command")))
        .collect();
    let names = checks.iter().map(|(name, _)| width(name)).max();
    let checks = checks.into_iter();
    let checks = checks.map(|(name, command)| (pad(&name, names.unwrap_or(0)) + "  ", command));
    add("checks", checks.collect());
    let setup = words(document, "setup").into_iter();
    add(
        "set-up",
        setup.map(|command| (String::new(), command)).collect(),
    );
    add("protected", together("protected"));
    add("models", together("models"));
    let columns = rows.iter().map(|(kind, ..)| width(kind)).max()?;
    let lines: Vec<String> = rows
        .iter()
        .map(|(kind, name, text)| {
            let kind = style::paint(style::DIM, pad(kind, columns));
            hang(&format!("  {kind}  {name}"), text, 4, look)
        })
        .collect();
    Some(lines.join("\n"))
}

fn missing(document: Doc<'_>, look: &Look) -> Option<String> {
    let lines: Vec<String> = document
        .list("missing")
        .map(|missing| {
            let what = hang(
                &format!("{} ", look.mark(Mark::Warn)),
                &missing.word("what"),
                4,
                look,
            );
            let hint = format!("  {} ", style::paint(style::ACCENT, "hint:"));
            format!("{what}\n{}", hang(&hint, &missing.word("hint"), 4, look))
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}
