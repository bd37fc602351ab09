//! Reading an archive, which may come from anywhere: nothing in it is believed before it is checked.

use std::collections::BTreeSet;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::{FORMAT, MANIFEST, Manifest, Member, VERSION, is_allowed};
use crate::upkeep::UpkeepError;
use crate::upkeep::error::at;

/// The largest manifest; one line names about a hundred bytes, so this is for a million members.
const LARGEST_MANIFEST: u64 = 256 * 1024 * 1024;

/// The largest configuration of a git directory of ours.
const LARGEST_CONFIG: u64 = 4 * 1024;

/// An archive whose manifest and list of members have been checked.
pub(in crate::upkeep) struct Archive {
    path: PathBuf,
    zip: ZipArchive<BufReader<File>>,
    manifest: Manifest,
}

impl Archive {
    /// Opens an archive and checks that its manifest names exactly what is in it, and nothing that
    /// may not be.
    pub(in crate::upkeep) fn open(path: &Path) -> Result<Self, UpkeepError> {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(UpkeepError::Absent {
                    path: path.to_owned(),
                });
            }
            opened => at(path, opened)?,
        };
        let wrong = |reason: &str| UpkeepError::Archive {
            path: path.to_owned(),
            reason: reason.to_owned(),
        };
        let mut zip =
            ZipArchive::new(BufReader::new(file)).map_err(|error| wrong(&error.to_string()))?;
        let manifest = read_manifest(&mut zip).map_err(|reason| wrong(&reason))?;
        if manifest.format != FORMAT {
            return Err(wrong("its manifest is another program's"));
        }
        if manifest.version > VERSION {
            return Err(UpkeepError::Newer {
                path: path.to_owned(),
                what: format!("archive version {}", manifest.version),
            });
        }
        let mut archive = Self {
            path: path.to_owned(),
            zip,
            manifest,
        };
        let problem = archive.problem();
        match problem {
            Some(problem) => Err(archive.wrong(problem)),
            None => Ok(archive),
        }
    }

    pub(in crate::upkeep) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What is wrong with the members, if anything, as far as can be told without reading them.
    fn problem(&mut self) -> Option<String> {
        let members = &self.manifest.members;
        if self.zip.len() != members.len() + 1 {
            return Some("it holds other files than its manifest names".to_owned());
        }
        let mut seen = BTreeSet::new();
        for member in members {
            let path = &member.path;
            if !is_allowed(path) {
                return Some(format!("it may not hold {path:?}"));
            }
            if !seen.insert(path) {
                return Some(format!("{path} is in it twice"));
            }
            // By its exact name only, as everything that is written is.
            let Some(index) = self.zip.index_for_name(path) else {
                return Some(format!("{path} is missing"));
            };
            let Ok(file) = self.zip.by_index_raw(index) else {
                return Some(format!("{path} cannot be read"));
            };
            if file.is_symlink() || file.is_dir() || file.encrypted() {
                return Some(format!("{path} is no plain file"));
            }
            if file.size() != member.size {
                return Some(format!("{path} has another size than its manifest says"));
            }
        }
        let above = |path: &&&String| {
            let mut folders = Path::new(path.as_str()).ancestors().skip(1);
            folders.any(|folder| {
                folder
                    .to_str()
                    .is_some_and(|f| seen.contains(&f.to_owned()))
            })
        };
        if let Some(path) = seen.iter().find(above) {
            return Some(format!("{path} lies in a file"));
        }
        match seen.contains(&"rgpt.db".to_owned()) {
            true => None,
            false => Some("there is no database in it".to_owned()),
        }
    }

    /// Reads every member and compares it with the manifest.
    pub(in crate::upkeep) fn verify(&mut self) -> Result<(), UpkeepError> {
        for member in self.manifest.members.clone() {
            self.copy(&member, &mut io::sink())?;
        }
        Ok(())
    }

    /// Writes every member beneath `folder`, as it is checked. What is there already is in the way.
    pub(in crate::upkeep) fn extract(&mut self, folder: &Path) -> Result<(), UpkeepError> {
        for member in self.manifest.members.clone() {
            let path = folder.join(&member.path);
            if let Some(parent) = path.parent() {
                let mut builder = DirBuilder::new();
                let made = builder.recursive(true).mode(0o700).create(parent);
                at(parent, made)?;
            }
            if member.path == "git/config" {
                self.check_git_config(&member)?;
            }
            let file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path);
            self.copy(&member, &mut at(&path, file)?)?;
        }
        Ok(())
    }

    /// Copies a member: no byte more than the manifest says, and exactly the bytes it says.
    fn copy(&mut self, member: &Member, to: &mut dyn Write) -> Result<(), UpkeepError> {
        let damaged = |error: String| UpkeepError::Archive {
            path: self.path.clone(),
            reason: format!("{} is damaged: {error}", member.path),
        };
        let file = match self.zip.by_name(&member.path) {
            Ok(file) => file,
            Err(error) => return Err(damaged(error.to_string())),
        };
        let mut file = file.take(member.size.saturating_add(1));
        let mut hasher = blake3::Hasher::new();
        let mut left = member.size;
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let read = file
                .read(&mut chunk)
                .map_err(|error| damaged(error.to_string()))?;
            if read == 0 {
                break;
            }
            left = left
                .checked_sub(read as u64)
                .ok_or_else(|| damaged("it is longer than it says".to_owned()))?;
            hasher.update(&chunk[..read]);
            at(Path::new(&member.path), to.write_all(&chunk[..read]))?;
        }
        let hash = hasher.finalize().to_hex();
        if left > 0 || hash.as_str() != member.hash.as_str() {
            return Err(damaged("its content has another hash".to_owned()));
        }
        Ok(())
    }

    /// rgpt believes the configuration of its own git directory, so it must be one of ours.
    fn check_git_config(&mut self, member: &Member) -> Result<(), UpkeepError> {
        let mut text = Vec::new();
        if member.size <= LARGEST_CONFIG {
            self.copy(member, &mut text)?;
        }
        let text = String::from_utf8_lossy(&text);
        match !text.is_empty() && text.lines().all(is_harmless_setting) {
            true => Ok(()),
            false => Err(self.wrong("its git configuration is none of rgpt's".to_owned())),
        }
    }

    fn wrong(&self, reason: String) -> UpkeepError {
        UpkeepError::Archive {
            path: self.path.clone(),
            reason,
        }
    }
}

