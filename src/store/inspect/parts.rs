//! The parts of a run's document, one object for each thing that a run has.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::application::{Application, ApplicationStatus, CheckVerdict, Way};
use crate::domain::budget::Usage;
use crate::domain::check::{CheckResult, CheckScope, CheckStatus, FlakyTest};
use crate::domain::failure::Origin;
use crate::domain::finding::{Category, Severity};
use crate::domain::replay::{Divergence, Replay, ReplayMode, ReplayResult};
use crate::domain::run::{ExecutionState, ExecutionStatus, FindingState, HealState, StepState};
use crate::domain::step::StepStatus;
use crate::domain::{
    Agent, CommitId, Digest, ErrorType, ExecutionId, FindingId, HealId, Phase, Record, Run, RunId,
    State, StepId, TreeId, text,
};
use crate::store::phases;

/// A phase.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PhaseObject {
    /// Its name.
    pub phase: Phase,
    /// `running`, `completed`, `failed`, or `pending` when it is to begin again.
    pub status: &'static str,
    /// How often it was begun.
    pub attempts: u32,
    /// How often it failed.
    pub retries: u32,
    /// So many failures are allowed.
    pub max_retries: u32,
    /// The model of its last execution.
    pub model: Option<String>,
    /// Time spent in it.
    pub duration_ms: u64,
    /// What its model calls used.
    pub usage: Usage,
}

/// Where a run was forked from another one, and how it compares with it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReplayObject {
    /// The run it was forked from.
    pub source_run_id: RunId,
    /// The place of the source's last event before the fork.
    pub seq: u64,
    /// The phase it begins with.
    pub phase: Phase,
    /// `live`, `offline` or `recorded`.
    pub mode: ReplayMode,
    /// `equal` or `diverged`, once that is known.
    pub result: Option<ReplayResult>,
    /// Where they part.
    pub divergence: Option<Divergence>,
    /// What differs without being a divergence.
    pub notes: Vec<String>,
}

impl ReplayObject {
    pub(super) fn of(replay: &Replay) -> Self {
        let comparison = replay.comparison.clone();
        let result = comparison.as_ref().map(|comparison| comparison.result);
        let (divergence, notes) = comparison
            .map(|comparison| (comparison.divergence, comparison.notes))
            .unwrap_or_default();
        Self {
            source_run_id: replay.source,
            seq: replay.seq,
            phase: replay.phase,
            mode: replay.mode,
            result,
            divergence,
            notes,
        }
    }
}

/// A step of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepObject {
    /// Its id.
    pub id: StepId,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub status: StepStatus,
    /// Executions that were begun for it.
    pub attempts: u32,
    /// Its internal commit.
    pub commit: Option<CommitId>,
    /// The agent's summary.
    pub summary: Option<String>,
}

/// A check that ran.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckObject {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: Category,
    /// Why it ran.
    pub scope: CheckScope,
    /// The tree it ran on.
    pub tree: TreeId,
    /// Its command.
    pub command: String,
    /// Its exit code, unless a signal or the time limit ended it.
    pub exit_code: Option<i32>,
    /// The verdict.
    pub status: CheckStatus,
    /// How long it took.
    pub duration_ms: u64,
    /// The failing tests that are excused.
    pub excused: Vec<String>,
    /// The failing tests that are shown to be flaky, with the evidence.
    pub flaky: Vec<FlakyTest>,
    /// How often it passed again on the same tree.
    pub reruns: u32,
    /// Why the verdict is what it is, where that needs words.
    pub note: Option<String>,
}

/// The most bytes of a repair's evidence that are shown; the event has the whole.
const EVIDENCE: usize = 4 * 1024;

