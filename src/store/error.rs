//! What can go wrong with the record, told apart where a caller acts on it.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ffi::ErrorCode;

use crate::domain::RunId;

/// Why the state directory or the record in it cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The directory or the database cannot be written.
    #[error("cannot write to {}: {reason}", path.display())]
    ReadOnly {
        /// Where.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// There is no space left.
    #[error("the disk is full; what was recorded before is safe")]
    DiskFull,
    /// Reading or writing failed otherwise.
    #[error("cannot use {}: {reason}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// The database is damaged, or is no database.
    #[error("the database is damaged or no database: {reason}")]
    Corrupt {
        /// SQLite's words.
        reason: String,
        /// The newest backup beside it.
        backup: Option<PathBuf>,
    },
    /// The file is another program's database.
    #[error("{} is another program's database", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The database is of a later version of rgpt.
    #[error(
        "{} was written by a newer rgpt (schema {found}; this one knows up to {known})",
        path.display()
    )]
    NewerSchema {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The latest schema that this rgpt knows.
        known: i64,
    },
    /// The SQLite library is too old to be trusted with a log shared by processes.
    #[error("SQLite {found} is too old: versions before 3.51.3 can damage a shared database")]
    OldSqlite {
        /// Its version.
        found: String,
    },
    /// The database cannot use a write-ahead log here.
    #[error("the database cannot use a write-ahead log here (it uses {found:?})")]
    NoWal {
        /// The journal mode that it uses instead.
        found: String,
    },
    /// A row was not as the writer believed. Nothing was written.
    #[error("the record is not as expected: {0}")]
    Conflict(String),
    /// Another driver has taken the run over. Nothing was written.
    #[error("another process has taken over run {0}")]
    Fenced(RunId),
    /// There is no such run.
    #[error("there is no run {0}")]
    NoSuchRun(RunId),
    /// What stands on the record of a run cannot be read or followed.
    #[error("the record of run {run} cannot be read: {reason}")]
    Unreadable {
        /// The run.
        run: RunId,
        /// What is wrong.
        reason: String,
    },
    /// A value cannot be put on the record (a number that is not finite).
    #[error("cannot be recorded: {0}")]
    Unstorable(String),
    /// The writing thread met a bug. Nothing was written.
    #[error("writing to the record failed on a bug in rgpt")]
    Panicked,
    /// The writing thread has ended.
    #[error("the record is closed")]
    Closed,
    /// Anything else that SQLite says.
    #[error("the database says: {0}")]
    Sqlite(String),
}

impl StoreError {
    /// The next commands to type.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::ReadOnly { .. } => {
                vec!["choose another place with `--state-dir DIR` or RGPT_STATE_DIR".to_owned()]
            }
            Self::DiskFull => vec!["free some space, then `rgpt resume --run latest`".to_owned()],
            Self::Corrupt { backup, .. } => {
                let mut hints = vec!["look closer with `rgpt db check`".to_owned()];
                hints.extend(
                    backup
                        .as_ref()
                        .map(|path| format!("the newest backup is {}", path.display())),
                );
                hints.push("put an archive back: rgpt db restore FILE --force".to_owned());
                hints
            }
            Self::NewerSchema { .. } => {
                vec!["update rgpt, or keep a record apart with `--state-dir DIR`".to_owned()]
            }
            Self::Io { .. } | Self::Foreign { .. } | Self::NoWal { .. } => {
                vec!["choose another place with `--state-dir DIR`".to_owned()]
            }
            Self::Conflict(_) | Self::Unreadable { .. } => {
                vec!["look closer with `rgpt db check`".to_owned()]
            }
            Self::NoSuchRun(_) => vec!["see all runs with `rgpt list`".to_owned()],
            Self::Fenced(run) => vec![format!("see how it goes with `rgpt inspect {run}`")],
            _ => Vec::new(),
        }
    }

    /// The error for a failed operation on the file system.
    pub(super) fn io(path: &Path, error: &io::Error) -> Self {
        let (path, reason) = (path.to_owned(), error.to_string());
        match error.kind() {
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                Self::ReadOnly { path, reason }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::Io { path, reason },
        }
    }

    /// The same, where SQLite met it while it opened the database at `path`.
    pub(super) fn opening(path: &Path, error: &rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::ReadOnly {
                    path: path.to_owned(),
                    reason: error.to_string(),
                }
            }
            _ => Self::from(error),
        }
    }

    /// Whether the disk itself failed, so that nothing more may be written by this process.
    pub(super) fn ends_writing(&self) -> bool {
        matches!(
            self,
            Self::DiskFull | Self::Corrupt { .. } | Self::Io { .. }
        )
    }
}

impl From<&rusqlite::Error> for StoreError {
    fn from(error: &rusqlite::Error) -> Self {
        let reason = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt {
                reason,
                backup: None,
            },
            Some(ErrorCode::ConstraintViolation) => Self::Conflict(reason),
            Some(ErrorCode::ReadOnly) => Self::ReadOnly {
                path: PathBuf::from("rgpt.db"),
                reason,
            },
            Some(ErrorCode::SystemIoFailure) => Self::Io {
                path: PathBuf::from("rgpt.db"),
                reason,
            },
            _ => Self::Sqlite(reason),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::from(&error)
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Unstorable(error.to_string())
    }
}

/// Fails unless a guarded write met exactly the row it expected.
pub(super) fn exactly_one(changed: usize, what: impl FnOnce() -> String) -> Result<(), StoreError> {
    if changed == 1 {
        Ok(())
    } else {
        Err(StoreError::Conflict(format!(
            "{} ({changed} rows match)",
            what()
        )))
    }
}
