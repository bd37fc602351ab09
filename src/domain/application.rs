//! The result of a run in one of the user's own branches: how it came there, and how it was taken
//! back.
//!
//! Both are a [`BranchMove`], recorded whole before anything is changed: whoever finds one that is
//! not finished can finish it, or take back what was done of it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::check::{CheckResult, CheckStatus};
use super::id::{CommitId, Digest};

/// One time that the result was brought into a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// How it was brought there.
    pub apply: BranchMove,
    /// When that began.
    pub started_at: Timestamp,
    /// When that was finished.
    pub applied_at: Option<Timestamp>,
    /// How it is taken back, once that has begun.
    pub undo: Option<BranchMove>,
    /// When it was taken back.
    pub undone_at: Option<Timestamp>,
    /// Why it did not come there after all; nothing of it stands then.
    pub given_up: Option<String>,
}

/// Where an application stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationStatus {
    /// Begun, not finished.
    Applying,
    /// The result is in the branch.
    Applied,
    /// Taking it back has begun.
    Undoing,
    /// It was taken back.
    Undone,
    /// It was given up while it was being brought there; nothing of it stands.
    GivenUp,
}

impl ApplicationStatus {
    /// The name in records and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applying => "applying",
            Self::Applied => "applied",
            Self::Undoing => "undoing",
            Self::Undone => "undone",
            Self::GivenUp => "given_up",
        }
    }
}

impl Application {
    /// Where it stands.
    pub fn status(&self) -> ApplicationStatus {
        if self.given_up.is_some() {
            ApplicationStatus::GivenUp
        } else if self.undone_at.is_some() {
            ApplicationStatus::Undone
        } else if self.undo.is_some() {
            ApplicationStatus::Undoing
        } else if self.applied_at.is_some() {
            ApplicationStatus::Applied
        } else {
            ApplicationStatus::Applying
        }
    }

    /// The move that was begun and not finished.
    pub fn open(&self) -> Option<&BranchMove> {
        match self.status() {
            ApplicationStatus::Applying => Some(&self.apply),
            ApplicationStatus::Undoing => self.undo.as_ref(),
            _ => None,
        }
    }
}

/// How a branch gets to where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Forward to a commit that has all of it as history.
    FastForward,
    /// To a new commit that joins it with the result.
    Merge,
    /// Back to where it was.
    Back,
    /// To a new commit that takes the result out again.
    Revert,
}

impl Way {
    /// The name in records and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FastForward => "fast_forward",
            Self::Merge => "merge",
            Self::Back => "back",
            Self::Revert => "revert",
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A branch that goes from one commit to another, with the files and the index of its checkout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BranchMove {
    /// The branch, as in `main`.
    pub branch: String,
    /// How it gets there.
    pub way: Way,
    /// Where it is.
    pub from: CommitId,
    /// Where it goes; the same commit if there is nothing left to take back.
    pub to: CommitId,
    /// Whether it is checked out, so that files and index go with it.
    pub checked_out: bool,
    /// The files that differ, as they are on disk; none if it is not checked out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileMove>,
    /// Folders that are made for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub makes: Vec<String>,
    /// Folders that go once they are empty, the innermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drops: Vec<String>,
    /// The checks that ran on the tree of `to`, where it is not that of the run itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CheckVerdict>,
}

/// A file before and after a move; nothing where there is no file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMove {
    /// Its path from the top of the repository.
    pub path: String,
    /// What is there before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<FileOnDisk>,
    /// What is there after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<FileOnDisk>,
}

/// A file or a link as the disk has it, line endings and all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOnDisk {
    /// The address of its bytes, or of where it leads.
    pub content: Digest,
    /// Its kind and permissions, as `stat` has them.
    pub mode: u32,
}

impl FileOnDisk {
    const KIND: u32 = 0o170_000;
    const LINK: u32 = 0o120_000;
    const OWNER_MAY_EXECUTE: u32 = 0o100;

    /// Whether it is a link.
    pub fn is_link(&self) -> bool {
        self.mode & Self::KIND == Self::LINK
    }

    /// Whether git would see no difference: the bytes, the kind and the right to execute count.
    pub fn is_like(&self, other: &Self) -> bool {
        let seen = |mode: u32| {
            let executable = mode & Self::OWNER_MAY_EXECUTE;
            let kind = mode & Self::KIND;
            if kind == Self::LINK {
                kind
            } else {
                kind | executable
            }
        };
        self.content == other.content && seen(self.mode) == seen(other.mode)
    }
}

/// What a check said of a merged tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckVerdict {
    /// Its name.
    pub name: String,
    /// What it said.
    pub status: CheckStatus,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

impl CheckVerdict {
    /// The verdict of a check that ran.
    pub fn of(result: &CheckResult) -> Self {
        Self {
            name: result.name.clone(),
            status: result.status,
            duration_ms: result.duration_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &str, mode: u32) -> FileOnDisk {
        FileOnDisk {
            content: Digest::of(content.as_bytes()),
            mode,
        }
    }

    #[test]
    fn files_are_alike_where_git_sees_no_difference() {
        let plain = file("a", 0o100_644);
        assert!(plain.is_like(&file("a", 0o100_600)));
        assert!(!plain.is_like(&file("b", 0o100_644)));
        assert!(!plain.is_like(&file("a", 0o100_755)));
        assert!(!plain.is_like(&file("a", 0o120_777)));
        assert!(file("a", 0o120_777).is_like(&file("a", 0o120_000)));
    }
}
