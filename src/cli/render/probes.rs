//! What the models turned out to do: `rgpt models test`.

use serde_json::Value;

use super::document::Doc;
use super::layout::{count, hang};
use super::look::{Look, Mark, style};
use super::table::{self, Cell, Column};
use super::units;

const COLUMNS: [Column; 8] = [
    Column::flexible("name", 8).wrapped(),
    Column::words("text"),
    Column::words("tools"),
    Column::words("json"),
    Column::words("window"),
    Column::numbers("first byte"),
    Column::numbers("time"),
    Column::numbers("cost"),
];

/// The most lines of why something does not hold.
const MOST_LINES: usize = 4;

/// One line a model, from a `models test --json` document; below, what does not hold and what to
/// do about it.
pub(crate) fn probes(document: &Value, look: &Look) -> String {
    let models: Vec<Doc<'_>> = Doc(document).list("models").collect();
    let rows: Vec<[Cell; 8]> = models.iter().map(|model| row(*model, look)).collect();
    let mut lines = vec![table::render(&COLUMNS, &rows, look)];
    for model in &models {
        lines.extend(faults(*model, look));
    }
    lines.push(String::new());
    lines.push(total(&models));
    lines.join("\n")
}

fn row(model: Doc<'_>, look: &Look) -> [Cell; 8] {
    let nothing = || look.nothing().to_owned();
    let time = |key: &str| model.number(key).map_or_else(nothing, units::duration);
    let window = model.at("window");
    [
        model.word("name").into(),
        verdict(model.at("text"), look),
        verdict(model.at("tools"), look),
        verdict(model.at("json"), look),
        match window.number("held") {
            Some(held) => Cell(held.to_string(), verdict(window, look).1),
            None => verdict(window, look),
        },
        time("first_byte_ms").into(),
        time("total_ms").into(),
        model
            .amount("cost_usd")
            .map_or_else(nothing, units::cost)
            .into(),
    ]
}

fn verdict(found: Doc<'_>, look: &Look) -> Cell {
    match found.word("status").as_str() {
        "holds" => Cell(look.sign(Mark::Good).to_owned(), Mark::Good.style()),
        "fails" => Cell(look.sign(Mark::Bad).to_owned(), Mark::Bad.style()),
        "untold" => Cell("?".to_owned(), Mark::Warn.style()),
        _ => look.nothing().into(),
    }
}

fn faults(model: Doc<'_>, look: &Look) -> Vec<String> {
    let name = model.word("name");
    let head = |mark: Mark, what: &str| format!("{} {name}{what}: ", look.mark(mark));
    let mut lines: Vec<String> = model
        .text("why")
        .map(|why| hang(&head(Mark::Bad, ""), &why, MOST_LINES, look))
        .into_iter()
        .collect();
    for part in ["text", "tools", "json", "window"] {
        let found = model.at(part);
        let mark = match found.word("status").as_str() {
            "fails" => Mark::Bad,
            "untold" => Mark::Warn,
            _ => continue,
        };
        let text = found.word("detail");
        lines.push(hang(
            &head(mark, &format!(", {part}")),
            &text,
            MOST_LINES,
            look,
        ));
    }
    let hint = format!("  {} ", style::paint(style::ACCENT, "hint:"));
    let advice = model.list("advice").filter_map(Doc::own_text);
    lines.extend(advice.map(|advice| hang(&hint, &advice, MOST_LINES, look)));
    lines
}

fn total(models: &[Doc<'_>]) -> String {
    let failing = models.iter().filter(|model| !model.is("holds")).count();
    let (mark, text) = match failing {
        0 => (Mark::Good, "everything is as configured".to_owned()),
        _ => (
            Mark::Bad,
            format!(
                "of {} {failing} {} not as configured",
                count(models.len() as u64, "model", "models"),
                if failing == 1 { "is" } else { "are" }
            ),
        ),
    };
    style::paint(mark.style().bold(), text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::render::fixture;

    #[test]
    fn what_does_not_hold_is_said_with_what_to_do() {
        let holds = json!({"status": "holds", "detail": null});
        let document = json!({"models": [
            {"name": "claude-sonnet-5-5", "holds": true, "text": holds, "tools": holds, "json": holds,
             "window": {"status": "not_asked"}, "first_byte_ms": 412, "total_ms": 6_200, "cost_usd": 0.0132, "advice": []},
            {"name": "home", "holds": false, "text": holds,
             "tools": {"status": "fails", "detail": "it answered in words\u{1b}[2J instead of calling the tool"},
             "json": {"status": "untold", "detail": "not asked: it might cost more than is left of budget.usd or budget.tokens"},
             "window": {"status": "fails", "detail": "of 16384 tokens it has lost the beginning", "held": 8_192},
             "first_byte_ms": 90, "total_ms": 65_000, "cost_usd": 0.0,
             "advice": ["set models.home.tools: false", "set models.home.context_window: 8192"]},
            {"name": "lost", "holds": false, "usable": false, "why": "the provider \"lab\" needs a key: set LAB_KEY"},
        ]});
        insta::assert_snapshot!(fixture::plain(&probes(&document, &fixture::look())), @r#"
        name               text  tools  json  window  first byte     time     cost
        ──────────────────────────────────────────────────────────────────────────
        claude-sonnet-5-5  ✓     ✓      ✓     –           412 ms    6.2 s  $0.0132
        home               ✓     ✗      ?     8192         90 ms  1 m 5 s    $0.00
        lost               –     –      –     –                –        –        –
        ✗ home, tools: it answered in words instead of calling the tool
        ! home, json: not asked: it might cost more than is left of budget.usd or
                      budget.tokens
        ✗ home, window: of 16384 tokens it has lost the beginning
          hint: set models.home.tools: false
          hint: set models.home.context_window: 8192
        ✗ lost: the provider "lab" needs a key: set LAB_KEY

        of 3 models 2 are not as configured
        "#);
    }
}
