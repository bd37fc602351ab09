//! `rgpt init`: a configuration that fits the repository it finds. It asks nothing.

mod models;
mod survey;
mod text;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::config;

use super::failure::Failure;
use super::render;
use super::ui::Ui;
use super::{Global, Outcome, exit, open};
use survey::{Missing, Survey};

/// Write an orchestrator.yaml that fits this repository
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Replace an orchestrator.yaml that is there; it is kept as orchestrator.yaml.bak
    #[arg(long)]
    force: bool,
    /// Print it and write nothing
    #[arg(long, conflicts_with = "force")]
    print: bool,
}

/// What the repository gets, and everyone who works on it.
const SHARED: &str = "orchestrator.yaml";
/// What one person has beside it.
const OWN: &str = "orchestrator.local.yaml";

pub(super) fn init(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    let folder = open::start(global)?;
    let file = folder.join(SHARED);
    let there = file.symlink_metadata().is_ok();
    if there && !args.force && !args.print {
        return Err(Failure::config(
            format!("{} is there already", file.display()),
            format!(
                "look at what it says: rgpt config check; or replace it: rgpt init --force{}",
                global.repeated()
            ),
        ));
    }
    let environment = config::environment();
    let mut survey = Survey::of(&folder, global, &environment)?;
    let text = text::shared(&survey);
    let mut done = Done {
        text: args.print.then(|| text.clone()),
        ..Done::default()
    };
    if !args.print {
        done.kept = if there { Some(put_aside(&file)?) } else { None };
        write(&file, &text)?;
        done.written.push(file);
        if !survey.models.are_configured() && folder.join(OWN).symlink_metadata().is_err() {
            write(&folder.join(OWN), &models::text(&survey.models))?;
            done.written.push(folder.join(OWN));
        }
    }
    survey.look_at_own_file(&folder.join(OWN))?;
    tell(&survey, &done, global, ui);
    Ok(exit::REACHED)
}

/// What was done.
#[derive(Default)]
struct Done {
    /// The file's text, where only that is wanted.
    text: Option<String>,
    written: Vec<PathBuf>,
    /// Where the file is that was replaced.
    kept: Option<PathBuf>,
}

/// Whole or not at all.
fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let mut aside = file.as_os_str().to_owned();
    aside.push(".new");
    std::fs::write(&aside, text)
        .and_then(|()| std::fs::rename(&aside, file))
        .map_err(|error| {
            Failure::infra(
                format!("cannot write {}: {error}", file.display()),
                Some("print it and put it where you like: rgpt init --print".to_owned()),
            )
        })
}

/// Moves the file to the first free name.
fn put_aside(file: &Path) -> Result<PathBuf, Failure> {
    let name = |number: u32| match number {
        1 => file.with_extension("yaml.bak"),
        _ => file.with_extension(format!("yaml.bak{number}")),
    };
    let free = (1..)
        .map(name)
        .find(|name| name.symlink_metadata().is_err());
    let free = free.unwrap_or_else(|| name(1));
    std::fs::rename(file, &free).map_err(|error| {
        Failure::infra(
            format!("cannot put {} aside: {error}", file.display()),
            Some("print the new one: rgpt init --print".to_owned()),
        )
    })?;
    Ok(free)
}

fn tell(survey: &Survey, done: &Done, global: &Global, ui: &Ui) {
    let next = next(&survey.missing, global);
    if ui.is_json() {
        ui.json(&document(survey, done, &next));
    } else if let Some(text) = &done.text {
        ui.line(text.trim_end());
    } else {
        let mut document = document(survey, done, &next);
        document["written"] = done.written.iter().map(|file| shown(file)).collect();
        document["kept"] = done.kept.as_deref().map(shown).into();
        ui.line(&render::init::init(&document, ui.look()));
    }
}

/// A path as a person here would type it.
fn shown(file: &Path) -> String {
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    let here = here.unwrap_or_default();
    file.strip_prefix(here)
        .unwrap_or(file)
        .display()
        .to_string()
}

fn document(survey: &Survey, done: &Done, next: &[(String, &str)]) -> Value {
    let checks: Vec<Value> = survey
        .checks
        .iter()
        .map(|(name, check)| json!({"name": name, "kind": check.kind, "command": check.command}))
        .collect();
    let setup: Vec<&str> = survey
        .setup
        .iter()
        .map(|setup| setup.command.as_str())
        .collect();
    let missing: Vec<Value> = survey
        .missing
        .iter()
        .map(|missing| json!({"what": missing.what, "hint": missing.hint}))
        .collect();
    let next: Vec<Value> = next
        .iter()
        .map(|(command, why)| json!({"command": command, "why": why}))
        .collect();
    let mut document = json!({
        "written": done.written, "kept": done.kept, "detected": survey.kinds, "checks": checks,
        "setup": setup, "protected": survey.protected, "models": survey.models.chosen(),
        "missing": missing, "next": next,
    });
    if let Some(text) = &done.text {
        document["text"] = text.as_str().into();
    }
    document
}

/// The commands to type next, and what for.
fn next(missing: &[Missing], global: &Global) -> Vec<(String, &'static str)> {
    let again = global.repeated();
    let mut next = vec![(
        format!("rgpt doctor{again}"),
        "see whether everything is there",
    )];
    if missing.is_empty() {
        next.push((
            format!("rgpt run --goal \"…\"{again}"),
            "say what is to be done",
        ));
    } else {
        next.push((format!("rgpt demo{again}"), "see a run, without a model"));
    }
    next
}
