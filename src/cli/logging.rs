//! Logs: what `-v` shows on stderr, and one JSON object a line in the state's `logs/`.
//!
//! The log is a subscriber of the bus like any other: a run goes on whether or not it can be
//! written. A file that has grown past `logging.rotate` is put aside, `logging.keep` of them stay.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::bus::{Bus, Message};
use crate::config::{LogFormat, Logging};
use crate::domain::text;

/// Shows warnings on stderr, or more with `-v`, or nothing with `-q`.
pub(super) fn on_stderr(verbose: u8, quiet: bool) -> LevelFilter {
    match (quiet, verbose) {
        (true, _) => LevelFilter::OFF,
        (false, 0) => LevelFilter::WARN,
        (false, 1) => LevelFilter::DEBUG,
        (false, _) => LevelFilter::TRACE,
    }
}

/// Begins to log: to stderr, and to a file in `folder` as configured. Failing is only a warning.
pub(super) fn begin(folder: &Path, logging: &Logging, stderr: LevelFilter) {
    let level = logging.level.parse().unwrap_or(LevelFilter::INFO);
    let terminal = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_target(false)
        .without_time()
        .with_filter(of_rgpt(stderr));
    let file = Rotating::new(folder.join("rgpt.log"), logging);
    let lines = tracing_subscriber::fmt::layer().with_writer(file);
    let lines = match logging.format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Text => lines.with_ansi(false).boxed(),
    };
    // Fails only where a program that embeds rgpt logs already.
    drop(
        tracing_subscriber::registry()
            .with(terminal)
            .with(lines.with_filter(of_rgpt(level)))
            .try_init(),
    );
}

/// What rgpt itself has to say, at this level; libraries only warn.
fn of_rgpt(level: LevelFilter) -> Targets {
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("rgpt", level)
}

/// Writes every event of the bus to the log, from a thread of its own.
pub(super) fn follow(bus: &Bus) {
    let mut subscription = bus.subscribe();
    std::thread::spawn(move || {
        while let Some(message) = subscription.recv_blocking() {
            if let Message::Event(record) = message {
                tracing::info!(
                    run = record.run.0,
                    seq = record.seq,
                    event = record.event.kind(),
                    "{}",
                    text::sentence(&record.event)
                );
            }
        }
    });
}

/// A log file that is put aside when it has grown.
#[derive(Clone)]
struct Rotating(Arc<Mutex<Log>>);

struct Log {
    path: PathBuf,
    most: u64,
    keep: u32,
    open: Option<(File, u64)>,
}

impl Rotating {
    fn new(path: PathBuf, logging: &Logging) -> Self {
        Self(Arc::new(Mutex::new(Log {
            path,
            most: logging.rotate,
            keep: logging.keep,
            open: None,
        })))
    }
}

impl<'a> MakeWriter<'a> for Rotating {
    type Writer = LogWriter<'a>;

    fn make_writer(&'a self) -> LogWriter<'a> {
        LogWriter(self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct LogWriter<'a>(MutexGuard<'a, Log>);

impl Write for LogWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.append(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let grown = self
            .open
            .as_ref()
            .is_some_and(|(_, size)| *size >= self.most);
        if grown {
            self.open = None;
            self.put_aside()?;
        }
        let (file, size) = match &mut self.open {
            Some(open) => open,
            closed => {
                let file = OpenOptions::new()
                    .create(true)
                    .append(true)
                    .mode(0o600)
                    .open(&self.path)?;
                let size = file.metadata()?.len();
                closed.insert((file, size))
            }
        };
        file.write_all(bytes)?;
        *size += bytes.len() as u64;
        Ok(())
    }

    /// `rgpt.log` becomes `rgpt.log.1`, and so on; the oldest goes.
    fn put_aside(&self) -> io::Result<()> {
        let aside = |number: u32| {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        if self.keep == 0 {
            return fs::remove_file(&self.path);
        }
        for number in (1..self.keep).rev() {
            match fs::rename(aside(number), aside(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, aside(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grown_log_is_put_aside_and_only_so_many_are_kept() {
        let folder = tempfile::tempdir().expect("made");
        let path = folder.path().join("rgpt.log");
        let logging = Logging {
            rotate: 10,
            keep: 2,
            ..Logging::default()
        };
        let log = Rotating::new(path.clone(), &logging);
        for line in [
            "first line\n",
            "second line\n",
            "third line\n",
            "fourth line\n",
        ] {
            log.make_writer()
                .write_all(line.as_bytes())
                .expect("written");
        }
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).ok();
        assert_eq!(read("rgpt.log").as_deref(), Some("fourth line\n"));
        assert_eq!(read("rgpt.log.1").as_deref(), Some("third line\n"));
        assert_eq!(read("rgpt.log.2").as_deref(), Some("second line\n"));
        assert_eq!(read("rgpt.log.3"), None);
    }
}
