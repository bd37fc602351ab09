use super::*;
use crate::domain::message::{FinishReason, ModelAnswer};
use crate::domain::tape::{Answer, Call, ModelCall, ModelFailure, ModelFailureKind, TapePlace};
use crate::domain::{Digest, ExecutionId};

const FIRST: ExecutionId = ExecutionId(1);

fn key() -> Digest {
    Digest::of(b"whom and what")
}

fn request() -> Digest {
    Digest::of(b"request")
}

/// A call and its answer, which is to be remembered.
fn said(ordinal: u32, answer: Answer) -> Vec<Write> {
    vec![
        Write::Call {
            execution: FIRST,
            ordinal,
            call: log::model_call("lab", None),
        },
        Write::Answer {
            execution: FIRST,
            ordinal,
            answer,
        },
        Write::Remember {
            key: key(),
            execution: FIRST,
            ordinal,
        },
    ]
}

fn commit(fixture: &Fixture, driver: &Driver, writes: Vec<Write>) {
    let done = fixture.store.commit_blocking(
        driver,
        Batch {
            writes,
            ..Batch::default()
        },
    );
    done.expect("commits");
}

fn found(store: &Store, run: Option<RunId>) -> Option<(i64, u32, String)> {
    let found = store.remembered(&key(), &request(), run).expect("reads");
    found.map(|(place, answer)| (place.run.0, place.ordinal, answer.text))
}

#[test]
fn the_latest_answer_to_a_request_is_found_until_its_run_is_forgotten() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    assert_eq!(found(store, None), None);
    let (driver, first) = fixture.run();
    commit(&fixture, &driver, said(1, log::model_answer("one")));
    drop(driver);
    assert_eq!(found(store, None), Some((1, 1, "one".into())));
    assert_eq!(found(store, Some(first.id)), Some((1, 1, "one".into())));
    assert_eq!(found(store, Some(RunId(7))), None);
    let (driver, second) = fixture.run();
    commit(&fixture, &driver, said(1, log::model_answer("two")));
    drop(driver);
    assert_eq!(found(store, None), Some((2, 1, "two".into())));
    assert_eq!(found(store, Some(first.id)), None);
    let doomed = store.doomed(&[second.id]).expect("reads");
    store.prune(&doomed, None).expect("prunes");
    assert_eq!(found(store, None), None);
    assert_eq!(store.check().expect("checks").problems, [""; 0]);
}

#[test]
fn what_is_no_answer_to_the_request_is_not_found() {
    let fixture = Fixture::new();
    let (driver, _) = fixture.run();
    let failure = ModelFailure::new(ModelFailureKind::Overloaded, "busy");
    commit(&fixture, &driver, said(1, Answer::ModelFailed(failure)));
    assert_eq!(found(&fixture.store, None), None);
    commit(&fixture, &driver, said(2, log::model_answer("yes")));
    let other = Digest::of(b"another request");
    let of = |key: &Digest, request: &Digest| fixture.store.remembered(key, request, None);
    assert_eq!(of(&key(), &other), Ok(None));
    assert_eq!(of(&other, &request()), Ok(None));
    assert!(matches!(of(&key(), &request()), Ok(Some(_))));
    // A row that leads nowhere.
    tamper(&fixture.temp, "UPDATE answers SET ordinal = 9");
    assert_eq!(of(&key(), &request()), Ok(None));
}

#[test]
fn an_answer_that_is_repeated_is_no_call_and_costs_nothing() {
    let fixture = Fixture::new();
    let (driver, run) = fixture.run();
    commit(&fixture, &driver, said(1, log::model_answer("one")));
    let before = fixture.store.usage(run.id).expect("reads");
    let place = TapePlace {
        run: run.id,
        execution: FIRST,
        ordinal: 1,
    };
    let Call::Model(made) = log::model_call("lab", None) else {
        panic!("a model call")
    };
    let call = Call::Model(ModelCall {
        reserved_tokens: 0,
        reserved_usd: 0.0,
        repeats: Some(place),
        ..made
    });
    let answer = Answer::Model(ModelAnswer {
        text: "one".into(),
        tool_calls: Vec::new(),
        finish: FinishReason::Stop,
        usage: crate::domain::budget::Usage::default(),
        native: None,
    });
    let writes = vec![
        Write::Call {
            execution: FIRST,
            ordinal: 2,
            call: call.clone(),
        },
        Write::Answer {
            execution: FIRST,
            ordinal: 2,
            answer: answer.clone(),
        },
    ];
    commit(&fixture, &driver, writes);
    drop(driver);
    let store = &fixture.store;
    assert_eq!(store.usage(run.id).expect("reads"), before);
    let tape = store.tape(run.id, FIRST).expect("reads");
    assert_eq!((&tape[1].call, &tape[1].answer), (&call, &Some(answer)));
    let record = store.model_record("sonnet").expect("reads");
    assert_eq!((record.calls, record.answered), (1, 1));
    assert_eq!(store.check().expect("checks").problems, [""; 0]);
}
