//! Random but legal logs: what a driver might record, decided by a seed.

use crate::domain::application::{ApplicationStatus, BranchMove, FileMove, FileOnDisk, Way};
use crate::domain::budget::{Limits, Usage};
use crate::domain::check::{CheckResult, CheckScope, CheckStatus};
use crate::domain::event::*;
use crate::domain::failure::{Cause, Damage, Failure, Origin};
use crate::domain::finding::{Category, Finding, Observation, Severity};
use crate::domain::message::{FinishReason, ModelAnswer};
use crate::domain::remedy::{HealAction, Remedy};
use crate::domain::run::{ByHand, ExecutionStatus};
use crate::domain::step::StepStatus;
use crate::domain::tape::{Answer, Call, Denial, ModelCall};
use crate::domain::*;

/// A generator of numbers (xorshift64*, Vigna 2016), so that a seed tells the whole log.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % sides
    }

    fn once_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }

    fn tree(&mut self) -> TreeId {
        TreeId(format!("{:040x}", self.roll(1 << 30)))
    }
}

pub(super) fn text(content: &str) -> Vec<u8> {
    content.as_bytes().to_vec()
}

pub(super) fn created(id: RunId) -> RunCreated {
    RunCreated {
        title: format!("run number {id}"),
        goal: "make it better, with a test".to_owned(),
        repository: "/somewhere/project".to_owned(),
        directory: String::new(),
        base_commit: CommitId("c".repeat(40)),
        base_tree: TreeId("b".repeat(40)),
        parent: None,
        branch: format!("rgpt/run-{id}"),
        limits: Limits {
            max_retries: 3,
            max_heals: 12,
            usd: Some(5.0),
            tokens: None,
            wall_ms: None,
            attempts: None,
        },
        options: RunOptions::default(),
        config: Digest::of(b"config"),
        notes: Vec::new(),
    }
}

/// A log of at most `length` events, with the run after each.
pub(super) fn log(id: RunId, seed: u64, length: usize) -> Vec<(Record, Run)> {
    let mut dice = Dice::new(seed);
    let mut at = "2026-01-02T03:04:05Z".parse().expect("a time");
    let first = Record {
        run: id,
        seq: 1,
        at,
        event: Event::RunCreated(Box::new(created(id))),
    };
    let mut run = Run::begin(&first).expect("begins");
    let mut log = vec![(first, run.clone())];
    while log.len() < length {
        let event = next(&run, &mut dice);
        let Some(event) = event else { break };
        at += jiff::SignedDuration::from_micros(dice.roll(2_000_000).cast_signed());
        let record = Record {
            run: id,
            seq: run.seq + 1,
            at,
            event,
        };
        run.apply(&record).expect("the log is legal");
        log.push((record, run.clone()));
    }
    log
}

fn next(run: &Run, dice: &mut Dice) -> Option<Event> {
    if run.stop.is_some() || matches!(run.state(), State::Cancelled | State::Failed) {
        return Some(Event::RunResumed(resumed(run, dice)));
    }
    if run.state() == State::Done {
        let often_enough = run.applications.len() > 3;
        return (!often_enough).then(|| Event::RunUpdated(application(run, dice)));
    }
    if run.by_hand == Some(ByHand::Made) || dice.once_in(25) {
        return Some(Event::RunStopped(RunStopped {
            reason: if dice.once_in(2) {
                StopReason::Interrupted
            } else {
                StopReason::AwaitingHuman
            },
            message: "stopped".to_owned(),
            action_required: None,
            needs: None,
        }));
    }
    if dice.once_in(60) {
        return Some(Event::RunCancelled { reason: None });
    }
    let event = match run.next()? {
        Action::StartPhase(phase) => start_phase(run, phase, dice),
        Action::StartStep(step) => Event::StepStarted(StepStarted {
            step,
            execution: execution(run, Phase::Builder),
        }),
        Action::Execute(id) => execute(run, id, dice),
        Action::CompleteBuilder => complete_builder(run),
        Action::StartCandidate | Action::ChooseCandidate => unreachable!("no such repair here"),
        Action::Heal => heal(run, dice),
        Action::SettleHeal => settle(run),
        Action::Finish => Event::RunDone(RunDone {
            verified: true,
            commit: CommitId("d".repeat(40)),
            tree: run.tree.clone(),
            branch: run.created.branch.clone(),
            quality_score: 1.0 / (1.0 + dice.roll(100) as f64),
        }),
    };
    Some(event)
}

