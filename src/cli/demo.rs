//! `rgpt demo`: the whole pipeline, offline, on a sample project.

use std::path::{Path, PathBuf};

use crate::engine::NewRun;
use crate::workspace::project;

use super::failure::Failure;
use super::run;
use super::ui::Ui;
use super::watch::Show;
use super::{Global, Outcome};

/// See a run from goal to commit, offline: a sample project, real checks, a scripted model
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where to put the sample project
    #[arg(value_name = "DIR", default_value = "rgpt-demo")]
    folder: PathBuf,
}

macro_rules! sample {
    ($($path:literal),* $(,)?) => {
        [$(($path, include_str!(concat!("../../examples/todo/", $path)))),*]
    };
}

/// The sample project, as it is committed.
const PROJECT: [(&str, &str); 13] = sample![
    ".gitignore",
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "clippy.toml",
    "orchestrator.yaml",
    "src/lib.rs",
    "src/main.rs",
    "src/list.rs",
    "src/store.rs",
    "src/cli.rs",
    "tests/list.rs",
    "tests/cli.rs",
];

/// The model and its words: ignored by git, as a person's own files would be.
const MODEL: [(&str, &str); 2] = [
    (
        "orchestrator.local.yaml",
        include_str!("../../examples/todo/local.yaml"),
    ),
    (
        "script.yaml",
        include_str!("../../examples/todo/script.yaml"),
    ),
];

const GOAL: &str = include_str!("../../examples/todo/goal.txt");

pub(super) fn demo(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    let folder = std::path::absolute(&args.folder)?;
    prepare(&folder)?;
    ui.note(&format!(
        "The sample project is in {}.",
        args.folder.display()
    ));
    let first = project::first_commit(&folder).map_err(anyhow::Error::from)?;
    let here = Global {
        repo: Some(folder),
        config: None,
        state_dir: None,
        ..global.clone()
    };
    let new = NewRun {
        goal: GOAL.trim().to_owned(),
        ..NewRun::default()
    };
    let code = run::pursue(
        &new,
        Some(first.as_str()),
        Vec::new(),
        (&here, ui),
        Show::Change,
    )?;
    ui.line(&format!("  (there: cd {})", args.folder.display()));
    Ok(code)
}

/// Writes the sample project, or uses the one that an earlier demo left.
fn prepare(folder: &Path) -> Result<(), Failure> {
    if is_demo(folder) {
        return write(folder, &MODEL);
    }
    let taken = folder
        .read_dir()
        .is_ok_and(|mut entries| entries.next().is_some());
    if taken || folder.is_file() {
        return Err(Failure::config(
            format!("{} is there already, and it is no demo", folder.display()),
            "name another folder: rgpt demo DIR",
        ));
    }
    write(folder, &PROJECT)?;
    write(folder, &MODEL)?;
    project::make(folder, "A to-do list").map_err(anyhow::Error::from)?;
    Ok(())
}

/// Whether an earlier demo made this folder.
fn is_demo(folder: &Path) -> bool {
    let (name, content) = MODEL[0];
    folder.join(".git").is_dir()
        && std::fs::read_to_string(folder.join(name)).is_ok_and(|found| found == content)
}

fn write(folder: &Path, files: &[(&str, &str)]) -> Result<(), Failure> {
    for (path, content) in files {
        let path = folder.join(path);
        let written = path
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&path, content));
        written.map_err(|error| {
            Failure::infra(
                format!("cannot write {}: {error}", path.display()),
                Some("name another folder: rgpt demo DIR".to_owned()),
            )
        })?;
    }
    Ok(())
}
