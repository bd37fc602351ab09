//! Events made of two parts: what they say, by a seed, and what is their run's own.

use proptest::prelude::*;
use serde_json::json;

use crate::domain::budget::Limits;
use crate::domain::check::{CheckResult, CheckScope, CheckStatus, Counts, TestCase, TestStatus};
use crate::domain::event::{
    CheckCompleted, Event, ExecutionStarted, HealSettled, HealStarted, PhaseCompleted, PhaseError,
    PhaseStarted, RunCreated, RunDone, RunFailed, RunOptions, RunReplayed, RunResumed, RunStopped,
    RunUpdated, StepCompleted, StepError, StepStarted, StopReason,
};
use crate::domain::failure::{Cause, ErrorType, Failure, Origin};
use crate::domain::finding::{Category, Finding, Observation, Severity};
use crate::domain::id::{CommitId, Digest, ExecutionId, FindingId, HealId, RunId, TreeId};
use crate::domain::phase::{Agent, Phase};
use crate::domain::remedy::{HealAction, Remedy};
use crate::domain::replay::{Comparison, ReplayMode, ReplayResult};
use crate::domain::tape::Denial;

pub(super) const KINDS: u64 = 21;
const WORDS: [&str; 12] = [
    "add",
    "the",
    "list",
    "3",
    "sorted",
    "src/list.rs",
    "tests",
    "0x1f",
    "10ms",
    "größer",
    "tmpDir",
    "a=b",
];

/// What is a run's own.
#[derive(Clone, Debug)]
pub(super) struct Own {
    pub(super) run: i64,
    pub(super) ms: u64,
    pub(super) hour: u32,
    pub(super) pid: u32,
    pub(super) temporary: String,
    pub(super) commit: String,
}

pub(super) fn owns() -> impl Strategy<Value = Own> {
    (
        1_i64..500,
        0_u64..200_000,
        0_u32..24,
        2_u32..4_000_000,
        prop_oneof![
            "/tmp/tmp\\.[A-Z][a-z][A-Za-z0-9]{6}[0-9]",
            "/var/tmp/[a-z]{3,9}",
            "/tmp/\\.tmp[A-Z][a-z0-9]{5}",
        ],
        "[0-9][a-f][0-9a-f]{38}",
    )
        .prop_map(|(run, ms, hour, pid, temporary, commit)| Own {
            run,
            ms,
            hour,
            pid,
            temporary,
            commit,
        })
}

impl Own {
    /// A sentence of a person or a model that names what is the run's own.
    pub(super) fn said(&self, words: &str) -> String {
        format!(
            "{words} on rgpt/run-{run} ({}) see {}/out.txt, /home/u{pid}/.cache/rgpt/0a1b/run-{run}/todo/src/a.rs",
            &self.commit[..10],
            self.temporary,
            run = self.run,
            pid = self.pid % 7,
        )
    }

    /// What a program wrote.
    fn wrote(&self, words: &str) -> String {
        format!(
            "2026-03-01T{hour:02}:00:07.{pid}Z [{pid}] {words} in {:.2}s at 0x{pid:08x} {} on 127.0.0.1:{} \
             (Wed Mar  4 {hour:02}:10:00 UTC 2026) finished in {} ms",
            f64::from(self.pid) / 1000.0,
            self.temporary,
            self.pid % 60_000,
            self.ms,
            hour = self.hour,
            pid = self.pid,
        )
    }

    fn limits(&self) -> Limits {
        Limits {
            max_retries: 3,
            max_heals: 12,
            usd: Some(f64::from(self.pid)),
            tokens: None,
            wall_ms: Some(self.ms),
            attempts: None,
        }
    }

    fn digest(&self) -> Digest {
        Digest::of(self.commit.as_bytes())
    }

    fn begun(&self, seed: u64) -> ExecutionStarted {
        ExecutionStarted {
            id: ExecutionId(self.pid),
            agent: Agent::ALL[(seed % 4) as usize],
            model: Some(format!("model-{}", self.pid)),
            prompt_version: self.pid.to_string(),
            brief: self.digest(),
            tree: tree(seed),
        }
    }
}

pub(super) fn words(seed: u64) -> String {
    let word = |at: u64| WORDS[((seed >> (4 * at)) % WORDS.len() as u64) as usize];
    (0..5).map(word).collect::<Vec<_>>().join(" ")
}

