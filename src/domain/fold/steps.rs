//! Steps of the plan: begun, completed, failed, skipped.

use crate::domain::event::{Record, StepCompleted, StepError, StepStarted};
use crate::domain::id::StepId;
use crate::domain::phase::Phase;
use crate::domain::run::{ExecutionStatus, Run};
use crate::domain::step::StepStatus;

use super::{Verdict, require};

impl Run {
    pub(super) fn step_started(&mut self, started: &StepStarted, record: &Record) -> Verdict {
        self.require_running(Phase::Builder)?;
        self.require_settled()?;
        require(
            self.running_execution().is_none(),
            "an execution is still at work",
        )?;
        let needs = self
            .plan
            .as_ref()
            .and_then(|plan| plan.step(&started.step))
            .map(|step| step.dependencies.clone())
            .ok_or("the plan has no such step")?;
        for need in &needs {
            let done = self
                .step(need)
                .is_some_and(|step| step.status == StepStatus::Completed);
            require(done, "a step that it needs is not done")?;
        }
        let step = self.step_mut(&started.step)?;
        require(
            step.status == StepStatus::Pending,
            "only a pending step begins",
        )?;
        step.status = StepStatus::Running;
        step.attempts += 1;
        self.begin_execution(
            &started.execution,
            Phase::Builder,
            Some(&started.step),
            record,
        )
    }

    pub(super) fn step_completed(&mut self, completed: &StepCompleted, record: &Record) -> Verdict {
        self.require_running(Phase::Builder)?;
        self.end_execution(completed.execution, None, completed.report.as_ref(), record)?;
        let step = self.step_mut(&completed.step)?;
        require(
            step.status == StepStatus::Running,
            "the step is not at work",
        )?;
        step.status = StepStatus::Completed;
        step.commit = completed.commit.clone();
        step.summary = Some(completed.summary.clone());
        self.tree = completed.tree.clone();
        if let Some(commit) = &completed.commit {
            self.head = commit.clone();
        }
        if let Some(heal) = &mut self.heal
            && heal.target.step.as_ref() == Some(&completed.step)
        {
            heal.better = Some(true);
        }
        Ok(())
    }

    pub(super) fn step_error(&mut self, error: &StepError, record: &Record) -> Verdict {
        self.require_running(Phase::Builder)?;
        let step = self.step_mut(&error.step)?;
        require(
            step.status == StepStatus::Running,
            "the step is not at work",
        )?;
        step.status = StepStatus::Failed;
        self.end_execution(error.execution, None, error.report.as_ref(), record)?;
        if let Some(execution) = self.execution_mut(error.execution) {
            execution.status = ExecutionStatus::Failed;
            execution.error_type = Some(error.error_type);
            execution.error_message = Some(error.message.clone());
        }
        self.tree = error.tree.clone();
        Ok(())
    }

    pub(super) fn step_skipped(&mut self, step: &StepId) -> Verdict {
        self.require_running(Phase::Builder)?;
        let state = self.step_mut(step)?;
        require(
            state.status == StepStatus::Pending,
            "only a pending step is skipped",
        )?;
        state.status = StepStatus::Skipped;
        Ok(())
    }
}
