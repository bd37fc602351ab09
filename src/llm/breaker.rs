//! Circuit breakers: a model that fails again and again is left alone for a while, then one call
//! finds out whether it is back (Nygard, "Release It!", 2007).
//!
//! Pure: what is held against a model goes in, what is held against it then comes out.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::domain::RunId;
use crate::domain::breaker::{Breaker, Probe};
use crate::domain::tape::{ModelFailure, ModelFailureKind};

/// So many failures one after the other open a breaker.
const THRESHOLD: u32 = 3;
/// The first rest; each probe in vain doubles it.
const REST: Duration = Duration::from_secs(2);
/// The longest rest, unless the provider asks for more.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// Whether a model may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    Closed,
    /// It rests.
    Open {
        /// Until then.
        until: Timestamp,
    },
    /// One call may find out whether it is back.
    HalfOpen {
        /// The claim of whoever is finding out.
        probe: Option<Probe>,
    },
}

impl Standing {
    /// Its name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half_open",
        }
    }
}

/// Whether a model may be asked now. A rest that began before a person `resumed` the run does not
/// bind it: the person may have seen to it that the model is back, so a call finds out.
pub fn standing(breaker: Option<&Breaker>, now: Timestamp, resumed: Option<Timestamp>) -> Standing {
    let Some(breaker) = breaker else {
        return Standing::Closed;
    };
    let overruled = resumed.is_some_and(|resumed| breaker.at < resumed);
    let rests = now < breaker.until;
    if rests && !overruled {
        Standing::Open {
            until: breaker.until,
        }
    } else if rests || breaker.failures >= THRESHOLD {
        Standing::HalfOpen {
            probe: breaker.probe.filter(|probe| now < probe.until),
        }
    } else {
        Standing::Closed
    }
}

/// Who wants to ask a model, and when.
#[derive(Clone, Copy, Debug)]
pub struct Asking {
    /// The run.
    pub run: RunId,
    /// The moment.
    pub now: Timestamp,
    /// When a person resumed the run, if one did.
    pub resumed: Option<Timestamp>,
    /// The claim of a driver that was found to be no more.
    pub void: Option<Probe>,
}

impl Asking {
    /// Whether the claim is in the way. A run has one driver, so its own claim is that of one that
    /// is no more.
    pub fn respects(&self, probe: Probe) -> bool {
        probe.run != self.run && self.void != Some(probe)
    }
}

/// Claims the probe until `end`, if there is one to make. Returns whether the model may be asked:
/// somebody else may have come first.
pub fn claim(breaker: Option<Breaker>, asking: Asking, end: Timestamp) -> (Option<Breaker>, bool) {
    let free = match standing(breaker.as_ref(), asking.now, asking.resumed) {
        Standing::Closed => return (breaker, true),
        Standing::Open { .. } => false,
        Standing::HalfOpen { probe } => !probe.is_some_and(|probe| asking.respects(probe)),
    };
    let run = asking.run;
    let claimed = breaker.map(|breaker| match free {
        true => Breaker {
            probe: Some(Probe { run, until: end }),
            ..breaker
        },
        false => breaker,
    });
    (claimed, free)
}

/// After `run` has not made its call.
pub fn given_back(breaker: Option<Breaker>, run: RunId) -> Option<Breaker> {
    breaker.map(|breaker| Breaker {
        probe: breaker.probe.filter(|probe| probe.run != run),
        ..breaker
    })
}

/// After an answer to `run`.
pub fn after_answer(breaker: Option<Breaker>, run: RunId, now: Timestamp) -> Option<Breaker> {
    // An answer to a call that was begun before the rest says nothing of what is now.
    breaker.filter(|breaker| !is_probe(breaker, run) && now < breaker.until)
}

/// The longest that a model rests because its provider asks for it.
const LONGEST_WISH: Duration = Duration::from_secs(60 * 60);

/// After a failed call of `run`.
pub fn after_failure(
    breaker: Option<Breaker>,
    failure: &ModelFailure,
    run: RunId,
    now: Timestamp,
) -> Option<Breaker> {
    let asked = failure.retry_after_ms.map(Duration::from_millis);
    // A wait that is absurd must not keep everybody away for ever.
    let asked = asked.map(|asked| asked.min(LONGEST_WISH));
    if !speaks_of_outage(failure.kind) {
        // Whoever refuses a call is there.
        let left = after_answer(breaker, run, now);
        return match (failure.kind, asked) {
            (ModelFailureKind::RateLimited, Some(asked)) => {
                Some(resting(left, failure.kind, now, asked))
            }
            _ => left,
        };
    }
    let known = breaker.as_ref();
    let open = known.is_some_and(|breaker| breaker.failures >= THRESHOLD);
    let late = open && !known.is_some_and(|breaker| is_probe(breaker, run));
    let before = known.map_or(0, |breaker| breaker.failures);
    // What was begun before the breaker opened does not make its rest longer.
    let failures = before.saturating_add(u32::from(!late));
    let rest = match failures {
        THRESHOLD.. if !late => cool_down(failures),
        _ => Duration::ZERO,
    };
    let rest = rest.max(asked.unwrap_or_default());
    Some(Breaker {
        failures,
        probe: breaker
            .as_ref()
            .and_then(|breaker| breaker.probe)
            .filter(|_| late),
        ..resting(breaker, failure.kind, now, rest)
    })
}

