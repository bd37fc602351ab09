//! Which attempt follows which within one model call.
//!
//! Only this layer retries a call on the wire. Hints and limits follow what the providers' own
//! clients do: two retries, from 0.5 s doubling to 8 s, unless the provider says how long. Which
//! retries must be paid for, [`retries`](super::retries) says why.

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::choice::{PassedOver, RuledOut};
use crate::domain::tape::{ModelFailure, ModelFailureKind};
use crate::heal::backoff::full_jitter;

use super::filter;

/// Retries of one call where a rate is limited, at each model, and those that are paid, in all.
const RETRIES: usize = 2;
/// A longer wait is not sat out within a call: another model answers sooner, or the run parks.
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A rest that ends so soon after the wait that was asked for is the same.
const SLACK_MS: u64 = 100;

/// A model that may be asked.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// Its name in the configuration.
    pub model: &'a str,
    /// Its provider's.
    pub provider: &'a str,
    /// Its context window in tokens, if it is known.
    pub window: Option<u64>,
    /// What rules it out.
    pub ruled_out: Option<RuledOut>,
    /// The kind of failure that this is about: the one it rests after, or why it is unusable.
    pub because: Option<ModelFailureKind>,
}

/// An attempt at the call that failed, as it stands on the tape.
#[derive(Clone, Copy, Debug)]
pub struct PastAttempt<'a> {
    /// The model that was asked.
    pub model: &'a str,
    /// How it failed.
    pub failure: &'a ModelFailure,
    /// Whether it was asked exactly what is asked now; if not, what is asked now is smaller.
    pub same: bool,
}

/// What an attempt is chosen by.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The models in order of preference.
    pub candidates: &'a [Candidate<'a>],
    /// The attempts so far, none of them answered.
    pub past: &'a [PastAttempt<'a>],
    /// The call's own, so that its waits are the same when it is resumed.
    pub seed: &'a str,
    /// Whether a retry of the model that failed last can be paid.
    pub credit: bool,
    /// Whether the wait after the last failure was sat out.
    pub sat_out: bool,
    /// How long the call may still wait for a model that rests.
    pub patience: Duration,
    /// The moment.
    pub now: Timestamp,
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
        /// Whether it takes a retry out of the budget.
        paid: bool,
        /// Who would have been asked before it.
        passed_over: Vec<PassedOver>,
    },
    /// All that are left rest: look again after so many milliseconds.
    Wait(u64),
    /// The call has failed.
    GiveUp(ModelFailure),
}

/// Whether another attempt at the same model after such a failure is paid out of the retry budget:
/// where nobody asked for a retry, and the call may never have been looked at.
pub fn is_paid(kind: ModelFailureKind) -> bool {
    use ModelFailureKind as K;
    !matches!(
        kind,
        K::RateLimited | K::Malformed | K::Truncated | K::ContextTooLong
    )
}

/// The attempt that follows.
///
/// What may pass is tried again at the same model, as often as is allowed; then the call goes on to
/// the next model that is not ruled out, at once where waiting would not help. What is too long
/// goes to a longer window. What was refused is not shopped around, and what is wrong with the
/// request would be wrong with the next model, too.
pub fn next_attempt(at: &Circumstances<'_>) -> Attempt {
    let Some(last) = at.past.last() else {
        return next(at);
    };
    if let Some((wait_ms, paid)) = again(at, last) {
        return Attempt::Try {
            model: last.model.to_owned(),
            wait_ms,
            paid,
            passed_over: Vec::new(),
        };
    }
    match goes_on(last.failure) {
        true => next(at),
        false => Attempt::GiveUp(last.failure.clone()),
    }
}

/// Whether another model may do better.
fn goes_on(failure: &ModelFailure) -> bool {
    use ModelFailureKind as K;
    match failure.kind {
        K::ContentRefused => false,
        K::UnknownModel
        | K::Authentication
        | K::Permission
        | K::QuotaExhausted
        | K::ContextTooLong => true,
        kind => kind.transient() || failure.retryable(),
    }
}

