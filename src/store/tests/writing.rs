use std::sync::mpsc;

use super::*;
use crate::domain::event::{Event, RunCreated, RunReplayed, RunStopped, StopReason};
use crate::domain::replay::ReplayMode;
use crate::domain::tape::{Answer, Call, ModelFailure, ModelFailureKind, ToolAnswer};
use crate::domain::{Digest, ExecutionId, Phase, State};

const FIRST: ExecutionId = ExecutionId(1);

fn stopped(run: &Run) -> (Record, Run) {
    let record = Record {
        run: run.id,
        seq: run.seq + 1,
        at: Still.now(),
        event: Event::RunStopped(RunStopped {
            reason: StopReason::Interrupted,
            message: "Ctrl-C".to_owned(),
            action_required: None,
            needs: None,
        }),
    };
    let mut after = run.clone();
    after.apply(&record).expect("legal");
    (record, after)
}

fn event((record, run): (Record, Run)) -> Write {
    Write::Event {
        record: Box::new(record),
        run: Box::new(run),
    }
}

fn call(ordinal: u32, reply: Option<u32>) -> Write {
    Write::Call {
        execution: FIRST,
        ordinal,
        call: log::model_call("offline", reply),
    }
}

fn answer(ordinal: u32, answer: Answer) -> Write {
    Write::Answer {
        execution: FIRST,
        ordinal,
        answer,
    }
}

#[test]
fn what_is_committed_is_there_after_reopening() {
    let fixture = Fixture::new();
    let (driver, run) = fixture.run();
    let long = "a long text ".repeat(1_000);
    let batch = Batch {
        writes: vec![
            Write::Blob(long.clone().into_bytes()),
            call(1, Some(3)),
            answer(1, log::model_answer(&long)),
            event(stopped(&run)),
            Write::Artifact(Artifact {
                name: "summary.md".to_owned(),
                kind: "summary".to_owned(),
                size: 3,
                hash: Digest::of(b"abc"),
                path: "run-1/summary.md".to_owned(),
            }),
        ],
        ..Batch::default()
    };
    fixture
        .store
        .commit_blocking(&driver, batch)
        .expect("commits");
    drop(driver);
    let Fixture { store, temp: _temp } = fixture.reopened();
    assert_eq!(
        store.blob(&Digest::of(long.as_bytes())).expect("reads"),
        Some(long.clone().into_bytes())
    );
    assert_eq!(store.events(run.id).expect("reads").len(), 2);
    assert_eq!(store.events_after(run.id, 1).expect("reads").len(), 1);
    let loaded = store.load(run.id).expect("folds").expect("is there");
    assert_eq!(loaded, stopped(&run).1);
    let tape = store.tape(run.id, FIRST).expect("reads");
    assert_eq!(tape[0].answer, Some(log::model_answer(&long)));
    assert_eq!(store.artifacts(run.id).expect("reads")[0].size, 3);
    assert_eq!(store.latest_run().expect("reads"), Some(run.id));
}

#[test]
fn nothing_is_there_before_anything_is() {
    let Fixture { store, temp: _temp } = Fixture::new();
    assert_eq!(store.latest_run(), Ok(None));
    assert_eq!(store.load(RunId(7)), Ok(None));
    assert_eq!(store.list(Filter::default()), Ok(Vec::new()));
    assert_eq!(store.blob(&Digest::of(b"x")), Ok(None));
    assert_eq!(
        store.drive(RunId(7)).expect_err("refused"),
        DriveError::Store(StoreError::NoSuchRun(RunId(7)))
    );
}

#[test]
fn a_batch_is_written_whole_or_not_at_all() {
    let fixture = Fixture::new();
    let (driver, run) = fixture.run();
    let batch = Batch {
        writes: vec![call(1, None), event(stopped(&run)), call(1, None)],
        ..Batch::default()
    };
    let error = fixture.store.commit_blocking(&driver, batch);
    assert!(matches!(error, Err(StoreError::Conflict(_))), "{error:?}");
    assert_eq!(fixture.store.events(run.id).expect("reads").len(), 1);
    assert!(fixture.store.tape(run.id, FIRST).expect("reads").is_empty());
}

#[test]
fn a_call_is_answered_once_and_only_if_it_was_made() {
    let fixture = Fixture::new();
    let (driver, _) = fixture.run();
    let commit = |write| fixture.store.commit_blocking(&driver, Batch::of(write));
    let tool = || Answer::Tool(ToolAnswer::default());
    assert!(matches!(
        commit(answer(1, tool())),
        Err(StoreError::Conflict(_))
    ));
    commit(call(1, None)).expect("calls");
    commit(answer(1, tool())).expect("answers");
    assert!(matches!(
        commit(answer(1, tool())),
        Err(StoreError::Conflict(_))
    ));
    assert!(matches!(
        commit(call(1, None)),
        Err(StoreError::Conflict(_))
    ));
}

