//! What of the user's files is not committed, without running a filter or writing the index.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use crate::workspace::git::{GitCommand, GitError, records};

/// How many of the user's files are not as in `HEAD`; a run does not see them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dirt {
    /// Tracked files that are changed, staged or deleted.
    pub changed: usize,
    /// Files (or whole folders of files) that git neither tracks nor ignores.
    pub untracked: usize,
}

impl Dirt {
    /// Whether there is anything.
    pub fn is_some(self) -> bool {
        self.changed + self.untracked > 0
    }
}

/// Counts, with every filter of the repository's configuration switched off by name: a fixed list
/// of settings cannot do that, since comparing a file runs its clean filter.
pub(super) fn look(
    git_dir: &Path,
    top: &Path,
    person: &[(OsString, OsString)],
) -> Result<Dirt, GitError> {
    let mut command = GitCommand::on(git_dir, "status").work_tree(top);
    for key in filter_keys(git_dir)? {
        let off = if key.as_encoded_bytes().ends_with(b"required") {
            "false"
        } else {
            ""
        };
        command = command.setting(key, off);
    }
    let ignored = GitCommand::as_person(person, "config").directory(top);
    let ignored = ignored.args(["--type=path", "--get", "core.excludesFile"]);
    if let Some(path) = ignored
        .path()
        .ok()
        .filter(|path| !path.as_os_str().is_empty())
    {
        command = command.setting("core.excludesFile", path);
    }
    let options = [
        "--porcelain=v1",
        "-z",
        "--no-renames",
        "--ignore-submodules=all",
    ];
    let answer = command
        .args(options)
        .arg("--untracked-files=normal")
        .run()?;
    let (untracked, changed): (Vec<_>, Vec<_>) =
        records(&answer).partition(|record| record.starts_with(b"??"));
    Ok(Dirt {
        changed: changed.len(),
        untracked: untracked.len(),
    })
}

fn filter_keys(git_dir: &Path) -> Result<Vec<OsString>, GitError> {
    let command = GitCommand::on(git_dir, "config");
    let answer = command
        .args(["-z", "--name-only", "--get-regexp", r"^filter\."])
        .ask()?;
    let keys = answer.unwrap_or_default();
    Ok(records(&keys)
        .map(|key| OsString::from_vec(key.to_vec()))
        .collect())
}
