//! The table of a run's phases.

use super::document::Doc;
use super::look::{Look, Mark, style};
use super::table::{self, Cell, Column};
use super::units;

const COLUMNS: [Column; 7] = [
    Column::words("phase"),
    Column::numbers("attempts"),
    Column::flexible("model", 10),
    Column::numbers("time"),
    Column::numbers("tokens"),
    Column::numbers("cost"),
    Column::words("result"),
];

/// One line a phase and one for them all.
pub(crate) fn table(document: Doc<'_>, look: &Look) -> String {
    let stands_still = document.at("run").word("status") != "running";
    let mut rows: Vec<[Cell; 7]> = document
        .list("phases")
        .map(|phase| row(phase, stands_still, look))
        .collect();
    let time = document
        .list("phases")
        .filter_map(|phase| phase.number("duration_ms"))
        .sum();
    let usage = document.at("run").at("usage");
    rows.push([
        Cell("total".to_owned(), style::HEAD),
        "".into(),
        "".into(),
        Cell(units::duration(time), style::HEAD),
        Cell(tokens(usage, look), style::HEAD),
        Cell(cost(usage, look), style::HEAD),
        caps(document.at("limits")),
    ]);
    table::render(&COLUMNS, &rows, look)
}

fn row(phase: Doc<'_>, stands_still: bool, look: &Look) -> [Cell; 7] {
    let status = match phase.word("status") {
        status if status == "running" && stands_still => "stopped".to_owned(),
        status => status,
    };
    let mark = Mark::of(&status);
    let nothing = || look.nothing().to_owned();
    [
        phase.word("phase").into(),
        phase.text("attempts").unwrap_or_else(nothing).into(),
        phase.text("model").unwrap_or_else(nothing).into(),
        phase
            .number("duration_ms")
            .map_or_else(nothing, units::duration)
            .into(),
        tokens(phase.at("usage"), look).into(),
        cost(phase.at("usage"), look).into(),
        Cell(format!("{} {status}", look.sign(mark)), mark.style()),
    ]
}

fn tokens(usage: Doc<'_>, look: &Look) -> String {
    match (usage.number("model_calls"), usage.tokens()) {
        (None | Some(0), _) | (_, None) => look.nothing().to_owned(),
        (_, Some(tokens)) => units::tokens(tokens),
    }
}

fn cost(usage: Doc<'_>, look: &Look) -> String {
    match (usage.number("model_calls"), usage.amount("cost_usd")) {
        (None | Some(0), _) | (_, None) => look.nothing().to_owned(),
        (_, Some(usd)) => units::cost(usd),
    }
}

/// What the run may spend, in the order of the columns before: `of 2.00M, $5.00`.
fn caps(budget: Doc<'_>) -> Cell {
    let caps = [
        budget.number("tokens").map(units::tokens),
        budget.amount("usd").map(units::cost),
    ];
    let caps: Vec<String> = caps.into_iter().flatten().collect();
    match caps.as_slice() {
        [] => "".into(),
        _ => Cell(format!("of {}", caps.join(", ")), style::DIM),
    }
}
