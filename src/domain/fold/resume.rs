//! A run that goes on: from a stop, an end, or the start of an earlier phase.

use crate::domain::event::{Record, RunResumed, StopReason};
use crate::domain::phase::Phase;
use crate::domain::run::{ByHand, ExecutionStatus, Run};
use crate::domain::state::State;

use super::{Verdict, require};

impl Run {
    pub(super) fn resumed(&mut self, resumed: &RunResumed, _record: &Record) -> Verdict {
        let ended = self.cancelled || self.progress == State::Failed;
        require(
            !ended || resumed.granted,
            "a run that has ended goes on only with a new grant",
        )?;
        require(
            self.progress != State::Failed || resumed.from.is_some() || resumed.heal.is_some(),
            "a failed run goes on from the start of a phase, or with one repair",
        )?;
        let waited = self.stop.as_ref().is_some_and(|stop| {
            matches!(
                stop.reason,
                StopReason::AwaitingHuman | StopReason::RateLimited | StopReason::Stuck
            )
        });
        self.stop = None;
        self.cancelled = false;
        self.finished_at = None;
        if let Some(limits) = resumed.limits {
            self.limits = limits;
        }
        if let Some(until) = resumed.until {
            self.until = until;
        }
        if waited || resumed.granted || resumed.from.is_some() {
            self.interventions += 1;
        }
        if resumed.granted {
            self.grant();
        }
        self.by_hand = resumed.heal.map(ByHand::Wanted);
        match (resumed.from, resumed.heal) {
            (Some(_), Some(_)) => Err("it goes back or repairs, not both".to_owned()),
            (Some(phase), None) => self.go_back(phase, resumed),
            (None, Some(_)) => self.face_failure(),
            (None, None) => Ok(()),
        }
    }

    /// The counts of retries and heals start anew.
    pub(super) fn grant(&mut self) {
        self.heal_count = 0;
        for phase in self.phases.values_mut() {
            phase.failures = 0;
        }
    }

    /// Puts the run before the repair of the failure that stands.
    fn face_failure(&mut self) -> Verdict {
        let standing = self.failure.as_ref().ok_or("no failure stands")?;
        require(self.heal.is_none(), "another repair is open")?;
        self.progress = State::Error(standing.phase);
        self.failed = None;
        Ok(())
    }

    /// Puts the run before the start of `phase`, as it was when that phase was last begun.
    pub(super) fn go_back(&mut self, phase: Phase, resumed: &RunResumed) -> Verdict {
        require(
            self.phase().is_some_and(|now| phase <= now),
            "the run has not come that far",
        )?;
        let entry = self
            .phases
            .get(&phase)
            .ok_or_else(|| format!("{phase} was never begun"))?
            .clone();
        let tree = resumed
            .tree
            .clone()
            .ok_or("it names no tree to go on from")?;
        for execution in &mut self.executions {
            if execution.status == ExecutionStatus::Running {
                execution.status = ExecutionStatus::Interrupted;
            }
        }
        if let Some(open) = self.heal.take()
            && let Some(heal) = self.heals.last_mut()
        {
            heal.kept = Some(false);
            heal.after = Some(open.snapshot);
            heal.message = Some("left behind by a resume".to_owned());
        }
        self.failure = None;
        self.failed = None;
        self.tree = tree;
        self.head = entry.entry_head;
        if phase == Phase::Planner {
            self.plan = None;
            self.steps.clear();
        } else if phase == Phase::Builder
            && let Some(plan) = entry.entry_plan
        {
            self.steps.clear();
            self.take_plan(plan);
        }
        self.progress = phase.previous().map_or(State::Pending, State::Completed);
        Ok(())
    }
}
