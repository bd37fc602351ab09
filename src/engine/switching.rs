//! Switching models in a run: what a person asked for is picked up at the next safe point.

use crate::domain::event::{Event, RunUpdated};
use crate::domain::phase::Agent;
use crate::store::{Intervention, InterventionKind, InterventionStatus, Write};

use super::drive::Drive;

impl Drive<'_> {
    /// Takes up what people asked for since the last look. The event and the settlement of the wish
    /// become durable together, so that a crash between them leaves neither. A model that this
    /// process does not know waits for one that does.
    pub(super) fn pick_up_switches(&mut self) -> anyhow::Result<()> {
        if self.is_following() {
            return Ok(());
        }
        for asked in self.open_switches()? {
            let Some(switch) = asked.switch else {
                self.settle_wish(asked.id, InterventionStatus::Obsolete);
                continue;
            };
            if self.engine.mesh.check(&switch.model).is_err() {
                continue;
            }
            let agent = switch.agent;
            self.log
                .event(Event::RunUpdated(RunUpdated::ModelSwitched {
                    agent,
                    model: switch.model,
                }))?;
            let at_work = self.log.run().running_execution();
            if at_work.is_some_and(|execution| execution.agent == agent) {
                self.counted_from = self.tape.len();
            }
            self.settle_wish(asked.id, InterventionStatus::Done);
        }
        Ok(())
    }

    /// Nothing is asked of a model any more: the run is done.
    pub(super) fn drop_switches(&mut self) -> anyhow::Result<()> {
        for asked in self.open_switches()? {
            self.settle_wish(asked.id, InterventionStatus::Obsolete);
        }
        Ok(())
    }

    /// The models that an execution may ask now, in order: a person's word counts from the next
    /// call on, whatever its brief says.
    pub(super) fn names_now(&self, agent: Agent, briefed: &[String]) -> Vec<String> {
        let mut names = briefed.to_vec();
        if let Some(switched) = self.log.run().switched.get(&agent)
            && !self.is_following()
        {
            names.retain(|name| name != switched);
            names.insert(0, switched.clone());
        }
        names
    }

    fn open_switches(&self) -> anyhow::Result<Vec<Intervention>> {
        let mut open = self.engine.store.interventions(self.log.run().id, true)?;
        open.retain(|asked| {
            asked.kind == InterventionKind::SwitchModel && !self.settled.contains(&asked.id)
        });
        Ok(open)
    }

    fn settle_wish(&mut self, id: i64, status: InterventionStatus) {
        self.settled.insert(id);
        self.log.write(Write::Intervention { id, status });
    }
}
