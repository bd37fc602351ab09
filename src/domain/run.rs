//! A run as its events tell it: the fold's value. How events change it stands in [`fold`](super::fold),
//! what comes next in [`next`](super::next).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::application::{Application, ApplicationStatus, BranchMove};
use super::budget::Limits;
use super::check::{self, CheckResult, CheckScope};
use super::event::{CandidateChosen, HealByHand, RunCreated, RunDone, RunFailed, RunStopped};
use super::failure::{Distribution, ErrorType, Failure, Origin};
use super::finding::Finding;
use super::id::{CommitId, Digest, ExecutionId, FindingId, HealId, RunId, StepId, TreeId};
use super::phase::{Agent, Phase};
use super::plan::{Plan, Step};
use super::remedy::{Considered, HealAction, Remedy};
use super::replay::Replay;
use super::state::State;
use super::step::StepStatus;

/// Everything that is known of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// What it was created with.
    pub created: RunCreated,
    /// The place of its last event.
    pub seq: u64,
    /// When it was created: the date of its commits.
    pub created_at: Timestamp,
    /// When its first phase began.
    pub started_at: Option<Timestamp>,
    /// When its last event was recorded.
    pub updated_at: Timestamp,
    /// When it came to a terminal state.
    pub finished_at: Option<Timestamp>,
    /// Time a driver was at work, in milliseconds: from event to event, less the times it stood still.
    pub active_ms: u64,
    /// How far it has come, whether or not it stands still.
    pub(super) progress: State,
    /// Whether a person gave it up.
    pub(super) cancelled: bool,
    /// Why it stands still, if it does.
    pub stop: Option<RunStopped>,
    /// What it may spend.
    pub limits: Limits,
    /// The phase after which it stops.
    pub until: Option<Phase>,
    /// The tree that stands now.
    pub tree: TreeId,
    /// The internal commit of the last step; the base before the first.
    pub head: CommitId,
    /// The plan, once there is one.
    pub plan: Option<Plan>,
    /// The plan's steps and where they stand.
    pub steps: Vec<StepState>,
    /// All executions, by number.
    pub executions: Vec<ExecutionState>,
    /// What each phase has come to.
    pub phases: BTreeMap<Phase, PhaseState>,
    /// The failure that stands, if any.
    pub failure: Option<Standing>,
    /// The repair that is under way, if any.
    pub heal: Option<OpenHeal>,
    /// All repairs, by number.
    pub heals: Vec<HealState>,
    /// Repairs since the last grant.
    pub heal_count: u32,
    /// How often a person may have changed the circumstances: resumes after a stop that asked for
    /// one, with a new grant, or back to an earlier phase.
    pub interventions: u32,
    /// The models that a person named for agents of this run, over what is configured.
    pub switched: BTreeMap<Agent, String>,
    /// All checks that ran, in order.
    pub checks: Vec<CheckState>,
    /// All findings, by number.
    pub findings: Vec<FindingState>,
    /// The one repair that a person asked for at the last resume.
    pub by_hand: Option<ByHand>,
    /// The fork that it is, if it is one.
    pub replay: Option<Replay>,
    /// How it ended well.
    pub done: Option<RunDone>,
    /// How it ended badly.
    pub failed: Option<RunFailed>,
    /// Each time that its result was brought into a branch of the user's, in order.
    pub applications: Vec<Application>,
}

/// The one repair that a person asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByHand {
    /// It is still to be made.
    Wanted(HealByHand),
    /// It is made, and the run stands still until it is resumed.
    Made,
}

/// A step and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepState {
    /// The step.
    pub id: StepId,
    /// Where it stands.
    pub status: StepStatus,
    /// Executions that were begun for it.
    pub attempts: u32,
    /// Whether it has been given up for good.
    pub abandoned: bool,
    /// Its internal commit, if it changed anything.
    pub commit: Option<CommitId>,
    /// The agent's summary.
    pub summary: Option<String>,
}

/// How an execution stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExecutionStatus {
    /// It goes on from its tape.
    Running,
    /// It ended well.
    Completed,
    /// It ended with an error.
    Failed,
    /// It was left behind when the run went back to an earlier phase.
    Interrupted,
}

