//! The summary that a finished run leaves: `summary.md` among its artifacts.
//!
//! It is made from the record after the run's end is on it, so a kill loses nothing: whoever meets
//! the run again makes the same text, and writes it only where it is missing.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;

use crate::domain::{Digest, RunId};
use crate::export::{self, Redaction};
use crate::failpoint;
use crate::store::{Artifact, Store, Write, inspect};

use super::Engine;
use super::drive::Drive;

/// The artifact's name and that of its file.
const NAME: &str = "summary.md";

/// The file before it is whole.
const UNFINISHED: &str = "summary.md.new";

impl Drive<'_> {
    /// Leaves the summary of the run, if it has ended; one that works on no files leaves none. Failing is only a warning: what it says is
    /// on the record.
    pub(super) async fn leave_summary(&mut self) {
        if self.engine.ground.is_none() || !self.log.run().state().is_terminal() {
            return;
        }
        let Engine { store, .. } = self.engine;
        match write(store, self.log.run().id, &self.engine.redaction()) {
            Ok(None) => {}
            Ok(Some(artifact)) => {
                self.log.write(Write::Artifact(artifact));
                if let Err(error) = self.log.commit().await {
                    tracing::warn!(%error, "the summary is not on the record");
                }
            }
            Err(error) => tracing::warn!(%error, "the summary was not written"),
        }
    }
}

impl Engine {
    /// What must not stand in anything that is taken away: the keys of the configured providers.
    fn redaction(&self) -> Redaction {
        let providers = self.config.providers.iter();
        let named = providers.filter_map(|(_, provider)| provider.api_key_env.as_deref());
        Redaction::of(self.environment.variables(), named)
    }
}

/// Writes the summary of a run, if it is not there as it should be. Returns what is to be
/// recorded, if the record does not know of it.
pub(super) fn write(
    store: &Store,
    run: RunId,
    redaction: &Redaction,
) -> anyhow::Result<Option<Artifact>> {
    let document = inspect::document(store, run)?;
    let mut artifacts = document.artifacts.iter();
    let known = artifacts.find(|known| known.name == NAME).cloned();
    let mut document = serde_json::to_value(document)?;
    redaction.value(&mut document);
    let text = export::summary(&document);
    let below = format!("run-{run}/{NAME}");
    let path = store.dir().artifacts.join(&below);
    let unchanged = fs::read(&path).is_ok_and(|found| found == text.as_bytes());
    if !unchanged {
        replace(&path, &text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    failpoint::hit("summary.written");
    let artifact = Artifact {
        name: NAME.to_owned(),
        kind: "summary".to_owned(),
        size: text.len() as u64,
        hash: Digest::of(text.as_bytes()),
        path: below,
    };
    Ok((known.as_ref() != Some(&artifact)).then_some(artifact))
}

/// Written aside and renamed: it is there whole or not at all.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let aside = path.with_file_name(UNFINISHED);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = File::create(&aside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    failpoint::hit("summary.aside");
    fs::rename(&aside, path)
}
