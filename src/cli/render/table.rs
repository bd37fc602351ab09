//! Tables: a thin line below the headings, columns shrunk where the terminal is narrow.

use anstyle::Style;
use tabled::builder::Builder;
use tabled::settings::object::{Cell as Place, Columns};
use tabled::settings::style::HorizontalLine;
use tabled::settings::{Alignment, Color, Modify, Padding, Style as Lines};

use super::layout::{fit, width, wrap};
use super::look::{Look, style};

/// The gap between two columns.
const GAP: usize = 2;

/// A column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    name: &'static str,
    right: bool,
    least: Option<usize>,
    wraps: bool,
}

impl Column {
    /// A column of words, never cut unless nothing else helps.
    pub(crate) const fn words(name: &'static str) -> Self {
        Self {
            name,
            right: false,
            least: None,
            wraps: false,
        }
    }

    /// A column of numbers, aligned to the right.
    pub(crate) const fn numbers(name: &'static str) -> Self {
        Self {
            name,
            right: true,
            least: None,
            wraps: false,
        }
    }

    /// A column of words that gives up room down to `least` columns of the terminal.
    pub(crate) const fn flexible(name: &'static str, least: usize) -> Self {
        Self {
            name,
            right: false,
            least: Some(least),
            wraps: false,
        }
    }

    /// The same, but what has no room on one line goes on below it and is not cut.
    pub(crate) const fn wrapped(self) -> Self {
        Self {
            wraps: true,
            ..self
        }
    }

    fn shown(&self, text: &str, room: usize, look: &Look) -> String {
        if self.wraps && width(text) > room {
            wrap(text, room).join("\n")
        } else {
            fit(text, room, look)
        }
    }
}

/// The text of a cell, clean and without colours, and its style.
#[derive(Clone, Debug)]
pub(crate) struct Cell(pub(crate) String, pub(crate) Style);

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self(text, style::PLAIN)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self(text.to_owned(), style::PLAIN)
    }
}

/// The table, without a newline at its end.
pub(crate) fn render<const N: usize>(
    columns: &[Column; N],
    rows: &[[Cell; N]],
    look: &Look,
) -> String {
    let widths = widths(columns, rows, look.width);
    let mut builder = Builder::default();
    builder.push_record(
        columns
            .iter()
            .zip(widths)
            .map(|(column, room)| fit(column.name, room, look)),
    );
    for row in rows {
        let cells = columns.iter().zip(row).zip(widths);
        builder.push_record(cells.map(|((column, cell), room)| column.shown(&cell.0, room, look)));
    }
    let rule = HorizontalLine::new(look.rule()).intersection(look.rule());
    let mut table = builder.build();
    table
        .with(Lines::blank().horizontals([(1, rule)]))
        .with(Padding::new(0, GAP - 1, 0, 0))
        .with(Modify::new(Columns::last()).with(Padding::zero()));
    for (at, column) in columns.iter().enumerate() {
        table.with(Modify::new(Place::new(0, at)).with(color(style::DIM)));
        if column.right {
            table.with(Modify::new(Columns::one(at)).with(Alignment::right()));
        }
        for (line, row) in rows.iter().enumerate() {
            if row[at].1 != style::PLAIN {
                table.with(Modify::new(Place::new(line + 1, at)).with(color(row[at].1)));
            }
        }
    }
    let lines: Vec<String> = table
        .to_string()
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.join("\n")
}

fn color(style: Style) -> Color {
    Color::new(style.render().to_string(), style.render_reset().to_string())
}

/// How wide each column becomes: as wide as it needs, then the flexible ones give up room, then
/// every one, always the widest first.
fn widths<const N: usize>(columns: &[Column; N], rows: &[[Cell; N]], most: usize) -> [usize; N] {
    let mut widths: [usize; N] = std::array::from_fn(|at| {
        let cells = rows.iter().map(|row| width(&row[at].0));
        cells.chain([width(columns[at].name)]).max().unwrap_or(0)
    });
    let room = most.saturating_sub(GAP * N.saturating_sub(1));
    let floors: [[usize; N]; 2] = [
        std::array::from_fn(|at| columns[at].least.unwrap_or(usize::MAX)),
        [4; N],
    ];
    for floor in floors {
        while widths.iter().sum::<usize>() > room {
            let shrinkable = (0..N).filter(|at| widths[*at] > floor[*at]);
            match shrinkable.max_by_key(|at| widths[*at]) {
                Some(at) => widths[at] -= 1,
                None => break,
            }
        }
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::render::fixture;

    const COLUMNS: [Column; 3] = [
        Column::numbers("id"),
        Column::flexible("title", 10),
        Column::words("state"),
    ];

    fn rows() -> Vec<[Cell; 3]> {
        let row = |id: &str, title: &str, state| -> [Cell; 3] {
            [id.into(), title.into(), Cell("done".to_owned(), state)]
        };
        vec![
            row("1", "short", style::GOOD),
            row(
                "12",
                "a title that is a good deal longer than the others 日本語",
                style::PLAIN,
            ),
        ]
    }

    #[test]
    fn a_table_has_a_thin_line_below_its_headings() {
        insta::assert_snapshot!(fixture::plain(&render(&COLUMNS, &rows(), &fixture::look())), @r"
        id  title                                                      state
        ────────────────────────────────────────────────────────────────────
         1  short                                                      done
        12  a title that is a good deal longer than the others 日本語  done
        ");
    }

    #[test]
    fn a_narrow_terminal_takes_room_from_flexible_columns() {
        let look = Look {
            width: 30,
            ascii: true,
            ..fixture::look()
        };
        insta::assert_snapshot!(fixture::plain(&render(&COLUMNS, &rows(), &look)), @r"
        id  title               state
        -----------------------------
         1  short               done
        12  a title that is...  done
        ");
    }

    #[test]
    fn colours_take_no_room() {
        let colored = render(&COLUMNS, &rows(), &fixture::look());
        assert!(colored.contains("\u{1b}[32mdone\u{1b}[0m"), "{colored:?}");
    }
}