#[test]
fn an_event_needs_the_one_before_it() {
    let fixture = Fixture::new();
    let (driver, run) = fixture.run();
    let commit = |write| fixture.store.commit_blocking(&driver, Batch::of(write));
    let (mut record, mut after) = stopped(&run);
    (record.seq, after.seq) = (5, 5);
    let error = commit(event((record, after)));
    assert!(matches!(error, Err(StoreError::Conflict(_))), "{error:?}");
    commit(event(stopped(&run))).expect("commits");
    let again = commit(event(stopped(&run)));
    assert!(matches!(again, Err(StoreError::Conflict(_))), "{again:?}");
    let mut foreign = stopped(&run);
    foreign.0.run = RunId(9);
    assert!(matches!(
        commit(event(foreign)),
        Err(StoreError::Conflict(_))
    ));
}

#[test]
fn usage_counts_what_is_answered_and_outstanding_what_is_not() {
    let fixture = Fixture::new();
    let (driver, run) = fixture.run();
    let failure = Answer::ModelFailed(ModelFailure {
        status: Some(429),
        ..ModelFailure::new(ModelFailureKind::RateLimited, "slow down")
    });
    let writes = vec![
        call(1, Some(0)),
        answer(1, log::model_answer("one")),
        call(2, Some(0)),
        answer(2, failure),
        call(3, Some(2)),
    ];
    let store = &fixture.store;
    store
        .commit_blocking(
            &driver,
            Batch {
                writes,
                ..Batch::default()
            },
        )
        .expect("commits");
    let usage = store.usage(run.id).expect("reads");
    assert_eq!((usage.model_calls, usage.tokens()), (2, 120));
    assert_eq!(
        store.usage_by_execution(run.id).expect("reads")[&FIRST],
        usage
    );
    assert_eq!(store.script_uses(run.id, "offline"), Ok(vec![0, 0, 2]));
    assert_eq!(store.script_uses(run.id, "other"), Ok(Vec::new()));
}

#[test]
fn a_model_is_known_by_its_calls() {
    let fixture = Fixture::new();
    let (driver, _) = fixture.run();
    let failed = |kind| Answer::ModelFailed(ModelFailure::new(kind, "no ".repeat(200)));
    let answers = [
        failed(ModelFailureKind::RateLimited),
        log::model_answer("one"),
        log::model_answer("two"),
        failed(ModelFailureKind::Truncated),
        Answer::Lost,
    ];
    let model = match log::model_call("offline", None) {
        Call::Model(call) => call,
        other => panic!("{other:?}"),
    };
    let calls = (1..).zip(answers);
    let writes = calls.flat_map(|(at, came)| [call(at, None), answer(at, came)]);
    let batch = Batch {
        writes: writes.collect(),
        ..Batch::default()
    };
    let store = &fixture.store;
    store.commit_blocking(&driver, batch).expect("commits");
    let record = store.model_record(&model.model).expect("reads");
    assert_eq!((record.calls, record.answered, record.failures), (5, 2, 2));
    assert_eq!(record.health, Some(0.5), "a lost call is not the model's");
    // What broke off and what was lost may have used all that was reserved.
    assert!(record.output_tokens >= 2 * model.reserved_tokens);
    let last = record.last_failure.expect("one failed");
    assert_eq!(last.kind, ModelFailureKind::Truncated);
    let unknown = store.model_record("unknown").expect("reads");
    assert_eq!(unknown, ModelRecord::default());
}

#[test]
fn jobs_that_wait_share_a_commit_and_a_failing_one_is_taken_back_alone() {
    let Fixture { store, temp: _temp } = Fixture::new();
    let (open_gate, gate) = mpsc::channel::<()>();
    let (results, outcomes) = mpsc::channel();
    let blocked = results.clone();
    store.inner.writer.submit(
        move |_| {
            gate.recv().expect("opens");
            Ok(())
        },
        move |result| blocked.send((99, result)).expect("listens"),
    );
    for number in 0..20_i64 {
        let results = results.clone();
        let work = move |tx: &Connection| {
            blobs::insert(tx, &blobs::Text::of(&number.to_le_bytes()))?;
            match number {
                7 => Err(StoreError::Conflict("seven".to_owned())),
                8 => panic!("eight"),
                _ => Ok(()),
            }
        };
        let reply = move |result| results.send((number, result)).expect("listens");
        store.inner.writer.submit(work, reply);
    }
    open_gate.send(()).expect("waits");
    drop(results);
    for (number, result) in outcomes {
        let text = Digest::of(&number.to_le_bytes());
        let kept = store.blob(&text).expect("reads").is_some();
        match number {
            7 => assert_eq!(result, Err(StoreError::Conflict("seven".to_owned()))),
            8 => assert_eq!(result, Err(StoreError::Panicked)),
            _ => assert_eq!(result, Ok(())),
        }
        assert_eq!(kept, number < 20 && number != 7 && number != 8, "{number}");
    }
}

#[tokio::test]
async fn a_commit_can_be_awaited() {
    let fixture = Fixture::new();
    let (driver, run) = fixture.run();
    let batch = Batch::of(event(stopped(&run)));
    fixture.store.commit(&driver, batch).await.expect("commits");
    assert_eq!(fixture.store.events(run.id).expect("reads").len(), 2);
}

