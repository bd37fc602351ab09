use ModelFailureKind as K;
use proptest::prelude::*;

use super::*;

const NOON: i64 = 1_767_355_200_000;

fn noon(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(NOON + ms).expect("a time")
}

fn failure(kind: K) -> ModelFailure {
    ModelFailure::new(kind, format!("{kind:?}"))
}

fn limited(ms: u64) -> ModelFailure {
    ModelFailure {
        retry_after_ms: Some(ms),
        ..failure(K::RateLimited)
    }
}

/// Models as `name@provider:window`; the window may be left out.
fn candidates<'a>(models: &[&'a str]) -> Vec<Candidate<'a>> {
    let candidate = |text: &&'a str| {
        let (model, rest) = text.split_once('@').unwrap_or((text, "p"));
        let (provider, window) = rest.split_once(':').unwrap_or((rest, ""));
        Candidate {
            model,
            provider,
            window: window.parse().ok(),
            ruled_out: None,
            because: None,
        }
    };
    models.iter().map(candidate).collect()
}

fn decide(candidates: &[Candidate<'_>], past: &[PastAttempt<'_>], credit: bool) -> Attempt {
    next_attempt(&Circumstances {
        candidates,
        past,
        seed: "seed",
        credit,
        sat_out: false,
        patience: LONGEST_WAIT,
        now: noon(0),
    })
}

fn past<'a>(model: &'a str, failure: &'a ModelFailure) -> PastAttempt<'a> {
    PastAttempt {
        model,
        failure,
        same: true,
    }
}

/// Follows a call to its end, every attempt failing in the same way: who is asked.
fn course(models: &[&str], failure: &ModelFailure, credit: bool) -> Vec<(String, u64)> {
    let candidates = candidates(models);
    let mut tried: Vec<(String, u64)> = Vec::new();
    loop {
        let past: Vec<_> = tried
            .iter()
            .map(|(model, _)| past(model, failure))
            .collect();
        match decide(&candidates, &past, credit) {
            Attempt::Try { model, wait_ms, .. } => tried.push((model, wait_ms)),
            Attempt::GiveUp(last) => {
                assert_eq!(last.kind, failure.kind);
                assert!(last.message.starts_with(&failure.message));
                return tried;
            }
            Attempt::Wait(_) => panic!("nobody rests"),
        }
    }
}

fn asked(models: &[&str], kind: K, credit: bool) -> Vec<String> {
    let course = course(models, &failure(kind), credit);
    course.into_iter().map(|(model, _)| model).collect()
}

#[test]
fn an_outage_is_tried_again_only_out_of_the_budget_then_the_next_model_is_asked() {
    for kind in [K::Overloaded, K::TimedOut] {
        assert_eq!(asked(&["a", "b"], kind, false), ["a", "b"]);
        assert_eq!(asked(&["a"], kind, true), ["a", "a", "a"]);
        // Two are paid in all.
        assert_eq!(asked(&["a", "b"], kind, true), ["a", "a", "a", "b"]);
    }
}

#[test]
fn a_limit_and_what_cannot_be_read_are_tried_again_for_free() {
    let twice = asked(&["a", "b"], K::RateLimited, false);
    assert_eq!(twice, ["a", "a", "a", "b", "b", "b"]);
    for kind in [K::Malformed, K::Truncated] {
        assert_eq!(asked(&["a", "b"], kind, false), ["a", "a", "b", "b"]);
    }
}

#[test]
fn a_wait_that_was_asked_for_is_obeyed_exactly_unless_it_is_absurd() {
    let waits = |failure| -> Vec<u64> {
        let course = course(&["a"], &failure, false);
        course.into_iter().map(|(_, wait)| wait).collect()
    };
    assert_eq!(waits(limited(1_501)), [0, 1_501, 1_501]);
    assert_eq!(waits(limited(60_000)), [0, 60_000, 60_000]);
    assert_eq!(waits(limited(60_001)), [0]);
    let elsewhere = course(&["a", "b"], &limited(3_600_000), false);
    assert_eq!(elsewhere, [("a".into(), 0), ("b".into(), 0)]);
}

#[test]
fn a_missing_model_key_or_credit_sends_the_call_on_at_once() {
    for kind in [
        K::UnknownModel,
        K::Authentication,
        K::Permission,
        K::QuotaExhausted,
    ] {
        assert_eq!(asked(&["a@p", "b@q"], kind, true), ["a", "b"], "{kind:?}");
    }
}

