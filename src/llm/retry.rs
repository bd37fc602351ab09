//! Which attempt follows which within one model call.
//!
//! Only this layer retries a call on the wire. Hints and limits follow what the providers' own
//! clients do: two retries, from 0.5 s doubling to 8 s, unless the provider says how long.

use crate::domain::tape::{ModelFailure, ModelFailureKind};
use crate::heal::backoff::full_jitter;

/// Retries of one model after its first failure.
const RETRIES: usize = 2;
/// A longer wait is not sat out within a call: another model answers sooner, or the run parks.
const LONGEST_WAIT_MS: u64 = 60_000;

/// An attempt at a model call, as it stands on the tape.
#[derive(Clone, Copy, Debug)]
pub struct PastAttempt<'a> {
    /// The model that was asked.
    pub model: &'a str,
    /// How it failed; none if the attempt was cut short and nobody knows.
    pub failure: Option<&'a ModelFailure>,
}

/// What follows.
#[derive(Clone, Debug, PartialEq)]
pub enum Attempt {
    /// Ask this model, after a wait.
    Try {
        /// Its configured name.
        model: String,
        /// The wait in milliseconds.
        wait_ms: u64,
    },
    /// The call has failed.
    GiveUp(ModelFailure),
}

/// The attempt that follows `past` (in order, none of them answered), among `models` in order of
/// preference. `seed` is the call's own, so that its waits are the same when it is resumed.
///
/// Transient failures are retried at the same model, then at the next; a model, key or credit that
/// is not there sends the call to the next model at once; anything else ends it, for the next model
/// would be asked the same wrong thing (and a refusal must not be shopped around).
pub fn next_attempt(models: &[String], past: &[PastAttempt<'_>], seed: &str) -> Attempt {
    let Some(last) = past.last() else {
        return match models.first() {
            Some(model) => ask(model, 0),
            None => Attempt::GiveUp(ModelFailure {
                kind: ModelFailureKind::UnknownModel,
                status: None,
                retry_after_ms: None,
                message: "no model is named for this phase".to_owned(),
            }),
        };
    };
    let Some(failure) = last.failure else {
        return ask(last.model, 0);
    };
    if failure.kind.transient() {
        let failed = past
            .iter()
            .filter(|attempt| attempt.model == last.model && attempt.failure.is_some())
            .count();
        let wait_ms = wait(failure, failed, &format!("{seed}\0{}", last.model));
        if failed <= RETRIES && wait_ms <= LONGEST_WAIT_MS {
            return ask(last.model, wait_ms);
        }
    }
    let hops = failure.kind.transient()
        || matches!(
            failure.kind,
            ModelFailureKind::UnknownModel
                | ModelFailureKind::Authentication
                | ModelFailureKind::Permission
                | ModelFailureKind::QuotaExhausted
        );
    let untried = models
        .iter()
        .find(|model| past.iter().all(|attempt| attempt.model != **model));
    match untried {
        Some(model) if hops => ask(model, 0),
        _ => Attempt::GiveUp(failure.clone()),
    }
}

fn ask(model: &str, wait_ms: u64) -> Attempt {
    Attempt::Try {
        model: model.to_owned(),
        wait_ms,
    }
}

fn wait(failure: &ModelFailure, failed: usize, seed: &str) -> u64 {
    let attempt = u32::try_from(failed.saturating_sub(1)).unwrap_or(u32::MAX);
    failure
        .retry_after_ms
        .unwrap_or_else(|| full_jitter(seed, attempt, 500, 8_000))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn failure(kind: ModelFailureKind, retry_after_ms: Option<u64>) -> ModelFailure {
        ModelFailure {
            kind,
            status: None,
            retry_after_ms,
            message: "no".into(),
        }
    }

    fn models(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// Follows a call to its end, every attempt failing in the same way.
    fn course(names: &[&str], failure: &ModelFailure) -> Vec<(String, u64)> {
        let models = models(names);
        let mut tried: Vec<(String, u64)> = Vec::new();
        loop {
            let past: Vec<_> = tried
                .iter()
                .map(|(model, _)| PastAttempt {
                    model,
                    failure: Some(failure),
                })
                .collect();
            match next_attempt(&models, &past, "seed") {
                Attempt::Try { model, wait_ms } => tried.push((model, wait_ms)),
                Attempt::GiveUp(last) => {
                    assert_eq!(last, *failure);
                    return tried;
                }
            }
        }
    }

    fn asked(names: &[&str], kind: ModelFailureKind) -> Vec<String> {
        let course = course(names, &failure(kind, None));
        course.into_iter().map(|(model, _)| model).collect()
    }

    #[test]
    fn transient_failures_are_retried_twice_then_the_next_model_is_asked() {
        assert_eq!(
            asked(&["a", "b"], ModelFailureKind::Overloaded),
            ["a", "a", "a", "b", "b", "b"]
        );
    }

    #[test]
    fn a_wait_that_was_asked_for_is_obeyed_exactly_unless_it_is_absurd() {
        let limited = failure(ModelFailureKind::RateLimited, Some(1_500));
        let waits: Vec<u64> = course(&["a"], &limited)
            .into_iter()
            .map(|(_, wait)| wait)
            .collect();
        assert_eq!(waits, [0, 1_500, 1_500]);
        let absurd = failure(ModelFailureKind::RateLimited, Some(3_600_000));
        assert_eq!(
            course(&["a", "b"], &absurd),
            [("a".into(), 0), ("b".into(), 0)]
        );
    }

    #[test]
    fn a_missing_model_key_or_credit_sends_the_call_on_and_nothing_else_does() {
        for kind in [
            ModelFailureKind::UnknownModel,
            ModelFailureKind::Authentication,
            ModelFailureKind::Permission,
            ModelFailureKind::QuotaExhausted,
        ] {
            assert_eq!(asked(&["a", "b"], kind), ["a", "b"], "{kind:?}");
        }
        for kind in [
            ModelFailureKind::ContentRefused,
            ModelFailureKind::BadRequest,
            ModelFailureKind::ContextTooLong,
            ModelFailureKind::ScriptExhausted,
        ] {
            assert_eq!(asked(&["a", "b"], kind), ["a"], "{kind:?}");
        }
    }

    #[test]
    fn an_attempt_cut_short_is_made_again_at_the_same_model() {
        let past = [PastAttempt {
            model: "b",
            failure: None,
        }];
        assert_eq!(next_attempt(&models(&["a", "b"]), &past, "s"), ask("b", 0));
    }

    #[test]
    fn without_a_model_the_call_fails_at_once() {
        assert!(matches!(next_attempt(&[], &[], "s"), Attempt::GiveUp(_)));
    }

    proptest! {
        #[test]
        fn waits_stay_small_and_are_the_same_again(seed in ".{0,8}", kind in 0_usize..3) {
            let kinds = [ModelFailureKind::Network, ModelFailureKind::TimedOut, ModelFailureKind::Overloaded];
            let failure = failure(kinds[kind], None);
            let past = [PastAttempt { model: "a", failure: Some(&failure) }; 2];
            let next = next_attempt(&models(&["a"]), &past, &seed);
            prop_assert_eq!(&next, &next_attempt(&models(&["a"]), &past, &seed));
            let waits_briefly = matches!(next, Attempt::Try { wait_ms, .. } if wait_ms <= 1_000);
            prop_assert!(waits_briefly);
        }
    }
}
