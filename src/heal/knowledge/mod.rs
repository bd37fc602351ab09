//! What is known about repairs beforehand: how likely each is to help, and what has healed a
//! failure before. Made of outcomes by [`Knowledge::of`].

mod beliefs;
mod playbook;
mod priors;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::domain::failure::{Distribution, ErrorType};
use crate::domain::id::Digest;
use crate::domain::outcome::Outcome;
use crate::domain::phase::Phase;
use crate::domain::remedy::HealAction;

use beliefs::Beliefs;

pub use playbook::{Play, Playbook};

/// So many of the latest outcomes are looked back on; earlier ones have faded anyway.
pub const LOOK_BACK: u32 = 5_000;

/// What is known about repairs beforehand.
#[derive(Clone, Debug, Default)]
pub struct Knowledge {
    learns: bool,
    beliefs: Beliefs,
    playbook: Playbook,
    tallies: BTreeMap<(ErrorType, HealAction), Tally>,
}

/// How often a repair was tried for failures of a class, and how often it helped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How often it helped.
    pub hits: u32,
    /// How often it was tried.
    pub tries: u32,
}

/// What is believed of a repair for a class of failures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Belief {
    /// The class.
    pub class: ErrorType,
    /// The repair.
    pub action: HealAction,
    /// How likely it is held to help, 0 to 1.
    pub chance: f64,
    /// How likely it was assumed to help before anything was seen, 0 to 1.
    pub assumed: f64,
    /// How much was seen: outcomes, faded and shared among the classes that may be responsible.
    pub seen: f64,
    /// How often it was tried for failures that seemed to be of this class.
    pub tally: Tally,
}

impl Knowledge {
    /// Nothing is learned: repairs come in a fixed order.
    pub fn fixed() -> Self {
        Self::default()
    }

    /// What the outcomes of earlier repairs have taught, oldest first; without any there is what is
    /// assumed beforehand.
    pub fn of<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>) -> Self {
        let mut knowledge = Self {
            learns: true,
            ..Self::default()
        };
        for outcome in outcomes {
            knowledge.see(outcome);
        }
        knowledge
    }

    /// Takes in one more outcome.
    pub fn see(&mut self, outcome: &Outcome) {
        self.beliefs.see(outcome);
        self.playbook.see(outcome);
        let tally = self
            .tallies
            .entry((outcome.error_type, outcome.action))
            .or_default();
        tally.tries += 1;
        tally.hits += u32::from(outcome.success);
    }

    /// Whether repairs are chosen by what is expected of them.
    pub fn learns(&self) -> bool {
        self.learns
    }

    /// By what each failure was healed.
    pub fn playbook(&self) -> &Playbook {
        &self.playbook
    }

    /// How often a repair was tried for failures that seemed to be of a class.
    pub fn tally(&self, class: ErrorType, action: HealAction) -> Tally {
        let tally = self.tallies.get(&(class, action));
        tally.copied().unwrap_or_default()
    }

    /// How likely a repair is to help a failure of a class in a phase, 0 to 1.
    pub fn chance(&self, class: ErrorType, action: HealAction, phase: Phase) -> f64 {
        self.beliefs.chance(class, action, phase)
    }

    /// How likely a repair is to help this very failure, 0 to 1: by what its class may be, and by
    /// what came of the repair for the same failure before.
    pub(super) fn expected(
        &self,
        signature: &Digest,
        classes: &Distribution,
        action: HealAction,
        phase: Phase,
    ) -> f64 {
        let of_class = |(class, share)| share * self.chance(class, action, phase);
        let by_class: f64 = classes.ranked().into_iter().map(of_class).sum();
        match self.playbook.play(signature, action) {
            Some(play) => {
                (by_class * priors::STRENGTH + f64::from(play.hits))
                    / (priors::STRENGTH + f64::from(play.tries()))
            }
            None => by_class,
        }
    }

    /// What is believed of all repairs for the classes that they are made for, and for those where
    /// they were tried; by class, best first.
    pub fn beliefs(&self) -> Vec<Belief> {
        let mut all: Vec<Belief> = HealAction::ALL
            .into_iter()
            .flat_map(|action| ErrorType::ALL.map(|class| (class, action)))
            .filter(|(class, action)| {
                priors::classes(*action).any(|of| of == *class)
                    || self.tallies.contains_key(&(*class, *action))
            })
            .map(|(class, action)| {
                let (seen, chance) = self.beliefs.overall(class, action);
                Belief {
                    class,
                    action,
                    chance,
                    assumed: priors::chance(class, action),
                    seen,
                    tally: self.tally(class, action),
                }
            })
            .collect();
        all.sort_by(|a, b| (a.class.cmp(&b.class)).then(b.chance.total_cmp(&a.chance)));
        all
    }
}

/// What a repair costs, in units of a healed failure.
pub fn cost(action: HealAction) -> f64 {
    priors::cost(action)
}