#[test]
fn what_was_refused_or_is_wrong_is_asked_of_nobody_else() {
    for kind in [K::ContentRefused, K::BadRequest, K::ScriptExhausted] {
        assert_eq!(asked(&["a@p", "b@q"], kind, true), ["a"], "{kind:?}");
    }
    let insisting = ModelFailure {
        should_retry: Some(true),
        ..failure(K::ContentRefused)
    };
    assert_eq!(course(&["a@p", "b@q"], &insisting, true).len(), 1);
}

#[test]
fn a_provider_that_is_gone_is_gone_with_all_its_models() {
    for kind in [K::Network, K::Authentication, K::QuotaExhausted] {
        let asked = asked(&["a@p", "b@p", "c@q"], kind, false);
        assert_eq!(asked, ["a", "c"], "{kind:?}");
    }
    assert_eq!(asked(&["a@p", "b@p"], K::Overloaded, false), ["a", "b"]);
}

#[test]
fn the_word_of_the_provider_goes_above_the_kind() {
    let over = ModelFailure {
        should_retry: Some(false),
        ..failure(K::RateLimited)
    };
    assert_eq!(course(&["a@p", "b@q"], &over, true).len(), 2);
    let again = ModelFailure {
        should_retry: Some(true),
        ..failure(K::BadRequest)
    };
    assert_eq!(course(&["a"], &again, true).len(), 3);
    assert_eq!(course(&["a"], &again, false).len(), 1);
}

#[test]
fn what_is_too_long_goes_to_a_longer_window_and_nowhere_else() {
    let models = ["a@p:8", "b@q:8", "c@q:4", "d@q", "e@q:9", "f@q:16"];
    assert_eq!(asked(&models, K::ContextTooLong, true), ["a", "e", "f"]);
    assert_eq!(asked(&["a", "b", "c:4"], K::ContextTooLong, true), ["a"]);
    let too_long = failure(K::ContextTooLong);
    let smaller = PastAttempt {
        same: false,
        ..past("a", &too_long)
    };
    let models = candidates(&["a@p:8", "e@q:9"]);
    let next = decide(&models, &[smaller], false);
    assert!(matches!(next, Attempt::Try { model, wait_ms: 0, paid: false, .. } if model == "a"));
}

fn resting(ms: i64) -> Option<RuledOut> {
    Some(RuledOut::Resting { until: noon(ms) })
}

#[test]
fn a_model_that_rests_is_passed_over_and_waited_for_where_there_is_no_other() {
    let mut models = candidates(&["a@p", "b@q"]);
    models[0].ruled_out = resting(2_000);
    let Attempt::Try {
        model, passed_over, ..
    } = decide(&models, &[], false)
    else {
        panic!("b is asked");
    };
    assert_eq!((model.as_str(), passed_over.len()), ("b", 1));
    models[1].ruled_out = resting(1_500);
    assert_eq!(decide(&models, &[], false), Attempt::Wait(1_500));
    models
        .iter_mut()
        .for_each(|model| model.ruled_out = resting(61_000));
    models[0].because = Some(K::RateLimited);
    let Attempt::GiveUp(given_up) = decide(&models, &[], false) else {
        panic!("that is too long");
    };
    assert_eq!(
        (given_up.kind, given_up.retry_after_ms),
        (K::RateLimited, Some(61_000))
    );
}

#[test]
fn a_rest_that_is_longer_than_the_wait_is_sat_out_or_avoided() {
    let mut models = candidates(&["a@p", "b@q"]);
    models[0].ruled_out = resting(2_000);
    let busy = failure(K::Overloaded);
    let next = decide(&models, &[past("a", &busy)], true);
    assert!(matches!(next, Attempt::Try { model, .. } if model == "b"));
    models.truncate(1);
    let next = decide(&models, &[past("a", &busy)], true);
    assert!(matches!(next, Attempt::Try { model, wait_ms: 2_000, paid: true, .. } if model == "a"));
}

#[test]
fn nobody_waits_for_anothers_probe_without_end() {
    let mut models = candidates(&["a"]);
    models[0].ruled_out = resting(250);
    let busy = failure(K::Overloaded);
    let with_patience = |ms| {
        next_attempt(&Circumstances {
            candidates: &models,
            past: &[past("a", &busy)],
            seed: "seed",
            credit: true,
            sat_out: true,
            patience: Duration::from_millis(ms),
            now: noon(0),
        })
    };
    assert!(matches!(
        with_patience(250),
        Attempt::Try { wait_ms: 250, .. }
    ));
    assert!(matches!(with_patience(249), Attempt::GiveUp(_)));
}