impl ExecutionStatus {
    /// The name in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// An execution and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutionState {
    /// Its number.
    pub id: ExecutionId,
    /// Who works.
    pub agent: Agent,
    /// In which phase.
    pub phase: Phase,
    /// At which step, if at one.
    pub step: Option<StepId>,
    /// The attempt at this phase or step, from 1.
    pub attempt: u32,
    /// The model at the head of its list.
    pub model: Option<String>,
    /// The version of its system prompt.
    pub prompt_version: String,
    /// The address of its brief.
    pub brief: Digest,
    /// The tree it began with.
    pub tree: TreeId,
    /// Where it stands.
    pub status: ExecutionStatus,
    /// The class of its error.
    pub error_type: Option<ErrorType>,
    /// One line on its error.
    pub error_message: Option<String>,
    /// The address of its answer in the form of the agent contract.
    pub report: Option<Digest>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// What a phase has come to.
#[derive(Clone, Debug, PartialEq)]
pub struct PhaseState {
    /// How often it was begun.
    pub attempts: u32,
    /// How often it failed since the last grant.
    pub failures: u32,
    /// The tree at its last beginning.
    pub entry_tree: TreeId,
    /// The plan at its last beginning.
    pub entry_plan: Option<Plan>,
    /// The head at its last beginning.
    pub entry_head: CommitId,
    /// Time spent in it, in milliseconds.
    pub duration_ms: u64,
    /// Time a driver was at work on its executions, in milliseconds, up to the last event.
    pub active_ms: u64,
    /// When it was last begun.
    pub started_at: Timestamp,
    /// What the agent put out, once it completed.
    pub output: Option<Value>,
}

/// A failure with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// The phase that failed.
    pub phase: Phase,
    /// The step that failed, if one did.
    pub step: Option<StepId>,
    /// The execution that failed, if one did.
    pub execution: Option<ExecutionId>,
    /// What went wrong.
    pub failure: Failure,
    /// The agents that were asked about it.
    pub asked: Vec<Agent>,
    /// Instructions for the rest of the run that the repair agent wrote for it.
    pub instructions: Option<String>,
}

/// One of several patches for the same failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandidatePatch {
    /// The execution that made it.
    pub execution: ExecutionId,
    /// The tree with it; none if it could not be made.
    pub tree: Option<TreeId>,
    /// The agent's summary, or what went wrong.
    pub summary: String,
}

/// A repair under way: everything needed to take it back.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenHeal {
    /// Its number.
    pub id: HealId,
    /// What is done.
    pub remedy: Remedy,
    /// What it is for.
    pub target: Standing,
    /// The tree to restore.
    pub snapshot: TreeId,
    /// The plan to restore.
    pub(super) plan: Option<Plan>,
    /// The steps to restore.
    pub(super) steps: Vec<StepState>,
    /// The head to restore.
    pub(super) head: CommitId,
    /// Whether things are strictly better, once the check that failed has run again.
    pub better: Option<bool>,
    /// The patches made so far, where several are to be tried.
    pub candidates: Vec<CandidatePatch>,
    /// What the tests have chosen among them, once they have.
    pub choice: Option<CandidateChosen>,
}

/// A repair and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct HealState {
    /// Its number.
    pub id: HealId,
    /// The phase that had failed.
    pub phase: Phase,
    /// The execution that had failed, if one did.
    pub execution: Option<ExecutionId>,
    /// The class of the failure.
    pub error_type: ErrorType,
    /// Where the failure comes from.
    pub origin: Origin,
    /// The signature of the failure.
    pub signature: Digest,
    /// The failure in one line.
    pub cause: String,
    /// The line of output that is its root cause, where one was found.
    pub root_cause: Option<String>,
    /// How likely each class was held to be, where that is on the record.
    pub distribution: Option<Distribution>,
    /// What was considered, best first.
    pub considered: Vec<Considered>,
    /// What was done.
    pub remedy: Remedy,
    /// The tree before.
    pub before: TreeId,
    /// The tree after, once settled.
    pub after: Option<TreeId>,
    /// `kept`, `restored`, or none while it is open.
    pub kept: Option<bool>,
    /// One line on the outcome.
    pub message: Option<String>,
    /// What it changed, as a unified diff, capped.
    pub diff: String,
    /// Tokens used.
    pub tokens: u64,
    /// Cost in US dollars.
    pub cost_usd: f64,
    /// When it began.
    pub started_at: Timestamp,
    /// [`Run::interventions`] at that time.
    pub interventions: u32,
}

/// A check that ran.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckState {
    /// The execution that had it run.
    pub execution: ExecutionId,
    /// What came of it.
    pub result: CheckResult,
}

/// A finding and whether it still stands.
#[derive(Clone, Debug, PartialEq)]
pub struct FindingState {
    /// The finding.
    pub finding: Finding,
    /// The execution whose check made it.
    pub execution: ExecutionId,
    /// When it was found gone.
    pub resolved_at: Option<Timestamp>,
}

impl Run {
    /// Where the run stands, by the name that people see.
    pub fn state(&self) -> State {
        let waits = self
            .stop
            .as_ref()
            .is_some_and(|stop| stop.reason == super::event::StopReason::AwaitingHuman);
        match (self.cancelled, waits) {
            (true, _) => State::Cancelled,
            (false, true) => State::AwaitingHuman,
            (false, false) => self.progress,
        }
    }

    /// How far the run has come, whether or not it stands still.
    pub fn progress(&self) -> State {
        self.progress
    }

    /// The phase it is in, or was in last.
    pub fn phase(&self) -> Option<Phase> {
        match self.progress {
            State::Running(phase) | State::Completed(phase) | State::Error(phase) => Some(phase),
            State::SelfHeal => self.heal.as_ref().map(|heal| heal.remedy.goto),
            State::Done => Some(Phase::Releaser),
            State::Failed => self.failure.as_ref().map(|standing| standing.phase),
            State::Pending | State::AwaitingHuman | State::Cancelled => None,
        }
    }