/// The result goes into a branch and out of it again.
fn application(run: &Run, dice: &mut Dice) -> RunUpdated {
    let movement = |way| {
        Box::new(BranchMove {
            branch: "main".to_owned(),
            way,
            from: CommitId("a".repeat(40)),
            to: CommitId("d".repeat(40)),
            checked_out: true,
            files: vec![FileMove {
                path: "a".to_owned(),
                before: None,
                after: Some(FileOnDisk {
                    content: Digest::of(b"brief"),
                    mode: 0o100_644,
                }),
            }],
            makes: Vec::new(),
            drops: Vec::new(),
            checks: Vec::new(),
        })
    };
    let given_up = || RunUpdated::MoveGivenUp {
        reason: "another was quicker".to_owned(),
    };
    match run.applications.last().map(|last| last.status()) {
        Some(ApplicationStatus::Applying | ApplicationStatus::Undoing) if dice.once_in(3) => {
            given_up()
        }
        Some(ApplicationStatus::Applying) => RunUpdated::Applied,
        Some(ApplicationStatus::Applied) => RunUpdated::UndoStarted(movement(Way::Back)),
        Some(ApplicationStatus::Undoing) => RunUpdated::Undone,
        None | Some(ApplicationStatus::Undone | ApplicationStatus::GivenUp) => {
            RunUpdated::ApplyStarted(movement(Way::FastForward))
        }
    }
}

fn resumed(run: &Run, dice: &mut Dice) -> RunResumed {
    let ended = run.progress() == State::Failed || run.state() == State::Cancelled;
    let begun: Vec<Phase> = run
        .phases
        .keys()
        .copied()
        .filter(|phase| run.phase().is_some_and(|now| *phase <= now))
        .collect();
    let by_hand =
        run.progress() == State::Failed && run.state() == State::Failed && dice.once_in(3);
    let back = run.progress() == State::Failed || (!begun.is_empty() && dice.once_in(3));
    let from = (back && !by_hand).then(|| begun[dice.roll(begun.len() as u64) as usize]);
    RunResumed {
        from,
        tree: from.map(|phase| run.phases[&phase].entry_tree.clone()),
        limits: dice.once_in(3).then_some(Limits {
            max_retries: 5,
            ..run.limits
        }),
        granted: ended,
        until: None,
        heal: by_hand.then(HealByHand::default),
    }
}

fn execution(run: &Run, phase: Phase) -> ExecutionStarted {
    ExecutionStarted {
        id: run.next_execution(),
        agent: phase.agent(),
        model: Some("sonnet".to_owned()),
        prompt_version: "planner-1".to_owned(),
        brief: Digest::of(b"brief"),
        tree: run.tree.clone(),
    }
}

fn start_phase(run: &Run, phase: Phase, dice: &mut Dice) -> Event {
    let whole = run.heal.is_some() && dice.once_in(2);
    let execution = (phase != Phase::Builder || whole).then(|| execution(run, phase));
    Event::PhaseStarted(PhaseStarted {
        phase,
        execution,
        abandoned: Vec::new(),
    })
}

