//! The touched files on disk: what is there, and putting something else in its place.
//!
//! Every access goes from the held top folder and follows no link. A new content is written under
//! another name and renamed, so that a file is always one thing or the other.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::{Access, AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::refusal::{ApplyError, at};
use crate::domain::Digest;
use crate::domain::application::FileOnDisk;
use crate::workspace::edit::Held;

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// A file or a link, and its bytes or where it leads.
    File(FileOnDisk, Vec<u8>),
    /// A folder.
    Folder,
    /// Something else, or the way there is not through folders alone.
    Blocked,
}

impl Found {
    /// Whether it is this file, or nothing if that is what it is to be. A folder is no file: it
    /// may be there for other files.
    pub(super) fn is_like(&self, wanted: Option<&FileOnDisk>) -> bool {
        match (self, wanted) {
            (Self::File(file, _), Some(wanted)) => file.is_like(wanted),
            (Self::Nothing | Self::Folder, None) => true,
            _ => false,
        }
    }
}

/// The user's files.
#[derive(Debug)]
pub(super) struct Files {
    held: Held,
}

impl Files {
    /// Holds the folder `top`.
    pub(super) fn beneath(top: &Path) -> Result<Self, ApplyError> {
        let held = at(top, Held::open(top))?;
        Ok(Self { held })
    }

