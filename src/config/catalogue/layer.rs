//! The catalogue as a layer of configuration: what the other layers leave out.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{KnownModel, SHIPPED, known};
use crate::config::environment::Environment;
use crate::config::settings::ProviderKind;
use crate::domain::phase::Agent;

/// The variables that hold keys of the vendors, in order of preference, and how each is reached.
const VENDORS: [(ProviderKind, &str, &[&str]); 3] = [
    (ProviderKind::Anthropic, "anthropic", &["ANTHROPIC_API_KEY"]),
    (ProviderKind::OpenAi, "openai", &["OPENAI_API_KEY"]),
    (
        ProviderKind::Gemini,
        "gemini",
        &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
    ),
];

/// A provider over which models can be chosen.
struct Way {
    provider: String,
    kind: ProviderKind,
    /// The variable that holds its key.
    variable: String,
}

/// What the catalogue adds to `merged`, which holds null where a setting was cleared, and the
/// variables with the keys for which it chose models: none, if there are models already.
pub(in crate::config) fn layer(merged: &Value, environment: &Environment) -> (Value, Vec<String>) {
    let (mut layer, mut chosen_for) = (Map::new(), Vec::new());
    if is_empty(&merged["models"])
        && let Some(chosen) = choose(merged, environment)
    {
        (layer, chosen_for) = chosen;
    }
    let of_layer = |key: &str| layer.get(key).cloned().unwrap_or_default();
    let providers = match &merged["providers"] {
        none if is_empty(none) => of_layer("providers"),
        some => some.clone(),
    };
    let mut models = of_layer("models").as_object().cloned().unwrap_or_default();
    let chosen = models.clone();
    for (name, model) in objects(&merged["models"]).chain(&chosen) {
        let added = left_out(model, &providers);
        if !added.is_empty()
            && let Some(model) = models.entry(name).or_insert(json!({})).as_object_mut()
        {
            model.extend(added);
        }
    }
    if !models.is_empty() {
        layer.insert("models".to_owned(), Value::Object(models));
    }
    (Value::Object(layer), chosen_for)
}

/// Providers, models and phases for whatever keys there are, and the variables with those keys.
fn choose(merged: &Value, environment: &Environment) -> Option<(Map<String, Value>, Vec<String>)> {
    let mut chosen = Map::new();
    let mut ways = configured(merged, environment);
    if is_empty(&merged["providers"]) {
        ways = vendors(environment);
        let providers = ways
            .iter()
            .map(|way| (way.provider.clone(), way.settings()));
        chosen.insert("providers".to_owned(), providers.collect());
    }
    let (models, phases) = route(&merged["phases"], &ways);
    if is_empty(&models) {
        return None;
    }
    chosen.insert("models".to_owned(), models);
    chosen.insert("phases".to_owned(), phases);
    Some((chosen, ways.into_iter().map(|way| way.variable).collect()))
}

fn is_empty(value: &Value) -> bool {
    objects(value).all(|(_, value)| value.is_null())
}