fn execute(run: &Run, id: ExecutionId, dice: &mut Dice) -> Event {
    let state = run.execution(id).expect("it is there").clone();
    match dice.roll(12) {
        0 => return check(run, id, dice),
        1 => {
            return Event::FindingRecorded {
                execution: id,
                finding: Finding {
                    id: run.next_finding(),
                    check: "lint".to_owned(),
                    observation: Observation {
                        severity: Severity::Medium,
                        category: Category::Lint,
                        message: "unused".to_owned(),
                        location: Some("src/lib.rs:3".to_owned()),
                    },
                },
            };
        }
        2 => {
            return Event::GateDenied {
                execution: id,
                ordinal: 1,
                proposal: "edit of ci.yml".to_owned(),
                denial: Denial {
                    rule: "protected-path".to_owned(),
                    message: "no".to_owned(),
                    hard: false,
                },
            };
        }
        _ => {}
    }
    let fails = dice.once_in(3);
    match (state.step, fails) {
        (Some(step), false) => Event::StepCompleted(StepCompleted {
            step,
            execution: id,
            summary: "done".to_owned(),
            report: None,
            tree: dice.tree(),
            commit: Some(CommitId("e".repeat(40))),
        }),
        (Some(step), true) => Event::StepError(StepError {
            step,
            execution: id,
            error_type: ErrorType::Assertion,
            message: "a test fails".to_owned(),
            report: None,
            tree: dice.tree(),
        }),
        (None, false) => Event::PhaseCompleted(PhaseCompleted {
            phase: state.phase,
            execution: Some(id),
            output: output(state.phase, dice),
            report: None,
            tree: dice.tree(),
        }),
        (None, true) => Event::PhaseError(phase_error(run, state.phase, Some(id), None, dice)),
    }
}

fn output(phase: Phase, dice: &mut Dice) -> serde_json::Value {
    if phase != Phase::Planner {
        return serde_json::json!({"summary": "fine", "ratio": 1.0 / dice.roll(97).max(1) as f64});
    }
    let steps: Vec<_> = (1..=1 + dice.roll(4))
        .map(|number| {
            let needs: Vec<_> = (number > 1 && dice.once_in(2))
                .then(|| format!("step-{}", number - 1))
                .into_iter()
                .collect();
            serde_json::json!({"id": format!("step-{number}"), "name": "a step",
                "description": "do it", "dependencies": needs})
        })
        .collect();
    serde_json::json!({"summary": "a plan", "steps": steps})
}

fn check(run: &Run, execution: ExecutionId, dice: &mut Dice) -> Event {
    let resolved = run.open_findings().map(|finding| finding.id).take(1);
    Event::CheckCompleted(Box::new(CheckCompleted {
        execution,
        resolved: resolved.collect(),
        result: CheckResult {
            report: None,
            name: "test".to_owned(),
            kind: Category::Test,
            scope: CheckScope::Step,
            tree: run.tree.clone(),
            command: "cargo test".to_owned(),
            exit_code: Some(101),
            status: CheckStatus::Failed,
            duration_ms: dice.roll(10_000),
            timed_out: false,
            signal: None,
            tests: Vec::new(),
            excused: Vec::new(),
            flaky: Vec::new(),
            reruns: 0,
            observations: Vec::new(),
            note: None,
            output: "running 1 test … FAILED".repeat(dice.roll(40) as usize),
            full_output: None,
        },
    }))
}

fn phase_error(
    run: &Run,
    phase: Phase,
    execution: Option<ExecutionId>,
    step: Option<StepId>,
    dice: &mut Dice,
) -> PhaseError {
    PhaseError {
        phase,
        execution,
        step,
        failure: Failure {
            error_type: ErrorType::Assertion,
            retryable: false,
            origin: Origin::Code,
            signature: Digest::of(&[dice.roll(9) as u8]),
            message: "a test fails".to_owned(),
            root_cause: None,
            evidence: "assertion `left == right` failed é".repeat(dice.roll(99) as usize),
            failing_tests: Vec::new(),
            distribution: None,
            retry_after_ms: None,
            action_required: None,
            damage: Some(Damage {
                failing_tests: dice.roll(4) as u32,
                ..Damage::default()
            }),
            cause: Cause::Tests,
        },
        report: None,
        tree: run.tree.clone(),
    }
}

