//! Forks: where a run comes from, and how it compares with its source.

use super::document::Doc;
use super::layout::hang;
use super::look::{Look, Mark, style};

/// Where a run comes from, in a line.
pub(crate) fn fork(document: Doc<'_>, source: &str) -> String {
    let replay = document.at("replay");
    let (Some(phase), Some(mode)) = (replay.text("phase"), replay.text("mode")) else {
        return format!("from run {source}");
    };
    let result = match replay.text("result").as_deref() {
        Some("equal") => ", and the same as it",
        Some(_) => ", and parted from it",
        None => "",
    };
    format!("from run {source} at the {phase} ({mode}){result}")
}

/// The runs that were forked from a run.
pub(crate) fn forks(document: Doc<'_>) -> Option<String> {
    let ids: Vec<String> = document
        .list("forks")
        .filter_map(|id| id.own_text())
        .collect();
    match ids.as_slice() {
        [] => None,
        [one] => Some(format!("run {one}")),
        more => Some(format!("runs {}", more.join(", "))),
    }
}

/// How a replay compares with its source.
pub(crate) fn comparison(document: Doc<'_>, look: &Look) -> Option<String> {
    let replay = document.at("replay");
    let (source, here) = (replay.text("source_run_id")?, document.at("run").word("id"));
    let divergence = replay.at("divergence");
    let mut lines = match (replay.text("result")?.as_str(), divergence.text("type")) {
        ("equal", _) => vec![hang(
            &format!("  {} ", look.mark(Mark::Good)),
            &format!("the same tree, verdicts and events as run {source}"),
            2,
            look,
        )],
        (_, kind) => {
            let place = divergence.text("seq").unwrap_or_default();
            let kind = kind.unwrap_or_default();
            let call = divergence.text("call").zip(divergence.text("execution"));
            let call = call.map(|(call, execution)| {
                format!(", before it in call {call} of execution {execution}")
            });
            let head = format!(
                "run {here} parts from run {source} at event {place} ({kind}){}",
                call.unwrap_or_default()
            );
            let mut lines = vec![hang(
                &format!("  {} ", look.mark(Mark::Bad)),
                &head,
                2,
                look,
            )];
            lines.extend(sides(divergence, [&source, &here], look));
            lines
        }
    };
    for note in replay.list("notes").filter_map(|note| note.own_text()) {
        lines.push(hang(
            &format!("  {} ", look.mark(Mark::Warn)),
            &note,
            4,
            look,
        ));
    }
    Some(lines.join("\n"))
}

/// What each of two runs says where they part.
pub(super) fn sides(divergence: Doc<'_>, runs: [&str; 2], look: &Look) -> [String; 2] {
    [(runs[0], "a"), (runs[1], "b")].map(|(id, side)| {
        let text = divergence.text(side);
        let text = text.unwrap_or_else(|| "has ended".to_owned());
        let head = style::paint(style::DIM, format!("    run {id}: "));
        hang(&head, &text, 8, look)
    })
}