fn objects(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// The settings of a model that it leaves out and the catalogue knows.
pub(super) fn left_out(model: &Value, providers: &Value) -> Map<String, Value> {
    let provider = model["provider"].as_str().map(|name| &providers[name]);
    let kind = provider.and_then(kind_of);
    let entry = model["model"]
        .as_str()
        .zip(kind)
        .and_then(|(name, kind)| known(kind, name));
    let (Some(entry), Some(provider), Some(model)) = (entry, provider, model.as_object()) else {
        return Map::new();
    };
    let mut settings = entry.settings(model);
    if entry.kind == ProviderKind::Ollama && is_here(provider["base_url"].as_str()) {
        settings.insert("private".to_owned(), true.into());
    }
    settings.retain(|key, value| !model.contains_key(key) && !value.is_null());
    settings
}

fn kind_of(provider: &Value) -> Option<ProviderKind> {
    serde_json::from_value(provider["kind"].clone()).ok()
}

/// Whether an address is on this machine; none is Ollama's usual one.
pub(super) fn is_here(address: Option<&str>) -> bool {
    let Some(address) = address else {
        return true;
    };
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let number = host.parse::<std::net::IpAddr>();
    number.map_or(host == "localhost", |number| number.is_loopback())
}

impl KnownModel {
    /// Its settings as a file would have them, beside those that are `given`: the window and the
    /// answer must fit each other, whichever of them was given.
    fn settings(&self, given: &Map<String, Value>) -> Map<String, Value> {
        let number = |key: &str| given.get(key).and_then(Value::as_u64);
        // Where the price is not the catalogue's, neither is the prompt beyond which it rises.
        let is_own_price = self.kind != ProviderKind::Ollama && given.contains_key("price");
        let usual = self.usual_window.filter(|_| !is_own_price);
        let answer = number("max_output").unwrap_or(0);
        let window = usual
            .unwrap_or(self.context_window)
            .max(answer.saturating_mul(2))
            .min(self.context_window);
        let most = u64::from(self.max_output.min(SHIPPED.answer));
        let most = most.min(number("context_window").unwrap_or(u64::MAX) / 2);
        let settings = json!({
            "context_window": window, "max_output": most.max(1), "price": self.price,
            "reasoning": self.reasoning, "tools": self.tools, "json": self.json,
            "temperature": self.temperature, "effort": self.effort,
        });
        let mut settings = settings.as_object().cloned().unwrap_or_default();
        if let Some(price) = settings.get_mut("price").and_then(Value::as_object_mut) {
            price.retain(|_, value| !value.is_null());
        }
        settings
    }
}

impl Way {
    /// Its provider as a file would have it.
    fn settings(&self) -> Value {
        let mut settings = json!({"kind": self.kind, "api_key_env": self.variable});
        if self.kind == ProviderKind::OpenAi {
            settings["api"] = "responses".into();
        }
        settings
    }
}

fn is_set(environment: &Environment, variable: &str) -> bool {
    environment
        .get(variable)
        .is_some_and(|key| !key.trim().is_empty())
}

/// The vendors for which there is a key.
fn vendors(environment: &Environment) -> Vec<Way> {
    let way = |(kind, provider, variables): (ProviderKind, &str, &[&str])| {
        let variable = variables
            .iter()
            .find(|variable| is_set(environment, variable))?;
        Some(Way {
            provider: provider.to_owned(),
            kind,
            variable: (*variable).to_owned(),
        })
    };
    VENDORS.into_iter().filter_map(way).collect()
}

/// The configured providers that are a vendor, for which there is a key. A server that only speaks
/// chat completions has models of its own; over that protocol OpenAI's newest call no tools while
/// they reason. One that speaks a vendor's own protocol stands in between.
fn configured(merged: &Value, environment: &Environment) -> Vec<Way> {
    let mut ways: Vec<Way> = Vec::new();
    for (name, provider) in objects(&merged["providers"]) {
        let (Some(kind), Some(variable)) = (kind_of(provider), provider["api_key_env"].as_str())
        else {
            continue;
        };
        let is_vendor = match (kind, provider["api"].as_str()) {
            (ProviderKind::OpenAi, None) => provider["base_url"].is_null(),
            (ProviderKind::OpenAi, Some(api)) => api == "responses",
            _ => VENDORS.iter().any(|(vendor, ..)| *vendor == kind),
        };
        let is_new = ways.iter().all(|way| way.kind != kind);
        if is_vendor && is_new && is_set(environment, variable) {
            ways.push(Way {
                provider: name.clone(),
                kind,
                variable: variable.to_owned(),
            });
        }
    }
    ways
}

/// The models that can be asked over `ways`, and who asks which: the agents that name some
/// themselves keep to that.
fn route(phases: &Value, ways: &[Way]) -> (Value, Value) {
    let way = |name: &str| {
        ways.iter()
            .find(|way| known(way.kind, name).is_some_and(|model| model.name == name))
    };
    let mut wanted: BTreeSet<&str> = BTreeSet::new();
    let mut routed = Map::new();
    for (_, phase) in objects(phases) {
        let named = phase["models"].as_array().into_iter().flatten();
        wanted.extend(named.filter_map(Value::as_str));
    }
    for agent in Agent::ALL {
        let Some(preferred) = SHIPPED.routes.get(agent.as_str()) else {
            continue;
        };
        let phase = &phases[agent.as_str()];
        let named = phase["models"].as_array();
        if named.is_some_and(|named| !named.is_empty()) {
            continue;
        }
        let names: Vec<&str> = preferred.iter().map(String::as_str).collect();
        let names: Vec<&str> = names
            .into_iter()
            .filter(|name| way(name).is_some())
            .collect();
        if names.is_empty() {
            continue;
        }
        let providers: BTreeSet<&str> = names
            .iter()
            .filter_map(|name| Some(way(name)?.provider.as_str()))
            .collect();
        let mut settings = json!({"models": names});
        // Between vendors prices and results differ enough to be worth learning.
        if providers.len() > 1 && phase["choose"].is_null() {
            settings["choose"] = "score".into();
        }
        wanted.extend(names);
        routed.insert(agent.as_str().to_owned(), settings);
    }
    let models = wanted.into_iter().filter_map(|name| {
        let provider = &way(name)?.provider;
        Some((
            name.to_owned(),
            json!({"provider": provider, "model": name}),
        ))
    });
    (models.collect(), Value::Object(routed))
}
