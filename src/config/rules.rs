//! What must hold between settings, once all layers are merged.

use super::key_path::KeyPath;
use super::nearest::suggestion;
use super::settings::{
    CheckConfig, Config, ModelConfig, Network, PhaseConfig, Provider, ProviderKind, ReleaseMode,
    ReportFormat,
};
use crate::domain::phase::Agent;

/// A setting and what is wrong with it.
pub(super) type Fault = (KeyPath, String);

/// Everything that is wrong between the settings.
pub(super) fn faults(config: &Config) -> Vec<Fault> {
    let mut found = Vec::new();
    providers(config, &mut found);
    models(config, &mut found);
    phases(config, &mut found);
    checks(config, &mut found);
    not_yet(config, &mut found);
    found
}

/// What works, but not as one may think.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    for (name, model) in used_models(config) {
        let free = config.providers.get(&model.provider).is_some_and(is_free);
        if model.price.is_none() && !free {
            let path = KeyPath::of(["models", name]);
            warnings.push(format!(
                "{path}: has no price, so its calls count as free and only the token budget holds"
            ));
        }
    }
    for name in config.phases.keys() {
        if !Agent::ALL.iter().any(|agent| agent.as_str() == name) {
            let path = KeyPath::of(["phases", name]);
            warnings.push(format!("{path}: this version has no such agent yet"));
        }
    }
    let unenforced = |path: &KeyPath, network: Network| {
        let word = match network {
            Network::None => "none",
            Network::Loopback => "loopback",
            Network::Host => return None,
        };
        Some(format!(
            "{path}.network: {word} is not enforced by this version"
        ))
    };
    let on_host = |check: &&(String, CheckConfig)| !check.1.runner.is_container();
    for (name, check) in config.checks.iter().filter(on_host) {
        warnings.extend(unenforced(&KeyPath::of(["checks", name]), check.network));
    }
    for (index, setup) in config.workspace.setup.iter().flatten().enumerate() {
        let path = KeyPath::of(["workspace", "setup"]).item(index);
        warnings.extend(unenforced(&path, setup.network));
    }
    warnings
}

/// The models that some phase names, each once; the only one there is need not be named.
pub(super) fn used_models(config: &Config) -> Vec<(&str, &ModelConfig)> {
    config
        .models
        .iter()
        .filter(|(name, _)| {
            let named = |phase: &PhaseConfig| phase.models.contains(name);
            config.models.len() == 1 || config.phases.values().any(named)
        })
        .map(|(name, model)| (name.as_str(), model))
        .collect()
}

fn is_free(provider: &Provider) -> bool {
    matches!(provider.kind, ProviderKind::Scripted | ProviderKind::Ollama)
}

fn providers(config: &Config, found: &mut Vec<Fault>) {
    for (name, provider) in &config.providers {
        let path = KeyPath::of(["providers", name]);
        if provider.api.is_some() && provider.kind != ProviderKind::OpenAi {
            found.push((
                path.key("api"),
                "only a provider of kind openai has this".into(),
            ));
        }
        if provider.kind == ProviderKind::Scripted {
            if provider.script.is_none() {
                let what = "missing: a scripted provider answers from a file";
                found.push((path.key("script"), what.into()));
            }
            for (key, is_set) in [
                ("api_key_env", provider.api_key_env.is_some()),
                ("base_url", provider.base_url.is_some()),
                ("stream", provider.stream.is_some()),
                ("timeout", provider.timeout.is_some()),
            ] {
                if is_set {
                    found.push((path.key(key), "a scripted provider has none".into()));
                }
            }
        } else if provider.script.is_some() {
            let what = "only a provider of kind scripted has this";
            found.push((path.key("script"), what.into()));
        }
    }
}

fn models(config: &Config, found: &mut Vec<Fault>) {
    for (name, model) in &config.models {
        let path = KeyPath::of(["models", name]);
        if !config.providers.contains_key(&model.provider) {
            let known = config.providers.keys().map(String::as_str);
            let what = format!(
                "unknown provider `{}`{}",
                model.provider,
                suggestion(&model.provider, known)
            );
            found.push((path.key("provider"), what));
        }
        if let (Some(window), Some(output)) = (model.context_window, model.max_output)
            && u64::from(output) > window
        {
            let what = format!("is more than the context window of {window} holds");
            found.push((path.key("max_output"), what));
        }
    }
}

fn phases(config: &Config, found: &mut Vec<Fault>) {
    for (phase, settings) in &config.phases {
        let path = KeyPath::of(["phases", phase, "models"]);
        for (index, model) in settings.models.iter().enumerate() {
            if !config.models.contains_key(model) {
                let known = config.models.keys().map(String::as_str);
                let what = format!("unknown model `{model}`{}", suggestion(model, known));
                found.push((path.item(index), what));
            }
        }
    }
}

fn checks(config: &Config, found: &mut Vec<Fault>) {
    for (name, check) in &config.checks {
        if check.report == ReportFormat::None && !check.report_files.is_empty() {
            let path = KeyPath::of(["checks", name, "report_files"]);
            let what = "with `report: none` no file is read: take one of the two away";
            found.push((path, what.into()));
        }
        if check.runner.is_container() && check.image.is_none() {
            let path = KeyPath::of(["checks", name, "image"]);
            let what = format!("missing: {} runs it in an image", check.runner.as_str());
            found.push((path, what));
        }
    }
}

/// Settings that have a name and a place, but that this version cannot honour.
fn not_yet(config: &Config, found: &mut Vec<Fault>) {
    let mut refuse = |path: KeyPath, works: &str| {
        found.push((
            path,
            format!("not built yet: only {works} works in this version"),
        ));
    };
    if config.execution.parallel_steps > 1 {
        refuse(KeyPath::of(["execution", "parallel_steps"]), "1");
    }
    if config.release.mode != ReleaseMode::Branch {
        refuse(KeyPath::of(["release", "mode"]), "branch");
    }
}
