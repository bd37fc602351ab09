//! Weighs what the rules say where they are silent, unsure or of two minds.
//!
//! A linear model (multinomial logistic regression) over what the rules say and over words at
//! telling places. Rules that are sure of structured facts decide alone. The weights are data, made
//! by [`train`] from labelled cases; the ones in `scorer.json` are built in.

mod features;
mod train;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::domain::failure::{Distribution, ErrorType};

use super::candidate::Candidate;
use super::diagnosis::Diagnosis;
use super::facts::CommandFacts;

pub use features::features;
pub use train::{Example, Judged, Tally, cross_validate, tally, train};

/// A rule that is at least so sure of itself decides alone.
pub const HARD: f64 = 0.97;

/// The number of classes.
pub(super) const CLASSES: usize = ErrorType::ALL.len();

/// One feature of a case, and how much of it there is.
pub type Feature = (String, f64);

/// The trained weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scorer {
    /// What the scores are divided by, so that likelihoods come true as often as they say.
    temperature: f64,
    /// How often rules that decide alone are right.
    hard_precision: f64,
    /// The weight of each feature for each class, in the order of [`ErrorType::ALL`], in thousandths.
    weights: BTreeMap<String, [i32; CLASSES]>,
}

/// What became of the candidates.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighed {
    /// What the command is.
    pub diagnosis: Diagnosis,
    /// The rule behind it.
    pub rule: &'static str,
    /// Whether the scorer was asked.
    pub weighed: bool,
}

impl Scorer {
    /// The weights that are built in.
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// Reads weights as [`train`] and serde write them.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn read(text: &str) -> Result<Self, String> {
        let scorer: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let positive = |number: f64| number.is_finite() && number > 0.0;
        match positive(scorer.temperature) && positive(scorer.hard_precision) {
            true => Ok(scorer),
            false => Err("temperature and hard_precision must be positive numbers".to_owned()),
        }
    }

    /// How likely each class is by these features.
    pub fn distribution(&self, features: &[Feature]) -> Distribution {
        let mut scores = [0.0; CLASSES];
        for (name, value) in features {
            let Some(weights) = self.weights.get(name) else {
                continue;
            };
            for (score, weight) in scores.iter_mut().zip(weights) {
                *score += value * f64::from(*weight) / 1000.0;
            }
        }
        softened(&scores, self.temperature)
    }

    /// What a command is, of what the rules say it may be.
    pub fn weigh(&self, facts: &CommandFacts<'_>, candidates: &[Candidate]) -> Weighed {
        let Some(first) = candidates.first() else {
            return Weighed {
                diagnosis: Candidate::nothing_failed().diagnosis(Distribution::of(|_| 1.0), 0.0),
                rule: "none",
                weighed: false,
            };
        };
        let distribution = self.distribution(&features(facts, candidates));
        let alone = |confidence: f64, distribution| Weighed {
            diagnosis: first.diagnosis(distribution, confidence),
            rule: first.rule,
            weighed: false,
        };
        let Some(class) = first.error_type else {
            return alone(first.confidence, distribution);
        };
        if first.confidence >= HARD {
            let sure = self.hard_precision;
            return alone(sure, with(&distribution, class, sure));
        }
        let likeliest = distribution.likeliest();
        let of_class = candidates
            .iter()
            .find(|it| it.error_type == Some(likeliest));
        let confidence = distribution.get(likeliest);
        let (rule, diagnosis) = match of_class {
            Some(candidate) => (
                candidate.rule,
                candidate.diagnosis(distribution, confidence),
            ),
            None => (
                "scorer.words",
                of_words(first, likeliest, distribution, confidence),
            ),
        };
        Weighed {
            diagnosis,
            rule,
            weighed: true,
        }
    }
}

/// A class that no rule named.
fn of_words(
    first: &Candidate,
    class: ErrorType,
    distribution: Distribution,
    confidence: f64,
) -> Diagnosis {
    use crate::domain::failure::Cause;
    let cause = match class {
        ErrorType::Safety => Cause::Policy,
        ErrorType::Config => Cause::Missing,
        ErrorType::Infra => Cause::Environment,
        ErrorType::Runtime => Cause::Crash,
        ErrorType::Llm => Cause::UnusableAnswer,
        ErrorType::Assertion => Cause::Tests,
        ErrorType::Logic => Cause::Build,
    };
    let candidate = Candidate {
        error_type: Some(class),
        cause,
        retryable: false,
        action_required: None,
        ..first.clone()
    };
    candidate.diagnosis(distribution, confidence)
}

/// The same distribution, but with this much for one class.
fn with(distribution: &Distribution, class: ErrorType, share: f64) -> Distribution {
    let rest: f64 = 1.0 - distribution.get(class);
    Distribution::of(|other| match (other == class, rest > 1e-9) {
        (true, _) => share,
        (false, true) => distribution.get(other) / rest * (1.0 - share),
        (false, false) => (1.0 - share) / 6.0,
    })
}

/// Scores as likelihoods (softmax).
fn softened(scores: &[f64; CLASSES], temperature: f64) -> Distribution {
    let most = scores.iter().copied().fold(f64::MIN, f64::max);
    Distribution::of(|class| ((scores[class as usize] - most) / temperature).exp())
}

static BUILT_IN: LazyLock<Scorer> = LazyLock::new(built_in);

#[expect(
    clippy::expect_used,
    reason = "the file is built in, and read by a test"
)]
fn built_in() -> Scorer {
    Scorer::read(include_str!("scorer.json")).expect("the weights that are built in can be read")
}

#[cfg(test)]
mod tests;
