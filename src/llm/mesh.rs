//! The configured models by name.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Config, ModelConfig};
use crate::domain::budget::Usage;
use crate::domain::id::Digest;
use crate::domain::message::ModelRequest;
use crate::domain::tape::{ModelCall, ModelFailure};
use crate::domain::{Clock, RunId};

use super::build::{self, Builder, Unusable};
use super::filter::Candidate;
use super::limiter::{self, Limiter, Limiters, Permit};
use super::retries::Retries;
use super::scrub::{Scrubber, Sieve};
use super::{Called, Model, OnToken, Prepared, price};

/// An answer may always take such a part of the context window, in case the prompt is shorter than
/// it seems.
const LEAST_ANSWER: u64 = 8;

/// The configured models. A model that cannot be used harms nobody until it is asked for.
pub struct Mesh {
    models: BTreeMap<String, Entry>,
    retries: Retries,
    /// By provider.
    limiters: Limiters,
    clock: Arc<dyn Clock>,
    /// All keys that are configured: none of them is in anything that a call comes to.
    keys: Scrubber,
}

struct Entry {
    config: ModelConfig,
    /// What tells it from all other models, if its answers depend on nothing else.
    identity: Option<String>,
    model: Result<Box<dyn Model>, Unusable>,
    at_home: bool,
    time_limit: Duration,
}

impl Mesh {
    /// The models of `config`; `environment` holds the keys. Scripts are read now, so that a run
    /// has one script from its start to its end. Nothing is connected to before the first call.
    pub fn new(
        config: &Config,
        environment: &BTreeMap<String, String>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let builder = Builder::new(config, environment, clock);
        let models = config.models.iter().map(|(name, model)| {
            let provider = config.providers.get(&model.provider);
            let entry = Entry {
                config: model.clone(),
                identity: build::identity(config, model),
                model: builder.build(name, model),
                at_home: model.private || provider.is_some_and(build::is_at_home),
                time_limit: build::limits(provider).total,
            };
            (name.clone(), entry)
        });
        let limiters = config.providers.iter().map(|(name, provider)| {
            let limiter = Limiter::new(provider.limits);
            (name.clone(), Arc::new(limiter))
        });
        let providers = config.providers.values();
        let variables = providers.filter_map(|provider| provider.api_key_env.as_ref());
        let keys = variables.filter_map(|name| environment.get(name));
        Self {
            models: models.collect(),
            retries: Retries::default(),
            limiters: limiters.collect(),
            clock: clock.clone(),
            keys: Scrubber::new(keys.map(String::as_str)),
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
            ..self
        }
    }

    /// The retry budgets of this process.
    pub fn retries(&self) -> &Retries {
        &self.retries
    }

    /// The model of this name as one that may be asked; whether it rests is not known here.
    pub fn candidate<'a>(&'a self, name: &'a str) -> Candidate<'a> {
        let entry = self.models.get(name);
        Candidate {
            name,
            config: entry.map(|entry| &entry.config),
            unusable: self.check(name).err(),
            at_home: entry.is_some_and(|entry| entry.at_home),
            resting: None,
        }
    }

