//! Several patches for the same failure, each made from the repair's snapshot, and the choice among them.

use crate::domain::event::{
    CandidateChosen, CandidateCompleted, CandidateError, CandidateStarted, Record,
};
use crate::domain::phase::Phase;
use crate::domain::remedy::HealAction;
use crate::domain::run::{CandidatePatch, OpenHeal, Run};

use super::{Verdict, require};

impl Run {
    pub(super) fn candidate_started(
        &mut self,
        started: &CandidateStarted,
        record: &Record,
    ) -> Verdict {
        require(
            self.running_execution().is_none(),
            "an execution is still at work",
        )?;
        self.choosing()?;
        self.begin_execution(&started.execution, Phase::Builder, None, record)
    }

    pub(super) fn candidate_completed(
        &mut self,
        completed: &CandidateCompleted,
        record: &Record,
    ) -> Verdict {
        self.choosing()?;
        self.end_execution(completed.execution, None, None, record)?;
        self.add(CandidatePatch {
            execution: completed.execution,
            tree: Some(completed.tree.clone()),
            summary: completed.summary.clone(),
        })
    }

    pub(super) fn candidate_failed(&mut self, error: &CandidateError, record: &Record) -> Verdict {
        self.choosing()?;
        self.end_badly(error.execution, error.error_type, &error.message, record)?;
        self.add(CandidatePatch {
            execution: error.execution,
            tree: None,
            summary: error.message.clone(),
        })
    }

    pub(super) fn candidate_chosen(&mut self, chosen: &CandidateChosen) -> Verdict {
        require(
            self.running_execution().is_none(),
            "an execution is still at work",
        )?;
        let heal = self.choosing()?;
        if let Some(id) = chosen.chosen {
            let known = heal.candidates.iter().find(|one| one.execution == id);
            require(
                known.is_some_and(|one| one.tree.is_some()),
                "there is no such patch",
            )?;
        }
        heal.choice = Some(chosen.clone());
        Ok(())
    }

    fn add(&mut self, candidate: CandidatePatch) -> Verdict {
        let heal = self.choosing()?;
        heal.candidates.push(candidate);
        self.tree = heal.snapshot.clone();
        Ok(())
    }

    /// The repair that is to choose among patches and has not.
    fn choosing(&mut self) -> Result<&mut OpenHeal, String> {
        self.require_running(Phase::Builder)?;
        let open = self.heal.as_mut().filter(|heal| {
            heal.remedy.action == HealAction::TryCandidates && heal.choice.is_none()
        });
        open.ok_or_else(|| "no repair is to choose among patches".to_owned())
    }
}
