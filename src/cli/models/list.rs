//! `rgpt models` itself: one line for each configured model.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::json;

use crate::config::{self, Config, Environment, ModelConfig, Price, ProviderKind};
use crate::domain::breaker::Breaker;
use crate::domain::phase::Agent;
use crate::domain::tape::ModelFailureKind;
use crate::engine::model_names;
use crate::llm::belief::{Beliefs, LOOK_BACK};
use crate::llm::{Mesh, breaker};
use crate::store::{ModelRecord, Store};

use crate::cli::config::load;
use crate::cli::failure::Failure;
use crate::cli::render;
use crate::cli::ui::Ui;
use crate::cli::{Global, Outcome, exit, open};

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
    /// Where what the configuration leaves out comes from; null if the model is not known.
    catalogue: Option<Catalogued>,
    /// Whether it may be asked now, or rests.
    breaker: BreakerObject,
    /// What the record of this repository says of it.
    record: ModelRecord,
    /// What checks said of its work, by agent and class of task; empty if they said nothing yet.
    learned: Vec<LearnedObject>,
}

/// Whether a model may be asked now.
#[derive(Debug, Serialize)]
struct BreakerObject {
    /// `closed`: it may; `open`: it rests; `half_open`: one call finds out whether it is back.
    state: &'static str,
    /// Failures one after the other that speak of an outage.
    failures: u32,
    /// The end of its rest; null without one.
    until: Option<Timestamp>,
    /// The kind of the latest failure that is held against it.
    kind: Option<ModelFailureKind>,
}

impl BreakerObject {
    fn of(breaker: Option<&Breaker>, now: Timestamp) -> Self {
        Self {
            state: breaker::standing(breaker, now, None).as_str(),
            failures: breaker.map_or(0, |breaker| breaker.failures),
            until: breaker.map(|breaker| breaker.until),
            kind: breaker.map(|breaker| breaker.kind),
        }
    }
}

/// How well a model does at one class of task.
#[derive(Debug, Serialize)]
struct LearnedObject {
    /// Who asks it.
    agent: Agent,
    /// The class: a step's estimated complexity, `repair`, `plan` or `replan`.
    class: String,
    /// The share of successes that is expected of it, 0 to 1.
    mean: f64,
    /// How much was seen, earlier observations faded.
    seen: f64,
}

/// How far the catalogue's word on a model goes.
#[derive(Debug, Serialize)]
struct Catalogued {
    /// The day for which it holds.
    as_of: Date,
    /// The vendor's page.
    source: &'static str,
    /// Whether that is so long ago that it may no longer be so.
    stale: bool,
    /// The last day of the model, if that is near or over.
    ends: Option<Date>,
}

pub(super) fn list(global: &Global, ui: &Ui) -> Outcome {
    let environment = config::environment();
    let loaded = load(global, &environment)?;
    let rows = rows(&loaded.config, &environment, record(global)?.as_ref())?;
    let mut document = json!({"models": rows});
    if !loaded.chosen_for.is_empty() {
        document["chosen_for"] = json!(loaded.chosen_for);
    }
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
    let clock = open::clock();
    let mesh = Mesh::new(config, environment.variables(), &clock);
    let breakers = store.map(Store::breakers).transpose()?.unwrap_or_default();
    let seen = match store {
        Some(store) => store.observations(LOOK_BACK)?,
        None => Vec::new(),
    };
    let beliefs = Beliefs::new(config).after(&seen);
    let today = open::today();
    let row = |(name, model): (&'a String, &'a ModelConfig)| {
        let provider = config.providers.get(&model.provider);
        let unusable = mesh.check(name).err();
        let breaker = breakers.get(&(model.provider.clone(), name.clone()));
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
            catalogue: provider
                .and_then(|provider| config::known(provider.kind, &model.model))
                .map(|known| Catalogued {
                    as_of: known.as_of,
                    source: &known.source,
                    stale: known.is_stale(today),
                    ends: known.is_ending(today),
                }),
            breaker: BreakerObject::of(breaker, clock.now()),
            record: match store {
                Some(store) => store.model_record(name)?,
                None => ModelRecord::default(),
            },
            learned: learned(&beliefs, name),
        })
    };
    config.models.iter().map(row).collect()
}

fn learned(beliefs: &Beliefs, model: &str) -> Vec<LearnedObject> {
    let classes = beliefs.classes(model);
    let object = |(agent, class): (Agent, &str)| {
        let belief = beliefs.of(agent, class, model);
        LearnedObject {
            agent,
            class: class.to_owned(),
            mean: belief.mean(),
            seen: belief.seen,
        }
    };
    classes.map(object).collect()
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
