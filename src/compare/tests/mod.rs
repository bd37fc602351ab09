//! What is a run's own never shows; any other word does.

mod events;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::check::TestStatus;
use crate::domain::event::{CheckCompleted, Event, Record, RunFailed, RunResumed, StepCompleted};
use crate::domain::failure::ErrorType;
use crate::domain::id::{ExecutionId, RunId};
use crate::domain::phase::Phase;
use events::*;

fn log(events: Vec<Event>, own: &Own) -> Vec<Record> {
    let at = |seq: i64| Timestamp::from_second(1_700_000_000 + seq * i64::from(own.pid));
    (1..)
        .zip(events)
        .map(|(seq, event)| Record {
            run: RunId(own.run),
            seq: u64::try_from(seq).expect("small"),
            at: at(seq).expect("in range"),
            event,
        })
        .collect()
}

fn end() -> Event {
    Event::RunFailed(RunFailed {
        reason: "no way on".into(),
        error_type: ErrorType::Logic,
    })
}

proptest! {
    #[test]
    fn what_is_a_runs_own_never_shows(kind in 0..KINDS, seed: u64, a in owns(), b in owns()) {
        let (a, b) = (event(kind, seed, &a), event(kind, seed, &b));
        prop_assert_eq!(difference(&a, &a.clone()), None);
        prop_assert_eq!(difference(&a, &b), None);
    }

    #[test]
    fn a_changed_word_of_a_plan_or_summary_shows_in_the_words_of_both(
        seed: u64, a in owns(), b in owns(), word in "[a-z]{3,9}", other in "[a-z]{3,9}", place in 0_usize..3,
    ) {
        prop_assume!(word != other);
        let said = |own: &Own, word: &str| {
            let text = own.said(&format!("{} {word} {}", words(seed), words(seed >> 9)));
            match place {
                0 => completed(Phase::Planner, 1, own, json!({"summary": text, "steps": []})),
                1 => completed(Phase::Planner, 1, own, json!({"steps": [{"id": "one", "description": text}]})),
                _ => match step_completed(1, own) {
                    Event::StepCompleted(step) => Event::StepCompleted(StepCompleted { summary: text, ..step }),
                    other => other,
                },
            }
        };
        let (left, right) = difference(&said(&a, &word), &said(&b, &other)).expect("seen");
        prop_assert!(left.contains(&word), "{left} has not {word}");
        prop_assert!(right.contains(&other), "{right} has not {other}");
        prop_assert!(left.chars().count() < 420, "{left}");
    }

    #[test]
    fn another_tree_shows(kind in 8..KINDS, seed: u64, own in owns()) {
        let (a, b) = (event(kind, seed, &own), event(kind, seed ^ (1 << 60), &own));
        let has_tree = !matches!(a, Event::StepSkipped { .. } | Event::FindingRecorded { .. } | Event::GateDenied { .. });
        prop_assert!(!has_tree || difference(&a, &b).is_some());
    }

    #[test]
    fn equal_courses_do_not_part_whatever_stands_between(
        kinds in prop::collection::vec(0..KINDS, 0..12), seed: u64, a in owns(), b in owns(), stop in 0_usize..12,
    ) {
        let events = |own: &Own| -> Vec<Event> { kinds.iter().map(|kind| event(*kind, seed, own)).collect() };
        let mut interrupted = events(&b);
        let at = stop.min(interrupted.len());
        interrupted.insert(at, Event::RunResumed(RunResumed::default()));
        interrupted.insert(at, event(1, seed, &b));
        let (left, right) = (log(events(&a), &a), log(interrupted, &b));
        prop_assert_eq!(first_divergence(&left, &right, Pairing::Runs), None);
        prop_assert_eq!(first_divergence(&right, &left, Pairing::Replay), None);
    }

    #[test]
    fn findings_of_a_check_have_no_order(seed: u64, a in owns(), b in owns()) {
        let events = |own: &Own, names: [&str; 3]| -> Vec<Event> {
            let mut events: Vec<Event> = names.iter().map(|name| finding(name, seed, own)).collect();
            events.insert(0, event(18, seed, own));
            events.push(end());
            events
        };
        let left = log(events(&a, ["one", "two", "three"]), &a);
        let right = log(events(&b, ["three", "one", "two"]), &b);
        prop_assert_eq!(first_divergence(&left, &right, Pairing::Runs), None);
        let other = log(events(&b, ["three", "one", "four"]), &b);
        prop_assert!(first_divergence(&left, &other, Pairing::Runs).is_some());
    }
}

fn here() -> Own {
    Own {
        run: 1,
        ms: 1,
        hour: 1,
        pid: 3,
        temporary: "/tmp/a".into(),
        commit: "0a".repeat(20),
    }
}

#[test]
fn a_log_that_ends_early_parts_there_unless_it_was_to() {
    let own = here();
    let whole = log((8..16).map(|kind| event(kind, 5, &own)).collect(), &own);
    let part = &whole[..4];
    assert_eq!(first_divergence(&whole, part, Pairing::PartialReplay), None);
    let parted = first_divergence(&whole, part, Pairing::Replay).expect("parts");
    assert_eq!((parted.seq, parted.kind.as_str()), (5, "step.completed"));
    assert_eq!(parted.b, "");
    assert!(parted.a.starts_with("step one completed: "), "{}", parted.a);
    let longer = first_divergence(part, &whole, Pairing::PartialReplay).expect("goes on");
    assert_eq!((longer.seq, longer.kind.as_str()), (5, "step.completed"));
    assert_eq!(longer.a, "");
}

