//! Making models of their configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use crate::config::{Config, ModelConfig, Provider, ProviderKind};
use crate::domain::Clock;
use crate::domain::tape::{ModelFailure, ModelFailureKind};

use super::anthropic::{self, Messages};
use super::endpoint::{Endpoint, Secret, Skills};
use super::gemini::{self, GenerateContent};
use super::http::{self, Http, Limits};
use super::ollama;
use super::openai;
use super::openai_chat::ChatCompletions;
use super::openai_responses::Responses;
use super::protocol::{Caller, Protocol};
use super::{Model, Script, ScriptError, Scripted};

/// Why a model cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// Nobody configured it.
    #[error("no model is named {name:?}; configured are: {}", known.join(", "))]
    UnknownModel {
        /// The name.
        name: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// Its provider does not exist.
    #[error("the model {model:?} names the provider {provider:?}, which is not configured")]
    UnknownProvider {
        /// The model.
        model: String,
        /// The provider it names.
        provider: String,
    },
    /// The variable with the provider's key is not set.
    #[error("the provider {provider:?} needs a key: set {variable}")]
    MissingKey {
        /// The provider.
        provider: String,
        /// The environment variable.
        variable: String,
    },
    /// The variable holds something that is no key.
    #[error("the provider {provider:?} needs a key, and what is in {variable} cannot be one")]
    BadKey {
        /// The provider.
        provider: String,
        /// The environment variable.
        variable: String,
    },
    /// A scripted provider without a script.
    #[error("the provider {provider:?} is of kind scripted and needs `script`")]
    NoScript {
        /// The provider.
        provider: String,
    },
    /// The script is at fault.
    #[error("the provider {provider:?}: {source}")]
    Script {
        /// The provider.
        provider: String,
        /// What is wrong.
        source: ScriptError,
    },
}

impl From<&Unusable> for ModelFailure {
    fn from(unusable: &Unusable) -> Self {
        let kind = match unusable {
            Unusable::MissingKey { .. } | Unusable::BadKey { .. } => {
                ModelFailureKind::Authentication
            }
            _ => ModelFailureKind::UnknownModel,
        };
        Self::new(kind, unusable.to_string())
    }
}

/// What models are made of.
pub(super) struct Builder<'a> {
    config: &'a Config,
    environment: &'a BTreeMap<String, String>,
    clock: &'a Arc<dyn Clock>,
    http: Arc<Http>,
}

impl<'a> Builder<'a> {
    /// From this configuration; `environment` holds the keys.
    pub(super) fn new(
        config: &'a Config,
        environment: &'a BTreeMap<String, String>,
        clock: &'a Arc<dyn Clock>,
    ) -> Self {
        Self {
            config,
            environment,
            clock,
            http: Arc::default(),
        }
    }

    /// Makes the model of this name.
    ///
    /// # Errors
    /// Why it cannot be asked.
    pub(super) fn build(
        &self,
        name: &str,
        model: &ModelConfig,
    ) -> Result<Box<dyn Model>, Unusable> {
        let provider = self.config.providers.get(&model.provider);
        let provider = provider.ok_or_else(|| Unusable::UnknownProvider {
            model: name.to_owned(),
            provider: model.provider.clone(),
        })?;
        if provider.kind == ProviderKind::Scripted {
            return scripted(name, &model.provider, provider);
        }
        let key = self.key(&model.provider, provider)?;
        let at = |usual: &str| endpoint(name, model, provider, key, usual);
        Ok(match provider.kind {
            ProviderKind::Anthropic => self.behind::<Messages>(at(anthropic::ANTHROPIC)),
            ProviderKind::Gemini => self.behind::<GenerateContent>(at(gemini::GOOGLE)),
            ProviderKind::Ollama => self.behind::<ollama::Chat>(at(ollama::LOCAL)),
            ProviderKind::OpenAi | ProviderKind::Scripted => {
                let endpoint = at(openai::OPENAI);
                match speaks_responses(provider, &endpoint.base) {
                    true => self.behind::<Responses>(endpoint),
                    false => self.behind::<ChatCompletions>(endpoint),
                }
            }
        })
    }

