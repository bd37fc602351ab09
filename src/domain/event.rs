//! Events: what happened to a run, durable, in order.
//!
//! A [`Record`] is an event with its place and time. Event types are dotted and stable:
//! `run.created`, `planner.started`, `heal.success` and so on. An event's payload never changes
//! its meaning; new fields have defaults.

mod healing;
mod run;
mod work;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::finding::Finding;
use super::id::{ExecutionId, RunId, StepId};
use super::phase::Phase;
use super::tape::Denial;

pub use healing::{
    AnalysisCompleted, AnalysisError, AnalysisStarted, CandidateChosen, CandidateCompleted,
    CandidateError, CandidateStarted, HealSettled, HealStarted,
};
pub use run::{
    HealByHand, RunCreated, RunDone, RunFailed, RunOptions, RunReplayed, RunResumed, RunStopped,
    RunUpdated, StopReason,
};
pub use work::{
    CheckCompleted, ExecutionStarted, PhaseCompleted, PhaseError, PhaseStarted, StepCompleted,
    StepError, StepStarted,
};

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
    /// The run was forked from another one; the events between `run.created` and this one are the
    /// other's, up to the fork.
    #[serde(rename = "run.replayed")]
    RunReplayed(RunReplayed),
    /// Something about the run has changed that is no part of its work. It may follow its end.
    #[serde(rename = "run.updated")]
    RunUpdated(RunUpdated),
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
    /// An agent is asked about the failure that stands.
    #[serde(rename = "analysis.started")]
    AnalysisStarted(AnalysisStarted),
    /// It has answered.
    #[serde(rename = "analysis.completed")]
    AnalysisCompleted(Box<AnalysisCompleted>),
    /// It could not; the failure stands as it was.
    #[serde(rename = "analysis.error")]
    AnalysisError(AnalysisError),
    /// One of several patches for the same failure is begun, from the repair's snapshot.
    #[serde(rename = "candidate.started")]
    CandidateStarted(CandidateStarted),
    /// It is made; the tree is the snapshot again.
    #[serde(rename = "candidate.completed")]
    CandidateCompleted(CandidateCompleted),
    /// It could not be made; the tree is the snapshot again.
    #[serde(rename = "candidate.error")]
    CandidateError(CandidateError),
    /// The tests have chosen among the patches; `builder.completed` or `builder.error` follows.
    #[serde(rename = "candidate.chosen")]
    CandidateChosen(CandidateChosen),
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
            Self::RunReplayed(_) => "run.replayed",
            Self::RunUpdated(_) => "run.updated",
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
            Self::AnalysisStarted(_) => "analysis.started",
            Self::AnalysisCompleted(_) => "analysis.completed",
            Self::AnalysisError(_) => "analysis.error",
            Self::CandidateStarted(_) => "candidate.started",
            Self::CandidateCompleted(_) => "candidate.completed",
            Self::CandidateError(_) => "candidate.error",
            Self::CandidateChosen(_) => "candidate.chosen",
            Self::CheckCompleted(_) => "check.completed",
            Self::FindingRecorded { .. } => "finding.recorded",
            Self::GateDenied { .. } => "gate.denied",
        }
    }

    /// Whether it says where the run comes from or what was learned of it, rather than what it did: a
    /// fork has its own.
    pub fn is_about_the_run(&self) -> bool {
        matches!(
            self,
            Self::RunCreated(_) | Self::RunReplayed(_) | Self::RunUpdated(_)
        )
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
