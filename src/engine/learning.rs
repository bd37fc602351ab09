//! What checks say of the work of models, learned for the choices to come.
//!
//! Success is what checks said, never what a model said of itself. A builder's work is judged by
//! the checks of its step and by the tester's; a plan by whether the work that followed it passed.
//! What the machine, the network or the configuration did wrong says nothing of a model, and
//! neither does a run that only follows a record. A scripted model learns like any other.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Config;
use crate::domain::choice::Observation;
use crate::domain::failure::{Cause, ErrorType, Failure, Origin};
use crate::domain::id::{ExecutionId, RunId};
use crate::domain::phase::Agent;
use crate::domain::plan::{Level, Step};
use crate::domain::run::{ExecutionState, ExecutionStatus, Run};
use crate::domain::step::StepStatus;
use crate::domain::tape::{Answer, Call, ModelFailureKind, TapeEntry};
use crate::llm::belief::{Beliefs, LOOK_BACK};
use crate::store::{Store, StoreError, Write};

use super::drive::Drive;
use super::execution::Work;

/// What has been learned until now.
#[derive(Default)]
pub(super) struct Learning {
    pub(super) beliefs: Beliefs,
    /// The executions of this run that are judged.
    judged: BTreeSet<ExecutionId>,
}

impl Learning {
    /// What the record has taught, before `run` goes on.
    pub(super) fn open(store: &Store, config: &Config, run: RunId) -> Result<Self, StoreError> {
        let seen = store.observations(LOOK_BACK)?;
        Ok(Self {
            beliefs: Beliefs::new(config).after(&seen),
            judged: store.observed(run)?,
        })
    }
}

impl Drive<'_> {
    /// Learns from an execution that failed, in the transaction of the event that says so.
    pub(super) fn learn_from_failure(
        &mut self,
        work: &Work,
        failure: &Failure,
    ) -> anyhow::Result<()> {
        if self.is_following() || !is_the_models(failure) {
            return Ok(());
        }
        let run = self.log.run();
        if work.state.agent != Agent::Tester {
            let class = class(
                run,
                work.state.agent,
                work.brief.task.step.as_ref(),
                work.state.id,
            );
            if let Some(model) = answered(&self.tape).map(str::to_owned) {
                self.judge(work.state.id, work.state.agent, &class, model, false);
            }
            return Ok(());
        }
        // Which of the steps it was nobody can tell: the change as a whole did not pass.
        let builders = standing_work(run);
        self.judge_all(&builders, false)
    }

    /// Learns from a pass of all checks, in the transaction of the event that says so.
    pub(super) fn learn_from_pass(&mut self) -> anyhow::Result<()> {
        if self.is_following() || !self.is_verified() {
            return Ok(());
        }
        let run = self.log.run();
        let planner = run.executions.iter().rev().find(|execution| {
            execution.agent == Agent::Planner && execution.status == ExecutionStatus::Completed
        });
        let mut work = standing_work(run);
        work.extend(planner.map(|planner| planner.id));
        self.judge_all(&work, true)
    }

    /// Learns from the checks that chose among patches, in the transaction of that choice: each patch
    /// is judged by what they said of it, whether it was taken or not.
    pub(super) fn learn_from_choice(&mut self, fit: &[ExecutionId]) -> anyhow::Result<()> {
        let heal = self
            .log
            .run()
            .heal
            .as_ref()
            .filter(|_| !self.is_following());
        let made = heal.map(|heal| {
            let made = heal.candidates.iter().filter(|patch| patch.tree.is_some());
            made.map(|patch| patch.execution).collect::<Vec<_>>()
        });
        let (good, bad): (Vec<_>, Vec<_>) = made
            .unwrap_or_default()
            .into_iter()
            .partition(|execution| fit.contains(execution));
        self.judge_all(&good, true)?;
        self.judge_all(&bad, false)
    }

    fn judge_all(&mut self, executions: &[ExecutionId], success: bool) -> anyhow::Result<()> {
        let run = self.log.run();
        let answered: BTreeMap<_, _> = self.engine.store.answered_by(run.id)?;
        let verdicts: Vec<_> = executions
            .iter()
            .filter_map(|id| {
                let execution = run.execution(*id)?;
                let step = execution.step.as_ref();
                let step = step.and_then(|step| run.plan.as_ref()?.step(step));
                let class = class(run, execution.agent, step, *id);
                Some((*id, execution.agent, class, answered.get(id)?.clone()))
            })
            .collect();
        for (id, agent, class, model) in verdicts {
            self.judge(id, agent, &class, model, success);
        }
        Ok(())
    }

    /// The first word on an execution stands: what broke a check stays a failure once it is mended.
    fn judge(&mut self, id: ExecutionId, agent: Agent, class: &str, model: String, success: bool) {
        if !self.learning.judged.insert(id) {
            return;
        }
        let observation = Observation {
            model,
            agent,
            class: class.to_owned(),
            success,
        };
        self.learning.beliefs.see(&observation);
        self.log.write(Write::Observation {
            execution: id,
            observation,
        });
    }
}

