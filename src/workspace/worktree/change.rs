//! What commands did to the files.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

use super::snapshot::OnDisk;
use super::{Worktree, WorktreeError, removal};
use crate::domain::proposal::FileChange;
use crate::workspace::git::{path_text, records};
use crate::workspace::own::patiently;

/// How a file on disk differs from the worktree's tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// In the tree, and different on disk: in content, mode or kind.
    Modified,
    /// In the tree, and not on disk.
    Deleted,
    /// On disk, not in the tree and not ignored.
    Untracked,
}

/// A file that differs from the worktree's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskChange {
    /// The path from the worktree's root. Bytes that are not UTF-8 are shown by replacement
    /// characters; such a path cannot be recorded.
    pub path: String,
    /// How it differs.
    pub kind: ChangeKind,
    /// The mode on disk as git keeps it: `0o100644`, `0o100755`, `0o120000` for a link, `0o040000`
    /// for a folder with a git directory of its own (which can never be recorded), 0 when deleted.
    pub mode: u32,
}

impl DiskChange {
    /// Whether it is now a link.
    pub fn is_link(&self) -> bool {
        self.mode == 0o120_000
    }
}

impl Worktree {
    /// What differs on disk from [`Self::tree`], in the order of paths. Untracked files that the
    /// ignore files or the usual by-products cover are left out.
    ///
    /// # Errors
    /// The index or a folder cannot be read.
    pub fn changes(&self) -> Result<Vec<DiskChange>, WorktreeError> {
        self.must_be_there()?;
        removal::tame(&self.root)?;
        // Compares contents where only times differ, so that what follows lists real changes only.
        let refresh = self.git("update-index").args(["-q", "--refresh"]);
        patiently(|| refresh.ask())?;
        let mut changes = self.changed_files()?;
        changes.extend(self.untracked_files()?);
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(changes)
    }

    fn changed_files(&self) -> Result<Vec<DiskChange>, WorktreeError> {
        let command = self.git("diff-files").args(["--raw", "-z", "--no-renames"]);
        let answer = command.run()?;
        let mut changes = Vec::new();
        // Pairs of `:<old mode> <mode> <old object> <object> <letter>` and the path.
        let mut fields = records(&answer);
        while let (Some(meta), Some(path)) = (fields.next(), fields.next()) {
            let meta = std::str::from_utf8(meta).map_err(|_| command.answer(meta))?;
            let mode = meta
                .split(' ')
                .nth(1)
                .and_then(|mode| u32::from_str_radix(mode, 8).ok());
            let mode = mode.ok_or_else(|| command.answer(meta.as_bytes()))?;
            let kind = if meta.ends_with('D') {
                ChangeKind::Deleted
            } else {
                ChangeKind::Modified
            };
            let mode = if kind == ChangeKind::Deleted { 0 } else { mode };
            changes.push(DiskChange {
                path: path_text(path),
                kind,
                mode,
            });
        }
        Ok(changes)
    }

    fn untracked_files(&self) -> Result<Vec<DiskChange>, WorktreeError> {
        let command = self
            .git("ls-files")
            .args(["-z", "--others", "--exclude-standard"]);
        let answer = command.run()?;
        let changes = records(&answer).map(|path| {
            let path = path.strip_suffix(b"/").unwrap_or(path);
            let meta = self
                .root
                .join(std::ffi::OsStr::from_bytes(path))
                .symlink_metadata();
            let mode = match meta {
                Ok(meta) if meta.is_symlink() => 0o120_000,
                Ok(meta) if meta.is_dir() => 0o040_000,
                Ok(meta) if meta.mode() & 0o100 != 0 => 0o100_755,
                _ => 0o100_644,
            };
            DiskChange {
                path: path_text(path),
                kind: ChangeKind::Untracked,
                mode,
            }
        });
        Ok(changes.collect())
    }

    /// The file `path` in [`Self::tree`] and as it is on disk, in the form that the gate judges.
    ///
    /// # Errors
    /// [`WorktreeError::NotAFile`] if either is a link.
    pub fn read_change(&self, path: &str) -> Result<FileChange, WorktreeError> {
        let not_a_file = || WorktreeError::NotAFile {
            path: path.to_owned(),
        };
        let (after, executable) = match self.on_disk(path)? {
            OnDisk::Nothing => (None, false),
            OnDisk::Link(_) => return Err(not_a_file()),
            OnDisk::File {
                content,
                executable,
            } => (Some(content), executable),
        };
        let entry = self
            .git("ls-files")
            .args(["-z", "--stage", "--", path])
            .run()?;
        let entry = records(&entry)
            .find(|record| record.splitn(2, |byte| *byte == b'\t').nth(1) == Some(path.as_bytes()));
        let before = match entry {
            None => None,
            Some(entry) if entry.starts_with(b"100") => {
                let object = entry.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
                Some(self.own.objects().blob(&path_text(object))?)
            }
            Some(_) => return Err(not_a_file()),
        };
        Ok(FileChange {
            path: path.to_owned(),
            before,
            after,
            executable,
        })
    }
}
