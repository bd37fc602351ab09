//! The table of settings: `rgpt config show`.

use serde_json::Value;

use super::clean;
use super::document::Doc;
use super::look::{Look, style};
use super::table::{self, Cell, Column};

const COLUMNS: [Column; 3] = [
    Column::words("setting"),
    Column::flexible("value", 16).wrapped(),
    Column::flexible("from", 32).wrapped(),
];

/// One line a setting, from a list of objects with `path`, `value` and `origin`.
pub(crate) fn config(rows: &Value, look: &Look) -> String {
    let rows: Vec<[Cell; 3]> = Doc(rows)
        .items()
        .map(|row| {
            let value = match row.at("value").0 {
                Value::String(text) if !text.is_empty() => clean::line(text),
                other => clean::line(&other.to_string()),
            };
            [
                row.word("path").into(),
                value.into(),
                Cell(origin(row), style::DIM),
            ]
        })
        .collect();
    table::render(&COLUMNS, &rows, look)
}

/// The origin in a few words: the variable or the place in a file, else the layer's name.
fn origin(row: Doc<'_>) -> String {
    let origin = row.at("origin");
    if let Some(variable) = origin.text("variable") {
        return format!("${variable}");
    }
    match (origin.text("file"), origin.text("line")) {
        (Some(file), Some(line)) => format!("{}:{line}", file_name(&file)),
        (Some(file), None) => file_name(&file).to_owned(),
        (None, _) => origin
            .text("layer")
            .or_else(|| row.text("origin"))
            .unwrap_or_default(),
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::render::fixture;

    #[test]
    fn every_setting_says_where_it_comes_from() {
        let rows = json!([
            {"path": "budget.usd", "value": 5.0, "origin": {"layer": "defaults"}},
            {"path": "checks.test.command", "value": "cargo test --workspace --all-features --locked -- -q",
                "origin": {"layer": "project", "file": "/home/me/todo/orchestrator.yaml", "line": 12}},
            {"path": "execution.max_retries", "value": 4,
                "origin": {"layer": "environment", "variable": "RGPT_EXECUTION__MAX_RETRIES"}},
            {"path": "policy.protected", "value": [".github/workflows/**"], "origin": "defaults"},
            {"path": "policy.labels", "value": "", "origin": "flags"},
        ]);
        insta::assert_snapshot!(fixture::plain(&config(&rows, &fixture::look())), @r#"
        setting                value                       from
        ───────────────────────────────────────────────────────────────────────────────
        budget.usd             5.0                         defaults
        checks.test.command    cargo test --workspace      orchestrator.yaml:12
                               --all-features --locked --
                               -q
        execution.max_retries  4                           $RGPT_EXECUTION__MAX_RETRIES
        policy.protected       [".github/workflows/**"]    defaults
        policy.labels          ""                          flags
        "#);
    }
}
