use super::*;

/// So many worlds are drawn.
const WORLDS: u64 = 12;

/// Repairs of a fault in a run with `max_retries: 5`.
const MOST: u32 = 5;

/// Lets a healer pass its first 200 faults in each of the worlds from `seed` on, and then measures it.
fn measure(seed: u64, at_once: usize, knowledge: &Knowledge, most: u32, analyzer: bool) -> Score {
    let mut total = Score::default();
    for seed in seed..seed + WORLDS {
        let mut world = World::new(seed);
        let mut healer = Healer {
            knowledge: knowledge.clone(),
            most,
            analyzer,
        };
        healer.live(&mut world, 200, 1);
        total = total.plus(healer.live(&mut world, 300, at_once));
    }
    total
}

#[test]
fn single_faults_are_healed_with_few_attempts_and_without_learning_visibly_fewer() {
    let learned = measure(1_000, 1, &Knowledge::of([]), MOST, true);
    let fixed = measure(1_000, 1, &Knowledge::fixed(), MOST, true);
    assert!(learned.rate() >= 0.97, "{learned:?}");
    assert!(learned.attempts_each() <= 1.75, "{learned:?}");
    let left = |score: Score| 1.0 - score.rate();
    assert!(left(fixed) >= 1.5 * left(learned), "{fixed:?} {learned:?}");
}

#[test]
fn without_an_analyzer_it_takes_more_repairs_and_learning_matters_more() {
    let learned = measure(2_000, 1, &Knowledge::of([]), 8, false);
    let fixed = measure(2_000, 1, &Knowledge::fixed(), 8, false);
    assert!(learned.rate() >= 0.97, "{learned:?}");
    assert!(learned.attempts_each() <= 1.75, "{learned:?}");
    assert!(
        fixed.rate() <= learned.rate() - 0.05,
        "{fixed:?} {learned:?}"
    );
}

#[test]
fn two_faults_at_once_are_healed_one_after_the_other() {
    let learned = measure(3_000, 2, &Knowledge::of([]), MOST, true);
    let fixed = measure(3_000, 2, &Knowledge::fixed(), MOST, true);
    assert!(learned.rate() >= 0.93, "{learned:?}");
    assert!(
        fixed.rate() <= learned.rate() - 0.03,
        "{fixed:?} {learned:?}"
    );
}

/// A failure of any kind, of few signatures, so that they come again.
fn any_failure(dice: &mut Dice) -> Failure {
    let error_type = dice.of(&ErrorType::ALL);
    let weights = ErrorType::ALL.map(|_| dice.share() * dice.share());
    let seen = Distribution::of(|class| weights[class as usize]);
    let distribution = match dice.below(3) {
        0 => None,
        1 => Some(seen),
        _ => Some(Distribution::of(|class| match class {
            class if class == error_type => 4.0,
            class => seen.get(class),
        })),
    };
    Failure {
        error_type,
        distribution,
        retryable: dice.happens(0.5),
        origin: Origin::Code,
        signature: Digest::of(&[dice.below(3) as u8]),
        message: dice
            .of(&["PORT is not set", "the answer is cut off", ""])
            .into(),
        root_cause: None,
        evidence: dice.of(&["", "expected 1"]).into(),
        failing_tests: Vec::new(),
        retry_after_ms: None,
        action_required: None,
        damage: dice.happens(0.5).then(Damage::default),
        cause: dice.of(&CAUSES),
    }
}

fn any_situation(dice: &mut Dice) -> Situation {
    let phase = dice.of(&Phase::ALL);
    let asks = dice.happens(0.3);
    Situation {
        tree: dice.of(&["a", "b"]).into(),
        models: dice.below(3),
        resumed: dice.below(2) as u32,
        step: dice.happens(0.5).then(|| "s".into()),
        instructions: dice.happens(0.5).then(|| "mind the edge".into()),
        commands: vec![dice.of(&["cargo fmt --check", "cargo test"]).into()],
        candidates: dice.below(2) as u32,
        ..everything(phase, asks)
    }
}

