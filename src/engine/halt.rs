//! Ways in which a drive ends before the run does, and the safe points where that is looked for.

use std::time::Duration;

use crate::domain::State;
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
    Cancel(Intervention),
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
            return Err(Halt::Cancel(asked));
        }
        if interrupted {
            return Err(Halt::stop(StopReason::Interrupted, "a signal asked for it"));
        }
        self.check_parted()?;
        if let Some(limit) = self.wall_limit()
            && self.active_ms() >= limit
        {
            return Err(Halt::stop(
                StopReason::WallTime,
                format!("the run has used its {} s of time", limit / 1000),
            ));
        }
        Ok(())
    }

    /// The time that the run may take. What follows a record takes the time of that; what is done
    /// with the result of a run that is done is no part of it.
    fn wall_limit(&self) -> Option<u64> {
        let run = self.log.run();
        let free = self.is_following() || run.state() == State::Done;
        run.limits.wall_ms.filter(|_| !free)
    }

    /// Time a driver was at work on the run, up to now, in milliseconds.
    fn active_ms(&self) -> u64 {
        let run = self.log.run();
        let since = self.engine.clock.now().duration_since(run.updated_at);
        run.active_ms + u64::try_from(since.as_millis()).unwrap_or(0)
    }

    /// The time that the run has left, if it is limited.
    pub(super) fn time_left(&self) -> Option<Duration> {
        let limit = self.wall_limit()?;
        Some(Duration::from_millis(
            limit.saturating_sub(self.active_ms()),
        ))
    }

    /// Returns when the run is to stop: someone wants it, or its time is over.
    pub(super) async fn called_off(&self) {
        let time = self.time_left().unwrap_or(Duration::MAX);
        tokio::select! {
            () = self.wanted.raised() => {}
            () = tokio::time::sleep(time) => {}
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
