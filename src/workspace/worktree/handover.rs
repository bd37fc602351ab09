//! Handing the build output of a finished run on to the next one, so that dependencies stay built.
//!
//! A folder of output has one owner at any time: it moves by `rename`, which only one process can
//! win. Only cargo's `target` is moved, since cargo notices when the sources are other ones.

use std::path::{Path, PathBuf};

use super::{WorktreeError, at, is_real_directory, removal};

const OUTPUT: &str = "target";
const WAITING: &str = "target-";
const DISCARDED: &str = "discarded-";

/// Moves the build output of the worktree `from` into `cache_dir`, in the place of older output.
/// Gives whether there was any to move.
///
/// # Errors
/// `cache_dir` cannot be written.
pub fn hand_on(from: &Path, cache_dir: &Path) -> Result<bool, WorktreeError> {
    let output = from.join(OUTPUT);
    if !is_cargo_output(&output) {
        return Ok(false);
    }
    at(cache_dir, std::fs::create_dir_all(cache_dir))?;
    let digest = blake3::hash(from.as_os_str().as_encoded_bytes()).to_hex();
    let slot = cache_dir.join(format!("{WAITING}{}", &digest[..16]));
    if slot.exists() {
        discard(&slot)?;
    }
    // Fails between two file systems: then there is no cheap way to hand anything on.
    if std::fs::rename(&output, &slot).is_err() {
        return Ok(false);
    }
    for folder in named(cache_dir, WAITING)? {
        if folder != slot {
            discard(&folder)?;
        }
    }
    for left_by_a_kill in named(cache_dir, DISCARDED)? {
        removal::remove_entry(&left_by_a_kill)?;
    }
    Ok(true)
}

/// Moves build output that waits in `cache_dir` into the worktree `into`, unless that has its own.
/// Gives whether there was any.
///
/// # Errors
/// `cache_dir` cannot be read.
pub fn take_over(cache_dir: &Path, into: &Path) -> Result<bool, WorktreeError> {
    let output = into.join(OUTPUT);
    if output.symlink_metadata().is_ok() || !is_real_directory(into) {
        return Ok(false);
    }
    // A folder that another process takes first is gone when this one tries.
    Ok(named(cache_dir, WAITING)?
        .iter()
        .any(|folder| std::fs::rename(folder, &output).is_ok()))
}

/// Removes the build output that waits in `cache_dir`.
///
/// # Errors
/// `cache_dir` cannot be written.
pub fn discard_waiting(cache_dir: &Path) -> Result<(), WorktreeError> {
    for folder in named(cache_dir, WAITING)? {
        discard(&folder)?;
    }
    for left_by_a_kill in named(cache_dir, DISCARDED)? {
        removal::remove_entry(&left_by_a_kill)?;
    }
    Ok(())
}

fn is_cargo_output(folder: &Path) -> bool {
    let tag = folder.join("CACHEDIR.TAG").symlink_metadata();
    is_real_directory(folder) && tag.is_ok_and(|meta| meta.is_file())
}

fn named(cache_dir: &Path, prefix: &str) -> Result<Vec<PathBuf>, WorktreeError> {
    let entries = match std::fs::read_dir(cache_dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => at(cache_dir, other)?,
    };
    let ours = entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path());
    Ok(ours.filter(|path| is_real_directory(path)).collect())
}

/// Out of everyone's reach first, so that nobody takes half a folder.
fn discard(folder: &Path) -> Result<(), WorktreeError> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let discarded = folder.with_file_name(format!("{DISCARDED}{name}"));
    removal::remove_entry(&discarded)?;
    match std::fs::rename(folder, &discarded) {
        Ok(()) => removal::remove_entry(&discarded),
        Err(_) => Ok(()),
    }
}
