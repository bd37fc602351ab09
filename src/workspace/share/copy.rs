//! Copying a folder: contents, modes and times; links so that they lead to the same place.

use std::cell::Cell;
use std::fs::{self, DirEntry, File, FileTimes, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::OFlags;

use super::{ShareError, at, python, shown};

/// One folder being looked through, and copied if it has somewhere to go.
pub(super) struct Copying<'a> {
    /// The top of the user's repository.
    top: &'a Path,
    /// Whether files may share their bytes on disk, as far as is known.
    reflinks: Cell<bool>,
}

impl<'a> Copying<'a> {
    pub(super) fn of(top: &'a Path) -> Self {
        Self {
            top,
            reflinks: Cell::new(cfg!(target_os = "linux")),
        }
    }

    /// Looks for what must not be copied in the folder `path` of the repository.
    pub(super) fn examine(&self, path: &Path) -> Result<(), ShareError> {
        self.folder(path, None)
    }

    /// Copies the folder `path` of the repository to `to`, which is not there yet.
    pub(super) fn copy(&self, path: &Path, to: &Path) -> Result<(), ShareError> {
        self.folder(path, Some(to))
    }

    fn folder(&self, path: &Path, to: Option<&Path>) -> Result<(), ShareError> {
        let from = self.top.join(path);
        let meta = at(&from, fs::symlink_metadata(&from))?;
        if let Some(to) = to {
            at(to, fs::create_dir(to))?;
        }
        for entry in at(&from, fs::read_dir(&from))? {
            let entry = at(&from, entry)?;
            let name = entry.file_name();
            let to = to.map(|to| to.join(&name));
            self.entry(&entry, &path.join(&name), to.as_deref())?;
        }
        // Last, since filling a folder changes its times. Its owner keeps the right to remove it.
        if let Some(to) = to {
            let mode = meta.permissions().mode() & 0o777 | 0o700;
            at(to, fs::set_permissions(to, Permissions::from_mode(mode)))?;
            at(
                to,
                File::open(to).and_then(|folder| folder.set_times(times(&meta)?)),
            )?;
        }
        Ok(())
    }

    fn entry(&self, entry: &DirEntry, path: &Path, to: Option<&Path>) -> Result<(), ShareError> {
        let from = entry.path();
        let kind = at(&from, entry.file_type())?;
        if kind.is_dir() {
            return self.folder(path, to);
        }
        if kind.is_symlink() {
            let target = self.target(path, &at(&from, fs::read_link(&from))?)?;
            return to.map_or(Ok(()), |to| at(to, std::os::unix::fs::symlink(target, to)));
        }
        // A pipe, a socket or a device is of no use to anyone else.
        if !kind.is_file() {
            return Ok(());
        }
        if let Some(target) = python::imports_from(&from, self.top) {
            return Err(ShareError::Editable {
                file: shown(path),
                target,
            });
        }
        to.map_or(Ok(()), |to| at(&from, self.file(&from, to)))
    }

    fn file(&self, from: &Path, to: &Path) -> io::Result<()> {
        // Neither follows a link that has taken the file's place meanwhile, nor waits for a pipe.
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
        let mut source = OpenOptions::new()
            .read(true)
            .custom_flags(i32::try_from(flags).unwrap_or(0))
            .open(from)?;
        let meta = source.metadata()?;
        let mut copy = OpenOptions::new().write(true).create_new(true).open(to)?;
        if !self.reflinked(&source, &copy) {
            io::copy(&mut source, &mut copy)?;
        }
        let mode = meta.permissions().mode() & 0o777;
        copy.set_permissions(Permissions::from_mode(mode))?;
        copy.set_times(times(&meta)?)
    }

    /// Lets `copy` share the bytes of `source` until either is changed; `false` where that is not
    /// possible.
    #[cfg(target_os = "linux")]
    fn reflinked(&self, source: &File, copy: &File) -> bool {
        // The first refusal is that of the file systems, and of no use to ask for again.
        let reflinked = self.reflinks.get() && rustix::fs::ioctl_ficlone(copy, source).is_ok();
        self.reflinks.set(reflinked);
        reflinked
    }

    #[cfg(not(target_os = "linux"))]
    fn reflinked(&self, _source: &File, _copy: &File) -> bool {
        false
    }

    /// What the copy of the link at `path` holds. A link within the repository leads to the same
    /// place in the worktree; one that names a place outside of it by its full path, as an
    /// environment names its interpreter, stays as it is if a file is there. By a link to a folder a
    /// run would reach whatever is in it.
    fn target(&self, path: &Path, target: &Path) -> Result<PathBuf, ShareError> {
        let holder = path.parent().unwrap_or(Path::new(""));
        if target.is_relative() {
            return match plain(&holder.join(target)) {
                Some(_) => Ok(target.to_owned()),
                None => Err(ShareError::Escapes {
                    link: shown(path),
                    target: shown(target),
                }),
            };
        }
        let meant = target.canonicalize();
        let meant = meant.as_deref().unwrap_or(target);
        let within = [target, meant]
            .into_iter()
            .find_map(|place| plain(place.strip_prefix(self.top).ok()?));
        match within {
            Some(place) => Ok(relative(holder, &place)),
            None if meant.is_file() => Ok(target.to_owned()),
            None => Err(ShareError::NoFile {
                link: shown(path),
                target: shown(target),
            }),
        }
    }
}

fn times(meta: &Metadata) -> io::Result<FileTimes> {
    let times = FileTimes::new().set_modified(meta.modified()?);
    Ok(times.set_accessed(meta.accessed()?))
}

/// A path without `.` and `..`; `None` if it climbs out of where it begins.
fn plain(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => plain.push(name),
            Component::CurDir => {}
            Component::ParentDir if plain.pop() => {}
            _ => return None,
        }
    }
    Some(plain)
}

/// How `to` is reached from the folder `from`, both beneath the same top.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let common = from.components().zip(to.components());
    let common = common.take_while(|(a, b)| a == b).count();
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    let path: PathBuf = up.chain(to.components().skip(common)).collect();
    match path.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => path,
    }
}
