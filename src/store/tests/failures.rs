use rusqlite::Connection;

use super::*;
use crate::domain::Event;
use crate::store::inspect::document;

/// A record of random runs.
fn recorded(seeds: &[u64]) -> Fixture {
    let fixture = Fixture::new();
    for seed in seeds {
        let (driver, run) = fixture.run();
        record(&fixture.store, &driver, &log::log(run.id, *seed, 150));
    }
    fixture
}

const SEEDS: [u64; 8] = [1, 2, 3, 5, 8, 13, 21, 34];

fn now() -> Timestamp {
    Still.now()
}

#[test]
fn every_error_of_a_phase_is_a_failure_and_what_healed_it_was_kept() {
    let fixture = recorded(&SEEDS);
    let (mut healed, mut open) = (0, 0);
    for id in (1..).take(SEEDS.len()).map(RunId) {
        let document = document(&fixture.store, id).expect("documents");
        let events = fixture.store.events(id).expect("reads");
        let errors = events
            .iter()
            .filter(|record| matches!(record.event, Event::PhaseError(_)));
        assert_eq!(document.failures.len(), errors.count());
        for failure in &document.failures {
            if let Some(by) = failure.healed_by {
                let heal = document
                    .heals
                    .iter()
                    .find(|heal| heal.id == by)
                    .expect("is there");
                assert_eq!(heal.verdict, Some("kept"));
                assert_eq!(heal.signature, failure.signature);
                assert!(!failure.open);
                healed += 1;
            }
            open += u32::from(failure.open);
        }
        let rates = document.rates;
        assert!(rates.phases_open <= rates.phases_failed && rates.phases_failed <= rates.phases);
        assert!(rates.healed <= rates.raw);
    }
    assert!(healed > 0 && open > 0, "{healed} {open}");
}

#[test]
fn groups_hold_each_failure_once() {
    let fixture = recorded(&SEEDS);
    let report = fixture.store.failures(None, None, now()).expect("reports");
    let mut all = 0;
    for id in (1..).take(SEEDS.len()).map(RunId) {
        let of_run = fixture
            .store
            .failures(Some(id), None, now())
            .expect("reports");
        all += of_run.failures.iter().map(|group| group.count).sum::<u64>();
        for group in &of_run.failures {
            assert_eq!((group.runs, group.last_run), (1, id));
        }
    }
    assert_eq!(
        report.failures.iter().map(|group| group.count).sum::<u64>(),
        all
    );
    assert_eq!(report.kinds, report.failures.len() as u64);
    assert_eq!(report.rates.runs, SEEDS.len() as u64);
    for group in &report.failures {
        assert!(group.first_seen <= group.last_seen);
        assert_eq!(group.open, !group.open_runs.is_empty());
        assert!(group.heals.iter().all(|heal| heal.hits <= heal.tries));
    }
    let one = fixture
        .store
        .failures(None, Some(1), now())
        .expect("reports");
    assert_eq!(one.failures, report.failures[..1]);
    assert_eq!(one.kinds, report.kinds);
}

#[test]
fn a_record_from_before_there_was_such_a_table_has_its_failures_after_the_migration() {
    let fixture = recorded(&SEEDS);
    let before = fixture.store.failures(None, None, now()).expect("reports");
    assert!(before.kinds > 0);
    let Fixture { temp, store } = fixture;
    drop(store);
    let db = Connection::open(dir(&temp).db).expect("opens");
    db.execute_batch(
        "DROP TABLE failures; DROP TABLE outcomes; DROP TABLE forgotten; DROP TABLE quarantine;
         PRAGMA user_version = 6;",
    )
    .expect("is as it was");
    drop(db);
    let store = open(&temp).expect("migrates");
    assert_eq!(store.failures(None, None, now()).expect("reports"), before);
    assert_eq!(store.check().expect("checks").problems, [""; 0]);
}

#[test]
fn what_is_pruned_is_forgotten() {
    let fixture = recorded(&SEEDS);
    let doomed = fixture.store.doomed(&[RunId(2)]).expect("reads");
    fixture.store.prune(&doomed, None).expect("prunes");
    let report = fixture.store.failures(None, None, now()).expect("reports");
    assert!(
        report
            .failures
            .iter()
            .all(|group| group.last_run != RunId(2))
    );
    assert_eq!(report.rates.runs, SEEDS.len() as u64 - 1);
}