    /// What is at `path`. A file above it means that there is nothing.
    pub(super) fn look(&self, path: &str) -> Result<Found, ApplyError> {
        let (folder, name) = split(path);
        let folder = match self.open_folder(folder) {
            Ok(folder) => folder,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(Found::Nothing),
            Err(Errno::LOOP | Errno::XDEV) => return Ok(Found::Blocked),
            Err(errno) => return at(path, Err(errno)),
        };
        let stat = match rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(Found::Nothing),
            Err(errno) => return at(path, Err(errno)),
        };
        let content = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
                let file = rustix::fs::openat(&folder, name, flags, Mode::empty());
                let mut content = Vec::new();
                at(path, File::from(at(path, file)?).read_to_end(&mut content))?;
                content
            }
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(&folder, name, Vec::new());
                at(path, target)?.into_bytes()
            }
            FileType::Directory => return Ok(Found::Folder),
            _ => return Ok(Found::Blocked),
        };
        let file = FileOnDisk {
            content: Digest::of(&content),
            mode: stat.st_mode,
        };
        Ok(Found::File(file, content))
    }

    /// Whether the nearest folder above `path` that is there can be written; the folder if not.
    pub(super) fn unwritable_above(&self, path: &str) -> Option<String> {
        let (folder, _) = self.nearest_folder(path).ok()?;
        let fd = self.open_folder(&folder).ok()?;
        let flags = AtFlags::EACCESS;
        let may = rustix::fs::accessat(&fd, ".", Access::WRITE_OK | Access::EXEC_OK, flags);
        matches!(may, Err(Errno::ACCESS | Errno::ROFS | Errno::PERM)).then_some(folder)
    }

    /// Writes a content aside, as near to `path` as there are folders, and synced.
    pub(super) fn write_aside(
        &self,
        path: &str,
        file: &FileOnDisk,
        content: &[u8],
    ) -> Result<(), ApplyError> {
        let (folder, fd) = at(path, self.nearest_folder(path))?;
        let aside = aside_of(path);
        let done = remove(&fd, &aside).and_then(|()| {
            if file.is_link() {
                return rustix::fs::symlinkat(content, &fd, &aside).map_err(Into::into);
            }
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
            let mode = Mode::from_raw_mode(file.mode & 0o7777);
            let new = rustix::fs::openat(&fd, &aside, flags | OFlags::CLOEXEC, Mode::RWXU)?;
            let mut new = File::from(new);
            new.write_all(content)?;
            // Whatever the umask is now: this is what was recorded.
            rustix::fs::fchmod(&new, mode)?;
            new.sync_all()
        });
        let place = Path::new(&folder).join(&aside);
        at(place, done)
    }

    /// Puts what was written aside in its place; the folders above it are there.
    pub(super) fn put(&self, path: &str) -> Result<(), ApplyError> {
        let (folder, name) = split(path);
        let aside = aside_of(path);
        let to = at(path, self.open_folder(folder))?;
        // It lies in one of the folders above: not all of them were there when it was written.
        let mut from = folder;
        loop {
            let fd = at(path, self.open_folder(from))?;
            match rustix::fs::renameat(&fd, &aside, &to, name) {
                Err(Errno::NOENT) if !from.is_empty() => from = split(from).0,
                renamed => return at(path, renamed),
            }
        }
    }

    /// Removes the file or link at `path`, if there is one.
    pub(super) fn remove(&self, path: &str) -> Result<(), ApplyError> {
        let (folder, name) = split(path);
        match self.open_folder(folder) {
            Ok(folder) => at(path, remove(&folder, name)),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
            Err(errno) => at(path, Err(errno)),
        }
    }

    /// Removes what a kill has left aside for `path`, in any of the folders above it.
    pub(super) fn remove_aside(&self, path: &str) -> Result<(), ApplyError> {
        let mut folder = split(path).0;
        loop {
            if let Ok(fd) = self.open_folder(folder) {
                at(path, remove(&fd, &aside_of(path)))?;
            }
            if folder.is_empty() {
                return Ok(());
            }
            folder = split(folder).0;
        }
    }

    /// Makes the folder at `path`; those above it are there.
    pub(super) fn make_folder(&self, path: &str) -> Result<(), ApplyError> {
        let (above, name) = split(path);
        let above = at(path, self.open_folder(above))?;
        match rustix::fs::mkdirat(&above, name, Mode::from_raw_mode(0o777)) {
            Err(Errno::EXIST) => Ok(()),
            made => at(path, made),
        }
    }

    /// Removes the folder at `path` if it is empty.
    pub(super) fn drop_folder(&self, path: &str) -> Result<(), ApplyError> {
        let (above, name) = split(path);
        let Ok(above) = self.open_folder(above) else {
            return Ok(());
        };
        match rustix::fs::unlinkat(&above, name, AtFlags::REMOVEDIR) {
            Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOENT | Errno::NOTDIR) => Ok(()),
            removed => at(path, removed),
        }
    }

    /// Whether there is a folder at `path`, reached through folders.
    pub(super) fn is_folder(&self, path: &str) -> bool {
        self.open_folder(path).is_ok()
    }

    /// Makes durable what was renamed or removed in the folder of `path`.
    pub(super) fn sync_folder_of(&self, path: &str) -> Result<(), ApplyError> {
        match self.nearest_folder(path) {
            Ok((_, folder)) => at(path, rustix::fs::fsync(&folder)),
            Err(errno) => at(path, Err(errno)),
        }
    }

    /// The innermost folder above `path` that is there, and its name.
    fn nearest_folder(&self, path: &str) -> Result<(String, OwnedFd), Errno> {
        let mut folder = split(path).0;
        loop {
            match self.open_folder(folder) {
                Ok(fd) => return Ok((folder.to_owned(), fd)),
                Err(Errno::NOENT | Errno::NOTDIR) if !folder.is_empty() => folder = split(folder).0,
                Err(errno) => return Err(errno),
            }
        }
    }

    fn open_folder(&self, path: &str) -> Result<OwnedFd, Errno> {
        self.held
            .open_beneath(if path.is_empty() { "." } else { path }, FOLDER)
    }
}

/// Removes a file or link, if it is there.
fn remove(folder: &OwnedFd, name: &str) -> std::io::Result<()> {
    match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) if is_folder(folder, name) => {
            tracing::debug!(%errno, name, "a folder stays");
            Ok(())
        }
        Err(errno) => Err(errno.into()),
    }
}

fn is_folder(above: &OwnedFd, name: &str) -> bool {
    rustix::fs::statat(above, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}

/// The folder of a path (empty for the top) and the last name.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// The name under which a new content waits: always the same, so that a leftover is found.
fn aside_of(path: &str) -> String {
    format!(".rgpt-new-{}", &Digest::of(path.as_bytes()).as_str()[..16])
}
