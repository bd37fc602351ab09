//! The result of a run on its way into a branch of the user's, and back.

use jiff::Timestamp;

use crate::domain::application::{Application, ApplicationStatus, BranchMove, Way};
use crate::domain::run::Run;
use crate::domain::state::State;

use super::{Verdict, require};

impl Run {
    pub(super) fn apply_started(&mut self, step: &BranchMove, at: Timestamp) -> Verdict {
        require(
            self.progress == State::Done,
            "only a run that is done can be applied",
        )?;
        require(
            matches!(step.way, Way::FastForward | Way::Merge),
            "a result is brought by a fast-forward or a merge",
        )?;
        let status = self.applications.last().map(Application::status);
        require(
            matches!(
                status,
                None | Some(ApplicationStatus::Undone | ApplicationStatus::GivenUp)
            ),
            "it is applied already, or on its way",
        )?;
        self.applications.push(Application {
            apply: step.clone(),
            started_at: at,
            applied_at: None,
            undo: None,
            undone_at: None,
            given_up: None,
        });
        Ok(())
    }

    pub(super) fn applied(&mut self, at: Timestamp) -> Verdict {
        let last = self.application_that_is(ApplicationStatus::Applying)?;
        last.applied_at = Some(at);
        Ok(())
    }

    pub(super) fn undo_started(&mut self, step: &BranchMove) -> Verdict {
        require(
            matches!(step.way, Way::Back | Way::Revert),
            "a result is taken back by going back or by a revert",
        )?;
        let last = self.application_that_is(ApplicationStatus::Applied)?;
        require(
            last.apply.branch == step.branch,
            "it was applied to another branch",
        )?;
        last.undo = Some(step.clone());
        Ok(())
    }

    pub(super) fn undone(&mut self, at: Timestamp) -> Verdict {
        let last = self.application_that_is(ApplicationStatus::Undoing)?;
        last.undone_at = Some(at);
        Ok(())
    }

    pub(super) fn move_given_up(&mut self, reason: &str) -> Verdict {
        let last = self.applications.last_mut();
        let last = last.filter(|last| last.open().is_some());
        let last = last.ok_or("nothing is on its way")?;
        if last.undo.take().is_none() {
            last.given_up = Some(reason.to_owned());
        }
        Ok(())
    }

    fn application_that_is(
        &mut self,
        wanted: ApplicationStatus,
    ) -> Result<&mut Application, String> {
        self.applications
            .last_mut()
            .filter(|last| last.status() == wanted)
            .ok_or_else(|| format!("no application of it is {}", wanted.as_str()))
    }
}
