//! Removing what commands left behind, without following a link and whatever the permissions.

use std::fs::{self, Permissions};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{WorktreeError, at};

/// Removes the worktree at `root`. Does nothing if there is none.
///
/// # Errors
/// A file of another user is in the way, or the disk is read-only.
pub fn remove(root: &Path) -> Result<(), WorktreeError> {
    remove_entry(root)
}

/// Removes whatever is at `path`; a link itself, not what it leads to.
pub(super) fn remove_entry(path: &Path) -> Result<(), WorktreeError> {
    let outcome = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => remove_folder(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match outcome {
        Err(error) if is_absent(&error) => Ok(()),
        other => at(path, other),
    }
}

/// Something in the place of a parent folder means that there is nothing at the path either.
fn is_absent(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn remove_folder(path: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            open_up(path)?;
            fs::remove_dir_all(path)
        }
        other => other,
    }
}

/// Makes every folder beneath `path` one that its owner can change.
fn open_up(path: &Path) -> std::io::Result<()> {
    let mode = fs::symlink_metadata(path)?.permissions().mode();
    if mode & 0o700 != 0o700 {
        fs::set_permissions(path, Permissions::from_mode(mode | 0o700))?;
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

/// Makes the files beneath `root` safe to be looked at by git: folders can be entered, and no pipe,
/// socket or device is there (git would open a pipe named `.gitignore` and wait for ever; none of
/// them can be part of a tree).
pub(super) fn tame(root: &Path) -> Result<(), WorktreeError> {
    let entries = match fs::read_dir(root) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            at(root, open_up(root))?;
            at(root, fs::read_dir(root))?
        }
        other => at(root, other)?,
    };
    let mode = at(root, fs::symlink_metadata(root))?.permissions().mode();
    if mode & 0o700 != 0o700 {
        at(
            root,
            fs::set_permissions(root, Permissions::from_mode(mode | 0o700)),
        )?;
    }
    for entry in entries {
        let entry = at(root, entry)?;
        let kind = at(root, entry.file_type())?;
        if kind.is_dir() {
            tame(&entry.path())?;
        } else if !kind.is_file() && !kind.is_symlink() {
            remove_entry(&entry.path())?;
        }
    }
    Ok(())
}
