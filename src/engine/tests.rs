//! Runs that work on no files: what is left of the engine is the loop, and what it records.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::agents::Output;
use crate::config::{Cache, ModelConfig, PhaseConfig, Provider, ProviderKind, ProviderLimits};
use crate::domain::event::StopReason;
use crate::domain::message::{Message, ModelRequest};
use crate::domain::phase::Agent;
use crate::domain::tape::Answer;
use crate::domain::tape::{Call, TapePlace};
use crate::domain::{ExecutionId, State};
use crate::llm::fake::{End, Fake, Reply, Seen, chat};
use crate::store::{InterventionStatus, ModelSwitch};

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        "2026-01-02T12:00:00Z".parse().unwrap()
    }
}

/// One call each, and any answer will do.
fn next(brief: &Brief, tape: &[TapeEntry]) -> Next {
    let answered = |entry: &TapeEntry| matches!(entry.answer, Some(Answer::Model(_)));
    if !tape.iter().any(answered) {
        return Next::Ask(ModelRequest {
            agent: brief.agent,
            system: format!("You are the rgpt {} agent.", brief.agent),
            messages: vec![Message::User { text: "go".into() }],
            tools: Vec::new(),
            schema: None,
            temperature: None,
            effort: None,
            max_output: 10,
        });
    }
    let value = match brief.agent {
        Agent::Planner => json!({"steps": [{"id": "a", "name": "a", "description": "a"}]}),
        _ => json!({"commit": "", "tree": "", "branch": ""}),
    };
    Next::Done(Ok(Output {
        value,
        summary: "done".into(),
    }))
}

fn engine(folder: &Path, script_text: &str) -> Engine {
    engine_within(folder, script_text, ProviderLimits::default())
}

fn engine_within(folder: &Path, script_text: &str, limits: ProviderLimits) -> Engine {
    let script = folder.join("script.yaml");
    std::fs::write(&script, format!("replies: [{script_text}]")).unwrap();
    let provider = Provider {
        script: Some(script),
        limits,
        ..Provider::of(ProviderKind::Scripted)
    };
    engine_at(folder, provider, Config::default())
}

fn engine_at(folder: &Path, provider: Provider, mut config: Config) -> Engine {
    config.providers.insert("p".into(), provider);
    let model = ModelConfig::of("p", "m");
    config.models.insert("m".into(), model);
    for phase in ["planner", "builder", "tester", "releaser"] {
        let settings = PhaseConfig {
            models: vec!["m".into()],
            ..PhaseConfig::default()
        };
        config.phases.insert(phase.into(), settings);
    }
    let state = StateDir::prepare(&folder.join("state")).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(Noon);
    let environment = Environment::default();
    Engine {
        store: Store::open(&state, clock.clone()).unwrap(),
        state,
        bus: Bus::new(),
        mesh: Mesh::new(&config, environment.variables(), &clock),
        config,
        ground: None,
        agents: next,
        clock,
        environment,
        interrupt: Interrupt::default(),
    }
}

fn new_run() -> NewRun {
    NewRun {
        goal: "reach the end".into(),
        unverified: true,
        ..NewRun::default()
    }
}

#[tokio::test]
async fn a_run_without_ground_goes_through_all_phases() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path(), "{text: hello, times: 0}");
    let id = engine.create(&new_run()).unwrap();
    let run = engine.drive(id, None).await.unwrap();
    assert_eq!(run.state(), State::Done, "{:?}", run.failure);
    assert_eq!(run.executions.len(), 4);
    for execution in 1..=4 {
        let tape = engine.store.tape(id, ExecutionId(execution)).unwrap();
        assert_eq!(tape.len(), 1);
        assert!(matches!(tape[0].answer, Some(Answer::Model(_))));
    }
    assert_eq!(engine.store.usage(id).unwrap().model_calls, 4);
    assert_eq!(engine.store.check().unwrap().problems, [""; 0]);
}

#[tokio::test]
async fn what_was_asked_of_a_run_before_it_is_driven_is_seen_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path(), "{text: hello, times: 0}");
    let id = engine.create(&new_run()).unwrap();
    let cancel = crate::store::InterventionKind::Cancel;
    engine.store.add_intervention(id, cancel, None).unwrap();
    let run = engine.drive(id, None).await.unwrap();
    assert_eq!(run.state(), State::Cancelled);
    assert_eq!(engine.store.usage(id).unwrap().model_calls, 0);
}

