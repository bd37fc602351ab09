//! What an agent wants done. An agent proposes; it never acts.

use serde::{Deserialize, Serialize};

/// Something an agent wants done to the worktree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposal {
    /// Change files.
    Edit(ChangeSet),
    /// Run a command in the worktree.
    Command(CommandLine),
}

/// A set of file changes against a known tree, complete enough to be judged before it is applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeSet {
    /// One entry a path, no path twice.
    pub changes: Vec<FileChange>,
}

/// One file's change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// The path relative to the repository's root, in canonical form (see `policy::path`).
    pub path: String,
    /// The content before; `None` if the file does not exist.
    pub before: Option<Vec<u8>>,
    /// The content after; `None` deletes the file.
    pub after: Option<Vec<u8>>,
    /// Whether the file is to be executable.
    pub executable: bool,
}

/// A command as an agent gave it: one line for `sh -c`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandLine {
    /// The line.
    pub line: String,
    /// The time limit asked for, in seconds.
    pub timeout_s: Option<u64>,
}