/// The wait before another attempt at the model that failed last and whether it is paid, if there
/// is to be one.
fn again(at: &Circumstances<'_>, last: &PastAttempt<'_>) -> Option<(u64, bool)> {
    use ModelFailureKind as K;
    let kind = last.failure.kind;
    let candidate = at.candidates.iter().find(|one| one.model == last.model)?;
    let rest = match &candidate.ruled_out {
        None => 0,
        Some(RuledOut::Resting { until }) => millis_until(*until, at.now),
        Some(_) => return None,
    };
    if kind == K::ContextTooLong {
        return (!last.same && rest == 0).then_some((0, false));
    }
    if kind == K::ContentRefused || !last.failure.retryable() {
        return None;
    }
    let here = at.past.iter().filter(|past| past.model == last.model);
    let so_far = |kinds: &[K]| {
        let alike = here
            .clone()
            .filter(|past| kinds.contains(&past.failure.kind));
        alike.count()
    };
    let allowed = match kind {
        K::RateLimited => so_far(&[kind]) <= RETRIES,
        K::Malformed | K::Truncated => so_far(&[K::Malformed, K::Truncated]) <= 1,
        _ => at.credit && paid_so_far(at.past) < RETRIES,
    };
    let own = wait(
        last.failure,
        here.count(),
        &format!("{}\0{}", at.seed, last.model),
    );
    let left = if at.sat_out { 0 } else { own };
    let rests_longer = rest > left.saturating_add(SLACK_MS);
    let wait_ms = left.max(rest);
    let sooner = rests_longer && at.candidates.iter().any(|one| refusal(at, one).is_none());
    let paid = is_paid(kind);
    // What is left to wait for after the wait that was asked for is a rest like any other.
    let most = if at.sat_out {
        at.patience
    } else {
        LONGEST_WAIT
    };
    (allowed && !sooner && wait_ms <= millis(most)).then_some((wait_ms, paid))
}

/// The retries of the call that were paid.
fn paid_so_far(past: &[PastAttempt<'_>]) -> usize {
    let pairs = past.windows(2);
    pairs
        .filter(|pair| pair[0].model == pair[1].model && is_paid(pair[0].failure.kind))
        .count()
}

/// The first of the models that nothing speaks against, or whatever is left to do.
fn next(at: &Circumstances<'_>) -> Attempt {
    let mut passed_over = Vec::new();
    let mut earliest: Option<u64> = None;
    for candidate in at.candidates {
        let Some(reason) = refusal(at, candidate) else {
            return Attempt::Try {
                model: candidate.model.to_owned(),
                wait_ms: 0,
                paid: false,
                passed_over,
            };
        };
        if let RuledOut::Resting { until } = reason {
            let rest = millis_until(until, at.now);
            earliest = Some(earliest.map_or(rest, |known| known.min(rest)));
        }
        passed_over.push(PassedOver {
            model: candidate.model.to_owned(),
            reason,
        });
    }
    match earliest {
        Some(rest) if rest <= millis(at.patience) => Attempt::Wait(rest),
        _ => Attempt::GiveUp(failure(at, &passed_over)),
    }
}

/// What speaks against a model.
fn refusal(at: &Circumstances<'_>, candidate: &Candidate<'_>) -> Option<RuledOut> {
    let failed = at.past.iter().any(|past| failed(at, past, candidate));
    if failed {
        return Some(RuledOut::Failed);
    }
    let too_long = |past: &&PastAttempt<'_>| {
        past.same && past.failure.kind == ModelFailureKind::ContextTooLong
    };
    let mut tried = at.past.iter().filter(too_long).map(|past| {
        let known = at.candidates.iter().find(|one| one.model == past.model);
        known.and_then(|one| one.window)
    });
    let short = tried.find_map(|tried| match (candidate.window, tried) {
        (Some(own), Some(tried)) if own > tried => None,
        // What it needs was estimated, and found to fit.
        (Some(_), None) => None,
        _ => Some(RuledOut::TooSmall {
            window: candidate.window.unwrap_or_default(),
            needed: tried.unwrap_or_default().saturating_add(1),
        }),
    });
    short.or_else(|| candidate.ruled_out.clone())
}

