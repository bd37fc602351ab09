//! How the models of an execution are to be asked: which, in what order, how hot and how deep.

use crate::config::{self, Config, ModelConfig};
use crate::domain::brief::ModelSettings;
use crate::domain::choice::Choice;
use crate::domain::failure::ErrorType;
use crate::domain::id::{ExecutionId, StepId};
use crate::domain::phase::{Agent, Phase};
use crate::domain::plan::Step;
use crate::domain::remedy::HealAction;
use crate::domain::run::{HealState, OpenHeal, Run};
use crate::llm::choose::{self, Wanted};
use crate::llm::tuning::{self, Situation};

use super::briefing::model_names;
use super::drive::Drive;
use super::learning::class;

/// The most answers of a model in one execution, where nothing is configured.
const MAX_TURNS: u32 = 60;

/// The most tokens of one answer, where nothing is known of the model.
const MAX_OUTPUT: u32 = 8_192;

impl Drive<'_> {
    /// How the models of the next execution are to be asked. What follows a record asks as its
    /// source did.
    pub(super) fn model_settings(
        &self,
        agent: Agent,
        phase: Phase,
        step: Option<&Step>,
        heal: Option<&OpenHeal>,
    ) -> anyhow::Result<ModelSettings> {
        let execution = self.log.run().next_execution();
        if let Some(recording) = &self.log.recording
            && let Some(settings) = recording.settings(execution)?
        {
            return Ok(settings);
        }
        let config = &self.engine.config;
        let configured = config.phases.get(agent.as_str());
        let (names, choice) = self.order_of_models(agent, step, heal, execution)?;
        let first = names.first().and_then(|name| config.models.get(name));
        let mut settings = ModelSettings {
            native_tools: first.is_none_or(|model| model.tools),
            max_output: first
                .and_then(|model| model.max_output)
                .unwrap_or(MAX_OUTPUT),
            max_turns: configured
                .and_then(|phase| phase.max_turns)
                .unwrap_or(MAX_TURNS),
            choice,
            private: configured.is_some_and(|phase| phase.private),
            temperature: configured.and_then(|phase| phase.temperature),
            effort: configured.and_then(|phase| phase.effort),
            tuning: None,
            window: first.and_then(|model| model.context_window),
            family: first.and_then(|model| family(config, model)),
            names,
        };
        if !settings.names.is_empty() {
            let run = self.log.run();
            let failures = failures(run, phase, step.map(|step| &step.id));
            let tuning = tuning::tune(&Situation {
                temperature: settings.temperature,
                effort: settings.effort,
                failures: &failures,
                straight: self.learning.beliefs.straight(agent),
            });
            settings.temperature = Some(tuning.temperature);
            settings.effort = Some(tuning.effort);
            settings.tuning = Some(tuning.why);
        }
        Ok(settings)
    }

    /// The names of the models of an agent in the order in which they are asked.
    fn order_of_models(
        &self,
        agent: Agent,
        step: Option<&Step>,
        heal: Option<&OpenHeal>,
        execution: ExecutionId,
    ) -> anyhow::Result<(Vec<String>, Option<Choice>)> {
        let (run, config) = (self.log.run(), &self.engine.config);
        let names = model_names(config, agent);
        let failed = match heal {
            Some(_) if names.len() > 1 => self.last_model(agent)?,
            _ => None,
        };
        let wanted = Wanted {
            run: run.id,
            execution,
            agent,
            class: &class(run, agent, step, execution),
            names: &names,
            switched: run.switched.get(&agent).map(String::as_str),
            failed: failed.as_deref(),
            another: heal.is_some_and(|heal| {
                heal.remedy.action == HealAction::AnotherModel && heal.remedy.goto.agent() == agent
            }),
            in_vain: in_vain(run, step.map(|step| &step.id), heal),
        };
        Ok(choose::choose(&wanted, config, &self.learning.beliefs))
    }

    /// How many models an agent may ask.
    pub(super) fn models_of(&self, agent: Agent) -> usize {
        let names = model_names(&self.engine.config, agent);
        self.names_now(agent, &names).len()
    }

    /// The model that answered last for an agent, or else was to be asked first.
    fn last_model(&self, agent: Agent) -> anyhow::Result<Option<String>> {
        let run = self.log.run();
        let mut answered = self.engine.store.answered_by(run.id)?;
        let mut own = run.executions.iter().rev();
        let last = own.find(|execution| execution.agent == agent && execution.model.is_some());
        Ok(last.and_then(|last| answered.remove(&last.id).or_else(|| last.model.clone())))
    }
}

/// How the attempts failed that repairs had this phase or step make up for, oldest first.
fn failures(run: &Run, phase: Phase, step: Option<&StepId>) -> Vec<ErrorType> {
    let same = run
        .heals
        .iter()
        .filter(|heal| heal.remedy.goto == phase && heal.remedy.step.as_ref() == step);
    same.map(|heal| heal.error_type).collect()
}

/// How many repairs of the same step, or of what the open repair is for, were in vain.
fn in_vain(run: &Run, step: Option<&StepId>, heal: Option<&OpenHeal>) -> usize {
    let (phase, step) = match (heal, step) {
        (Some(heal), _) => (heal.target.phase, heal.target.step.as_ref()),
        (None, Some(step)) => (Phase::Builder, Some(step)),
        (None, None) => return 0,
    };
    let failed_at = |heal: &HealState| {
        let execution = heal.execution.and_then(|id| run.execution(id));
        execution.and_then(|execution| execution.step.as_ref())
    };
    run.heals
        .iter()
        .filter(|heal| heal.kept == Some(false) && heal.phase == phase && failed_at(heal) == step)
        .count()
}

/// The family that the catalogue says a model is of.
fn family(config: &Config, model: &ModelConfig) -> Option<String> {
    let provider = config.providers.get(&model.provider)?;
    let known = config::known(provider.kind, &model.model)?;
    Some(known.family.clone())
}
