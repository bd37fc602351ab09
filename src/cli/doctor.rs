//! `rgpt doctor`: is everything there that a run needs?

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::config::{self, LayerKind, ModelConfig};
use crate::engine;
use crate::export::words;
use crate::store::{StateDir, Store};
use crate::workspace::confine::{self, Confinement};
use crate::workspace::git::git_version;
use crate::workspace::share;

use super::failure::Failure;
use super::open::{self, Prospect};
use super::render;
use super::ui::Ui;
use super::{Global, Outcome, exit};

/// Check git, configuration, models, sandbox, disk and database
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Free space below which a run is likely to meet its end, in bytes.
const LITTLE_SPACE: u64 = 512 * 1024 * 1024;

pub(super) fn doctor(_: &Args, global: &Global, ui: &Ui) -> Outcome {
    let mut rows = vec![git(), sandbox()];
    if rustix::process::geteuid().is_root() {
        rows.push(row(
            "user",
            "warn",
            "rgpt runs as root: a model's commands could read the keys in its environment",
            Some("run it as another user where keys are set"),
        ));
    }
    match open::prospect(global, None, Vec::new()) {
        Ok(prospect) => {
            rows.push(row(
                "repository",
                "ok",
                &prospect.repository.top.display().to_string(),
                None,
            ));
            rows.extend(configured(&prospect));
        }
        Err(failure) => rows.push(failed("repository and configuration", &failure)),
    }
    if let Ok(root) = open::state_root(global) {
        rows.push(disk(&root));
        rows.push(database(&root));
    }
    let ok = rows.iter().all(|row| row["status"] != "fail");
    let document = json!({"ok": ok, "checks": rows});
    if ui.is_json() {
        ui.json(&document);
    } else {
        ui.line(&render::doctor::doctor(&document["checks"], ui.look()));
    }
    Ok(if ok { exit::REACHED } else { exit::NOT_REACHED })
}

fn row(name: &str, status: &str, detail: &str, hint: Option<&str>) -> Value {
    json!({"name": name, "status": status, "detail": detail, "hint": hint})
}

fn failed(name: &str, failure: &Failure) -> Value {
    row(
        name,
        "fail",
        &failure.message,
        failure.hints.first().map(String::as_str),
    )
}

fn git() -> Value {
    match git_version() {
        Ok(version) => row("git", "ok", &version.to_string(), None),
        Err(error) => row(
            "git",
            "fail",
            &error.to_string(),
            Some("install git 2.34 or later"),
        ),
    }
}

fn sandbox() -> Value {
    match confine::probe() {
        Confinement::Landlock { abi, scoped } => {
            let scope = if scoped { ", signals kept inside" } else { "" };
            let detail = format!("writes are confined by Landlock (ABI {abi}{scope})");
            row("sandbox", "ok", &detail, None)
        }
        Confinement::None { why } => row(
            "sandbox",
            "warn",
            &format!("commands cannot be confined here: {why}"),
            Some(
                "a model's run_command is refused; checks run unconfined. Linux 6.2 or later has what is needed",
            ),
        ),
    }
}

/// Where there is a file already, `rgpt init` would refuse to write it.
fn without_checks(prospect: &Prospect) -> &'static str {
    let mut files = prospect.loaded.files.iter();
    match files.any(|file| file.layer == LayerKind::Repository) {
        true => "add them under `checks:` in orchestrator.yaml",
        false => "write them down: rgpt init",
    }
}

fn configured(prospect: &Prospect) -> Vec<Value> {
    let config = &prospect.loaded.config;
    let files: Vec<String> = prospect
        .loaded
        .files
        .iter()
        .map(|file| file.path.display().to_string())
        .collect();
    let files = if files.is_empty() {
        "defaults only".to_owned()
    } else {
        files.join(", ")
    };
    let mut rows = vec![row("configuration", "ok", &files, None)];
    let checks: Vec<&str> = config
        .checks
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    rows.push(match checks.as_slice() {
        [] => row(
            "checks",
            "fail",
            "none configured, none found in the repository",
            Some(without_checks(prospect)),
        ),
        names => row("checks", "ok", &names.join(", "), None),
    });
    let models = engine::require_models(config, &prospect.mesh, &prospect.environment);
    rows.push(match models {
        Ok(()) => row("models", "ok", &with_models(prospect), None),
        Err(error) => row(
            "models",
            "fail",
            &error.to_string(),
            error.hint().as_deref(),
        ),
    });
    rows.extend(ending(prospect));
    rows.extend(shared_folders(prospect));
    rows.extend(keys(prospect));
    for warning in &prospect.loaded.warnings {
        rows.push(row("configuration", "warn", warning, None));
    }
    rows
}

