//! Why a branch does not go where it was to go, and what to do about it.

use std::path::{Path, PathBuf};

use crate::workspace::git::GitError;
use crate::workspace::own::OwnGitError;
use crate::workspace::publish::PublishError;

/// So many paths are named in a message.
const NAMED: usize = 10;

/// Why a branch was not moved. Nothing was changed, unless it says so.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// git failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// rgpt's own git directory cannot be used.
    #[error(transparent)]
    Own(#[from] OwnGitError),
    /// The objects could not be copied.
    #[error(transparent)]
    Objects(#[from] PublishError),
    /// A file cannot be read or written.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// What was recorded of a file's content is gone.
    #[error("the record no longer has the content of {path}")]
    Forgotten {
        /// The file.
        path: String,
    },
    /// No branch is checked out.
    #[error("no branch is checked out (HEAD is detached)")]
    Detached,
    /// There is no such branch.
    #[error("there is no branch `{branch}`")]
    NoBranch {
        /// The name.
        branch: String,
    },
    /// The branch is checked out in another worktree.
    #[error("the branch `{branch}` is checked out in another worktree, {worktree}")]
    Elsewhere {
        /// The branch.
        branch: String,
        /// The worktree.
        worktree: String,
    },
    /// git is in the middle of something.
    #[error("the repository is in the middle of a {operation}")]
    Unfinished {
        /// What.
        operation: &'static str,
        /// The command that ends it.
        end: &'static str,
    },
    /// The branch shares no history with the result.
    #[error("the branch `{branch}` has no commit in common with the result")]
    Unrelated {
        /// The branch.
        branch: String,
    },
    /// Files that are to be changed have uncommitted changes.
    #[error("uncommitted changes would be lost: {}", named(paths))]
    Dirty {
        /// The files.
        paths: Vec<String>,
    },
    /// Something that git does not track is where files are to be made.
    #[error("something that git does not track is in the way: {}", named(paths))]
    InTheWay {
        /// Where.
        paths: Vec<String>,
    },
    /// git was told not to look at files that are to be changed.
    #[error(
        "git was told not to look at (sparse checkout, skip-worktree or assume-unchanged): {}",
        named(paths)
    )]
    Hidden {
        /// The files.
        paths: Vec<String>,
    },
    /// Files that are to be changed go through a program.
    #[error(
        "`{path}` goes through the filter `{filter}` of the git configuration, which is not run"
    )]
    Filtered {
        /// The first such file.
        path: String,
        /// The filter.
        filter: String,
    },
    /// Two files would be the same file on this disk.
    #[error(
        "`{path}` and `{other}` differ only in upper and lower case, which this disk cannot keep apart"
    )]
    SameName {
        /// A file that is to be made.
        path: String,
        /// Another one.
        other: String,
    },
    /// A path or a kind of entry that cannot be handled.
    #[error("`{path}` {why}")]
    Unsupported {
        /// The path.
        path: String,
        /// What it is about it.
        why: &'static str,
    },
    /// A folder cannot be written.
    #[error("the folder {} cannot be written", folder.display())]
    Unwritable {
        /// The folder.
        folder: PathBuf,
    },
    /// Another process writes the index.
    #[error("another git process is at work: {} exists", lock.display())]
    Locked {
        /// The lock file.
        lock: PathBuf,
    },
    /// Another run is on its way into the repository.
    #[error("run {run} is on its way into or out of a branch of this repository")]
    Occupied {
        /// The run.
        run: String,
    },
    /// The branch is no longer where it was.
    #[error("the branch `{branch}` was moved meanwhile")]
    Moved {
        /// The branch.
        branch: String,
    },
    /// The checkout is of another branch than before.
    #[error("another branch than `{branch}` is checked out meanwhile")]
    Switched {
        /// The branch.
        branch: String,
    },
}

impl ApplyError {
    /// What to do or type next.
    pub fn hint(&self) -> String {
        match self {
            Self::Git(_) | Self::Io { .. } => {
                "see that the disk has space and can be written, then do it again".to_owned()
            }
            Self::Own(error) => error.hint().to_owned(),
            Self::Objects(error) => error.hint(),
            Self::Forgotten { .. } => "see what is wrong: rgpt db check".to_owned(),
            Self::Detached => {
                "check a branch out: `git switch main`; or name one: --branch main".to_owned()
            }
            Self::NoBranch { .. } => "see which there are: `git branch`".to_owned(),
            Self::Elsewhere { worktree, .. } => {
                format!("do it there: --repo '{worktree}'; or name another one: --branch NAME")
            }
            Self::Unfinished { end, .. } => format!("end that first: `{end}`"),
            Self::Unrelated { .. } => "name another branch: --branch NAME".to_owned(),
            Self::Dirty { .. } => "commit them, or put them aside: `git stash`".to_owned(),
            Self::InTheWay { .. } => "move it away, or commit it".to_owned(),
            Self::Hidden { .. } => "have git look at them again: `git sparse-checkout disable` or \
                `git update-index --no-skip-worktree --no-assume-unchanged -- <file>`"
                .to_owned(),
            Self::Filtered { .. } | Self::SameName { .. } | Self::Unsupported { .. } => {
                "bring the branch in with git itself: `git merge <the run's branch>`".to_owned()
            }
            Self::Unwritable { folder } => {
                format!("make it writable: `chmod u+w '{}'`", folder.display())
            }
            Self::Locked { lock } => format!(
                "wait until that git is done; if there is none any more: `rm '{}'`",
                lock.display()
            ),
            Self::Occupied { run } => format!(
                "finish that first: `rgpt apply --run {run}`, or `rgpt undo --run {run}` if that was begun"
            ),
            Self::Moved { .. } => "do it again: it starts from where the branch is now".to_owned(),
            Self::Switched { branch } => format!("check it out again: `git switch '{branch}'`"),
        }
    }

    /// Whether the state of the user's repository stands in the way, rather than that something
    /// failed.
    pub fn is_refusal(&self) -> bool {
        !matches!(
            self,
            Self::Git(_)
                | Self::Own(_)
                | Self::Objects(_)
                | Self::Io { .. }
                | Self::Forgotten { .. }
        )
    }
}

/// The first few paths, and how many more there are.
fn named(paths: &[String]) -> String {
    let mut text = paths[..paths.len().min(NAMED)].join(", ");
    if paths.len() > NAMED {
        text.push_str(&format!(" and {} more", paths.len() - NAMED));
    }
    text
}

/// Names the file that an operation on the disk was about.
pub(super) fn at<T>(
    path: impl AsRef<Path>,
    result: Result<T, impl Into<std::io::Error>>,
) -> Result<T, ApplyError> {
    result.map_err(|source| ApplyError::Io {
        path: path.as_ref().to_owned(),
        source: source.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_ten_paths_are_named() {
        let paths: Vec<String> = (0..12).map(|number| format!("f{number}")).collect();
        let text = ApplyError::Dirty { paths }.to_string();
        assert!(text.ends_with("f8, f9 and 2 more"), "{text}");
    }
}
