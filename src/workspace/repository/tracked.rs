//! Whether a file came with the repository.

use std::path::Path;

use crate::workspace::git::{GitCommand, GitError, path_text};

/// A repository, as far as this needs it.
pub(super) struct Tracker<'a> {
    pub(super) git_dir: &'a Path,
    /// The top folder of the checked-out files, canonical.
    pub(super) top: &'a Path,
    /// The files that count beside the index.
    pub(super) base: &'a [String],
}

impl Tracker<'_> {
    /// Whether git tracks the file `path` (absolute, or relative to the top). A link counts as
    /// tracked if it or what it leads to is.
    pub(super) fn tracks(&self, path: &Path) -> Result<bool, GitError> {
        let path = self.top.join(path);
        let named = path.parent().and_then(|parent| parent.canonicalize().ok());
        let named = named
            .zip(path.file_name())
            .map(|(parent, name)| parent.join(name));
        let meant = path.canonicalize().ok();
        let other = meant.filter(|meant| named.as_ref() != Some(meant));
        for candidate in named.into_iter().chain(other) {
            if self.tracks_exactly(&candidate)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn tracks_exactly(&self, path: &Path) -> Result<bool, GitError> {
        let Ok(relative) = path.strip_prefix(self.top) else {
            return Ok(false);
        };
        if relative.as_os_str().is_empty() {
            return Ok(false);
        }
        let index = GitCommand::on(self.git_dir, "ls-files").work_tree(self.top);
        let index = index.args(["-z", "--cached", "--"]).arg(relative).run()?;
        let path = path_text(relative.as_os_str().as_encoded_bytes());
        let is_in_base = |file: &String| {
            let rest = file.strip_prefix(path.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        Ok(!index.is_empty() || self.base.iter().any(is_in_base))
    }
}
