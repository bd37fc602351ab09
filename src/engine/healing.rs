//! Healing: choose a remedy, carry it out, and keep it only if things are strictly better.

use crate::domain::event::{Event, HealSettled, HealStarted, PhaseStarted, RunFailed, RunStopped};
use crate::domain::failure::Distribution;
use crate::domain::outcome::Outcome;
use crate::domain::phase::{Agent, Phase};
use crate::domain::remedy::{Considered, HealAction, Remedy};
use crate::domain::run::{OpenHeal, Standing};
use crate::heal::remedy::{self, Decision};
use crate::heal::stuck;
use crate::store::Write;

use super::drive::Drive;
use super::halt::{Halt, Halting};
use super::replay::recording::Recording;

/// The most bytes of a repair's diff on the record.
const DIFF: usize = 8 * 1024;

impl Drive<'_> {
    pub(super) async fn heal(&mut self) -> Halting<()> {
        // What follows reads the tape of the execution that failed.
        self.log.commit().await?;
        let run = self.log.run();
        let Some(standing) = run.failure.clone() else {
            return Err(anyhow::anyhow!("a repair needs a failure").into());
        };
        match self.decision(&standing)? {
            Decision::Act {
                remedy,
                considered,
                distribution,
            } => self.begin_heal(&standing, remedy, considered, distribution),
            Decision::Consult(agent) => self.consult(agent, &standing),
            Decision::Stop {
                reason,
                message,
                action_required,
            } => Err(Halt::Stop(RunStopped {
                reason,
                message,
                action_required,
                needs: None,
            })),
            Decision::GiveUp { reason } => self.give_up(&standing, reason),
        }
    }

    /// What is done about a failure. What follows a record does what was done then: what helps is
    /// believed otherwise today, and proves nothing about the run.
    fn decision(&self, standing: &Standing) -> Halting<Decision> {
        if let Some(recorded) = self.recorded_decision() {
            return Ok(recorded);
        }
        let (failure, at, tried) = (&standing.failure, self.situation(standing)?, self.tried());
        let budget = self.heal_budget();
        let decision = remedy::choose(failure, &at, &tried, &budget, &self.knowledge);
        Ok(match at.wanted {
            // Whoever names a repair has looked.
            Some(_) => decision,
            None => stuck::guard(decision, failure, &tried, at.run, at.resumed),
        })
    }

    fn recorded_decision(&self) -> Option<Decision> {
        let recording = self.log.recording.as_ref();
        match recording.and_then(Recording::next_work)? {
            Event::HealStarted(started) => Some(Decision::Act {
                remedy: started.remedy.clone(),
                considered: started.considered.clone(),
                distribution: started
                    .distribution
                    .unwrap_or_else(|| Distribution::certain(started.error_type)),
            }),
            Event::AnalysisStarted(started) => Some(Decision::Consult(started.execution.agent)),
            Event::RunFailed(failed) => Some(Decision::GiveUp {
                reason: failed.reason.clone(),
            }),
            Event::PhaseStarted(started) if !started.abandoned.is_empty() => {
                Some(Decision::GiveUp {
                    reason: String::new(),
                })
            }
            _ => None,
        }
    }

    fn begin_heal(
        &mut self,
        standing: &Standing,
        remedy: Remedy,
        considered: Vec<Considered>,
        distribution: Distribution,
    ) -> Halting<()> {
        let run = self.log.run();
        self.log.event(Event::HealStarted(HealStarted {
            heal: run.next_heal(),
            signature: standing.failure.signature.clone(),
            error_type: standing.failure.error_type,
            cause: standing.failure.message.clone(),
            root_cause: standing.failure.root_cause.clone(),
            distribution: Some(distribution),
            remedy,
            considered,
            snapshot: run.tree.clone(),
        }))?;
        Ok(())
    }

    /// Goes on without a step that stays broken, where that is wanted; else the run fails.
    fn give_up(&mut self, standing: &Standing, reason: String) -> Halting<()> {
        let go_on = self.log.run().created.options.continue_on_step_failure;
        if let (true, Some(step)) = (go_on, &standing.step) {
            self.log.event(Event::PhaseStarted(PhaseStarted {
                phase: Phase::Builder,
                execution: None,
                abandoned: vec![step.clone()],
            }))?;
            return Ok(());
        }
        self.log.event(Event::RunFailed(RunFailed {
            reason,
            error_type: standing.failure.error_type,
        }))?;
        Ok(())
    }

    /// What a remedy does before its phase begins again.
    pub(super) async fn carry_out_remedy(&mut self) -> Halting<()> {
        let Some(heal) = self.log.run().heal.clone() else {
            return Ok(());
        };
        if self.log.run().progress() != crate::domain::State::SelfHeal {
            return Ok(());
        }
        self.log.commit().await?;
        self.wait(heal.remedy.wait_ms).await?;
        match heal.remedy.action {
            HealAction::InstallDependencies => self.site.worktrees()?.forget_setup()?,
            HealAction::CreateFromTemplate => {
                if let Some(template) = self.template_for_missing(&heal.target.failure)? {
                    self.site.worktrees_mut()?.use_template(&template)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Keeps a repair if things are strictly better and nothing fails that passed before it; else
    /// restores tree, plan, steps and worktree as they were.
    pub(super) async fn settle_heal(&mut self) -> Halting<()> {
        let run = self.log.run();
        let Some(open) = run.heal.clone() else {
            return Err(anyhow::anyhow!("no repair is open").into());
        };
        let broken = run.newly_failing();
        let kept = open.better == Some(true) && broken.is_empty();
        let message = match (&run.failure, kept) {
            (None, true) => format!("{} worked", open.remedy.action),
            (Some(now), true) => format!("better, but not yet good: {}", now.failure.message),
            (Some(now), false) if broken.is_empty() => {
                format!("not better: {}", now.failure.message)
            }
            (_, false) => {
                format!(
                    "not better: what ran or passed before does not now: {}",
                    named(&broken)
                )
            }
        };
        self.log.commit().await?;
        let usage = self.usage_since(open.id)?;
        let mut diff = self.site.diff(&open.snapshot, &self.log.run().tree)?;
        if diff.len() > DIFF {
            diff.truncate(diff.floor_char_boundary(DIFF));
            diff.push_str("\n[the rest of the diff is left out]\n");
        }
        if !kept {
            self.drop_template_of(&open)?;
            self.site.put_back(&open.snapshot)?;
            crate::failpoint::hit("heal.restored");
        }
        let settled = HealSettled {
            heal: open.id,
            tree: if kept {
                self.log.run().tree.clone()
            } else {
                open.snapshot
            },
            message,
            diff,
            tokens: usage.tokens(),
            cost_usd: usage.cost_usd,
        };
        self.learn_from_heal(&settled, kept);
        self.log.event(match kept {
            true => Event::HealSuccess(settled),
            false => Event::HealFailed(settled),
        })?;
        Ok(())
    }

    /// Takes back the file that a repair made from its template: it is ignored, so no tree has it.
    fn drop_template_of(&mut self, open: &OpenHeal) -> anyhow::Result<()> {
        if open.remedy.action != HealAction::CreateFromTemplate {
            return Ok(());
        }
        let Some(template) = self.template_named(&open.target.failure, false)? else {
            return Ok(());
        };
        let others = self.log.run().heals.iter().any(|heal| {
            heal.id != open.id
                && heal.remedy.action == HealAction::CreateFromTemplate
                && heal.kept == Some(true)
        });
        self.site.worktrees_mut()?.drop_template(&template, others)
    }

    /// Learns what became of a repair, in the transaction of the event that says so. What follows a
    /// record learns nothing: its source has.
    fn learn_from_heal(&mut self, settled: &HealSettled, kept: bool) {
        let run = self.log.run();
        let state = run.heals.iter().find(|state| state.id == settled.heal);
        let Some(state) = state.filter(|_| !self.is_following()) else {
            return;
        };
        let certain = || Distribution::certain(state.error_type);
        let outcome = Outcome {
            phase: state.phase,
            signature: state.signature.clone(),
            error_type: state.error_type,
            distribution: state.distribution.unwrap_or_else(certain),
            action: state.remedy.action,
            success: kept,
            tokens: settled.tokens,
            cost_usd: settled.cost_usd,
            cause: state.cause.clone(),
        };
        if self.engine.config.healing.learn {
            self.knowledge.see(&outcome);
        }
        self.log.write(Write::Outcome {
            heal: settled.heal,
            outcome,
        });
    }

    /// What the executions since a repair's beginning have used.
    fn usage_since(
        &self,
        heal: crate::domain::HealId,
    ) -> anyhow::Result<crate::domain::budget::Usage> {
        let run = self.log.run();
        let started = run
            .heals
            .iter()
            .find(|state| state.id == heal)
            .map_or(run.created_at, |state| state.started_at);
        let mut total = crate::domain::budget::Usage::default();
        for (execution, usage) in self.engine.store.usage_by_execution(run.id)? {
            let during = run
                .execution(execution)
                .is_some_and(|state| state.started_at >= started);
            if during {
                total += usage;
            }
        }
        Ok(total)
    }

    /// Whether an agent can be asked about failures: a model is named for it.
    pub(super) fn can_ask(&self, agent: Agent) -> bool {
        self.models_of(agent) > 0
    }
}

/// The first few of these names.
fn named(names: &[String]) -> String {
    const MOST: usize = 3;
    let first = names
        .iter()
        .take(MOST)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match names.len().saturating_sub(MOST) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
