//! Reading the log from its oldest line on, while others write to it and put files aside.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::NAME;

/// A longer line is none of ours.
const LONGEST: usize = 1024 * 1024;

/// Files are looked for so often until two looks agree: they may be renamed in between.
const LOOKS: usize = 20;

/// A place in the log, from which it is read on.
pub(in crate::cli) struct Tail {
    folder: PathBuf,
    /// Files that are open, the oldest first; only the last may still grow.
    open: VecDeque<Reading>,
    started: bool,
}

struct Reading {
    file: File,
    inode: u64,
    rest: Vec<u8>,
}

impl Tail {
    /// From the oldest line of the log in `folder`.
    pub(in crate::cli) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            open: VecDeque::new(),
            started: false,
        }
    }

    /// Gives every line that has been written since the last time, in order, until `take` says
    /// that it has seen enough.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub(in crate::cli) fn read(&mut self, mut take: impl FnMut(&str) -> bool) -> io::Result<()> {
        self.look()?;
        while let Some(reading) = self.open.front_mut() {
            if !reading.lines(&mut take)? {
                return Ok(());
            }
            if self.open.len() == 1 {
                return Ok(());
            }
            self.open.pop_front();
        }
        Ok(())
    }

    /// Opens the files that came after those that are open.
    fn look(&mut self) -> io::Result<()> {
        let files = self.stable_files()?;
        let known = self.open.back().map(|reading| reading.inode);
        let place = known.and_then(|known| files.iter().position(|file| file.inode == known));
        let new = match (place, self.started) {
            (Some(place), _) => place + 1,
            (None, false) => 0,
            // What was read last is gone: it was put aside too often. The latest follows.
            (None, true) => files.len().saturating_sub(1),
        };
        self.started |= !files.is_empty();
        self.open.extend(files.into_iter().skip(new));
        Ok(())
    }

    fn stable_files(&self) -> io::Result<Vec<Reading>> {
        let mut files = self.files()?;
        for _ in 0..LOOKS {
            let again = self.files()?;
            let same = files.iter().map(|file| file.inode);
            if same.eq(again.iter().map(|file| file.inode)) {
                break;
            }
            files = again;
        }
        Ok(files)
    }

    /// The files of the log, opened, the oldest first.
    fn files(&self) -> io::Result<Vec<Reading>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut numbers: Vec<u32> = entries
            .flatten()
            .filter_map(|entry| number(entry.file_name().to_str()?))
            .collect();
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        let mut files: Vec<Reading> = Vec::new();
        for number in numbers {
            let name = match number {
                0 => NAME.to_owned(),
                _ => format!("{NAME}.{number}"),
            };
            match File::open(self.folder.join(name)) {
                Ok(file) => {
                    let inode = file.metadata()?.ino();
                    if files.iter().all(|other| other.inode != inode) {
                        files.push(Reading {
                            file,
                            inode,
                            rest: Vec::new(),
                        });
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(files)
    }
}

/// 0 for the log file, its number for one that was put aside.
fn number(name: &str) -> Option<u32> {
    match name.strip_prefix(NAME)? {
        "" => Some(0),
        rest => rest.strip_prefix('.')?.parse().ok().filter(|n| *n > 0),
    }
}

impl Reading {
    /// Whether more is wanted. Half a line stays until the other half is there.
    fn lines(&mut self, take: &mut impl FnMut(&str) -> bool) -> io::Result<bool> {
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let read = self.file.read(&mut chunk)?;
            if read == 0 {
                return Ok(true);
            }
            self.rest.extend_from_slice(&chunk[..read]);
            let mut begin = 0;
            while let Some(length) = self.rest[begin..].iter().position(|byte| *byte == b'\n') {
                let line = &self.rest[begin..begin + length];
                begin += length + 1;
                if line.len() <= LONGEST
                    && let Ok(line) = std::str::from_utf8(line)
                    && !take(line)
                {
                    self.rest.drain(..begin);
                    return Ok(false);
                }
            }
            self.rest.drain(..begin);
            if self.rest.len() > LONGEST {
                self.rest.truncate(LONGEST + 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::file::Rotating;
    use super::*;
    use crate::config::Logging;

    fn lines(tail: &mut Tail) -> Vec<String> {
        let mut lines = Vec::new();
        let read = tail.read(|line| {
            lines.push(line.to_owned());
            true
        });
        read.expect("reads");
        lines
    }

    #[test]
    fn every_line_is_read_once_however_often_files_are_put_aside() {
        let folder = tempfile::tempdir().expect("made");
        let logs = folder.path().join("logs");
        let mut tail = Tail::new(&logs);
        assert_eq!(lines(&mut tail), [""; 0], "there is no folder yet");
        fs::create_dir(&logs).expect("made");
        assert_eq!(lines(&mut tail), [""; 0], "there is no file yet");
        let logging = Logging {
            rotate: 30,
            keep: 8,
            ..Logging::default()
        };
        let log = Rotating::new(logs.join(NAME), &logging);
        let mut read = Vec::new();
        for number in 0..100 {
            log.append(format!("line {number}\n").as_bytes())
                .expect("written");
            if number % 7 == 0 {
                read.extend(lines(&mut tail));
            }
        }
        read.extend(lines(&mut tail));
        let all: Vec<String> = (0..100).map(|number| format!("line {number}")).collect();
        assert_eq!(read, all);
        let kept = lines(&mut Tail::new(&logs));
        assert_eq!(kept, all[all.len() - kept.len()..], "the oldest are gone");
        assert!(kept.len() > 20);
    }

    #[test]
    fn half_a_line_waits_for_the_other_half() {
        let folder = tempfile::tempdir().expect("made");
        let path = folder.path().join(NAME);
        fs::write(&path, "one\ntw").expect("writes");
        let mut tail = Tail::new(folder.path());
        assert_eq!(lines(&mut tail), ["one"]);
        fs::write(&path, "one\ntwo\n").expect("writes");
        assert_eq!(lines(&mut tail), ["two"]);
    }

    #[test]
    fn only_files_of_the_log_are_read() {
        assert_eq!(number("rgpt.log"), Some(0));
        assert_eq!(number("rgpt.log.3"), Some(3));
        for other in ["rgpt.log.x", "rgpt.lock", "rgpt.log.0", "other.log"] {
            assert_eq!(number(other), None, "{other}");
        }
    }
}
