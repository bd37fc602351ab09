//! How likely each repair is held to help: a Beta distribution per class, repair and phase.
//!
//! What a failure really was nobody knows, so an outcome counts for every class as far as that class
//! is responsible for it: as likely as it was held to be when the repair was chosen, times how
//! likely the outcome is for it (one step of expectation-maximisation). Each outcome fades those
//! before it a little. What was seen in the other phases counts in part.

use std::collections::BTreeMap;

use crate::domain::failure::{Distribution, ErrorType};
use crate::domain::outcome::Outcome;
use crate::domain::phase::Phase;
use crate::domain::remedy::HealAction;

use super::priors;

/// What is left of earlier outcomes with each new one.
const DISCOUNT: f64 = 0.995;

/// What an outcome of another phase counts.
const OTHER_PHASE: f64 = 0.5;

/// No repair is certain, to help or not to help.
const MOST: f64 = 0.98;

/// What is believed of all repairs.
#[derive(Clone, Debug, Default)]
pub(super) struct Beliefs {
    arms: BTreeMap<(ErrorType, HealAction), [Counts; Phase::ALL.len()]>,
}

/// Successes and failures, faded and weighted by responsibility.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    successes: f64,
    failures: f64,
}

impl Beliefs {
    pub(super) fn see(&mut self, outcome: &Outcome) {
        let responsible = Distribution::of(|class| {
            let chance = self.chance(class, outcome.action, outcome.phase);
            let likelihood = if outcome.success {
                chance
            } else {
                1.0 - chance
            };
            outcome.distribution.get(class) * likelihood
        });
        for (class, share) in responsible.ranked() {
            let arm = self.arms.entry((class, outcome.action)).or_default();
            for counts in arm.iter_mut() {
                counts.fade(1.0 - (1.0 - DISCOUNT) * share);
            }
            arm[outcome.phase as usize].add(outcome.success, share);
        }
    }

    /// How likely a repair is to help a failure of a class in a phase, 0 to 1.
    pub(super) fn chance(&self, class: ErrorType, action: HealAction, phase: Phase) -> f64 {
        let assumed = priors::chance(class, action);
        let mut successes = assumed * priors::STRENGTH;
        let mut all = priors::STRENGTH;
        for (of, counts) in self.arms.get(&(class, action)).iter().flat_map(|arm| {
            let phases = Phase::ALL.into_iter();
            phases.zip(arm.iter())
        }) {
            let weight = if of == phase { 1.0 } else { OTHER_PHASE };
            successes += weight * counts.successes;
            all += weight * (counts.successes + counts.failures);
        }
        (successes / all).clamp(1.0 - MOST, MOST)
    }

    /// How much was seen of a repair for a class, in all phases, and how likely it is held to help
    /// there.
    pub(super) fn overall(&self, class: ErrorType, action: HealAction) -> (f64, f64) {
        let assumed = priors::chance(class, action) * priors::STRENGTH;
        let arm = self.arms.get(&(class, action)).copied().unwrap_or_default();
        let successes: f64 = arm.iter().map(|counts| counts.successes).sum();
        let failures: f64 = arm.iter().map(|counts| counts.failures).sum();
        let seen = successes + failures;
        (seen, (assumed + successes) / (priors::STRENGTH + seen))
    }
}

impl Counts {
    fn fade(&mut self, by: f64) {
        self.successes *= by;
        self.failures *= by;
    }

    fn add(&mut self, success: bool, share: f64) {
        if success {
            self.successes += share;
        } else {
            self.failures += share;
        }
    }
}
