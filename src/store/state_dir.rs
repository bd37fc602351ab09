//! The state directory: where a repository's runs live on disk.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::error::StoreError;
use crate::failpoint;

/// The `.gitignore` before it is whole.
const UNFINISHED: &str = ".gitignore.new";

/// The places in a state directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateDir {
    /// The directory itself.
    pub root: PathBuf,
    /// The database.
    pub db: PathBuf,
    /// Files that runs leave behind.
    pub artifacts: PathBuf,
    /// Log files.
    pub logs: PathBuf,
    /// rgpt's own git directory.
    pub git: PathBuf,
    /// Lock files.
    pub locks: PathBuf,
}

impl StateDir {
    /// Names the places under `root` and makes what is missing, for the owner's eyes only.
    ///
    /// A directory that rgpt did not make keeps its mode, and gets a `.gitignore` only if it is
    /// empty: it may be anything that `--state-dir` was pointed at.
    ///
    /// # Errors
    /// If it cannot be made: not writable, or the disk is full.
    pub fn prepare(root: &Path) -> Result<Self, StoreError> {
        let dir = Self {
            root: root.to_owned(),
            db: root.join("rgpt.db"),
            artifacts: root.join("artifacts"),
            logs: root.join("logs"),
            git: root.join("git"),
            locks: root.join("locks"),
        };
        make(root)?;
        dir.keep_out_of_git()?;
        for folder in [&dir.artifacts, &dir.logs, &dir.locks] {
            make(folder)?;
        }
        Ok(dir)
    }

    fn keep_out_of_git(&self) -> Result<(), StoreError> {
        let read = |error| StoreError::io(&self.root, &error);
        for entry in fs::read_dir(&self.root).map_err(read)? {
            if entry.map_err(read)?.file_name() != UNFINISHED {
                return Ok(());
            }
        }
        // Made aside and renamed: after a kill in between, it is made again.
        let (new, path) = (self.root.join(UNFINISHED), self.root.join(".gitignore"));
        let written = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)
            .and_then(|mut file| file.write_all(b"*\n"));
        written.map_err(|error| StoreError::io(&new, &error))?;
        failpoint::hit("state.ignored");
        match fs::rename(&new, &path) {
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            renamed => renamed.map_err(|error| StoreError::io(&path, &error)),
        }
    }

    /// The path of an artifact's file as it stands on the record: relative to the folder of
    /// artifacts, so that it still leads there when the state directory is moved.
    pub fn artifact(&self, path: &Path) -> String {
        let path = path.strip_prefix(&self.artifacts).unwrap_or(path);
        path.display().to_string()
    }

    /// Why this may be a bad place for a database, if it may: on network and user-space file
    /// systems locks and syncs often do less than they promise.
    pub fn warning(&self) -> Option<String> {
        let kind = doubtful_file_system(&self.root)?;
        Some(format!(
            "{} is on {kind}, where a kill or a second process can damage the record; \
             choose a local disk with `--state-dir DIR`",
            self.root.display()
        ))
    }

    /// The newest backup beside the database.
    pub fn newest_backup(&self) -> Option<PathBuf> {
        let mut backups: Vec<_> = fs::read_dir(&self.root)
            .ok()?
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let name = entry.file_name().into_string().ok()?;
                let is_backup = name.starts_with("rgpt.db.") && name.ends_with(".bak");
                let modified = entry.metadata().ok()?.modified().ok()?;
                is_backup.then(|| (modified, entry.path()))
            })
            .collect();
        backups.sort();
        backups.pop().map(|(_, path)| path)
    }
}

fn make(path: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| StoreError::io(path, &error))
}

/// Magic numbers from statfs(2).
#[cfg(target_os = "linux")]
fn doubtful_file_system(path: &Path) -> Option<&'static str> {
    const DOUBTFUL: [(u64, &str); 9] = [
        (0x6969, "NFS"),
        (0x517b, "SMB"),
        (0xff53_4d42, "CIFS"),
        (0xfe53_4d42, "SMB"),
        (0x0102_1997, "9p"),
        (0x6573_5546, "FUSE"),
        (0x5346_414f, "AFS"),
        (0x00c3_6400, "Ceph"),
        (0x786f_4256, "a shared folder of a virtual machine"),
    ];
    let magic = rustix::fs::statfs(path).ok()?.f_type as u64 & 0xffff_ffff;
    DOUBTFUL
        .into_iter()
        .find(|(number, _)| *number == magic)
        .map(|(_, name)| name)
}

#[cfg(not(target_os = "linux"))]
fn doubtful_file_system(_path: &Path) -> Option<&'static str> {
    None
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_is_made_for_the_owner_only_and_ignored_by_git() {
        let temp = tempfile::tempdir().expect("temp dir");
        let root = temp.path().join("a b/.rgpt");
        let dir = StateDir::prepare(&root).expect("prepares");
        let mode = fs::metadata(&root).expect("is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert_eq!(
            fs::read_to_string(root.join(".gitignore")).expect("is there"),
            "*\n"
        );
        assert_eq!(StateDir::prepare(&root), Ok(dir), "twice is once");
    }

    #[test]
    fn a_folder_with_other_things_in_it_gets_no_gitignore() {
        let temp = tempfile::tempdir().expect("temp dir");
        fs::write(temp.path().join("theirs"), "x").expect("writes");
        StateDir::prepare(temp.path()).expect("prepares");
        assert!(!temp.path().join(".gitignore").exists());
    }

    #[test]
    fn a_file_in_the_way_is_an_error_that_names_it() {
        let temp = tempfile::tempdir().expect("temp dir");
        let root = temp.path().join("file");
        fs::write(&root, "x").expect("writes");
        let error = StateDir::prepare(&root).expect_err("refused");
        assert!(error.to_string().contains("file"), "{error}");
    }

    #[test]
    fn the_system_s_errors_are_told_apart() {
        let of = |kind| StoreError::io(Path::new("x"), &io::Error::from(kind));
        assert!(matches!(
            of(io::ErrorKind::ReadOnlyFilesystem),
            StoreError::ReadOnly { .. }
        ));
        assert!(matches!(
            of(io::ErrorKind::PermissionDenied),
            StoreError::ReadOnly { .. }
        ));
        assert_eq!(of(io::ErrorKind::StorageFull), StoreError::DiskFull);
    }
}
