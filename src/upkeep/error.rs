//! What can go wrong with archives and with pruning.

use std::io;
use std::path::{Path, PathBuf};

use crate::store::StoreError;
use crate::workspace::own::OwnGitError;

/// Why the record could not be archived, restored or pruned.
#[derive(Debug, thiserror::Error)]
pub enum UpkeepError {
    /// The record cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// rgpt's own git directory cannot be used.
    #[error(transparent)]
    Git(#[from] OwnGitError),
    /// A file cannot be read or written.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no such archive.
    #[error("there is no file {}", path.display())]
    Absent {
        /// The file.
        path: PathBuf,
    },
    /// An archive would take the place of a file.
    #[error("{} is there already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file is no archive, damaged, or not what it says it is.
    #[error("{} is no archive that can be restored: {reason}", path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The archive is of a later version of rgpt.
    #[error("{} was written by a newer rgpt ({what})", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// What is newer.
        what: String,
    },
    /// There is something where the archive is to be restored.
    #[error("{} is not empty", path.display())]
    Occupied {
        /// The folder.
        path: PathBuf,
    },
    /// Another process uses what is to be replaced.
    #[error("another process has the record in {} open", path.display())]
    Busy {
        /// The state directory.
        path: PathBuf,
    },
    /// The disk cannot put one folder in the place of another at once.
    #[error("the disk of {} cannot swap two folders in one step", path.display())]
    NoSwap {
        /// The state directory.
        path: PathBuf,
    },
    /// The disk has too little space.
    #[error("the archive needs {needed} bytes at {}, which has {free} left", path.display())]
    NoSpace {
        /// Where.
        path: PathBuf,
        /// What is needed.
        needed: u64,
        /// What is left.
        free: u64,
    },
}

impl UpkeepError {
    /// The next commands to type.
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Store(error) => return error.hints(),
            Self::Git(error) => error.hint(),
            Self::Io { .. } => "see that the folder can be written and the disk has space",
            Self::Absent { .. } => {
                "name an archive that is there; one is written by rgpt db backup FILE"
            }
            Self::Exists { .. } => "name a new file: rgpt db backup FILE",
            Self::Archive { .. } => "take another archive; one is written by rgpt db backup FILE",
            Self::Newer { .. } => "update rgpt, then restore it",
            Self::Occupied { .. } => {
                "name an empty folder with `--state-dir DIR`, or replace what is there: --force"
            }
            Self::Busy { .. } => "wait for it or end it, then try again; see: rgpt list",
            Self::NoSwap { .. } => "move the state directory away yourself, then restore again",
            Self::NoSpace { .. } => "free some space, or name another place with `--state-dir DIR`",
        };
        vec![hint.to_owned()]
    }
}

/// Names the file in an error of the system.
pub(super) fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, UpkeepError> {
    result.map_err(|source| UpkeepError::Io {
        path: path.to_owned(),
        source,
    })
}
