use std::collections::BTreeSet;

use super::*;
use crate::domain::event::{Event, RunCreated, RunReplayed};
use crate::domain::phase::Phase;
use crate::domain::replay::ReplayMode;

/// A finished run with its log on the record.
fn finished(fixture: &Fixture, seed: u64) -> (RunId, u64) {
    let (driver, run) = fixture.run();
    let log = log::log(run.id, seed, 60);
    record(&fixture.store, &driver, &log);
    (run.id, log.last().map_or(1, |(record, _)| record.seq))
}

fn doomed((run, seq): (RunId, u64)) -> Doomed {
    Doomed { run, seq }
}

#[test]
fn what_is_left_after_pruning_is_whole() {
    let fixture = Fixture::new();
    let runs: Vec<_> = (0..4).map(|seed| finished(&fixture, seed)).collect();
    let kept = fixture.store.events(runs[1].0).expect("reads");
    let forgotten = fixture
        .store
        .prune(&[doomed(runs[0]), doomed(runs[2])], Some("a.zip"))
        .expect("prunes");
    assert_eq!(forgotten.runs, [RunId(1), RunId(3)]);
    assert_eq!(forgotten.events, runs[0].1 + runs[2].1);
    assert_eq!(
        forgotten.texts, 0,
        "the runs that are left have the same texts"
    );
    let report = fixture.store.check().expect("checks");
    assert_eq!((report.runs, report.problems), (2, vec![]));
    assert_eq!(fixture.store.events(RunId(2)).expect("reads"), kept);
    assert_eq!(
        fixture.store.rebuild().expect("rebuilds").differences,
        [""; 0]
    );
    let about = fixture
        .store
        .pruned(RunId(3))
        .expect("reads")
        .expect("is known");
    assert_eq!(about.archive.as_deref(), Some("a.zip"));
    assert_eq!(fixture.store.pruned(RunId(2)), Ok(None));
}

#[test]
fn a_text_goes_with_the_last_run_that_names_it() {
    let fixture = Fixture::new();
    let run = finished(&fixture, 1);
    let forgotten = fixture.store.prune(&[doomed(run)], None).expect("prunes");
    assert_eq!(forgotten.texts, 2, "its configuration and its brief");
    let hash = crate::domain::Digest::of(&log::text("config"));
    assert_eq!(fixture.store.blob(&hash), Ok(None));
}

#[test]
fn the_number_of_a_pruned_run_never_comes_back() {
    let fixture = Fixture::new();
    finished(&fixture, 1);
    let last = finished(&fixture, 2);
    fixture.store.prune(&[doomed(last)], None).expect("prunes");
    assert_eq!(fixture.store.latest_run(), Ok(Some(RunId(1))));
    let fixture = fixture.reopened();
    assert_eq!(create(&fixture.store).0, RunId(3));
}

#[test]
fn a_run_that_is_driven_or_has_gone_on_stays() {
    let fixture = Fixture::new();
    let (driver, run) = fixture.run();
    let now = doomed((run.id, 1));
    let forgotten = fixture.store.prune(&[now], None).expect("looks");
    assert_eq!(forgotten, Forgotten::default());
    record(&fixture.store, &driver, &log::log(run.id, 3, 20));
    drop(driver);
    let forgotten = fixture.store.prune(&[now], None).expect("looks");
    assert_eq!(forgotten, Forgotten::default());
    assert_eq!(fixture.store.check().expect("checks").runs, 1);
}

#[test]
fn a_pruned_run_cannot_be_driven() {
    let fixture = Fixture::new();
    let run = finished(&fixture, 1);
    fixture.store.prune(&[doomed(run)], None).expect("prunes");
    let error = fixture.store.drive(run.0).expect_err("refused");
    assert_eq!(error, DriveError::Store(StoreError::NoSuchRun(run.0)));
}

#[test]
fn only_one_process_is_ever_alone_with_the_record() {
    let fixture = Fixture::new();
    create(&fixture.store);
    let dir = fixture.store.dir().clone();
    assert!(Alone::with(&dir).expect("looks").is_none());
    drop(fixture.store);
    let alone = Alone::with(&dir).expect("looks").expect("is alone");
    alone.vacuum().expect("vacuums");
    drop(alone);
    let store = open(&fixture.temp).expect("opens again");
    assert_eq!(store.latest_run(), Ok(Some(RunId(1))));
}

/// A run forked from another one at its beginning, as it stands.
fn fork(store: &Store, source: RunId) -> (RunId, u64) {
    let limits = store.load(source).expect("reads").expect("is there").limits;
    let begin = |id: RunId| Beginning {
        created: RunCreated {
            parent: Some(source),
            ..log::created(id)
        },
        rest: vec![Event::RunReplayed(RunReplayed {
            source,
            seq: 1,
            phase: Phase::Planner,
            mode: ReplayMode::Live,
            limits,
            until: None,
            partial: false,
            granted: true,
        })],
    };
    let (id, records) = store.create_run(&|_| true, &begin, &[]).expect("forks");
    (id, records.len() as u64)
}

#[test]
fn what_a_run_that_stays_was_forked_from_stays() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let (first, other) = (finished(&fixture, 1), finished(&fixture, 2));
    let second = fork(store, first.0);
    let planned = [doomed(first), doomed(second), doomed(other)];
    // Between planning and forgetting.
    let third = fork(store, second.0);
    let forgotten = store.prune(&planned, None).expect("prunes");
    assert_eq!(forgotten.runs, [other.0]);
    let report = store.check().expect("checks");
    assert_eq!((report.runs, report.problems), (3, vec![]));
    let all = [doomed(first), doomed(second), doomed(third)];
    let forgotten = store.prune(&all, None).expect("prunes");
    assert_eq!(forgotten.runs, [first.0, second.0, third.0]);
}

#[test]
fn a_copy_of_a_fork_has_what_it_was_forked_from() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let (first, other) = (finished(&fixture, 1), finished(&fixture, 2));
    let second = fork(store, first.0);
    let third = fork(store, second.0);
    let to = fixture.temp.path().join("copy.db");
    let copied = store
        .copy(&to, Some(&BTreeSet::from([third.0])))
        .expect("copies");
    assert_eq!(copied.runs, [first.0, second.0, third.0]);
    assert_eq!(store.latest_run(), Ok(Some(third.0)));
    assert!(store.load(other.0).expect("reads").is_some());
}

#[test]
fn a_fork_without_its_source_is_a_problem() {
    let fixture = Fixture::new();
    let first = finished(&fixture, 1);
    let second = fork(&fixture.store, first.0);
    tamper(&fixture.temp, "UPDATE replays SET source_run_id = 77");
    let problems = fixture.store.check().expect("checks").problems;
    let problem = format!(
        "run {} was forked from run 77, which is not on the record",
        second.0
    );
    assert!(problems.contains(&problem), "{problems:?}");
}
