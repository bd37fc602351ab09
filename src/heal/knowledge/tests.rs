use super::*;

fn outcome(class: ErrorType, action: HealAction, success: bool) -> Outcome {
    Outcome {
        phase: Phase::Tester,
        signature: Digest::of(b"s"),
        error_type: class,
        distribution: Distribution::certain(class),
        action,
        success,
        tokens: 0,
        cost_usd: 0.0,
        cause: "it went wrong".into(),
    }
}

const ASSERTION: ErrorType = ErrorType::Assertion;
const FIX: HealAction = HealAction::FixAssertion;

#[test]
fn what_is_seen_outweighs_what_is_assumed() {
    let before = Knowledge::of([]).chance(ASSERTION, FIX, Phase::Tester);
    let bad = vec![outcome(ASSERTION, FIX, false); 20];
    let after = Knowledge::of(&bad).chance(ASSERTION, FIX, Phase::Tester);
    assert!(before > 0.6 && after < 0.2, "{before} {after}");
    let elsewhere = Knowledge::of(&bad).chance(ASSERTION, FIX, Phase::Builder);
    assert!(after < elsewhere && elsewhere < before);
    let other = Knowledge::of(&bad).chance(ErrorType::Runtime, FIX, Phase::Tester);
    assert!((other - 0.30).abs() < 1e-9);
}

#[test]
fn later_outcomes_count_more() {
    let (good, bad) = (
        outcome(ASSERTION, FIX, true),
        outcome(ASSERTION, FIX, false),
    );
    let mut seen = vec![good.clone(); 150];
    seen.extend(vec![bad; 150]);
    let chance = |seen: &[Outcome]| Knowledge::of(seen).chance(ASSERTION, FIX, Phase::Tester);
    let worse = chance(&seen);
    seen.reverse();
    assert!(worse < 0.4 && chance(&seen) > 0.6);
}

#[test]
fn the_class_that_explains_an_outcome_best_takes_most_of_the_credit() {
    let mixed = Outcome {
        distribution: Distribution::of(|class| match class {
            ErrorType::Assertion | ErrorType::Infra => 0.5,
            _ => 0.0,
        }),
        ..outcome(ASSERTION, HealAction::RerunChecks, true)
    };
    let knowledge = Knowledge::of(&[mixed]);
    let gained = |class| {
        let belief = knowledge.beliefs();
        let belief = belief
            .into_iter()
            .find(|belief| (belief.class, belief.action) == (class, HealAction::RerunChecks));
        belief.unwrap().seen
    };
    assert!(gained(ErrorType::Infra) > 0.9 && gained(ASSERTION) < 0.1);
}

#[test]
fn a_failure_has_its_own_record() {
    let seen = vec![outcome(ASSERTION, FIX, false); 2];
    let knowledge = Knowledge::of(&seen);
    let certain = Distribution::certain(ASSERTION);
    let expected =
        |signature: &[u8]| knowledge.expected(&Digest::of(signature), &certain, FIX, Phase::Tester);
    assert!(expected(b"s") < expected(b"other"));
}
