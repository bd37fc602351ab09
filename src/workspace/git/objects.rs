//! Reading objects of a repository by id: no files, no index, no attributes.

use std::path::Path;

use super::{GitCommand, GitError, path_text, records};
use crate::domain::{CommitId, TreeId};

/// The objects of one git directory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ObjectStore<'a> {
    git_dir: &'a Path,
}

/// One file of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TreeEntry {
    /// The mode as git keeps it, e.g. `100644`.
    pub(crate) mode: u32,
    /// The object's id.
    pub(crate) object: String,
    /// The path from the tree's root.
    pub(crate) path: String,
}

/// The mode of a submodule's entry.
pub(crate) const SUBMODULE: u32 = 0o160_000;

impl<'a> ObjectStore<'a> {
    pub(crate) fn of(git_dir: &'a Path) -> Self {
        Self { git_dir }
    }

    /// The id that `name` stands for, or `None`.
    pub(crate) fn resolve(&self, name: &str) -> Result<Option<String>, GitError> {
        if name.starts_with('-') {
            return Ok(None);
        }
        let command = GitCommand::on(self.git_dir, "rev-parse");
        let command = command.args(["--verify", "--quiet", name]);
        let answer = match command.ask() {
            // With some malformed names git does not keep quiet; they still stand for nothing.
            Err(GitError::Failed {
                code: Some(128), ..
            }) => None,
            other => other?,
        };
        Ok(answer.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned()))
    }

    /// The commit that `name` stands for, and its tree; or `None`.
    pub(crate) fn commit(&self, name: &str) -> Result<Option<(CommitId, TreeId)>, GitError> {
        let name = format!("{name}^{{commit}}");
        // Whatever else a name may be, as a range: only as one object.
        let name = match name.as_str() {
            "HEAD^{commit}" => name,
            _ => match self.resolve(&name)? {
                Some(commit) => commit,
                None => return Ok(None),
            },
        };
        let command = GitCommand::on(self.git_dir, "rev-list");
        let command = command
            .args(["--no-walk", "--no-commit-header", "--format=%H %T"])
            .args([name.as_str(), "--"]);
        let answer = match command.line() {
            Err(GitError::Failed {
                code: Some(128), ..
            }) => return Ok(None),
            other => other?,
        };
        let ids = answer.split_once(' ');
        let ids = ids.ok_or_else(|| command.answer(answer.as_bytes()))?;
        Ok(Some((ids.0.into(), ids.1.into())))
    }

    /// The object that the ref `name` (in full, `refs/…`) is at.
    pub(crate) fn reference(&self, name: &str) -> Result<Option<String>, GitError> {
        let command = GitCommand::on(self.git_dir, "for-each-ref");
        let answer = command
            .args(["--format=%(objectname) %(refname)", name])
            .run()?;
        let answer = String::from_utf8_lossy(&answer);
        let mut refs = answer.lines().filter_map(|line| line.split_once(' '));
        Ok(refs
            .find(|(_, found)| *found == name)
            .map(|(object, _)| object.to_owned()))
    }

    pub(crate) fn exists(&self, object: &str) -> Result<bool, GitError> {
        let command = GitCommand::on(self.git_dir, "cat-file").args(["-e", object]);
        match command.ask() {
            Err(GitError::Failed {
                code: Some(128), ..
            }) => Ok(false),
            other => Ok(other?.is_some()),
        }
    }

    pub(crate) fn tree_of(&self, commit: &CommitId) -> Result<TreeId, GitError> {
        let command = GitCommand::on(self.git_dir, "rev-parse");
        let name = format!("{commit}^{{tree}}");
        Ok(TreeId(command.args(["--verify", "--quiet", &name]).line()?))
    }

    /// All files of `tree`, in git's order.
    pub(crate) fn entries(&self, tree: &TreeId) -> Result<Vec<TreeEntry>, GitError> {
        let command = GitCommand::on(self.git_dir, "ls-tree").args(["-r", "-z", tree.as_str()]);
        let answer = command.run()?;
        records(&answer)
            .map(|record| parse_entry(record).ok_or_else(|| command.answer(record)))
            .collect()
    }

    /// The paths of all files of `tree`, in git's order.
    pub(crate) fn files(&self, tree: &TreeId) -> Result<Vec<String>, GitError> {
        Ok(self
            .entries(tree)?
            .into_iter()
            .map(|entry| entry.path)
            .collect())
    }

    /// The bytes of the blob `object`.
    pub(crate) fn blob(&self, object: &str) -> Result<Vec<u8>, GitError> {
        GitCommand::on(self.git_dir, "cat-file")
            .args(["blob", object])
            .run()
    }

    /// The bytes of the file `path` in `tree`; `None` if there is no such file.
    pub(crate) fn read(&self, tree: &TreeId, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        let command = GitCommand::on(self.git_dir, "ls-tree");
        let command = command.args(["-z", "--full-tree", tree.as_str(), "--", path]);
        let answer = command.run()?;
        let entry = records(&answer)
            .filter_map(parse_entry)
            .find(|entry| entry.path == path);
        entry
            .filter(|entry| matches!(entry.mode, 0o100_644 | 0o100_755 | 0o120_000))
            .map(|entry| self.blob(&entry.object))
            .transpose()
    }
}

/// Reads `<mode> <type> <object>\t<path>`.
fn parse_entry(record: &[u8]) -> Option<TreeEntry> {
    let tab = record.iter().position(|byte| *byte == b'\t')?;
    let (meta, path) = record.split_at(tab);
    let mut words = std::str::from_utf8(meta).ok()?.split(' ');
    let mode = u32::from_str_radix(words.next()?, 8).ok()?;
    let object = words.nth(1)?.to_owned();
    Some(TreeEntry {
        mode,
        object,
        path: path_text(&path[1..]),
    })
}