    /// Failures of the current phase since the last grant.
    pub fn retry_count(&self) -> u32 {
        self.phase()
            .and_then(|phase| self.phases.get(&phase))
            .map_or(0, |phase| phase.failures)
    }

    /// The execution with this number.
    pub fn execution(&self, id: ExecutionId) -> Option<&ExecutionState> {
        self.executions.get((id.0 as usize).checked_sub(1)?)
    }

    /// The execution that is at work, if any.
    pub fn running_execution(&self) -> Option<&ExecutionState> {
        self.executions
            .iter()
            .rev()
            .find(|execution| execution.status == ExecutionStatus::Running)
    }

    /// The number that the next execution gets.
    pub fn next_execution(&self) -> ExecutionId {
        ExecutionId(number_after(self.executions.len()))
    }

    /// What the repair agent wrote for the rest of the run, as far as it was not taken back.
    pub fn instructions(&self) -> impl Iterator<Item = &str> {
        self.heals
            .iter()
            .filter(|heal| {
                heal.remedy.action == HealAction::PatchInstructions && heal.kept != Some(false)
            })
            .map(|heal| heal.remedy.evidence.as_str())
    }

    /// The variables that repairs have set for checks.
    pub fn variables(&self) -> impl Iterator<Item = (&String, &String)> {
        let stands = self.heals.iter().filter(|heal| heal.kept != Some(false));
        stands.flat_map(|heal| &heal.remedy.variables)
    }

    /// What passed before the open repair and fails now, and what ran before it and is gone, since the
    /// check that failed ran again.
    pub fn newly_failing(&self) -> Vec<String> {
        let Some(heal) = &self.heal else {
            return Vec::new();
        };
        let now = match &self.failure {
            Some(now) => now.execution,
            None => {
                let of_phase = |one: &&ExecutionState| one.phase == heal.target.phase;
                self.executions
                    .iter()
                    .rev()
                    .find(of_phase)
                    .map(|one| one.id)
            }
        };
        let (before, after) = (self.checks_of(heal.target.execution), self.checks_of(now));
        let mut found = check::newly_failing(before.clone(), after.clone());
        // A test that is written anew may have another name.
        if heal.remedy.action != HealAction::RegenerateTest {
            found.extend(check::vanished(before, after));
        }
        found
    }

    /// What the checks said of the work of an execution.
    pub fn checks_of(
        &self,
        execution: Option<ExecutionId>,
    ) -> impl Iterator<Item = &CheckResult> + Clone {
        let ran = self.checks.iter();
        ran.filter(move |check| Some(check.execution) == execution)
            .map(|check| &check.result)
            .filter(|result| result.scope != CheckScope::Base)
    }

    /// The number that the next repair gets.
    pub fn next_heal(&self) -> HealId {
        HealId(number_after(self.heals.len()))
    }

    /// The number that the next finding gets.
    pub fn next_finding(&self) -> FindingId {
        FindingId(number_after(self.findings.len()))
    }

    /// The attempt number that a new execution of this agent has at a phase or step.
    pub fn next_attempt(&self, agent: Agent, phase: Phase, step: Option<&StepId>) -> u32 {
        let asks = |agent| matches!(agent, Agent::Analyzer);
        let before = self
            .executions
            .iter()
            .filter(|execution| execution.phase == phase && execution.step.as_ref() == step)
            .filter(|execution| asks(execution.agent) == asks(agent))
            .count();
        number_after(before)
    }

    /// The steps of the plan that are done.
    pub fn finished_steps(&self) -> Vec<&Step> {
        let steps = self.plan.iter().flat_map(|plan| &plan.steps);
        steps
            .filter(|step| {
                self.step(&step.id)
                    .is_some_and(|state| state.status == StepStatus::Completed)
            })
            .collect()
    }

    /// The step with this id.
    pub fn step(&self, id: &StepId) -> Option<&StepState> {
        self.steps.iter().find(|step| step.id == *id)
    }

    /// The check's result on the base tree, if it ran there.
    pub fn baseline(&self, check: &str) -> Option<&CheckResult> {
        self.checks
            .iter()
            .map(|check| &check.result)
            .find(|result| result.scope == CheckScope::Base && result.name == check)
    }

    /// Findings that still stand.
    pub fn open_findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.resolved_at.is_none())
            .map(|finding| &finding.finding)
    }

    /// The application that stands: its result is in that branch.
    pub fn standing_application(&self) -> Option<&Application> {
        let last = self.applications.last()?;
        (last.status() == ApplicationStatus::Applied).then_some(last)
    }

    /// The apply or undo that was begun and not finished.
    pub fn open_move(&self) -> Option<&BranchMove> {
        self.applications.last()?.open()
    }

    /// The status in a word, as JSON documents show it.
    pub fn status(&self) -> &'static str {
        match self.state() {
            State::Done => "success",
            State::Failed => "failed",
            State::Cancelled => "cancelled",
            _ if self.stop.is_some() => "stopped",
            State::Pending => "pending",
            _ => "running",
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a run with four billion executions does not fit in memory first"
)]
fn number_after(count: usize) -> u32 {
    count as u32 + 1
}
