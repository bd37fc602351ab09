//! What a run does next, read off its state.

use super::action::Action;
use super::phase::Phase;
use super::plan::Step;
use super::remedy::HealAction;
use super::run::{ByHand, Run, StepState};
use super::state::State;
use super::step::StepStatus;

impl Run {
    /// What is to be done next; `None` when the run stands still, has ended, or has reached `until`.
    pub fn next(&self) -> Option<Action> {
        if self.stop.is_some() || self.cancelled {
            return None;
        }
        if self.heal.as_ref().is_some_and(|heal| heal.better.is_some()) {
            return Some(Action::SettleHeal);
        }
        if self.has_reached_until() || self.by_hand == Some(ByHand::Made) {
            return None;
        }
        match self.progress {
            State::Pending => Some(Action::StartPhase(Phase::Planner)),
            State::Running(phase) => Some(self.next_in(phase)),
            State::Completed(phase) => {
                Some(phase.next().map_or(Action::Finish, Action::StartPhase))
            }
            State::Error(_) => Some(match self.running_execution() {
                Some(execution) => Action::Execute(execution.id),
                None => Action::Heal,
            }),
            State::SelfHeal => self
                .heal
                .as_ref()
                .map(|heal| Action::StartPhase(heal.remedy.goto)),
            State::AwaitingHuman | State::Done | State::Failed | State::Cancelled => None,
        }
    }

    /// Whether the phase named by `--until` has completed.
    pub fn has_reached_until(&self) -> bool {
        match (self.progress, self.until) {
            (State::Completed(phase), Some(until)) => phase >= until && until != Phase::Releaser,
            _ => false,
        }
    }

    fn next_in(&self, phase: Phase) -> Action {
        if let Some(execution) = self.running_execution() {
            return Action::Execute(execution.id);
        }
        if let Some(heal) = &self.heal
            && heal.remedy.action == HealAction::TryCandidates
            && phase == Phase::Builder
            && heal.target.phase > Phase::Builder
        {
            let wanted = self.created.options.candidates.max(1) as usize;
            return match heal.candidates.len() < wanted {
                true => Action::StartCandidate,
                false => Action::ChooseCandidate,
            };
        }
        match self.runnable_step() {
            Some(step) if phase == Phase::Builder => Action::StartStep(step.id.clone()),
            _ => Action::CompleteBuilder,
        }
    }

    /// The first step of the plan that is pending and whose dependencies are done.
    fn runnable_step(&self) -> Option<&Step> {
        self.plan.as_ref()?.steps.iter().find(|step| {
            let pending = self
                .step(&step.id)
                .is_some_and(|state| state.status == StepStatus::Pending);
            pending
                && step.dependencies.iter().all(|need| {
                    self.step(need)
                        .is_some_and(|state| state.status == StepStatus::Completed)
                })
        })
    }

    /// Steps that are pending although nothing can make them runnable any more.
    pub fn unreachable_steps(&self) -> Vec<&StepState> {
        self.steps
            .iter()
            .filter(|step| step.status == StepStatus::Pending)
            .collect()
    }

    /// Steps that the goal needs and that are not done.
    pub fn missing_critical_steps(&self) -> Vec<&Step> {
        let Some(plan) = &self.plan else {
            return Vec::new();
        };
        plan.steps
            .iter()
            .filter(|step| {
                let done = self
                    .step(&step.id)
                    .is_some_and(|state| state.status == StepStatus::Completed);
                step.critical && !done
            })
            .collect()
    }
}
