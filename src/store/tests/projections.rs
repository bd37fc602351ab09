use proptest::prelude::*;

use super::*;
use crate::domain::{Phase, State};
use crate::store::inspect::document;

/// Records random logs, one run each.
fn recorded(seeds: &[u64], length: usize) -> Fixture {
    let fixture = Fixture::new();
    for seed in seeds {
        let (driver, run) = fixture.run();
        let log = log::log(run.id, *seed, length);
        let same_start = Record {
            at: log[0].0.at,
            ..fixture.store.events(run.id).expect("reads")[0].clone()
        };
        assert_eq!(same_start, log[0].0);
        record(&fixture.store, &driver, &log);
    }
    fixture
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn projections_of_any_prefix_of_any_log_are_what_a_rebuild_makes(
        seed in any::<u64>(),
        length in 1_usize..120,
    ) {
        let fixture = recorded(&[seed, seed ^ 1], length);
        prop_assert_eq!(&fixture.store.check().expect("checks").problems, &[""; 0]);
        let report = fixture.store.rebuild().expect("rebuilds");
        prop_assert_eq!(report.runs, 2);
        prop_assert_eq!(report.differences, [""; 0]);
        let last = log::log(RunId(1), seed, length).pop().expect("has events").1;
        let loaded = fixture.store.load(RunId(1)).expect("folds").expect("is there");
        prop_assert_eq!(&loaded, &last);
        let listed = fixture.store.list(Filter::default()).expect("lists");
        let usage = fixture.store.usage(RunId(1)).expect("reads");
        prop_assert_eq!(&listed[1], &RunObject::of(&last, usage));
        document(&fixture.store, RunId(1)).expect("documents");
    }
}

#[test]
fn the_random_logs_reach_every_end() {
    let ends = |state| {
        (0..200).any(|seed| {
            let log = log::log(RunId(1), seed, 150);
            log.iter().any(|(_, run)| run.state() == state)
        })
    };
    for state in [
        State::Done,
        State::Failed,
        State::Cancelled,
        State::SelfHeal,
        State::AwaitingHuman,
        State::Error(Phase::Releaser),
    ] {
        assert!(ends(state), "{state}");
    }
}

#[test]
fn tampering_with_a_projection_is_found_and_taken_back_by_a_rebuild() {
    let fixture = recorded(&[1, 2, 3], 60);
    tamper(
        &fixture.temp,
        "UPDATE runs SET title = 'another' WHERE id = 2;
         DELETE FROM executions WHERE run_id = 3;",
    );
    let problems = fixture.store.check().expect("checks").problems;
    assert!(
        problems
            .iter()
            .any(|line| line == "run 2: runs differs from the events in title"),
        "{problems:?}"
    );
    let differences = fixture.store.rebuild().expect("rebuilds").differences;
    assert!(
        differences
            .iter()
            .any(|line| line.starts_with("run 3: executions has 0 rows")),
        "{differences:?}"
    );
    assert_eq!(fixture.store.check().expect("checks").problems, [""; 0]);
}

#[test]
fn gaps_lost_texts_and_strays_are_found() {
    let fixture = recorded(&[1, 2], 30);
    tamper(
        &fixture.temp,
        "DELETE FROM events WHERE run_id = 1 AND seq = 5;
         DELETE FROM blobs WHERE lower(hex(hash)) =
           (SELECT payload ->> '$.execution.brief' FROM events
            WHERE payload ->> '$.execution.brief' IS NOT NULL LIMIT 1);
         CREATE TEMP TABLE stray AS SELECT * FROM runs WHERE id = 2;
         UPDATE stray SET id = 77;
         INSERT INTO runs SELECT * FROM stray;",
    );
    let problems = fixture.store.check().expect("checks").problems.join("\n");
    for part in ["leaves a gap", "which is gone", "run 77: runs has rows"] {
        assert!(problems.contains(part), "{part}: {problems}");
    }
}

fn keys(value: &serde_json::Value) -> String {
    let keys: Vec<&str> = value
        .as_object()
        .expect("is an object")
        .keys()
        .map(String::as_str)
        .collect();
    keys.join(" ")
}

#[test]
fn the_document_has_the_keys_that_it_promises_in_order() {
    let fixture = recorded(&[4], 80);
    let document = document(&fixture.store, RunId(1)).expect("documents");
    let value = serde_json::to_value(&document).expect("is JSON");
    assert_eq!(
        keys(&value),
        "run limits stop notes driven phases plan steps planner_output builder_output tester_output releaser_output \
         checks heals failures rates findings executions artifacts replay forks interventions applications events"
    );
    assert_eq!(
        keys(&value["run"]),
        "id title goal state status phase parent_run_id retry_count max_retries heal_count \
         max_heals last_heal_action quality_score verified stop_reason branch applied_to applied_at base_commit commit \
         tree created_at started_at updated_at finished_at usage"
    );
    assert_eq!(
        keys(&value["run"]["usage"]),
        "model_calls input_tokens cached_input_tokens output_tokens reasoning_tokens cost_usd"
    );
    assert_eq!(keys(&value["events"][0]), "seq type at text");
    assert_eq!(value["events"][0]["type"], "run.created");
    assert_eq!(value["events"][0]["text"], "run created: run number 1");
}

#[test]
fn a_run_that_is_not_there_has_no_document() {
    let fixture = Fixture::new();
    let error = document(&fixture.store, RunId(9)).expect_err("refused");
    assert_eq!(error, StoreError::NoSuchRun(RunId(9)));
}
