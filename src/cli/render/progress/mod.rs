//! A run as it goes on: what a person sees while it works.
//!
//! Start at [`Live`]. A thread reads what the bus tells and writes it down: on a terminal a board
//! of the phases with the lines that matter above it, in a pipe one line an event, with `--json`
//! one document an event. Nothing that the reader of these does holds up the run.

use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::MissedTickBehavior;

use self::board::Board;
pub(crate) use self::screen::Screen;
use crate::bus::{Message, Subscription};
use crate::cli::ui::Ui;
use crate::domain::budget::Usage;
use crate::domain::{Clock, Record};
use crate::store::inspect::EventObject;

mod board;
#[cfg(test)]
mod fixture;
mod lines;
mod plain;
mod screen;

/// How often a board on a terminal moves.
const FRAME: Duration = Duration::from_millis(100);

/// Asks what a run has used so far.
pub(crate) type UsageNow = Arc<dyn Fn() -> Usage + Send + Sync>;

/// What is needed to follow a run.
pub(crate) struct View {
    /// Where it is written.
    pub(crate) ui: Ui,
    /// What happened before, so that a resumed run shows what it has already done.
    pub(crate) past: Vec<Record>,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// What the run has used so far.
    pub(crate) usage: UsageNow,
}

/// A run being followed, until [`Live::finish`].
pub(crate) struct Live {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// How what happens is written.
enum Writer {
    Screen(Box<Screen>),
    Lines,
    Json,
    Nothing,
}

impl Live {
    /// Follows what the subscription hears, in a thread of its own.
    ///
    /// # Errors
    /// If the system has no thread for it.
    pub(crate) fn start(mut subscription: Subscription, view: View) -> io::Result<Self> {
        let (stop, mut stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let thread = Builder::new().name("progress".to_owned()).spawn(move || {
            let mut follower = Follower::new(view);
            runtime.block_on(async {
                let mut frames = tokio::time::interval(FRAME);
                frames.set_missed_tick_behavior(MissedTickBehavior::Skip);
                loop {
                    tokio::select! {
                        biased;
                        message = subscription.recv() => match message {
                            Some(message) => follower.hear(&message),
                            None => break,
                        },
                        _ = &mut stopped => break,
                        _ = frames.tick() => follower.draw(),
                    }
                }
            });
            while let Some(message) = subscription.try_recv() {
                follower.hear(&message);
            }
            follower.end();
        })?;
        Ok(Self { stop, thread })
    }

    /// Waits until everything that was heard is written, and clears the board.
    pub(crate) fn finish(self) {
        // Neither can fail in a way that matters: a thread that is gone has nothing left to write.
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}

struct Follower {
    view: View,
    board: Board,
    writer: Writer,
}

impl Follower {
    fn new(view: View) -> Self {
        let ui = &view.ui;
        let mut board = Board::default();
        for record in &view.past {
            board.hear(record);
        }
        let writer = if ui.is_json() {
            Writer::Json
        } else if ui.is_quiet() {
            Writer::Nothing
        } else if ui.is_terminal() && ui.verbosity() == 0 {
            Writer::Screen(Box::new(Screen::new()))
        } else {
            // With -v the log is written to the same terminal, which a board would not survive.
            Writer::Lines
        };
        Self {
            view,
            board,
            writer,
        }
    }

    fn hear(&mut self, message: &Message) {
        let ui = &self.view.ui;
        match message {
            Message::Event(record) => {
                self.board.hear(record);
                match &self.writer {
                    Writer::Screen(screen) => {
                        if let Some(line) = lines::told(record, &self.board, ui.look()) {
                            screen.above(&ui.tinted(&line));
                        }
                    }
                    Writer::Lines => ui.line(&plain::event(record, &self.board, ui.look())),
                    Writer::Json => ui.json_line(&event_document(record)),
                    Writer::Nothing => {}
                }
            }
            Message::Notice(notice) => {
                let shown = self.board.notice(notice);
                if let (Writer::Lines, Some((phase, text))) = (&self.writer, shown)
                    && ui.verbosity() > 0
                {
                    ui.line(&plain::notice(
                        self.view.clock.now(),
                        phase,
                        &text,
                        ui.look(),
                    ));
                }
            }
        }
    }

    fn draw(&mut self) {
        if let Writer::Screen(screen) = &mut self.writer {
            let ui = &self.view.ui;
            let usage = (self.view.usage)();
            screen.draw(|tick| {
                let lines = self
                    .board
                    .lines(self.view.clock.now(), &usage, tick, ui.look());
                lines
                    .iter()
                    .map(|line| ui.tinted(line).into_owned())
                    .collect()
            });
        }
    }

    fn end(&mut self) {
        if let Writer::Screen(screen) = &mut self.writer {
            screen.end();
        }
    }
}

/// An event as streams and `inspect` show it.
fn event_document(record: &Record) -> Value {
    serde_json::to_value(EventObject::of(record)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