/// A repair.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HealObject {
    /// Its number in the run.
    pub id: HealId,
    /// The run.
    #[serde(rename = "runId")]
    pub run_id: RunId,
    /// The state that failed, as in `builder_running`.
    pub phase: State,
    /// The execution that failed, if one did.
    pub execution_id: Option<ExecutionId>,
    /// The class of the failure.
    pub error_type: ErrorType,
    /// Where the failure comes from: `human`, `model`, `infra` or `code`.
    pub origin: Origin,
    /// Recognises the failure.
    pub signature: Digest,
    /// What was done.
    pub heal_action: String,
    /// What was done, in detail; `message` is one line for people.
    pub heal_output: Value,
    /// `kept`, `restored`, or none while it is open.
    pub verdict: Option<&'static str>,
    /// Why this was chosen.
    pub reason: String,
    /// The tree before.
    pub before_tree: TreeId,
    /// The tree after.
    pub after_tree: Option<TreeId>,
    /// Tokens used.
    pub tokens: u64,
    /// Cost in US dollars.
    pub cost: f64,
    /// When it began.
    pub created_at: Timestamp,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FindingObject {
    /// Its number in the run.
    pub id: FindingId,
    /// How much it weighs.
    pub severity: Severity,
    /// The kind of its check.
    pub category: Category,
    /// One line for people.
    pub message: String,
    /// Where, if known.
    pub location: Option<String>,
    /// Whether it is gone.
    pub resolved: bool,
    /// When it was found gone.
    pub resolved_at: Option<Timestamp>,
    /// Its check.
    pub check: String,
    /// The execution whose check it was.
    pub execution_id: ExecutionId,
}

/// An execution.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExecutionObject {
    /// Its number in the run.
    pub id: ExecutionId,
    /// Its phase.
    pub phase: Phase,
    /// Its step, if at one.
    pub step: Option<StepId>,
    /// The attempt at this phase or step.
    pub attempt_number: u32,
    /// Who worked.
    pub agent: Agent,
    /// The same with the version of the contract.
    pub agent_version: String,
    /// The model.
    pub model: Option<String>,
    /// The version of the system prompt.
    pub prompt_version: String,
    /// Where it stands.
    pub status: ExecutionStatus,
    /// The class of its error.
    pub error_type: Option<ErrorType>,
    /// One line on its error.
    pub error_message: Option<String>,
    /// How long it took, once it has ended.
    pub duration_ms: Option<u64>,
    /// What its model calls used.
    pub usage: Usage,
}

/// One time that the result was brought into a branch of the user's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApplicationObject {
    /// The branch.
    pub branch: String,
    /// How it came there.
    pub way: Way,
    /// Where the branch was.
    pub from: CommitId,
    /// Where it went.
    pub to: CommitId,
    /// The files that changed on disk.
    pub files: Vec<String>,
    /// The checks that ran on a merged tree.
    pub checks: Vec<CheckVerdict>,
    /// Where it stands.
    pub status: ApplicationStatus,
    /// Why it was given up.
    pub given_up: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// When the result was in the branch.
    pub applied_at: Option<Timestamp>,
    /// How it was taken back.
    pub undo: Option<Way>,
    /// Where the branch went then.
    pub undone_to: Option<CommitId>,
    /// When it was taken back.
    pub undone_at: Option<Timestamp>,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventObject {
    /// Its place in the run.
    pub seq: u64,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened.
    pub at: Timestamp,
    /// It in words.
    pub text: String,
}

impl ApplicationObject {
    pub(super) fn of(one: &Application) -> Self {
        let apply = &one.apply;
        Self {
            branch: apply.branch.clone(),
            way: apply.way,
            from: apply.from.clone(),
            to: apply.to.clone(),
            files: apply.files.iter().map(|file| file.path.clone()).collect(),
            checks: apply.checks.clone(),
            status: one.status(),
            given_up: one.given_up.clone(),
            started_at: one.started_at,
            applied_at: one.applied_at,
            undo: one.undo.as_ref().map(|undo| undo.way),
            undone_to: one.undo.as_ref().map(|undo| undo.to.clone()),
            undone_at: one.undone_at,
        }
    }
}

impl PhaseObject {
    pub(super) fn of(
        run: &Run,
        phase: Phase,
        by_execution: &BTreeMap<ExecutionId, Usage>,
    ) -> Option<Self> {
        let state = run.phases.get(&phase)?;
        let executions = || run.executions.iter().filter(|one| one.phase == phase);
        let mut usage = Usage::default();
        for execution in executions() {
            usage += of_execution(execution, by_execution);
        }
        Some(Self {
            phase,
            status: phases::status(run, phase),
            attempts: state.attempts,
            retries: state.failures,
            max_retries: run.limits.max_retries,
            model: executions().next_back().and_then(|last| last.model.clone()),
            duration_ms: state.duration_ms,
            usage,
        })
    }
}