#[test]
fn where_nobody_can_be_asked_each_is_told_with_what_to_do() {
    let mut models = candidates(&["a", "b"]);
    models[0].ruled_out = Some(RuledOut::NotPrivate);
    models[1].ruled_out = Some(RuledOut::NoTools);
    let Attempt::GiveUp(failure) = decide(&models, &[], false) else {
        panic!("nobody is left");
    };
    assert_eq!(failure.kind, K::UnknownModel);
    for words in [
        "model a: the phase is private",
        "model b: it calls no tools",
        "private: true",
    ] {
        assert!(failure.message.contains(words), "{failure:?}");
    }
    let needed = RuledOut::TooSmall {
        window: 8,
        needed: 9,
    };
    models[1].ruled_out = Some(needed);
    let Attempt::GiveUp(failure) = decide(&models, &[], false) else {
        panic!("nobody is left");
    };
    assert_eq!(failure.kind, K::ContextTooLong);
    let message = "the provider \"p\" needs a key: set K".to_owned();
    let mut keyless = candidates(&["a"]);
    keyless[0].ruled_out = Some(RuledOut::Unusable {
        message: message.clone(),
    });
    keyless[0].because = Some(K::Authentication);
    let told = ModelFailure::new(K::Authentication, message);
    assert_eq!(decide(&keyless, &[], false), Attempt::GiveUp(told));
    assert!(matches!(decide(&[], &[], false), Attempt::GiveUp(_)));
}

#[test]
fn what_may_pass_is_told_rather_than_what_a_person_must_see_to() {
    let (busy, keyless) = (failure(K::Overloaded), failure(K::Authentication));
    let mut models = candidates(&["a@p", "b@q", "c@r"]);
    models[2].ruled_out = Some(RuledOut::NoTools);
    let given_up = decide(&models, &[past("a", &busy), past("b", &keyless)], false);
    let Attempt::GiveUp(failure) = given_up else {
        panic!("nobody is left");
    };
    assert_eq!(failure.kind, K::Overloaded);
    assert!(
        failure
            .message
            .ends_with("; not asked were c: it calls no tools")
    );
}

const KINDS: [K; 14] = [
    K::RateLimited,
    K::Overloaded,
    K::TimedOut,
    K::Network,
    K::Truncated,
    K::Malformed,
    K::QuotaExhausted,
    K::Authentication,
    K::Permission,
    K::UnknownModel,
    K::ContextTooLong,
    K::ContentRefused,
    K::BadRequest,
    K::ScriptExhausted,
];

proptest! {
    /// Whatever fails how: a call ends, its waits are short and the same again, and nobody is
    /// asked after a refusal.
    #[test]
    fn every_call_ends(
        failures in prop::collection::vec((0_usize..14, prop::option::of(0_u64..100_000)), 20),
        count in 1_usize..5,
        credit in any::<bool>(),
        seed in ".{0,8}",
    ) {
        let names = ["a@p:1", "b@p:2", "c@q:3", "d@r"];
        let candidates = candidates(&names[..count]);
        let failures: Vec<_> = failures.into_iter().map(|(kind, retry_after_ms)| ModelFailure {
            retry_after_ms,
            ..failure(KINDS[kind])
        }).collect();
        let mut tried: Vec<String> = Vec::new();
        loop {
            let past: Vec<_> = tried.iter().zip(&failures).map(|(model, failure)| past(model, failure)).collect();
            let at = Circumstances {
                candidates: &candidates,
                past: &past,
                seed: &seed,
                credit,
                sat_out: false,
                patience: LONGEST_WAIT,
                now: noon(0),
            };
            let next = next_attempt(&at);
            prop_assert_eq!(&next, &next_attempt(&at));
            let refused = past.iter().any(|past| past.failure.kind == K::ContentRefused);
            match next {
                Attempt::Try { model, wait_ms, .. } => {
                    prop_assert!(!refused);
                    prop_assert!(wait_ms <= 60_000);
                    tried.push(model);
                }
                Attempt::GiveUp(_) => break,
                Attempt::Wait(_) => prop_assert!(false, "nobody rests"),
            }
            // At each model two of each kind that is free, and two that are paid.
            prop_assert!(tried.len() <= count * 4 + 2);
        }
    }
}