#[test]
fn a_run_s_number_skips_taken_branches_and_its_texts_are_kept() {
    let Fixture { store, temp: _temp } = Fixture::new();
    let free = |id: RunId| id.0 > 3;
    let (id, records) = store
        .create_run(&free, &make, &[log::text("config")])
        .expect("creates");
    assert_eq!((id, records.len()), (RunId(4), 1));
    assert_eq!(create(&store).0, RunId(5));
    assert!(store.blob(&Digest::of(b"config")).expect("reads").is_some());
}

#[test]
fn an_intervention_is_settled_once() {
    let fixture = Fixture::new();
    let (driver, run) = fixture.run();
    let store = &fixture.store;
    let kind = InterventionKind::Cancel;
    let id = store
        .add_intervention(run.id, kind, Some("enough"))
        .expect("asks");
    assert_eq!(store.interventions(run.id, true).expect("reads").len(), 1);
    let settle = Batch::of(Write::Intervention {
        id,
        status: InterventionStatus::Done,
    });
    store.commit_blocking(&driver, settle).expect("settles");
    assert!(store.interventions(run.id, true).expect("reads").is_empty());
    let all = store.interventions(run.id, false).expect("reads");
    assert_eq!(all[0].status, InterventionStatus::Done);
    let again = Batch::of(Write::Intervention {
        id,
        status: InterventionStatus::Obsolete,
    });
    let again = store.commit_blocking(&driver, again);
    assert!(matches!(again, Err(StoreError::Conflict(_))));
    assert_eq!(
        store.add_intervention(RunId(9), kind, None),
        Err(StoreError::NoSuchRun(RunId(9)))
    );
}

#[test]
fn a_listed_run_is_the_object_that_its_events_make() {
    let fixture = Fixture::new();
    let (driver, run) = fixture.run();
    let (_second, _) = create(&fixture.store);
    let store = &fixture.store;
    store
        .commit_blocking(&driver, Batch::of(event(stopped(&run))))
        .expect("commits");
    let listed = store.list(Filter::default()).expect("lists");
    assert_eq!(listed.len(), 2);
    let loaded = store.load(run.id).expect("folds").expect("is there");
    let usage = store.usage(run.id).expect("reads");
    assert_eq!(listed[1], RunObject::of(&loaded, usage));
    let pending = Filter {
        state: Some(State::Pending),
        limit: Some(1),
        ..Filter::default()
    };
    assert_eq!(store.list(pending).expect("lists")[0].id, RunId(2));
}

#[test]
fn a_run_is_recoverable_unless_it_is_driven() {
    let fixture = Fixture::new();
    let (driver, run) = fixture.run();
    let recoverable = || {
        let filter = Filter {
            recoverable: true,
            ..Filter::default()
        };
        fixture.store.list(filter).expect("lists").len()
    };
    assert_eq!(recoverable(), 0);
    assert_eq!(fixture.store.is_driven(run.id), Ok(true));
    drop(driver);
    assert_eq!(recoverable(), 1);
    assert_eq!(fixture.store.is_driven(run.id), Ok(false));
}

#[test]
fn a_fork_has_the_course_of_its_source_and_knows_which_replies_that_used() {
    let fixture = Fixture::new();
    let (driver, run) = fixture.run();
    let store = &fixture.store;
    let begun = log::log(run.id, 1, 2);
    record(store, &driver, &begun);
    let run = begun[1].1.clone();
    assert_eq!(run.executions.len(), 1);
    let batch = Batch {
        writes: vec![call(1, Some(3)), answer(1, log::model_answer("plan"))],
        ..Batch::default()
    };
    store.commit_blocking(&driver, batch).expect("commits");
    let source = run.id;
    let course = store.events(source).expect("reads").split_off(1);
    let shared: Vec<Event> = course.into_iter().map(|record| record.event).collect();
    let begin = |seq: u64| {
        let shared = shared[..seq as usize - 1].to_vec();
        move |id: RunId| Beginning {
            created: RunCreated {
                parent: Some(source),
                ..log::created(id)
            },
            rest: shared
                .iter()
                .cloned()
                .chain([Event::RunReplayed(RunReplayed {
                    source,
                    seq,
                    phase: Phase::Planner,
                    mode: ReplayMode::Live,
                    limits: run.limits,
                    until: None,
                    partial: false,
                    granted: true,
                })])
                .collect(),
        }
    };
    let whole = shared.len() as u64 + 1;
    let (late, _) = store
        .create_run(&|_| true, &begin(whole), &[])
        .expect("forks");
    let (early, _) = store.create_run(&|_| true, &begin(1), &[]).expect("forks");
    let loaded = store.load(late).expect("reads").expect("is there");
    assert_eq!(loaded.executions.len(), run.executions.len());
    assert_eq!(loaded.replay.expect("a fork").source, source);
    assert_eq!(store.script_uses(late, "offline"), Ok(vec![3]));
    assert_eq!(store.script_uses(early, "offline"), Ok(vec![]));
    assert_eq!(
        inspect::document(store, source).expect("reads").forks,
        [late, early]
    );
    assert_eq!(store.check().expect("checks").problems, [""; 0]);
}
