//! What is believed of models: how likely each is to succeed at a class of task, learned from what
//! checks said of its work.
//!
//! A belief is a Beta distribution. Each observation fades those before it ("discounted Beta"), so
//! that what a model did long ago counts less. Before anything is seen of a class, the agent's
//! other classes speak for it, and before those the configuration; what is assumed beforehand is
//! worth [`PRIOR`] observations. A model that quietly became worse or better is noticed by a
//! cumulative sum of likelihood ratios (Page, "Continuous inspection schemes", 1954).

use std::collections::BTreeMap;

use crate::config::Config;
use crate::domain::choice::Observation;
use crate::domain::phase::Agent;

/// So many of the latest observations are looked back on; earlier ones have faded anyway.
pub const LOOK_BACK: u32 = 2_000;

/// How many observations weigh as much as what is assumed before any.
const PRIOR: f64 = 8.0;

/// What is left of earlier observations with each new one.
const DISCOUNT: f64 = 0.99;

/// The success that is assumed of a model of which the configuration says nothing.
const UNKNOWN: f64 = 0.7;

/// The change of the share of successes that is looked for.
const SHIFT: f64 = 0.2;

/// The evidence of a change that is believed, as the logarithm of how much likelier it makes what
/// was seen: a steady model comes to it less than once in 700 observations.
const ALARM: f64 = 3.5;

/// What is left of the observations before a change.
const AFTER_A_CHANGE: f64 = 0.25;

/// What is believed of all models.
#[derive(Clone, Debug, Default)]
pub struct Beliefs {
    /// How well each model reasons, where that is configured.
    scores: BTreeMap<String, f64>,
    arms: BTreeMap<Agent, BTreeMap<String, BTreeMap<String, Arm>>>,
    straight: BTreeMap<Agent, u32>,
}

/// What is believed of a model at a class of task: a Beta distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Belief {
    /// Successes, assumed ones included.
    pub successes: f64,
    /// Failures, assumed ones included.
    pub failures: f64,
    /// Observations at this class of task, faded.
    pub seen: f64,
}

impl Belief {
    /// The share of successes that is expected, 0 to 1.
    pub fn mean(&self) -> f64 {
        self.successes / (self.successes + self.failures)
    }
}

/// What was seen of a model at one class of task.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Arm {
    counts: Counts,
    worse: Watch,
    better: Watch,
}

/// Successes and failures, faded.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counts {
    successes: f64,
    failures: f64,
}

impl Counts {
    fn all(self) -> f64 {
        self.successes + self.failures
    }

    fn scaled(self, by: f64) -> Self {
        Self {
            successes: self.successes * by,
            failures: self.failures * by,
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            successes: self.successes + other.successes,
            failures: self.failures + other.failures,
        }
    }

    fn less(self, other: Self) -> Self {
        Self {
            successes: (self.successes - other.successes).max(0.0),
            failures: (self.failures - other.failures).max(0.0),
        }
    }

    fn see(&mut self, success: bool) {
        *self = self.scaled(DISCOUNT);
        if success {
            self.successes += 1.0;
        } else {
            self.failures += 1.0;
        }
    }
}

/// Looks for a change in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Watch {
    /// The evidence that the change has happened; 0 if it has not.
    evidence: f64,
    /// What was seen since it may have happened.
    since: Counts,
}

impl Watch {
    /// Takes in an observation of something that is expected to succeed in `before` of all cases.
    /// Whether it is now believed that this has become `after`.
    fn alarms(&mut self, success: bool, before: f64, after: f64) -> bool {
        let likelier = match success {
            true => after / before,
            false => (1.0 - after) / (1.0 - before),
        };
        self.evidence += likelier.ln();
        if self.evidence <= 0.0 {
            *self = Self::default();
            return false;
        }
        self.since.see(success);
        self.evidence > ALARM
    }
}

impl Arm {
    /// Takes in an observation; `expected` is the share of successes believed in until now.
    fn see(&mut self, success: bool, expected: f64) {
        self.counts.see(success);
        let before = expected.clamp(0.03, 0.97);
        let worse = (before - SHIFT).max(0.02);
        let better = (before + SHIFT).min(0.98);
        let is_worse = self.worse.alarms(success, before, worse);
        let is_better = self.better.alarms(success, before, better);
        let since = match (is_worse, is_better) {
            (true, _) => self.worse.since,
            (_, true) => self.better.since,
            _ => return,
        };
        let old = self.counts.less(since).scaled(AFTER_A_CHANGE);
        *self = Self {
            counts: old.plus(since),
            ..Self::default()
        };
    }
}

impl Beliefs {
    /// What is believed of the configured models before anything is seen.
    pub fn new(config: &Config) -> Self {
        let scores = config.models.iter().filter_map(|(name, model)| {
            let score = model.reasoning.filter(|score| score.is_finite())?;
            Some((name.clone(), score.clamp(0.05, 0.98)))
        });
        Self {
            scores: scores.collect(),
            ..Self::default()
        }
    }