    /// The longest that a call of the model of this name may take.
    pub fn time_limit(&self, name: &str) -> Duration {
        let entry = self.models.get(name);
        entry.map_or(Duration::ZERO, |entry| entry.time_limit)
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

    /// The hash that stands for asking the model of this name what `text` says, as a canonical
    /// request. Models of the same provider, address and name there are the same, whatever they are
    /// called here. None of a script, whose answers depend on what was said before.
    pub fn answer_key(&self, name: &str, text: &[u8]) -> Option<Digest> {
        let identity = self.models.get(name)?.identity.as_deref()?;
        Some(Digest::of(&[identity.as_bytes(), b"\n", text].concat()))
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
            passed_over: Vec::new(),
            repeats: None,
        })
    }

    /// Waits until the provider of the model of this name may be asked once more by `run`, for so
    /// many tokens at most. The permit is held until the answer is there, and settled then.
    /// Whoever stops waiting, or drops the permit, has used nothing.
    pub fn admit(
        &self,
        name: &str,
        run: RunId,
        tokens: u64,
    ) -> impl Future<Output = Permit> + Send + use<> {
        let limiter = self.limiter(name).cloned();
        async move {
            match limiter {
                Some(limiter) => limiter.admit(run, tokens).await,
                None => Permit::free(),
            }
        }
    }

    fn limiter(&self, name: &str) -> Option<&Arc<Limiter>> {
        self.limiters.get(&self.config(name)?.provider)
    }

    /// Lets the provider rest if it says that nothing is left.
    fn heed(&self, name: &str, called: &Called) {
        let Some((last, limiter)) = called.exchanges.last().zip(self.limiter(name)) else {
            return;
        };
        if let Some(rest) = limiter::rest_ms(&last.headers, self.clock.now()) {
            limiter.rest(Duration::from_millis(rest));
        }
    }

    /// Makes a recorded call; the answer's usage has its cost.
    pub async fn call(
        &self,
        intent: &ModelCall,
        request: &ModelRequest,
        on_token: OnToken<'_>,
    ) -> Called {
        let prepared = Prepared {
            reply: intent.reply,
        };
        let model = match self.model(&intent.model) {
            Ok(model) => model,
            Err(failure) => return Err(failure).into(),
        };
        let request = self.fitted(&intent.model, request);
        let sieve = Sieve::new(&self.keys, on_token);
        let words = |words: &str| sieve.take(words);
        let called = model.call(&request, &prepared, &words).await;
        self.heed(&intent.model, &called);
        let turn = request.messages.len();
        let mut called = self.keys.called(called, turn, sieve.finish());
        if let Ok(answer) = &mut called.result {
            answer.usage.cost_usd = self.cost(&intent.model, &answer.usage);
        }
        called
    }

    /// The request within what the model can answer and has room for, so that the reservation
    /// holds and nobody is asked for more than there is.
    fn fitted<'a>(&self, name: &str, request: &'a ModelRequest) -> Cow<'a, ModelRequest> {
        let Some(config) = self.config(name) else {
            return Cow::Borrowed(request);
        };
        let wanted = request
            .max_output
            .min(config.max_output.unwrap_or(u32::MAX));
        let room = config.context_window.map(|window| {
            let left = window.saturating_sub(request.estimated_tokens());
            u32::try_from(left.max(window / LEAST_ANSWER)).unwrap_or(u32::MAX)
        });
        match wanted.min(room.unwrap_or(u32::MAX)) {
            most if most < request.max_output => Cow::Owned(ModelRequest {
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

#[cfg(test)]
mod tests {
    use super::super::conformance;
    use super::*;
    use crate::config::{Price, Provider, ProviderKind};
    use crate::domain::message::Message;
    use crate::domain::phase::Agent;
    use crate::domain::tape::ModelFailureKind;

    fn provider(kind: ProviderKind) -> Provider {
        Provider::of(kind)
    }

    fn model(provider: &str) -> ModelConfig {
        ModelConfig {
            max_output: Some(10),
            price: Some(Price {
                input: 1_000_000.0,
                output: 1_000_000.0,
                cached_input: None,
            }),
            ..ModelConfig::of(provider, "m")
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
        let real = mesh(provider(ProviderKind::Ollama));
        assert_eq!(real.check("m"), Ok(()));
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
        assert_eq!(mesh(responses).check("m"), Ok(()));
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
            .result
            .expect("answers");
        assert!(answer.text.starts_with("hello"));
        assert!(answer.usage.cost_usd > 0.0);
        assert!(answer.usage.cost_usd <= intent.reserved_usd);
        assert!(answer.usage.tokens() <= intent.reserved_tokens);
    }
}
