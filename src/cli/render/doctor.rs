//! What works on this machine: `rgpt doctor`.

use serde_json::Value;

use super::document::Doc;
use super::layout::{count, hang, pad, width};
use super::look::{Look, Mark, style};

/// One line a row, from a list of objects with `name`, `status` (`ok`, `warn`, `fail`), `detail`
/// and, if something can be done, `hint`; then a line for them all.
pub(crate) fn doctor(rows: &Value, look: &Look) -> String {
    let rows = Doc(rows);
    let names = rows
        .items()
        .map(|row| width(&row.word("name")))
        .max()
        .unwrap_or(0)
        .min(24);
    let mut lines: Vec<String> = rows.items().map(|row| line(row, names, look)).collect();
    let with = |status| {
        rows.items()
            .filter(|row| row.word("status") == status)
            .count() as u64
    };
    let (failing, warnings) = (with("fail"), with("warn"));
    let (mark, text) = match (failing, warnings) {
        (0, 0) => (Mark::Good, "everything is in order".to_owned()),
        (0, _) => (
            Mark::Warn,
            format!(
                "rgpt can work, with {}",
                count(warnings, "warning", "warnings")
            ),
        ),
        (_, 0) => (Mark::Bad, count(failing, "problem", "problems")),
        _ => {
            let problems = count(failing, "problem", "problems");
            (
                Mark::Bad,
                format!("{problems}, {}", count(warnings, "warning", "warnings")),
            )
        }
    };
    lines.push(String::new());
    lines.push(style::paint(mark.style().bold(), text));
    lines.join("\n")
}

fn line(row: Doc<'_>, names: usize, look: &Look) -> String {
    let mark = Mark::of(&row.word("status"));
    let head = format!("{} {}  ", look.mark(mark), pad(&row.word("name"), names));
    let mut text = hang(&head, &row.word("detail"), 4, look);
    if let Some(hint) = row.text("hint") {
        let head = format!(
            "{}{} ",
            " ".repeat(width(&head)),
            style::paint(style::ACCENT, "hint:")
        );
        text = format!("{text}\n{}", hang(&head, &hint, 4, look));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::render::fixture;

    fn rows() -> Value {
        json!([
            {"name": "git", "status": "ok", "detail": "2.39.5", "hint": null},
            {"name": "sandbox", "status": "warn", "detail": "this kernel has no Landlock, so a model's commands are refused; everything else works as usual",
                "hint": "use a kernel of 5.13 or later"},
            {"name": "models", "status": "fail", "detail": "no provider has a key", "hint": "export ANTHROPIC_API_KEY=…"},
        ])
    }

    #[test]
    fn every_row_says_what_is_and_what_to_do() {
        insta::assert_snapshot!(fixture::plain(&doctor(&rows(), &fixture::look())), @r"
        ✓ git      2.39.5
        ! sandbox  this kernel has no Landlock, so a model's commands are refused;
                   everything else works as usual
                   hint: use a kernel of 5.13 or later
        ✗ models   no provider has a key
                   hint: export ANTHROPIC_API_KEY=…

        1 problem, 1 warning
        ");
    }

    #[test]
    fn ascii_marks_where_nothing_else_can_be_shown() {
        let look = Look {
            ascii: true,
            ..fixture::look()
        };
        let shown = fixture::plain(&doctor(&rows(), &look));
        assert!(
            shown.starts_with("+ git      2.39.5\n! sandbox  this"),
            "{shown}"
        );
        assert!(shown.contains("\nx models   no provider"), "{shown}");
    }
}
