//! The `.git` that commands see: they may use and spoil it, and rgpt never reads it.
//!
//! Without it, a build that asks git for a version would walk up and find nothing, and a command
//! that stashes or resets would fail for a reason that has nothing to do with the goal.

use std::path::Path;

use super::{Worktree, WorktreeError, at, removal};
use crate::domain::TreeId;
use crate::workspace::git::GitCommand;
use crate::workspace::repository::ObjectFormat;

/// Nobody's; also keeps git from asking who commits.
const SETTINGS: &str = "\
[user]
\tname = worktree
\temail = worktree@localhost
[commit]
\tgpgSign = false
[gc]
\tauto = 0
[maintenance]
\tauto = false
";

/// As `git init` writes it.
const OLD_FORMAT: &str = "\
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
";

/// The same, for objects that are named by SHA-256.
const NEW_FORMAT: &str = "\
[core]
\trepositoryformatversion = 1
\tfilemode = true
\tbare = false
[extensions]
\tobjectformat = sha256
";

/// Of the same date always, so that a build that prints the commit prints the same.
const DATE: &str = "@0 +0000";

/// Makes it anew, with one commit of `tree`. It is made aside and renamed, so that a command never
/// sees half of one.
pub(super) fn make(worktree: &Worktree, tree: &TreeId) -> Result<(), WorktreeError> {
    let new = worktree.root.join(".git.new");
    removal::remove_entry(&new)?;
    fill(worktree, tree, &new)?;
    let there = worktree.root.join(".git");
    removal::remove_entry(&there)?;
    at(&there, std::fs::rename(&new, &there))
}

fn fill(worktree: &Worktree, tree: &TreeId, git_dir: &Path) -> Result<(), WorktreeError> {
    for folder in ["objects/info", "objects/pack", "refs/heads", "refs/tags"] {
        at(git_dir, std::fs::create_dir_all(git_dir.join(folder)))?;
    }
    let format = match worktree.own.object_format() {
        ObjectFormat::Sha1 => OLD_FORMAT,
        ObjectFormat::Sha256 => NEW_FORMAT,
    };
    let settings = format!("{format}{SETTINGS}");
    for (name, text) in [("HEAD", "ref: refs/heads/main\n"), ("config", &settings)] {
        let path = git_dir.join(name);
        at(&path, std::fs::write(&path, text))?;
    }

    let pack = worktree
        .own
        .git("pack-objects")
        .args(["--revs", "--stdout", "-q"]);
    let pack = pack
        .args(["--delta-base-offset"])
        .input(format!("{tree}\n"));
    pack.pipe_into(&hasty(GitCommand::on(git_dir, "index-pack")).arg("--stdin"))?;
    let mut commit = hasty(GitCommand::on(git_dir, "commit-tree")).arg(tree.as_str());
    for role in ["AUTHOR", "COMMITTER"] {
        commit = commit
            .env(&format!("GIT_{role}_NAME"), "worktree")
            .env(&format!("GIT_{role}_EMAIL"), "worktree@localhost")
            .env(&format!("GIT_{role}_DATE"), DATE);
    }
    let commit = commit
        .input("the state that the work starts from\n")
        .line()?;
    let branch = git_dir.join("refs/heads/main");
    at(&branch, std::fs::write(&branch, format!("{commit}\n")))?;
    at(
        &worktree.index,
        std::fs::copy(&worktree.index, git_dir.join("index")),
    )?;
    Ok(())
}

/// What is thrown away needs no sync.
fn hasty(command: GitCommand) -> GitCommand {
    command
        .setting("core.fsync", "none")
        .setting("core.fsyncObjectFiles", "false")
}
