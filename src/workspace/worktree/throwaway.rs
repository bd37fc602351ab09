//! The `.git` that commands see: they may use and spoil it, and rgpt never reads it.
//!
//! Without it, a build that asks git for a version would walk up and find nothing, and a command
//! that stashes or resets would fail for a reason that has nothing to do with the goal.

use std::path::Path;

use super::{Worktree, WorktreeError, at, removal};
use crate::domain::TreeId;
use crate::workspace::git::GitCommand;

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
    let format = format!("--object-format={}", worktree.own.object_format().name());
    let init = hasty(GitCommand::on(git_dir, "init")).work_tree(&worktree.root);
    let init = init.args(["--quiet", "--template=", &format]);
    init.setting("init.defaultBranch", "main").run()?;
    let config = git_dir.join("config");
    let mut text = at(&config, std::fs::read_to_string(&config))?;
    text = text
        .lines()
        .filter(|line| !line.contains("worktree ="))
        .collect::<Vec<_>>()
        .join("\n");
    at(
        &config,
        std::fs::write(&config, format!("{text}\n{SETTINGS}")),
    )?;

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
    let update = hasty(GitCommand::on(git_dir, "update-ref"));
    update.args(["refs/heads/main", &commit]).run()?;
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
