//! What a drive may still spend: of its run, of the phase at work, and of the day.
//!
//! The run and its phases have one driver, which keeps their accounts in its [`Ledger`]. The day is
//! shared with other runs and processes, so what a call needs of it is reserved in the transaction
//! that records the call's intent (`Store::commit`).
//!
//! [`Ledger`]: super::ledger::Ledger

use std::time::Duration;

use crate::domain::State;
use crate::domain::budget::{Caps, Scope, Shortfall, Spending};
use crate::domain::phase::Phase;
use crate::domain::tape::{Answer, TapeEntry};

use super::Engine;
use super::drive::Drive;
use super::halt::{Halt, Halting};

/// So often the day's account is looked at while something else is waited for: other runs use up
/// the day's time, too.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

impl Engine {
    /// What all runs together may spend in a day.
    pub(super) fn day_caps(&self) -> Caps {
        self.config.budget.day.caps()
    }

    /// What a phase may spend in one run.
    pub(super) fn phase_caps(&self, phase: Phase) -> Caps {
        let settings = self.config.phases.get(phase.as_str());
        settings.map_or_else(Caps::default, |settings| settings.budget.caps())
    }
}

impl Drive<'_> {
    /// Whether the run and the phase can afford the worst case of a call.
    pub(super) fn afford(&self, phase: Phase, ask: Spending) -> Halting<()> {
        let limits = self.log.run().limits;
        let (run, of_phase) = (self.ledger.spent(), self.ledger.spent_in(phase));
        let admitted = limits.caps().admit(Scope::Run, run, ask).and_then(|()| {
            let caps = self.engine.phase_caps(phase);
            caps.admit(Scope::Phase(phase), of_phase, ask)
        });
        admitted.map_err(|short| Halt::short(&short))
    }

    /// Writes off the calls that were under way when their driver ended, and whose executions were
    /// left behind: nobody makes them again, and what they had reserved may be spent.
    pub(super) fn write_off_abandoned(&mut self) -> anyhow::Result<()> {
        let run = self.log.run();
        let running = run.running_execution().map(|execution| execution.id);
        for (execution, entry) in self.engine.store.open_calls(run.id)? {
            let Some(state) = self.log.run().execution(execution) else {
                continue;
            };
            if running == Some(execution) {
                continue;
            }
            let entry = TapeEntry {
                answer: Some(Answer::Lost),
                ..entry
            };
            self.ledger.answered(state.phase, &entry);
            self.log.answer(execution, entry.ordinal, &Answer::Lost);
        }
        Ok(())
    }

    /// The first cap on time that is reached, if one is.
    pub(super) fn out_of_time(&self) -> anyhow::Result<Option<Shortfall>> {
        let clocks = self.clocks()?.into_iter();
        let mut over = clocks.filter_map(|(scope, caps, spent)| {
            let caps = Caps {
                wall_ms: caps.wall_ms,
                ..Caps::default()
            };
            caps.admit(scope, spent, Spending::default()).err()
        });
        Ok(over.next())
    }

    /// The time that is left under all caps, if there is one.
    pub(super) fn time_left(&self) -> Option<Duration> {
        // What cannot be read now is told at the next safe point.
        let clocks = self.clocks().unwrap_or_default();
        let left = clocks.iter().filter_map(|(_, caps, spent)| {
            let left = caps.wall_ms?.saturating_sub(spent.wall_ms);
            Some(Duration::from_millis(left))
        });
        left.min()
    }

    /// Returns when the time is over.
    pub(super) async fn time_is_over(&self) {
        let is_shared = self.engine.day_caps().wall_ms.is_some();
        loop {
            match self.time_left() {
                None => std::future::pending().await,
                Some(Duration::ZERO) => return,
                Some(left) if is_shared => tokio::time::sleep(left.min(LOOK_AGAIN)).await,
                Some(left) => return tokio::time::sleep(left).await,
            }
        }
    }

    /// The caps on time that are set, each with the time that was used up to now. What follows a
    /// record takes the time of that; what is done with the result of a run that is done is no part
    /// of it.
    fn clocks(&self) -> anyhow::Result<Vec<(Scope, Caps, Spending)>> {
        let run = self.log.run();
        if self.is_following() || run.state() == State::Done {
            return Ok(Vec::new());
        }
        let now = self.engine.clock.now();
        let since = |then| u64::try_from(now.duration_since(then).as_millis()).unwrap_or(0);
        let wall = |wall_ms| Spending {
            wall_ms,
            ..Spending::default()
        };
        let pending = since(run.updated_at);
        let mut clocks = vec![(Scope::Run, run.limits.caps(), wall(run.active_ms + pending))];
        if let Some(phase) = run.running_execution().map(|execution| execution.phase) {
            let before = run.phases.get(&phase).map_or(0, |state| state.active_ms);
            let caps = self.engine.phase_caps(phase);
            clocks.push((Scope::Phase(phase), caps, wall(before + pending)));
        }
        let day = self.engine.day_caps();
        if day.wall_ms.is_some() {
            let before = self.engine.store.day(now)?.wall_ms;
            let own = self.log.at_work_since().map_or(0, since);
            clocks.push((Scope::Day, day, wall(before + own)));
        }
        clocks.retain(|(_, caps, _)| caps.wall_ms.is_some());
        Ok(clocks)
    }
}
