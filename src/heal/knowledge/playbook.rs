//! The playbook: by what each failure was healed before.

use std::collections::BTreeMap;

use crate::domain::id::Digest;
use crate::domain::outcome::Outcome;
use crate::domain::remedy::HealAction;

/// The fewest outcomes that make a repair known.
const FEWEST: u32 = 3;

/// The lower bound of its success from which a repair is tried before all others.
const GOOD: f64 = 0.5;

/// The quantile of the bound: success is better than it with a likelihood of 95 %.
const Z: f64 = 1.645;

/// By what each failure was healed.
#[derive(Clone, Debug, Default)]
pub struct Playbook {
    pages: BTreeMap<Digest, BTreeMap<HealAction, Play>>,
}

/// What came of a repair for one failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Play {
    /// How often it helped.
    pub hits: u32,
    /// How often it did not.
    pub misses: u32,
    /// The failure when it last helped, in one line; when it was last tried, if it never did.
    pub cause: String,
}

impl Play {
    /// How often it was tried.
    pub fn tries(&self) -> u32 {
        self.hits + self.misses
    }

    /// The lower bound of the share of successes, 0 to 1 (Wilson's score interval, one-sided, 95 %).
    pub fn lower_bound(&self) -> f64 {
        let n = f64::from(self.tries());
        if n == 0.0 {
            return 0.0;
        }
        let share = f64::from(self.hits) / n;
        let centre = share + Z * Z / (2.0 * n);
        let spread = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        (centre - spread) / (1.0 + Z * Z / n)
    }

    /// Whether it is tried before all others.
    pub fn is_known_to_help(&self) -> bool {
        self.tries() >= FEWEST && self.lower_bound() >= GOOD
    }
}

impl Playbook {
    pub(super) fn see(&mut self, outcome: &Outcome) {
        let page = self.pages.entry(outcome.signature.clone()).or_default();
        let play = page.entry(outcome.action).or_default();
        if outcome.success || play.hits == 0 {
            play.cause.clone_from(&outcome.cause);
        }
        if outcome.success {
            play.hits += 1;
        } else {
            play.misses += 1;
        }
    }

    /// What came of a repair for a failure; none if it was never tried for it.
    pub fn play(&self, signature: &Digest, action: HealAction) -> Option<&Play> {
        self.pages.get(signature)?.get(&action)
    }

    /// The repairs that are known to help a failure, surest first.
    pub fn known(&self, signature: &Digest) -> Vec<(HealAction, &Play)> {
        let plays = self.pages.get(signature).into_iter().flatten();
        let mut known: Vec<(HealAction, &Play)> = plays
            .filter(|(_, play)| play.is_known_to_help())
            .map(|(action, play)| (*action, play))
            .collect();
        known.sort_by(|a, b| b.1.lower_bound().total_cmp(&a.1.lower_bound()));
        known
    }

    /// All that was tried, by failure.
    pub fn all(&self) -> impl Iterator<Item = (&Digest, HealAction, &Play)> {
        self.pages.iter().flat_map(|(signature, page)| {
            page.iter()
                .map(move |(action, play)| (signature, *action, play))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(hits: u32, misses: u32) -> Play {
        Play {
            hits,
            misses,
            cause: String::new(),
        }
    }

    #[test]
    fn three_of_three_are_enough_two_of_two_and_three_of_four_are_not() {
        assert!(play(3, 0).is_known_to_help());
        assert!(!play(2, 0).is_known_to_help());
        assert!(!play(3, 1).is_known_to_help());
        assert!(play(9, 2).is_known_to_help());
        assert!(!play(0, 0).is_known_to_help());
        assert!(!play(0, 30).is_known_to_help());
    }

    #[test]
    fn the_bound_rises_with_what_was_seen_and_stays_below_the_share() {
        let bounds = [(3, 1), (6, 2), (12, 4), (120, 40)].map(|(h, m)| play(h, m).lower_bound());
        assert!(bounds.is_sorted() && bounds[3] < 0.75, "{bounds:?}");
        assert!((play(3, 0).lower_bound() - 0.526).abs() < 0.001);
    }
}
