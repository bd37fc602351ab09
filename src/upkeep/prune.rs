//! Forgetting runs: an archive of them first, then the record in one transaction, then their files.
//!
//! The record keeps the numbers of pruned runs, so files that a kill leaves behind are found by
//! them and go the next time. What several runs share (the log, rgpt's git directory, the
//! database's free space) is only touched while no other process has the record open.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use super::backup::{backup_of, free_name, run_of};
use super::error::at;
use super::{Backup, Plan, UpkeepError, files, logs};
use crate::domain::RunId;
use crate::failpoint;
use crate::store::{Alone, Forgotten, StateDir, Store, driven_runs};
use crate::workspace::own::OwnGit;
use crate::workspace::worktree;

/// Where the runs go before they are forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ArchiveTo {
    /// Into the state directory's `archive/`, under a name of its own.
    #[default]
    StateDir,
    /// To this file.
    File(PathBuf),
    /// Nowhere.
    Nowhere,
}

/// The places outside the state directory where runs leave something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caches {
    /// The folder for caches.
    pub home: PathBuf,
    /// The names under which this record has something there.
    pub records: Vec<String>,
    /// Whether worktrees of all runs that nobody drives and build output go, too.
    pub clear: bool,
}

/// Bytes on disk, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sizes {
    /// The database.
    pub database: u64,
    /// Files that runs left.
    pub artifacts: u64,
    /// The log.
    pub logs: u64,
    /// rgpt's own git directory.
    pub git: u64,
    /// Worktrees and build output.
    pub caches: u64,
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct Pruned {
    /// The archive of the forgotten runs, if one was written.
    pub archive: Option<Backup>,
    /// What is no longer on the record.
    pub forgotten: Forgotten,
    /// What was there before.
    pub before: Sizes,
    /// What is there now.
    pub after: Sizes,
    /// What could not be done now, one line each.
    pub notes: Vec<String>,
}

/// Measures what a record takes.
pub fn sizes(dir: &StateDir, caches: &Caches) -> Sizes {
    let database = ["", "-wal", "-shm"].map(|suffix| files::size(&files::beside(&dir.db, suffix)));
    let cached = |record: &String| files::size(&caches.home.join("rgpt").join(record));
    Sizes {
        database: database.iter().sum(),
        artifacts: files::size(&dir.artifacts),
        logs: files::size(&dir.logs),
        git: files::size(&dir.git),
        caches: caches.records.iter().map(cached).sum(),
    }
}

/// Forgets the runs of `plan`, and whatever earlier prunings left behind. Closes the record.
///
/// # Errors
/// If the archive or the record cannot be written; then nothing is forgotten.
pub fn prune(
    store: Store,
    plan: &Plan,
    archive: &ArchiveTo,
    caches: &Caches,
    now: Timestamp,
) -> Result<Pruned, UpkeepError> {
    let dir = store.dir().clone();
    let before = sizes(&dir, caches);
    let doomed = store.doomed(&plan.runs)?;
    let archive = match plan.runs.is_empty() {
        true => None,
        false => write_archive(&store, &plan.runs, archive, now)?,
    };
    let path = archive
        .as_ref()
        .map(|backup| backup.path.display().to_string());
    let forgotten = store.prune(&doomed, path.as_deref())?;
    failpoint::hit("prune.recorded");
    let driven = driven_runs(&dir)?;
    drop(store);
    let mut notes = Vec::new();
    if forgotten.runs.len() < plan.runs.len() {
        notes.push("a run went on or was forked meanwhile, and stays".to_owned());
    }
    match Alone::with(&dir)? {
        None => notes.push(
            "another process has the record open, so files, log lines, git objects and free space \
             stay until the next `rgpt db prune`"
                .to_owned(),
        ),
        Some(alone) => {
            let pruned = alone.pruned()?;
            for problem in sweep(&dir, caches, &alone, &pruned, &driven) {
                notes.push(problem.to_string());
            }
        }
    }
    let after = sizes(&dir, caches);
    Ok(Pruned {
        archive,
        forgotten,
        before,
        after,
        notes,
    })
}

