//! Runs as JSON documents: what `inspect --json`, `list --json` and `run.summary` show.
//!
//! Keys may be added, never renamed. Times are RFC 3339 in UTC, durations milliseconds, costs US
//! dollars.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::Connection;
use serde::Serialize;
use serde_json::Value;

mod parts;
mod reading;
mod snapshot;

pub use parts::{
    ApplicationObject, CheckObject, EventObject, ExecutionObject, FindingObject, HealObject,
    PhaseObject, ReplayObject, StepObject,
};

pub use reading::Doc;
pub use snapshot::{Snapshot, snapshot};

use super::artifacts::{self, Artifact};
use super::error::StoreError;
use super::failures::{self, FailureObject, Rates};
use super::interventions::{self, Intervention};
use super::{Store, events, replays, tape};
use crate::domain::budget::{Limits, Usage};
use crate::domain::event::RunStopped;
use crate::domain::{CommitId, ExecutionId, Phase, Plan, Record, Run, RunId, State, TreeId};

/// Everything about a run.
#[derive(Clone, Debug, Serialize)]
pub struct Document {
    /// The run as a whole.
    pub run: RunObject,
    /// What it may spend.
    pub limits: Limits,
    /// Why it stands still, if it does, and what a person must do first.
    pub stop: Option<RunStopped>,
    /// What was worth knowing from the start: uncommitted changes, a detached HEAD.
    pub notes: Vec<String>,
    /// Whether a living process drives it.
    pub driven: bool,
    /// Its phases that were begun, in order.
    pub phases: Vec<PhaseObject>,
    /// Its plan.
    pub plan: Option<Plan>,
    /// The plan's steps.
    pub steps: Vec<StepObject>,
    /// What the planner put out.
    pub planner_output: Option<Value>,
    /// What the builder put out.
    pub builder_output: Option<Value>,
    /// What the tester put out.
    pub tester_output: Option<Value>,
    /// What the releaser put out.
    pub releaser_output: Option<Value>,
    /// The checks that ran, in order.
    pub checks: Vec<CheckObject>,
    /// Its repairs, in order.
    pub heals: Vec<HealObject>,
    /// Its failures, in order.
    pub failures: Vec<FailureObject>,
    /// How many of its phases failed at all, and how many still do.
    pub rates: Rates,
    /// Its findings, in order.
    pub findings: Vec<FindingObject>,
    /// Its executions, in order.
    pub executions: Vec<ExecutionObject>,
    /// The files it leaves.
    pub artifacts: Vec<Artifact>,
    /// Where it was forked from another run, and how it compares with it.
    pub replay: Option<ReplayObject>,
    /// The runs that were forked from it.
    pub forks: Vec<RunId>,
    /// What was asked of it.
    pub interventions: Vec<Intervention>,
    /// Each time that its result was brought into a branch, in order.
    pub applications: Vec<ApplicationObject>,
    /// What happened, in order.
    pub events: Vec<EventObject>,
}

/// A run as a whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunObject {
    /// Its number.
    pub id: RunId,
    /// A short name.
    pub title: String,
    /// The goal.
    pub goal: String,
    /// Where it stands.
    pub state: State,
    /// The same in a word.
    pub status: String,
    /// The phase it is in, or was in last.
    pub phase: Option<Phase>,
    /// The run it was forked from.
    pub parent_run_id: Option<RunId>,
    /// Failures of the current phase.
    pub retry_count: u32,
    /// So many are allowed.
    pub max_retries: u32,
    /// Repairs.
    pub heal_count: u32,
    /// So many are allowed.
    pub max_heals: u32,
    /// What the last repair did.
    pub last_heal_action: Option<String>,
    /// 0 to 1, once it is done.
    pub quality_score: Option<f64>,
    /// Whether rgpt itself saw the checks pass on what is handed over.
    pub verified: bool,
    /// Why it stands still, if it does.
    pub stop_reason: Option<String>,
    /// The branch that was published.
    pub branch: Option<String>,
    /// The branch that its result was brought into, and not taken out of again.
    pub applied_to: Option<String>,
    /// When it was.
    pub applied_at: Option<Timestamp>,
    /// The commit it started from.
    pub base_commit: CommitId,
    /// The commit that is handed over.
    pub commit: Option<CommitId>,
    /// The tree that stands.
    pub tree: TreeId,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its first phase began.
    pub started_at: Option<Timestamp>,
    /// When its last event happened.
    pub updated_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// What its model calls used.
    pub usage: Usage,
}

