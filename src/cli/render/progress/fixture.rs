//! The events of a run, for tests.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::domain::budget::Limits;
use crate::domain::check::{CheckResult, CheckScope, CheckStatus, TestCase, TestStatus};
use crate::domain::event::*;
use crate::domain::failure::{Cause, Origin};
use crate::domain::finding::Category;
use crate::domain::remedy::{HealAction, Remedy};
use crate::domain::tape::Denial;
use crate::domain::{
    Agent, CommitId, Digest, ErrorType, ExecutionId, Failure, HealId, Phase, Record, RunId, StepId,
    TreeId,
};

/// So many milliseconds after the run began.
pub(crate) fn at(ms: i64) -> Timestamp {
    let noon: Timestamp = "2026-10-05T12:03:04Z".parse().unwrap();
    noon + SignedDuration::from_millis(ms)
}

fn tree() -> TreeId {
    TreeId::from("t")
}

fn execution(id: u32, agent: Agent) -> ExecutionStarted {
    ExecutionStarted {
        id: ExecutionId(id),
        agent,
        model: Some("scripted".to_owned()),
        prompt_version: "1".to_owned(),
        brief: Digest::of(b""),
        tree: tree(),
    }
}

fn created() -> Event {
    Event::RunCreated(Box::new(RunCreated {
        title: "Priorities for to-do items".to_owned(),
        goal: "…".to_owned(),
        repository: "/todo".to_owned(),
        directory: String::new(),
        base_commit: CommitId::from("b"),
        base_tree: tree(),
        parent: None,
        branch: "rgpt/run-1".to_owned(),
        limits: Limits {
            max_retries: 3,
            max_heals: 12,
            usd: Some(5.0),
            tokens: None,
            wall_ms: None,
            attempts: None,
        },
        options: RunOptions::default(),
        config: Digest::of(b""),
        notes: vec!["2 files are changed but not committed; the run starts from HEAD".to_owned()],
    }))
}

fn started(phase: Phase, execution: Option<ExecutionStarted>) -> Event {
    Event::PhaseStarted(PhaseStarted {
        phase,
        execution,
        abandoned: Vec::new(),
    })
}

fn planned() -> Event {
    Event::PhaseCompleted(PhaseCompleted {
        phase: Phase::Planner,
        execution: Some(ExecutionId(2)),
        output: json!({"summary": "s", "steps": [
            {"id": "step-1", "name": "Keep a priority with every item"},
            {"id": "step-2", "name": "Set the priority on the command line\u{202e}"},
        ]}),
        report: None,
        tree: tree(),
    })
}

fn error() -> Event {
    Event::PhaseError(PhaseError {
        phase: Phase::Planner,
        execution: Some(ExecutionId(1)),
        step: None,
        failure: Failure {
            error_type: ErrorType::Llm,
            retryable: true,
            origin: Origin::Model,
            signature: Digest::of(b"s"),
            message: "the answer is no JSON: EOF while parsing a string at line 1 column 187"
                .to_owned(),
            root_cause: None,
            evidence: String::new(),
            failing_tests: Vec::new(),
            distribution: None,
            retry_after_ms: None,
            action_required: None,
            damage: None,
            cause: Cause::UnusableAnswer,
        },
        report: None,
        tree: tree(),
    })
}

fn heal() -> Event {
    Event::HealStarted(HealStarted {
        heal: HealId(1),
        signature: Digest::of(b"s"),
        error_type: ErrorType::Llm,
        cause: "the answer is cut off".to_owned(),
        root_cause: None,
        distribution: None,
        considered: Vec::new(),
        remedy: Remedy {
            action: HealAction::Regenerate,
            goto: Phase::Planner,
            step: None,
            evidence: String::new(),
            input: Digest::of(b"i"),
            wait_ms: 0,
            reason: "ask again with the exact error".to_owned(),
            commands: Vec::new(),
            variables: std::collections::BTreeMap::new(),
        },
        snapshot: tree(),
    })
}

fn healed() -> Event {
    Event::HealSuccess(HealSettled {
        heal: HealId(1),
        tree: tree(),
        message: "the plan can be read now".to_owned(),
        diff: String::new(),
        tokens: 812,
        cost_usd: 0.002,
    })
}

fn step_started() -> Event {
    Event::StepStarted(StepStarted {
        step: StepId::from("step-2"),
        execution: execution(3, Agent::Builder),
    })
}

fn check() -> Event {
    let test = |name: &str, status| TestCase {
        name: name.to_owned(),
        status,
        duration_ms: None,
        message: None,
    };
    Event::CheckCompleted(Box::new(CheckCompleted {
        execution: ExecutionId(3),
        result: CheckResult {
            report: None,
            name: "test".to_owned(),
            kind: Category::Test,
            scope: CheckScope::Final,
            tree: tree(),
            command: "cargo test".to_owned(),
            exit_code: Some(101),
            status: CheckStatus::Failed,
            duration_ms: 1_100,
            timed_out: false,
            signal: None,
            tests: vec![test("a", TestStatus::Passed), test("b", TestStatus::Failed)],
            excused: Vec::new(),
            flaky: Vec::new(),
            reruns: 0,
            observations: Vec::new(),
            note: None,
            output: String::new(),
            full_output: None,
        },
        resolved: Vec::new(),
    }))
}

fn denied() -> Event {
    Event::GateDenied {
        execution: ExecutionId(3),
        ordinal: 4,
        proposal: "edit of src/main.rs".to_owned(),
        denial: Denial {
            rule: "scope".to_owned(),
            hard: false,
            message: "src/main.rs is outside the step's scope".to_owned(),
        },
    }
}

/// A run up to its builder's second step, an event every 400 ms.
pub(crate) fn records() -> Vec<Record> {
    let events = vec![
        created(),
        started(Phase::Planner, Some(execution(1, Agent::Planner))),
        error(),
        heal(),
        started(Phase::Planner, Some(execution(2, Agent::Planner))),
        planned(),
        healed(),
        started(Phase::Builder, None),
        step_started(),
        denied(),
        check(),
    ];
    let number = |(at_event, event): (usize, Event)| Record {
        run: RunId(1),
        seq: at_event as u64 + 1,
        at: at(at_event as i64 * 400),
        event,
    };
    events.into_iter().enumerate().map(number).collect()
}