fn write_archive(
    store: &Store,
    runs: &[RunId],
    archive: &ArchiveTo,
    now: Timestamp,
) -> Result<Option<Backup>, UpkeepError> {
    let to = match archive {
        ArchiveTo::Nowhere => return Ok(None),
        ArchiveTo::File(path) => at(path, std::path::absolute(path))?,
        ArchiveTo::StateDir => free_name(&store.dir().root.join("archive"), now)?,
    };
    let runs = runs.iter().copied().collect();
    backup_of(store, &to, &runs, now).map(Some)
}

/// Removes what pruned runs left outside of the database. What goes wrong with one kind does not
/// keep the others.
fn sweep(
    dir: &StateDir,
    caches: &Caches,
    alone: &Alone,
    pruned: &BTreeSet<RunId>,
    driven: &BTreeSet<RunId>,
) -> Vec<UpkeepError> {
    let swept = [
        remove_artifacts(&dir.artifacts, pruned),
        remove_caches(caches, pruned, driven),
        logs::remove_lines_of(&dir.logs, pruned),
        thin_git(dir, alone, pruned),
        alone.vacuum().map_err(UpkeepError::from),
    ];
    failpoint::hit("prune.swept");
    swept.into_iter().filter_map(Result::err).collect()
}

fn remove_artifacts(folder: &Path, pruned: &BTreeSet<RunId>) -> Result<(), UpkeepError> {
    for entry in at(folder, fs::read_dir(folder))?.flatten() {
        let run = entry.file_name().to_str().and_then(run_of);
        if run.is_some_and(|run| pruned.contains(&run)) {
            files::remove(&entry.path())?;
            failpoint::hit("prune.artifacts");
        }
    }
    Ok(())
}

fn remove_caches(
    caches: &Caches,
    pruned: &BTreeSet<RunId>,
    driven: &BTreeSet<RunId>,
) -> Result<(), UpkeepError> {
    let failed = |error: worktree::WorktreeError| UpkeepError::Io {
        path: caches.home.clone(),
        source: io::Error::other(error),
    };
    for record in &caches.records {
        let found = at(&caches.home, worktree::of_record(&caches.home, record))?;
        for (run, path) in found {
            match run {
                Some(run) if pruned.contains(&run) || (caches.clear && !driven.contains(&run)) => {
                    worktree::remove(&path).map_err(failed)?;
                }
                None if caches.clear => {
                    for place in at(&path, fs::read_dir(&path))?.flatten() {
                        worktree::discard_waiting(&place.path()).map_err(failed)?;
                    }
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Removes the refs of pruned runs from rgpt's git directory, and what nothing leads to any more.
fn thin_git(dir: &StateDir, alone: &Alone, pruned: &BTreeSet<RunId>) -> Result<(), UpkeepError> {
    let Some(own) = OwnGit::existing(&dir.root)? else {
        return Ok(());
    };
    let names = alone.object_names()?;
    let is_left = |name: &str| {
        let last = name.rsplit('/').next().unwrap_or_default();
        match name.strip_prefix("refs/rgpt/") {
            Some(rest) if rest.starts_with("base/") => names.contains(last),
            Some(rest) if rest.starts_with("run/") => {
                !last.parse().is_ok_and(|run| pruned.contains(&RunId(run)))
            }
            // Whoever made it knows what for.
            _ => true,
        }
    };
    own.keep_only(&names, &is_left)?;
    let indexes = dir.git.join("rgpt");
    for entry in fs::read_dir(&indexes).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let run = name.strip_prefix("run-").and_then(|rest| {
            let digits = rest.find(|c: char| !c.is_ascii_digit());
            rest[..digits.unwrap_or(rest.len())].parse().ok().map(RunId)
        });
        if run.is_some_and(|run| pruned.contains(&run)) {
            files::remove(&entry.path())?;
        }
    }
    Ok(())
}
