//! Executions: begun and ended.

use crate::domain::event::{ExecutionStarted, PhaseError, Record};
use crate::domain::id::{Digest, ExecutionId, StepId};
use crate::domain::phase::Phase;
use crate::domain::run::{ExecutionState, ExecutionStatus, Run};

use super::{Verdict, require};

impl Run {
    pub(super) fn begin_execution(
        &mut self,
        started: &ExecutionStarted,
        phase: Phase,
        step: Option<&StepId>,
        record: &Record,
    ) -> Verdict {
        require(
            started.id == self.next_execution(),
            "its number is not the next",
        )?;
        require(
            started.tree == self.tree,
            "it begins with another tree than stands",
        )?;
        let attempt = self.next_attempt(started.agent, phase, step);
        self.executions.push(ExecutionState {
            id: started.id,
            agent: started.agent,
            phase,
            step: step.cloned(),
            attempt,
            model: started.model.clone(),
            prompt_version: started.prompt_version.clone(),
            brief: started.brief.clone(),
            tree: started.tree.clone(),
            status: ExecutionStatus::Running,
            error_type: None,
            error_message: None,
            report: None,
            started_at: record.at,
            ended_at: None,
        });
        Ok(())
    }

    pub(super) fn end_execution(
        &mut self,
        id: ExecutionId,
        error: Option<&PhaseError>,
        report: Option<&Digest>,
        record: &Record,
    ) -> Verdict {
        let execution = self.execution_mut(id).ok_or("there is no such execution")?;
        require(
            execution.status == ExecutionStatus::Running,
            "the execution has ended",
        )?;
        execution.status = ExecutionStatus::Completed;
        if let Some(error) = error {
            execution.status = ExecutionStatus::Failed;
            execution.error_type = Some(error.failure.error_type);
            execution.error_message = Some(error.failure.message.clone());
        }
        execution.report = report.cloned();
        execution.ended_at = Some(record.at);
        Ok(())
    }

    pub(super) fn execution_mut(&mut self, id: ExecutionId) -> Option<&mut ExecutionState> {
        self.executions.get_mut((id.0 as usize).checked_sub(1)?)
    }

    pub(super) fn require_execution(&self, id: ExecutionId) -> Verdict {
        let running = self
            .execution(id)
            .is_some_and(|execution| execution.status == ExecutionStatus::Running);
        require(running, "the execution is not at work")
    }
}