/// Everything about `run`, of one moment.
///
/// # Errors
/// [`StoreError::NoSuchRun`], or if the record cannot be read.
pub fn document(store: &Store, run: RunId) -> Result<Document, StoreError> {
    let driven = store.is_driven(run)?;
    store.read(|tx| Ok(read(tx, run, driven)?.0))
}

/// The document, with the events that it is made of and the run that they tell of.
fn read(
    tx: &Connection,
    run: RunId,
    driven: bool,
) -> Result<(Document, Run, Vec<Record>), StoreError> {
    let records = events::after(tx, run, 0)?;
    let mut folded = events::fold(run, &records)?.ok_or(StoreError::NoSuchRun(run))?;
    let usage = tape::usage(tx, run)?;
    let by_execution = tape::usage_by_execution(tx, run)?;
    let answered_by = tape::answered_by(tx, run)?;
    for execution in &mut folded.executions {
        // At its beginning it was known only who would be asked first.
        if let Some(model) = answered_by.get(&execution.id) {
            execution.model = Some(model.clone());
        }
    }
    let document = Document {
        driven,
        failures: failures::of_run(tx, run)?,
        rates: failures::rates_of(tx, run)?,
        artifacts: artifacts::of_run(tx, run)?,
        forks: replays::forks(tx, run)?,
        interventions: interventions::of_run(tx, run, false)?,
        events: records.iter().map(EventObject::of).collect(),
        ..Document::of(&folded, usage, &by_execution)
    };
    Ok((document, folded, records))
}

impl Document {
    fn of(run: &Run, usage: Usage, by_execution: &BTreeMap<ExecutionId, Usage>) -> Self {
        let output = |phase| {
            run.phases
                .get(&phase)
                .and_then(|state| state.output.clone())
        };
        let of_phase = |phase| PhaseObject::of(run, phase, by_execution);
        Self {
            run: RunObject::of(run, usage),
            limits: run.limits,
            stop: run.stop.clone(),
            notes: run.created.notes.clone(),
            driven: false,
            phases: Phase::ALL.into_iter().filter_map(of_phase).collect(),
            plan: run.plan.clone(),
            steps: run
                .steps
                .iter()
                .map(|step| StepObject::of(run, step))
                .collect(),
            planner_output: output(Phase::Planner),
            builder_output: output(Phase::Builder),
            tester_output: output(Phase::Tester),
            releaser_output: output(Phase::Releaser),
            checks: run
                .checks
                .iter()
                .map(|check| CheckObject::of(&check.result))
                .collect(),
            heals: run
                .heals
                .iter()
                .map(|heal| HealObject::of(run, heal))
                .collect(),
            failures: Vec::new(),
            rates: Rates::default(),
            findings: run.findings.iter().map(FindingObject::of).collect(),
            executions: run
                .executions
                .iter()
                .map(|execution| ExecutionObject::of(execution, by_execution))
                .collect(),
            artifacts: Vec::new(),
            replay: run.replay.as_ref().map(ReplayObject::of),
            forks: Vec::new(),
            interventions: Vec::new(),
            applications: run.applications.iter().map(ApplicationObject::of).collect(),
            events: Vec::new(),
        }
    }
}

impl RunObject {
    /// The run as a whole, with what its model calls used.
    pub fn of(run: &Run, usage: Usage) -> Self {
        let done = run.done.as_ref();
        let applied = run.standing_application();
        Self {
            id: run.id,
            title: run.created.title.clone(),
            goal: run.created.goal.clone(),
            state: run.state(),
            status: run.status().to_owned(),
            phase: run.phase(),
            parent_run_id: run.created.parent,
            retry_count: run.retry_count(),
            max_retries: run.limits.max_retries,
            heal_count: run.heal_count,
            max_heals: run.limits.max_heals,
            last_heal_action: run
                .heals
                .last()
                .map(|heal| heal.remedy.action.as_str().to_owned()),
            quality_score: done.map(|done| done.quality_score),
            verified: done.is_some_and(|done| done.verified),
            stop_reason: run
                .stop
                .as_ref()
                .map(|stop| stop.reason.as_str().to_owned()),
            branch: done.map(|done| done.branch.clone()),
            applied_to: applied.map(|applied| applied.apply.branch.clone()),
            applied_at: applied.and_then(|applied| applied.applied_at),
            base_commit: run.created.base_commit.clone(),
            commit: done.map(|done| done.commit.clone()),
            tree: done.map_or(&run.tree, |done| &done.tree).clone(),
            created_at: run.created_at,
            started_at: run.started_at,
            updated_at: run.updated_at,
            finished_at: run.finished_at,
            usage,
        }
    }
}
