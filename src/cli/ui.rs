//! The terminal: the only file that prints.
//!
//! Start at [`Ui`]. Text may hold colours; they are taken out where they are not wanted. Writing
//! never fails for the caller: after the first error everything more for that stream is dropped,
//! because a reader that closed its pipe (`| head`) has seen enough.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anstream::AutoStream;
use clap::ColorChoice;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::render::clean;
use super::render::{Look, style};

/// The width where there is no terminal to ask.
const DEFAULT_WIDTH: usize = 80;
/// Tables need the one; lines beyond the other are hard to read, however wide the terminal is.
const WIDTHS: std::ops::RangeInclusive<usize> = 50..=120;

/// The terminal, or whatever stands in its place. Clones write to the same streams.
#[derive(Clone)]
pub(crate) struct Ui {
    streams: Arc<Streams>,
    look: Look,
    json: bool,
    quiet: bool,
    verbose: u8,
    terminal: bool,
    out_terminal: bool,
}

struct Streams {
    out: Mutex<Stream>,
    err: Mutex<Stream>,
}

struct Stream {
    to: Box<dyn Write + Send>,
    colored: bool,
    error: Option<io::Error>,
}

impl Ui {
    /// Standard output and error. With `json`, standard output is for documents only. Colours
    /// follow `color`, then `NO_COLOR`, `CLICOLOR_FORCE` and `TERM`.
    pub(crate) fn new(json: bool, color: ColorChoice, quiet: bool, verbose: u8) -> Self {
        let (out, err) = (io::stdout(), io::stderr());
        let terminal = out.is_terminal() && err.is_terminal();
        let width = rustix::termios::tcgetwinsize(&out).map_or(0, |size| usize::from(size.ws_col));
        let look = Look {
            width: if width == 0 {
                DEFAULT_WIDTH
            } else {
                width.clamp(*WIDTHS.start(), *WIDTHS.end())
            },
            ascii: false,
            zone: TimeZone::system(),
            repeated: String::new(),
        };
        let out_colored = colored(color, AutoStream::choice(&out));
        let err_colored = colored(color, AutoStream::choice(&err));
        Self {
            terminal,
            out_terminal: io::stdout().is_terminal(),
            ..Self::to(
                Stream::new(out, out_colored),
                Stream::new(err, err_colored),
                look,
            )
        }
        .with(json, quiet, verbose)
    }

    fn to(out: Stream, err: Stream, look: Look) -> Self {
        Self {
            streams: Arc::new(Streams {
                out: Mutex::new(out),
                err: Mutex::new(err),
            }),
            look,
            json: false,
            quiet: false,
            verbose: 0,
            terminal: false,
            out_terminal: false,
        }
    }

    fn with(self, json: bool, quiet: bool, verbose: u8) -> Self {
        Self {
            json,
            quiet,
            verbose,
            ..self
        }
    }

