//! Writing an archive of the record, while runs may go on.
//!
//! The database is copied first, then refs, then objects: whatever the one names is there when the
//! next is read, because nothing is recorded before its objects are on disk.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::archive::{Manifest, Packing, Writer, is_allowed};
use super::error::at;
use super::{UpkeepError, files, logs};
use crate::domain::RunId;
use crate::failpoint;
use crate::store::{Copied, Store};
use crate::workspace::own::OwnGit;

/// A configuration file of the repository, to be kept beside the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigCopy {
    /// `orchestrator.yaml` or `orchestrator.local.yaml`.
    pub name: String,
    /// Its content.
    pub content: String,
}

/// An archive that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Where it is.
    pub path: PathBuf,
    /// What it holds.
    pub manifest: Manifest,
    /// Its size in bytes.
    pub size: u64,
    /// What was left out, one line each.
    pub notes: Vec<String>,
}

/// Writes an archive of the whole record to `to`, where nothing may be.
///
/// # Errors
/// If something cannot be read or written; then there is no archive.
pub fn backup(
    store: &Store,
    to: &Path,
    config: &[ConfigCopy],
    now: Timestamp,
) -> Result<Backup, UpkeepError> {
    write(store, to, None, config, now)
}

/// Writes an archive of some runs, and of those that they were forked from.
pub(super) fn backup_of(
    store: &Store,
    to: &Path,
    runs: &BTreeSet<RunId>,
    now: Timestamp,
) -> Result<Backup, UpkeepError> {
    write(store, to, Some(runs), &[], now)
}

fn write(
    store: &Store,
    to: &Path,
    only: Option<&BTreeSet<RunId>>,
    config: &[ConfigCopy],
    now: Timestamp,
) -> Result<Backup, UpkeepError> {
    let mut archive = Contents {
        store,
        to,
        writer: Writer::create(to)?,
        notes: Vec::new(),
    };
    let copied = archive.add_database(only)?;
    // With the runs that these were forked from.
    let only = only.map(|_| copied.runs.iter().copied().collect::<BTreeSet<RunId>>());
    let only = only.as_ref();
    match only {
        None => archive.add_git()?,
        Some(runs) => archive.add_git_of(runs)?,
    }
    archive.add_artifacts(only)?;
    archive.add_logs(only)?;
    for file in config {
        match secret_in(&file.content) {
            None => archive
                .writer
                .add_bytes(&format!("config/{}", file.name), file.content.as_bytes())?,
            Some(why) => archive
                .notes
                .push(format!("{} is left out: {why}", file.name)),
        }
    }
    let Contents { writer, notes, .. } = archive;
    let (manifest, size) = writer.finish(|members| Manifest {
        format: "rgpt-archive".to_owned(),
        version: 1,
        rgpt: env!("CARGO_PKG_VERSION").to_owned(),
        created_at: now,
        schema: copied.schema,
        whole: only.is_none(),
        runs: copied.runs,
        events: copied.events,
        members,
    })?;
    Ok(Backup {
        path: to.to_owned(),
        manifest,
        size,
        notes,
    })
}

/// What is being put into an archive.
struct Contents<'a> {
    store: &'a Store,
    to: &'a Path,
    writer: Writer,
    notes: Vec<String>,
}

impl Contents<'_> {
    fn add_database(&mut self, only: Option<&BTreeSet<RunId>>) -> Result<Copied, UpkeepError> {
        let aside = Aside::new(files::beside(self.to, ".db"))?;
        let copied = self.store.copy(&aside.0, only)?;
        failpoint::hit("archive.copied");
        self.writer
            .add_file("rgpt.db", &aside.0, Packing::Deflated)?;
        Ok(copied)
    }

    /// rgpt's own git directory as it is.
    fn add_git(&mut self) -> Result<(), UpkeepError> {
        let git = self.store.dir().git.clone();
        if !git.is_dir() {
            return Ok(());
        }
        // While it is held, no objects are fetched and none are packed anew.
        let lock = git.with_extension("lock");
        let held = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&lock);
        let _held: File = at(&lock, held.and_then(|file| file.lock().map(|()| file)))?;
        self.add_git_folder(&git)
    }

    /// What of it these runs name.
    fn add_git_of(&mut self, runs: &BTreeSet<RunId>) -> Result<(), UpkeepError> {
        let Some(own) = OwnGit::existing(&self.store.dir().root)? else {
            return Ok(());
        };
        let names = self.store.object_names_of(runs)?;
        let aside = Aside::new(files::beside(self.to, ".git"))?;
        own.copy_part(&aside.0, &names, &|name| is_of(name, &names, runs))?;
        self.add_git_folder(&aside.0)
    }

    fn add_git_folder(&mut self, git: &Path) -> Result<(), UpkeepError> {
        // Refs and what describes the directory first, objects after them.
        for path in files::beneath(git)? {
            if !path.starts_with("objects") {
                self.add(git, "git", &path, Packing::Deflated)?;
            }
        }
        for path in files::beneath(&git.join("objects"))? {
            self.add(&git.join("objects"), "git/objects", &path, Packing::Plain)?;
        }
        Ok(())
    }

    fn add_artifacts(&mut self, only: Option<&BTreeSet<RunId>>) -> Result<(), UpkeepError> {
        let folder = &self.store.dir().artifacts;
        for path in files::beneath(folder)? {
            let of = path.iter().next().and_then(|name| run_of(name.to_str()?));
            if only.is_some_and(|runs| of.is_none_or(|run| !runs.contains(&run))) {
                continue;
            }
            let known = self.add(folder, "artifacts", &path, Packing::Deflated)?;
            if !known {
                self.notes
                    .push(format!("{path:?} is left out: its name cannot be kept"));
            }
        }
        Ok(())
    }

    fn add_logs(&mut self, only: Option<&BTreeSet<RunId>>) -> Result<(), UpkeepError> {
        let folder = &self.store.dir().logs;
        if let Some(runs) = only {
            let lines = logs::lines_of(folder, runs)?;
            return self.writer.add_bytes("logs/rgpt.log", &lines);
        }
        for path in logs::log_files(folder)? {
            if let Ok(inner) = path.strip_prefix(folder) {
                self.add(folder, "logs", inner, Packing::Deflated)?;
            }
        }
        Ok(())
    }

    /// Adds a file beneath `folder` under `name`, if it may be in an archive; gives whether.
    fn add(
        &mut self,
        folder: &Path,
        name: &str,
        path: &Path,
        packing: Packing,
    ) -> Result<bool, UpkeepError> {
        let Some(inner) = path.to_str() else {
            return Ok(false);
        };
        let name = format!("{name}/{inner}");
        if !is_allowed(&name) {
            return Ok(false);
        }
        self.writer.add_file(&name, &folder.join(path), packing)?;
        Ok(true)
    }
}

