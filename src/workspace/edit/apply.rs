//! Carrying out an approved set of changes: all of it or nothing.
//!
//! Every new content is first staged beside its target under a random name and synced; only then
//! are all renamed into place. A rename replaces a link instead of following it. If a later step
//! fails, what was put in place is taken back.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::{FileError, Held};
use crate::domain::proposal::{ChangeSet, FileChange};
use crate::failpoint;
use crate::policy::Approved;

/// How the name of a staged file begins; 32 hex digits follow.
const STAGED: &str = ".rgpt-staged-";

/// Why an approved set of changes was not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A file is no longer as it was when the change was made. Nothing was changed.
    #[error("{path} is no longer as it was when the change was made")]
    Conflict {
        /// The path.
        path: String,
    },
    /// A file cannot be changed. Nothing was changed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file could not be put in place, nor the others be taken back: the tree is partly changed.
    #[error("{failed} could not be changed ({source}), nor {stuck} be restored")]
    HalfDone {
        /// The file that could not be changed.
        failed: String,
        /// The file that could not be restored.
        stuck: String,
        /// What the system says.
        source: io::Error,
    },
}

/// One change, ready to be put in place.
struct Staged<'a> {
    change: &'a FileChange,
    folder: OwnedFd,
    name: &'a str,
    /// The staged file's name in `folder`; none for a deletion.
    temporary: Option<String>,
    was_executable: bool,
}

impl Held {
    /// Applies `set`: all its files or none.
    ///
    /// # Errors
    ///
    /// [`ApplyError::Conflict`] if a file is not as `before` says; [`ApplyError::File`] if one cannot be
    /// changed; only with [`ApplyError::HalfDone`] is the tree not as it was.
    pub fn apply(&self, set: &Approved<ChangeSet>) -> Result<(), ApplyError> {
        self.apply_each(set.get(), || {
            failpoint::hit("edit.renamed");
            Ok(())
        })
    }

    /// As [`Held::apply`], calling `after_each` file that was put in place; an error of it counts as the file's.
    pub(super) fn apply_each(
        &self,
        set: &ChangeSet,
        after_each: impl FnMut() -> io::Result<()>,
    ) -> Result<(), ApplyError> {
        let modes = self.compare(set)?;
        if failpoint::broken("non-atomic-rename") {
            return Ok(self.write_in_place(set)?);
        }
        let mut made = Vec::new();
        let result = self
            .stage_all(set, &modes, &mut made)
            .map_err(ApplyError::from)
            .and_then(|staged| {
                failpoint::hit("edit.staged");
                put_in_place(&staged, after_each)
            });
        if result.is_err() {
            self.remove_folders(&made);
        } else {
            failpoint::hit("edit.applied");
        }
        result
    }

    /// Removes what a killed [`Held::apply`] left staged. Returns how many files that were.
    ///
    /// # Errors
    ///
    /// A folder cannot be read or a file not be removed.
    pub fn remove_leftovers(&self) -> io::Result<usize> {
        let root = rustix::fs::openat(&self.root, ".", FOLDER, Mode::empty())?;
        remove_leftovers(root)
    }

    /// Compares every file with its `before`; answers the modes, in order.
    fn compare(&self, set: &ChangeSet) -> Result<Vec<bool>, ApplyError> {
        set.changes
            .iter()
            .map(|change| {
                let state = self.state(&change.path)?;
                let executable = state.as_ref().is_some_and(|state| state.executable);
                if state.map(|state| state.content) != change.before {
                    let path = change.path.clone();
                    return Err(ApplyError::Conflict { path });
                }
                Ok(executable)
            })
            .collect()
    }

