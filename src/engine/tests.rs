//! Runs that work on no files: what is left of the engine is the loop, and what it records.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::agents::Output;
use crate::config::{ModelConfig, PhaseConfig, Provider, ProviderKind};
use crate::domain::event::StopReason;
use crate::domain::message::{Message, ModelRequest};
use crate::domain::phase::Agent;
use crate::domain::tape::Answer;
use crate::domain::{ExecutionId, State};

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
    let script = folder.join("script.yaml");
    std::fs::write(&script, format!("replies: [{script_text}]")).unwrap();
    let mut config = Config::default();
    let provider = Provider {
        kind: ProviderKind::Scripted,
        api_key_env: None,
        base_url: None,
        api: None,
        stream: None,
        timeout: None,
        script: Some(script),
    };
    config.providers.insert("p".into(), provider);
    let model = ModelConfig {
        provider: "p".into(),
        model: "m".into(),
        context_window: None,
        max_output: None,
        price: None,
        reasoning: None,
        tools: true,
        json: true,
    };
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
async fn money_that_a_lost_call_had_reserved_is_not_spent_again() {
    let folder = tempfile::tempdir().unwrap();
    let script = "{text: hello, times: 0, delay_ms: 60000}";
    let mut engine = engine(folder.path(), script);
    engine.config.budget.tokens = Some(60);
    let id = engine.create(&new_run()).unwrap();
    // Left while its first call is under way, again and again.
    for _ in 0..20 {
        let soon = std::time::Duration::from_millis(200);
        if let Ok(run) = tokio::time::timeout(soon, engine.drive(id, None)).await {
            let run = run.unwrap();
            let stop = run.stop.map(|stop| stop.reason);
            assert_eq!(stop, Some(StopReason::BudgetTokens));
            let used = engine.store.usage(id).unwrap();
            assert!((1..=60).contains(&used.tokens()), "{used:?}");
            return;
        }
    }
    panic!("the budget was never used up");
}