    /// A model behind a protocol.
    fn behind<P: Protocol>(&self, endpoint: Endpoint) -> Box<dyn Model> {
        let (http, clock) = (self.http.clone(), self.clock.clone());
        Box::new(Caller::<P>::new(endpoint, http, clock))
    }

    /// The key of a provider that is said to need one.
    fn key(&self, name: &str, provider: &Provider) -> Result<Option<Secret>, Unusable> {
        let Some(variable) = &provider.api_key_env else {
            return Ok(None);
        };
        let (provider, variable) = (name.to_owned(), variable.clone());
        let value = self.environment.get(&variable).map(String::as_str);
        match value.map(str::trim).unwrap_or_default() {
            "" => Err(Unusable::MissingKey { provider, variable }),
            value => match Secret::new(value) {
                None => Err(Unusable::BadKey { provider, variable }),
                key => Ok(key),
            },
        }
    }
}

/// Whether what a provider is told stays on this machine.
pub(super) fn is_at_home(provider: &Provider) -> bool {
    match (provider.kind, &provider.base_url) {
        (ProviderKind::Scripted, _) | (ProviderKind::Ollama, None) => true,
        (_, base) => base.as_deref().is_some_and(http::is_loopback),
    }
}

/// How long calls of a provider may take.
pub(super) fn limits(provider: Option<&Provider>) -> Limits {
    let stream = provider
        .and_then(|provider| provider.stream)
        .unwrap_or(true);
    Limits::new(provider.and_then(|provider| provider.timeout), stream)
}

/// What tells a model from all others: its protocol, where its provider is, and its name there.
/// None of a scripted one.
pub(super) fn identity(config: &Config, model: &ModelConfig) -> Option<String> {
    let provider = config.providers.get(&model.provider)?;
    if provider.kind == ProviderKind::Scripted {
        return None;
    }
    // At its usual place without one, which the kind tells.
    let base = provider.base_url.as_deref().unwrap_or_default();
    let base = base.trim_end_matches('/');
    Some(json!([provider.kind, provider.api, base, model.model]).to_string())
}

/// Whether a provider of OpenAI's kind is spoken to in the newer protocol: where it is said to, or
/// is OpenAI itself. Others that speak like it are sure of the older one only.
fn speaks_responses(provider: &Provider, base: &str) -> bool {
    match provider.api.as_deref() {
        Some(api) => api == "responses",
        None => openai::is_openai(base),
    }
}

fn endpoint(
    name: &str,
    model: &ModelConfig,
    provider: &Provider,
    key: Option<Secret>,
    usual: &str,
) -> Endpoint {
    let stream = provider.stream.unwrap_or(true);
    let base = provider.base_url.as_deref().unwrap_or(usual);
    Endpoint {
        name: name.to_owned(),
        provider: model.provider.clone(),
        model: model.model.clone(),
        base: base.trim_end_matches('/').to_owned(),
        key,
        key_variable: provider.api_key_env.clone(),
        stream,
        limits: limits(Some(provider)),
        skills: Skills {
            json: model.json,
            temperature: model.temperature,
            effort: model.effort,
            context_window: model.context_window,
        },
    }
}

fn scripted(
    model: &str,
    provider_name: &str,
    provider: &Provider,
) -> Result<Box<dyn Model>, Unusable> {
    let path = provider.script.as_ref().ok_or_else(|| Unusable::NoScript {
        provider: provider_name.to_owned(),
    })?;
    let script = Script::load(path).map_err(|source| Unusable::Script {
        provider: provider_name.to_owned(),
        source,
    })?;
    Ok(Box::new(Scripted::new(model, script)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openai_itself_is_spoken_to_in_its_newer_protocol_and_others_in_the_older() {
        for (api, base, newer) in [
            (None, openai::OPENAI, true),
            (None, "https://api.openai.com", true),
            (None, "http://127.0.0.1:8000/v1", false),
            (None, "https://api.openai.com.example/v1", false),
            (Some("chat"), openai::OPENAI, false),
            (Some("responses"), "http://127.0.0.1:8000/v1", true),
        ] {
            let provider = Provider {
                api: api.map(str::to_owned),
                ..Provider::of(ProviderKind::OpenAi)
            };
            assert_eq!(speaks_responses(&provider, base), newer, "{api:?} {base}");
        }
    }
}
