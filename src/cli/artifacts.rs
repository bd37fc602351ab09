//! `rgpt artifacts`: the files that a run leaves.

use std::io::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::domain::{Digest, Run, clean};
use crate::store::{Artifact, Store};

use super::failure::Failure;
use super::output::Target;
use super::render;
use super::ui::Ui;
use super::{Global, Outcome, Which, exit, open};

/// List the files that a run leaves, or get one of them
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// Print the file of this name
    #[arg(long, value_name = "NAME")]
    get: Option<String>,
    /// Write it to FILE
    #[arg(short, long, value_name = "FILE", requires = "get")]
    output: Option<PathBuf>,
    /// Write over FILE if it is there
    #[arg(long, requires = "output")]
    force: bool,
}

pub(super) fn artifacts(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    let (store, run) = open::run_named(global, &args.which)?;
    let artifacts = store.artifacts(run.id)?;
    match &args.get {
        Some(name) => {
            let found = artifacts.iter().find(|artifact| artifact.name == *name);
            let artifact = found.ok_or_else(|| {
                Failure::config(
                    format!("run {} has no artifact {name:?}", run.id),
                    format!("see which there are: rgpt artifacts {}", run.id),
                )
            })?;
            get(artifact, args, &store, ui)
        }
        None => {
            list(&artifacts, &run, &store, ui)?;
            Ok(exit::REACHED)
        }
    }
}

fn list(artifacts: &[Artifact], run: &Run, store: &Store, ui: &Ui) -> Result<(), Failure> {
    let listed = artifacts
        .iter()
        .map(|artifact| described(artifact, store))
        .collect::<Result<Vec<Value>, Failure>>()?;
    let document = json!({"run": run.id, "artifacts": listed});
    if ui.is_json() {
        ui.json(&document);
    } else {
        ui.line(&render::artifacts::artifacts(&document, ui.look()));
    }
    Ok(())
}

/// The artifact as the record has it, and its file, if that is there.
fn described(artifact: &Artifact, store: &Store) -> Result<Value, Failure> {
    let mut value = serde_json::to_value(artifact).map_err(anyhow::Error::from)?;
    let file = artifact.file(&store.dir().artifacts);
    value["file"] = json!(file.filter(|path| path.is_file()));
    Ok(value)
}

fn get(artifact: &Artifact, args: &Args, store: &Store, ui: &Ui) -> Outcome {
    let target = match &args.output {
        Some(path) => Some(Target::new(path, args.force)?),
        None => None,
    };
    let content = content(artifact, store)?;
    if let Some(target) = target {
        let (path, size) = target.write(|mut file| Ok(file.write_all(&content)?))?;
        if ui.is_json() {
            ui.json(&json!({"artifact": {"name": artifact.name, "path": path, "size": size}}));
        } else {
            ui.line(&format!(
                "{} is copied to {}.",
                clean::line(&artifact.name),
                path.display()
            ));
        }
    } else if ui.is_json() {
        let mut value = described(artifact, store)?;
        value["content"] = String::from_utf8_lossy(&content).into();
        ui.json(&json!({"artifact": value}));
    } else if ui.prints_to_terminal() {
        ui.line(clean::clean(&String::from_utf8_lossy(&content)).trim_end());
    } else {
        ui.stream(|to| to.write_all(&content));
    }
    Ok(exit::REACHED)
}

/// The file's content, which must be what was recorded.
fn content(artifact: &Artifact, store: &Store) -> Result<Vec<u8>, Failure> {
    let name = &artifact.name;
    let path = artifact.file(&store.dir().artifacts).ok_or_else(|| {
        Failure::infra(
            format!(
                "the artifact {name} is not among the files of runs: {}",
                artifact.path
            ),
            Some("check the record: rgpt db check".to_owned()),
        )
    })?;
    let content = std::fs::read(&path).map_err(|error| {
        Failure::infra(
            format!(
                "cannot read the artifact {name}: {}: {error}",
                path.display()
            ),
            Some("see what else there is: rgpt artifacts".to_owned()),
        )
    })?;
    if Digest::of(&content) != artifact.hash {
        return Err(Failure::infra(
            format!("{} is not what was recorded as {name}", path.display()),
            Some("look at the file itself; rgpt does not vouch for it".to_owned()),
        ));
    }
    Ok(content)
}