#[tokio::test]
async fn a_model_that_was_switched_before_a_run_is_driven_is_asked_from_its_first_call_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = engine(folder.path(), "{text: hello, times: 0}");
    let other = ModelConfig::of("p", "other");
    engine.config.models.insert("other".into(), other);
    let environment = Environment::default();
    engine.mesh = Mesh::new(&engine.config, environment.variables(), &engine.clock);
    let id = engine.create(&new_run()).unwrap();
    let ask = |model: &str| {
        let switch = ModelSwitch {
            agent: Agent::Builder,
            model: model.into(),
        };
        engine.store.ask_to_switch(id, &switch, None).unwrap()
    };
    let (known, unknown) = (ask("other"), ask("nobody"));
    let run = engine.drive(id, None).await.unwrap();
    assert_eq!(run.state(), State::Done);
    assert_eq!(run.switched[&Agent::Builder], "other");
    let answered = engine.store.answered_by(id).unwrap();
    let models: Vec<&str> = answered.values().map(String::as_str).collect();
    assert_eq!(models, ["m", "other", "m", "m"]);
    let settled = engine.store.interventions(id, false).unwrap();
    let status = |id| settled.iter().find(|asked| asked.id == id).unwrap().status;
    assert_eq!(status(known), InterventionStatus::Done);
    assert_eq!(status(unknown), InterventionStatus::Obsolete);
    assert_eq!(engine.store.check().unwrap().problems, [""; 0]);
}

#[tokio::test]
async fn money_that_a_lost_call_had_reserved_is_not_spent_again() {
    let folder = tempfile::tempdir().unwrap();
    let script = "{text: hello, times: 0, delay_ms: 60000}";
    let mut engine = engine(folder.path(), script);
    engine.config.budget.tokens = Some(600);
    let id = engine.create(&new_run()).unwrap();
    // Left while its first call is under way, again and again.
    for _ in 0..20 {
        let soon = std::time::Duration::from_millis(200);
        if let Ok(run) = tokio::time::timeout(soon, engine.drive(id, None)).await {
            let run = run.unwrap();
            let stop = run.stop.map(|stop| stop.reason);
            assert_eq!(stop, Some(StopReason::BudgetTokens));
            let used = engine.store.usage(id).unwrap();
            assert!((1..=600).contains(&used.tokens()), "{used:?}");
            return;
        }
    }
    panic!("the budget was never used up");
}

#[tokio::test]
async fn runs_share_a_provider_that_takes_one_call_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let limits = ProviderLimits {
        in_flight: Some(1),
        ..ProviderLimits::default()
    };
    let engine = engine_within(
        folder.path(),
        "{text: hello, times: 0, delay_ms: 5}",
        limits,
    );
    let ids = [(); 3].map(|()| engine.create(&new_run()).unwrap());
    let [a, b, c] = ids.map(|id| engine.drive(id, None));
    let (a, b, c) = tokio::join!(a, b, c);
    for run in [a, b, c] {
        let run = run.unwrap();
        assert_eq!(run.state(), State::Done, "{:?}", run.failure);
        assert_eq!(engine.store.usage(run.id).unwrap().model_calls, 4);
    }
}

#[tokio::test]
async fn a_run_that_waits_for_its_turn_stops_when_it_is_told_to_and_owes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let limits = ProviderLimits {
        tokens_per_minute: Some(1),
        ..ProviderLimits::default()
    };
    let engine = engine_within(folder.path(), "{text: hello, times: 0}", limits);
    let id = engine.create(&new_run()).unwrap();
    let stop = async {
        // Its first call uses up what the next hour allows.
        while engine.store.usage(id).unwrap().model_calls == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        engine.interrupt.raise();
    };
    let (run, ()) = tokio::join!(engine.drive(id, None), stop);
    let stop = run.unwrap().stop.map(|stop| stop.reason);
    assert_eq!(stop, Some(StopReason::Interrupted));
    let tape = |execution| engine.store.tape(id, ExecutionId(execution)).unwrap();
    assert!(matches!(
        tape(1)[..],
        [TapeEntry {
            answer: Some(Answer::Model(_)),
            ..
        }]
    ));
    assert!(tape(2).is_empty(), "not even the intent is on the record");
}

/// As [`next`], but everybody asks the same twice.
fn next_asking_twice(brief: &Brief, tape: &[TapeEntry]) -> Next {
    let answered = |entry: &&TapeEntry| matches!(entry.answer, Some(Answer::Model(_)));
    match tape.iter().filter(answered).count() {
        0 | 1 => next(brief, &[]),
        _ => next(brief, tape),
    }
}

