use std::time::Instant;

use super::*;
use crate::domain::ExecutionId;
use crate::store::inspect::document;

const RUNS: i64 = 10_000;

/// Not a test of a promise but a measurement: `cargo test --lib ten_thousand -- --ignored --nocapture`.
#[test]
#[ignore = "takes a while, and prints instead of judging"]
fn ten_thousand_runs_and_how_long_their_questions_take() {
    let Fixture { store, temp } = Fixture::new();
    time("seed", || {
        for first in (1..=RUNS).step_by(500) {
            let logs: Vec<_> = (first..first + 500)
                .map(|id| log::log(RunId(id), id.unsigned_abs(), 30))
                .collect();
            store.write(move |tx| seed(tx, &logs)).expect("seeds");
        }
    });
    drop(store);
    let size = std::fs::metadata(dir(&temp).db).expect("is there").len();
    println!("database: {} bytes a run", size / RUNS.unsigned_abs());
    let store = time("open", || open(&temp).expect("opens"));
    ask(&store);
    time("check", || {
        let report = store.check().expect("checks");
        println!("{} events", report.events);
        assert_eq!(report.problems, [""; 0]);
    });
    time("rebuild", || {
        assert_eq!(store.rebuild().expect("rebuilds").differences, [""; 0]);
    });
}

fn ask(store: &Store) {
    let list = |what: &str, filter: Filter| {
        time(what, || drop(store.list(filter).expect("lists")));
    };
    let all = Filter::default();
    let few = Filter {
        limit: Some(20),
        ..all
    };
    list("list --limit 20 (first)", few);
    list("list --limit 20", few);
    let state = Some(crate::domain::State::Done);
    list("list --state done --limit 20", Filter { state, ..few });
    let recoverable = true;
    list(
        "list --recoverable --limit 20",
        Filter { recoverable, ..few },
    );
    list("list", all);
    for id in [1, RUNS / 2, RUNS] {
        time(&format!("inspect {id}"), || {
            drop(document(store, RunId(id)).expect("documents"));
        });
    }
}

fn time<T>(what: &str, act: impl FnOnce() -> T) -> T {
    let clock = Instant::now();
    let result = act();
    println!("{what}: {:?}", clock.elapsed());
    result
}

fn seed(tx: &Connection, logs: &[Vec<(Record, Run)>]) -> Result<(), StoreError> {
    for text in ["config", "brief", "request"] {
        blobs::insert(tx, &blobs::Text::of(text.as_bytes()))?;
    }
    for (record, run) in logs.iter().flatten() {
        events::insert(tx, record, &events::payload(record)?)?;
        let mut projector = projection::Projector::new(tx);
        projector.project(record, run)?;
        projector.finish(run)?;
        if record.seq == 1 {
            let brief = format!(
                "what run {} is to do: {}",
                run.id,
                "some context; ".repeat(150)
            );
            blobs::insert(tx, &blobs::Text::of(brief.as_bytes()))?;
            for ordinal in 1..=4 {
                let call = log::model_call("offline", Some(ordinal));
                let words = format!("answer {ordinal} of {}: {}", run.id, "words ".repeat(100));
                let execution = ExecutionId(1);
                let answer = log::model_answer(&words);
                let (asked, said) = (tape::call_text(&call)?, tape::answer_text(&answer)?);
                tape::insert(tx, run.id, execution, ordinal, (&call, &asked), None)?;
                tape::answer(tx, run.id, execution, ordinal, &answer, &said)?;
            }
        }
    }
    Ok(())
}