    /// The same after these observations, oldest first.
    #[must_use]
    pub fn after<'a>(mut self, seen: impl IntoIterator<Item = &'a Observation>) -> Self {
        for observation in seen {
            self.see(observation);
        }
        self
    }

    /// Takes in an observation.
    pub fn see(&mut self, seen: &Observation) {
        let expected = self.of(seen.agent, &seen.class, &seen.model).mean();
        let classes = self.arms.entry(seen.agent).or_default();
        let classes = classes.entry(seen.model.clone()).or_default();
        let arm = classes.entry(seen.class.clone()).or_default();
        arm.see(seen.success, expected);
        let straight = self.straight.entry(seen.agent).or_default();
        *straight = if seen.success { *straight + 1 } else { 0 };
    }

    /// What is believed of a model, asked by an agent for a class of task.
    pub fn of(&self, agent: Agent, class: &str, model: &str) -> Belief {
        let score = self.scores.get(model).copied().unwrap_or(UNKNOWN);
        let classes = self.arms.get(&agent).and_then(|models| models.get(model));
        let counts = |own: bool| {
            classes
                .into_iter()
                .flatten()
                .filter(|(name, _)| (*name == class) == own)
                .fold(Counts::default(), |sum, (_, arm)| sum.plus(arm.counts))
        };
        let (others, own) = (counts(false), counts(true));
        let assumed = (PRIOR * score + others.successes) / (PRIOR + others.all());
        Belief {
            successes: PRIOR * assumed + own.successes,
            failures: PRIOR * (1.0 - assumed) + own.failures,
            seen: own.all(),
        }
    }

    /// How often in a row the work of an agent has passed, by whichever model.
    pub fn straight(&self, agent: Agent) -> u32 {
        self.straight.get(&agent).copied().unwrap_or(0)
    }

    /// The classes of task at which something was seen of a model.
    pub fn classes(&self, model: &str) -> impl Iterator<Item = (Agent, &str)> {
        self.arms.iter().flat_map(move |(agent, models)| {
            let classes = models.get(model).into_iter().flatten();
            classes.map(move |(class, _)| (*agent, class.as_str()))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::ModelConfig;

    fn config(score: Option<f64>) -> Config {
        let mut config = Config::default();
        let model = ModelConfig {
            reasoning: score,
            ..ModelConfig::of("p", "m")
        };
        config.models.insert("m".into(), model);
        config
    }

    fn seen(class: &str, success: bool) -> Observation {
        Observation {
            model: "m".into(),
            agent: Agent::Builder,
            class: class.into(),
            success,
        }
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn before_anything_is_seen_the_configuration_speaks() {
        let known = Beliefs::new(&config(Some(0.9))).of(Agent::Builder, "low", "m");
        assert!(close(known.mean(), 0.9) && close(known.seen, 0.0));
        assert!(close(known.successes + known.failures, PRIOR));
        let unknown = Beliefs::new(&config(None)).of(Agent::Builder, "low", "m");
        assert!(close(unknown.mean(), UNKNOWN));
    }

    #[test]
    fn a_class_of_which_nothing_is_known_is_judged_by_the_others_of_its_agent() {
        let failures = vec![seen("low", false); 8];
        let beliefs = Beliefs::new(&config(Some(0.9))).after(&failures);
        let (low, high) = (
            beliefs.of(Agent::Builder, "low", "m"),
            beliefs.of(Agent::Builder, "high", "m"),
        );
        assert!(low.mean() < 0.6 && high.mean() < 0.6, "{low:?} {high:?}");
        assert!(low.seen > 7.0 && close(high.seen, 0.0));
        let planner = beliefs.of(Agent::Planner, "plan", "m");
        assert!(close(planner.mean(), 0.9), "another agent's is its own");
    }

    #[test]
    fn what_was_long_ago_counts_less() {
        let mut history = vec![seen("low", false); 3];
        history.extend(vec![seen("low", true); 300]);
        let belief = Beliefs::new(&config(None)).after(&history);
        let belief = belief.of(Agent::Builder, "low", "m");
        assert!(belief.mean() > 0.95, "{belief:?}");
        assert!(
            belief.seen < 100.1,
            "no more than a hundred count: {belief:?}"
        );
    }

    #[test]
    fn a_silent_change_outweighs_what_went_before() {
        let mut history = vec![seen("low", true); 100];
        let steady = Beliefs::new(&config(Some(0.9))).after(&history);
        let before = steady.of(Agent::Builder, "low", "m").seen;
        history.extend(vec![seen("low", false); 4]);
        let changed = Beliefs::new(&config(Some(0.9))).after(&history);
        let after = changed.of(Agent::Builder, "low", "m");
        assert!(after.seen < before / 2.0, "{after:?}");
    }

    #[test]
    fn passes_in_a_row_are_counted_by_agent() {
        let mut history = vec![seen("low", true), seen("high", true)];
        let count =
            |history: &[Observation]| Beliefs::default().after(history).straight(Agent::Builder);
        assert_eq!(count(&history), 2);
        history.push(seen("low", false));
        assert_eq!(count(&history), 0);
    }

    proptest! {
        #[test]
        fn whatever_was_seen_a_belief_is_one(outcomes in proptest::collection::vec(any::<(bool, bool)>(), 0..200)) {
            let history: Vec<_> = outcomes
                .iter()
                .map(|(class, success)| seen(if *class { "low" } else { "high" }, *success))
                .collect();
            let beliefs = Beliefs::new(&config(Some(1.0))).after(&history);
            for class in ["low", "high", "other"] {
                let belief = beliefs.of(Agent::Builder, class, "m");
                prop_assert!(belief.successes > 0.0 && belief.failures > 0.0);
                prop_assert!((0.0..=1.0).contains(&belief.mean()));
                prop_assert!(belief.seen >= 0.0 && belief.seen < 100.1);
            }
        }
    }
}
