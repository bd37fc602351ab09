//! Ways in which a drive ends before the run does, and the safe points where that is looked for.

use std::time::Duration;

use crate::domain::budget::Shortfall;
use crate::domain::event::{RunStopped, StopReason};
use crate::store::Intervention;

use super::cancel;
use super::drive::Drive;
use super::replay::recording::RecordEnds;

/// Why a drive goes no further.
#[derive(Debug)]
pub(super) enum Halt {
    /// The run stands still, resumable.
    Stop(RunStopped),
    /// A person gave the run up.
    Cancel(Box<Intervention>),
    /// The recorded course that is followed goes no further in what is under way.
    RecordEnds,
    /// Something failed that is no part of the run: disk, database, a bug.
    Broken(anyhow::Error),
}

/// What the parts of a drive return.
pub(super) type Halting<T> = Result<T, Halt>;

impl Halt {
    /// A stop with a reason and its words.
    pub(super) fn stop(reason: StopReason, message: impl Into<String>) -> Self {
        Self::Stop(RunStopped {
            reason,
            message: message.into(),
            action_required: None,
            needs: None,
        })
    }

    /// A stop before a cap.
    pub(super) fn short(short: &Shortfall) -> Self {
        Self::Stop(RunStopped {
            reason: short.reason(),
            message: short.to_string(),
            action_required: short.remedy(),
            needs: Some(short.needs()),
        })
    }
}

impl<E: Into<anyhow::Error>> From<E> for Halt {
    fn from(error: E) -> Self {
        let error = error.into();
        match error.is::<RecordEnds>() {
            true => Self::RecordEnds,
            false => Self::Broken(error),
        }
    }
}

impl Drive<'_> {
    /// Whether the run may go on: nobody wants it stopped, and there is time left.
    pub(super) fn safe_point(&self) -> Halting<()> {
        let run = self.log.run();
        let interrupted = self.engine.interrupt.is_raised();
        if (interrupted || self.wanted.is_raised())
            && let Some(asked) = cancel::asked(&self.engine.store, run.id)?
        {
            return Err(Halt::Cancel(Box::new(asked)));
        }
        if interrupted {
            return Err(Halt::stop(StopReason::Interrupted, "a signal asked for it"));
        }
        self.check_parted()?;
        match self.out_of_time()? {
            Some(short) => Err(Halt::short(&short)),
            None => Ok(()),
        }
    }

    /// Returns when the run is to stop: someone wants it, or its time is over.
    pub(super) async fn called_off(&self) {
        tokio::select! {
            () = self.wanted.raised() => {}
            () = self.time_is_over() => {}
        }
    }

    /// Waits, unless someone wants the run to stop.
    pub(super) async fn wait(&mut self, milliseconds: u64) -> Halting<()> {
        if milliseconds == 0 || self.is_following() {
            return Ok(());
        }
        self.log.commit().await?;
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(milliseconds)) => {}
            () = self.called_off() => {}
        }
        self.safe_point()
    }
}
