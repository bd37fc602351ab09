//! The configured models by name.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::{Config, ModelConfig, Provider, ProviderKind};
use crate::domain::Clock;
use crate::domain::budget::Usage;
use crate::domain::id::Digest;
use crate::domain::message::{ModelAnswer, ModelRequest};
use crate::domain::tape::{ModelCall, ModelFailure, ModelFailureKind};

use super::endpoint::{Endpoint, Secret};
use super::http::{Http, Limits};
use super::openai_chat::{self, OpenAiChat};
use super::{Model, OnToken, Prepared, Script, ScriptError, Scripted, price};

/// The configured models. A model that cannot be used harms nobody until it is asked for.
pub struct Mesh {
    models: BTreeMap<String, Entry>,
}

struct Entry {
    config: ModelConfig,
    model: Result<Box<dyn Model>, Unusable>,
}

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
    /// The protocol is not built.
    #[error(
        "the provider {provider:?} is of kind {kind}, which this version cannot speak yet; kinds `openai` and `scripted` work"
    )]
    NotBuilt {
        /// The provider.
        provider: String,
        /// Its kind.
        kind: &'static str,
    },
    /// The newer protocol of OpenAI is not built.
    #[error(
        "the provider {provider:?} has `api: responses`, which this version cannot speak yet; `api: chat` works"
    )]
    NoResponses {
        /// The provider.
        provider: String,
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
        Self {
            kind: match unusable {
                Unusable::MissingKey { .. } | Unusable::BadKey { .. } => {
                    ModelFailureKind::Authentication
                }
                _ => ModelFailureKind::UnknownModel,
            },
            status: None,
            retry_after_ms: None,
            message: unusable.to_string(),
        }
    }
}

impl Mesh {
    /// The models of `config`; `environment` holds the keys. Scripts are read now, so that a run
    /// has one script from its start to its end. Nothing is connected to before the first call.
    pub fn new(
        config: &Config,
        environment: &BTreeMap<String, String>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let builder = Builder {
            config,
            environment,
            clock,
            http: Arc::default(),
        };
        let models = config.models.iter().map(|(name, model)| {
            let entry = Entry {
                config: model.clone(),
                model: builder.build(name, model),
            };
            (name.clone(), entry)
        });
        Self {
            models: models.collect(),
        }
    }

    /// The same models, each in a wrapping of the caller's, as for measuring.
    pub fn wrapped(self, wrap: impl Fn(Box<dyn Model>) -> Box<dyn Model>) -> Self {
        let wrapped = |(name, entry): (String, Entry)| {
            let model = entry.model.map(&wrap);
            (name, Entry { model, ..entry })
        };
        Self {
            models: self.models.into_iter().map(wrapped).collect(),
        }
    }

    /// The model of this name.
    ///
    /// # Errors
    /// Why it cannot be asked.
    pub fn model(&self, name: &str) -> Result<&dyn Model, ModelFailure> {
        match self.models.get(name).map(|entry| &entry.model) {
            Some(Ok(model)) => Ok(model.as_ref()),
            Some(Err(unusable)) => Err(unusable.into()),
            None => Err((&self.unknown(name)).into()),
        }
    }

