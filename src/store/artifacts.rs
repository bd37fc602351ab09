//! `artifacts`: files that runs leave behind.

use std::path::{Component, Path, PathBuf};

use rusqlite::{Connection, named_params};
use serde::Serialize;

use super::Store;
use super::error::StoreError;
use crate::domain::{Digest, RunId};

/// A file of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Artifact {
    /// Its name, unique in the run.
    pub name: String,
    /// What it is, as in `summary` or `log`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its size in bytes.
    pub size: u64,
    /// The hash of its content.
    pub hash: Digest,
    /// Where it is, relative to the folder of artifacts.
    pub path: String,
}

impl Artifact {
    /// Where its file is: beneath `folder`, that of artifacts, and nowhere else.
    pub fn file(&self, folder: &Path) -> Option<PathBuf> {
        let path = Path::new(&self.path);
        let below = match path.is_absolute() {
            true => path.strip_prefix(folder).ok()?,
            false => path,
        };
        let plain = |part| matches!(part, Component::Normal(_));
        let inside = below.components().all(plain) && below.file_name().is_some();
        inside.then(|| folder.join(below))
    }
}

impl Store {
    /// The artifacts of a run, by name.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn artifacts(&self, run: RunId) -> Result<Vec<Artifact>, StoreError> {
        self.read(|tx| of_run(tx, run))
    }
}

pub(super) fn insert(
    tx: &Connection,
    run: RunId,
    artifact: &Artifact,
    now: &str,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT OR REPLACE INTO artifacts (run_id, name, path, type, size, hash, created_at)
         VALUES (:run, :name, :path, :type, :size, :hash, :now)",
    )?
    .execute(named_params! {
        ":run": run.0,
        ":name": artifact.name,
        ":path": artifact.path,
        ":type": artifact.kind,
        ":size": i64::try_from(artifact.size).unwrap_or(i64::MAX),
        ":hash": artifact.hash.as_str(),
        ":now": now,
    })?;
    Ok(())
}

pub(super) fn of_run(tx: &Connection, run: RunId) -> Result<Vec<Artifact>, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT name, type, size, hash, path FROM artifacts WHERE run_id = :run ORDER BY name",
    )?;
    let rows = statement.query_map(named_params! {":run": run.0}, |row| {
        let size: i64 = row.get(2)?;
        Ok(Artifact {
            name: row.get(0)?,
            kind: row.get(1)?,
            size: size.unsigned_abs(),
            hash: Digest(row.get(3)?),
            path: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether a file with this content is recorded for the run.
pub(super) fn exists(tx: &Connection, run: RunId, hash: &Digest) -> Result<bool, StoreError> {
    let found = tx
        .prepare_cached("SELECT 1 FROM artifacts WHERE run_id = :run AND hash = :hash")?
        .exists(named_params! {":run": run.0, ":hash": hash.as_str()})?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_beneath_its_folder_or_nowhere() {
        let file = |path: &str| {
            let artifact = Artifact {
                name: "a".to_owned(),
                kind: "output".to_owned(),
                size: 1,
                hash: Digest::of(b"a"),
                path: path.to_owned(),
            };
            let file = artifact.file(Path::new("/state/artifacts"))?;
            Some(file.display().to_string())
        };
        let there = Some("/state/artifacts/run-1/a".to_owned());
        assert_eq!(file("run-1/a"), there);
        assert_eq!(file("/state/artifacts/run-1/a"), there);
        for path in [
            "/etc/passwd",
            "../a",
            "run-1/../../a",
            "/state/artifacts/../a",
            "",
        ] {
            assert_eq!(file(path), None, "{path}");
        }
    }
}
