//! Phases: begun, completed, failed.

use crate::domain::event::{PhaseCompleted, PhaseError, PhaseStarted, Record};
use crate::domain::phase::Phase;
use crate::domain::plan::Plan;
use crate::domain::run::{PhaseState, Run, Standing, StepState};
use crate::domain::state::State;
use crate::domain::step::StepStatus;

use super::{Verdict, is_settled, millis_between, require};

impl Run {
    pub(super) fn phase_started(&mut self, started: &PhaseStarted, record: &Record) -> Verdict {
        let phase = started.phase;
        let expected = match self.progress {
            State::Pending => Some(Phase::Planner),
            State::Completed(before) => before.next(),
            State::SelfHeal => self.heal.as_ref().map(|heal| heal.remedy.goto),
            State::Error(Phase::Builder) if !started.abandoned.is_empty() => Some(Phase::Builder),
            _ => None,
        };
        require(
            expected == Some(phase),
            "another phase is to begin, or none",
        )?;
        self.require_settled()?;
        self.started_at.get_or_insert(record.at);
        self.failure = None;
        for id in &started.abandoned {
            self.step_mut(id)?.abandoned = true;
        }
        if phase == Phase::Builder {
            for step in &mut self.steps {
                if step.status == StepStatus::Failed && !step.abandoned {
                    step.status = StepStatus::Pending;
                }
            }
        }
        self.enter(phase, record);
        self.progress = State::Running(phase);
        started.execution.as_ref().map_or(Ok(()), |execution| {
            self.begin_execution(execution, phase, None, record)
        })
    }

    pub(super) fn enter(&mut self, phase: Phase, record: &Record) {
        let (tree, plan, head) = (self.tree.clone(), self.plan.clone(), self.head.clone());
        let state = self.phases.entry(phase).or_insert_with(|| PhaseState {
            attempts: 0,
            failures: 0,
            entry_tree: tree.clone(),
            entry_plan: plan.clone(),
            entry_head: head.clone(),
            duration_ms: 0,
            active_ms: 0,
            started_at: record.at,
            output: None,
        });
        state.attempts += 1;
        state.entry_tree = tree;
        state.entry_plan = plan;
        state.entry_head = head;
        state.started_at = record.at;
    }

    pub(super) fn leave(&mut self, phase: Phase, record: &Record) {
        if let Some(state) = self.phases.get_mut(&phase) {
            state.duration_ms += millis_between(state.started_at, record.at);
        }
    }

    pub(super) fn phase_completed(
        &mut self,
        completed: &PhaseCompleted,
        record: &Record,
    ) -> Verdict {
        let phase = completed.phase;
        self.require_running(phase)?;
        match completed.execution {
            Some(id) => self.end_execution(id, None, completed.report.as_ref(), record)?,
            None => require(
                phase == Phase::Builder && self.steps.iter().all(|step| is_settled(step.status)),
                "not every step is settled",
            )?,
        }
        require(
            self.running_execution().is_none(),
            "an execution is still at work",
        )?;
        if phase == Phase::Planner {
            let plan: Plan = serde_json::from_value(completed.output.clone())
                .map_err(|error| format!("its output is no plan: {error}"))?;
            plan.validate().map_err(|error| error.to_string())?;
            self.take_plan(plan);
        }
        self.tree = completed.tree.clone();
        self.leave(phase, record);
        if let Some(state) = self.phases.get_mut(&phase) {
            state.output = Some(completed.output.clone());
        }
        self.progress = State::Completed(phase);
        if let Some(heal) = &mut self.heal
            && heal.target.phase == phase
        {
            heal.better = Some(true);
        }
        Ok(())
    }

    /// Takes a plan; steps that are completed stay as they are.
    pub(super) fn take_plan(&mut self, plan: Plan) {
        let old = std::mem::take(&mut self.steps);
        self.steps = plan
            .steps
            .iter()
            .map(|step| {
                let before = old.iter().find(|state| state.id == step.id);
                match before {
                    Some(state) if state.status == StepStatus::Completed => state.clone(),
                    other => StepState {
                        id: step.id.clone(),
                        status: StepStatus::Pending,
                        attempts: other.map_or(0, |state| state.attempts),
                        abandoned: false,
                        commit: None,
                        summary: None,
                    },
                }
            })
            .collect();
        self.plan = Some(plan);
    }

    pub(super) fn phase_error(&mut self, error: &PhaseError, record: &Record) -> Verdict {
        let phase = error.phase;
        self.require_running(phase)?;
        if error.step.is_none()
            && let Some(id) = error.execution
        {
            self.end_execution(id, Some(error), error.report.as_ref(), record)?;
        }
        require(
            self.running_execution().is_none(),
            "an execution is still at work",
        )?;
        self.tree = error.tree.clone();
        self.leave(phase, record);
        if let Some(state) = self.phases.get_mut(&phase) {
            state.failures += 1;
        }
        if let Some(heal) = &mut self.heal {
            let before = heal.target.failure.damage;
            let same = heal.target.phase == phase;
            heal.better = Some(
                same && matches!((error.failure.damage, before), (Some(now), Some(then)) if now < then),
            );
        }
        self.failure = Some(Standing {
            phase,
            step: error.step.clone(),
            execution: error.execution,
            failure: error.failure.clone(),
            asked: Vec::new(),
            instructions: None,
        });
        self.progress = State::Error(phase);
        Ok(())
    }
}
