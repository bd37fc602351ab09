//! Checks and their findings.

use crate::domain::event::{CheckCompleted, Record};
use crate::domain::finding::Finding;
use crate::domain::id::ExecutionId;
use crate::domain::run::{CheckState, FindingState, Run};

use super::{Verdict, require};

impl Run {
    pub(super) fn check_completed(
        &mut self,
        completed: &CheckCompleted,
        record: &Record,
    ) -> Verdict {
        self.require_execution(completed.execution)?;
        for id in &completed.resolved {
            let finding = self
                .findings
                .iter_mut()
                .find(|state| state.finding.id == *id)
                .ok_or_else(|| format!("there is no finding {id}"))?;
            finding.resolved_at = Some(record.at);
        }
        self.checks.push(CheckState {
            execution: completed.execution,
            result: completed.result.clone(),
        });
        Ok(())
    }

    pub(super) fn finding(&mut self, execution: ExecutionId, finding: &Finding) -> Verdict {
        self.require_execution(execution)?;
        require(
            finding.id == self.next_finding(),
            "its number is not the next",
        )?;
        self.findings.push(FindingState {
            finding: finding.clone(),
            execution,
            resolved_at: None,
        });
        Ok(())
    }
}
