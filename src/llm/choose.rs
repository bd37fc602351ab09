//! Which models an execution asks, in which order. Pure: the same run, execution, history and
//! configuration always give the same order.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use rand_distr::{Beta, Distribution as _};

use crate::config::{Choose, Config, ModelConfig, ProviderKind};
use crate::domain::budget::Usage;
use crate::domain::choice::{Candidate, Choice, ChoiceRule};
use crate::domain::id::{ExecutionId, RunId};
use crate::domain::phase::Agent;

use super::belief::{Belief, Beliefs};
use super::price;

/// A typical call, to compare prices by: a long prompt and a short answer.
const TYPICAL: Usage = Usage {
    model_calls: 1,
    input_tokens: 10_000,
    cached_input_tokens: 0,
    output_tokens: 1_000,
    reasoning_tokens: 0,
    cost_usd: 0.0,
};

/// How much surer draws are than beliefs, so that less is spent on finding out what is nearly
/// known ("posterior reshaping": Chapelle and Li, "An empirical evaluation of Thompson sampling",
/// 2011). Measured by the test that plays random pools of models.
const SHARPNESS: f64 = 6.0;

/// So many repairs of one thing in vain call for a model that reasons better.
pub const REPAIRS_IN_VAIN: usize = 2;

/// What an order of models is wanted for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The run.
    pub run: RunId,
    /// The execution that will ask.
    pub execution: ExecutionId,
    /// Who asks.
    pub agent: Agent,
    /// What kind of task it is, see [`Observation::class`](crate::domain::choice::Observation).
    pub class: &'a str,
    /// The models that are named for the agent, in order of preference.
    pub names: &'a [String],
    /// The model that a person named for this run.
    pub switched: Option<&'a str>,
    /// The model whose attempt failed, if this is to make up for it.
    pub failed: Option<&'a str>,
    /// Whether another model than that is wanted.
    pub another: bool,
    /// Repairs of the same thing that were in vain.
    pub in_vain: usize,
}

/// The models in the order in which they are asked, and how it came about where there was a choice.
pub fn choose(
    wanted: &Wanted<'_>,
    config: &Config,
    beliefs: &Beliefs,
) -> (Vec<String>, Option<Choice>) {
    let phase = config.phases.get(wanted.agent.as_str());
    let scores = phase.is_some_and(|phase| phase.choose == Choose::Score);
    let target = phase
        .and_then(|phase| phase.target)
        .unwrap_or_else(|| usual_target(wanted.agent));
    let mut names: Vec<&str> = wanted.names.iter().map(String::as_str).collect();
    if let Some(switched) = wanted.switched
        && !names.contains(&switched)
    {
        names.push(switched);
    }
    let mut considered: Vec<Considered<'_>> = names
        .iter()
        .map(|name| Considered::new(name, wanted, config, beliefs, scores))
        .collect();
    let mut rule = ChoiceRule::Order;
    if scores && considered.len() > 1 {
        rule = ChoiceRule::Score;
        by_score(&mut considered, target);
    }
    rule = reorder(&mut considered, wanted, config).unwrap_or(rule);
    let names = considered.iter().map(|one| one.candidate.model.clone());
    let names: Vec<String> = names.collect();
    let choice = (considered.len() > 1).then(|| Choice {
        rule,
        target: scores.then_some(target),
        candidates: considered.into_iter().map(|one| one.candidate).collect(),
    });
    (names, choice)
}

/// The share of successes that is wanted of an agent where none is configured. A builder is
/// followed by checks that catch what it gets wrong; after a releaser nobody looks.
fn usual_target(agent: Agent) -> f64 {
    match agent {
        Agent::Planner => 0.85,
        Agent::Builder => 0.75,
        Agent::Tester => 0.90,
        Agent::Releaser => 0.95,
        Agent::Analyzer | Agent::Repair => 0.80,
    }
}

/// A model with what it is compared by.
struct Considered<'a> {
    name: &'a str,
    candidate: Candidate,
    /// What a typical call is taken to cost, in US dollars.
    cost: f64,
}

