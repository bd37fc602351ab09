//! What was there when a run was recorded and is missing now says nothing of the run.

use crate::domain::check::CheckResult;
use crate::domain::event::{Event, RunStopped, StopReason};
use crate::domain::{ErrorType, Failure, RunId};
use crate::engine::drive::Drive;
use crate::engine::halt::Halting;
use crate::engine::site::Place;

use super::recording::Recording;

/// Something that a check or a set-up needs was there when the run was recorded, and is not now.
#[derive(Debug, thiserror::Error)]
#[error("{what} passed when run {source_run} was recorded, and cannot be carried out here: {why}")]
pub struct Unrepeatable {
    /// The check or set-up command.
    pub what: String,
    /// The run that is replayed.
    pub source_run: RunId,
    /// How it failed now.
    pub why: String,
}

impl Unrepeatable {
    /// What to type next.
    pub fn hint(&self) -> String {
        format!(
            "take the checks' results from the record: rgpt replay --run {} --offline --checks recorded",
            self.source_run
        )
    }
}

impl Drive<'_> {
    /// A set-up that failed now counts only if it failed then.
    pub(in crate::engine) fn require_repeatable_setup(
        &mut self,
        place: Place,
        failure: &Failure,
    ) -> Halting<()> {
        let Some(recording) = &self.log.recording else {
            return Ok(());
        };
        let failed_then = match (place, recording.next_event()) {
            (Place::Build, _) => self.recall_setup().is_some(),
            (_, next) => matches!(next, Some(Event::PhaseError(_))),
        };
        match failed_then {
            true => Ok(()),
            false => self.unrepeatable("the set-up", failure),
        }
    }

    /// A check that passed then and for which something is missing now says nothing of the tree.
    pub(in crate::engine) fn require_repeatable_check(
        &mut self,
        result: &CheckResult,
    ) -> Halting<()> {
        let next = self.log.recording.as_ref().and_then(Recording::next_event);
        let Some(Event::CheckCompleted(then)) = next else {
            return Ok(());
        };
        let passed = then.result.name == result.name && then.result.status.acceptable();
        if !passed || result.status.acceptable() {
            return Ok(());
        }
        let failure = self.failure_of(result);
        match failure.error_type {
            ErrorType::Infra => self.unrepeatable(&format!("the check {}", result.name), &failure),
            _ => Ok(()),
        }
    }

    /// A replay that cannot be carried out here stands still, and says why.
    pub(in crate::engine) fn note_unrepeatable(
        &mut self,
        error: &anyhow::Error,
    ) -> anyhow::Result<()> {
        let Some(missing) = error.downcast_ref::<Unrepeatable>() else {
            return Ok(());
        };
        self.log.event(Event::RunStopped(RunStopped {
            reason: StopReason::AwaitingHuman,
            message: missing.to_string(),
            action_required: Some(missing.hint()),
            needs: None,
        }))
    }

    fn unrepeatable(&self, what: &str, failure: &Failure) -> Halting<()> {
        let source_run = match &self.log.run().replay {
            Some(replay) => replay.source,
            None => return Ok(()),
        };
        Err(anyhow::Error::from(Unrepeatable {
            what: what.to_owned(),
            source_run,
            why: failure.message.clone(),
        })
        .into())
    }
}