fn tree(seed: u64) -> TreeId {
    TreeId(Digest::of(&seed.to_le_bytes()).0[..40].to_owned())
}

fn phase(seed: u64) -> Phase {
    Phase::ALL[(seed % 4) as usize]
}

fn plan(seed: u64, own: &Own) -> serde_json::Value {
    json!({"summary": own.said(&words(seed)), "steps": [
        {"id": "one", "name": words(seed >> 3), "description": own.said(&words(seed >> 7)), "files": ["a.rs"]},
        {"id": "two", "name": words(seed >> 5), "description": words(seed >> 2), "dependencies": ["one"]},
    ]})
}

pub(super) fn result(seed: u64, own: &Own) -> CheckResult {
    let case = |name: &str, status| TestCase {
        name: name.to_owned(),
        status,
        duration_ms: Some(own.ms),
        message: Some(own.wrote("left right")),
    };
    let mut tests = vec![
        case("list::adds", TestStatus::Passed),
        case(&words(seed), TestStatus::Failed),
        case("list::skips", TestStatus::Skipped),
    ];
    if own.pid.is_multiple_of(2) {
        tests.reverse();
    }
    CheckResult {
        name: "test".into(),
        kind: Category::Test,
        scope: CheckScope::Final,
        tree: tree(seed),
        command: "cargo test".into(),
        exit_code: Some(101),
        status: CheckStatus::Failed,
        duration_ms: own.ms,
        timed_out: false,
        signal: None,
        report: Some(Counts::default()),
        tests,
        excused: Vec::new(),
        flaky: Vec::new(),
        reruns: 0,
        observations: vec![observation(seed, own)],
        note: Some(own.wrote("a note")),
        output: own.wrote("output"),
        full_output: Some(own.digest()),
    }
}

fn observation(seed: u64, own: &Own) -> Observation {
    Observation {
        severity: Severity::Major,
        category: Category::Test,
        message: own.wrote("it fails"),
        location: Some(format!("src/a.rs:{}", seed % 100)),
    }
}

fn failure(seed: u64, own: &Own) -> Failure {
    Failure {
        error_type: ErrorType::Assertion,
        retryable: false,
        origin: Origin::Code,
        signature: own.digest(),
        message: own.wrote("a test fails"),
        root_cause: Some(own.wrote("left is not right")),
        evidence: own.wrote("evidence"),
        failing_tests: vec![words(seed)],
        distribution: None,
        retry_after_ms: Some(own.ms),
        action_required: None,
        damage: None,
        cause: Cause::Tests,
    }
}

/// An event of one of all kinds.
pub(super) fn event(kind: u64, seed: u64, own: &Own) -> Event {
    match kind % KINDS {
        0 => created(seed, own),
        1 => Event::RunStopped(RunStopped {
            reason: StopReason::Interrupted,
            message: own.wrote("stopped"),
            action_required: None,
            needs: None,
        }),
        2 => Event::RunResumed(RunResumed {
            from: Some(phase(seed)),
            limits: Some(own.limits()),
            ..RunResumed::default()
        }),
        3 => Event::RunDone(RunDone {
            verified: true,
            commit: CommitId(own.commit.clone()),
            tree: tree(seed),
            branch: format!("rgpt/run-{}", own.run),
            quality_score: 1.0,
        }),
        4 => Event::RunFailed(RunFailed {
            reason: own.wrote("no way on"),
            error_type: ErrorType::Logic,
        }),
        5 => Event::RunCancelled {
            reason: Some(own.said(&words(seed))),
        },
        6 => Event::RunReplayed(RunReplayed {
            source: RunId(own.run),
            seq: own.ms,
            phase: phase(seed),
            mode: ReplayMode::Offline,
            limits: own.limits(),
            until: None,
            partial: false,
            granted: false,
        }),
        7 => Event::RunUpdated(RunUpdated::Compared(Comparison {
            result: ReplayResult::Equal,
            divergence: None,
            notes: vec![own.said("note")],
        })),
        kind => work(kind, seed, own),
    }
}