fn read_manifest(zip: &mut ZipArchive<BufReader<File>>) -> Result<Manifest, String> {
    let file = zip
        .by_name(MANIFEST)
        .map_err(|_| "there is no manifest in it".to_owned())?;
    if file.size() > LARGEST_MANIFEST {
        return Err("its manifest is too large".to_owned());
    }
    let mut text = Vec::new();
    file.take(LARGEST_MANIFEST)
        .read_to_end(&mut text)
        .map_err(|error| error.to_string())?;
    serde_json::from_slice(&text).map_err(|error| format!("its manifest: {error}"))
}

/// A line that `git init` writes into a bare repository.
fn is_harmless_setting(line: &str) -> bool {
    let line: String = line.split_whitespace().collect();
    let line = line.to_ascii_lowercase();
    if matches!(line.as_str(), "" | "[core]" | "[extensions]") {
        return true;
    }
    let Some((key, value)) = line.split_once('=') else {
        return false;
    };
    match key {
        "filemode" | "bare" | "ignorecase" | "precomposeunicode" | "symlinks" => {
            matches!(value, "true" | "false")
        }
        "repositoryformatversion" => matches!(value, "0" | "1"),
        "objectformat" => matches!(value, "sha1" | "sha256"),
        "refstorage" => value == "files",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_git_init_writes_is_harmless() {
        let ours = "[core]\n\trepositoryformatversion = 1\n\tfilemode = true\n\tbare = true\n\
                    [extensions]\n\tobjectFormat = sha256\n";
        assert!(ours.lines().all(is_harmless_setting));
        for line in [
            "[filter \"x\"]",
            "fsmonitor = /bin/evil",
            "sshCommand = evil",
            "worktree = /",
            "[core] bare = true",
            "bare = $(evil)",
            "[include]",
            "path = x",
        ] {
            assert!(!is_harmless_setting(line), "{line}");
        }
    }
}
