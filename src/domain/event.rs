//! Events: what happened to a run, durable, in order.
//!
//! A [`Record`] is an event with its place and time. Event types are dotted and stable:
//! `run.created`, `planner.started`, `heal.success` and so on. An event's payload never changes
//! its meaning; new fields have defaults.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::budget::Limits;
use super::check::CheckResult;
use super::failure::{ErrorType, Failure};
use super::finding::Finding;
use super::id::{CommitId, Digest, ExecutionId, FindingId, HealId, RunId, StepId, TreeId};
use super::phase::{Agent, Phase};
use super::remedy::Remedy;
use super::tape::Denial;

/// An event on the record.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its run.
    pub run: RunId,
    /// Its place in the run, from 1 without gaps.
    pub seq: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// Something that happened to a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "payload")]
pub enum Event {
    /// The run exists. Always the first event, never again.
    #[serde(rename = "run.created")]
    RunCreated(Box<RunCreated>),
    /// The run stands still, in whatever state it is; it can be resumed.
    #[serde(rename = "run.stopped")]
    RunStopped(RunStopped),
    /// A driver goes on with the run.
    #[serde(rename = "run.resumed")]
    RunResumed(RunResumed),
    /// The goal is reached.
    #[serde(rename = "run.done")]
    RunDone(RunDone),
    /// The run is given up; a resume grants a new budget.
    #[serde(rename = "run.failed")]
    RunFailed(RunFailed),
    /// A person gave the run up.
    #[serde(rename = "run.cancelled")]
    RunCancelled {
        /// Why, if they said so.
        reason: Option<String>,
    },
    /// A phase begins (again).
    #[serde(rename = "phase.started")]
    PhaseStarted(PhaseStarted),
    /// A phase has reached its end.
    #[serde(rename = "phase.completed")]
    PhaseCompleted(PhaseCompleted),
    /// A phase failed.
    #[serde(rename = "phase.error")]
    PhaseError(PhaseError),
    /// A step of the plan begins (again).
    #[serde(rename = "step.started")]
    StepStarted(StepStarted),
    /// A step is done.
    #[serde(rename = "step.completed")]
    StepCompleted(StepCompleted),
    /// A step failed; `builder.error` follows.
    #[serde(rename = "step.error")]
    StepError(StepError),
    /// A step will not be done, because one that it needs is not.
    #[serde(rename = "step.skipped")]
    StepSkipped {
        /// The step.
        step: StepId,
        /// Why.
        reason: String,
    },
    /// A repair begins, from the snapshot that is kept if it does not help.
    #[serde(rename = "heal.started")]
    HealStarted(HealStarted),
    /// The repair made things strictly better and is kept.
    #[serde(rename = "heal.success")]
    HealSuccess(HealSettled),
    /// The repair did not help; the snapshot is restored.
    #[serde(rename = "heal.failed")]
    HealFailed(HealSettled),
    /// A check ran.
    #[serde(rename = "check.completed")]
    CheckCompleted(Box<CheckCompleted>),
    /// A check says something about the tree.
    #[serde(rename = "finding.recorded")]
    FindingRecorded {
        /// The execution whose check it was.
        execution: ExecutionId,
        /// What it says.
        finding: Finding,
    },
    /// The gate refused a proposal.
    #[serde(rename = "gate.denied")]
    GateDenied {
        /// The execution that proposed.
        execution: ExecutionId,
        /// The call on its tape.
        ordinal: u32,
        /// What was proposed, in a few words.
        proposal: String,
        /// The rule and its words.
        denial: Denial,
    },
}

/// Payload of `run.created`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunCreated {
    /// A short name.
    pub title: String,
    /// The goal.
    pub goal: String,
    /// The absolute path of the user's repository (its top folder).
    pub repository: String,
    /// The project's folder relative to the repository's top, empty for the top itself.
    #[serde(default)]
    pub directory: String,
    /// The commit the run starts from.
    pub base_commit: CommitId,
    /// Its tree.
    pub base_tree: TreeId,
    /// The branch a success will be published under.
    pub branch: String,
    /// What it may spend.
    pub limits: Limits,
    /// How it is to be carried out.
    pub options: RunOptions,
    /// The effective configuration, without secrets.
    pub config: Digest,
    /// Things the user should know from the start (a dirty tree, a detached HEAD).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What a person decided about a run at its start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOptions {
    /// Stop after this phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Phase>,
    /// Excuse no failure by the baseline.
    #[serde(default)]
    pub require_green: bool,
    /// The explicit waiver of checks.
    #[serde(default)]
    pub unverified: bool,
    /// Where a person would be asked about an edit outside a step's scope, the answer is yes.
    #[serde(default)]
    pub yes: bool,
    /// Go on with other steps when one stays broken.
    #[serde(default)]
    pub continue_on_step_failure: bool,
}

