//! Running the repository's real checks: after a step in the worktree, in the end in a clean checkout.

use crate::config::{CheckConfig, PolicyMode};
use crate::domain::Failure;
use crate::domain::check::{CheckResult, CheckScope, CheckStatus, output_label};
use crate::domain::event::{CheckCompleted, Event};
use crate::domain::failure::Damage;
use crate::domain::finding::{Category, Finding, Observation, Severity};
use crate::domain::id::{ExecutionId, TreeId};
use crate::domain::notice::Notice;
use crate::domain::phase::Phase;
use crate::domain::tape::{Answer, Denial};
use crate::heal::classify;
use crate::policy::{Gate, Rules};
use crate::verify::{self, Assessment, Part, RunFacts};
use crate::workspace::command::CommandOutput;

use super::drive::Drive;
use super::execution::Work;
use super::halt::Halting;
use super::site::{Place, part_label};

impl Drive<'_> {
    /// The tester's work: every check on the tree that stands, in a clean checkout.
    pub(super) async fn run_checks(&mut self, work: &Work) -> Halting<Answer> {
        let tree = work.state.tree.clone();
        if let Some(denial) = self.unsafe_change(&tree)? {
            return Ok(refused(&denial));
        }
        self.log.commit().await?;
        // A pass that goes on after a crash keeps what its own checks have left for the next ones.
        let goes_on = self.of_this_pass(work.state.id).next().is_some();
        let worktrees = self.site.worktrees_mut()?;
        if goes_on {
            worktrees.ready(Place::Check, &tree)?;
        } else {
            worktrees.fresh(Place::Check, &tree)?;
        }
        if let Some(failure) = self.set_up(Place::Check).await? {
            return Ok(Answer::Checks {
                results: Vec::new(),
                output: verify::tester_output(&[], &[]),
                failure: Some(Box::new(failure)),
            });
        }
        let mut results = Vec::new();
        for (name, check) in &self.engine.config.checks.clone() {
            let known = self
                .of_this_pass(work.state.id)
                .filter(|result| result.name == *name)
                .last();
            let result = match known {
                Some(known) => known.clone(),
                None => {
                    self.check(work, name, check, CheckScope::Final, &tree)
                        .await?
                }
            };
            let broken = check.kind == Category::Build && !result.status.acceptable();
            results.push(result);
            if broken {
                break;
            }
        }
        let limits = self.engine.config.findings.clone();
        let mut assessment = verify::assess(&results, &limits);
        if assessment.acceptable {
            self.hold_again(work, &mut results).await?;
            assessment = verify::assess(&results, &limits);
        }
        let output = verify::tester_output(&results, &self.artifact_names()?);
        let waived =
            self.engine.config.checks.is_empty() && self.log.run().created.options.unverified;
        let failure = (!assessment.acceptable && !waived)
            .then(|| Box::new(classify::from_checks(&results, assessment.damage)));
        Ok(Answer::Checks {
            results,
            output,
            failure,
        })
    }

    /// After a step: the project must still build. A step that changed nothing is not checked.
    pub(super) async fn check_step(&mut self, work: &Work) -> Halting<Option<Failure>> {
        let tree = self.tree_at(&work.state);
        if tree == work.state.tree && work.brief.task.evidence.is_none() {
            return Ok(None);
        }
        if self.recalls_checks() {
            return self.recall_step_checks(work);
        }
        for (name, check) in &self.engine.config.checks.clone() {
            if check.kind != Category::Build {
                continue;
            }
            let known = self.log.run().checks.iter().rev().find(|ran| {
                ran.result.scope == CheckScope::Step
                    && ran.result.name == *name
                    && ran.result.tree == tree
            });
            let result = match known {
                // A failure of an earlier execution may have been mended outside of the tree.
                Some(known)
                    if known.result.status.acceptable() || known.execution == work.state.id =>
                {
                    known.result.clone()
                }
                _ => {
                    self.check(work, name, check, CheckScope::Step, &tree)
                        .await?
                }
            };
            if !result.status.acceptable() {
                return Ok(Some(self.failure_of(&result)));
            }
        }
        Ok(None)
    }

    /// How bad a tree is: what the checks say of it, and whether it holds what no step may change.
    pub(super) fn assess(
        &self,
        tree: &TreeId,
        results: &[CheckResult],
    ) -> anyhow::Result<Assessment> {
        let mut assessment = verify::assess(results, &self.engine.config.findings);
        assessment.damage.unsafe_change = self.unsafe_change(tree)?.is_some();
        Ok(assessment)
    }

    /// The refusal of a change in a tree that no step may make, whoever has made it.
    fn unsafe_change(&self, tree: &TreeId) -> anyhow::Result<Option<Denial>> {
        let gate = Gate::new(&Rules {
            mode: PolicyMode::Off,
            protected: self.engine.config.policy.protected.clone(),
            ..Rules::default()
        })?;
        let base = &self.log.run().created.base_tree;
        let changed = self.site.changed_paths(base, tree)?;
        Ok(changed.into_iter().find_map(|path| gate.judge_path(&path)))
    }

    /// What a check that failed comes to by itself.
    pub(super) fn failure_of(&self, result: &CheckResult) -> Failure {
        let results = std::slice::from_ref(result);
        let damage = verify::assess(results, &self.engine.config.findings).damage;
        classify::from_checks(results, damage)
    }

    /// The final checks that an execution has on the record.
    fn of_this_pass(&self, execution: ExecutionId) -> impl Iterator<Item = &CheckResult> {
        let ran = self.log.run().checks.iter();
        ran.filter(move |check| check.execution == execution)
            .map(|check| &check.result)
            .filter(|result| result.scope == CheckScope::Final)
    }

    async fn check(
        &mut self,
        work: &Work,
        name: &str,
        check: &CheckConfig,
        scope: CheckScope,
        tree: &TreeId,
    ) -> Halting<CheckResult> {
        let mut result = self.carry_out(work, name, check, scope, tree).await?;
        if result.status == CheckStatus::Failed && scope == CheckScope::Final {
            result = self.excuse(work, name, check, result).await?;
            result = self.split_flaky(work, name, check, result).await?;
        }
        self.require_repeatable_check(&result)?;
        self.record_check(work.state.id, &result)?;
        self.log.commit().await?;
        Ok(result)
    }

    /// Excuses tests that fail on the base tree too. The base is checked once, when first needed.
    pub(super) async fn excuse(
        &mut self,
        work: &Work,
        name: &str,
        check: &CheckConfig,
        result: CheckResult,
    ) -> Halting<CheckResult> {
        let run = self.log.run();
        if run.created.options.require_green || result.tests.is_empty() {
            return Ok(result);
        }
        let base = match run.baseline(name) {
            Some(base) => base.clone(),
            None => {
                let tree = run.created.base_tree.clone();
                self.site.worktrees_mut()?.fresh(Place::Base, &tree)?;
                if self.set_up(Place::Base).await?.is_some() {
                    return Ok(result);
                }
                let base = self
                    .carry_out(work, name, check, CheckScope::Base, &tree)
                    .await?;
                self.log
                    .event(Event::CheckCompleted(Box::new(CheckCompleted {
                        execution: work.state.id,
                        result: base.clone(),
                        resolved: Vec::new(),
                    })))?;
                self.log.commit().await?;
                base
            }
        };
        Ok(verify::excuse(result, &base, check, &self.named()))
    }

    /// The texts that say what the run is for: a test that they name is never excused.
    pub(super) fn named(&self) -> Vec<&str> {
        let run = self.log.run();
        let mut named: Vec<&str> = vec![&run.created.goal, &run.created.title];
        if let Some(plan) = &run.plan {
            let criteria = plan
                .steps
                .iter()
                .flat_map(|step| &step.verification_criteria);
            named.extend(criteria.map(String::as_str));
        }
        named
    }

    async fn carry_out(
        &mut self,
        work: &Work,
        name: &str,
        check: &CheckConfig,
        scope: CheckScope,
        tree: &TreeId,
    ) -> Halting<CheckResult> {
        let label = output_label(work.state.id, name, scope);
        self.run_check(&label, name, check, scope, tree).await
    }

    /// Runs a check on a tree, in the place for its scope; its outputs are kept under `label`.
    pub(super) async fn run_check(
        &mut self,
        label: &str,
        name: &str,
        check: &CheckConfig,
        scope: CheckScope,
        tree: &TreeId,
    ) -> Halting<CheckResult> {
        self.log.commit().await?;
        self.tell(format!("{name}: {}", check.command));
        let place = match scope {
            CheckScope::Step => Place::Build,
            CheckScope::Final => Place::Check,
            CheckScope::Base => Place::Base,
        };
        self.site.worktrees_mut()?.ready(place, tree)?;
        crate::failpoint::hit("check.ready");
        let check = &self.equipped(check);
        let parts = self.parts(place, name, check)?;
        let (reports, left) = self.site.worktrees()?.watch(place, check, &parts)?;
        let outputs = self.run_parts(place, check, &parts, label)?;
        crate::failpoint::hit("check.ran");
        let mut runs = Vec::new();
        for ((part, output), report) in parts.into_iter().zip(&outputs).zip(reports) {
            self.keep_whole_output(&part_label(label, &part), output)?;
            let mut facts = self.facts(place, check, output)?;
            facts.written = report.end();
            runs.push((part, facts));
        }
        if scope != CheckScope::Base {
            self.keep_files(label, left, &runs)?;
        }
        let mut result = verify::judge_parts(name, check, scope, tree, runs).result;
        if let Some(paths) = self.site.worktrees()?.tracked_changes(place)? {
            result.observations.push(changed_files(check, &paths));
            self.site.restore(place, tree)?;
        }
        Ok(result)
    }

    /// The parts in which a check runs: as many as configured, or one where it cannot be cut.
    fn parts(&self, place: Place, name: &str, check: &CheckConfig) -> anyhow::Result<Vec<Part>> {
        let folder = self.site.worktrees()?.folder(place, &check.cwd);
        Ok(
            verify::parts(check, check.shards, &folder).unwrap_or_else(|why| {
                self.tell(format!("{name} runs as a whole: {why}"));
                vec![verify::whole(check)]
            }),
        )
    }

    pub(super) fn record_check(
        &mut self,
        execution: ExecutionId,
        result: &CheckResult,
    ) -> anyhow::Result<()> {
        let run = self.log.run();
        let open: Vec<Finding> = run.open_findings().cloned().collect();
        let verify::Numbered { new, resolved } =
            verify::numbering(&open, run.next_finding(), result);
        self.log
            .event(Event::CheckCompleted(Box::new(CheckCompleted {
                execution,
                result: result.clone(),
                resolved,
            })))?;
        for finding in new {
            self.log
                .event(Event::FindingRecorded { execution, finding })?;
        }
        Ok(())
    }

    /// What a check's run came to, as the judge wants it.
    pub(super) fn facts(
        &mut self,
        place: Place,
        check: &CheckConfig,
        output: &CommandOutput,
    ) -> anyhow::Result<RunFacts> {
        let folder = self.site.worktrees()?.folder(place, &check.cwd);
        let folder = folder.display().to_string();
        let mut facts = RunFacts::of(output, folder)?;
        let whole = verify::both(&output.stdout.text, &output.stderr.text);
        if facts.output != whole {
            facts.full_output = Some(self.log.text(whole.as_bytes()));
        }
        Ok(facts)
    }

    fn artifact_names(&self) -> anyhow::Result<Vec<String>> {
        let artifacts = self.engine.store.artifacts(self.log.run().id)?;
        Ok(artifacts
            .into_iter()
            .filter(|artifact| artifact.kind != "summary")
            .map(|artifact| artifact.name)
            .collect())
    }

    /// Says what is being done right now.
    pub(super) fn tell(&self, text: String) {
        let run = self.log.run();
        self.engine.bus.notice(Notice::Progress {
            run: run.id,
            phase: run.phase().unwrap_or(Phase::Planner),
            text,
        });
    }
}

/// A check that changes tracked files does not judge the tree that is handed over.
fn changed_files(check: &CheckConfig, paths: &[String]) -> Observation {
    Observation {
        severity: Severity::Medium,
        category: check.kind,
        message: format!("the check changes tracked files: {}", paths.join(", ")),
        location: paths.first().cloned(),
    }
}

/// What the tester says of a tree that holds what no step may change: nothing else counts.
fn refused(denial: &Denial) -> Answer {
    let failure = Failure {
        damage: Some(Damage {
            unsafe_change: true,
            ..Damage::default()
        }),
        ..classify::policy(denial)
    };
    Answer::Checks {
        results: Vec::new(),
        output: verify::tester_output(&[], &[]),
        failure: Some(Box::new(failure)),
    }
}
