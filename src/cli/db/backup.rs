//! `rgpt db backup`: one file that holds all that is needed to go on elsewhere.

use std::path::PathBuf;

use serde_json::json;

use crate::config;
use crate::upkeep::{self, ConfigCopy, Manifest};
use crate::workspace::repository::UserRepository;

use super::super::render;
use super::super::ui::Ui;
use super::super::{Global, Outcome, exit, open};
use super::record;

/// Write the whole record into one archive, even while runs go on
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Where to; must not exist yet
    file: PathBuf,
}

pub(super) fn backup(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    let store = record(global)?;
    let (copies, mut notes) = config_copies(global);
    let backup = upkeep::backup(&store, &args.file, &copies, open::clock().now())?;
    notes.extend(backup.notes);
    let document = json!({"backup": {
        "path": backup.path, "size": backup.size, "holds": holds(&backup.manifest), "notes": notes,
    }});
    if ui.is_json() {
        ui.json(&document);
    } else {
        ui.line(&render::upkeep::backup(&document["backup"], ui.look()));
        notes.iter().for_each(|note| ui.note(note));
    }
    Ok(exit::REACHED)
}

/// What an archive holds, in numbers.
pub(super) fn holds(manifest: &Manifest) -> serde_json::Value {
    let part = |folder: &str| {
        let (files, bytes) = manifest.part(folder);
        json!({"files": files, "bytes": bytes})
    };
    json!({
        "runs": manifest.runs, "events": manifest.events, "whole": manifest.whole,
        "schema": manifest.schema, "rgpt": manifest.rgpt, "created_at": manifest.created_at,
        "database": part("rgpt.db"), "artifacts": part("artifacts"), "logs": part("logs"),
        "git": part("git"), "config": part("config"),
    })
}

/// The repository's configuration files, and why there are none, if they cannot be read.
fn config_copies(global: &Global) -> (Vec<ConfigCopy>, Vec<String>) {
    let environment = config::environment();
    let loaded = open::start(global).and_then(|start| {
        let repository = UserRepository::open(&start, None).ok();
        open::configuration(
            global,
            &environment,
            &start,
            repository.as_ref(),
            Vec::new(),
        )
    });
    let files = match loaded {
        Ok(loaded) => loaded.files,
        Err(failure) => {
            let note = format!("no configuration files are in it: {}", failure.message);
            return (Vec::new(), vec![note]);
        }
    };
    let copies = files.iter().filter_map(|file| {
        let name = file.path.file_name()?.to_str()?;
        let ours = matches!(name, "orchestrator.yaml" | "orchestrator.local.yaml");
        let content = std::fs::read_to_string(&file.path).ok().filter(|_| ours)?;
        Some(ConfigCopy {
            name: name.to_owned(),
            content,
        })
    });
    (copies.collect(), Vec::new())
}