/// Why a run stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The money is spent or reserved.
    BudgetUsd,
    /// The tokens are spent or reserved.
    BudgetTokens,
    /// The time is over.
    WallTime,
    /// No new evidence turns up.
    Stuck,
    /// Ctrl-C or a signal.
    Interrupted,
    /// A person must act.
    AwaitingHuman,
    /// Every provider asks to wait.
    RateLimited,
    /// `--until` is reached.
    Until,
}

impl StopReason {
    /// The name in records and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BudgetUsd => "budget_usd",
            Self::BudgetTokens => "budget_tokens",
            Self::WallTime => "wall_time",
            Self::Stuck => "stuck",
            Self::Interrupted => "interrupted",
            Self::AwaitingHuman => "awaiting_human",
            Self::RateLimited => "rate_limited",
            Self::Until => "until",
        }
    }
}

/// Payload of `run.stopped`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunStopped {
    /// Why.
    pub reason: StopReason,
    /// The same for people.
    pub message: String,
    /// What a person must do first, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_required: Option<String>,
}

/// Payload of `run.resumed`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunResumed {
    /// Go back to the start of this phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Phase>,
    /// The tree to go on from, when going back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<TreeId>,
    /// New limits, if they change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// Whether the counts of retries and heals start anew.
    #[serde(default)]
    pub granted: bool,
    /// A new end point, if it changes: the outer value says that it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Option<Phase>>,
}

/// Payload of `run.done`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunDone {
    /// Whether rgpt itself saw the checks pass on exactly this tree.
    pub verified: bool,
    /// The commit that is handed over.
    pub commit: CommitId,
    /// Its tree.
    pub tree: TreeId,
    /// The branch in the user's repository.
    pub branch: String,
    /// 0 to 1: 1 less what was excused, found, retried and healed.
    pub quality_score: f64,
}

/// Payload of `run.failed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFailed {
    /// Why there is no way on.
    pub reason: String,
    /// The class of the last failure.
    pub error_type: ErrorType,
}

/// An execution that begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExecutionStarted {
    /// Its number in the run.
    pub id: ExecutionId,
    /// Who works.
    pub agent: Agent,
    /// The model at the head of its list, if it has any.
    pub model: Option<String>,
    /// The version of its system prompt.
    pub prompt_version: String,
    /// The address of its brief, in the form of the agent contract.
    pub brief: Digest,
    /// The tree it starts from.
    pub tree: TreeId,
}

/// Payload of `<phase>.started`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseStarted {
    /// The phase.
    pub phase: Phase,
    /// The execution at work; none for a builder that carries out steps, each with its own.
    pub execution: Option<ExecutionStarted>,
    /// Steps that are given up, where the run goes on without them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub abandoned: Vec<StepId>,
}

/// Payload of `<phase>.completed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseCompleted {
    /// The phase.
    pub phase: Phase,
    /// The execution that ended it, if one did.
    pub execution: Option<ExecutionId>,
    /// The agent's output, in the form of the agent contract.
    pub output: Value,
    /// The whole answer in the form of the agent contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Digest>,
    /// The tree at its end.
    pub tree: TreeId,
}

/// Payload of `<phase>.error`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseError {
    /// The phase.
    pub phase: Phase,
    /// The execution that failed, if one did.
    pub execution: Option<ExecutionId>,
    /// The step that failed, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// What went wrong.
    pub failure: Failure,
    /// The whole answer in the form of the agent contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Digest>,
    /// The tree the run goes on from.
    pub tree: TreeId,
}

/// Payload of `step.started`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepStarted {
    /// The step.
    pub step: StepId,
    /// The execution at work.
    pub execution: ExecutionStarted,
}

/// Payload of `step.completed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepCompleted {
    /// The step.
    pub step: StepId,
    /// The execution that did it.
    pub execution: ExecutionId,
    /// The agent's summary.
    pub summary: String,
    /// The whole answer in the form of the agent contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Digest>,
    /// The tree at its end.
    pub tree: TreeId,
    /// The internal commit of the step; none if it changed nothing.
    pub commit: Option<CommitId>,
}

