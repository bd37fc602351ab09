//! `rgpt models`: who can be asked, what that costs, and how it went so far.

use serde::Serialize;
use serde_json::json;

use crate::config::{self, Config, Environment, ModelConfig, Price, ProviderKind};
use crate::domain::phase::Agent;
use crate::engine::model_names;
use crate::llm::Mesh;
use crate::store::{ModelRecord, Store};

use super::config::load;
use super::failure::Failure;
use super::render;
use super::ui::Ui;
use super::{Global, Outcome, exit, open};

/// List the configured models: price, health, calls and spend
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// One model in the document of `models --json`, which is `{"models": […]}`.
#[derive(Debug, Serialize)]
struct ModelObject<'a> {
    /// Its name in the configuration.
    name: &'a str,
    /// Its provider's name in the configuration.
    provider: &'a str,
    /// The provider's protocol; null if there is no such provider.
    kind: Option<ProviderKind>,
    /// Where the provider is; null for its usual place.
    base_url: Option<&'a str>,
    /// Its name at the provider.
    model: &'a str,
    /// The most tokens of prompt and answer together.
    context_window: Option<u64>,
    /// The most tokens of one answer.
    max_output: Option<u32>,
    /// US dollars for a million tokens, `input`, `output` and `cached_input`.
    price: Option<Price>,
    /// How well it reasons, 0 to 1.
    reasoning: Option<f64>,
    /// Whether it calls tools natively.
    tools: bool,
    /// Whether it can be held to a JSON schema.
    json: bool,
    /// The phases and agents that name it.
    phases: Vec<String>,
    /// Whether it can be asked, as far as one can tell without asking.
    usable: bool,
    /// Why it cannot be asked.
    why: Option<String>,
    /// What the record of this repository says of it.
    record: ModelRecord,
}

pub(super) fn models(_: &Args, global: &Global, ui: &Ui) -> Outcome {
    let environment = config::environment();
    let loaded = load(global, &environment)?;
    let rows = rows(&loaded.config, &environment, record(global)?.as_ref())?;
    let document = json!({"models": rows});
    if ui.is_json() {
        ui.json(&document);
    } else {
        ui.line(&render::models::models(&document, ui.look()));
    }
    Ok(exit::REACHED)
}

/// The record, if there is one. Outside of a repository there is none.
fn record(global: &Global) -> Result<Option<Store>, Failure> {
    match open::state_root(global) {
        Ok(_) => open::record(global),
        Err(_) => Ok(None),
    }
}

fn rows<'a>(
    config: &'a Config,
    environment: &Environment,
    store: Option<&Store>,
) -> Result<Vec<ModelObject<'a>>, Failure> {
    let mesh = Mesh::new(config, environment.variables(), &open::clock());
    let row = |(name, model): (&'a String, &'a ModelConfig)| {
        let provider = config.providers.get(&model.provider);
        let unusable = mesh.check(name).err();
        Ok(ModelObject {
            name,
            provider: &model.provider,
            kind: provider.map(|provider| provider.kind),
            base_url: provider.and_then(|provider| provider.base_url.as_deref()),
            model: &model.model,
            context_window: model.context_window,
            max_output: model.max_output,
            price: model.price,
            reasoning: model.reasoning,
            tools: model.tools,
            json: model.json,
            phases: phases(config, name),
            usable: unusable.is_none(),
            why: unusable.map(|failure| failure.message),
            record: match store {
                Some(store) => store.model_record(name)?,
                None => ModelRecord::default(),
            },
        })
    };
    config.models.iter().map(row).collect()
}

/// Who would ask the model: those that it is named for, in the order of a run, and those that use
/// the only model there is.
fn phases(config: &Config, model: &str) -> Vec<String> {
    let uses = |agent: &Agent| model_names(config, *agent).iter().any(|name| name == model);
    let agents = Agent::ALL.iter().filter(|agent| uses(agent));
    let known = |name: &str| Agent::ALL.iter().any(|agent| agent.as_str() == name);
    let others = config
        .phases
        .iter()
        .filter(|(name, phase)| !known(name) && phase.models.iter().any(|named| named == model));
    agents
        .map(ToString::to_string)
        .chain(others.map(|(name, _)| name.clone()))
        .collect()
}
