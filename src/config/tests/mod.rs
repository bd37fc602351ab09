//! Configuration as a user meets it: files in a folder, variables, flags, and what comes of them.

mod catalogue;
mod editors;
mod errors;
mod example;
mod layers;
mod record;
mod trust;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::domain::Digest;

/// A git repository as far as configuration sees one, and a user's configuration folder.
struct Project {
    folder: TempDir,
    tracked: Vec<PathBuf>,
    accepted: Vec<Digest>,
    explicit: Option<PathBuf>,
    start: PathBuf,
    variables: Vec<(String, String)>,
    flags: Vec<(String, Value)>,
}

impl Project {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("repo");
        fs::create_dir(&root).unwrap();
        let home = folder.path().join("home").display().to_string();
        Self {
            folder,
            tracked: Vec::new(),
            accepted: Vec::new(),
            explicit: None,
            start: root,
            variables: vec![("HOME".to_owned(), home)],
            flags: Vec::new(),
        }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("repo")
    }

    fn write(&self, path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn user(self, text: &str) -> Self {
        let path = self.folder.path().join("home/.config/rgpt/config.yaml");
        self.write(&path, text);
        self
    }

    /// A file of the repository that git does not track.
    fn file(self, name: &str, text: &str) -> Self {
        self.write(&self.root().join(name), text);
        self
    }

    /// A file of the repository that git tracks.
    fn tracked(mut self, name: &str, text: &str) -> Self {
        self.tracked.push(self.root().join(name));
        self.file(name, text)
    }

    fn accepted(mut self, text: &str) -> Self {
        self.accepted.push(Digest::of(text.as_bytes()));
        self
    }

    fn named(mut self, name: &str) -> Self {
        self.explicit = Some(self.root().join(name));
        self
    }

    fn start(mut self, folder: &str) -> Self {
        self.start = self.root().join(folder);
        fs::create_dir_all(&self.start).unwrap();
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn flag(mut self, path: &str, value: impl Into<Value>) -> Self {
        self.flags.push((path.to_owned(), value.into()));
        self
    }

    fn try_load(&self) -> Result<Loaded, ConfigError> {
        load(&LoadRequest {
            start: self.start.clone(),
            top: Some(self.root()),
            explicit: self.explicit.clone(),
            environment: &self.variables.iter().cloned().collect(),
            flags: self.flags.clone(),
            tracked: &|path| self.tracked.iter().any(|tracked| tracked == path),
            trusted: &|digest| self.accepted.contains(digest),
        })
    }

    fn load(&self) -> Loaded {
        self.try_load().unwrap_or_else(|error| panic!("{error}"))
    }

    fn config(&self) -> Config {
        self.load().config
    }

    /// The error's text, with the folder taken out.
    fn error(&self) -> String {
        let error = self.try_load().expect_err("the configuration is refused");
        self.shorten(&error.to_string())
    }

    fn shorten(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.folder.path().display()), "")
    }
}
