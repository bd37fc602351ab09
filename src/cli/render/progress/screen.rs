//! The board on a terminal: a few lines that are drawn again and again, on standard error.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Lines at the foot of the terminal, and what is written above them.
pub(crate) struct Screen {
    all: MultiProgress,
    lines: Vec<ProgressBar>,
    tick: usize,
}

impl Screen {
    pub(crate) fn new() -> Self {
        Self {
            all: MultiProgress::new(),
            lines: Vec::new(),
            tick: 0,
        }
    }

    /// Writes text above the board, where it stays. A terminal that is gone is no error.
    pub(crate) fn above(&self, text: &str) {
        let _ = self.all.println(text);
    }

    /// Draws the lines that `lines` gives for this frame.
    pub(crate) fn draw(&mut self, lines: impl FnOnce(usize) -> Vec<String>) {
        let lines = lines(self.tick);
        self.tick = self.tick.wrapping_add(1);
        while self.lines.len() < lines.len() {
            let line = self.all.add(ProgressBar::no_length());
            // The template is fixed and valid; the default one would show a bar.
            if let Ok(style) = ProgressStyle::with_template("{wide_msg}") {
                line.set_style(style);
            }
            self.lines.push(line);
        }
        for (bar, line) in self.lines.iter().zip(lines) {
            bar.set_message(line);
        }
    }

    /// Takes the board away; what was written above it stays.
    pub(crate) fn end(&mut self) {
        for line in self.lines.drain(..) {
            line.finish_and_clear();
        }
        let _ = self.all.clear();
    }
}
