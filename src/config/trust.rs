//! The store of tracked configuration files that the person has accepted, by content.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::files;
use crate::domain::Digest;

/// Accepted contents: the file `trusted` in rgpt's own configuration folder, a line with hash and
/// path for each. The path is for people; only the hash counts.
#[derive(Clone, Debug)]
pub struct TrustStore {
    file: PathBuf,
    accepted: BTreeMap<Digest, String>,
}

impl TrustStore {
    /// Reads the store in `config_home` (see [`super::config_home`]); an absent one is empty.
    ///
    /// # Errors
    ///
    /// The file is there but cannot be read.
    pub fn open(config_home: &Path) -> io::Result<Self> {
        let file = config_home.join("trusted");
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let accepted = text
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(hash, path)| (Digest::from(hash), path.to_owned()))
            .collect();
        Ok(Self { file, accepted })
    }

    /// Whether a file with this content was accepted.
    pub fn is_trusted(&self, content: &Digest) -> bool {
        self.accepted.contains_key(content)
    }

    /// Accepts the present content of `path`, durably, and returns its hash.
    ///
    /// # Errors
    ///
    /// `path` cannot be read as a configuration file, or the store cannot be written.
    pub fn accept(&mut self, path: &Path) -> io::Result<Digest> {
        let text = files::read_text(path).map_err(io::Error::other)?;
        let digest = Digest::of(text.as_bytes());
        // Escaped: a line break in a folder's name would forge another line.
        let shown = path.display().to_string().escape_default().to_string();
        self.accepted.insert(digest.clone(), shown);
        self.write()?;
        Ok(digest)
    }

    /// Writes a new file beside the old one and puts it in its place.
    fn write(&self) -> io::Result<()> {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        let new = folder.join(format!("trusted.{}.new", std::process::id()));
        let written = self
            .write_to(&new)
            .and_then(|()| fs::rename(&new, &self.file));
        if written.is_err() {
            // The first error is the one to tell.
            let _ = fs::remove_file(&new);
        }
        written
    }

    fn write_to(&self, path: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        for (digest, shown) in &self.accepted {
            writeln!(file, "{digest} {shown}")?;
        }
        file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn accepted_content_is_trusted_until_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("config/rgpt");
        let file = folder.path().join("orchestrator.yaml");
        fs::write(&file, "policy: {mode: off}\n").unwrap();

        let digest = TrustStore::open(&home).unwrap().accept(&file).unwrap();
        let store = TrustStore::open(&home).unwrap();
        assert!(store.is_trusted(&digest));
        assert!(!store.is_trusted(&Digest::of(b"policy: {mode: ask}\n")));
    }

    #[test]
    fn the_store_is_private_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("orchestrator.yaml");
        fs::write(&file, "").unwrap();
        let home = folder.path().join("rgpt");
        TrustStore::open(&home).unwrap().accept(&file).unwrap();
        let entries: Vec<_> = fs::read_dir(&home).unwrap().flatten().collect();
        assert_eq!(entries.len(), 1);
        let mode = entries[0].metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_path_with_a_line_break_forges_no_line() {
        let folder = tempfile::tempdir().unwrap();
        let forged = Digest::of(b"forged");
        let inner = folder.path().join(format!("x\n{forged} y"));
        fs::create_dir(&inner).unwrap();
        let file = inner.join("orchestrator.yaml");
        fs::write(&file, "").unwrap();
        let home = folder.path().join("rgpt");
        TrustStore::open(&home).unwrap().accept(&file).unwrap();
        assert!(!TrustStore::open(&home).unwrap().is_trusted(&forged));
    }
}
