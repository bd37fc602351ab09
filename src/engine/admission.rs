//! Waiting for leave to ask a provider that is asked only so much at once and in a minute.

use std::pin::pin;

use crate::domain::event::StopReason;
use crate::domain::tape::{Answer, ModelCall};
use crate::llm::Permit;

use super::drive::Drive;
use super::halt::{Halt, Halting};

impl Drive<'_> {
    /// Waits until the call may be made. Its intent is not on the record yet, so that a driver that
    /// ends while it waits has nothing to write off.
    pub(super) async fn admit(&mut self, intent: &ModelCall) -> Halting<Permit> {
        let run = self.log.run().id;
        let mesh = &self.engine.mesh;
        let mut admission = pin!(mesh.admit(&intent.model, run, intent.reserved_tokens));
        tokio::select! {
            biased;
            permit = &mut admission => return Ok(permit),
            () = std::future::ready(()) => {}
        }
        // Nor does it lose what it knows.
        self.log.commit().await?;
        tokio::select! {
            permit = &mut admission => Ok(permit),
            () = self.called_off() => {
                self.safe_point()?;
                Err(Halt::stop(StopReason::WallTime, "the run's time is over"))
            }
        }
    }
}

/// The tokens that a call used, as far as is known.
pub(super) fn tokens_used(intent: &ModelCall, answer: &Answer) -> u64 {
    match answer {
        Answer::Model(answer) => answer.usage.tokens(),
        Answer::ModelFailed(failure) if !failure.kind.may_have_cost() => 0,
        _ => intent.reserved_tokens,
    }
}
