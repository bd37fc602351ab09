//! A run that is a fork, and what is learned of a run beside its work.

use jiff::Timestamp;

use crate::domain::event::{RunReplayed, RunUpdated};
use crate::domain::replay::{Replay, ReplayMode};
use crate::domain::run::Run;

use super::{Verdict, require};

impl Run {
    pub(super) fn replayed(&mut self, replayed: &RunReplayed) -> Verdict {
        require(
            self.created.parent == Some(replayed.source),
            "it was forked from another run",
        )?;
        require(self.replay.is_none(), "it was forked already")?;
        self.limits = replayed.limits;
        self.until = replayed.until;
        if replayed.granted {
            self.grant();
        }
        self.replay = Some(Replay {
            source: replayed.source,
            seq: replayed.seq,
            at: self.seq,
            phase: replayed.phase,
            mode: replayed.mode,
            partial: replayed.partial,
            recalled: 0,
            executions: self.next_execution().0 - 1,
            comparison: None,
        });
        Ok(())
    }

    pub(super) fn updated(&mut self, updated: &RunUpdated, at: Timestamp) -> Verdict {
        match updated {
            RunUpdated::Compared(comparison) => {
                let checks = self.checks.len();
                let replay = self.replay.as_mut().ok_or("it is no replay")?;
                require(
                    replay.comparison.is_none(),
                    "it was compared with its source already",
                )?;
                if replay.mode == ReplayMode::Recorded {
                    replay.recalled = checks;
                }
                replay.comparison = Some(comparison.clone());
                Ok(())
            }
            RunUpdated::ApplyStarted(step) => self.apply_started(step, at),
            RunUpdated::Applied => self.applied(at),
            RunUpdated::UndoStarted(step) => self.undo_started(step),
            RunUpdated::Undone => self.undone(at),
            RunUpdated::MoveGivenUp { reason } => self.move_given_up(reason),
            RunUpdated::ModelSwitched { agent, model } => {
                self.switched.insert(*agent, model.clone());
                Ok(())
            }
        }
    }
}
