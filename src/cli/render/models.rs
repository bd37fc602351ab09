//! The table of models: `rgpt models`.

use serde_json::Value;

use super::document::Doc;
use super::layout::hang;
use super::look::{Look, Mark, style};
use super::table::{self, Cell, Column};
use super::units;

const COLUMNS: [Column; 9] = [
    Column::words("name"),
    Column::flexible("model", 8).wrapped(),
    Column::numbers("window"),
    Column::numbers("$/M in/out"),
    Column::flexible("takes", 6).wrapped(),
    Column::flexible("for", 8).wrapped(),
    Column::numbers("health"),
    Column::numbers("calls"),
    Column::numbers("spent"),
];

/// The most lines that are shown of why a model cannot be asked, or of its last failure.
const MOST_LINES: usize = 4;

/// What to write where there is nothing yet.
const EXAMPLE: &str = r#"
providers:
  openai: {kind: openai, api_key_env: OPENAI_API_KEY}
  # any compatible server; the version is part of its address
  local:  {kind: openai, base_url: "http://127.0.0.1:8000/v1"}
models:
  gpt: {provider: openai, model: gpt-4.1, price: {input: 2.0, output: 8.0}}
phases:
  planner: {models: [gpt]}
  builder: {models: [gpt]}
"#;

/// One line a model, from a `models --json` document; below, what is wrong with any of them.
pub(crate) fn models(document: &Value, look: &Look) -> String {
    let models: Vec<Doc<'_>> = Doc(document).list("models").collect();
    if models.is_empty() {
        let check = style::paint(style::ACCENT, format!("rgpt doctor{}", look.repeated));
        return format!(
            "no models are configured; name them in ~/.config/rgpt/config.yaml, as in\n{EXAMPLE}\n\
             put the key into the variable: export OPENAI_API_KEY=...\nthen see: {check}"
        );
    }
    let rows: Vec<[Cell; 9]> = models.iter().map(|model| row(*model, look)).collect();
    let mut lines = vec![table::render(&COLUMNS, &rows, look)];
    lines.extend(models.iter().filter_map(|model| unusable(*model, look)));
    lines.extend(models.iter().filter_map(|model| failure(*model, look)));
    lines.join("\n")
}

fn row(model: Doc<'_>, look: &Look) -> [Cell; 9] {
    let nothing = || look.nothing().to_owned();
    let record = model.at("record");
    let price = model.at("price");
    let prices = price.amount("input").zip(price.amount("output"));
    let name_style = if model.is("usable") {
        style::PLAIN
    } else {
        style::BAD
    };
    [
        Cell(model.word("name"), name_style),
        format!("{} at {}", model.word("model"), model.word("provider")).into(),
        model
            .number("context_window")
            .map_or_else(nothing, units::tokens)
            .into(),
        prices
            .map_or_else(nothing, |(input, output)| format!("{input}/{output}"))
            .into(),
        takes(model).into(),
        joined(model, "phases").unwrap_or_else(nothing).into(),
        health(record, look),
        record.word("calls").into(),
        record
            .amount("cost_usd")
            .map_or_else(nothing, units::cost)
            .into(),
    ]
}

fn takes(model: Doc<'_>) -> String {
    let ways = ["tools", "json"].into_iter().filter(|way| model.is(way));
    let ways: Vec<&str> = ways.collect();
    if ways.is_empty() {
        "text".to_owned()
    } else {
        ways.join(", ")
    }
}

fn joined(model: Doc<'_>, key: &str) -> Option<String> {
    let words: Vec<String> = model.list(key).filter_map(Doc::own_text).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

fn health(record: Doc<'_>, look: &Look) -> Cell {
    match record.amount("health") {
        None => look.nothing().into(),
        Some(share) => {
            let mark = match share {
                0.9.. => Mark::Good,
                0.5.. => Mark::Warn,
                _ => Mark::Bad,
            };
            Cell(format!("{:.0}%", share * 100.0), mark.style())
        }
    }
}

fn unusable(model: Doc<'_>, look: &Look) -> Option<String> {
    let head = format!("{} {}: ", look.mark(Mark::Bad), model.word("name"));
    Some(hang(&head, &model.text("why")?, MOST_LINES, look))
}

fn failure(model: Doc<'_>, look: &Look) -> Option<String> {
    let failure = model.at("record").at("last_failure");
    let text = failure.text("message")?;
    let head = format!(
        "{} {} last failed in run {}: ",
        look.mark(Mark::Warn),
        model.word("name"),
        failure.word("run")
    );
    Some(hang(&head, &text, MOST_LINES, look))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::render::fixture;

    #[test]
    fn models_stand_in_a_table_with_what_is_wrong_below() {
        let document = json!({"models": [
            {"name": "gpt", "provider": "openai", "model": "gpt-4.1", "context_window": 1_000_000,
             "price": {"input": 2.0, "output": 8.0}, "tools": true, "json": true, "usable": true,
             "phases": ["planner", "builder"],
             "record": {"calls": 134, "cost_usd": 1.25, "health": 0.95, "last_failure":
                {"run": 3, "message": "model gpt (gpt-4.1 at openai): status 429: slow\u{1b}[2J down, please"}}},
            {"name": "local", "provider": "lab", "model": "qwen", "tools": false, "json": false,
             "usable": false, "why": "the provider \"lab\" needs a key: set LAB_KEY", "phases": [],
             "record": {"calls": 0, "cost_usd": 0.0, "health": null}},
        ]});
        insta::assert_snapshot!(fixture::plain(&models(&document, &fixture::look())), @r#"
        name   model      window  $/M in/out  takes   for       health  calls  spent
        ────────────────────────────────────────────────────────────────────────────
        gpt    gpt-4.1     1.00M         2/8  tools,  planner,     95%    134  $1.25
               at openai                      json    builder
        local  qwen at         –           –  text    –              –      0  $0.00
               lab
        ✗ local: the provider "lab" needs a key: set LAB_KEY
        ! gpt last failed in run 3: model gpt (gpt-4.1 at openai): status 429: slow
                                    down, please
        "#);
    }

    #[test]
    fn where_there_are_none_it_says_how_to_name_one() {
        let shown = fixture::plain(&models(&json!({"models": []}), &fixture::look()));
        for words in ["config.yaml", "api_key_env: OPENAI_API_KEY", "rgpt doctor"] {
            assert!(shown.contains(words), "{shown}");
        }
        let config: Value = serde_yaml::from_str(EXAMPLE).expect("the example is YAML");
        assert!(config["models"]["gpt"].is_object());
    }
}
