//! What is held against models is the same for all processes, and changed by one at a time.

use std::time::Duration;

use super::*;
use crate::domain::breaker::{Breaker, Probe};
use crate::domain::tape::ModelFailureKind;

fn moment(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(1_767_000_000_000 + ms).expect("a time")
}

fn key(model: &str) -> ModelKey {
    ("p".to_owned(), model.to_owned())
}

fn resting(failures: u32, probe: Option<Probe>) -> Breaker {
    Breaker {
        failures,
        kind: ModelFailureKind::RateLimited,
        at: moment(1),
        until: moment(2),
        probe,
    }
}

#[tokio::test]
async fn what_is_held_against_a_model_is_kept_and_taken_back() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    assert!(store.breakers().expect("reads").is_empty());
    let probe = Probe {
        run: RunId(7),
        until: moment(9),
    };
    for breaker in [resting(3, None), resting(4, Some(probe))] {
        let kept = breaker.clone();
        let change = move |_| (Some(breaker), ());
        store
            .change_breaker(key("a"), change)
            .await
            .expect("writes");
        assert_eq!(store.breakers().expect("reads"), [(key("a"), kept)].into());
    }
    let fixture = fixture.reopened();
    assert_eq!(fixture.store.breakers().expect("reads").len(), 1);
    let told = fixture
        .store
        .change_breaker(key("a"), |held| (None, held.is_some()));
    assert!(told.await.expect("writes"));
    assert!(fixture.store.breakers().expect("reads").is_empty());
}

#[tokio::test]
async fn of_many_who_come_at_once_one_is_first() {
    let fixture = Fixture::new();
    let other = open(&fixture.temp).expect("opens");
    let claims = (0..20).map(|run| {
        let store = if run % 2 == 0 { &fixture.store } else { &other };
        let probe = Probe {
            run: RunId(run),
            until: moment(9),
        };
        store.change_breaker(key("a"), move |held| match held {
            Some(held) => (Some(held), false),
            None => (Some(resting(3, Some(probe))), true),
        })
    });
    let mut first = 0;
    for claim in claims.collect::<Vec<_>>() {
        first += usize::from(claim.await.expect("writes"));
    }
    assert_eq!(first, 1);
}

/// How long a look takes. It prints, for people.
#[test]
#[ignore = "it measures"]
fn a_look_at_healthy_models_is_quick() {
    let fixture = Fixture::new();
    let begun = std::time::Instant::now();
    for _ in 0..10_000 {
        assert!(fixture.store.breakers().expect("reads").is_empty());
    }
    let each: Duration = begun.elapsed() / 10_000;
    println!("{each:?} a look");
}
