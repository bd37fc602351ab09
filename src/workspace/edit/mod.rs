//! Reading and changing files beneath a held directory, without ever following a link out of it.
//!
//! [`Held`] is the directory, [`stage`] turns a tool call into a [`ChangeSet`] for the gate,
//! [`Held::apply`] carries out what the gate approved.
//!
//! [`ChangeSet`]: crate::domain::proposal::ChangeSet

mod apply;
pub(super) mod arguments;
mod nearest;
mod patch;
mod recount;
mod stage;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::domain::tape::Denial;

pub use apply::ApplyError;
pub use stage::{describe, stage};

/// The most bytes of a file that is read.
const MAX_READ: u64 = crate::policy::MAX_FILE as u64;

/// Why a file cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The path, or a folder on it, is a symbolic link.
    #[error("{path} is or lies behind a symbolic link, and links are not followed")]
    Symlink {
        /// The path.
        path: String,
    },
    /// There is a folder.
    #[error("{path} is a folder")]
    Folder {
        /// The path.
        path: String,
    },
    /// A part of the path before its last is no folder.
    #[error("{path} lies beneath something that is not a folder")]
    NotAFolder {
        /// The path.
        path: String,
    },
    /// There is a device, a pipe or a socket.
    #[error("{path} is not a regular file")]
    Special {
        /// The path.
        path: String,
    },
    /// The file is larger than 5 MiB.
    #[error("{path} is larger than 5 MiB")]
    TooLarge {
        /// The path.
        path: String,
    },
    /// The system failed.
    #[error("cannot access {path}: {source}")]
    Io {
        /// The path.
        path: String,
        /// What the system says.
        source: io::Error,
    },
}

impl FileError {
    fn from_errno(path: &str, errno: Errno) -> Self {
        let path = path.to_owned();
        match errno {
            // XDEV: the kernel found that the path would leave the directory.
            Errno::LOOP | Errno::XDEV => Self::Symlink { path },
            Errno::NOTDIR => Self::NotAFolder { path },
            Errno::ISDIR => Self::Folder { path },
            Errno::NXIO => Self::Special { path },
            errno => Self::io(&path, errno.into()),
        }
    }

    fn io(path: &str, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}

/// Why a file tool has no result.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// A rule forbids it.
    #[error("{}", .0.message)]
    Denied(Denial),
    /// The call is wrong or does not fit the files; the text tells the model what to do.
    #[error("{0}")]
    Mistake(String),
    /// The system failed; it is not the model's fault.
    #[error(transparent)]
    System(FileError),
}

impl From<FileError> for ToolError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Io { .. } => Self::System(error),
            _ => Self::Mistake(error.to_string()),
        }
    }
}

impl From<Denial> for ToolError {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

/// A file's content and whether it is executable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileState {
    pub(crate) content: Vec<u8>,
    pub(crate) executable: bool,
}

/// A directory that is held open. Every access goes relative to it, so that neither a path with
/// `..` nor a link, nor a folder that is swapped meanwhile, leads out of it.
#[derive(Debug)]
pub struct Held {
    root: OwnedFd,
    path: PathBuf,
}

impl Held {
    /// Holds the directory at `root`.
    ///
    /// # Errors
    ///
    /// There is no directory, or it cannot be opened.
    pub fn open(root: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self {
            root: rustix::fs::open(root, flags, Mode::empty())?,
            path: root.to_owned(),
        })
    }

    /// Where the directory was when it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The content of the file at `path`; `None` if there is none.
    ///
    /// # Errors
    ///
    /// There is something else than a regular file of at most 5 MiB, or the way to it is a link.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>, FileError> {
        Ok(self.state(path)?.map(|state| state.content))
    }

    /// As [`Held::read`], with the mode.
    pub(crate) fn state(&self, path: &str) -> Result<Option<FileState>, FileError> {
        // NONBLOCK: opening a pipe must not wait for a writer.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let file = match self.open_beneath(path, flags) {
            Ok(fd) => File::from(fd),
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(FileError::from_errno(path, errno)),
        };
        let failed = |error| FileError::io(path, error);
        let stat = rustix::fs::fstat(&file).map_err(|errno| failed(errno.into()))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {}
            FileType::Directory => return Err(FileError::Folder { path: path.into() }),
            _ => return Err(FileError::Special { path: path.into() }),
        }
        let mut content = Vec::new();
        file.take(MAX_READ + 1)
            .read_to_end(&mut content)
            .map_err(failed)?;
        if content.len() as u64 > MAX_READ {
            return Err(FileError::TooLarge { path: path.into() });
        }
        Ok(Some(FileState {
            content,
            executable: stat.st_mode & 0o100 != 0,
        }))
    }

    /// Whether there is a folder at `path`, reached without links.
    pub(crate) fn is_folder(&self, path: &str) -> bool {
        self.open_beneath(path, OFlags::RDONLY | OFlags::DIRECTORY)
            .is_ok()
    }

    /// Opens what is at `path` beneath the directory, following no link anywhere on the way.
    pub(in crate::workspace) fn open_beneath(
        &self,
        path: &str,
        flags: OFlags,
    ) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let resolve =
            ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match rustix::fs::openat2(&self.root, path, flags, Mode::empty(), resolve) {
            // Kernels before 5.6 lack the call; some container filters answer PERM for it.
            Err(Errno::NOSYS | Errno::PERM) => self.walk(path, flags),
            result => result,
        }
    }

    /// Opens `path` one component at a time, for kernels without `openat2`.
    fn walk(&self, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        let folder = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut components: Vec<&str> = path.split('/').collect();
        if components.iter().any(|part| matches!(*part, "" | "..")) {
            return Err(Errno::XDEV);
        }
        let last = components.pop().ok_or(Errno::NOENT)?;
        let mut at = self.root.try_clone().map_err(|_| Errno::MFILE)?;
        for component in components {
            at = match rustix::fs::openat(&at, component, folder, Mode::empty()) {
                Err(Errno::NOTDIR) if is_link(&at, component) => return Err(Errno::LOOP),
                result => result?,
            };
        }
        match rustix::fs::openat(&at, last, flags, Mode::empty()) {
            Err(Errno::NOTDIR) if is_link(&at, last) => Err(Errno::LOOP),
            result => result,
        }
    }
}

/// Whether `name` in `folder` is a link: NOFOLLOW with DIRECTORY reports one as NOTDIR.
fn is_link(folder: &OwnedFd, name: &str) -> bool {
    rustix::fs::statat(folder, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
}