    /// Whether the model of this name can be asked, as far as one can tell without asking.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn check(&self, name: &str) -> Result<(), ModelFailure> {
        self.model(name).map(drop)
    }

    /// The settings of the model of this name.
    pub fn config(&self, name: &str) -> Option<&ModelConfig> {
        self.models.get(name).map(|entry| &entry.config)
    }

    /// The intent of a call, to be recorded before it is made. `address` is where the canonical
    /// request is stored, `used` as for [`Model::prepare`].
    ///
    /// # Errors
    /// If the model cannot be asked, or the call could only fail.
    pub fn intent(
        &self,
        name: &str,
        request: &ModelRequest,
        address: Digest,
        used: &[u32],
    ) -> Result<ModelCall, ModelFailure> {
        let prepared = self.model(name)?.prepare(request, used)?;
        let config = &self.models[name].config;
        let reserved = price::reserve(request, config);
        Ok(ModelCall {
            model: name.to_owned(),
            provider: config.provider.clone(),
            request: address,
            reply: prepared.reply,
            reserved_tokens: reserved.tokens,
            reserved_usd: reserved.usd,
        })
    }

    /// Makes a recorded call; the answer's usage has its cost.
    ///
    /// # Errors
    /// How the call failed.
    pub async fn call(
        &self,
        intent: &ModelCall,
        request: &ModelRequest,
        on_token: OnToken<'_>,
    ) -> Result<ModelAnswer, ModelFailure> {
        let prepared = Prepared {
            reply: intent.reply,
        };
        let model = self.model(&intent.model)?;
        let request = self.fitted(&intent.model, request);
        let mut answer = model.call(&request, &prepared, on_token).await?;
        answer.usage.cost_usd = self.cost(&intent.model, &answer.usage);
        Ok(answer)
    }

    /// The request within what the model can answer, so that the reservation holds.
    fn fitted<'a>(&self, name: &str, request: &'a ModelRequest) -> Cow<'a, ModelRequest> {
        match self.config(name).and_then(|config| config.max_output) {
            Some(most) if most < request.max_output => Cow::Owned(ModelRequest {
                max_output: most,
                ..request.clone()
            }),
            _ => Cow::Borrowed(request),
        }
    }

    fn cost(&self, name: &str, usage: &Usage) -> f64 {
        let price = self.config(name).and_then(|config| config.price.as_ref());
        price::cost(usage, price)
    }

    fn unknown(&self, name: &str) -> Unusable {
        Unusable::UnknownModel {
            name: name.to_owned(),
            known: self.models.keys().cloned().collect(),
        }
    }
}

/// What models are made of.
struct Builder<'a> {
    config: &'a Config,
    environment: &'a BTreeMap<String, String>,
    clock: &'a Arc<dyn Clock>,
    http: Arc<Http>,
}

