//! Folders as a whole: what is in one, how much it takes, making it last.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::UpkeepError;
use super::error::at;

/// The regular files beneath `folder`, by their paths from it, ordered; none if it is not there.
/// Links are not followed, and files that go away meanwhile are left out.
pub(super) fn beneath(folder: &Path) -> Result<Vec<PathBuf>, UpkeepError> {
    let mut found = Vec::new();
    let mut waiting = vec![PathBuf::new()];
    while let Some(inner) = waiting.pop() {
        let path = folder.join(&inner);
        let entries = match fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => at(&path, other)?,
        };
        for entry in entries {
            let entry = at(&path, entry)?;
            let inner = inner.join(entry.file_name());
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => waiting.push(inner),
                Ok(kind) if kind.is_file() => found.push(inner),
                _ => {}
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The bytes of all files at or beneath `path`; 0 if there is nothing.
pub(super) fn size(path: &Path) -> u64 {
    let Ok(meta) = fs::symlink_metadata(path) else {
        return 0;
    };
    if !meta.is_dir() {
        return meta.len();
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| size(&entry.path())).sum()
}

/// Removes a file or a folder, if it is there.
pub(super) fn remove(path: &Path) -> Result<(), UpkeepError> {
    let removed = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => at(path, other),
    }
}

/// Renames a file to a name that nothing has.
pub(super) fn rename_to_new(from: &Path, to: &Path) -> Result<(), UpkeepError> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        Err(Errno::EXIST) => Err(UpkeepError::Exists {
            path: to.to_owned(),
        }),
        // A file system that cannot look and rename in one step; somebody has looked before.
        Err(Errno::INVAL | Errno::NOSYS) => at(to, fs::rename(from, to)),
        Err(error) => at(to, Err(error.into())),
    }
}

/// Makes the entries of the folder that holds `path` durable.
pub(super) fn sync_parent(path: &Path) -> Result<(), UpkeepError> {
    let folder = path.parent().filter(|path| !path.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    at(
        folder,
        File::open(folder).and_then(|folder| folder.sync_all()),
    )
}

/// Makes everything beneath `folder` durable.
pub(super) fn sync_all(folder: &Path) -> Result<(), UpkeepError> {
    #[cfg(target_os = "linux")]
    {
        let opened = at(folder, File::open(folder))?;
        at(folder, rustix::fs::syncfs(&opened).map_err(io::Error::from))
    }
    #[cfg(not(target_os = "linux"))]
    {
        for file in beneath(folder)? {
            let path = folder.join(file);
            at(&path, File::open(&path).and_then(|file| file.sync_all()))?;
        }
        Ok(())
    }
}

/// `path` with `suffix` behind its last part.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