/// An engine whose models are at this server, and which repeats answers as `cache` says.
fn engine_of(folder: &Path, server: &Fake, cache: Cache) -> Engine {
    let provider = Provider {
        base_url: Some(server.base().to_owned()),
        ..Provider::of(ProviderKind::OpenAi)
    };
    let config = Config {
        cache,
        ..Config::default()
    };
    Engine {
        agents: next_asking_twice,
        ..engine_at(folder, provider, config)
    }
}

fn hello(seen: &Seen) -> Reply {
    chat::answer(seen, "hello", &[])
}

#[tokio::test]
async fn what_was_asked_before_is_asked_again_unless_the_answer_may_be_repeated() {
    // The requests that the first run and the second send, of four agents that ask twice.
    for (cache, first, second) in [
        (Cache::Never, 8, 8),
        (Cache::Run, 4, 4),
        (Cache::Always, 4, 0),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let server = Fake::start(chat::RULES, hello);
        let engine = engine_of(folder.path(), &server, cache);
        for sent in [first, second] {
            let before = server.seen().len();
            let id = engine.create(&new_run()).unwrap();
            let run = engine.drive(id, None).await.unwrap();
            assert_eq!(run.state(), State::Done, "{:?}", run.failure);
            assert_eq!(server.seen().len() - before, sent, "{cache:?}");
            let usage = engine.store.usage(id).unwrap();
            assert_eq!(usage.model_calls, sent as u64);
            assert_eq!(usage.tokens(), 150 * sent as u64);
        }
        assert_eq!(engine.store.check().unwrap().problems, [""; 0]);
        let rebuilt = engine.store.rebuild().unwrap();
        assert_eq!(rebuilt.differences, [""; 0]);
    }
}

#[tokio::test]
async fn an_answer_that_is_repeated_names_the_call_that_it_is_from() {
    let folder = tempfile::tempdir().unwrap();
    let server = Fake::start(chat::RULES, hello);
    let engine = engine_of(folder.path(), &server, Cache::Run);
    let id = engine.create(&new_run()).unwrap();
    engine.drive(id, None).await.unwrap();
    let tape = engine.store.tape(id, ExecutionId(1)).unwrap();
    let [made, repeated] = &tape[..] else {
        panic!("{tape:#?}");
    };
    let place = TapePlace {
        run: id,
        execution: ExecutionId(1),
        ordinal: 1,
    };
    let (Call::Model(first), Call::Model(second)) = (&made.call, &repeated.call) else {
        panic!("{tape:#?}");
    };
    assert_eq!((first.repeats, second.repeats), (None, Some(place)));
    assert_eq!(first.request, second.request);
    assert_eq!(
        (second.reserved_tokens, first.reserved_tokens > 0),
        (0, true)
    );
    let (Some(Answer::Model(first)), Some(Answer::Model(second))) =
        (&made.answer, &repeated.answer)
    else {
        panic!("{tape:#?}");
    };
    assert_eq!(first.text, second.text);
    assert_eq!(second.usage, crate::domain::budget::Usage::default());
}

#[tokio::test]
async fn a_call_that_was_lost_has_no_answer_to_repeat() {
    let folder = tempfile::tempdir().unwrap();
    let mut numbers = 0..;
    let server = Fake::start(chat::RULES, move |seen| match numbers.next() {
        Some(0) => hello(seen).shortened(2).ending(End::Hanging),
        _ => hello(seen),
    });
    let engine = engine_of(folder.path(), &server, Cache::Always);
    let id = engine.create(&new_run()).unwrap();
    // Left while the first call is under way.
    tokio::select! {
        _ = engine.drive(id, None) => panic!("it does not answer"),
        () = async {
            while server.seen().is_empty() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        } => {}
    }
    let run = engine.drive(id, None).await.unwrap();
    assert_eq!(run.state(), State::Done, "{:?}", run.failure);
    let tape = engine.store.tape(id, ExecutionId(1)).unwrap();
    let answers: Vec<_> = tape.iter().map(|entry| entry.answer.as_ref()).collect();
    assert!(matches!(
        answers[..],
        [
            Some(Answer::Lost),
            Some(Answer::Model(_)),
            Some(Answer::Model(_))
        ]
    ));
    assert_eq!(server.seen().len(), 5);
    assert_eq!(engine.store.check().unwrap().problems, [""; 0]);
}
