//! An execution whose model goes round in circles: it ends, and the run stands still.

use crate::domain::event::{RunStopped, StopReason};
use crate::domain::state::State;
use crate::heal::classify;

use super::drive::Drive;
use super::execution::Work;
use super::halt::{Halt, Halting};

impl Drive<'_> {
    /// Ends the execution. What is asked about a failure, and one of several patches, only bring
    /// nothing; anything else stops the run before more is spent.
    pub(super) async fn end_stuck(&mut self, work: &Work, pattern: &str) -> Halting<()> {
        let worked = matches!(self.log.run().progress(), State::Running(_));
        self.end(work, Err(classify::stuck(pattern))).await?;
        let run = self.log.run();
        let failed = matches!(run.progress(), State::Error(_));
        // What is followed has its stop on the record.
        if !worked || !failed || self.is_following() {
            return Ok(());
        }
        let (id, agent) = (run.id, work.state.agent);
        Err(Halt::Stop(RunStopped {
            reason: StopReason::Stuck,
            message: format!("the {agent} goes round in circles: {pattern}"),
            action_required: Some(format!(
                "resume to have it begin anew, or name another model first: \
                 rgpt switch-model --run {id} --agent {agent} --model MODEL"
            )),
            needs: None,
        }))
    }
}