impl Builder<'_> {
    fn build(&self, name: &str, model: &ModelConfig) -> Result<Box<dyn Model>, Unusable> {
        let provider = self.config.providers.get(&model.provider);
        let provider = provider.ok_or_else(|| Unusable::UnknownProvider {
            model: name.to_owned(),
            provider: model.provider.clone(),
        })?;
        let key = self.key(&model.provider, provider)?;
        let kind = match provider.kind {
            ProviderKind::Scripted => return scripted(name, &model.provider, provider),
            ProviderKind::OpenAi if provider.api.as_deref() == Some("responses") => {
                return Err(Unusable::NoResponses {
                    provider: model.provider.clone(),
                });
            }
            ProviderKind::OpenAi => {
                let endpoint = endpoint(name, model, provider, key, openai_chat::OPENAI);
                let (http, clock) = (self.http.clone(), self.clock.clone());
                return Ok(Box::new(OpenAiChat::new(endpoint, model.json, http, clock)));
            }
            ProviderKind::Anthropic => "anthropic",
            ProviderKind::Gemini => "gemini",
            ProviderKind::Ollama => "ollama",
        };
        Err(Unusable::NotBuilt {
            provider: model.provider.clone(),
            kind,
        })
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
        limits: Limits::new(provider.timeout, stream),
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
    use super::super::conformance;
    use super::*;
    use crate::config::Price;
    use crate::domain::message::Message;
    use crate::domain::phase::Agent;

    fn provider(kind: ProviderKind) -> Provider {
        Provider {
            kind,
            api_key_env: None,
            base_url: None,
            api: None,
            stream: None,
            timeout: None,
            script: None,
        }
    }

    fn model(provider: &str) -> ModelConfig {
        ModelConfig {
            provider: provider.into(),
            model: "m".into(),
            context_window: None,
            max_output: Some(10),
            price: Some(Price {
                input: 1_000_000.0,
                output: 1_000_000.0,
                cached_input: None,
            }),
            reasoning: None,
            tools: true,
            json: true,
        }
    }

    fn mesh(provider: Provider) -> Mesh {
        let mut config = Config::default();
        config.providers.insert("p".into(), provider);
        config.models.insert("m".into(), model("p"));
        config.models.insert("lost".into(), model("nowhere"));
        Mesh::new(&config, &BTreeMap::new(), &conformance::clock())
    }

    fn refusal(mesh: &Mesh, name: &str) -> String {
        mesh.check(name).expect_err("unusable").message
    }

    #[test]
    fn a_model_that_cannot_be_used_says_why_when_it_is_asked_for() {
        let real = mesh(provider(ProviderKind::Anthropic));
        assert!(
            refusal(&real, "m").contains("kind anthropic, which this version cannot speak yet")
        );
        assert!(refusal(&real, "lost").contains("\"nowhere\""));
        assert!(refusal(&real, "x").contains("configured are: lost, m"));
        let scripted = mesh(provider(ProviderKind::Scripted));
        assert!(refusal(&scripted, "m").contains("needs `script`"));
        let missing = Provider {
            script: Some("/nonexistent/script.yaml".into()),
            ..provider(ProviderKind::Scripted)
        };
        assert!(refusal(&mesh(missing), "m").contains("cannot read the script /nonexistent"));
        let keyless = Provider {
            api_key_env: Some("SOME_KEY".into()),
            ..provider(ProviderKind::OpenAi)
        };
        let failure = mesh(keyless).check("m").expect_err("no key");
        assert_eq!(failure.kind, ModelFailureKind::Authentication);
        assert!(failure.message.contains("set SOME_KEY"));
    }

    #[test]
    fn a_server_without_keys_needs_none_and_one_with_keys_a_good_one() {
        let open = provider(ProviderKind::OpenAi);
        assert_eq!(mesh(open.clone()).check("m"), Ok(()));
        let responses = Provider {
            api: Some("responses".into()),
            ..open.clone()
        };
        assert!(refusal(&mesh(responses), "m").contains("`api: chat` works"));
        let mut config = Config::default();
        let keyed = Provider {
            api_key_env: Some("K".into()),
            ..open
        };
        config.providers.insert("p".into(), keyed);
        config.models.insert("m".into(), model("p"));
        for (value, problem) in [
            (" \n", Some("set K")),
            ("a\nb", Some("cannot be one")),
            ("k\n", None),
        ] {
            let environment = BTreeMap::from([("K".to_owned(), value.to_owned())]);
            let checked = Mesh::new(&config, &environment, &conformance::clock()).check("m");
            match problem {
                None => assert_eq!(checked, Ok(())),
                Some(words) => {
                    assert!(checked.is_err_and(|failure| failure.message.contains(words)))
                }
            }
        }
    }

    #[tokio::test]
    async fn an_intent_reserves_more_than_the_call_then_costs() {
        let dir = tempfile::tempdir().expect("a folder");
        let script = dir.path().join("script.yaml");
        std::fs::write(&script, "replies: [{text: 'hello and much more than ten tokens, which the model may not say at once'}]").expect("writes");
        let mesh = mesh(Provider {
            script: Some(script),
            ..provider(ProviderKind::Scripted)
        });
        let request =
            conformance::request(Agent::Builder, vec![Message::User { text: "go".into() }]);
        let intent = mesh
            .intent("m", &request, Digest::of(b"request"), &[])
            .expect("an intent");
        assert_eq!((intent.reply, intent.provider.as_str()), (Some(0), "p"));
        let answer = mesh
            .call(&intent, &request, &|_| {})
            .await
            .expect("answers");
        assert!(answer.text.starts_with("hello"));
        assert!(answer.usage.cost_usd > 0.0);
        assert!(answer.usage.cost_usd <= intent.reserved_usd);
        assert!(answer.usage.tokens() <= intent.reserved_tokens);
    }
}
