//! One output of a command: head and tail in memory, the whole in a file once it does not fit.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};

/// The bytes kept of the beginning.
const HEAD: usize = 24 * 1024;

/// The bytes kept of the end, where tests and compilers say what matters.
const TAIL: usize = 40 * 1024;

/// The bytes kept in the file; the rest is counted and dropped.
const WHOLE: u64 = 64 * 1024 * 1024;

/// What a command wrote to one of its outputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// The text, invalid UTF-8 replaced. If it was cut: head and tail around a line
    /// `[... N bytes omitted ...]`.
    pub text: String,
    /// The bytes that were written.
    pub total_bytes: u64,
    /// The file with the whole (at most 64 MiB of it), if the text was cut.
    pub whole: Option<PathBuf>,
}

/// An output while it is read.
pub(super) struct Capture<'a> {
    from: Option<File>,
    name: &'static str,
    spool: &'a Path,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
    whole: Option<(PathBuf, File)>,
}

impl<'a> Capture<'a> {
    pub(super) fn new(from: OwnedFd, name: &'static str, spool: &'a Path) -> Self {
        Self {
            from: Some(from.into()),
            name,
            spool,
            head: Vec::new(),
            tail: VecDeque::new(),
            total: 0,
            whole: None,
        }
    }

    /// Whether more may come.
    pub(super) fn is_open(&self) -> bool {
        self.from.is_some()
    }

    /// What to poll.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.from.as_ref().map(AsFd::as_fd)
    }

    /// Takes what is there; must only be called when something, or the end, is.
    pub(super) fn take(&mut self) -> io::Result<()> {
        let mut buffer = [0_u8; 64 * 1024];
        let Some(from) = &mut self.from else {
            return Ok(());
        };
        match from.read(&mut buffer) {
            Ok(0) => self.from = None,
            Ok(count) => self.add(&buffer[..count])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.whole.is_none() && self.total + bytes.len() as u64 > (HEAD + TAIL) as u64 {
            self.begin_file()?;
        }
        if let Some((_, file)) = &mut self.whole {
            let room = WHOLE.saturating_sub(self.total);
            let room = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
            file.write_all(&bytes[..room])?;
        }
        self.total += bytes.len() as u64;
        let (head, rest) = bytes.split_at(bytes.len().min(HEAD - self.head.len()));
        self.head.extend_from_slice(head);
        let rest = &rest[rest.len().saturating_sub(TAIL)..];
        let surplus = (self.tail.len() + rest.len()).saturating_sub(TAIL);
        self.tail.drain(..surplus);
        self.tail.extend(rest);
        Ok(())
    }

    /// Up to now nothing was dropped: head and tail are the whole. The file has always the same
    /// name: a command that runs again after a kill writes over what the killed one left.
    fn begin_file(&mut self) -> io::Result<()> {
        std::fs::create_dir_all(self.spool)?;
        let path = self.spool.join(format!("{}.txt", self.name));
        let mut file = File::create(&path)?;
        file.write_all(&self.head)?;
        let (front, back) = self.tail.as_slices();
        file.write_all(front)?;
        file.write_all(back)?;
        self.whole = Some((path, file));
        Ok(())
    }

    /// What was written in all.
    pub(super) fn finish(self) -> io::Result<Captured> {
        let kept = (self.head.len() + self.tail.len()) as u64;
        let omitted = self.total - kept;
        let tail: Vec<u8> = self.tail.into();
        let text = if omitted == 0 {
            let mut all = self.head;
            all.extend_from_slice(&tail);
            String::from_utf8_lossy(&all).into_owned()
        } else {
            let mut text = String::from_utf8_lossy(&self.head).into_owned();
            let _ = write!(text, "\n[... {omitted} bytes omitted ...]\n");
            text.push_str(&String::from_utf8_lossy(&tail));
            text
        };
        let whole = match self.whole {
            Some((path, file)) => {
                file.sync_all()?;
                Some(path)
            }
            None => None,
        };
        Ok(Captured {
            text,
            total_bytes: self.total,
            whole,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An output into which `parts` were written, and its spool.
    fn captured(parts: &[&[u8]]) -> (Captured, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let spool = dir.path().join("made/when needed");
        let nothing = File::open("/dev/null").unwrap();
        let mut capture = Capture::new(nothing.into(), "stdout", &spool);
        for part in parts {
            capture.add(part).unwrap();
        }
        (capture.finish().unwrap(), dir)
    }

    #[test]
    fn what_fits_is_kept_whole_without_a_file() {
        let all = vec![b'x'; HEAD + TAIL];
        let (captured, _spool) = captured(&[&all[..10], &all[10..]]);
        assert_eq!(captured.text.as_bytes(), all);
        assert_eq!((captured.total_bytes, captured.whole), (65_536, None));
    }

    #[test]
    fn a_character_across_head_and_tail_stays_whole() {
        let mut all = vec![b'x'; HEAD - 1];
        all.extend("ä!".as_bytes());
        let (captured, _spool) = captured(&[&all]);
        assert!(captured.text.ends_with("xä!"));
    }

    #[test]
    fn of_what_does_not_fit_head_and_tail_are_kept_and_the_whole_in_a_file() {
        let all: Vec<u8> = (0..200_000_u32)
            .flat_map(|i| format!("{i}\n").into_bytes())
            .collect();
        let parts: Vec<&[u8]> = all.chunks(7919).collect();
        let (captured, _spool) = captured(&parts);
        let omitted = all.len() - HEAD - TAIL;
        let note = format!("\n[... {omitted} bytes omitted ...]\n");
        let (head, tail) = captured.text.split_once(&note).unwrap();
        assert_eq!(head.as_bytes(), &all[..HEAD]);
        assert_eq!(tail.as_bytes(), &all[all.len() - TAIL..]);
        assert_eq!(std::fs::read(captured.whole.unwrap()).unwrap(), all);
        assert_eq!(captured.total_bytes, all.len() as u64);
    }

    #[test]
    fn the_file_stops_at_its_cap_and_the_count_goes_on() {
        let megabyte = vec![b'x'; 1024 * 1024];
        let parts: Vec<&[u8]> = std::iter::repeat_n(megabyte.as_slice(), 66).collect();
        let (captured, _spool) = captured(&parts);
        let whole = std::fs::metadata(captured.whole.unwrap()).unwrap().len();
        assert_eq!((whole, captured.total_bytes), (WHOLE, 66 * 1024 * 1024));
    }
}
