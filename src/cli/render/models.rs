//! The table of models: `rgpt models`.

use serde_json::Value;

use super::document::Doc;
use super::layout::hang;
use super::look::{Look, Mark, style};
use super::table::{self, Cell, Column};
use super::units;

const COLUMNS: [Column; 8] = [
    Column::flexible("name", 17).wrapped(),
    Column::flexible("model", 9).wrapped(),
    Column::numbers("$/M in/out"),
    Column::flexible("for", 8).wrapped(),
    Column::numbers("health"),
    Column::numbers("passed"),
    Column::numbers("calls"),
    Column::numbers("spent"),
];

/// The most lines that are shown of why a model cannot be asked, or of its last failure.
const MOST_LINES: usize = 4;

/// What to write where there is nothing yet.
const EXAMPLE: &str = r#"
providers:
  openai: {kind: openai, api: responses, api_key_env: OPENAI_API_KEY}
  # any compatible server; the version is part of its address
  local:  {kind: openai, base_url: "http://127.0.0.1:8000/v1"}
models:
  gpt: {provider: openai, model: gpt-6.2-sol}
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
            "no models are configured, and there is no key to choose some for:\n\
             export OPENAI_API_KEY=..., ANTHROPIC_API_KEY=... or GEMINI_API_KEY=...;\n\
             or name your own in ~/.config/rgpt/config.yaml, as in\n{EXAMPLE}\nthen see: {check}"
        );
    }
    let rows: Vec<[Cell; 8]> = models.iter().map(|model| row(*model, look)).collect();
    let mut lines = vec![table::render(&COLUMNS, &rows, look)];
    let chosen: Vec<String> = Doc(document)
        .list("chosen_for")
        .filter_map(Doc::own_text)
        .collect();
    if !chosen.is_empty() {
        lines.push(hang("", &self::chosen(&chosen), MOST_LINES, look));
    }
    lines.extend(models.iter().filter_map(|model| lacking(*model, look)));
    lines.extend(models.iter().filter_map(|model| ending(*model, look)));
    lines.extend(stale(&models, look));
    lines.extend(models.iter().filter_map(|model| unusable(*model, look)));
    lines.extend(models.iter().filter_map(|model| rest(*model, look)));
    lines.extend(models.iter().filter_map(|model| failure(*model, look)));
    lines.join("\n")
}

fn row(model: Doc<'_>, look: &Look) -> [Cell; 8] {
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
        place(model).into(),
        prices
            .map_or_else(nothing, |(input, output)| format!("{input}/{output}"))
            .into(),
        joined(model, "phases").unwrap_or_else(nothing).into(),
        health(model, look),
        learned(model).map_or_else(nothing, units::share).into(),
        record.word("calls").into(),
        record
            .amount("cost_usd")
            .map_or_else(nothing, units::cost)
            .into(),
    ]
}

/// Why these models, where none are configured.
pub(crate) fn chosen(whom: &[String]) -> String {
    format!(
        "No models are configured; these were chosen for {}. Name your own under `models:`.",
        whom.join(", ")
    )
}

/// A model that will soon be gone.
fn ending(model: Doc<'_>, look: &Look) -> Option<String> {
    let day = model.at("catalogue").text("ends")?;
    let head = format!("{} {}: ", look.mark(Mark::Warn), model.word("name"));
    let text = format!("its provider ends {} on {day}", model.word("model"));
    Some(hang(&head, &text, MOST_LINES, look))
}

