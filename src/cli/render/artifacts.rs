//! The table of a run's files: `rgpt artifacts`.

use serde_json::Value;

use super::document::Doc;
use super::look::{Look, style};
use super::table::{self, Cell, Column};
use crate::domain::units;

const COLUMNS: [Column; 4] = [
    Column::flexible("name", 12),
    Column::words("type"),
    Column::numbers("size"),
    Column::flexible("file", 16).wrapped(),
];

/// One line a file, from an `artifacts --json` document.
pub(crate) fn artifacts(document: &Value, look: &Look) -> String {
    let document = Doc(document);
    let rows: Vec<[Cell; 4]> = document
        .list("artifacts")
        .map(|artifact| {
            let file = artifact
                .text("file")
                .map_or_else(|| Cell("missing".to_owned(), style::BAD), Cell::from);
            [
                artifact.word("name").into(),
                artifact.word("type").into(),
                artifact
                    .number("size")
                    .map_or_else(String::new, units::bytes)
                    .into(),
                file,
            ]
        })
        .collect();
    if rows.is_empty() {
        return format!("run {} has no artifacts", document.word("run"));
    }
    table::render(&COLUMNS, &rows, look)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::render::fixture;

    #[test]
    fn files_stand_in_a_table() {
        let document = json!({"run": 3, "artifacts": [
            {"name": "exec-4-test-final.stdout", "type": "output", "size": 5_000_000,
                "file": "/home/ada/project/.rgpt/artifacts/run-3/exec-4-test-final/stdout.txt"},
            {"name": "summary.md", "type": "summary", "size": 812, "file": null},
        ]});
        insta::assert_snapshot!(fixture::plain(&artifacts(&document, &fixture::look())), @r"
        name                      type       size  file
        ────────────────────────────────────────────────────────────────────────────────
        exec-4-test-final.stdout  output   4.7 MB  /home/ada/project/.rgpt/artifacts/run
                                                   -3/exec-4-test-final/stdout.txt
        summary.md                summary   812 B  missing
        ");
        assert_eq!(
            artifacts(&json!({"run": 3, "artifacts": []}), &fixture::look()),
            "run 3 has no artifacts"
        );
    }
}