/// Whether a past attempt speaks against a model: it was made there, or its provider is gone.
fn failed(at: &Circumstances<'_>, past: &PastAttempt<'_>, candidate: &Candidate<'_>) -> bool {
    use ModelFailureKind as K;
    if past.failure.kind == K::ContextTooLong && !past.same {
        return false;
    }
    let of_provider = matches!(
        past.failure.kind,
        K::Network | K::Authentication | K::QuotaExhausted
    );
    let provider = |model: &str| {
        let known = at.candidates.iter().find(|one| one.model == model);
        known.map(|one| one.provider)
    };
    past.model == candidate.model || of_provider && provider(past.model) == Some(candidate.provider)
}

/// The failure of a call that nobody is left for: one that may pass rather than one that a person
/// must see to, and why nobody else was asked.
fn failure(at: &Circumstances<'_>, passed_over: &[PassedOver]) -> ModelFailure {
    let passing = at.past.iter().rev().find(|past| past.failure.retryable());
    let own = |past: &PastAttempt<'_>| past.failure.clone();
    let resting = rest_failure(at);
    let mut failure = match (passing, resting, at.past.last()) {
        (Some(past), _, _) => own(past),
        (None, Some(resting), _) => return resting,
        (None, None, Some(past)) => own(past),
        (None, None, None) => return nobody(at, passed_over),
    };
    let others = passed_over
        .iter()
        .filter(|over| over.reason != RuledOut::Failed)
        .map(|over| format!("{}: {}", over.model, filter::words(&over.reason)));
    let others: Vec<String> = others.collect();
    if !others.is_empty() {
        failure.message += &format!("; not asked were {}", others.join("; "));
    }
    failure
}

/// The failure where somebody rests who can be asked later.
fn rest_failure(at: &Circumstances<'_>) -> Option<ModelFailure> {
    let resting = at
        .candidates
        .iter()
        .filter_map(|one| match refusal(at, one) {
            Some(RuledOut::Resting { until }) => Some((until, one)),
            _ => None,
        });
    let (until, first) = resting.min_by_key(|(until, _)| *until)?;
    let kind = first.because.unwrap_or(ModelFailureKind::Overloaded);
    let words = filter::words(&RuledOut::Resting { until });
    Some(ModelFailure {
        retry_after_ms: Some(millis_until(until, at.now)),
        ..ModelFailure::new(kind, format!("model {}: {words}", first.model))
    })
}

/// The failure where nobody was asked and nobody ever could be.
fn nobody(at: &Circumstances<'_>, passed_over: &[PassedOver]) -> ModelFailure {
    use ModelFailureKind as K;
    let reasons = || passed_over.iter().map(|over| &over.reason);
    let unusable = |reason: &RuledOut| matches!(reason, RuledOut::Unusable { .. });
    let kind = if passed_over.is_empty() {
        return ModelFailure::new(K::UnknownModel, "no model is named for this phase");
    } else if reasons().any(|reason| matches!(reason, RuledOut::TooSmall { .. })) {
        K::ContextTooLong
    } else if reasons().all(unusable) {
        let first = at.candidates.first().and_then(|one| one.because);
        first.unwrap_or(K::UnknownModel)
    } else {
        K::UnknownModel
    };
    let told = |over: &PassedOver| match &over.reason {
        RuledOut::Unusable { message } => message.clone(),
        reason => format!("model {}: {}", over.model, filter::words(reason)),
    };
    let told: Vec<String> = passed_over.iter().map(told).collect();
    let advice = reasons().find_map(|reason| match reason {
        RuledOut::NotPrivate => {
            Some("set `private: true` under a model that is on a machine of your own")
        }
        RuledOut::NoTools => Some("name a model that calls tools for this phase"),
        RuledOut::TooSmall { .. } => Some("name a model with a longer context window"),
        _ => None,
    });
    let told = told.join("; ");
    ModelFailure::new(
        kind,
        advice.map_or(told.clone(), |advice| format!("{told}; {advice}")),
    )
}

fn wait(failure: &ModelFailure, failed: usize, seed: &str) -> u64 {
    let attempt = u32::try_from(failed.saturating_sub(1)).unwrap_or(u32::MAX);
    failure
        .retry_after_ms
        .unwrap_or_else(|| full_jitter(seed, attempt, 500, 8_000))
}

/// The milliseconds until then, none of them lost.
fn millis_until(then: Timestamp, now: Timestamp) -> u64 {
    let left = then.duration_since(now).as_nanos();
    u64::try_from(left.max(0).unsigned_abs().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
