//! The money and tokens of a run: a call is made only if even its worst case fits.
//!
//! One call of a run is under way at a time. What it may use is reserved on the record before it is
//! made; if nobody learns what became of it, all of that counts as spent.

use crate::domain::budget::{Limits, Usage};
use crate::domain::event::StopReason;

/// The most that a call may use.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reserved {
    /// Tokens, in and out.
    pub tokens: u64,
    /// US dollars.
    pub usd: f64,
}

/// Whether a call that may use `ask` fits beside what is `spent`.
///
/// # Errors
/// Which limit it would pass.
pub fn afford(limits: Limits, spent: &Usage, ask: Reserved) -> Result<(), StopReason> {
    let tokens = spent.tokens().saturating_add(ask.tokens);
    let usd = spent.cost_usd + ask.usd;
    if limits.tokens.is_some_and(|limit| tokens > limit) {
        return Err(StopReason::BudgetTokens);
    }
    // A sum that is no number must not pass for one within the limit.
    if limits.usd.is_some_and(|limit| usd.is_nan() || usd > limit) {
        return Err(StopReason::BudgetUsd);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limits(tokens: u64, usd: f64) -> Limits {
        Limits {
            max_retries: 3,
            max_heals: 12,
            usd: Some(usd),
            tokens: Some(tokens),
            wall_ms: None,
        }
    }

    fn used(tokens: u64, usd: f64) -> Usage {
        Usage {
            input_tokens: tokens,
            cost_usd: usd,
            ..Usage::default()
        }
    }

    proptest! {
        /// Each call uses some part of what it reserved; a lost one counts as all of it.
        #[test]
        fn whatever_calls_are_made_the_limits_hold(
            calls in prop::collection::vec((0_u64..600, 0.0_f64..0.6, 0_u64..=4), 0..80),
        ) {
            let limits = limits(1_000, 1.0);
            let mut spent = Usage::default();
            for (tokens, usd, quarters) in calls {
                if afford(limits, &spent, Reserved { tokens, usd }).is_ok() {
                    #[expect(clippy::cast_precision_loss, reason = "at most four")]
                    let part = quarters as f64 / 4.0;
                    spent += used(tokens * quarters / 4, usd * part);
                }
                prop_assert!(spent.tokens() <= 1_000);
                prop_assert!(spent.cost_usd <= 1.0);
            }
        }
    }

    #[test]
    fn a_call_that_does_not_fit_names_its_limit() {
        let spent = used(60, 0.5);
        let ask = |tokens, usd| afford(limits(100, 1.0), &spent, Reserved { tokens, usd });
        assert_eq!(ask(40, 0.5), Ok(()));
        assert_eq!(ask(41, 0.0), Err(StopReason::BudgetTokens));
        assert_eq!(ask(0, 0.6), Err(StopReason::BudgetUsd));
        assert_eq!(ask(0, f64::NAN), Err(StopReason::BudgetUsd));
    }
}
