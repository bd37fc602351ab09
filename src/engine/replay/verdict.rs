//! How a replay compares with its source.

use crate::compare::{self, Pairing};
use crate::domain::event::{Event, RunUpdated};
use crate::domain::replay::Comparison;
use crate::domain::{RunId, State};
use crate::engine::drive::Drive;

impl Drive<'_> {
    /// Compares a replay with its source once it goes no further, and records the verdict.
    pub(in crate::engine) fn compare_with_source(&mut self) -> anyhow::Result<()> {
        let run = self.log.run();
        let Some(replay) = &run.replay else {
            return Ok(());
        };
        let short = replay.partial && run.has_reached_until();
        let ended = matches!(run.state(), State::Done | State::Failed) || run.has_reached_until();
        let (source, seq, at) = (replay.source, replay.seq, replay.at);
        if replay.comparison.is_some() {
            return Ok(());
        }
        let comparison = match &mut self.log.recording {
            Some(recording) if ended || recording.is_settled() => recording.verdict(!short),
            None if ended => self.compare_live((source, seq), at, short)?,
            _ => return Ok(()),
        };
        self.log
            .event(Event::RunUpdated(RunUpdated::Compared(comparison)))
    }

    fn compare_live(
        &self,
        (source, seq): (RunId, u64),
        at: u64,
        short: bool,
    ) -> anyhow::Result<Comparison> {
        let store = &self.engine.store;
        let theirs = store.events_after(source, seq)?;
        let mut ours = store.events_after(self.log.run().id, at)?;
        ours.extend(self.log.uncommitted().cloned());
        let pairing = match short {
            true => Pairing::PartialReplay,
            false => Pairing::Replay,
        };
        let divergence = compare::first_divergence(&theirs, &ours, pairing);
        Ok(Comparison::of(divergence, Vec::new()))
    }
}
