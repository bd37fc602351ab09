use proptest::prelude::*;

use super::*;
use crate::domain::failure::{Cause, Damage, ErrorType, Origin};
use crate::domain::outcome::Outcome;

/// As [`super::choose`], with what is assumed beforehand.
fn choose(failure: &Failure, at: &Situation, history: &[Tried], budget: &HealBudget) -> Decision {
    super::choose(failure, at, history, budget, &Knowledge::of([]))
}

fn failure(error_type: ErrorType, cause: Cause) -> Failure {
    Failure {
        error_type,
        retryable: matches!(error_type, ErrorType::Infra | ErrorType::Llm),
        origin: Origin::Code,
        signature: Digest::of(format!("{error_type}{cause:?}").as_bytes()),
        message: "it went wrong".into(),
        root_cause: None,
        evidence: "assertion `left == right` failed".into(),
        failing_tests: Vec::new(),
        distribution: None,
        retry_after_ms: None,
        action_required: None,
        damage: None,
        cause,
    }
}

fn situation() -> Situation {
    Situation {
        run: RunId(1),
        phase: Phase::Tester,
        step: None,
        tree: "t".into(),
        models: 1,
        has_setup: false,
        template_for_missing: None,
        plan_exists: true,
        answer: None,
        diff: String::new(),
        code: String::new(),
        wanted: None,
        resumed: 0,
        commands: Vec::new(),
        scripts: BTreeMap::new(),
        defaults: BTreeMap::new(),
        own_tests: Vec::new(),
        candidates: 0,
        agents: Vec::new(),
        asked: Vec::new(),
        instructions: None,
    }
}

const PLENTY: HealBudget = HealBudget {
    failures: 1,
    max_retries: 3,
    heals: 0,
    max_heals: 12,
};

fn tried(failure: &Failure, remedy: &Remedy, at: &Situation, kept: bool) -> Tried {
    Tried {
        signature: failure.signature.clone(),
        action: remedy.action,
        input: remedy.input.clone(),
        kept,
        evidence: "it failed again".into(),
        resumed: at.resumed,
    }
}

/// Climbs a ladder to its end, no repair ever helping.
fn climb(failure: &Failure, at: &Situation) -> (Vec<Remedy>, Decision) {
    let mut history = Vec::new();
    let mut remedies = Vec::new();
    loop {
        match choose(failure, at, &history, &PLENTY) {
            Decision::Act { remedy, .. } => {
                history.push(tried(failure, &remedy, at, false));
                remedies.push(remedy);
            }
            end => return (remedies, end),
        }
    }
}

fn actions(failure: &Failure, at: &Situation) -> Vec<&'static str> {
    let (remedies, _) = climb(failure, at);
    remedies
        .iter()
        .map(|remedy| remedy.action.as_str())
        .collect()
}

#[test]
fn an_unusable_answer_is_regenerated_then_constrained_then_asked_of_another_model() {
    let failure = failure(ErrorType::Llm, Cause::UnusableAnswer);
    let at = Situation {
        models: 2,
        phase: Phase::Planner,
        ..situation()
    };
    assert_eq!(
        actions(&failure, &at),
        ["regenerate", "regenerate_constrained", "another_model"]
    );
    assert_eq!(actions(&failure, &situation()).len(), 2);
}