/// What may no longer be so, all in one.
fn stale(models: &[Doc<'_>], look: &Look) -> Option<String> {
    let is_old = |model: &Doc<'_>| model.at("catalogue").is("stale");
    let old: Vec<Doc<'_>> = models.iter().copied().filter(is_old).collect();
    let oldest = old.iter().map(|model| model.at("catalogue").word("as_of"));
    let text = format!(
        "what rgpt knows of {} is of {}: see whether prices and limits still hold ({}), and set \
         what has changed under `models:`",
        old.iter()
            .map(|model| model.word("name"))
            .collect::<Vec<_>>()
            .join(", "),
        oldest.min()?,
        old.first()?.at("catalogue").word("source"),
    );
    let head = format!("{} ", look.mark(Mark::Warn));
    Some(hang(&head, &text, MOST_LINES, look))
}

/// Its name at the provider, unless that is its name here, too.
fn place(model: Doc<'_>) -> String {
    let (there, provider) = (model.word("model"), model.word("provider"));
    match model.word("name") == there {
        true => format!("at {provider}"),
        false => format!("{there} at {provider}"),
    }
}

/// What most can do and it cannot.
fn lacking(model: Doc<'_>, look: &Look) -> Option<String> {
    let text = match (model.is_not("tools"), model.is_not("json")) {
        (true, true) => "calls no tools and is held to no schema: both go by way of its text",
        (true, false) => "calls no tools: calls go by way of its text",
        (false, true) => "is held to no schema",
        (false, false) => return None,
    };
    let head = format!("{} {} ", look.mark(Mark::Waiting), model.word("name"));
    Some(hang(&head, text, MOST_LINES, look))
}

fn joined(model: Doc<'_>, key: &str) -> Option<String> {
    let words: Vec<String> = model.list(key).filter_map(Doc::own_text).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// The share of its work that passes, over all that was seen of it.
fn learned(model: Doc<'_>) -> Option<f64> {
    let known = || {
        let of = |one: Doc<'_>| Some((one.amount("mean")?, one.amount("seen")?));
        model.list("learned").filter_map(of)
    };
    let seen: f64 = known().map(|(_, seen)| seen).sum();
    (seen > 0.0).then(|| known().map(|(mean, seen)| mean * seen).sum::<f64>() / seen)
}

fn health(model: Doc<'_>, look: &Look) -> Cell {
    match model.at("breaker").text("state").as_deref() {
        Some("open") => return Cell("rests".to_owned(), Mark::Bad.style()),
        Some("half_open") => return Cell("back?".to_owned(), Mark::Warn.style()),
        _ => {}
    }
    match model.at("record").amount("health") {
        None => look.nothing().into(),
        Some(share) => {
            let mark = match share {
                0.9.. => Mark::Good,
                0.5.. => Mark::Warn,
                _ => Mark::Bad,
            };
            Cell(units::share(share), mark.style())
        }
    }
}

fn unusable(model: Doc<'_>, look: &Look) -> Option<String> {
    let head = format!("{} {}: ", look.mark(Mark::Bad), model.word("name"));
    Some(hang(&head, &model.text("why")?, MOST_LINES, look))
}

/// Until when a model that failed of late is not asked, or who finds out whether it is back.
fn rest(model: Doc<'_>, look: &Look) -> Option<String> {
    let breaker = model.at("breaker");
    let kind = breaker.text("kind")?.replace('_', " ");
    let (mark, words) = match breaker.text("state")?.as_str() {
        "open" => {
            let until = look.clock(breaker.time("until")?);
            (Mark::Bad, format!("resting until {until} ({kind})"))
        }
        "half_open" => {
            let words = "rested; the next call finds out whether it is back";
            (Mark::Warn, format!("{words} ({kind})"))
        }
        _ => return None,
    };
    let head = format!("{} {}: ", look.mark(mark), model.word("name"));
    Some(hang(&head, &words, MOST_LINES, look))
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
             "breaker": {"state": "open", "failures": 3, "until": "2026-01-02T12:00:05Z", "kind": "overloaded"},
             "learned": [{"agent": "planner", "class": "plan", "mean": 0.9, "seen": 3.0},
                         {"agent": "builder", "class": "low", "mean": 0.7, "seen": 1.0}],
             "record": {"calls": 134, "cost_usd": 1.25, "health": 0.95, "last_failure":
                {"run": 3, "message": "model gpt (gpt-4.1 at openai): status 429: slow\u{1b}[2J down, please"}}},
            {"name": "local", "provider": "lab", "model": "qwen", "tools": false, "json": false,
             "usable": false, "why": "the provider \"lab\" needs a key: set LAB_KEY", "phases": [],
             "record": {"calls": 0, "cost_usd": 0.0, "health": null}},
        ]});
        insta::assert_snapshot!(fixture::plain(&models(&document, &fixture::look())), @r#"
        name   model        $/M in/out  for       health  passed  calls  spent
        ──────────────────────────────────────────────────────────────────────
        gpt    gpt-4.1 at          2/8  planner,   rests     85%    134  $1.25
               openai                   builder
        local  qwen at lab           –  –              –       –      0  $0.00
        · local calls no tools and is held to no schema: both go by way of its text
        ✗ local: the provider "lab" needs a key: set LAB_KEY
        ✗ gpt: resting until 12:00:05 (overloaded)
        ! gpt last failed in run 3: model gpt (gpt-4.1 at openai): status 429: slow
                                    down, please
        "#);
    }

    #[test]
    fn what_ends_or_may_no_longer_hold_is_said_below() {
        let model = |name: &str, as_of: &str, stale: bool, ends: Option<&str>| {
            json!({"name": name, "provider": "a", "model": "m-1", "usable": true, "catalogue":
                {"as_of": as_of, "source": "vendor.example/models", "stale": stale, "ends": ends}})
        };
        let document = json!({"chosen_for": ["A_KEY"], "models": [
            model("old", "2026-01-02", true, None),
            model("older", "2026-01-01", true, Some("2026-11-30")),
            model("new", "2026-11-01", false, None),
        ]});
        let shown = fixture::plain(&models(&document, &fixture::look()));
        let below: Vec<&str> = shown.lines().skip(5).collect();
        insta::assert_snapshot!(below.join("\n"), @r"
        No models are configured; these were chosen for A_KEY. Name your own under
        `models:`.
        ! older: its provider ends m-1 on 2026-11-30
        ! what rgpt knows of old, older is of 2026-01-01: see whether prices and limits
          still hold (vendor.example/models), and set what has changed under `models:`
        ");
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
