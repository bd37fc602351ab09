//! What git ignores in the user's tree, and by whose word.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::UserRepository;
use crate::workspace::git::{GitCommand, GitError, path_text, records};

/// The name of the ignore files that are part of a tree.
const COMMITTED: &str = ".gitignore";

impl UserRepository {
    /// Whether a `.gitignore` in the checked-out files covers `path`, which is relative to
    /// [`Self::top`] and need not exist. What only this person ignores does not count.
    ///
    /// # Errors
    /// git cannot be asked, or `path` lies behind a link.
    pub fn ignores_for_everyone(&self, path: &Path) -> Result<bool, GitError> {
        let by = ignored_by(&self.git_dir, &self.top, &self.person, path)?;
        Ok(by.is_some_and(|file| file.file_name().is_some_and(|name| name == COMMITTED)))
    }

    /// The first file below `folder` (relative to [`Self::top`]) that git tracks, in the index or in
    /// the base.
    ///
    /// # Errors
    /// git cannot read the index.
    pub fn tracked_below(&self, folder: &Path) -> Result<Option<String>, GitError> {
        let index = GitCommand::on(&self.git_dir, "ls-files").work_tree(&self.top);
        let index = index.args(["-z", "--cached", "--"]).arg(folder).run()?;
        if let Some(file) = records(&index).next() {
            return Ok(Some(path_text(file)));
        }
        let base = GitCommand::on(&self.git_dir, "ls-tree");
        let base = base
            .args([
                "-r",
                "-z",
                "--name-only",
                "--full-tree",
                self.base_tree.as_str(),
            ])
            .arg("--")
            .arg(folder)
            .run()?;
        Ok(records(&base).next().map(path_text))
    }
}

/// `check-ignore` refuses the setting under which all other commands take paths as they are.
pub(in crate::workspace) fn asks_ignored(command: GitCommand) -> GitCommand {
    command.env("GIT_LITERAL_PATHSPECS", "0")
}

/// The file whose word it is that git ignores `path` (relative to `top`), whether or not git tracks
/// it; `None` if git does not ignore it.
pub(super) fn ignored_by(
    git_dir: &Path,
    top: &Path,
    person: &[(OsString, OsString)],
    path: &Path,
) -> Result<Option<PathBuf>, GitError> {
    let mut command = asks_ignored(GitCommand::on(git_dir, "check-ignore").work_tree(top));
    if let Some(file) = super::status::own_excludes(top, person) {
        command = command.setting("core.excludesFile", file);
    }
    // Behind a `./`, nothing in a name means anything special.
    let asked = [b"./", path.as_os_str().as_bytes(), b"\0"].concat();
    let command = command.args(["--stdin", "-z", "--verbose", "--no-index"]);
    let answer = command.input(asked).ask()?.unwrap_or_default();
    // File, line, pattern and path; the pattern may be one that takes the path out again.
    let mut fields = answer.split(|byte| *byte == 0);
    let (file, pattern) = (fields.next(), fields.nth(1));
    Ok(match (file, pattern) {
        (Some(file), Some(pattern)) if !pattern.is_empty() && !pattern.starts_with(b"!") => {
            Some(PathBuf::from(path_text(file)))
        }
        _ => None,
    })
}
