//! Making briefs: all that an execution is given, recorded at its start.

use serde_json::json;

use crate::agents;
use crate::config::Config;
use crate::domain::brief::{Brief, Context, ContextText, Evidence, Task};
use crate::domain::event::ExecutionStarted;
use crate::domain::id::StepId;
use crate::domain::phase::{Agent, Phase};
use crate::domain::plan::Step;
use crate::domain::remedy::HealAction;
use crate::domain::run::OpenHeal;
use crate::domain::step::StepStatus;
use crate::domain::{Run, State};
use crate::policy;

use super::drive::Drive;
use super::halt::Halting;

/// The most files that are listed.
const MAX_FILES: usize = 1_000;

/// The most bytes of texts that are shown from the start, in all and of one file.
const MAX_TEXTS: usize = 64 * 1024;
const MAX_TEXT: usize = 24 * 1024;

impl Drive<'_> {
    /// Makes and records the brief of a new execution.
    pub(super) fn brief(
        &mut self,
        phase: Phase,
        step: Option<&StepId>,
    ) -> Halting<ExecutionStarted> {
        let brief = self.compose(phase, step)?;
        let started = ExecutionStarted {
            id: brief.task.execution,
            agent: phase.agent(),
            model: brief.context.models.names.first().cloned(),
            prompt_version: brief.context.prompt_version.clone(),
            brief: self.log.text(&serde_json::to_vec(&brief)?),
            tree: self.log.run().tree.clone(),
        };
        self.composed = Some(brief);
        Ok(started)
    }

    fn compose(&self, phase: Phase, step: Option<&StepId>) -> anyhow::Result<Brief> {
        let run = self.log.run();
        let agent = phase.agent();
        let step = step.and_then(|id| run.plan.as_ref()?.step(id)).cloned();
        let heal = relevant_heal(run, phase, step.as_ref());
        let scope = match (&step, phase) {
            (Some(step), _) => step.files.clone(),
            (None, Phase::Builder) => run
                .plan
                .as_ref()
                .map(|plan| plan.joint_scope())
                .unwrap_or_default(),
            _ => Vec::new(),
        };
        let models = self.model_settings(phase, step.as_ref(), heal)?;
        let evidence = heal.map(|heal| evidence(heal, phase));
        let files = self.site.files(&run.tree)?;
        let texts = match agent {
            Agent::Planner | Agent::Builder => self.texts(run, &files, &scope, evidence.as_ref()),
            Agent::Tester | Agent::Releaser => Vec::new(),
        };
        Ok(Brief {
            run_id: run.id,
            phase: State::Running(phase),
            task: Task {
                execution: run.next_execution(),
                attempt: run.next_attempt(phase, step.as_ref().map(|step| &step.id)),
                title: run.created.title.clone(),
                goal: run.created.goal.clone(),
                plan: run.plan.clone(),
                finished_steps: finished(run),
                step,
                scope,
                evidence,
            },
            agent,
            timestamp: self.engine.clock.now(),
            context: Context {
                prompt_version: agents::prompt_version(agent, models.family.as_deref()),
                models,
                env: json!({"directory": run.created.directory, "platform": std::env::consts::OS}),
                commit_template: self.engine.config.release.commit_template.clone(),
                files: listed(&files),
                texts,
            },
        })
    }

    /// The texts that are worth showing from the start: the files in scope, then those that the
    /// goal or the evidence name.
    fn texts(
        &self,
        run: &Run,
        files: &[String],
        scope: &[String],
        evidence: Option<&Evidence>,
    ) -> Vec<ContextText> {
        let words = format!(
            "{}\n{}",
            run.created.goal,
            evidence.map_or("", |evidence| &evidence.text)
        );
        let mut chosen: Vec<&String> = Vec::new();
        if !scope.is_empty() {
            let scope = policy::Scope::new(scope);
            chosen.extend(files.iter().filter(|path| scope.covers(path)));
        }
        let named = files.iter().filter(|path| words.contains(path.as_str()));
        for path in named {
            if !chosen.contains(&path) {
                chosen.push(path);
            }
        }
        let mut left = MAX_TEXTS;
        let mut texts = Vec::new();
        for path in chosen {
            let Some(text) = self.site.text(path) else {
                continue;
            };
            if text.len() > MAX_TEXT || text.len() > left {
                continue;
            }
            left -= text.len();
            texts.push(ContextText {
                path: path.clone(),
                text,
            });
        }
        texts
    }
}

/// What a repair gives its executions to know.
fn evidence(heal: &OpenHeal, phase: Phase) -> Evidence {
    let repairs = heal.remedy.action == HealAction::RepairJson && phase == heal.target.phase;
    Evidence {
        action: heal.remedy.action.as_str().to_owned(),
        error_type: heal.target.failure.error_type.as_str().to_owned(),
        text: heal.remedy.evidence.clone(),
        repaired_answer: repairs.then(|| heal.remedy.evidence.clone()),
    }
}

/// The repair that an execution is part of, if any.
fn relevant_heal<'a>(run: &'a Run, phase: Phase, step: Option<&Step>) -> Option<&'a OpenHeal> {
    let heal = run.heal.as_ref()?;
    let meant = match (&heal.remedy.step, step) {
        (Some(wanted), Some(step)) => *wanted == step.id,
        _ => true,
    };
    let downstream =
        phase > heal.remedy.goto && heal.target.step.as_ref() != step.map(|step| &step.id);
    (meant && !downstream).then_some(heal)
}

/// The models named for an agent. Where none is and there is only one, planner and builder use it.
pub fn model_names(config: &Config, agent: Agent) -> Vec<String> {
    let named = config
        .phases
        .get(agent.as_str())
        .map(|phase| phase.models.clone())
        .unwrap_or_default();
    let only = matches!(agent, Agent::Planner | Agent::Builder) && config.models.len() == 1;
    match (named.is_empty(), only) {
        (true, true) => config.models.keys().cloned().collect(),
        _ => named,
    }
}

fn finished(run: &Run) -> Vec<String> {
    run.steps
        .iter()
        .filter(|step| step.status == StepStatus::Completed)
        .map(|step| step.id.0.clone())
        .collect()
}

fn listed(files: &[String]) -> Vec<String> {
    let mut listed: Vec<String> = files.iter().take(MAX_FILES).cloned().collect();
    if files.len() > MAX_FILES {
        listed.push(format!("[{} more files]", files.len() - MAX_FILES));
    }
    listed
}