    /// The same, drawing with ASCII only where the terminal can show no more, as its variables
    /// say: `TERM`, and the first that is set of `LC_ALL`, `LC_CTYPE` and `LANG`.
    pub(crate) fn suited<'a>(mut self, variable: impl Fn(&str) -> Option<&'a str>) -> Self {
        let charset = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .filter_map(&variable)
            .find(|value| !value.is_empty());
        let unicode = charset.is_none_or(|value| {
            let value = value.to_ascii_lowercase();
            value.contains("utf-8") || value.contains("utf8")
        });
        let dumb = variable("TERM") == Some("dumb");
        self.look.ascii = dumb || !unicode;
        self.terminal &= !dumb;
        self
    }

    /// The same, with flags that every command to type next needs.
    pub(crate) fn repeating(mut self, flags: String) -> Self {
        self.look.repeated = flags;
        self
    }

    /// What may be used to draw with.
    pub(crate) fn look(&self) -> &Look {
        &self.look
    }

    /// Whether a person sits at a terminal on which the cursor can be moved.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Whether standard output is a terminal, which obeys what it is shown.
    pub(crate) fn prints_to_terminal(&self) -> bool {
        self.out_terminal
    }

    /// Whether documents are wanted, not text.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether only results and errors are wanted.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// How much more is wanted.
    pub(crate) fn verbosity(&self) -> u8 {
        self.verbose
    }

    /// One or more lines of a result on standard output; nothing with `--json`.
    pub(crate) fn line(&self, text: &str) {
        if !self.json {
            self.streams.out().write(text);
        }
    }

    /// Something worth knowing, on standard error; nothing with `--quiet`.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            let head = style::paint(style::ACCENT, "note:");
            self.streams
                .err()
                .write(&format!("{head} {}", clean::clean(text)));
        }
    }

    /// One document on standard output, for programs and people: indented.
    pub(crate) fn json(&self, document: &Value) {
        self.streams.out().write(&visible(format!("{document:#}")));
    }

    /// One document of a stream on standard output: one line.
    pub(crate) fn json_line(&self, document: &Value) {
        self.streams.out().write(&visible(document.to_string()));
    }

    /// Whatever `write` writes, as it is, on standard output.
    pub(crate) fn stream(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        let mut out = self.streams.out();
        if out.error.is_none() {
            let mut to = io::BufWriter::new(&mut out.to);
            let written = write(&mut to).and_then(|()| to.flush());
            drop(to);
            out.error = written.err();
        }
    }

    /// What failed and why, and what to type next.
    pub(crate) fn error(&self, kind: &str, message: &str, hints: &[String]) {
        if self.json {
            self.json(&json!({"error": error_object(kind, message, hints)}));
        } else {
            self.streams.err().write(&error_text(message, hints));
        }
    }

    /// [`Ui::error`] as the last line of a stream.
    pub(crate) fn stream_error(&self, kind: &str, message: &str, hints: &[String]) {
        if self.json {
            self.json_line(&json!({"type": "error", "error": error_object(kind, message, hints)}));
        } else {
            self.error(kind, message, hints);
        }
    }

    /// Text for standard error as it may be written there by others: without colours, if none are
    /// wanted.
    pub(crate) fn tinted<'t>(&self, text: &'t str) -> Cow<'t, str> {
        tint(text, self.streams.err().colored)
    }

    /// Whether nobody reads standard output any more.
    pub(crate) fn is_closed(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, poll};
        if self.streams.out().error.is_some() {
            return true;
        }
        let out = io::stdout();
        let mut asked = [PollFd::new(&out, PollFlags::empty())];
        poll(&mut asked, Some(&rustix::event::Timespec::default())).is_ok_and(|ready| ready > 0)
            && asked[0].revents().contains(PollFlags::ERR)
    }

    /// Why not everything could be written to standard output, if so. A closed pipe is no reason.
    pub(crate) fn lost(&self) -> Option<String> {
        let out = self.streams.out();
        let error = out
            .error
            .as_ref()
            .filter(|error| error.kind() != io::ErrorKind::BrokenPipe);
        error.map(ToString::to_string)
    }
}

impl Streams {
    fn out(&self) -> MutexGuard<'_, Stream> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn err(&self) -> MutexGuard<'_, Stream> {
        self.err.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream {
    fn new(to: impl Write + Send + 'static, colored: bool) -> Self {
        Self {
            to: Box::new(to),
            colored,
            error: None,
        }
    }

    fn write(&mut self, text: &str) {
        if self.error.is_none() {
            let line = format!("{}\n", tint(text, self.colored));
            let written = self
                .to
                .write_all(line.as_bytes())
                .and_then(|()| self.to.flush());
            self.error = written.err();
        }
    }
}

fn colored(wanted: ColorChoice, found: anstream::ColorChoice) -> bool {
    match wanted {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => found != anstream::ColorChoice::Never,
    }
}

fn tint(text: &str, colored: bool) -> Cow<'_, str> {
    if colored {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(anstream::adapter::strip_str(text).to_string())
    }
}

fn error_object(kind: &str, message: &str, hints: &[String]) -> Value {
    json!({"kind": kind, "message": message, "hints": hints})
}

fn error_text(message: &str, hints: &[String]) -> String {
    let mut text = style::paint(style::BAD.bold(), "error:");
    let _ = write!(
        text,
        " {}",
        clean::clean(message).trim_end().replace('\n', "\n  ")
    );
    for hint in hints {
        let hint = clean::clean(hint).trim_end().replace('\n', "\n        ");
        let _ = write!(text, "\n  {} {hint}", style::paint(style::ACCENT, "hint:"));
    }
    text
}

/// JSON in which what a terminal would obey or hide is escaped: the same document for a program.
fn visible(json: String) -> String {
    let hidden =
        |c: char| clean::is_hidden(c) && c != '\u{200c}' && c != '\u{200d}' && c != '\u{fe0f}';
    if !json.contains(hidden) {
        return json;
    }
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        if hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
#[path = "ui/tests.rs"]
pub(crate) mod tests;
