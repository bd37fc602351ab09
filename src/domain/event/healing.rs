//! Payloads of what is done about failures: repairs, questions about a failure, patches to choose from.

use serde::{Deserialize, Serialize};

use super::work::ExecutionStarted;
use crate::domain::failure::{Damage, Distribution, ErrorType, Failure};
use crate::domain::id::{Digest, ExecutionId, HealId, TreeId};
use crate::domain::remedy::{Considered, Remedy};

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
    /// The line of output that is its root cause, where one was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_cause: Option<String>,
    /// How likely each class was held to be, earlier repairs in vain included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    /// What is done.
    pub remedy: Remedy,
    /// What was considered, best first, the chosen repair among it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub considered: Vec<Considered>,
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
    /// What the repair changed, as a unified diff, capped; of one that is taken back, too.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub diff: String,
    /// Tokens that the repair used.
    #[serde(default)]
    pub tokens: u64,
    /// What the repair cost, in US dollars.
    #[serde(default)]
    pub cost_usd: f64,
}

/// Payload of `analysis.started`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnalysisStarted {
    /// The execution at work: of the analyzer, or of the repair agent that is to write instructions.
    pub execution: ExecutionStarted,
}

/// Payload of `analysis.completed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnalysisCompleted {
    /// The execution.
    pub execution: ExecutionId,
    /// The failure as it is seen now, where that has changed; its signature stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Instructions for the rest of the run, where it was asked for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
}

/// Payload of `analysis.error`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnalysisError {
    /// The execution.
    pub execution: ExecutionId,
    /// The class of what went wrong with it.
    pub error_type: ErrorType,
    /// One line for people.
    pub message: String,
}

/// Payload of `candidate.started`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CandidateStarted {
    /// The execution at work.
    pub execution: ExecutionStarted,
}

/// Payload of `candidate.completed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateCompleted {
    /// The execution.
    pub execution: ExecutionId,
    /// The agent's summary.
    pub summary: String,
    /// The tree with its patch.
    pub tree: TreeId,
}

/// Payload of `candidate.error`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateError {
    /// The execution.
    pub execution: ExecutionId,
    /// The class of what went wrong.
    pub error_type: ErrorType,
    /// One line for people.
    pub message: String,
}

/// Payload of `candidate.chosen`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateChosen {
    /// The execution whose patch is taken; none if no patch is better than the snapshot.
    pub chosen: Option<ExecutionId>,
    /// The damage that the checks measured on each patch.
    pub measured: Vec<(ExecutionId, Damage)>,
}