#[test]
fn what_the_runs_were_asked_counts_only_between_runs() {
    let own = here();
    let (a, b) = (
        log(vec![created(1, &own)], &own),
        log(vec![created(2, &own)], &own),
    );
    assert_eq!(first_divergence(&a, &b, Pairing::Replay), None);
    let parted = first_divergence(&a, &b, Pairing::Runs).expect("parts");
    assert_eq!((parted.seq, parted.kind.as_str()), (1, "run.created"));
}

#[test]
fn the_first_part_that_differs_is_named() {
    let own = here();
    let steps = |name: &str, more: bool| {
        let mut steps = vec![json!({"id": "one", "name": name})];
        if more {
            steps.push(json!({"id": "two", "name": "tests"}));
        }
        completed(Phase::Planner, 1, &own, json!({"steps": steps}))
    };
    assert_eq!(
        difference(&steps("add a list", false), &steps("add a map", false)),
        Some((
            "steps[0].name: \"add a list\"".into(),
            "steps[0].name: \"add a map\"".into()
        ))
    );
    assert_eq!(
        difference(&steps("add", false), &steps("add", true)),
        Some((
            "steps[1]: none".into(),
            "steps[1]: {\"id\":\"two\",\"name\":\"tests\"}".into()
        ))
    );
    let mut other = result(1, &own);
    other.tests[0].status = TestStatus::Failed;
    other.tests[0].name = "list::adds".into();
    let check = |result| {
        Event::CheckCompleted(Box::new(CheckCompleted {
            execution: ExecutionId(1),
            result,
            resolved: Vec::new(),
        }))
    };
    let mut one = other.clone();
    one.tests[0].status = TestStatus::Passed;
    assert_eq!(
        difference(&check(one), &check(other)),
        Some((
            "tests.list::adds: \"passed\"".into(),
            "tests.list::adds: \"failed\"".into()
        ))
    );
}

#[test]
fn hidden_characters_are_shown_as_what_they_are() {
    let own = here();
    let said = |text: &str| completed(Phase::Builder, 1, &own, json!({ "summary": text }));
    let (a, b) = difference(&said("über\u{202e}x"), &said("über\u{1b}[31mx")).expect("seen");
    assert_eq!(a, "summary: \"über\\u{202e}x\"");
    assert_eq!(b, "summary: \"über\\u{1b}[31mx\"");
}

#[test]
fn only_what_moves_a_run_belongs_to_its_course() {
    let own = here();
    let off: Vec<u64> = (0..KINDS)
        .filter(|kind| !is_course(&event(*kind, 1, &own)))
        .collect();
    assert_eq!(off, [0, 1, 6, 7]);
    assert!(!is_course(&Event::RunResumed(RunResumed::default())));
}

/// A run with one final check for each list of tests, on the tree beside it.
fn checked(number: i64, checks: &[(&str, &[(&str, TestStatus)])]) -> crate::domain::Run {
    let own = here();
    let mut first = log(vec![created(1, &own)], &own).remove(0);
    first.run = RunId(number);
    let mut run = crate::domain::Run::begin(&first).expect("begins");
    for (tree, tests) in checks {
        let mut result = result(1, &own);
        result.tree = (*tree).into();
        let named = |(name, status): &(&str, TestStatus)| crate::domain::check::TestCase {
            name: (*name).to_owned(),
            status: *status,
            duration_ms: None,
            message: None,
        };
        result.tests = tests.iter().map(named).collect();
        let execution = ExecutionId(1);
        run.checks
            .push(crate::domain::run::CheckState { execution, result });
    }
    run
}

#[test]
fn a_test_that_ends_differently_on_one_tree_is_flaky_and_no_better_or_worse() {
    use TestStatus::{Failed, Passed, Skipped};
    let tapes = std::collections::BTreeMap::new();
    let between = |a: &crate::domain::Run, b: &crate::domain::Run| {
        let side = |run| Side {
            run,
            records: &[],
            tapes: &tapes,
            usage: Default::default(),
        };
        RunDiff::of(side(a), side(b)).tests
    };
    let names = |tests: &[&str]| {
        tests
            .iter()
            .map(|test| (*test).to_owned())
            .collect::<Vec<_>>()
    };

    let a = checked(
        1,
        &[("t1", &[("x", Passed), ("y", Failed), ("z", Skipped)])],
    );
    let same_tree = checked(2, &[("t1", &[("x", Failed), ("y", Failed), ("z", Passed)])]);
    let tests = between(&a, &same_tree);
    assert_eq!(
        (tests.newly_failing, tests.flaky),
        (names(&[]), names(&["x"]))
    );

    let other_tree = checked(
        2,
        &[("t2", &[("x", Failed), ("y", Passed), ("new", Failed)])],
    );
    let tests = between(&a, &other_tree);
    assert_eq!(tests.newly_failing, names(&["new", "x"]));
    assert_eq!(
        (tests.newly_passing, tests.flaky),
        (names(&["y"]), names(&[]))
    );

    let wavers = checked(2, &[("t2", &[("x", Failed)]), ("t2", &[("x", Passed)])]);
    assert_eq!(between(&a, &wavers).flaky, names(&["x"]));
    assert!(between(&wavers, &wavers).newly_failing.is_empty());
}
