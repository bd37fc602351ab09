//! The lock of the user's index, taken as git takes it: whoever has made `index.lock` may write.
//!
//! Ours says whose it is from its first moment, so that one that a kill left behind is known again.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::refusal::{ApplyError, at};
use crate::domain::RunId;

/// How our locks begin.
const MARK: &str = "rgpt run ";

/// How long another git is waited for; a person's commands hold the index for less.
const PATIENCE: Duration = Duration::from_secs(2);

/// The right to write the index, until it is dropped.
#[derive(Debug)]
pub(super) struct IndexLock {
    git_dir: PathBuf,
    lock: PathBuf,
    aside: PathBuf,
}

impl IndexLock {
    /// Takes the lock for a run whose record is at `state`. A lock that names both was left by a
    /// process that is dead, since a run has one driver at a time; it is taken over.
    ///
    /// # Errors
    /// [`ApplyError::Locked`] or [`ApplyError::Occupied`] if another process holds it.
    pub(super) fn take(git_dir: &Path, run: RunId, state: &Path) -> Result<Self, ApplyError> {
        let mark = &mark(run, state);
        let digest = blake3::hash(mark.as_bytes()).to_hex();
        let aside = git_dir.join(format!("index.rgpt-{}", &digest[..16]));
        let lock = git_dir.join("index.lock");
        let since = Instant::now();
        loop {
            match link(&aside, &lock, mark) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return at(&lock, Err(error)),
                Ok(()) => break,
            }
            let held = std::fs::read_to_string(&lock).unwrap_or_default();
            let whose = whose(&held);
            // A record that is no longer there has been moved, to `state` as far as anybody knows.
            let moved = |(its_run, record): (&str, &str)| {
                its_run == run.to_string() && !Path::new(record).exists()
            };
            if held == *mark || whose.is_some_and(moved) {
                break;
            }
            if since.elapsed() >= PATIENCE {
                return Err(match whose {
                    Some((run, _)) => ApplyError::Occupied {
                        run: run.to_owned(),
                    },
                    None => ApplyError::Locked { lock },
                });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Self {
            git_dir: git_dir.to_owned(),
            lock,
            aside,
        })
    }

    /// Puts a copy of the file `built` in the place of the index.
    pub(super) fn replace_index(&self, built: &Path) -> Result<(), ApplyError> {
        let copied = std::fs::copy(built, &self.aside).and_then(|_| {
            let file = OpenOptions::new().write(true).open(&self.aside)?;
            // git takes files that are not older than the index for possibly changed: the time at
            // which the files were looked at must stay.
            file.set_modified(std::fs::metadata(built)?.modified()?)?;
            file.sync_all()
        });
        at(&self.aside, copied)?;
        crate::failpoint::hit("apply.index-copied");
        let index = self.git_dir.join("index");
        at(&index, std::fs::rename(&self.aside, &index))?;
        sync_folder(&self.git_dir);
        crate::failpoint::hit("apply.indexed");
        Ok(())
    }
}

impl Drop for IndexLock {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.aside));
        drop(std::fs::remove_file(&self.lock));
        crate::failpoint::hit("apply.unlocked");
    }
}

fn mark(run: RunId, state: &Path) -> String {
    format!("{MARK}{run} in {}\n", state.display())
}

/// The run and the record that a lock of ours names.
fn whose(held: &str) -> Option<(&str, &str)> {
    let (run, record) = held.strip_prefix(MARK)?.split_once(" in ")?;
    Some((run, record.trim_end()))
}

/// Written aside and linked, so that the lock is never there without its mark.
fn link(aside: &Path, lock: &Path, mark: &str) -> std::io::Result<()> {
    let linked = File::create(aside).and_then(|mut file| {
        file.write_all(mark.as_bytes())?;
        file.sync_all()?;
        std::fs::hard_link(aside, lock)
    });
    let removed = std::fs::remove_file(aside);
    linked.and(removed)
}

/// Not every file system can; then there is nothing better to do.
fn sync_folder(folder: &Path) {
    drop(File::open(folder).and_then(|folder| folder.sync_all()));
}
