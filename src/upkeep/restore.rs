//! Putting an archive in the place of a state directory: as a whole, or not at all.
//!
//! The new state is made beside the old one, and then the two swap their names in one step. So the
//! folder in which it is made has the name that the old state gets; a file in it says as long as
//! it is not done.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::archive::{Archive, Manifest};
use super::error::at;
use super::{UpkeepError, files};
use crate::failpoint;
use crate::store::{Alone, StateDir, Store, StoreError, copied, driven_runs, wait_for_turn};

/// Stands in a state directory that is being made.
const UNFINISHED: &str = ".restoring";

/// What the name of a replaced state directory goes on with.
const ASIDE: &str = ".before-restore-";

/// An archive that was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What it held.
    pub manifest: Manifest,
    /// The state directory.
    pub path: PathBuf,
    /// Where the state directory is that was there before.
    pub moved: Option<PathBuf>,
}

/// Restores the archive `from` as the state directory `root`. With `force` it takes the place of
/// the one that is there, which is kept beside it.
///
/// # Errors
/// If the archive is damaged, newer than this rgpt or holds what none may hold; if something is in
/// the way; if another process has the record open. Then `root` is as it was.
pub fn restore(
    from: &Path,
    root: &Path,
    force: bool,
    now: Timestamp,
) -> Result<Restored, UpkeepError> {
    let mut archive = Archive::open(from)?;
    if archive.manifest().schema > Store::latest_schema() {
        return Err(UpkeepError::Newer {
            path: from.to_owned(),
            what: format!("schema {}", archive.manifest().schema),
        });
    }
    let root = match root.canonicalize() {
        Ok(resolved) => resolved,
        Err(_) => at(root, std::path::absolute(root))?,
    };
    let replaces = is_in_the_way(&root, force)?;
    let parent = root.parent().unwrap_or(Path::new("/"));
    at(parent, fs::create_dir_all(parent))?;
    sweep(&root);
    let needed = archive.manifest().size();
    let space = at(parent, rustix::fs::statvfs(parent).map_err(io::Error::from))?;
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    if needed > free {
        return Err(UpkeepError::NoSpace {
            path: parent.to_owned(),
            needed,
            free,
        });
    }
    let aside = free_name(&root, now);
    let made =
        make(&mut archive, from, &aside).and_then(|()| put_in_place(&aside, &root, replaces));
    if let Err(error) = made {
        // What stays is marked, and swept by the next restore.
        drop(files::remove(&aside));
        return Err(error);
    }
    Ok(Restored {
        manifest: archive.manifest().clone(),
        path: root,
        moved: replaces.then_some(aside),
    })
}

/// Whether there is a state directory to be replaced.
fn is_in_the_way(root: &Path, force: bool) -> Result<bool, UpkeepError> {
    let occupied = || UpkeepError::Occupied {
        path: root.to_owned(),
    };
    let mut entries = match fs::read_dir(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Err(occupied()),
        other => at(root, other)?,
    };
    if entries.next().is_none() {
        return Ok(false);
    }
    let is_state = root.join("rgpt.db").is_file() || root.join("locks").is_dir();
    match force && is_state {
        true => Ok(true),
        false => Err(occupied()),
    }
}

/// Makes the state directory at `aside`, marked as unfinished.
fn make(archive: &mut Archive, from: &Path, aside: &Path) -> Result<(), UpkeepError> {
    at(aside, DirBuilder::new().mode(0o700).create(aside))?;
    for (name, text) in [(UNFINISHED, ""), (".gitignore", "*\n")] {
        let path = aside.join(name);
        let written = File::create_new(&path).and_then(|mut file| file.write_all(text.as_bytes()));
        at(&path, written)?;
    }
    failpoint::hit("restore.begun");
    archive.extract(aside)?;
    if aside.join("git").is_dir() {
        // git needs these, even if they are empty.
        for folder in ["git/objects/pack", "git/objects/info", "git/refs"] {
            let path = aside.join(folder);
            at(&path, fs::create_dir_all(&path))?;
        }
    }
    let wrong = |reason: &str| UpkeepError::Archive {
        path: from.to_owned(),
        reason: reason.to_owned(),
    };
    let found = copied(&aside.join("rgpt.db")).map_err(|error| wrong(&error.to_string()))?;
    let manifest = archive.manifest();
    if (found.schema, &found.runs, found.events)
        != (manifest.schema, &manifest.runs, manifest.events)
    {
        return Err(wrong(
            "its database is not the one that its manifest tells of",
        ));
    }
    StateDir::prepare(aside)?;
    files::sync_all(aside)?;
    failpoint::hit("restore.made");
    Ok(())
}

/// Gives the finished state directory at `aside` the name `root`.
fn put_in_place(aside: &Path, root: &Path, replaces: bool) -> Result<(), UpkeepError> {
    if replaces {
        let _turn = hold(root)?;
        // One that an earlier restore left would make this one look unfinished.
        files::remove(&root.join(UNFINISHED))?;
        match renameat_with(CWD, aside, CWD, root, RenameFlags::EXCHANGE) {
            Err(Errno::INVAL | Errno::NOSYS) => {
                return Err(UpkeepError::NoSwap {
                    path: root.to_owned(),
                });
            }
            other => at(root, other.map_err(io::Error::from))?,
        }
        failpoint::hit("restore.swapped");
    } else {
        at(root, fs::rename(aside, root))?;
        failpoint::hit("restore.named");
    }
    files::sync_parent(root)?;
    // From here on there is nothing to take back.
    drop(files::remove(&root.join(UNFINISHED)));
    Ok(())
}

/// Keeps everyone from opening the record in `root`, which nobody may have open now.
fn hold(root: &Path) -> Result<File, UpkeepError> {
    let dir = StateDir::prepare(root)?;
    let busy = || UpkeepError::Busy {
        path: root.to_owned(),
    };
    if !driven_runs(&dir)?.is_empty() {
        return Err(busy());
    }
    if !dir.db.is_file() {
        return Ok(wait_for_turn(&dir)?);
    }
    match Alone::with(&dir) {
        Ok(Some(alone)) => Ok(alone.close()),
        Ok(None) => Err(busy()),
        // A damaged one is what archives are for.
        Err(StoreError::Corrupt { .. }) => Ok(wait_for_turn(&dir)?),
        Err(error) => Err(error.into()),
    }
}

/// Removes what restores that were killed left beside `root`.
fn sweep(root: &Path) {
    let (Some(parent), Some(name)) = (root.parent(), root.file_name()) else {
        return;
    };
    let prefix = format!("{}{ASIDE}", name.to_string_lossy());
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(&prefix);
        if ours && entry.path().join(UNFINISHED).is_file() {
            // One that stays only takes space.
            drop(files::remove(&entry.path()));
        }
    }
}

/// A name beside `root` that is not taken yet.
fn free_name(root: &Path, now: Timestamp) -> PathBuf {
    let first = files::beside(root, &format!("{ASIDE}{}", now.strftime("%Y%m%dT%H%M%SZ")));
    let mut names = (2..).map(|number: u32| files::beside(&first, &format!("-{number}")));
    std::iter::once(first.clone())
        .chain(names.by_ref())
        .find(|path| path.symlink_metadata().is_err())
        .unwrap_or(first.clone())
}
