//! The facts by which a repair is chosen: where the run stands, and what there is to mend it with.

use std::collections::BTreeMap;

use crate::config::Runner;
use crate::domain::failure::{Cause, ErrorType, Failure, Origin};
use crate::domain::id::ExecutionId;
use crate::domain::phase::Agent;
use crate::domain::run::{ByHand, Standing};
use crate::domain::tape::{Answer, TapeEntry};
use crate::heal::defaults;
use crate::heal::remedy::{HealBudget, Situation, Tried};

use super::drive::Drive;
use super::own_tests;
use super::templates;

impl Drive<'_> {
    /// Where the run stands with a failure.
    pub(super) fn situation(&self, standing: &Standing) -> anyhow::Result<Situation> {
        let run = self.log.run();
        let failure = &standing.failure;
        let answer = match standing.execution {
            Some(id) if failure.error_type == ErrorType::Llm => self.last_answer(id)?,
            _ => None,
        };
        let failed = run.checks_of(standing.execution);
        let failed = failed.filter(|result| !result.status.acceptable());
        let can_be_asked = |agent: &Agent| self.can_ask(*agent);
        Ok(Situation {
            run: run.id,
            phase: standing.phase,
            step: standing.step.clone(),
            tree: run.tree.clone(),
            models: self.models_of(standing.phase.agent()),
            has_setup: !self.site.setup().is_empty(),
            template_for_missing: self.template_for_missing(failure)?,
            plan_exists: run.plan.is_some(),
            answer,
            diff: self.site.diff(&run.created.base_tree, &run.tree)?,
            code: self.site.code_around(failure),
            wanted: match run.by_hand {
                Some(ByHand::Wanted(wish)) => wish.action,
                _ => None,
            },
            resumed: run.interventions,
            commands: failed.map(|result| result.command.clone()).collect(),
            scripts: self.scripts()?,
            defaults: self.defaults()?,
            own_tests: self.own_tests(failure)?,
            candidates: self.patches_to_make(),
            agents: [Agent::Analyzer, Agent::Repair]
                .into_iter()
                .filter(can_be_asked)
                .collect(),
            asked: standing.asked.clone(),
            instructions: standing.instructions.clone(),
        })
    }

    /// How many patches the checks are to choose among. They run on this machine, so not where a check
    /// is to run in a container.
    fn patches_to_make(&self) -> u32 {
        let mut checks = self.engine.config.checks.iter();
        let contained =
            checks.any(|(_, check)| matches!(check.runner, Runner::Docker | Runner::Podman));
        match contained {
            true => 0,
            false => self.log.run().created.options.candidates,
        }
    }

    /// What may still be spent on repairs.
    pub(super) fn heal_budget(&self) -> HealBudget {
        let run = self.log.run();
        HealBudget {
            failures: run.retry_count(),
            max_retries: run.limits.max_retries,
            heals: run.heal_count,
            max_heals: run.limits.max_heals,
        }
    }

    /// The repairs of the run so far.
    pub(super) fn tried(&self) -> Vec<Tried> {
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

    /// The last answer of a model in an execution.
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
    pub(super) fn template_for_missing(&self, failure: &Failure) -> anyhow::Result<Option<String>> {
        if failure.cause != Cause::Missing || failure.origin == Origin::Model {
            return Ok(None);
        }
        self.template_named(failure, true)
    }

    /// The committed template of a file that the failure names and that the places lack, or have.
    pub(super) fn template_named(
        &self,
        failure: &Failure,
        lacking: bool,
    ) -> anyhow::Result<Option<String>> {
        let words = format!("{}\n{}", failure.message, failure.evidence);
        Ok(self.templates()?.into_iter().find(|file| {
            templates::template_of(file).is_some_and(|wanted| {
                let name = wanted.rsplit('/').next().unwrap_or(wanted);
                let lacks = self.site.worktrees().is_ok_and(|site| site.lacks(wanted));
                words.contains(name) && lacks == lacking
            })
        }))
    }

    /// The templates that a person has committed; what this run wrote is none.
    fn templates(&self) -> anyhow::Result<Vec<String>> {
        let run = self.log.run();
        let mut files = self.site.files(&run.tree)?;
        files.retain(|file| templates::template_of(file).is_some());
        if !files.is_empty() {
            let changed = self.site.changed_paths(&run.created.base_tree, &run.tree)?;
            files.retain(|file| !changed.contains(file));
        }
        Ok(files)
    }

    /// The variables that committed templates set and that checks do not have.
    fn defaults(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let mut found = BTreeMap::new();
        for template in self.templates()? {
            let of_variables =
                templates::template_of(&template).is_some_and(templates::is_env_file);
            if let Some(text) = self.site.text(&template).filter(|_| of_variables) {
                for (name, value) in defaults::read_template(&text) {
                    found.entry(name).or_insert(value);
                }
            }
        }
        if !found.is_empty() {
            let set = self.site.variables_of_checks();
            let by_repairs: Vec<&String> =
                self.log.run().variables().map(|(name, _)| name).collect();
            found.retain(|name, _| {
                !set.contains(name) && !by_repairs.contains(&name) && !templates::is_powerful(name)
            });
        }
        Ok(found)
    }

    /// The scripts of the committed `package.json`, by name.
    fn scripts(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let created = &self.log.run().created;
        let path = match created.directory.as_str() {
            "" => "package.json".to_owned(),
            folder => format!("{folder}/package.json"),
        };
        let text = self.site.text_in(&created.base_tree, &path)?;
        let read: Option<serde_json::Value> =
            text.and_then(|text| serde_json::from_str(&text).ok());
        let scripts = read.as_ref().and_then(|read| read["scripts"].as_object());
        Ok(scripts
            .into_iter()
            .flatten()
            .filter_map(|(name, line)| Some((name.clone(), line.as_str()?.to_owned())))
            .collect())
    }

    /// The files in which this run itself wrote tests that fail now: it made them, or only added
    /// to them.
    pub(super) fn own_tests(&self, failure: &Failure) -> anyhow::Result<Vec<String>> {
        if failure.cause != Cause::Tests {
            return Ok(Vec::new());
        }
        let run = self.log.run();
        let base = &run.created.base_tree;
        let mut own = Vec::new();
        for path in self.site.changed_paths(base, &run.tree)? {
            let Some(now) = self.site.text(&path).filter(|_| own_tests::is_test(&path)) else {
                continue;
            };
            let before = self.site.text_in(base, &path)?;
            if own_tests::fails_of_its_own(&path, before.as_deref(), &now, failure) {
                own.push(path);
            }
        }
        Ok(own)
    }
}
