//! A run's files: a tree written out where commands can work on it, and read back from there.
//!
//! git works on them with rgpt's own git directory and an index of the run's own; what commands do
//! to the `.git` they see is never read. Nothing here follows a link that a command may have left.
//! Start at [`Worktree::create`].

mod change;
mod handover;
mod place;
mod removal;
mod snapshot;
mod throwaway;

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

pub use change::{ChangeKind, DiskChange};
pub use handover::{discard_waiting, hand_on, take_over};
pub use place::{PlaceError, Purpose, of_record, place, record_id};
pub use removal::remove;

use super::git::{GitCommand, GitError, records};
use super::own::{OwnGit, patiently};
use super::repository::asks_ignored;
use crate::domain::TreeId;

/// Why a worktree could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum WorktreeError {
    /// git failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A file cannot be read or written.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The worktree is gone.
    #[error("there is no worktree at {}", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// git lets no such path into a tree.
    #[error("git refuses to record a path: {words}")]
    Refused {
        /// What git said.
        words: String,
    },
    /// What is on disk cannot be shown as a file's content.
    #[error("`{path}` is not a regular file")]
    NotAFile {
        /// Where in the worktree.
        path: String,
    },
}

/// A tree, written out.
#[derive(Clone, Debug)]
pub struct Worktree {
    own: OwnGit,
    root: PathBuf,
    index: PathBuf,
}

impl Worktree {
    /// Writes `tree` out at `root`, with current file times and a throw-away `.git`. `index` is a
    /// file in `own`'s directory that belongs to this worktree alone. What an interrupted attempt
    /// left at `root` is brought in order.
    ///
    /// # Errors
    /// `tree` is not in `own`, or the disk is full or read-only.
    pub fn create(
        own: &OwnGit,
        root: &Path,
        index: &Path,
        tree: &TreeId,
    ) -> Result<Self, WorktreeError> {
        let worktree = Self {
            own: own.clone(),
            root: root.to_owned(),
            index: index.to_owned(),
        };
        if let Some(parent) = index.parent() {
            at(parent, std::fs::create_dir_all(parent))?;
        }
        match std::fs::remove_file(index) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => at(index, Err(error))?,
            _ => {}
        }
        worktree.rewrite(tree)?;
        Ok(worktree)
    }

    /// The worktree that is already at `root`, as it is.
    ///
    /// # Errors
    /// There is none, or its index is gone: create it again.
    pub fn open(own: &OwnGit, root: &Path, index: &Path) -> Result<Self, WorktreeError> {
        let worktree = Self {
            own: own.clone(),
            root: root.to_owned(),
            index: index.to_owned(),
        };
        worktree.must_be_there()?;
        Ok(worktree)
    }

    fn must_be_there(&self) -> Result<(), WorktreeError> {
        let root = (&self.root, is_real_directory(&self.root));
        for (path, there) in [root, (&self.index, self.index.is_file())] {
            if !there {
                return Err(WorktreeError::Missing { path: path.clone() });
            }
        }
        Ok(())
    }

    /// The folder with the files.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes the files exactly those of `tree` again, whatever was done to them. Ignored files, as
    /// build output usually is, stay; the throw-away `.git` is made anew.
    ///
    /// # Errors
    /// `tree` is not there, or a file cannot be written.
    pub fn restore(&self, tree: &TreeId) -> Result<(), WorktreeError> {
        if crate::failpoint::broken("skip-restore") {
            return Ok(());
        }
        self.rewrite(tree)
    }

    fn rewrite(&self, tree: &TreeId) -> Result<(), WorktreeError> {
        let is_new = !is_real_directory(&self.root);
        if is_new {
            removal::remove_entry(&self.root)?;
            at(&self.root, std::fs::create_dir_all(&self.root))?;
        }
        removal::tame(&self.root)?;
        let read = self.git("read-tree").args(["--reset", tree.as_str()]);
        if let Err(error) = patiently(|| read.run()) {
            // An index that cannot be read is made anew; only what it knows of file times is lost.
            if !self.own.object_exists(tree.as_str())? || !self.index.exists() {
                return Err(error.into());
            }
            at(&self.index, std::fs::remove_file(&self.index))?;
            patiently(|| read.run())?;
        }
        if !is_new {
            self.remove_foreign_entries()?;
        }
        let write = self
            .git("checkout-index")
            .args(["--all", "--force", "--index", "--quiet"]);
        patiently(|| write.run())?;
        crate::failpoint::hit("worktree.files");
        if !is_new {
            self.remove_untracked()?;
        }
        throwaway::make(self, tree)?;
        crate::failpoint::hit("worktree.ready");
        Ok(())
    }

    /// Removes what git would walk past in the folders of tracked files: nested git directories,
    /// and links in the place of folders.
    fn remove_foreign_entries(&self) -> Result<(), WorktreeError> {
        for folder in self.tracked_folders()? {
            let path = self.root.join(&folder);
            if !is_real_directory(&path) {
                // Parents come before their children, so that no link is in the way here.
                removal::remove_entry(&path)?;
            } else if !folder.as_os_str().is_empty() {
                removal::remove_entry(&path.join(".git"))?;
            }
        }
        Ok(())
    }

    /// The folders of tracked files, parents first.
    fn tracked_folders(&self) -> Result<BTreeSet<PathBuf>, WorktreeError> {
        let files = self.git("ls-files").args(["-z", "--cached"]).run()?;
        let mut folders = BTreeSet::new();
        for file in records(&files) {
            let mut folder = Path::new(std::ffi::OsStr::from_bytes(file)).parent();
            while let Some(path) = folder {
                if !folders.insert(path.to_owned()) {
                    break;
                }
                folder = path.parent();
            }
        }
        Ok(folders)
    }

    fn remove_untracked(&self) -> Result<(), WorktreeError> {
        let options = ["-z", "--others", "--exclude-standard", "--directory"];
        let found = self.git("ls-files").args(options).run()?;
        for path in records(&found) {
            let path = path.strip_suffix(b"/").unwrap_or(path);
            removal::remove_entry(&self.root.join(std::ffi::OsStr::from_bytes(path)))?;
        }
        Ok(())
    }

    /// Whether the ignore files of the tree, or the usual by-products, cover `path` (relative to the
    /// root), so that it is no change, and stays when the tree is restored.
    ///
    /// # Errors
    /// git cannot be asked, or `path` lies behind a link.
    pub fn ignores(&self, path: &Path) -> Result<bool, WorktreeError> {
        let command = asks_ignored(self.git("check-ignore")).args(["--quiet", "--"]);
        let command = command.arg(Path::new(".").join(path));
        Ok(command.ask()?.is_some())
    }

    /// The tree of what was last restored or snapshot.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn tree(&self) -> Result<TreeId, WorktreeError> {
        let command = self.git("write-tree");
        Ok(TreeId(patiently(|| command.line())?))
    }

    fn git(&self, subcommand: &str) -> GitCommand {
        self.own
            .git(subcommand)
            .work_tree(&self.root)
            .env("GIT_INDEX_FILE", &self.index)
            .setting("core.fileMode", "true")
            .setting("core.symlinks", "true")
    }
}

fn at<T>(path: &Path, result: std::io::Result<T>) -> Result<T, WorktreeError> {
    result.map_err(|source| WorktreeError::Io {
        path: path.to_owned(),
        source,
    })
}

/// Whether `path` itself, not what it may lead to, is a folder.
fn is_real_directory(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir())
}

#[cfg(test)]
mod tests;