/// Payload of `step.error`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepError {
    /// The step.
    pub step: StepId,
    /// The execution that failed.
    pub execution: ExecutionId,
    /// The class of what went wrong; `builder.error` has the whole.
    pub error_type: ErrorType,
    /// One line for people.
    pub message: String,
    /// The whole answer in the form of the agent contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Digest>,
    /// The tree the run goes on from.
    pub tree: TreeId,
}

/// Payload of `heal.started`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HealStarted {
    /// Its number in the run.
    pub heal: HealId,
    /// The signature of the failure it is for.
    pub signature: Digest,
    /// The class of that failure.
    pub error_type: ErrorType,
    /// That failure in one line.
    #[serde(default)]
    pub cause: String,
    /// What is done.
    pub remedy: Remedy,
    /// The snapshot that is restored if it does not help.
    pub snapshot: TreeId,
}

/// Payload of `heal.success` and `heal.failed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HealSettled {
    /// Its number in the run.
    pub heal: HealId,
    /// The tree that stands now.
    pub tree: TreeId,
    /// One line for people.
    pub message: String,
    /// Tokens that the repair used.
    #[serde(default)]
    pub tokens: u64,
    /// What the repair cost, in US dollars.
    #[serde(default)]
    pub cost_usd: f64,
}

/// Payload of `check.completed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckCompleted {
    /// The execution that had it run.
    pub execution: ExecutionId,
    /// What came of it.
    pub result: CheckResult,
    /// Earlier findings of this check that are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resolved: Vec<FindingId>,
}

/// A type and payload that are no event of this version.
#[derive(Debug, thiserror::Error)]
#[error("cannot read an event of type {kind:?}: {source}")]
pub struct UnreadableEvent {
    kind: String,
    source: serde_json::Error,
}

impl Event {
    /// The dotted type, with a phase's own name: `planner.started`.
    pub fn kind(&self) -> String {
        match self {
            Self::PhaseStarted(p) => format!("{}.started", p.phase),
            Self::PhaseCompleted(p) => format!("{}.completed", p.phase),
            Self::PhaseError(p) => format!("{}.error", p.phase),
            other => other.tag().to_owned(),
        }
    }

    fn tag(&self) -> &'static str {
        match self {
            Self::RunCreated(_) => "run.created",
            Self::RunStopped(_) => "run.stopped",
            Self::RunResumed(_) => "run.resumed",
            Self::RunDone(_) => "run.done",
            Self::RunFailed(_) => "run.failed",
            Self::RunCancelled { .. } => "run.cancelled",
            Self::PhaseStarted(_) => "phase.started",
            Self::PhaseCompleted(_) => "phase.completed",
            Self::PhaseError(_) => "phase.error",
            Self::StepStarted(_) => "step.started",
            Self::StepCompleted(_) => "step.completed",
            Self::StepError(_) => "step.error",
            Self::StepSkipped { .. } => "step.skipped",
            Self::HealStarted(_) => "heal.started",
            Self::HealSuccess(_) => "heal.success",
            Self::HealFailed(_) => "heal.failed",
            Self::CheckCompleted(_) => "check.completed",
            Self::FindingRecorded { .. } => "finding.recorded",
            Self::GateDenied { .. } => "gate.denied",
        }
    }

    /// The payload as JSON, as it stands on the record.
    ///
    /// # Errors
    /// Only if a number in it is not finite.
    pub fn payload(&self) -> Result<Value, serde_json::Error> {
        let mut value = serde_json::to_value(self)?;
        Ok(value["payload"].take())
    }

    /// Reads an event back from its type and payload.
    ///
    /// # Errors
    /// If the type is unknown or the payload does not fit it.
    pub fn read(kind: &str, payload: Value) -> Result<Self, UnreadableEvent> {
        let tag = match kind.split_once('.') {
            Some((prefix, suffix)) if prefix.parse::<Phase>().is_ok() => format!("phase.{suffix}"),
            _ => kind.to_owned(),
        };
        serde_json::from_value(serde_json::json!({"type": tag, "payload": payload})).map_err(
            |source| UnreadableEvent {
                kind: kind.to_owned(),
                source,
            },
        )
    }
}