impl<'a> Considered<'a> {
    fn new(
        name: &'a str,
        wanted: &Wanted<'_>,
        config: &Config,
        beliefs: &Beliefs,
        draws: bool,
    ) -> Self {
        let belief = beliefs.of(wanted.agent, wanted.class, name);
        let model = config.models.get(name);
        let price = model.and_then(|model| model.price.as_ref());
        let usd = price.map(|price| price::cost(&TYPICAL, Some(price)));
        let free = model.is_some_and(|model| is_own(config, model));
        Self {
            name,
            cost: usd.unwrap_or(if free { 0.0 } else { f64::INFINITY }),
            candidate: Candidate {
                model: name.to_owned(),
                mean: belief.mean(),
                seen: belief.seen,
                draw: draws.then(|| draw(&belief, wanted, name)),
                usd,
            },
        }
    }

    fn draw(&self) -> f64 {
        self.candidate.draw.unwrap_or(0.0)
    }
}

/// Whether a model runs on the person's own machines, so that it costs nothing where no price is
/// named.
fn is_own(config: &Config, model: &ModelConfig) -> bool {
    let provider = config.providers.get(&model.provider);
    let local = provider.is_some_and(|provider| match (&provider.base_url, provider.kind) {
        (Some(url), _) => is_loopback(url),
        (None, kind) => matches!(kind, ProviderKind::Ollama | ProviderKind::Scripted),
    });
    model.private || local
}

fn is_loopback(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    host.starts_with("[::1]")
        || ["localhost", "127.0.0.1"].iter().any(|own| {
            host.strip_prefix(own)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
        })
}

/// The success of a model as it is drawn for an execution.
fn draw(belief: &Belief, wanted: &Wanted<'_>, model: &str) -> f64 {
    let seed = format!("{}\0{}\0{model}", wanted.run, wanted.execution);
    let mut random = ChaCha8Rng::from_seed(*blake3::hash(seed.as_bytes()).as_bytes());
    Beta::new(belief.successes * SHARPNESS, belief.failures * SHARPNESS)
        .map_or_else(|_| belief.mean(), |beta| beta.sample(&mut random))
}

/// The cheapest whose draw meets the target first, then the others by their draws.
fn by_score(considered: &mut [Considered<'_>], target: f64) {
    considered.sort_by(|a, b| b.draw().total_cmp(&a.draw()));
    let good = considered.iter().take_while(|one| one.draw() >= target);
    let cheapest = good
        .enumerate()
        .min_by(|(_, a), (_, b)| a.cost.total_cmp(&b.cost))
        .map(|(at, _)| at);
    if let Some(at) = cheapest {
        considered[..=at].rotate_right(1);
    }
}

/// What a person or a failure says about who comes first, over any other order.
fn reorder(
    considered: &mut [Considered<'_>],
    wanted: &Wanted<'_>,
    config: &Config,
) -> Option<ChoiceRule> {
    if let Some(switched) = wanted.switched {
        considered.sort_by_key(|one| one.name != switched);
        return Some(ChoiceRule::Switched);
    }
    let failed = wanted.failed?;
    let reasoning = |name: &str| config.models.get(name)?.reasoning;
    let is_higher = |one: &Considered<'_>| reasoning(one.name) > reasoning(failed);
    if wanted.in_vain >= REPAIRS_IN_VAIN
        && reasoning(failed).is_some()
        && considered.iter().any(is_higher)
    {
        considered.sort_by_key(|one| !is_higher(one));
        return Some(ChoiceRule::HigherTier);
    }
    if wanted.another && considered.iter().any(|one| one.name != failed) {
        // What stands before the failed one was passed over or failed as well.
        let at = considered.iter().position(|one| one.name == failed)?;
        considered.rotate_left(at + 1);
        return Some(ChoiceRule::AnotherModel);
    }
    None
}

#[cfg(test)]
mod tests;