const CAUSES: [Cause; 15] = [
    Cause::RepairableAnswer,
    Cause::UnusableAnswer,
    Cause::ModelCall,
    Cause::Refusal,
    Cause::Blocked,
    Cause::Plan,
    Cause::Build,
    Cause::Tests,
    Cause::Lint,
    Cause::Crash,
    Cause::TimeLimit,
    Cause::Environment,
    Cause::Missing,
    Cause::Policy,
    Cause::NoChange,
];

const PLENTY: HealBudget = HealBudget {
    failures: 1,
    max_retries: 3,
    heals: 0,
    max_heals: 12,
};

/// Knowledge of what has healed everything, refusals among it.
fn sure_of_everything() -> Knowledge {
    let mut dice = Dice::new(1);
    let outcomes: Vec<Outcome> = HealAction::ALL
        .into_iter()
        .flat_map(|action| [action; 4])
        .map(|action| {
            let failure = any_failure(&mut dice);
            outcome(
                &failure,
                Phase::Tester,
                failure.distribution(),
                action,
                true,
            )
        })
        .collect();
    Knowledge::of(&outcomes)
}

#[test]
fn a_hard_safety_fact_is_never_acted_upon_in_a_million_events() {
    let mut dice = Dice::new(2);
    let knowledge = [Knowledge::of([]), Knowledge::fixed(), sure_of_everything()];
    let at: Vec<Situation> = (0..32).map(|_| any_situation(&mut dice)).collect();
    for event in 0..1_000_000 {
        let mut hard = any_failure(&mut dice);
        match dice.below(3) {
            0 => hard.error_type = ErrorType::Safety,
            1 => hard.cause = dice.of(&[Cause::Policy, Cause::Refusal]),
            _ => hard.distribution = Some(Distribution::certain(ErrorType::Safety)),
        }
        // A refusal that the change can do without is no hard fact.
        if hard.cause == Cause::Policy {
            hard.retryable = false;
        }
        let decision = choose(&hard, &at[event % 32], &[], &PLENTY, &knowledge[event % 3]);
        assert!(
            matches!(decision, Decision::GiveUp { .. }),
            "{hard:?} {decision:?}"
        );
    }
}

#[test]
fn nothing_is_tried_twice_in_a_hundred_thousand_schedules() {
    let mut knowledge = [Knowledge::of([]), Knowledge::fixed(), sure_of_everything()];
    for schedule in 0..100_000 {
        let mut dice = Dice::new(schedule);
        let knowledge = &mut knowledge[(schedule % 3) as usize];
        let mut history: Vec<Tried> = Vec::new();
        for _ in 0..dice.below(12) {
            let (failure, at) = (any_failure(&mut dice), any_situation(&mut dice));
            let decision = choose(&failure, &at, &history, &PLENTY, knowledge);
            let Decision::Act {
                remedy,
                considered,
                distribution,
            } = decision
            else {
                continue;
            };
            let kept = dice.happens(0.4);
            assert!(history.iter().all(|tried| tried.input != remedy.input));
            let chosen = considered.first().map(|first| first.action);
            assert!(chosen == knowledge.learns().then_some(remedy.action));
            assert!(!remedy.reason.is_empty() && !remedy.reason.contains('\n'));
            history.push(tried(&failure, &remedy, &at, kept));
            if knowledge.learns() && schedule < 1_000 {
                let seen = outcome(&failure, at.phase, distribution, remedy.action, kept);
                knowledge.see(&seen);
            }
        }
    }
}

#[test]
#[ignore = "prints instead of judging"]
fn how_much_is_healed() {
    for (analyzer, at_once) in [(true, 1), (false, 1), (true, 2), (false, 2)] {
        for knowledge in [Knowledge::of([]), Knowledge::fixed()] {
            for most in [3, 4, 5, 8] {
                let score = measure(0, at_once, &knowledge, most, analyzer);
                println!(
                    "learns {}, analyzer {analyzer}, {at_once} at once, at most {most} each: {:.3} \
                     healed, {:.2} attempts each, {:.2} spent",
                    knowledge.learns(),
                    score.rate(),
                    score.attempts_each() / at_once as f64,
                    score.cost / f64::from(score.healable),
                );
            }
        }
    }
}