/// Whether a failure says something of the model that did the work.
fn is_the_models(failure: &Failure) -> bool {
    match failure.error_type {
        ErrorType::Assertion | ErrorType::Runtime | ErrorType::Llm => true,
        // A request that does not fit is no work, and a step that is said to be blocked is no check.
        ErrorType::Logic => !matches!(failure.cause, Cause::ModelCall | Cause::Blocked),
        ErrorType::Safety => failure.origin == Origin::Model,
        ErrorType::Config | ErrorType::Infra => false,
    }
}

/// The builder's executions whose work is in the tree that stands: the last of each step that is
/// done, and the repairs of the whole after the first of them.
fn standing_work(run: &Run) -> Vec<ExecutionId> {
    let completed = || {
        run.executions.iter().filter(|execution| {
            execution.agent == Agent::Builder && execution.status == ExecutionStatus::Completed
        })
    };
    let of_step = |step| {
        completed()
            .rev()
            .find(|one| one.step.as_ref() == Some(step))
    };
    let done = run
        .steps
        .iter()
        .filter(|step| step.status == StepStatus::Completed);
    let mut standing: Vec<ExecutionId> = done
        .filter_map(|step| Some(of_step(&step.id)?.id))
        .collect();
    let first = standing.iter().min().copied();
    let is_repair = |one: &&ExecutionState| one.step.is_none() && Some(one.id) > first;
    standing.extend(completed().filter(is_repair).map(|one| one.id));
    standing
}

/// The kind of task that an execution is; see [`Observation::class`].
pub(super) fn class(
    run: &Run,
    agent: Agent,
    step: Option<&Step>,
    execution: ExecutionId,
) -> String {
    let planned = |one: &ExecutionState| {
        one.agent == Agent::Planner
            && one.status == ExecutionStatus::Completed
            && one.id < execution
    };
    let class = match (agent, step) {
        (Agent::Planner, _) if run.executions.iter().any(planned) => "replan",
        (Agent::Planner, _) => "plan",
        (Agent::Builder, None) => "repair",
        (Agent::Builder, Some(step)) => match step.estimated_complexity {
            Some(Level::Low) => "low",
            Some(Level::High) => "high",
            Some(Level::Medium) | None => "medium",
        },
        (Agent::Tester, _) => "test",
        (Agent::Releaser, _) => "release",
        (Agent::Analyzer, _) => "analyze",
        (Agent::Repair, _) => "repair",
    };
    class.to_owned()
}

/// The model that gave the last answer on a tape; a refusal is one.
fn answered(tape: &[TapeEntry]) -> Option<&str> {
    tape.iter().rev().find_map(|entry| {
        let Call::Model(call) = &entry.call else {
            return None;
        };
        match &entry.answer {
            Some(Answer::Model(_)) => Some(call.model.as_str()),
            Some(Answer::ModelFailed(failure))
                if failure.kind == ModelFailureKind::ContentRefused =>
            {
                Some(call.model.as_str())
            }
            _ => None,
        }
    })
}
