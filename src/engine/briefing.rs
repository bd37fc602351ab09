//! Making briefs: all that an execution is given, recorded at its start.

use serde_json::json;

use crate::agents;
use crate::config::Config;
use crate::domain::brief::{Brief, Context, ContextText, Evidence, ModelSettings, Task};
use crate::domain::event::ExecutionStarted;
use crate::domain::id::StepId;
use crate::domain::phase::{Agent, Phase};
use crate::domain::plan::{Plan, Step};
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

/// What an execution is to be.
pub(super) struct Order {
    pub(super) agent: Agent,
    pub(super) phase: Phase,
    /// The state that it works in.
    pub(super) state: State,
    pub(super) step: Option<StepId>,
    /// The globs that it may edit; empty means no limit.
    pub(super) scope: Vec<String>,
    pub(super) evidence: Option<Evidence>,
    /// Its place among several patches for the same failure, from 1, and how many there are to be.
    pub(super) patch: Option<(usize, usize)>,
}

impl Drive<'_> {
    /// Makes and records the brief of a new execution of a phase or step.
    pub(super) fn brief(
        &mut self,
        phase: Phase,
        step: Option<&StepId>,
    ) -> Halting<ExecutionStarted> {
        let run = self.log.run();
        let planned = step.and_then(|id| run.plan.as_ref()?.step(id));
        let heal = relevant_heal(run, phase, planned);
        let order = Order {
            agent: heal.map_or(phase.agent(), |heal| agent_of(heal, phase)),
            phase,
            state: State::Running(phase),
            step: step.cloned(),
            scope: match (planned, phase) {
                (Some(step), _) => step.files.clone(),
                (None, Phase::Builder) => self.scope_of_the_whole()?,
                _ => Vec::new(),
            },
            evidence: heal.map(|heal| evidence(heal, phase)),
            patch: None,
        };
        self.begin(order)
    }

    /// Makes and records the brief of a new execution.
    pub(super) fn begin(&mut self, order: Order) -> Halting<ExecutionStarted> {
        let brief = self.compose(order)?;
        let started = ExecutionStarted {
            id: brief.task.execution,
            agent: brief.agent,
            model: brief.context.models.names.first().cloned(),
            prompt_version: brief.context.prompt_version.clone(),
            brief: self.log.text(&serde_json::to_vec(&brief)?),
            tree: self.log.run().tree.clone(),
        };
        self.composed = Some(brief);
        Ok(started)
    }

    /// What a repair of the whole change may edit: the scopes of all steps together, or the tests
    /// that are to be written anew.
    pub(super) fn scope_of_the_whole(&self) -> anyhow::Result<Vec<String>> {
        let run = self.log.run();
        if let Some(heal) = &run.heal
            && heal.remedy.action == HealAction::RegenerateTest
        {
            return self.own_tests(&heal.target.failure);
        }
        let plan = run.plan.as_ref();
        Ok(plan.map(Plan::joint_scope).unwrap_or_default())
    }

    fn compose(&self, order: Order) -> anyhow::Result<Brief> {
        let run = self.log.run();
        let (agent, phase) = (order.agent, order.phase);
        let step = order.step.as_ref();
        let step = step.and_then(|id| run.plan.as_ref()?.step(id)).cloned();
        let heal = relevant_heal(run, phase, step.as_ref());
        let mut models = self.model_settings(agent, phase, step.as_ref(), heal)?;
        if let Some((number, of)) = order.patch
            && !self.is_following()
        {
            vary(&mut models, number, of);
        }
        let files = self.site.files(&run.tree)?;
        let texts = match agent {
            Agent::Planner | Agent::Builder | Agent::Repair => {
                self.texts(run, &files, &order.scope, order.evidence.as_ref())
            }
            Agent::Tester | Agent::Releaser | Agent::Analyzer => Vec::new(),
        };
        Ok(Brief {
            run_id: run.id,
            phase: order.state,
            task: Task {
                execution: run.next_execution(),
                attempt: run.next_attempt(agent, phase, order.step.as_ref()),
                title: run.created.title.clone(),
                goal: run.created.goal.clone(),
                plan: run.plan.clone(),
                finished_steps: finished(run),
                step,
                scope: order.scope,
                instructions: match agent {
                    Agent::Planner | Agent::Builder | Agent::Repair => {
                        run.instructions().map(str::to_owned).collect()
                    }
                    Agent::Tester | Agent::Releaser | Agent::Analyzer => Vec::new(),
                },
                evidence: order.evidence,
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

/// Who carries out a repair in a phase.
fn agent_of(heal: &OpenHeal, phase: Phase) -> Agent {
    match heal.remedy.action {
        HealAction::ApplyFixes | HealAction::FreeForm if phase == Phase::Builder => Agent::Repair,
        _ => phase.agent(),
    }
}

/// What a repair gives its executions to know.
fn evidence(heal: &OpenHeal, phase: Phase) -> Evidence {
    let repairs = heal.remedy.action == HealAction::RepairJson && phase == heal.target.phase;
    Evidence {
        action: heal.remedy.action.as_str().to_owned(),
        error_type: heal.target.failure.error_type.as_str().to_owned(),
        text: match heal.remedy.action {
            // The instructions stand by themselves.
            HealAction::PatchInstructions => {
                let failure = &heal.target.failure;
                format!("{}\n\n{}", failure.message, failure.evidence)
            }
            _ => heal.remedy.evidence.clone(),
        },
        repaired_answer: repairs.then(|| heal.remedy.evidence.clone()),
        commands: match phase == heal.remedy.goto {
            true => heal.remedy.commands.clone(),
            false => Vec::new(),
        },
    }
}

/// The evidence of one of several patches: it is to be another one than those before it.
pub(super) fn evidence_of_patch(heal: &OpenHeal, number: usize, of: usize) -> Evidence {
    let mut evidence = evidence(heal, Phase::Builder);
    evidence.text.push_str(&format!(
        "\n\nThis is patch {number} of {of}. Each is made from the same files, apart from the others; \
         the checks choose among them."
    ));
    for (before, patch) in (1..).zip(&heal.candidates) {
        let what = crate::domain::text::one_line(&patch.summary);
        evidence
            .text
            .push_str(&format!("\n- patch {before}: {what}"));
    }
    if number > 1 {
        evidence.text.push_str("\nTake another way than these.");
    }
    evidence
}

/// Patches to choose from are the likelier to differ the hotter they are made.
fn vary(models: &mut ModelSettings, number: usize, of: usize) {
    const TEMPERATURES: [f32; 4] = [0.2, 0.6, 0.8, 1.0];
    let temperature = TEMPERATURES[(number - 1).min(TEMPERATURES.len() - 1)];
    models.temperature = Some(temperature);
    models.tuning = Some(format!("temperature {temperature}, patch {number} of {of}"));
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

/// The models named for an agent. Where none is and there is only one, planner and builder use it;
/// the repair agent, which mends code like the builder, asks the builder's.
pub fn model_names(config: &Config, agent: Agent) -> Vec<String> {
    let named = config
        .phases
        .get(agent.as_str())
        .map(|phase| phase.models.clone())
        .unwrap_or_default();
    let only = matches!(agent, Agent::Planner | Agent::Builder) && config.models.len() == 1;
    match (named.is_empty(), only) {
        _ if named.is_empty() && agent == Agent::Repair => model_names(config, Agent::Builder),
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
