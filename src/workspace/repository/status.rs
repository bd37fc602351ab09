//! What of the user's files is not committed, without running a filter or writing the index.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::settings::Settings;
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
    settings: &Settings,
    top: &Path,
    person: &[(OsString, OsString)],
) -> Result<Dirt, GitError> {
    let mut command = GitCommand::on(git_dir, "status").work_tree(top);
    for (key, off) in settings.filters_off() {
        command = command.setting(key, off);
    }
    if let Some(path) = own_excludes(top, person) {
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

/// The file in which the person says what they never want to see.
pub(super) fn own_excludes(top: &Path, person: &[(OsString, OsString)]) -> Option<PathBuf> {
    let command = GitCommand::as_person(person, "config").directory(top);
    let command = command.args(["--type=path", "--get", "core.excludesFile"]);
    let path = command.path().ok()?;
    (!path.as_os_str().is_empty()).then_some(path)
}
