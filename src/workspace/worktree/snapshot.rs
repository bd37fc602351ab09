//! From files on disk to a tree: exactly the named paths, as the bytes they are.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::OFlags;

use super::{Worktree, WorktreeError, at, is_real_directory};
use crate::domain::TreeId;
use crate::workspace::own::patiently;

/// What is on disk at a path.
pub(super) enum OnDisk {
    /// No file: nothing, a folder, or a path that leads through a link.
    Nothing,
    /// A link, and where it leads.
    Link(Vec<u8>),
    /// A regular file.
    File {
        /// Its bytes.
        content: Vec<u8>,
        /// Whether its owner may execute it.
        executable: bool,
    },
}

impl Worktree {
    /// Records `paths` as they are on disk (added, changed or deleted) on top of [`Self::tree`],
    /// and gives the tree.
    ///
    /// # Errors
    /// A path is not one that git lets into a tree, or a file cannot be read.
    pub fn snapshot(&self, paths: &[String]) -> Result<TreeId, WorktreeError> {
        self.must_be_there()?;
        let mut staging = self.index.clone().into_os_string();
        staging.push(".staging");
        let staging = PathBuf::from(staging);
        super::removal::remove_entry(&staging)?;
        at(&staging, std::fs::create_dir_all(&staging))?;
        let outcome = self.stage(paths, &staging);
        super::removal::remove_entry(&staging)?;
        outcome?;
        crate::failpoint::hit("worktree.staged");
        self.tree()
    }

    /// The bytes are copied into files of our own before git hashes them, so that git opens no path
    /// that a command could have laid.
    fn stage(&self, paths: &[String], staging: &Path) -> Result<(), WorktreeError> {
        let mut copies = String::new();
        let mut modes = Vec::new();
        for (number, path) in paths.iter().enumerate() {
            let (mode, content) = match self.on_disk(path)? {
                OnDisk::Nothing => (None, Vec::new()),
                OnDisk::Link(target) => (Some("120000"), target),
                OnDisk::File {
                    content,
                    executable: true,
                } => (Some("100755"), content),
                OnDisk::File {
                    content,
                    executable: false,
                } => (Some("100644"), content),
            };
            if mode.is_some() {
                let copy = staging.join(number.to_string());
                at(&copy, std::fs::write(&copy, content))?;
                copies.push_str(&format!("{number}\n"));
            }
            modes.push(mode);
        }
        let hash = self.own.git("hash-object").directory(staging);
        let hash = hash
            .args(["-w", "--no-filters", "--stdin-paths"])
            .input(copies);
        let hashes = hash.run()?;
        let hashes = String::from_utf8_lossy(&hashes);
        let mut hashes = hashes.lines();
        let zero = self.own.object_format().zero();
        let mut entries = Vec::new();
        for (path, mode) in paths.iter().zip(modes) {
            let line = match mode {
                None => format!("0 {zero}\t{path}\0"),
                Some(mode) => match hashes.next() {
                    Some(object) => format!("{mode} {object}\t{path}\0"),
                    None => return Err(hash.answer(b"too few object ids").into()),
                },
            };
            entries.extend_from_slice(line.as_bytes());
        }
        let update = self
            .git("update-index")
            .args(["-z", "--index-info"])
            .input(entries);
        // git leaves such a path out and calls that a success.
        let words = patiently(|| update.complaints())?;
        if words.contains("Ignoring path") {
            Err(WorktreeError::Refused { words })
        } else {
            Ok(())
        }
    }

    /// What is at `path`, without following any link on the way.
    pub(super) fn on_disk(&self, path: &str) -> Result<OnDisk, WorktreeError> {
        let path = Path::new(path);
        if !self.leads_through_folders(path) {
            return Ok(OnDisk::Nothing);
        }
        let path = self.root.join(path);
        let Ok(meta) = std::fs::symlink_metadata(&path) else {
            return Ok(OnDisk::Nothing);
        };
        if meta.is_symlink() {
            let target = at(&path, std::fs::read_link(&path))?;
            return Ok(OnDisk::Link(OsStr::as_bytes(target.as_os_str()).to_vec()));
        }
        if !meta.is_file() {
            return Ok(OnDisk::Nothing);
        }
        Ok(OnDisk::File {
            content: read_file(&path)?,
            executable: meta.mode() & 0o100 != 0,
        })
    }

    /// Whether every parent of `path` is a folder of the worktree itself.
    fn leads_through_folders(&self, path: &Path) -> bool {
        let plain = path
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        let mut folder: PathBuf = self.root.clone();
        plain
            && path
                .parent()
                .into_iter()
                .flat_map(Path::components)
                .all(|part| {
                    folder.push(part);
                    is_real_directory(&folder)
                })
    }
}

/// Reads a regular file; should it have become a link or a pipe meanwhile, that is an error.
fn read_file(path: &Path) -> Result<Vec<u8>, WorktreeError> {
    use std::io::Read;

    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let mut file = at(
        path,
        std::fs::OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(path),
    )?;
    let mut content = Vec::new();
    at(path, file.read_to_end(&mut content))?;
    Ok(content)
}