/// What must be said before the builder can end, or its end.
fn complete_builder(run: &Run) -> Event {
    let failed = run
        .steps
        .iter()
        .find(|step| step.status == StepStatus::Failed && !step.abandoned);
    if let Some(step) = failed {
        let last = run
            .executions
            .iter()
            .rev()
            .find(|one| one.step.as_ref() == Some(&step.id))
            .filter(|one| one.status == ExecutionStatus::Failed)
            .map(|one| one.id);
        let step = last.map(|_| step.id.clone());
        let mut dice = Dice::new(run.seq);
        return Event::PhaseError(phase_error(run, Phase::Builder, last, step, &mut dice));
    }
    if let Some(step) = run.unreachable_steps().first() {
        return Event::StepSkipped {
            step: step.id.clone(),
            reason: "it needs a step that is not done".to_owned(),
        };
    }
    Event::PhaseCompleted(PhaseCompleted {
        phase: Phase::Builder,
        execution: None,
        output: serde_json::json!({"summary": "built"}),
        report: None,
        tree: run.tree.clone(),
    })
}

fn heal(run: &Run, dice: &mut Dice) -> Event {
    let standing = run.failure.as_ref().expect("a failure stands");
    let abandoned: Vec<StepId> = standing.step.iter().cloned().collect();
    if standing.phase == Phase::Builder && !abandoned.is_empty() && dice.once_in(4) {
        return Event::PhaseStarted(PhaseStarted {
            phase: Phase::Builder,
            execution: None,
            abandoned,
        });
    }
    if run.heal_count >= run.limits.max_heals || dice.once_in(8) {
        return Event::RunFailed(RunFailed {
            reason: "no remedy is left".to_owned(),
            error_type: standing.failure.error_type,
        });
    }
    let goto = Phase::ALL
        .into_iter()
        .filter(|phase| *phase <= standing.phase && run.phases.contains_key(phase))
        .nth(dice.roll(4) as usize)
        .unwrap_or(standing.phase);
    Event::HealStarted(HealStarted {
        heal: run.next_heal(),
        signature: standing.failure.signature.clone(),
        error_type: standing.failure.error_type,
        cause: standing.failure.message.clone(),
        root_cause: None,
        distribution: None,
        considered: Vec::new(),
        remedy: Remedy {
            action: HealAction::FixAssertion,
            goto,
            step: None,
            evidence: "left == right".to_owned(),
            input: Digest::of(b"input"),
            wait_ms: 0,
            reason: "a test tells what is wrong".to_owned(),
            commands: Vec::new(),
            variables: std::collections::BTreeMap::new(),
        },
        snapshot: run.tree.clone(),
    })
}

fn settle(run: &Run) -> Event {
    let heal = run.heal.as_ref().expect("a repair is open");
    let kept = heal.better == Some(true);
    let settled = HealSettled {
        heal: heal.id,
        tree: if kept { &run.tree } else { &heal.snapshot }.clone(),
        message: "as the check says".to_owned(),
        diff: String::new(),
        tokens: 10,
        cost_usd: 0.1 + 0.2,
    };
    if kept {
        Event::HealSuccess(settled)
    } else {
        Event::HealFailed(settled)
    }
}

pub(super) fn model_call(provider: &str, reply: Option<u32>) -> Call {
    Call::Model(ModelCall {
        model: "sonnet".to_owned(),
        provider: provider.to_owned(),
        request: Digest::of(b"request"),
        reply,
        reserved_tokens: 1_000,
        reserved_usd: 0.25,
        passed_over: Vec::new(),
        repeats: None,
    })
}

pub(super) fn model_answer(words: &str) -> Answer {
    Answer::Model(ModelAnswer {
        text: words.to_owned(),
        tool_calls: Vec::new(),
        finish: FinishReason::Stop,
        usage: Usage {
            model_calls: 1,
            input_tokens: 100,
            cached_input_tokens: 40,
            output_tokens: 20,
            reasoning_tokens: 5,
            cost_usd: 0.01,
        },
        native: None,
    })
}