impl StepObject {
    pub(super) fn of(run: &Run, step: &StepState) -> Self {
        let planned = run.plan.as_ref().and_then(|plan| plan.step(&step.id));
        Self {
            id: step.id.clone(),
            name: planned
                .map(|planned| planned.name.clone())
                .unwrap_or_default(),
            status: step.status,
            attempts: step.attempts,
            commit: step.commit.clone(),
            summary: step.summary.clone(),
        }
    }
}

impl CheckObject {
    pub(super) fn of(result: &CheckResult) -> Self {
        Self {
            name: result.name.clone(),
            kind: result.kind,
            scope: result.scope,
            tree: result.tree.clone(),
            command: result.command.clone(),
            exit_code: result.exit_code,
            status: result.status,
            duration_ms: result.duration_ms,
            excused: result.excused.clone(),
            flaky: result.flaky.clone(),
            reruns: result.reruns,
            note: result.note.clone(),
        }
    }
}

impl HealObject {
    /// The repair as the record shows it.
    pub(in crate::store) fn of(run: &Run, heal: &HealState) -> Self {
        let remedy = &heal.remedy;
        Self {
            id: heal.id,
            run_id: run.id,
            phase: State::Running(heal.phase),
            execution_id: heal.execution,
            error_type: heal.error_type,
            origin: heal.origin,
            signature: heal.signature.clone(),
            heal_action: remedy.action.as_str().to_owned(),
            heal_output: json!({
                "message": heal.message.as_ref().unwrap_or(&remedy.reason),
                "cause": heal.cause,
                "root_cause": heal.root_cause.as_ref().unwrap_or(&heal.cause),
                "evidence": remedy.evidence[..remedy.evidence.floor_char_boundary(EVIDENCE)],
                "diff": heal.diff,
                "considered": heal.considered,
                "distribution": heal.distribution,
                "commands": remedy.commands,
                "variables": remedy.variables,
                "goto": remedy.goto,
                "step": remedy.step,
            }),
            verdict: heal.kept.map(|kept| if kept { "kept" } else { "restored" }),
            reason: remedy.reason.clone(),
            before_tree: heal.before.clone(),
            after_tree: heal.after.clone(),
            tokens: heal.tokens,
            cost: heal.cost_usd,
            created_at: heal.started_at,
        }
    }
}

impl FindingObject {
    pub(super) fn of(state: &FindingState) -> Self {
        let seen = &state.finding.observation;
        Self {
            id: state.finding.id,
            severity: seen.severity,
            category: seen.category,
            message: seen.message.clone(),
            location: seen.location.clone(),
            resolved: state.resolved_at.is_some(),
            resolved_at: state.resolved_at,
            check: state.finding.check.clone(),
            execution_id: state.execution,
        }
    }
}

impl ExecutionObject {
    pub(super) fn of(
        execution: &ExecutionState,
        by_execution: &BTreeMap<ExecutionId, Usage>,
    ) -> Self {
        let spent = execution
            .ended_at
            .map(|end| end.duration_since(execution.started_at).as_millis());
        Self {
            id: execution.id,
            phase: execution.phase,
            step: execution.step.clone(),
            attempt_number: execution.attempt,
            agent: execution.agent,
            agent_version: execution.agent.versioned(),
            model: execution.model.clone(),
            prompt_version: execution.prompt_version.clone(),
            status: execution.status,
            error_type: execution.error_type,
            error_message: execution.error_message.clone(),
            duration_ms: spent.map(|spent| u64::try_from(spent).unwrap_or(0)),
            usage: of_execution(execution, by_execution),
        }
    }
}

impl EventObject {
    /// The event as documents and streams show it.
    pub fn of(record: &Record) -> Self {
        Self {
            seq: record.seq,
            kind: record.event.kind(),
            at: record.at,
            text: text::sentence(&record.event),
        }
    }
}

fn of_execution(execution: &ExecutionState, by_execution: &BTreeMap<ExecutionId, Usage>) -> Usage {
    by_execution.get(&execution.id).copied().unwrap_or_default()
}
