//! Making a small repository, for the demo.

use std::path::Path;

use super::git::{GitCommand, GitError};
use crate::domain::CommitId;

/// Makes `folder` a git repository of its own with one commit of everything that is not ignored.
/// Nobody's hooks, templates or signing keys take part.
///
/// # Errors
/// git fails.
pub fn make(folder: &Path, message: &str) -> Result<(), GitError> {
    let git_dir = folder.join(".git");
    GitCommand::bare("init")
        .args(["--quiet", "--template=", "--initial-branch=main"])
        .arg(folder)
        .run()?;
    let on = |subcommand: &str| GitCommand::on(&git_dir, subcommand).work_tree(folder);
    on("add").arg("--all").run()?;
    let mut commit = on("commit").args(["--quiet", "--no-verify", "--no-gpg-sign", "-m", message]);
    for (key, value) in [("user.name", "rgpt demo"), ("user.email", "rgpt@localhost")] {
        commit = commit.setting(key, value);
    }
    commit.run()?;
    Ok(())
}

/// The commit with which the history of `folder` begins.
///
/// # Errors
/// git fails, or there is none.
pub fn first_commit(folder: &Path) -> Result<CommitId, GitError> {
    let command = GitCommand::on(&folder.join(".git"), "rev-list");
    let command = command.args(["--max-parents=0", "--max-count=1", "HEAD"]);
    Ok(CommitId(command.line()?))
}