/// An event of a run's work.
fn work(kind: u64, seed: u64, own: &Own) -> Event {
    match kind {
        8 => Event::PhaseStarted(PhaseStarted {
            phase: phase(seed),
            execution: Some(own.begun(seed)),
            abandoned: Vec::new(),
        }),
        9 => completed(Phase::Planner, seed, own, plan(seed, own)),
        10 => Event::PhaseError(PhaseError {
            phase: phase(seed),
            execution: Some(ExecutionId(own.pid)),
            step: None,
            failure: failure(seed, own),
            report: Some(own.digest()),
            tree: tree(seed),
        }),
        11 => Event::StepStarted(StepStarted {
            step: "one".into(),
            execution: own.begun(seed),
        }),
        12 => step_completed(seed, own),
        13 => Event::StepError(StepError {
            step: "one".into(),
            execution: ExecutionId(own.pid),
            error_type: ErrorType::Logic,
            message: own.wrote("does not build"),
            report: Some(own.digest()),
            tree: tree(seed),
        }),
        kind => verdict(kind, seed, own),
    }
}

/// An event that judges or mends a run's work.
fn verdict(kind: u64, seed: u64, own: &Own) -> Event {
    match kind {
        14 => Event::StepSkipped {
            step: "two".into(),
            reason: words(seed),
        },
        15 => heal(seed, own),
        16 | 17 => {
            let settled = HealSettled {
                heal: HealId(own.pid),
                tree: tree(seed),
                message: own.wrote("it worked"),
                diff: String::new(),
                tokens: own.ms,
                cost_usd: f64::from(own.pid),
            };
            match kind {
                16 => Event::HealSuccess(settled),
                _ => Event::HealFailed(settled),
            }
        }
        18 => Event::CheckCompleted(Box::new(CheckCompleted {
            execution: ExecutionId(own.pid),
            result: result(seed, own),
            resolved: vec![FindingId(own.pid)],
        })),
        19 => finding(&words(seed), seed, own),
        _ => Event::GateDenied {
            execution: ExecutionId(own.pid),
            ordinal: own.pid,
            proposal: own.said(&words(seed)),
            denial: Denial {
                rule: "scope".into(),
                message: own.said("no"),
                hard: false,
            },
        },
    }
}

pub(super) fn created(seed: u64, own: &Own) -> Event {
    Event::RunCreated(Box::new(RunCreated {
        title: words(seed),
        goal: own.said(&words(seed)),
        repository: own.temporary.clone(),
        directory: String::new(),
        base_commit: CommitId(own.commit.clone()),
        base_tree: tree(seed),
        parent: Some(RunId(own.run)),
        branch: format!("rgpt/run-{}", own.run),
        limits: own.limits(),
        options: RunOptions {
            until: Some(phase(u64::from(own.pid))),
            ..RunOptions::default()
        },
        config: own.digest(),
        notes: vec![own.said("dirty")],
    }))
}

pub(super) fn completed(phase: Phase, seed: u64, own: &Own, output: serde_json::Value) -> Event {
    Event::PhaseCompleted(PhaseCompleted {
        phase,
        execution: Some(ExecutionId(own.pid)),
        output,
        report: Some(own.digest()),
        tree: tree(seed),
    })
}

pub(super) fn step_completed(seed: u64, own: &Own) -> Event {
    Event::StepCompleted(StepCompleted {
        step: "one".into(),
        execution: ExecutionId(own.pid),
        summary: own.said(&words(seed)),
        report: Some(own.digest()),
        tree: tree(seed),
        commit: Some(CommitId(own.commit.clone())),
    })
}

fn heal(seed: u64, own: &Own) -> Event {
    Event::HealStarted(HealStarted {
        heal: HealId(own.pid),
        signature: own.digest(),
        error_type: ErrorType::Infra,
        cause: own.wrote("429"),
        root_cause: None,
        distribution: None,
        considered: Vec::new(),
        remedy: Remedy {
            action: HealAction::Backoff,
            goto: phase(seed),
            step: None,
            evidence: own.wrote("again"),
            input: own.digest(),
            wait_ms: own.ms,
            reason: own.wrote("waits"),
            commands: Vec::new(),
            variables: std::collections::BTreeMap::new(),
        },
        snapshot: tree(seed),
    })
}

pub(super) fn finding(message: &str, seed: u64, own: &Own) -> Event {
    Event::FindingRecorded {
        execution: ExecutionId(own.pid),
        finding: Finding {
            id: FindingId(own.pid),
            check: "test".into(),
            observation: Observation {
                message: own.wrote(message),
                ..observation(seed, own)
            },
        },
    }
}
