//! What may be used to draw with: width, characters, colours.

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::export::words::{self, Tone};

/// The colours, by what they mean.
pub(crate) mod style {
    use super::{AnsiColor, Style};

    /// No style.
    pub(crate) const PLAIN: Style = Style::new();
    /// Headings.
    pub(crate) const HEAD: Style = Style::new().bold();
    /// What is less important.
    pub(crate) const DIM: Style = Style::new().dimmed();
    /// It went well.
    pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
    /// Look at it.
    pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();
    /// It went wrong.
    pub(crate) const BAD: Style = AnsiColor::Red.on_default();
    /// What can be typed, and places.
    pub(crate) const ACCENT: Style = AnsiColor::Cyan.on_default();

    /// The text in a style.
    pub(crate) fn paint(style: Style, text: impl AsRef<str>) -> String {
        format!("{style}{}{style:#}", text.as_ref())
    }
}

/// What may be used to draw with.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    /// Columns.
    pub(crate) width: usize,
    /// Whether only ASCII can be relied on.
    pub(crate) ascii: bool,
    /// The zone in which times are shown.
    pub(crate) zone: TimeZone,
    /// Flags that a command to type next needs, too: each with a space before it.
    pub(crate) repeated: String,
}

/// A sign at the start of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It went well.
    Good,
    /// Look at it.
    Warn,
    /// It went wrong.
    Bad,
    /// It is being repaired.
    Heal,
    /// It goes on.
    Busy,
    /// It has not begun.
    Waiting,
}

impl Mark {
    /// Its colour.
    pub(crate) fn style(self) -> Style {
        match self {
            Self::Good => style::GOOD,
            Self::Warn | Self::Heal => style::WARN,
            Self::Bad => style::BAD,
            Self::Busy => style::ACCENT,
            Self::Waiting => style::DIM,
        }
    }

    /// The sign for a status of a phase, step, execution, check, heal or doctor's row.
    pub(crate) fn of(status: &str) -> Self {
        words::tone(status).into()
    }
}

impl From<Tone> for Mark {
    fn from(tone: Tone) -> Self {
        match tone {
            Tone::Good => Self::Good,
            Tone::Warn => Self::Warn,
            Tone::Bad => Self::Bad,
            Tone::Busy => Self::Busy,
            Tone::Idle => Self::Waiting,
        }
    }
}

impl Look {
    /// The sign, without colour; one column.
    pub(crate) fn sign(&self, mark: Mark) -> &'static str {
        match (mark, self.ascii) {
            (Mark::Good, false) => "✓",
            (Mark::Good, true) => "+",
            (Mark::Bad, false) => "✗",
            (Mark::Bad, true) => "x",
            (Mark::Warn, _) => "!",
            (Mark::Heal, false) => "↻",
            (Mark::Heal, true) => "~",
            (Mark::Busy, false) => "▸",
            (Mark::Busy, true) => ">",
            (Mark::Waiting, false) => "·",
            (Mark::Waiting, true) => ".",
        }
    }

    /// The sign in its colour.
    pub(crate) fn mark(&self, mark: Mark) -> String {
        style::paint(mark.style(), self.sign(mark))
    }

    /// What stands where text was cut.
    pub(crate) fn ellipsis(&self) -> &'static str {
        if self.ascii { "..." } else { "…" }
    }

    /// What stands where there is nothing.
    pub(crate) fn nothing(&self) -> &'static str {
        if self.ascii { "-" } else { "–" }
    }

    /// What stands between two things on one line.
    pub(crate) fn dot(&self) -> &'static str {
        if self.ascii { ", " } else { " · " }
    }

    /// The character of a horizontal line.
    pub(crate) fn rule(&self) -> char {
        if self.ascii { '-' } else { '─' }
    }

    /// The time of day: `12:03:04`.
    pub(crate) fn clock(&self, time: Timestamp) -> String {
        time.to_zoned(self.zone.clone())
            .strftime("%H:%M:%S")
            .to_string()
    }

    /// The day and the time: `2026-10-05 12:03:04`.
    pub(crate) fn date(&self, time: Timestamp) -> String {
        time.to_zoned(self.zone.clone())
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string()
    }

    /// One frame of a moving sign.
    pub(crate) fn spinner(&self, tick: usize) -> char {
        let frames = if self.ascii {
            r"|/-\"
        } else {
            "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
        };
        let count = frames.chars().count();
        frames.chars().nth(tick % count).unwrap_or(' ')
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::render::fixture;

    #[test]
    fn ascii_is_enough_where_nothing_else_can_be_shown() {
        let look = Look {
            ascii: true,
            ..fixture::look()
        };
        let marks = [
            Mark::Good,
            Mark::Warn,
            Mark::Bad,
            Mark::Heal,
            Mark::Busy,
            Mark::Waiting,
        ];
        let mut shown: String = marks.map(|mark| look.sign(mark)).concat();
        shown += look.ellipsis();
        shown += look.nothing();
        shown += look.dot();
        shown.push(look.rule());
        shown.extend((0..9).map(|tick| look.spinner(tick)));
        assert!(shown.is_ascii(), "{shown}");
    }
}