/// The failures that speak of an outage.
fn speaks_of_outage(kind: ModelFailureKind) -> bool {
    use ModelFailureKind as K;
    matches!(
        kind,
        K::Overloaded | K::TimedOut | K::Network | K::Truncated
    )
}

fn is_probe(breaker: &Breaker, run: RunId) -> bool {
    breaker.probe.is_some_and(|probe| probe.run == run)
}

/// A rest from now on, unless a longer one is under way.
fn resting(
    breaker: Option<Breaker>,
    kind: ModelFailureKind,
    now: Timestamp,
    rest: Duration,
) -> Breaker {
    let until = later(now, rest);
    Breaker {
        failures: breaker.as_ref().map_or(0, |breaker| breaker.failures),
        kind,
        at: now,
        until: breaker
            .as_ref()
            .map_or(until, |breaker| until.max(breaker.until)),
        probe: breaker.and_then(|breaker| breaker.probe),
    }
}

fn cool_down(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(THRESHOLD).min(16);
    (REST * (1 << doublings)).min(LONGEST_REST)
}

/// `now` and a while.
pub fn later(now: Timestamp, while_: Duration) -> Timestamp {
    let while_ = SignedDuration::try_from(while_).unwrap_or(SignedDuration::MAX);
    now.saturating_add(while_).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use ModelFailureKind as K;
    use proptest::prelude::*;

    use super::*;

    const NOON: i64 = 1_767_355_200_000;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(NOON + ms).expect("a time")
    }

    fn failure(kind: K, retry_after_ms: Option<u64>) -> ModelFailure {
        ModelFailure {
            retry_after_ms,
            ..ModelFailure::new(kind, "no")
        }
    }

    /// The breaker after failures of this kind, all of run 1, in the first millisecond.
    fn failed(kind: K, times: usize) -> Option<Breaker> {
        (0..times).fold(None, |breaker, _| {
            after_failure(breaker, &failure(kind, None), RunId(1), at(0))
        })
    }

    /// What is held against it after run `run` has asked to find out, and whether it may.
    fn claimed(breaker: Option<Breaker>, run: i64, now: i64, end: i64) -> (Option<Breaker>, bool) {
        claim(breaker, asking(run, now), at(end))
    }

    fn asking(run: i64, now: i64) -> Asking {
        Asking {
            run: RunId(run),
            now: at(now),
            resumed: None,
            void: None,
        }
    }

    fn stands(breaker: &Option<Breaker>, ms: i64) -> Standing {
        standing(breaker.as_ref(), at(ms), None)
    }

    #[test]
    fn three_outages_one_after_the_other_open_it_and_an_answer_between_them_does_not() {
        for kind in [K::Overloaded, K::TimedOut, K::Network, K::Truncated] {
            assert_eq!(stands(&failed(kind, 2), 0), Standing::Closed);
            let open = Standing::Open { until: at(2_000) };
            assert_eq!(stands(&failed(kind, 3), 0), open);
        }
        let two = failed(K::Overloaded, 2);
        assert_eq!(after_answer(two.clone(), RunId(2), at(1)), None);
        let refused = failure(K::BadRequest, None);
        assert_eq!(after_failure(two, &refused, RunId(2), at(1)), None);
    }

    #[test]
    fn one_call_finds_out_whether_it_is_back_and_each_in_vain_doubles_the_rest() {
        let mut breaker = failed(K::Overloaded, 3);
        let mut now = 0;
        for rest in [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000] {
            assert_eq!(
                stands(&breaker, now),
                Standing::Open {
                    until: at(now + rest)
                }
            );
            now += rest;
            assert_eq!(stands(&breaker, now), Standing::HalfOpen { probe: None });
            let (probing, mine) = claimed(breaker.clone(), 7, now, now + 9);
            assert!(mine);
            let (same, other) = claimed(probing.clone(), 8, now, now + 9);
            assert!(!other && same == probing);
            breaker = after_failure(probing, &failure(K::Overloaded, None), RunId(7), at(now));
        }
        now += 60_000;
        let (probing, _) = claimed(breaker, 7, now, now + 9);
        assert_eq!(after_answer(probing, RunId(7), at(now)), None);
    }

    #[test]
    fn a_claim_ends_by_itself_or_when_it_is_found_to_be_nobodys() {
        let (probing, _) = claimed(failed(K::Network, 3), 7, 2_000, 5_000);
        let probe = Probe {
            run: RunId(7),
            until: at(5_000),
        };
        let held = Standing::HalfOpen { probe: Some(probe) };
        assert_eq!(stands(&probing, 4_999), held);
        assert_eq!(stands(&probing, 5_000), Standing::HalfOpen { probe: None });
        assert!(!claimed(probing.clone(), 8, 4_999, 9_000).1);
        assert!(claimed(probing.clone(), 8, 5_000, 9_000).1);
        assert!(claimed(probing.clone(), 7, 4_999, 9_000).1, "its own");
        let knowing = Asking {
            void: Some(probe),
            ..asking(8, 4_999)
        };
        assert!(claim(probing.clone(), knowing, at(9_000)).1);
        assert!(claimed(given_back(probing, RunId(7)), 8, 4_999, 9_000).1);
    }

    #[test]
    fn calls_begun_before_it_opened_neither_close_it_nor_make_its_rest_longer() {
        let open = failed(K::Overloaded, 3);
        assert_eq!(after_answer(open.clone(), RunId(2), at(100)), open);
        let late = after_failure(open.clone(), &failure(K::TimedOut, None), RunId(2), at(100));
        assert_eq!(stands(&late, 1_999), stands(&open, 1_999));
        assert_eq!(stands(&late, 2_000), Standing::HalfOpen { probe: None });
    }

    #[test]
    fn a_limit_of_a_rate_is_a_rest_of_just_that_long_and_no_outage() {
        let limited = failure(K::RateLimited, Some(1_234));
        let breaker = after_failure(None, &limited, RunId(1), at(0));
        let open = Standing::Open { until: at(1_234) };
        assert_eq!(stands(&breaker, 1_233), open);
        assert_eq!(stands(&breaker, 1_234), Standing::Closed);
        assert_eq!(
            after_failure(None, &failure(K::RateLimited, None), RunId(1), at(0)),
            None
        );
        let (probing, _) = claimed(failed(K::Overloaded, 3), 1, 3_000, 9_000);
        let back = after_failure(probing, &limited, RunId(1), at(3_000));
        assert_eq!(back.map(|breaker| breaker.failures), Some(0), "it is there");
    }

    #[test]
    fn a_longer_rest_that_is_asked_for_is_given_and_a_person_who_resumes_overrules_it() {
        let busy = failure(K::Overloaded, Some(1_800_000));
        let breaker = after_failure(failed(K::Overloaded, 2), &busy, RunId(1), at(0));
        let open = Standing::Open {
            until: at(1_800_000),
        };
        assert_eq!(stands(&breaker, 60_000), open);
        let resumed = |ms| standing(breaker.as_ref(), at(60_000), Some(at(ms)));
        assert_eq!(resumed(0), open);
        assert_eq!(resumed(1), Standing::HalfOpen { probe: None });
        let absurd = failure(K::RateLimited, Some(u64::MAX));
        let breaker = after_failure(None, &absurd, RunId(1), at(0));
        assert_eq!(stands(&breaker, 3_600_000), Standing::Closed);
    }

    proptest! {
        /// Whatever happens in whatever order: of the runs that ask after each other, at most one
        /// at a time is let through once it has opened, and an answer to that one closes it.
        #[test]
        fn a_breaker_that_is_open_lets_one_call_through(
            steps in prop::collection::vec((1_i64..4, 0_i64..90_000, any::<bool>()), 1..60),
        ) {
            let mut breaker = failed(K::Overloaded, 3);
            let mut now = 0;
            for (run, passed, answers) in steps {
                now += passed;
                let run = RunId(run);
                match stands(&breaker, now) {
                    Standing::Closed => prop_assert!(breaker.is_none()),
                    Standing::Open { until } => prop_assert!(until > at(now)),
                    Standing::HalfOpen { probe } => {
                        let (after, mine) = claimed(breaker, run.0, now, now + 1_000);
                        prop_assert_eq!(mine, probe.is_none_or(|probe| probe.run == run));
                        breaker = after;
                        if mine && answers {
                            breaker = after_answer(breaker, run, at(now));
                            prop_assert!(breaker.is_none());
                        } else if mine {
                            breaker = after_failure(breaker, &failure(K::Network, None), run, at(now));
                            let opened = matches!(stands(&breaker, now), Standing::Open { .. });
                            prop_assert!(opened);
                        }
                    }
                }
            }
        }
    }
}
