//! The table of runs: `rgpt list`.

use jiff::Timestamp;
use serde_json::Value;

use super::document::Doc;
use super::look::{Look, Mark, style};
use super::table::{self, Cell, Column};
use super::units;

const COLUMNS: [Column; 8] = [
    Column::numbers("id"),
    Column::words("state"),
    Column::flexible("title", 16),
    Column::words("phase"),
    Column::numbers("heals"),
    Column::numbers("cost"),
    Column::words("age"),
    Column::words("branch"),
];

/// One line a run, from a `list --json` document.
pub(crate) fn list(document: &Value, now: Timestamp, look: &Look) -> String {
    let rows: Vec<[Cell; 8]> = Doc(document)
        .list("runs")
        .map(|run| row(run, now, look))
        .collect();
    if rows.is_empty() {
        let command = format!("rgpt run --goal \"{}\"", look.ellipsis());
        let command = style::paint(style::ACCENT, command);
        return format!("no runs yet: {command}");
    }
    table::render(&COLUMNS, &rows, look)
}

fn row(run: Doc<'_>, now: Timestamp, look: &Look) -> [Cell; 8] {
    let nothing = || look.nothing().to_owned();
    [
        run.word("id").into(),
        state(run),
        title(run).into(),
        run.text("phase").unwrap_or_else(nothing).into(),
        run.text("heal_count").unwrap_or_else(nothing).into(),
        run.at("usage")
            .amount("cost_usd")
            .map_or_else(nothing, units::cost)
            .into(),
        run.time("created_at")
            .map_or_else(nothing, |at| units::age(at, now))
            .into(),
        run.text("branch").unwrap_or_else(nothing).into(),
    ]
}

/// The title; a fork has its source's.
fn title(run: Doc<'_>) -> String {
    match run.text("parent_run_id") {
        Some(source) => format!("replay of {source}: {}", run.word("title")),
        None => run.word("title"),
    }
}

/// The state; what a run stands still for says more than where it does.
fn state(run: Doc<'_>) -> Cell {
    let mark = match run.word("status").as_str() {
        "success" if run.is("verified") => Mark::Good,
        "failed" | "cancelled" => Mark::Bad,
        "running" => Mark::Busy,
        "pending" => Mark::Waiting,
        _ => Mark::Warn,
    };
    let text = match run.text("stop_reason") {
        Some(reason) if run.word("status") == "stopped" => reason,
        _ if mark == Mark::Warn && run.word("state") == "done" => "unverified".to_owned(),
        _ => run.word("state"),
    };
    Cell(text, mark.style())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::render::fixture;

    fn shown(document: &Value, look: &Look) -> String {
        fixture::plain(&list(document, fixture::now(), look))
    }

    #[test]
    fn runs_stand_in_a_table() {
        let mut stopped = fixture::stopped()["run"].clone();
        stopped["id"] = 12.into();
        stopped["title"] = "Rename the module of the parser and everything that imports it".into();
        let document = json!({"runs": [fixture::demo()["run"], stopped, fixture::failed()["run"]]});
        insta::assert_snapshot!(shown(&document, &fixture::look()), @r"
        id  state       title                phase     heals     cost  age    branch
        ────────────────────────────────────────────────────────────────────────────────
         1  done        Priorities for to-…  releaser      3  $0.0264  5 min  rgpt/run-1
        12  budget_usd  Rename the module…   builder       3  $0.0264  5 min  rgpt/run-1
         1  failed      Priorities for to-…  tester        3  $0.0264  5 min  rgpt/run-1
        ");
    }

    #[test]
    fn where_there_are_no_runs_it_says_how_to_make_one() {
        assert_eq!(
            shown(&json!({"runs": []}), &fixture::look()),
            "no runs yet: rgpt run --goal \"…\""
        );
    }
}
