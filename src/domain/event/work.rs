//! Payloads of what happens in the course of a run's work.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::check::CheckResult;
use crate::domain::failure::{ErrorType, Failure};
use crate::domain::id::{CommitId, Digest, ExecutionId, FindingId, StepId, TreeId};
use crate::domain::phase::{Agent, Phase};

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
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<ExecutionId>,
    /// The agent's output, in the form of the agent contract.
    pub output: Value,
    /// The whole answer in the form of the agent contract, where an older version kept it; see
    /// [`response`](super::response::response).
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
    /// The whole answer in the form of the agent contract, where an older version kept it; see
    /// [`response`](super::response::response).
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
    /// The whole answer in the form of the agent contract, where an older version kept it; see
    /// [`response`](super::response::response).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Digest>,
    /// The tree at its end.
    pub tree: TreeId,
    /// The internal commit of the step; none if it changed nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
    /// The whole answer in the form of the agent contract, where an older version kept it; see
    /// [`response`](super::response::response).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Digest>,
    /// The tree the run goes on from.
    pub tree: TreeId,
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