#[test]
fn a_repairable_answer_is_read_leniently_first() {
    let failure = failure(ErrorType::Llm, Cause::RepairableAnswer);
    let at = Situation {
        answer: Some("Sure: {a: 1,}".into()),
        ..situation()
    };
    let (remedies, _) = climb(&failure, &at);
    assert_eq!(remedies[0].action, HealAction::RepairJson);
    assert_eq!(remedies[0].evidence, r#"{"a":1}"#);
    assert_eq!(remedies[1].action, HealAction::Regenerate);
}

#[test]
fn a_failing_assertion_goes_to_the_builder_with_assertion_and_change_then_to_the_planner() {
    let failure = failure(ErrorType::Assertion, Cause::Tests);
    let at = Situation {
        diff: "+ x = 1".into(),
        ..situation()
    };
    let (remedies, end) = climb(&failure, &at);
    assert_eq!(remedies[0].action, HealAction::FixAssertion);
    assert_eq!(
        (remedies[0].goto, &remedies[0].step),
        (Phase::Builder, &None)
    );
    assert!(remedies[0].evidence.contains("left == right"));
    assert!(remedies[0].evidence.contains("+ x = 1"));
    assert_eq!(remedies[1].action, HealAction::Replan);
    assert_eq!(remedies[1].goto, Phase::Planner);
    assert!(
        remedies[1]
            .evidence
            .contains("fix_assertion for this failure: it failed again")
    );
    assert!(matches!(end, Decision::GiveUp { reason } if reason.contains("fix_assertion, replan")));
}

#[test]
fn each_class_has_its_ladder() {
    use Cause as C;
    use ErrorType as E;
    let ladders: &[(E, C, &[&str])] = &[
        (E::Assertion, C::Lint, &["fix_lint", "replan"]),
        (E::Runtime, C::Crash, &["fix_crash", "replan"]),
        (E::Runtime, C::Environment, &["fix_command", "replan"]),
        (E::Logic, C::Build, &["fix_build", "refine_plan"]),
        (E::Logic, C::Blocked, &["refine_plan", "replan"]),
        (E::Logic, C::Plan, &["refine_plan", "replan"]),
        (E::Logic, C::NoChange, &["refine_plan", "replan"]),
        (E::Infra, C::ModelCall, &["backoff", "backoff", "backoff"]),
        (E::Infra, C::Environment, &["rerun_checks"]),
        (E::Infra, C::TimeLimit, &["rerun_checks", "fix_crash"]),
        (E::Config, C::Missing, &[]),
        (E::Safety, C::Policy, &[]),
        (E::Safety, C::Refusal, &[]),
    ];
    for (error_type, cause, ladder) in ladders {
        assert_eq!(
            &actions(&failure(*error_type, *cause), &situation()),
            ladder,
            "{cause:?}"
        );
    }
}

#[test]
fn a_step_that_fails_its_check_is_repaired_as_that_step() {
    let failure = failure(ErrorType::Logic, Cause::Build);
    let at = Situation {
        phase: Phase::Builder,
        step: Some("s".into()),
        ..situation()
    };
    let (remedies, _) = climb(&failure, &at);
    assert_eq!(remedies[0].step, Some("s".into()));
    assert_eq!(remedies[1].step, None);
}

#[test]
fn a_wait_that_was_asked_for_is_obeyed_exactly() {
    let asked = Failure {
        retry_after_ms: Some(1_234),
        ..failure(ErrorType::Infra, Cause::ModelCall)
    };
    let (remedies, end) = climb(&asked, &situation());
    assert!(remedies.iter().all(|remedy| remedy.wait_ms == 1_234));
    assert!(matches!(
        end,
        Decision::Stop {
            reason: StopReason::RateLimited,
            ..
        }
    ));
    let unasked = failure(ErrorType::Infra, Cause::ModelCall);
    let (remedies, _) = climb(&unasked, &situation());
    assert!(remedies[0].wait_ms <= 500 && remedies[1].wait_ms <= 1_000);
}

#[test]
fn a_server_that_cannot_be_reached_is_named_with_what_to_do() {
    let refused = Failure {
        action_required: Some("start the server".into()),
        ..failure(ErrorType::Infra, Cause::ModelCall)
    };
    let (_, end) = climb(&refused, &situation());
    let Decision::Stop {
        reason,
        message,
        action_required,
    } = end
    else {
        panic!("{end:?}");
    };
    assert_eq!(reason, StopReason::RateLimited);
    assert!(message.starts_with("the server cannot be reached: "));
    assert_eq!(action_required, refused.action_required);
}

#[test]
fn what_is_missing_is_made_from_a_template_or_installed_or_asked_for() {
    let missing = Failure {
        action_required: Some("set DATABASE_URL".into()),
        damage: Some(Damage::default()),
        ..failure(ErrorType::Config, Cause::Missing)
    };
    let at = Situation {
        has_setup: true,
        template_for_missing: Some(".env.example".into()),
        ..situation()
    };
    let (remedies, end) = climb(&missing, &at);
    assert_eq!(remedies[0].action, HealAction::CreateFromTemplate);
    assert_eq!(remedies[1].action, HealAction::InstallDependencies);
    let asked = Some("set DATABASE_URL".to_owned());
    assert!(
        matches!(&end, Decision::Stop { reason: StopReason::AwaitingHuman, action_required, .. } if *action_required == asked)
    );
}

#[test]
fn after_a_person_resumed_the_run_it_is_tried_once_more() {
    let missing = failure(ErrorType::Config, Cause::Missing);
    let at = Situation {
        resumed: 1,
        ..situation()
    };
    assert_eq!(actions(&missing, &at), ["backoff"]);
}

#[test]
fn a_soft_refusal_is_corrected_once_and_a_hard_one_never() {
    let soft = Failure {
        retryable: true,
        ..failure(ErrorType::Safety, Cause::Policy)
    };
    let (remedies, end) = climb(&soft, &situation());
    assert_eq!(remedies.len(), 1);
    assert!(matches!(
        end,
        Decision::Stop {
            reason: StopReason::AwaitingHuman,
            ..
        }
    ));
    let other = Failure {
        signature: Digest::of(b"other"),
        ..soft.clone()
    };
    let history = [tried(&soft, &remedies[0], &situation(), true)];
    let again = choose(&other, &situation(), &history, &PLENTY);
    assert!(matches!(again, Decision::Stop { .. }));
    let hard = failure(ErrorType::Safety, Cause::Policy);
    assert!(
        matches!(climb(&hard, &situation()), (remedies, Decision::GiveUp { .. }) if remedies.is_empty())
    );
}

#[test]
fn a_refusal_is_taken_to_no_other_model() {
    let refusal = failure(ErrorType::Safety, Cause::Refusal);
    for resumed in [0, 1] {
        let at = Situation {
            models: 3,
            resumed,
            ..situation()
        };
        let (remedies, end) = climb(&refusal, &at);
        assert_eq!(remedies, []);
        assert!(matches!(end, Decision::GiveUp { .. }));
    }
}

#[test]
fn an_outage_parks_the_run_whatever_limit_is_reached() {
    let outage = failure(ErrorType::Infra, Cause::ModelCall);
    let spent = HealBudget {
        failures: 4,
        ..PLENTY
    };
    let decision = choose(&outage, &situation(), &[], &spent);
    assert!(matches!(
        decision,
        Decision::Stop {
            reason: StopReason::RateLimited,
            ..
        }
    ));
}

#[test]
fn giving_up_names_the_limit() {
    let failure = failure(ErrorType::Assertion, Cause::Tests);
    for (budget, name) in [
        (
            HealBudget {
                failures: 4,
                ..PLENTY
            },
            "max_retries is 3",
        ),
        (
            HealBudget {
                heals: 12,
                ..PLENTY
            },
            "max_heals is 12",
        ),
    ] {
        let decision = choose(&failure, &situation(), &[], &budget);
        assert!(matches!(decision, Decision::GiveUp { reason } if reason.contains(name)));
    }
}

#[test]
fn a_repair_that_failed_twice_gives_way_to_the_next() {
    let at = situation();
    let mut history = Vec::new();
    for test in ["a", "b"] {
        let other = Failure {
            signature: Digest::of(test.as_bytes()),
            ..failure(ErrorType::Assertion, Cause::Tests)
        };
        let Decision::Act { remedy, .. } = choose(&other, &at, &history, &PLENTY) else {
            panic!("a repair");
        };
        assert_eq!(remedy.action, HealAction::FixAssertion);
        history.push(tried(&other, &remedy, &at, false));
    }
    let third = failure(ErrorType::Assertion, Cause::Tests);
    let decision = choose(&third, &at, &history, &PLENTY);
    assert!(
        matches!(decision, Decision::Act { remedy, .. } if remedy.action == HealAction::Replan)
    );
}

/// How likely each class is.
fn mixed(shares: &[(ErrorType, f64)]) -> Option<Distribution> {
    Some(Distribution::of(|class| {
        let share = shares.iter().find(|(of, _)| *of == class);
        share.map_or(0.0, |(_, share)| *share)
    }))
}

#[test]
fn a_repair_in_vain_makes_its_class_less_likely_and_another_takes_over() {
    let unclear = Failure {
        distribution: mixed(&[(ErrorType::Assertion, 0.7), (ErrorType::Infra, 0.3)]),
        ..failure(ErrorType::Assertion, Cause::Tests)
    };
    let at = situation();
    let Decision::Act {
        remedy, considered, ..
    } = choose(&unclear, &at, &[], &PLENTY)
    else {
        panic!("a repair");
    };
    assert_eq!(remedy.action, HealAction::FixAssertion);
    assert_eq!(considered[0].action, HealAction::FixAssertion);
    assert!(considered.is_sorted_by(|a, b| a.value >= b.value));
    let history = [tried(&unclear, &remedy, &at, false)];
    let Decision::Act {
        remedy,
        distribution,
        ..
    } = choose(&unclear, &at, &history, &PLENTY)
    else {
        panic!("a repair");
    };
    assert_eq!(remedy.action, HealAction::RerunChecks);
    assert!(
        remedy.reason.contains("it may be INFRA_ERROR"),
        "{}",
        remedy.reason
    );
    assert!(distribution.get(ErrorType::Infra) > 0.5);
}

#[test]
fn without_learning_the_order_is_fixed() {
    let unclear = Failure {
        distribution: mixed(&[(ErrorType::Assertion, 0.4), (ErrorType::Infra, 0.6)]),
        ..failure(ErrorType::Assertion, Cause::Tests)
    };
    let decision = super::choose(&unclear, &situation(), &[], &PLENTY, &Knowledge::fixed());
    let Decision::Act {
        remedy, considered, ..
    } = decision
    else {
        panic!("a repair");
    };
    assert_eq!(remedy.action, HealAction::FixAssertion);
    assert_eq!(considered, []);
    assert!(!remedy.reason.contains('%'), "{}", remedy.reason);
}

#[test]
fn an_unclear_failure_is_shown_to_the_analyzer_once() {
    let unclear = Failure {
        distribution: mixed(&[(ErrorType::Assertion, 0.6), (ErrorType::Infra, 0.4)]),
        ..failure(ErrorType::Assertion, Cause::Tests)
    };
    let mut at = Situation {
        agents: vec![Agent::Analyzer],
        ..situation()
    };
    let consult = Decision::Consult(Agent::Analyzer);
    assert_eq!(choose(&unclear, &at, &[], &PLENTY), consult);
    at.asked = vec![Agent::Analyzer];
    assert!(matches!(
        choose(&unclear, &at, &[], &PLENTY),
        Decision::Act { .. }
    ));
    at.asked.clear();
    let clear = failure(ErrorType::Assertion, Cause::Tests);
    assert!(matches!(
        choose(&clear, &at, &[], &PLENTY),
        Decision::Act { .. }
    ));
}

#[test]
fn after_a_fix_in_vain_there_are_instructions_the_test_itself_and_several_patches() {
    let failing = failure(ErrorType::Assertion, Cause::Tests);
    let at = Situation {
        candidates: 3,
        own_tests: vec!["tests/new.rs".into()],
        agents: vec![Agent::Repair],
        instructions: Some("compare with a tolerance".into()),
        ..situation()
    };
    let (remedies, _) = climb(&failing, &at);
    let names: Vec<&str> = remedies.iter().map(|one| one.action.as_str()).collect();
    assert_eq!(
        names,
        [
            "fix_assertion",
            "patch_instructions",
            "regenerate_test",
            "try_candidates",
            "replan",
            "free_form"
        ]
    );
    assert_eq!(remedies[1].evidence, "compare with a tolerance");
    assert!(
        remedies[2]
            .evidence
            .contains("these files only: tests/new.rs")
    );
    assert!(
        remedies
            .iter()
            .take(4)
            .all(|one| one.goto == Phase::Builder)
    );
}

#[test]
fn the_repair_agent_is_asked_for_instructions_before_they_are_given() {
    let failing = failure(ErrorType::Assertion, Cause::Tests);
    let mut at = Situation {
        agents: vec![Agent::Repair],
        ..situation()
    };
    let Decision::Act { remedy, .. } = choose(&failing, &at, &[], &PLENTY) else {
        panic!("a repair");
    };
    let history = [tried(&failing, &remedy, &at, false)];
    let consult = Decision::Consult(Agent::Repair);
    assert_eq!(choose(&failing, &at, &history, &PLENTY), consult);
    at.asked = vec![Agent::Repair];
    let decision = choose(&failing, &at, &history, &PLENTY);
    assert!(
        matches!(decision, Decision::Act { remedy, .. } if remedy.action == HealAction::Replan)
    );
}

#[test]
fn what_tools_can_mend_themselves_comes_first() {
    let objected = failure(ErrorType::Assertion, Cause::Lint);
    let at = Situation {
        commands: vec!["cargo fmt --check".into(), "cargo test".into()],
        ..situation()
    };
    let (remedies, _) = climb(&objected, &at);
    assert_eq!(remedies[0].action, HealAction::ApplyFixes);
    assert_eq!(remedies[0].commands, ["cargo fmt"]);
    assert_eq!(remedies[1].action, HealAction::FixLint);
    assert_eq!(remedies[1].commands, [""; 0]);
}

#[test]
fn a_missing_variable_is_set_to_its_default_and_a_secret_is_asked_for() {
    let missing = Failure {
        message: "APP_PORT and API_KEY are not set".into(),
        damage: Some(Damage::default()),
        ..failure(ErrorType::Config, Cause::Missing)
    };
    let pair = |name: &str| (name.to_owned(), "8080".to_owned());
    let at = Situation {
        defaults: BTreeMap::from([pair("APP_PORT"), pair("API_KEY"), pair("OTHER")]),
        ..situation()
    };
    let (remedies, end) = climb(&missing, &at);
    assert_eq!(remedies.len(), 1);
    assert_eq!(remedies[0].variables, BTreeMap::from([pair("APP_PORT")]));
    assert!(matches!(end, Decision::Stop { .. }));
}

#[test]
fn a_step_that_is_too_much_for_one_answer_is_split() {
    let cut = Failure {
        message: "the answer is cut off: end of file".into(),
        ..failure(ErrorType::Llm, Cause::UnusableAnswer)
    };
    let at = Situation {
        phase: Phase::Builder,
        step: Some("step-2".into()),
        ..situation()
    };
    let (remedies, _) = climb(&cut, &at);
    let split = remedies.last().unwrap();
    assert_eq!(split.action, HealAction::SplitStep);
    assert_eq!(split.goto, Phase::Planner);
    assert!(split.evidence.contains("The step step-2 is too much"));
}

#[test]
fn another_provider_is_asked_after_a_pause_in_vain() {
    let outage = failure(ErrorType::Infra, Cause::ModelCall);
    let at = Situation {
        models: 2,
        ..situation()
    };
    let names = actions(&outage, &at);
    assert_eq!(names[0], "backoff");
    assert!(names.contains(&"another_model"), "{names:?}");
}

/// What became of a repair of a failure, so many times.
fn seen(failure: &Failure, action: HealAction, success: bool, times: usize) -> Vec<Outcome> {
    let outcome = Outcome {
        phase: Phase::Tester,
        signature: failure.signature.clone(),
        error_type: failure.error_type,
        distribution: failure.distribution(),
        action,
        success,
        tokens: 0,
        cost_usd: 0.0,
        cause: "left != right at the edge".into(),
    };
    vec![outcome; times]
}

#[test]
fn what_has_healed_the_same_failure_three_times_comes_first_and_says_so() {
    let failing = failure(ErrorType::Assertion, Cause::Tests);
    let replan = |times| Knowledge::of(&seen(&failing, HealAction::Replan, true, times));
    let chosen = |knowledge: &Knowledge| match super::choose(
        &failing,
        &situation(),
        &[],
        &PLENTY,
        knowledge,
    ) {
        Decision::Act { remedy, .. } => remedy,
        other => panic!("{other:?}"),
    };
    let remedy = chosen(&replan(3));
    assert_eq!(remedy.action, HealAction::Replan);
    assert!(
        remedy
            .reason
            .ends_with("it healed this very failure 3 of 3 times before")
    );
    assert!(
        remedy
            .evidence
            .contains("It was then: left != right at the edge")
    );
    // Nobody knows what has healed a failure that nobody has seen.
    let other = Failure {
        signature: Digest::of(b"other"),
        ..failing.clone()
    };
    let decision = super::choose(&other, &situation(), &[], &PLENTY, &replan(3));
    assert!(
        matches!(decision, Decision::Act { remedy, .. } if remedy.action == HealAction::FixAssertion)
    );
}

#[test]
fn what_never_helps_gives_way_and_the_reason_counts() {
    let failing = failure(ErrorType::Assertion, Cause::Tests);
    let elsewhere = Failure {
        signature: Digest::of(b"elsewhere"),
        ..failing.clone()
    };
    let mut outcomes = seen(&elsewhere, HealAction::FixAssertion, false, 15);
    outcomes.extend(seen(&elsewhere, HealAction::Replan, true, 2));
    let decision = super::choose(
        &failing,
        &situation(),
        &[],
        &PLENTY,
        &Knowledge::of(&outcomes),
    );
    let Decision::Act { remedy, .. } = decision else {
        panic!("a repair");
    };
    assert_eq!(remedy.action, HealAction::Replan);
    assert!(remedy.reason.ends_with("it helped 2 of 2 times before"));
}

#[test]
fn a_playbook_brings_no_repair_to_a_refusal() {
    let refused = failure(ErrorType::Safety, Cause::Policy);
    let outcomes = seen(&refused, HealAction::FixAssertion, true, 9);
    let knowledge = Knowledge::of(&outcomes);
    let decision = super::choose(&refused, &situation(), &[], &PLENTY, &knowledge);
    assert!(matches!(decision, Decision::GiveUp { .. }));
    let soft = Failure {
        retryable: true,
        ..refused
    };
    let decision = super::choose(&soft, &situation(), &[], &PLENTY, &knowledge);
    let corrects = |remedy: &Remedy| remedy.action == HealAction::PolicyCorrection;
    assert!(matches!(decision, Decision::Act { remedy, .. } if corrects(&remedy)));
}

const TYPES: [ErrorType; 7] = [
    ErrorType::Safety,
    ErrorType::Config,
    ErrorType::Infra,
    ErrorType::Runtime,
    ErrorType::Llm,
    ErrorType::Assertion,
    ErrorType::Logic,
];
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

prop_compose! {
    fn any_failure()(
        error_type in 0..TYPES.len(), cause in 0..CAUSES.len(), signature in 0_u8..3,
        retryable: bool, message in "[a-c]{0,2}", evidence in "[a-c]{0,2}",
    ) -> Failure {
        Failure {
            retryable,
            signature: Digest::of(&[signature]),
            message,
            evidence,
            ..failure(TYPES[error_type], CAUSES[cause])
        }
    }
}

prop_compose! {
    fn any_situation()(
        tree in "[ab]", models in 0_usize..3, has_setup: bool, plan_exists: bool, resumed in 0_u32..2,
        template in prop::option::of("[ab]"), answer in prop::option::of("\\{a: 1,\\}|oops"),
        phase in 0..4_usize,
    ) -> Situation {
        Situation {
            tree: tree.as_str().into(),
            models,
            has_setup,
            plan_exists,
            resumed,
            template_for_missing: template,
            answer,
            phase: Phase::ALL[phase],
            ..situation()
        }
    }
}

proptest! {
    #[test]
    fn nothing_is_tried_twice_and_all_ends_within_the_budgets(
        events in prop::collection::vec((any_failure(), any_situation(), any::<bool>()), 1..60)
    ) {
        let mut history: Vec<Tried> = Vec::new();
        let mut budget = HealBudget { failures: 0, max_retries: 20, heals: 0, max_heals: 12 };
        for (failure, at, kept) in events {
            budget.failures += 1;
            let Decision::Act { remedy, .. } = choose(&failure, &at, &history, &budget) else {
                continue;
            };
            prop_assert!(history.iter().all(|tried| tried.input != remedy.input));
            prop_assert!(!remedy.evidence.is_empty() || failure.message.is_empty());
            prop_assert!(!remedy.reason.is_empty() && !remedy.reason.contains('\n'));
            prop_assert!(remedy.action == HealAction::Backoff || remedy.wait_ms == 0);
            history.push(tried(&failure, &remedy, &at, kept));
            budget.heals += 1;
        }
        prop_assert!(budget.heals <= budget.max_heals);
    }

    #[test]
    fn no_hard_safety_fact_is_ever_acted_upon(failure in any_failure(), at in any_situation()) {
        let hard = Failure { error_type: ErrorType::Safety, retryable: false, ..failure };
        let is_act = matches!(choose(&hard, &at, &[], &PLENTY), Decision::Act { .. });
        prop_assert!(!is_act);
    }

    #[test]
    fn every_ladder_ends_without_a_budget_too(failure in any_failure(), at in any_situation()) {
        prop_assert!(climb(&failure, &at).0.len() <= 4);
    }
}
