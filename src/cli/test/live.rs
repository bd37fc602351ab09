//! A check as it goes on: a line a shard on a terminal, a note as each ends in a pipe.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::cli::render::progress::Screen;
use crate::cli::render::test::{Running, ended, running};
use crate::cli::ui::Ui;
use crate::workspace::command::CommandOutput;
use crate::workspace::runner::Ended;

/// How often the lines on a terminal move.
const FRAME: Duration = Duration::from_millis(100);

/// The parts of one check.
pub(super) struct Live<'a> {
    name: &'a str,
    ui: &'a Ui,
    parts: Mutex<Vec<Running>>,
    began: Instant,
}

impl<'a> Live<'a> {
    pub(super) fn new(name: &'a str, parts: usize, ui: &'a Ui) -> Self {
        Self {
            name,
            ui,
            parts: Mutex::new(vec![Running::default(); parts]),
            began: Instant::now(),
        }
    }

    /// Shows how far things are while `work` runs, which tells of each part that has ended.
    pub(super) fn while_running<T>(&self, work: impl FnOnce(Ended<'_>) -> T) -> T {
        let done = AtomicBool::new(false);
        let drawn = self.ui.is_terminal() && !self.ui.is_json() && !self.ui.is_quiet();
        let drawn = drawn && self.ui.verbosity() == 0;
        std::thread::scope(|scope| {
            let drawing = drawn.then(|| scope.spawn(|| self.draw(&done)));
            let worked = work(&|index, output| self.part_ended(index, output));
            done.store(true, Ordering::Relaxed);
            if let Some(drawing) = drawing {
                drawing.thread().unpark();
            }
            worked
        })
    }

    fn part_ended(&self, index: usize, output: &CommandOutput) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let of = parts.len();
        if let Some(part) = parts.get_mut(index) {
            *part = Running {
                took_ms: Some(u64::try_from(output.duration.as_millis()).unwrap_or(u64::MAX)),
                good: output.exit_code == Some(0),
            };
            if of > 1 && !self.ui.is_json() && !self.ui.is_terminal() {
                self.ui
                    .note(&ended(self.name, index + 1, of, output.exit_code, *part));
            }
        }
    }

    fn draw(&self, done: &AtomicBool) {
        let mut screen = Screen::new();
        while !done.load(Ordering::Relaxed) {
            let parts = self
                .parts
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            let since = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
            screen.draw(|tick| {
                running(self.name, &parts, since, tick, self.ui.look())
                    .iter()
                    .map(|line| self.ui.tinted(line).into_owned())
                    .collect()
            });
            std::thread::park_timeout(FRAME);
        }
        screen.end();
    }
}
