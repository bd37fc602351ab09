//! An Ollama on the person's machine, as far as configuration is about it.

use serde_json::json;

use super::layer::{is_here, left_out};
use super::{SHIPPED, known};
use crate::config::environment::Environment;
use crate::config::key_path::KeyPath;
use crate::config::layer::LayerKind;
use crate::config::load::{Loaded, Origin, collect_leaves};
use crate::config::settings::{Choose, ModelConfig, Provider, ProviderKind};

/// Where Ollama listens unless told otherwise.
const USUAL: &str = "http://127.0.0.1:11434";

/// The port that belongs to an address without one.
const PORT: &str = "11434";

/// An Ollama that may have models to offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ollama {
    /// Its name as a provider.
    provider: String,
    /// Where it is.
    pub base_url: String,
}

impl Loaded {
    /// The Ollama to ask for its models, where no models are configured: the one that is configured
    /// as a provider, or that `OLLAMA_HOST` names, or, where there is no key of a vendor either, one
    /// that may be on this machine.
    pub fn ollama_to_ask(&self, environment: &Environment) -> Option<Ollama> {
        if !self.config.models.is_empty() && self.chosen_for.is_empty() {
            return None;
        }
        let at = |provider: &str, base_url: String| {
            Some(Ollama {
                provider: provider.to_owned(),
                base_url,
            })
        };
        let mut providers = self.config.providers.iter();
        if let Some((name, provider)) =
            providers.find(|(_, provider)| provider.kind == ProviderKind::Ollama)
        {
            let address = provider.base_url.as_deref().unwrap_or(USUAL);
            return at(name, address.to_owned());
        }
        if self.has_own("providers") {
            return None;
        }
        let named = environment.get("OLLAMA_HOST").map(str::trim);
        match named.filter(|host| !host.is_empty()) {
            Some(host) => at("ollama", address(host)),
            None if self.chosen_for.is_empty() => at("ollama", USUAL.to_owned()),
            None => None,
        }
    }

    /// Puts the best coder among the `installed` models to use: in place of nothing, or behind the
    /// models that were chosen for keys. Returns its name in the configuration.
    pub fn use_ollama(&mut self, ollama: &Ollama, installed: &[String]) -> Option<String> {
        let best = best_coder(installed)?;
        let plain = |c: char| match c {
            c if c.is_alphanumeric() || ".-_".contains(c) => c,
            _ => '-',
        };
        let name: String = best.chars().map(plain).collect();
        let base_url = ollama.base_url.as_str();
        let mut model = json!({"provider": ollama.provider, "model": best});
        let provider = json!({"kind": ProviderKind::Ollama, "base_url": base_url});
        let added = left_out(&model, &json!({&ollama.provider: provider}));
        if let Some(model) = model.as_object_mut() {
            model.extend(added);
        }
        let mut model: ModelConfig = serde_json::from_value(model).ok()?;
        model.private = is_here(Some(base_url));
        let providers = &mut self.config.providers;
        providers
            .entry(ollama.provider.clone())
            .or_insert_with(|| Provider {
                base_url: Some(base_url.to_owned()),
                ..Provider::of(ProviderKind::Ollama)
            });
        self.config.models.insert(name.clone(), model);
        for agent in ["planner", "builder"] {
            self.fall_back_to(&name, agent);
        }
        self.chosen_for.push(format!("the Ollama at {base_url}"));
        self.tell_origins(&name, ollama);
        Some(name)
    }

    fn fall_back_to(&mut self, model: &str, agent: &str) {
        let own = |key| self.has_own(&format!("phases.{agent}.{key}"));
        let (own_models, own_choice) = (own("models"), own("choose"));
        if own_models {
            return;
        }
        let phase = self.config.phases.entry(agent.to_owned()).or_default();
        phase.models.push(model.to_owned());
        if phase.models.len() > 1 && !own_choice {
            phase.choose = Choose::Score;
        }
    }

    /// Whether a person has set what is at or below a path.
    fn has_own(&self, path: &str) -> bool {
        let is_there = |at: &str| {
            at.strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let mut origins = self.origins.iter();
        origins.any(|(at, origin)| is_there(at) && origin.layer > LayerKind::Catalogue)
    }

    fn tell_origins(&mut self, model: &str, ollama: &Ollama) {
        let value = serde_json::to_value(&self.config).unwrap_or_default();
        let mut leaves = Vec::new();
        collect_leaves(&value, &KeyPath::default(), &mut leaves);
        let added = [
            KeyPath::of(["providers", &ollama.provider]),
            KeyPath::of(["models", model]),
            KeyPath::of(["phases", "planner"]),
            KeyPath::of(["phases", "builder"]),
        ];
        for (path, value) in leaves {
            if !value.is_null() && added.iter().any(|above| path.is_within(above)) {
                let origin = Origin::of(LayerKind::Catalogue);
                self.origins.entry(path.to_string()).or_insert(origin);
            }
        }
    }
}

/// The one that comes first in the catalogue's order for the builder, else one that is a coder by its name.
fn best_coder(installed: &[String]) -> Option<&String> {
    let is_of = |name: &str, family: &str| {
        known(ProviderKind::Ollama, name).is_some_and(|found| found.name == family)
    };
    let mut preferred = SHIPPED.routes.get("builder").into_iter().flatten();
    preferred
        .find_map(|family| installed.iter().find(|name| is_of(name, family)))
        .or_else(|| {
            installed
                .iter()
                .find(|name| name.contains("coder") && !name.ends_with("cloud"))
        })
}

/// `OLLAMA_HOST` as the address to ask at: what a server listens on everywhere is reached here.
fn address(host: &str) -> String {
    let (scheme, rest) = host.split_once("://").unwrap_or(("http", host));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let is_port = |port: &str| !port.is_empty() && port.chars().all(|c| c.is_ascii_digit());
    let (name, port) = match authority.rsplit_once(':') {
        Some((name, port)) if is_port(port) && (!name.contains(':') || name.ends_with(']')) => {
            (name, port)
        }
        _ => (authority, PORT),
    };
    let name = match name {
        "" | "0.0.0.0" => "127.0.0.1".to_owned(),
        bare if bare.contains(':') && !bare.starts_with('[') => format!("[{bare}]"),
        name => name.to_owned(),
    };
    let address = format!("{scheme}://{name}:{port}/{path}");
    address.trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_that_a_server_is_told_is_where_it_is_asked() {
        for (host, asked) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("localhost", "http://localhost:11434"),
            ("0.0.0.0", "http://127.0.0.1:11434"),
            ("0.0.0.0:7", "http://127.0.0.1:7"),
            (":7", "http://127.0.0.1:7"),
            ("::1", "http://[::1]:11434"),
            ("[::1]:7", "http://[::1]:7"),
            (
                "https://box.example/ollama/",
                "https://box.example:11434/ollama",
            ),
        ] {
            assert_eq!(address(host), asked, "{host}");
        }
    }
}