fn with_models(prospect: &Prospect) -> String {
    let asked = "planner and builder have one that can be asked";
    match prospect.loaded.chosen_for.as_slice() {
        [] => asked.to_owned(),
        chosen => format!("{asked}, chosen for {}: rgpt models", chosen.join(", ")),
    }
}

/// The models that phases name and whose end is near, or over.
fn ending(prospect: &Prospect) -> Vec<Value> {
    let (config, today) = (&prospect.loaded.config, open::today());
    let named = |name: &String| {
        config
            .phases
            .values()
            .any(|phase| phase.models.contains(name))
    };
    let ending = |(name, model): (&String, &ModelConfig)| {
        let provider = config.providers.get(&model.provider)?;
        let day = config::known(provider.kind, &model.model)?.is_ending(today)?;
        let detail = format!("{name}: its provider ends {} on {day}", model.model);
        let hint = format!("set models.{name}.model to one that stays");
        named(name).then(|| row("models", "warn", &detail, Some(&hint)))
    };
    config.models.iter().filter_map(ending).collect()
}

/// Whether the folders that each worktree gets a copy of can be copied, if there are any.
fn shared_folders(prospect: &Prospect) -> Option<Value> {
    let shared = &prospect.loaded.config.workspace.share;
    let directory = &prospect.repository.directory;
    (!shared.is_empty()).then(
        || match share::check(&prospect.repository, directory, shared) {
            Ok(()) => row("shared folders", "ok", &shared.join(", "), None),
            Err(error) => failed("shared folders", &error.into()),
        },
    )
}

/// Whether the keys of the providers are there; whether they are good, only a call can tell.
fn keys(prospect: &Prospect) -> Option<Value> {
    let providers = &prospect.loaded.config.providers;
    let wanted: BTreeSet<&str> = providers
        .values()
        .filter_map(|provider| provider.api_key_env.as_deref())
        .collect();
    let value = |name: &str| prospect.environment.get(name).unwrap_or_default().trim();
    let missing: Vec<&str> = wanted
        .iter()
        .filter(|name| value(name).is_empty())
        .copied()
        .collect();
    if let Some(first) = missing.first() {
        let detail = format!("not set: {}", missing.join(", "));
        return Some(row(
            "keys",
            "warn",
            &detail,
            Some(&format!("export {first}=…")),
        ));
    }
    let names: Vec<&str> = wanted.into_iter().collect();
    (!names.is_empty()).then(|| row("keys", "ok", &format!("set: {}", names.join(", ")), None))
}

fn disk(root: &Path) -> Value {
    let existing = root
        .ancestors()
        .find(|folder| folder.is_dir())
        .unwrap_or(root);
    match rustix::fs::statvfs(existing) {
        Ok(space) => {
            let free = space.f_bavail.saturating_mul(space.f_frsize);
            let detail = format!(
                "{} MiB free at {}",
                free / (1024 * 1024),
                existing.display()
            );
            let little = free < LITTLE_SPACE;
            let hint =
                little.then_some("free some space, or keep the record elsewhere: --state-dir DIR");
            row("disk", if little { "warn" } else { "ok" }, &detail, hint)
        }
        Err(error) => row("disk", "warn", &format!("cannot tell: {error}"), None),
    }
}

fn database(root: &Path) -> Value {
    if !root.join("rgpt.db").exists() {
        return row("database", "ok", "none yet; the first run makes it", None);
    }
    let checked = StateDir::prepare(root)
        .and_then(|state| Store::open(&state, open::clock()))
        .and_then(|store| store.check());
    match checked {
        Ok(report) if report.problems.is_empty() => row(
            "database",
            "ok",
            &format!("sound, {}", words::count(report.runs, "run", "runs")),
            None,
        ),
        Ok(report) => row(
            "database",
            "fail",
            &words::count(report.problems.len() as u64, "problem", "problems"),
            Some("see them: rgpt db check"),
        ),
        Err(error) => row(
            "database",
            "fail",
            &error.to_string(),
            error.hints().first().map(String::as_str),
        ),
    }
}