    fn stage_all<'a>(
        &self,
        set: &'a ChangeSet,
        modes: &[bool],
        made: &mut Vec<String>,
    ) -> Result<Vec<Staged<'a>>, FileError> {
        let mut all: Vec<Staged<'a>> = Vec::new();
        for (change, &was_executable) in set.changes.iter().zip(modes) {
            // A file that is not there needs no deletion, nor its folder.
            if change.before.is_none() && change.after.is_none() {
                continue;
            }
            match self.stage_one(change, was_executable, made) {
                Ok(staged) => all.push(staged),
                Err(error) => {
                    discard(&all);
                    return Err(error);
                }
            }
        }
        Ok(all)
    }

    fn stage_one<'a>(
        &self,
        change: &'a FileChange,
        was_executable: bool,
        made: &mut Vec<String>,
    ) -> Result<Staged<'a>, FileError> {
        let (parent, name) = change.path.rsplit_once('/').unwrap_or((".", &change.path));
        let folder = self.folder(parent, made)?;
        let temporary = match &change.after {
            Some(content) => Some(
                write_staged(&folder, content, change.executable)
                    .map_err(|error| FileError::io(&change.path, error))?,
            ),
            None => None,
        };
        failpoint::hit("edit.written");
        Ok(Staged {
            change,
            folder,
            name,
            temporary,
            was_executable,
        })
    }

    /// Opens the folder at `path`, making what is missing of it; the names of new folders go into `made`.
    fn folder(&self, path: &str, made: &mut Vec<String>) -> Result<OwnedFd, FileError> {
        let failed = |errno| FileError::from_errno(path, errno);
        match self.open_beneath(path, FOLDER) {
            Err(Errno::NOENT) => {}
            result => return result.map_err(failed),
        }
        let (parent, name) = path.rsplit_once('/').unwrap_or((".", path));
        let parent = self.folder(parent, made)?;
        match rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o755)) {
            Ok(()) => made.push(path.to_owned()),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(failed(errno)),
        }
        rustix::fs::fsync(&parent).map_err(failed)?;
        self.open_beneath(path, FOLDER).map_err(failed)
    }

    /// Removes folders that were made in vain, the innermost first.
    fn remove_folders(&self, made: &[String]) {
        for path in made.iter().rev() {
            let (parent, name) = path.rsplit_once('/').unwrap_or((".", path));
            if let Ok(parent) = self.open_beneath(parent, FOLDER) {
                let _ = rustix::fs::unlinkat(&parent, name, AtFlags::REMOVEDIR);
            }
        }
    }

    /// The deliberately broken variant: a kill in the middle leaves half a file.
    fn write_in_place(&self, set: &ChangeSet) -> Result<(), FileError> {
        for change in &set.changes {
            let (parent, name) = change.path.rsplit_once('/').unwrap_or((".", &change.path));
            let folder = self.folder(parent, &mut Vec::new())?;
            let failed = |error| FileError::io(&change.path, error);
            let Some(content) = &change.after else {
                rustix::fs::unlinkat(&folder, name, AtFlags::empty())
                    .map_err(|errno| failed(errno.into()))?;
                continue;
            };
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW;
            let file = rustix::fs::openat(&folder, name, flags, mode(change.executable))
                .map_err(|errno| failed(errno.into()))?;
            let mut file = File::from(file);
            let (first, second) = content.split_at(content.len() / 2);
            file.write_all(first).map_err(failed)?;
            failpoint::hit("edit.halfway");
            file.write_all(second).map_err(failed)?;
        }
        Ok(())
    }
}

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Renames, deletes and syncs the folders, calling `after_each` change. On an error takes back what was done.
fn put_in_place(
    staged: &[Staged<'_>],
    mut after_each: impl FnMut() -> io::Result<()>,
) -> Result<(), ApplyError> {
    // Deletions last: until then nothing is gone that has no successor.
    let (writes, deletions): (Vec<_>, Vec<_>) =
        staged.iter().partition(|one| one.temporary.is_some());
    let mut done: Vec<&Staged<'_>> = Vec::new();
    for one in writes.into_iter().chain(deletions) {
        let result = match &one.temporary {
            Some(temporary) => rustix::fs::renameat(&one.folder, temporary, &one.folder, one.name),
            None => rustix::fs::unlinkat(&one.folder, one.name, AtFlags::empty()),
        };
        // What is done is undone too if only the step after it fails.
        let result = match result {
            Ok(()) => {
                done.push(one);
                after_each()
            }
            Err(errno) => Err(errno.into()),
        };
        if let Err(source) = result {
            discard(staged);
            return Err(take_back(&done, &one.change.path, source));
        }
    }
    for one in &done {
        if let Err(errno) = rustix::fs::fsync(&one.folder) {
            return Err(take_back(&done, &one.change.path, errno.into()));
        }
    }
    Ok(())
}

/// Restores what was before in each of `done`, after `failed` could not be changed.
fn take_back(done: &[&Staged<'_>], failed: &str, source: io::Error) -> ApplyError {
    for one in done.iter().rev() {
        let restored = match &one.change.before {
            Some(content) => {
                write_staged(&one.folder, content, one.was_executable).and_then(|temporary| {
                    Ok(rustix::fs::renameat(
                        &one.folder,
                        temporary,
                        &one.folder,
                        one.name,
                    )?)
                })
            }
            None => rustix::fs::unlinkat(&one.folder, one.name, AtFlags::empty())
                .map_err(io::Error::from),
        };
        if restored.is_err() {
            return ApplyError::HalfDone {
                failed: failed.to_owned(),
                stuck: one.change.path.clone(),
                source,
            };
        }
    }
    FileError::io(failed, source).into()
}

/// Removes staged files that were not put in place.
fn discard(staged: &[Staged<'_>]) {
    for one in staged {
        if let Some(temporary) = &one.temporary {
            let _ = rustix::fs::unlinkat(&one.folder, temporary, AtFlags::empty());
        }
    }
}

/// Writes `content` to a new file of a random name in `folder`, synced; answers the name.
fn write_staged(folder: &OwnedFd, content: &[u8], executable: bool) -> io::Result<String> {
    let name = random_name()?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::openat(folder, &name, flags, mode(executable))?);
    let written = file
        .write_all(content)
        // The mode holds whatever the umask is, so that trees are the same everywhere.
        .and_then(|()| Ok(rustix::fs::fchmod(&file, mode(executable))?))
        .and_then(|()| file.sync_all());
    if let Err(error) = written {
        let _ = rustix::fs::unlinkat(folder, &name, AtFlags::empty());
        return Err(error);
    }
    Ok(name)
}

fn mode(executable: bool) -> Mode {
    Mode::from_raw_mode(if executable { 0o755 } else { 0o644 })
}

fn random_name() -> io::Result<String> {
    let mut bytes = [0_u8; 16];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    let mut name = STAGED.to_owned();
    for byte in bytes {
        let _ = write!(name, "{byte:02x}");
    }
    Ok(name)
}

fn remove_leftovers(folder: OwnedFd) -> io::Result<usize> {
    let mut removed = 0;
    for entry in Dir::read_from(folder.as_fd())? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else {
            continue;
        };
        let kind = match entry.file_type() {
            // Some file systems do not say.
            FileType::Unknown => FileType::from_raw_mode(
                rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode,
            ),
            kind => kind,
        };
        match kind {
            FileType::Directory if !matches!(name, "." | ".." | ".git") => {
                let inner = rustix::fs::openat(&folder, name, FOLDER, Mode::empty())?;
                removed += remove_leftovers(inner)?;
            }
            FileType::RegularFile if is_staged(name) => {
                rustix::fs::unlinkat(&folder, name, AtFlags::empty())?;
                removed += 1;
            }
            _ => {}
        }
    }
    Ok(removed)
}

fn is_staged(name: &str) -> bool {
    name.strip_prefix(STAGED)
        .is_some_and(|random| random.len() == 32 && random.bytes().all(|b| b.is_ascii_hexdigit()))
}
