//! Archives and pruning: `rgpt db backup`, `restore` and `prune`.

use serde_json::Value;

use super::document::Doc;
use super::layout::{count, hang, pad};
use super::look::{Look, style};
use super::units;

/// So many runs are named; the others are counted.
const NAMED: usize = 20;

const KINDS: [&str; 5] = ["database", "artifacts", "logs", "git", "caches"];

/// What was archived, and how to put it back.
pub(crate) fn backup(document: &Value, look: &Look) -> String {
    let doc = Doc(document);
    let path = doc.word("path");
    let size = units::bytes(doc.number("size").unwrap_or(0));
    let restore = style::paint(style::ACCENT, format!("rgpt db restore {path}"));
    format!(
        "{}\n{}\n  put it back: {restore}",
        hang(
            "",
            &format!("The record is archived in {path} ({size})."),
            9,
            look
        ),
        holds(doc.at("holds"), look)
    )
}

/// What was restored, and where the state before it is.
pub(crate) fn restore(document: &Value, look: &Look) -> String {
    let doc = Doc(document);
    let mut text = hang(
        "",
        &format!("The archive is restored in {}.", doc.word("path")),
        9,
        look,
    );
    text.push('\n');
    text.push_str(&holds(doc.at("holds"), look));
    if let Some(moved) = doc.text("moved") {
        let words = format!("what was there before is kept in {moved}; remove it when you like");
        text.push('\n');
        text.push_str(&hang("  ", &words, 9, look));
    }
    text
}

fn holds(holds: Doc<'_>, look: &Look) -> String {
    let runs = holds.list("runs").count() as u64;
    let events = holds.number("events").unwrap_or(0);
    let mut words = vec![count(runs, "run", "runs"), count(events, "event", "events")];
    for kind in ["database", "artifacts", "logs", "git", "config"] {
        let part = holds.at(kind);
        let (files, bytes) = (part.number("files"), part.number("bytes").unwrap_or(0));
        match files.unwrap_or(0) {
            0 => {}
            1 => words.push(format!("{kind} {}", units::bytes(bytes))),
            files => words.push(format!("{kind} {} in {files} files", units::bytes(bytes))),
        }
    }
    hang("  holds: ", &words.join(", "), 9, look)
}

/// What would be pruned, or was.
pub(crate) fn prune(document: &Value, look: &Look) -> String {
    let doc = Doc(document);
    let done = doc.is("done");
    let mut lines = vec![runs(doc, done, look)];
    for kept in doc.list("kept") {
        let words = format!("run {} stays: {}", kept.word("run"), kept.word("why"));
        lines.push(hang("  ", &words, 3, look));
    }
    if let Some(path) = doc.at("archive").text("path") {
        let size = units::bytes(doc.at("archive").number("size").unwrap_or(0));
        let words = format!(
            "archived in {path} ({size}); look at it: rgpt db restore FILE --state-dir DIR"
        );
        lines.push(hang("  ", &words, 9, look));
    }
    lines.push(sizes(doc, done));
    if !done {
        lines.push("Nothing is changed yet; to do it, add --yes".to_owned());
    }
    lines.join("\n")
}

fn runs(doc: Doc<'_>, done: bool, look: &Look) -> String {
    let mut names: Vec<String> = doc
        .list("runs")
        .take(NAMED)
        .filter_map(Doc::own_text)
        .collect();
    let all = doc.list("runs").count();
    if all > NAMED {
        names.push(format!("and {} more", all - NAMED));
    }
    let runs = count(all as u64, "run", "runs");
    let words = match (all, done) {
        (0, true) => "No run was forgotten.".to_owned(),
        (0, false) => "No run would be forgotten.".to_owned(),
        (_, false) => format!("Would forget {runs}: {}.", names.join(", ")),
        (_, true) => {
            let forgotten = doc.at("forgotten");
            let number = |name: &str| forgotten.number(name).unwrap_or(0);
            format!(
                "{runs} forgotten: {} ({}, {}, {}).",
                names.join(", "),
                count(number("events"), "event", "events"),
                count(number("calls"), "call", "calls"),
                count(number("texts"), "text", "texts"),
            )
        }
    };
    hang("", &words, 9, look)
}

fn sizes(doc: Doc<'_>, done: bool) -> String {
    let shown = |when: &str, kind: &str| {
        let bytes = doc.at(when).number(kind).unwrap_or(0);
        format!("{:>9}", units::bytes(bytes))
    };
    let line = |kind: &&str| {
        let after = if done {
            format!(" -> {}", shown("after", kind))
        } else {
            String::new()
        };
        format!("  {}{}{after}", pad(kind, 11), shown("before", kind))
    };
    KINDS.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::render::fixture;

    fn sizes() -> Value {
        json!({"database": 122_880, "artifacts": 0, "logs": 900, "git": 5_000_000, "caches": 1})
    }

    #[test]
    fn what_would_go_is_said_with_what_stays_and_why() {
        let document = json!({"done": false, "runs": [1, 2], "before": sizes(),
            "kept": [{"run": 3, "why": "run 5 was made from it"}]});
        let shown = fixture::plain(&prune(&document, &fixture::look()));
        insta::assert_snapshot!(shown, @r"
        Would forget 2 runs: 1, 2.
          run 3 stays: run 5 was made from it
          database    120.0 KB
          artifacts        0 B
          logs           900 B
          git           4.7 MB
          caches           1 B
        Nothing is changed yet; to do it, add --yes
        ");
    }

    #[test]
    fn what_went_is_said_in_counts_and_bytes() {
        let document = json!({"done": true, "runs": (1..=22).collect::<Vec<_>>(), "kept": [],
            "archive": {"path": "/s/archive/pruned.zip", "size": 70_000},
            "forgotten": {"events": 300, "calls": 1, "texts": 40},
            "before": sizes(), "after": sizes()});
        let shown = fixture::plain(&prune(&document, &fixture::look()));
        insta::assert_snapshot!(shown, @r"
        22 runs forgotten: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
        18, 19, 20, and 2 more (300 events, 1 call, 40 texts).
          archived in /s/archive/pruned.zip (68.3 KB); look at it: rgpt db restore FILE
          --state-dir DIR
          database    120.0 KB ->  120.0 KB
          artifacts        0 B ->       0 B
          logs           900 B ->     900 B
          git           4.7 MB ->    4.7 MB
          caches           1 B ->       1 B
        ");
    }
}
