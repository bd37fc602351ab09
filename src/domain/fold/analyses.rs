//! Questions about the failure that stands.

use crate::domain::event::{AnalysisCompleted, AnalysisError, AnalysisStarted, Record};
use crate::domain::id::ExecutionId;
use crate::domain::run::{ExecutionStatus, Run, Standing};
use crate::domain::state::State;

use super::{Verdict, require};

impl Run {
    pub(super) fn analysis_started(
        &mut self,
        started: &AnalysisStarted,
        record: &Record,
    ) -> Verdict {
        let State::Error(phase) = self.progress else {
            return Err("a question follows a phase's error".to_owned());
        };
        require(self.heal.is_none(), "a repair is open")?;
        require(
            self.running_execution().is_none(),
            "an execution is still at work",
        )?;
        let agent = started.execution.agent;
        let standing = self.failure.as_mut().ok_or("no failure stands")?;
        require(
            !standing.asked.contains(&agent),
            "it was asked about this failure already",
        )?;
        standing.asked.push(agent);
        let step = standing.step.clone();
        self.begin_execution(&started.execution, phase, step.as_ref(), record)
    }

    pub(super) fn analysis_completed(
        &mut self,
        completed: &AnalysisCompleted,
        record: &Record,
    ) -> Verdict {
        self.end_execution(completed.execution, None, None, record)?;
        let standing = self.standing()?;
        if let Some(failure) = &completed.failure {
            require(
                failure.signature == standing.failure.signature,
                "it is about another failure",
            )?;
            standing.failure = failure.clone();
        }
        standing.instructions = completed.instructions.clone();
        Ok(())
    }

    pub(super) fn analysis_failed(&mut self, error: &AnalysisError, record: &Record) -> Verdict {
        self.standing()?;
        self.end_badly(error.execution, error.error_type, &error.message, record)
    }

    fn standing(&mut self) -> Result<&mut Standing, String> {
        let stands = matches!(self.progress, State::Error(_));
        let standing = self.failure.as_mut().filter(|_| stands);
        standing.ok_or_else(|| "no failure stands".to_owned())
    }

    /// Ends an execution with an error that is not its phase's.
    pub(super) fn end_badly(
        &mut self,
        id: ExecutionId,
        error_type: crate::domain::failure::ErrorType,
        message: &str,
        record: &Record,
    ) -> Verdict {
        self.end_execution(id, None, None, record)?;
        if let Some(execution) = self.execution_mut(id) {
            execution.status = ExecutionStatus::Failed;
            execution.error_type = Some(error_type);
            execution.error_message = Some(message.to_owned());
        }
        Ok(())
    }
}
