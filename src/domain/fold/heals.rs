//! Repairs: begun with everything needed to take them back, then kept or taken back.

use crate::domain::event::{HealSettled, HealStarted, Record};
use crate::domain::run::{ByHand, HealState, OpenHeal, Run};
use crate::domain::state::State;

use super::{Verdict, require};

impl Run {
    pub(super) fn heal_started(&mut self, started: &HealStarted, record: &Record) -> Verdict {
        let State::Error(phase) = self.progress else {
            return Err("a repair follows a phase's error".to_owned());
        };
        require(self.heal.is_none(), "another repair is open")?;
        require(
            started.heal == self.next_heal(),
            "its number is not the next",
        )?;
        require(
            started.snapshot == self.tree,
            "its snapshot is not the tree that stands",
        )?;
        let target = self.failure.clone().ok_or("no failure stands")?;
        require(
            target.failure.signature == started.signature && target.phase == phase,
            "it is for another failure",
        )?;
        self.heals.push(HealState {
            id: started.heal,
            phase,
            execution: target.execution,
            error_type: started.error_type,
            origin: target.failure.origin,
            signature: started.signature.clone(),
            cause: started.cause.clone(),
            root_cause: started.root_cause.clone(),
            distribution: started.distribution,
            considered: started.considered.clone(),
            remedy: started.remedy.clone(),
            before: started.snapshot.clone(),
            after: None,
            kept: None,
            message: None,
            diff: String::new(),
            tokens: 0,
            cost_usd: 0.0,
            started_at: record.at,
            interventions: self.interventions,
        });
        self.heal = Some(OpenHeal {
            id: started.heal,
            remedy: started.remedy.clone(),
            target,
            snapshot: started.snapshot.clone(),
            plan: self.plan.clone(),
            steps: self.steps.clone(),
            head: self.head.clone(),
            better: None,
            candidates: Vec::new(),
            choice: None,
        });
        self.heal_count += 1;
        self.progress = State::SelfHeal;
        Ok(())
    }

    pub(super) fn heal_settled(&mut self, settled: &HealSettled, kept: bool) -> Verdict {
        let swaps = !self.newly_failing().is_empty();
        let open = self.heal.take().ok_or("no repair is open")?;
        require(open.id == settled.heal, "another repair is open")?;
        // Older versions kept a repair that swaps one failing test for another.
        require(
            open.better == Some(kept) || open.better == Some(true) && swaps,
            "the check that failed says otherwise",
        )?;
        if kept {
            require(
                settled.tree == self.tree,
                "it keeps another tree than stands",
            )?;
        } else {
            require(
                settled.tree == open.snapshot,
                "it restores another tree than the snapshot",
            )?;
            self.tree = open.snapshot;
            self.plan = open.plan;
            self.steps = open.steps;
            self.head = open.head;
            self.progress = State::Error(open.target.phase);
            self.failure = Some(open.target);
        }
        if self.by_hand.is_some() {
            self.by_hand = Some(ByHand::Made);
        }
        let heal = self.heals.last_mut().ok_or("no repair is on the record")?;
        heal.kept = Some(kept);
        heal.after = Some(settled.tree.clone());
        heal.message = Some(settled.message.clone());
        heal.diff = settled.diff.clone();
        heal.tokens = settled.tokens;
        heal.cost_usd = settled.cost_usd;
        Ok(())
    }
}
