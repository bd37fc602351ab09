//! How a git command fails.

use std::path::PathBuf;

use super::version::{OLDEST, Version};

/// Why a git command did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no git on the search path.
    #[error("git was not found on the PATH")]
    Missing,
    /// The git on the search path lacks what is needed.
    #[error("git {found} is too old; {OLDEST} or later is needed")]
    TooOld {
        /// The version found.
        found: Version,
    },
    /// The process could not be started, fed or read.
    #[error("could not run `{words}`: {source}")]
    Io {
        /// The command's words.
        words: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// git ran and reported a failure.
    #[error("`{words}` failed: {stderr}")]
    Failed {
        /// The command's words.
        words: String,
        /// The exit code; `None` when killed by a signal.
        code: Option<i32>,
        /// What git wrote to its standard error, trimmed.
        stderr: String,
    },
    /// git answered something that this program does not understand.
    #[error("`{words}` gave an unexpected answer: {answer}")]
    Answer {
        /// The command's words.
        words: String,
        /// The start of the answer.
        answer: String,
    },
}

impl GitError {
    /// What git said, or nothing where it did not speak.
    pub(crate) fn stderr(&self) -> &str {
        match self {
            Self::Failed { stderr, .. } => stderr,
            _ => "",
        }
    }

    /// The lock file that was in the way, if another process held one.
    pub(crate) fn lock(&self) -> Option<PathBuf> {
        let (_, rest) = self.stderr().split_once("Unable to create '")?;
        let (path, _) = rest.split_once("': File exists")?;
        Some(PathBuf::from(path))
    }
}
