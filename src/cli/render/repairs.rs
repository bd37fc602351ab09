//! What has been learned of repairs: `rgpt heal --list`.

use serde_json::Value;

use super::document::Doc;
use super::look::{Look, style};
use super::table::{self, Cell, Column};
use super::units;
use crate::domain::Digest;

const REPAIRS: [Column; 5] = [
    Column::words("failure"),
    Column::words("repair"),
    Column::numbers("helps"),
    Column::numbers("assumed"),
    Column::words("seen"),
];

const PLAYS: [Column; 4] = [
    Column::words("failure"),
    Column::words("repair"),
    Column::words("helped"),
    Column::flexible("as in", 20).wrapped(),
];

/// What is neither assumed to help so often nor was ever tried is left out.
const WORTH_SHOWING: f64 = 0.3;

/// The most entries of the playbook that are shown.
const MOST_PLAYS: usize = 20;

/// How much of a signature is shown.
const DIGITS: usize = 12;

/// The repairs by class, best first, and the playbook, from a `heal --list --json` document.
pub(crate) fn repairs(document: &Value, look: &Look) -> String {
    let document = Doc(document);
    let shown: Vec<Doc<'_>> = document
        .list("repairs")
        .filter(|one| {
            one.amount("tries") > Some(0.0) || one.amount("assumed") >= Some(WORTH_SHOWING)
        })
        .collect();
    let mut last = String::new();
    let mut rows = Vec::new();
    for one in &shown {
        let class = one.word("error_type");
        let head = if class == last {
            String::new()
        } else {
            class.clone()
        };
        rows.push(repair(*one, head, look));
        last = class;
    }
    let mut lines = vec![table::render(&REPAIRS, &rows, look)];
    let plays: Vec<Doc<'_>> = document.list("playbook").collect();
    if plays.is_empty() {
        lines.push("\nNo repair is on record yet; what is assumed holds until then.".to_owned());
        return lines.join("\n");
    }
    lines.push("\nWhat came of repairs of the same failure; a * is tried first:".to_owned());
    let rows: Vec<[Cell; 4]> = plays
        .iter()
        .take(MOST_PLAYS)
        .map(|one| play(*one))
        .collect();
    lines.push(table::render(&PLAYS, &rows, look));
    if plays.len() > MOST_PLAYS {
        let more = plays.len() - MOST_PLAYS;
        lines.push(format!("and {more} more: rgpt heal --list --json"));
    }
    let command = style::paint(style::ACCENT, "rgpt heal --forget SIGNATURE");
    lines.push(format!(
        "\nForget what came of a failure's repairs: {command}"
    ));
    lines.join("\n")
}

fn repair(one: Doc<'_>, class: String, look: &Look) -> [Cell; 5] {
    let share = |key| one.amount(key).map(units::share).unwrap_or_default();
    let seen = match one.amount("tries") {
        Some(tries) if tries > 0.0 => {
            format!("{} of {}", one.word("hits"), one.word("tries"))
        }
        _ => look.nothing().to_owned(),
    };
    [
        class.into(),
        one.word("action").into(),
        share("success").into(),
        Cell(share("assumed"), style::DIM),
        seen.into(),
    ]
}

fn play(one: Doc<'_>) -> [Cell; 4] {
    let signature: String = one.word("signature").chars().take(DIGITS).collect();
    let tries = one.amount("hits").unwrap_or_default() + one.amount("misses").unwrap_or_default();
    let first = if one.is("first") { " *" } else { "" };
    [
        signature.into(),
        one.word("action").into(),
        format!("{} of {tries}{first}", one.word("hits")).into(),
        one.word("cause").into(),
    ]
}

/// What was forgotten.
pub(crate) fn forgotten(signatures: &[Digest], outcomes: u64) -> String {
    let of = match signatures {
        [one] => format!(
            "failure {}",
            &one.as_str()[..DIGITS.min(one.as_str().len())]
        ),
        all => format!("{} failures", all.len()),
    };
    let repairs = match outcomes {
        1 => "1 repair".to_owned(),
        many => format!("{many} repairs"),
    };
    format!("Forgotten: what became of {repairs} of {of}.")
}
