//! Keeping what tests leave: screenshots, videos, traces, logs.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::failure::Failure;
use crate::cli::ui::Ui;
use crate::cli::{Global, open};
use crate::store::StateDir;
use crate::workspace::artifacts::Gathering;

use super::project::Project;

/// How many calls of `rgpt test` are remembered by what they left.
const REMEMBERED: usize = 10;
/// How the folders of these calls begin.
const PREFIX: &str = "test-";

/// What was kept.
pub(super) struct Keeper {
    /// The names, as paths from the top of the project where they lie below it.
    pub(super) names: Vec<String>,
    top: PathBuf,
    state: PathBuf,
    /// The folder of this call; nothing is there until there is something to keep.
    folder: String,
    left_out: usize,
}

impl Keeper {
    pub(super) fn new(project: &Project, global: &Global) -> Result<Self, Failure> {
        let state = match &global.state_dir {
            Some(folder) => std::path::absolute(folder)?,
            None => project.top.join(".rgpt"),
        };
        let now = open::clock().now().strftime("%Y%m%d-%H%M%S");
        Ok(Self {
            names: Vec::new(),
            top: project.top.clone(),
            state,
            folder: format!("{PREFIX}{now}-{}", std::process::id()),
            left_out: 0,
        })
    }

    /// Keeps what a check left and what it names. That this fails is no verdict on the tests.
    pub(super) fn keep(&mut self, check: &str, left: Gathering, named: &[String], ui: &Ui) {
        let first = self.names.is_empty();
        let all = self.state.join("artifacts");
        let to = all.join(&self.folder).join(check);
        let kept = left.end(named, &to, || {
            StateDir::prepare(&self.state)
                .map(drop)
                .map_err(std::io::Error::other)
        });
        match kept {
            Ok((kept, left_out)) => {
                self.left_out += left_out;
                let shown = |path: &Path| {
                    let path = path.strip_prefix(&self.top).unwrap_or(path);
                    path.display().to_string()
                };
                self.names.extend(kept.iter().map(|one| shown(&one.path)));
                if first && !self.names.is_empty() {
                    forget_older(&all);
                }
            }
            Err(error) => ui.note(&format!("what {check} leaves is not kept: {error}")),
        }
    }

    /// Says what could not be kept.
    pub(super) fn tell(&self, ui: &Ui) {
        if self.left_out > 0 {
            let (many, files) = (
                self.left_out,
                if self.left_out == 1 { "file" } else { "files" },
            );
            ui.note(&format!("{many} {files} more would be too much to keep"));
        }
    }
}

/// Removes what earlier calls left, but for the newest. Failing is harmless.
fn forget_older(all: &Path) {
    let Ok(entries) = fs::read_dir(all) else {
        return;
    };
    let own = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        let named = name.to_str().is_some_and(|name| name.starts_with(PREFIX));
        named && entry.file_type().is_ok_and(|kind| kind.is_dir())
    };
    let mut folders: Vec<PathBuf> = entries
        .flatten()
        .filter(own)
        .map(|entry| entry.path())
        .collect();
    folders.sort();
    let older = folders.len().saturating_sub(REMEMBERED);
    for folder in &folders[..older] {
        drop(fs::remove_dir_all(folder));
    }
}