/// A file or folder beside the archive, there only while it is written.
struct Aside(PathBuf);

impl Aside {
    fn new(path: PathBuf) -> Result<Self, UpkeepError> {
        let path = files::beside(&path, ".partial");
        files::remove(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // What stays is removed by the next archive of this name.
        drop(files::remove(&self.0));
    }
}

/// The run that `run-7` is named for.
pub(super) fn run_of(name: &str) -> Option<RunId> {
    name.strip_prefix("run-")?.parse().ok().map(RunId)
}

/// Whether a ref is kept with these runs: that of a run, or of a base that one of them names.
pub(super) fn is_of(name: &str, names: &BTreeSet<String>, runs: &BTreeSet<RunId>) -> bool {
    let last = name.rsplit('/').next().unwrap_or_default();
    match name.strip_prefix("refs/rgpt/") {
        Some(rest) if rest.starts_with("base/") => names.contains(last),
        Some(rest) if rest.starts_with("run/") => {
            last.parse().is_ok_and(|run| runs.contains(&RunId(run)))
        }
        _ => false,
    }
}

/// What in a configuration file looks like a secret, if anything does. Keys belong into variables,
/// which the file only names.
fn secret_in(text: &str) -> Option<String> {
    const MARKS: [&str; 6] = ["-----BEGIN", "sk-", "ghp_", "github_pat_", "xoxb-", "AKIA"];
    let marked = text.split(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c)));
    let mut marked = marked.filter(|word| word.len() >= 16 || word.starts_with("-----BEGIN"));
    if marked.any(|word| MARKS.iter().any(|mark| word.starts_with(mark))) {
        return Some("it holds something that looks like a key".to_owned());
    }
    match serde_yaml::from_str(text) {
        Ok(value) => secret_key(&value).map(|key| format!("`{key}` may hold a secret")),
        Err(_) => Some("it is not YAML".to_owned()),
    }
}

fn secret_key(value: &serde_json::Value) -> Option<&str> {
    const WORDS: [&str; 5] = ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD"];
    match value {
        serde_json::Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            let upper = name.to_ascii_uppercase();
            let secret = value.as_str().is_some_and(|text| !text.is_empty())
                && WORDS.iter().any(|word| upper.ends_with(word));
            match secret {
                true => Some(name.as_str()),
                false => secret_key(value),
            }
        }),
        serde_json::Value::Array(items) => items.iter().find_map(secret_key),
        _ => None,
    }
}

/// A name for an archive in `folder` that is not taken yet, after the time.
pub(super) fn free_name(folder: &Path, now: Timestamp) -> Result<PathBuf, UpkeepError> {
    let mut builder = fs::DirBuilder::new();
    let made =
        std::os::unix::fs::DirBuilderExt::mode(builder.recursive(true), 0o700).create(folder);
    at(folder, made)?;
    let time = now.strftime("%Y%m%dT%H%M%SZ");
    let names = (1..).map(|number| match number {
        1 => format!("pruned-{time}.zip"),
        _ => format!("pruned-{time}-{number}.zip"),
    });
    let mut free = names
        .map(|name| folder.join(name))
        .skip_while(|path| path.symlink_metadata().is_ok());
    Ok(free.next().unwrap_or_else(|| folder.join("pruned.zip")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_a_secret_in_it_is_told_from_one_that_names_variables() {
        for fine in [
            "providers: {a: {kind: openai, api_key_env: LAB_KEY}}\nbudget: {tokens: 5}\n",
            "checks: {test: {command: cargo test, pass_env: [DATABASE_PASSWORD]}}\n",
            "",
        ] {
            assert_eq!(secret_in(fine), None, "{fine}");
        }
        for bad in [
            "checks: {test: {env: {API_TOKEN: abc}}}\n",
            "a: [{password: x}]\n",
            "# sk-abcdefghijklmnopqrst\n",
            "cert: |\n  -----BEGIN PRIVATE KEY-----\n",
            "{{",
        ] {
            assert!(secret_in(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn a_ref_is_kept_with_its_run_and_a_base_with_whoever_names_it() {
        let (names, runs) = (
            BTreeSet::from(["abc".to_owned()]),
            BTreeSet::from([RunId(7)]),
        );
        let kept = |name: &str| is_of(name, &names, &runs);
        assert!(kept("refs/rgpt/base/abc") && kept("refs/rgpt/run/7"));
        assert!(!kept("refs/rgpt/base/def") && !kept("refs/rgpt/run/70"));
        assert!(!kept("refs/heads/7"));
    }
}
