//! A log file that several processes append to, and that is put aside when it has grown.
//!
//! Whoever writes a line holds a lock for that long, so that nobody writes to a file that is being
//! put aside, and nobody puts a file aside that has just been made. Readers take no lock.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{FlockOperation, flock};

use crate::config::Logging;

/// A log file and those put aside. Threads and processes may write to it at once.
pub(super) struct Rotating {
    path: PathBuf,
    most: u64,
    keep: u32,
    open: Mutex<Option<Open>>,
}

struct Open {
    lock: File,
    file: File,
}

impl Rotating {
    /// The file at `path`; nothing is made yet.
    pub(super) fn new(path: PathBuf, logging: &Logging) -> Self {
        Self {
            path,
            most: logging.rotate,
            keep: logging.keep,
            open: Mutex::new(None),
        }
    }

    /// Appends a line (with its end).
    ///
    /// # Errors
    /// If it cannot be written; the next one is tried anew.
    pub(super) fn append(&self, line: &[u8]) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let result = self.write(&mut open, line);
        if result.is_err() {
            *open = None;
        }
        result
    }

    fn write(&self, open: &mut Option<Open>, line: &[u8]) -> io::Result<()> {
        let open = match open {
            Some(open) => open,
            closed => closed.insert(Open {
                lock: appending(&self.path.with_extension("lock"))?,
                file: appending(&self.path)?,
            }),
        };
        flock(&open.lock, FlockOperation::LockExclusive)?;
        let written = self.write_locked(&mut open.file, line);
        flock(&open.lock, FlockOperation::Unlock)?;
        written
    }

    fn write_locked(&self, file: &mut File, line: &[u8]) -> io::Result<()> {
        // Another process may have put it aside.
        if !is_at(file, &self.path)? {
            *file = appending(&self.path)?;
        }
        if file.metadata()?.len() >= self.most {
            self.put_aside()?;
            *file = appending(&self.path)?;
        }
        file.write_all(line)
    }

    /// `rgpt.log` becomes `rgpt.log.1`, and so on; the oldest goes.
    fn put_aside(&self) -> io::Result<()> {
        if self.keep == 0 {
            return fs::remove_file(&self.path);
        }
        for number in (1..self.keep).rev() {
            match fs::rename(aside(&self.path, number), aside(&self.path, number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, aside(&self.path, 1))
    }
}

/// Where the `number`-th latest put-aside file is.
fn aside(path: &Path, number: u32) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

fn appending(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
}

/// Whether `file` is what `path` names.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(there) => Ok(there.ino() == file.metadata()?.ino()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(folder: &Path, rotate: u64, keep: u32) -> Rotating {
        let logging = Logging {
            rotate,
            keep,
            ..Logging::default()
        };
        Rotating::new(folder.join("rgpt.log"), &logging)
    }

    #[test]
    fn a_grown_log_is_put_aside_and_only_so_many_are_kept() {
        let folder = tempfile::tempdir().expect("made");
        let log = log(folder.path(), 10, 2);
        for line in [
            "first line\n",
            "second line\n",
            "third line\n",
            "fourth line\n",
        ] {
            log.append(line.as_bytes()).expect("written");
        }
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).ok();
        assert_eq!(read("rgpt.log").as_deref(), Some("fourth line\n"));
        assert_eq!(read("rgpt.log.1").as_deref(), Some("third line\n"));
        assert_eq!(read("rgpt.log.2").as_deref(), Some("second line\n"));
        assert_eq!(read("rgpt.log.3"), None);
    }

    #[test]
    fn writers_that_put_files_aside_for_each_other_lose_no_line() {
        let folder = tempfile::tempdir().expect("made");
        std::thread::scope(|scope| {
            for writer in 0..4 {
                // Each with files of its own, as another process would have.
                let log = log(folder.path(), 200, 100);
                scope.spawn(move || {
                    for line in 0..100 {
                        let line = format!("writer {writer} line {line}\n");
                        log.append(line.as_bytes()).expect("written");
                    }
                });
            }
        });
        let mut lines = Vec::new();
        for entry in fs::read_dir(folder.path()).expect("reads") {
            let path = entry.expect("reads").path();
            if path
                .extension()
                .is_some_and(|extension| extension == "lock")
            {
                continue;
            }
            let text = fs::read_to_string(&path).expect("reads");
            assert!(text.len() < 240, "{} grew too far", path.display());
            lines.extend(text.lines().map(str::to_owned));
        }
        lines.sort();
        lines.dedup();
        assert_eq!(lines.len(), 400);
    }

    #[test]
    fn a_folder_that_is_not_there_yet_is_an_error_and_then_no_longer() {
        let folder = tempfile::tempdir().expect("made");
        let logs = folder.path().join("logs");
        let log = log(&logs, 100, 1);
        assert!(log.append(b"lost\n").is_err());
        fs::create_dir(&logs).expect("made");
        log.append(b"kept\n").expect("written");
    }
}
