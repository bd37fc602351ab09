//! `rgpt config`: what is configured, whether it is right, and what is trusted.

use std::path::PathBuf;

use serde_json::json;

use crate::config::{self, Environment, Loaded, TrustStore};
use crate::llm::Mesh;
use crate::workspace::repository::UserRepository;
use crate::workspace::share;

use super::failure::Failure;
use super::render;
use super::ui::Ui;
use super::{Global, Outcome, exit, open};

/// Show, check or trust the configuration
#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Show every setting with its value and where it comes from
    Show,
    /// Check every layer and say what is wrong with it
    Check,
    /// Print the JSON Schema of orchestrator.yaml, for editors
    Schema,
    /// Accept the present content of the repository's orchestrator.yaml
    Trust {
        /// The file; orchestrator.yaml as the search finds it if none is given
        file: Option<PathBuf>,
    },
}

pub(super) fn config(verb: &Verb, global: &Global, ui: &Ui) -> Outcome {
    let environment = config::environment();
    match verb {
        Verb::Show => show(global, &environment, ui),
        Verb::Check => check(global, &environment, ui),
        Verb::Schema => {
            ui.json(&config::json_schema());
            Ok(exit::REACHED)
        }
        Verb::Trust { file } => trust(file.as_ref(), global, &environment, ui),
    }
}

/// The configuration as a run would see it; outside of a repository, without what is detected.
pub(super) fn load(global: &Global, environment: &Environment) -> Result<Loaded, Failure> {
    let start = open::start(global)?;
    let repository = UserRepository::open(&start, None).ok();
    let mut loaded =
        open::configuration(global, environment, &start, repository.as_ref(), Vec::new())?;
    if let Some(repository) = &repository {
        open::detect(&mut loaded, repository)?;
    }
    open::with_local_models(&mut loaded, environment)?;
    Ok(loaded)
}

fn show(global: &Global, environment: &Environment, ui: &Ui) -> Outcome {
    let loaded = load(global, environment)?;
    let shown = config::show(&loaded).map_err(anyhow::Error::from)?;
    let rows: Vec<_> = shown
        .iter()
        .map(|row| json!({"path": row.path, "value": row.value, "origin": row.origin}))
        .collect();
    let checks: Vec<_> = loaded
        .config
        .checks
        .iter()
        .map(|(name, check)| json!({"name": name, "kind": check.kind, "command": check.command}))
        .collect();
    let document = json!({
        "settings": rows, "checks": checks, "files": loaded.files, "warnings": loaded.warnings,
        "chosen_for": loaded.chosen_for,
    });
    if ui.is_json() {
        ui.json(&document);
    } else {
        ui.line(&render::config::config(&document["settings"], ui.look()));
        if !loaded.chosen_for.is_empty() {
            ui.line(&render::models::chosen(&loaded.chosen_for));
        }
        for check in &loaded.config.checks {
            ui.line(&format!("check {}: {}", check.0, check.1.command));
        }
    }
    Ok(exit::REACHED)
}

fn check(global: &Global, environment: &Environment, ui: &Ui) -> Outcome {
    let loaded = load(global, environment).map_err(Failure::found)?;
    let mesh = Mesh::new(&loaded.config, environment.variables(), &open::clock());
    let mut problems = Vec::new();
    let mut models = Vec::new();
    for (agent, phase) in &loaded.config.phases {
        for name in &phase.models {
            models.push(format!("{agent}: {name}"));
            if let Err(failure) = mesh.check(name) {
                problems.push(format!("phases.{agent}.models: {}", failure.message));
            }
        }
    }
    for missing in config::missing_keys(&loaded.config, environment) {
        problems.push(format!(
            "providers.{}: the environment variable {} is not set",
            missing.provider, missing.variable
        ));
    }
    let shared = &loaded.config.workspace.share;
    if !shared.is_empty() {
        let repository = UserRepository::open(&open::start(global)?, None)?;
        let checked = share::check(&repository, &repository.directory, shared);
        problems.extend(
            checked
                .err()
                .map(|error| format!("workspace.share: {error}")),
        );
    }
    let checks: Vec<&str> = loaded
        .config
        .checks
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let document = json!({
        "ok": problems.is_empty(), "problems": problems, "checks": checks, "models": models,
        "files": loaded.files, "warnings": loaded.warnings,
    });
    if ui.is_json() {
        ui.json(&document);
    } else {
        tell(&loaded, &checks, &models, &problems, ui);
    }
    Ok(if problems.is_empty() {
        exit::REACHED
    } else {
        exit::NOT_REACHED
    })
}

fn tell(loaded: &Loaded, checks: &[&str], models: &[String], problems: &[String], ui: &Ui) {
    let or_none = |words: String| {
        if words.is_empty() {
            "none".to_owned()
        } else {
            words
        }
    };
    let files: Vec<String> = loaded
        .files
        .iter()
        .map(|file| file.path.display().to_string())
        .collect();
    ui.line(&format!("files   {}", or_none(files.join(", "))));
    ui.line(&format!("checks  {}", or_none(checks.join(", "))));
    ui.line(&format!("models  {}", or_none(models.join(", "))));
    for warning in &loaded.warnings {
        ui.line(&format!("warning: {warning}"));
    }
    for problem in problems {
        ui.line(&format!("wrong: {problem}"));
    }
    if problems.is_empty() {
        ui.line("Nothing is wrong.");
    }
}

fn trust(file: Option<&PathBuf>, global: &Global, environment: &Environment, ui: &Ui) -> Outcome {
    let home = config::config_home(environment).ok_or_else(|| {
        Failure::config(
            "there is no folder for your configuration: HOME is not set",
            "export HOME=…",
        )
    })?;
    let file = match file {
        Some(file) => file.clone(),
        None => found(global)?,
    };
    let trouble = |error: std::io::Error| {
        Failure::config(
            format!("cannot accept {}: {error}", file.display()),
            "name the file: rgpt config trust FILE",
        )
    };
    let digest = TrustStore::open(&home)
        .and_then(|mut store| store.accept(&file))
        .map_err(trouble)?;
    if ui.is_json() {
        ui.json(&json!({"trusted": file, "hash": digest}));
    } else {
        ui.line(&format!(
            "{} is trusted as it is now ({}). If it changes, it is not, until you say so again.",
            file.display(),
            digest.short()
        ));
    }
    Ok(exit::REACHED)
}

fn found(global: &Global) -> Result<PathBuf, Failure> {
    let start = open::start(global)?;
    start
        .ancestors()
        .map(|folder| folder.join("orchestrator.yaml"))
        .find(|file| file.is_file())
        .ok_or_else(|| {
            Failure::config(
                format!(
                    "there is no orchestrator.yaml in or above {}",
                    start.display()
                ),
                "name the file: rgpt config trust FILE",
            )
        })
}
