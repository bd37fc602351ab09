//! Healing: choose a remedy, carry it out, and keep it only if things are strictly better.

use crate::domain::Failure;
use crate::domain::event::{Event, HealSettled, HealStarted, PhaseStarted, RunFailed};
use crate::domain::failure::{Cause, ErrorType, Origin};
use crate::domain::id::ExecutionId;
use crate::domain::phase::Phase;
use crate::domain::remedy::HealAction;
use crate::domain::run::{ByHand, Standing};
use crate::domain::tape::{Answer, TapeEntry};
use crate::heal::remedy::{self, Decision, HealBudget, Situation, Tried};

use super::drive::Drive;
use super::halt::{Halt, Halting};
use super::site::Place;

impl Drive<'_> {
    pub(super) async fn heal(&mut self) -> Halting<()> {
        // What follows reads the tape of the execution that failed.
        self.log.commit().await?;
        let run = self.log.run();
        let Some(standing) = run.failure.clone() else {
            return Err(anyhow::anyhow!("a repair needs a failure").into());
        };
        let situation = self.situation(&standing)?;
        let budget = HealBudget {
            failures: run.retry_count(),
            max_retries: run.limits.max_retries,
            heals: run.heal_count,
            max_heals: run.limits.max_heals,
        };
        match remedy::choose(&standing.failure, &situation, &self.tried(), &budget) {
            Decision::Act(remedy) => {
                let run = self.log.run();
                self.log.event(Event::HealStarted(HealStarted {
                    heal: run.next_heal(),
                    signature: standing.failure.signature.clone(),
                    error_type: standing.failure.error_type,
                    cause: standing.failure.message.clone(),
                    remedy,
                    snapshot: run.tree.clone(),
                }))?;
                Ok(())
            }
            Decision::Stop {
                reason,
                message,
                action_required,
            } => Err(Halt::Stop(crate::domain::event::RunStopped {
                reason,
                message,
                action_required,
                needs: None,
            })),
            Decision::GiveUp { reason } => self.give_up(&standing, reason),
        }
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

    fn tried(&self) -> Vec<Tried> {
        let heals = &self.log.run().heals;
        heals
            .iter()
            .map(|heal| Tried {
                signature: heal.signature.clone(),
                action: heal.remedy.action,
                input: heal.remedy.input.clone(),
                kept: heal.kept == Some(true),
                evidence: heal.message.clone().unwrap_or_default(),
                resumed: heal.interventions,
            })
            .collect()
    }

    fn situation(&self, standing: &Standing) -> anyhow::Result<Situation> {
        let run = self.log.run();
        let answer = match standing.execution {
            Some(id) if standing.failure.error_type == ErrorType::Llm => self.last_answer(id)?,
            _ => None,
        };
        Ok(Situation {
            run: run.id,
            phase: standing.phase,
            step: standing.step.clone(),
            tree: run.tree.clone(),
            models: self.models_of(standing.phase.agent()),
            has_setup: !self.site.setup().is_empty(),
            template_for_missing: self.template_for_missing(&standing.failure)?,
            plan_exists: run.plan.is_some(),
            answer,
            diff: self.site.diff(&run.created.base_tree, &run.tree)?,
            code: self.site.code_around(&standing.failure),
            wanted: match run.by_hand {
                Some(ByHand::Wanted(wish)) => wish.action,
                _ => None,
            },
            resumed: run.interventions,
        })
    }

    pub(super) fn last_answer(&self, execution: ExecutionId) -> anyhow::Result<Option<String>> {
        let tape = self.engine.store.tape(self.log.run().id, execution)?;
        Ok(tape
            .iter()
            .rev()
            .find_map(|entry: &TapeEntry| match &entry.answer {
                Some(Answer::Model(answer)) => Some(answer.text.clone()),
                _ => None,
            }))
    }

    /// The committed template of a file that the failure names as missing.
    fn template_for_missing(&self, failure: &Failure) -> anyhow::Result<Option<String>> {
        if failure.cause != Cause::Missing || failure.origin == Origin::Model {
            return Ok(None);
        }
        let files = self.site.files(&self.log.run().tree)?;
        let words = format!("{}\n{}", failure.message, failure.evidence);
        Ok(files.into_iter().find(|file| {
            template_of(file).is_some_and(|missing| {
                let name = missing.rsplit('/').next().unwrap_or(missing);
                words.contains(name) && self.site.worktrees().is_ok_and(|site| site.lacks(missing))
            })
        }))
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

    pub(super) async fn settle_heal(&mut self) -> Halting<()> {
        let run = self.log.run();
        let Some(open) = run.heal.clone() else {
            return Err(anyhow::anyhow!("no repair is open").into());
        };
        let kept = open.better == Some(true);
        let message = match (&run.failure, kept) {
            (None, _) => format!("{} worked", open.remedy.action),
            (Some(now), true) => format!("better, but not yet good: {}", now.failure.message),
            (Some(now), false) => format!("not better: {}", now.failure.message),
        };
        self.log.commit().await?;
        let usage = self.usage_since(open.id)?;
        if !kept {
            self.site.restore(Place::Build, &open.snapshot)?;
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
            tokens: usage.tokens(),
            cost_usd: usage.cost_usd,
        };
        self.log.event(match kept {
            true => Event::HealSuccess(settled),
            false => Event::HealFailed(settled),
        })?;
        Ok(())
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
}

/// The file that a template stands for: `.env` for `.env.example`.
pub(super) fn template_of(file: &str) -> Option<&str> {
    [".example", ".sample", ".template", ".dist"]
        .into_iter()
        .find_map(|suffix| file.strip_suffix(suffix))
}
