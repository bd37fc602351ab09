//! The retry budget: so many retries as a tenth of the calls, and no more.
//!
//! Where a provider is out, retries are what keeps it down (Finagle's `RetryBudget`, and "Addressing
//! Cascading Failures" in Beyer et al., "Site Reliability Engineering", 2016). The budget starts
//! empty, so that in a total outage the calls made are at most 1.1 times those that were wanted.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::tape::{ModelFailureKind, TapePlace};

use super::retry::is_paid;

/// What a retry costs; a call puts in one.
const PRICE: u32 = 10;
/// The most that is saved up: ten retries.
const MOST: u32 = 10 * PRICE;

/// The calls of the record that a budget is derived from, at most.
pub const HISTORY: u32 = 200;

/// The retry budgets of a process, by provider and model. Of a model that did not fail yet nothing
/// is kept: what the record says of it is enough.
#[derive(Debug, Default)]
pub struct Retries {
    saved: Mutex<BTreeMap<(String, String), u32>>,
}

impl Retries {
    /// Whether the budget of a model is known in this process.
    pub fn knows(&self, provider: &str, model: &str) -> bool {
        self.lock().contains_key(&key(provider, model))
    }

    /// Takes over what the record says of a model, unless something is known already.
    pub fn learn(&self, provider: &str, model: &str, calls: &[PastCall]) {
        let saved = saved(calls);
        self.lock().entry(key(provider, model)).or_insert(saved);
    }

    /// A call that somebody wanted is made.
    pub fn put_in(&self, provider: &str, model: &str) {
        if let Some(saved) = self.lock().get_mut(&key(provider, model)) {
            *saved = (*saved + 1).min(MOST);
        }
    }

    /// Takes a retry out of the budget, if there is one in it.
    pub fn take(&self, provider: &str, model: &str) -> bool {
        let mut budgets = self.lock();
        let saved = budgets.get_mut(&key(provider, model));
        let Some(saved) = saved.filter(|saved| **saved >= PRICE) else {
            return false;
        };
        *saved -= PRICE;
        true
    }

    /// Whether there is a retry in it.
    pub fn has(&self, provider: &str, model: &str) -> bool {
        let saved = self.lock().get(&key(provider, model)).copied();
        saved.is_some_and(|saved| saved >= PRICE)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, String), u32>> {
        self.saved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(provider: &str, model: &str) -> (String, String) {
    (provider.to_owned(), model.to_owned())
}

/// A call on the record: its place, and how it failed, if it did.
pub type PastCall = (TapePlace, Option<ModelFailureKind>);

/// What is in a budget after these calls of one model, oldest first.
fn saved(calls: &[PastCall]) -> u32 {
    let mut saved: u32 = 0;
    let mut before: Option<&PastCall> = None;
    for call in calls {
        let follows = |(place, _): &&PastCall| {
            let next = TapePlace {
                ordinal: place.ordinal + 1,
                ..*place
            };
            next == call.0
        };
        saved = match before.filter(follows).and_then(|(_, failure)| *failure) {
            Some(kind) if is_paid(kind) => saved.saturating_sub(PRICE),
            Some(_) => saved,
            None => (saved + 1).min(MOST),
        };
        before = Some(call);
    }
    saved
}

#[cfg(test)]
mod tests {
    use ModelFailureKind as K;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{ExecutionId, RunId};

    fn call(execution: u32, ordinal: u32, failure: Option<K>) -> PastCall {
        let place = TapePlace {
            run: RunId(1),
            execution: ExecutionId(execution),
            ordinal,
        };
        (place, failure)
    }

    #[test]
    fn it_starts_empty_and_ten_calls_are_worth_a_retry() {
        let retries = Retries::default();
        assert!(!retries.take("p", "m"), "nothing is known");
        retries.learn("p", "m", &[]);
        for _ in 0..10 {
            assert!(!retries.take("p", "m"));
            retries.put_in("p", "m");
        }
        assert!(retries.has("p", "m") && !retries.has("p", "other"));
        assert!(retries.take("p", "m") && !retries.take("p", "m"));
    }

    #[test]
    fn the_record_tells_which_calls_were_retries_and_which_were_paid() {
        let answered = |execution| call(execution, 1, None);
        let calls: Vec<_> = (1..=12).map(answered).collect();
        assert_eq!(saved(&calls), 12);
        let paid = [call(13, 1, Some(K::Overloaded)), call(13, 2, None)];
        assert_eq!(saved(&[&calls[..], &paid].concat()), 3);
        let free = [call(13, 1, Some(K::RateLimited)), call(13, 2, None)];
        assert_eq!(saved(&[&calls[..], &free].concat()), 13);
        let apart = [call(13, 1, Some(K::Overloaded)), call(14, 1, None)];
        assert_eq!(saved(&[&calls[..], &apart].concat()), 14);
        let many: Vec<_> = (1..=200).map(answered).collect();
        assert_eq!(saved(&many), MOST);
    }

    proptest! {
        #[test]
        fn retries_are_at_most_a_tenth_of_the_calls(wanted in prop::collection::vec(0_u32..4, 0..300)) {
            let retries = Retries::default();
            retries.learn("p", "m", &[]);
            let mut made = 0;
            for tries in &wanted {
                retries.put_in("p", "m");
                made += (0..*tries).filter(|_| retries.take("p", "m")).count();
            }
            prop_assert!(made * 10 <= wanted.len());
        }
    }
}
