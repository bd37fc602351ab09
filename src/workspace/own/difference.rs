//! What differs between two trees, always told in the same words.

use super::OwnGit;
use crate::domain::TreeId;
use crate::workspace::git::{GitError, path_text, records};

impl OwnGit {
    /// The difference from `a` to `b` as a unified diff; a renamed file is one deleted and one
    /// added.
    ///
    /// # Errors
    /// A tree is not here.
    pub fn diff(&self, a: &TreeId, b: &TreeId) -> Result<String, GitError> {
        // Full ids, since git shortens them by how many objects there are.
        Ok(path_text(&self.difference(
            a,
            b,
            &["--patch", "--full-index"],
        )?))
    }

    /// The difference from `a` to `b` as `git apply` takes it: the bytes as they are, those of binary
    /// files too.
    ///
    /// # Errors
    /// A tree is not here.
    pub fn patch(&self, a: &TreeId, b: &TreeId) -> Result<Vec<u8>, GitError> {
        self.difference(a, b, &["--patch", "--binary", "--full-index"])
    }

    /// The paths of the files that differ.
    ///
    /// # Errors
    /// A tree is not here.
    pub fn changed_paths(&self, a: &TreeId, b: &TreeId) -> Result<Vec<String>, GitError> {
        Ok(records(&self.difference(a, b, &["--name-only", "-z"])?)
            .map(path_text)
            .collect())
    }

    fn difference(&self, a: &TreeId, b: &TreeId, form: &[&str]) -> Result<Vec<u8>, GitError> {
        let command = self.git("diff-tree");
        let command = command.args(["-r", "--no-ext-diff", "--no-textconv", "--no-color"]);
        command
            .arg("--no-renames")
            .args(form)
            .args([a.as_str(), b.as_str()])
            .run()
    }
}
