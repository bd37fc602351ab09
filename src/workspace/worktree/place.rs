//! Where worktrees are: outside of every repository, so that no tool walks up into one.

use std::path::{Path, PathBuf};

use crate::domain::{Digest, RunId};

/// What a worktree is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The builder works in it.
    Build,
    /// The final checks run in it.
    Check,
    /// The checks run in it on the tree that the run started from.
    Base,
    /// The checks run in it on one of several patches.
    FirstLane,
    /// The same, side by side with the first.
    SecondLane,
}

/// Why there is no place for worktrees.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The cache folder is in a repository.
    #[error(
        "worktrees must be outside of every repository, but {} is in the one at {}",
        cache.display(),
        repository.display()
    )]
    InsideRepository {
        /// The cache folder.
        cache: PathBuf,
        /// The folder with the `.git`.
        repository: PathBuf,
    },
    /// The cache folder is not known in full.
    #[error("the cache folder {} is not an absolute path", cache.display())]
    Relative {
        /// The cache folder.
        cache: PathBuf,
    },
}

impl PlaceError {
    /// What to do or type next.
    pub fn hint(&self) -> String {
        "name a folder outside of it: `export XDG_CACHE_HOME=/var/tmp/$USER`".to_owned()
    }
}

/// A name for a repository and a record together, for [`place`]: two records of one repository
/// each have their own run 1.
pub fn record_id(repository: &str, state: &Path) -> String {
    let names = format!("{repository}\0{}", state.display());
    Digest::of(names.as_bytes()).0[..16].to_owned()
}

/// Everything in `cache_home` that belongs to a record, and the run that each folder is of; those
/// of no run are shared by all.
///
/// # Errors
/// The folder cannot be read.
pub fn of_record(
    cache_home: &Path,
    record: &str,
) -> std::io::Result<Vec<(Option<RunId>, PathBuf)>> {
    let entries = match std::fs::read_dir(resolved(cache_home).join("rgpt").join(record)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let found = entries.flatten().map(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        (run_of(&name), entry.path())
    });
    Ok(found.collect())
}

/// The run whose folder has this name.
fn run_of(name: &str) -> Option<RunId> {
    let number = name.strip_prefix("run-")?;
    let suffix = ["-check", "-base", "-lane-1", "-lane-2", ".tmp"]
        .into_iter()
        .find_map(|suffix| number.strip_suffix(suffix));
    suffix.unwrap_or(number).parse().ok().map(RunId)
}

/// The folder for a worktree: `<cache_home>/rgpt/<repo_id>/run-<id>[-check|-base|-lane-<n>]/<repo_name>`,
/// with the links of the part that exists resolved. The last part is the repository's own name,
/// since some tools name what they build after it.
///
/// # Errors
/// The place would be inside a repository.
pub fn place(
    cache_home: &Path,
    repo_id: &str,
    run: RunId,
    purpose: Purpose,
    repo_name: &str,
) -> Result<PathBuf, PlaceError> {
    if !cache_home.is_absolute() {
        return Err(PlaceError::Relative {
            cache: cache_home.to_owned(),
        });
    }
    let cache = resolved(cache_home);
    if let Some(repository) = cache.ancestors().find(|folder| is_repository(folder)) {
        let repository = repository.to_owned();
        return Err(PlaceError::InsideRepository { cache, repository });
    }
    let suffix = match purpose {
        Purpose::Build => "",
        Purpose::Check => "-check",
        Purpose::Base => "-base",
        Purpose::FirstLane => "-lane-1",
        Purpose::SecondLane => "-lane-2",
    };
    let name = match repo_name {
        "" | "." | ".." | ".git" => "repository",
        name if name.contains('/') => "repository",
        name => name,
    };
    Ok(cache
        .join("rgpt")
        .join(repo_id)
        .join(format!("run-{run}{suffix}"))
        .join(name))
}

/// `path` with the links of its existing part resolved.
fn resolved(path: &Path) -> PathBuf {
    path.ancestors()
        .find_map(|existing| {
            let canonical = existing.canonicalize().ok()?;
            Some(canonical.join(path.strip_prefix(existing).ok()?))
        })
        .map_or_else(|| path.to_owned(), |path| path.components().collect())
}

/// Has a `.git`, or is a git directory itself.
fn is_repository(folder: &Path) -> bool {
    folder.join(".git").symlink_metadata().is_ok()
        || (folder.join("HEAD").is_file() && folder.join("objects").is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_known_to_be_of_its_run() {
        for name in ["run-12", "run-12-check", "run-12-base", "run-12.tmp"] {
            assert_eq!(run_of(name), Some(RunId(12)), "{name}");
        }
        for name in ["build-output", "run-", "run-x", "run-12-other"] {
            assert_eq!(run_of(name), None, "{name}");
        }
    }
}
