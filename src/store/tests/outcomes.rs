use std::collections::BTreeSet;

use super::*;
use crate::domain::failure::{Distribution, ErrorType};
use crate::domain::outcome::Outcome;
use crate::domain::phase::Phase;
use crate::domain::remedy::HealAction;
use crate::domain::{Digest, HealId};

fn outcome(signature: &[u8], success: bool) -> Outcome {
    Outcome {
        phase: Phase::Tester,
        signature: Digest::of(signature),
        error_type: ErrorType::Assertion,
        distribution: Distribution::of(|class| match class {
            ErrorType::Assertion => 0.75,
            ErrorType::Logic => 0.25,
            _ => 0.0,
        }),
        action: HealAction::FixAssertion,
        success,
        tokens: 1_200,
        cost_usd: 0.25,
        cause: "check \"test\" failed".into(),
    }
}

fn write(fixture: &Fixture, driver: &Driver, heal: u32, outcome: &Outcome) {
    let write = Write::Outcome {
        heal: HealId(heal),
        outcome: outcome.clone(),
    };
    fixture
        .store
        .commit_blocking(driver, Batch::of(write))
        .expect("commits");
}

/// A record with three outcomes of two failures.
fn three() -> (Fixture, Driver) {
    let fixture = Fixture::new();
    let (driver, _) = fixture.run();
    write(&fixture, &driver, 1, &outcome(b"a", false));
    write(&fixture, &driver, 2, &outcome(b"a", true));
    write(&fixture, &driver, 3, &outcome(b"b", true));
    (fixture, driver)
}

#[test]
fn outcomes_are_read_as_they_were_written_oldest_first() {
    let (fixture, driver) = three();
    let all = [
        outcome(b"a", false),
        outcome(b"a", true),
        outcome(b"b", true),
    ];
    assert_eq!(fixture.store.outcomes(9), Ok(all.to_vec()));
    assert_eq!(fixture.store.outcomes(2), Ok(all[1..].to_vec()));
    write(&fixture, &driver, 3, &outcome(b"b", false));
    let latest = fixture.store.outcomes(1).expect("reads");
    assert!(!latest[0].success, "written again, it counts once");
}

#[test]
fn what_is_forgotten_no_longer_counts_and_what_follows_does() {
    let (fixture, driver) = three();
    let signature = Digest::of(b"a");
    let found = fixture.store.signatures(&signature.as_str()[..8], 2);
    assert_eq!(found, Ok(vec![signature.clone()]));
    assert_eq!(fixture.store.signatures("", 9).expect("reads").len(), 2);
    assert_eq!(
        fixture.store.forget(std::slice::from_ref(&signature)),
        Ok(2)
    );
    assert_eq!(
        fixture.store.forget(std::slice::from_ref(&signature)),
        Ok(0)
    );
    assert_eq!(fixture.store.outcomes(9), Ok(vec![outcome(b"b", true)]));
    assert_eq!(fixture.store.signatures(signature.as_str(), 2), Ok(vec![]));
    // The clock of the tests stands still.
    tamper(
        &fixture.temp,
        "UPDATE forgotten SET forgotten_at = '2026-01-02T03:04:04.123456789Z'",
    );
    write(&fixture, &driver, 4, &outcome(b"a", true));
    let left = fixture.store.outcomes(9).expect("reads");
    assert_eq!(left.len(), 4);
}

#[test]
fn outcomes_outlive_their_run_but_not_in_a_copy_of_others() {
    let (fixture, driver) = three();
    let (other, second) = fixture.run();
    write(&fixture, &other, 1, &outcome(b"c", true));
    drop((driver, other));
    let copy = fixture.temp.path().join("copy.db");
    let only = BTreeSet::from([second.id]);
    fixture.store.copy(&copy, Some(&only)).expect("copies");
    let rows: i64 = Connection::open(&copy)
        .and_then(|copy| copy.query_row("SELECT count(*) FROM outcomes", [], |row| row.get(0)))
        .expect("counts");
    assert_eq!(rows, 1);
    let doomed = fixture.store.doomed(&[RunId(1)]).expect("reads");
    fixture.store.prune(&doomed, None).expect("prunes");
    assert_eq!(fixture.store.outcomes(9).expect("reads").len(), 4);
    let report = fixture.store.check().expect("checks");
    assert_eq!(report.problems, [""; 0]);
    let rebuilt = fixture.store.rebuild().expect("rebuilds");
    assert_eq!(rebuilt.differences, [""; 0]);
    assert_eq!(fixture.store.outcomes(9).expect("reads").len(), 4);
}
