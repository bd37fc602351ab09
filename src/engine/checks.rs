//! Running the repository's real checks: after a step in the worktree, in the end in a clean checkout.

use crate::config::CheckConfig;
use crate::domain::Failure;
use crate::domain::check::{CheckResult, CheckScope, CheckStatus};
use crate::domain::event::{CheckCompleted, Event};
use crate::domain::finding::{Category, Finding, Observation, Severity};
use crate::domain::id::{ExecutionId, TreeId};
use crate::domain::notice::Notice;
use crate::domain::phase::Phase;
use crate::domain::tape::Answer;
use crate::heal::classify;
use crate::verify::{self, RunFacts};
use crate::workspace::command::{Captured, CommandOutput};

use super::drive::Drive;
use super::execution::Work;
use super::halt::Halting;
use super::site::Place;

impl Drive<'_> {
    /// The tester's work: every check on the tree that stands, in a clean checkout.
    pub(super) async fn run_checks(&mut self, work: &Work) -> Halting<Answer> {
        let tree = work.state.tree.clone();
        // A pass that goes on after a crash keeps what its own checks have left for the next ones.
        if self.of_this_pass(work.state.id).next().is_some() {
            self.site.ready(self.engine, Place::Check, &tree)?;
        } else {
            self.site.fresh(self.engine, Place::Check, &tree)?;
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
                .find(|result| result.name == *name);
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
        let assessment = verify::assess(&results, &self.engine.config.findings);
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
                let results = [result];
                let damage = verify::assess(&results, &self.engine.config.findings).damage;
                return Ok(Some(classify::from_checks(&results, damage)));
            }
        }
        Ok(None)
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
        }
        self.record_check(work.state.id, &result)?;
        self.log.commit().await?;
        Ok(result)
    }

    /// Excuses tests that fail on the base tree too. The base is checked once, when first needed.
    async fn excuse(
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
                self.site.fresh(self.engine, Place::Base, &tree)?;
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
        let run = self.log.run();
        let mut named: Vec<&str> = vec![&run.created.goal, &run.created.title];
        if let Some(plan) = &run.plan {
            let criteria = plan
                .steps
                .iter()
                .flat_map(|step| &step.verification_criteria);
            named.extend(criteria.map(String::as_str));
        }
        Ok(verify::excuse(result, &base, check, &named))
    }

    async fn carry_out(
        &mut self,
        work: &Work,
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
        self.site.ready(self.engine, place, tree)?;
        crate::failpoint::hit("check.ready");
        let label = format!("exec-{}-{name}-{}", work.state.id, scope.as_str());
        let output = self.run_trusted(place, check, &label)?;
        crate::failpoint::hit("check.ran");
        self.keep_whole_output(&label, &output)?;
        let facts = self.facts(place, check, &output)?;
        let mut result = verify::judge(name, check, scope, tree.clone(), facts);
        if let Some(paths) = self.site.tracked_changes(place)? {
            result.observations.push(changed_files(check, &paths));
            self.site.restore(self.engine, place, tree)?;
        }
        Ok(result)
    }

    fn record_check(&mut self, execution: ExecutionId, result: &CheckResult) -> anyhow::Result<()> {
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
        let capped = both(&output.stdout.text, &output.stderr.text);
        let (stdout, stderr) = (whole(&output.stdout)?, whole(&output.stderr)?);
        let full_output = (capped.len() > RECORDED).then(|| self.log.text(capped.as_bytes()));
        Ok(RunFacts {
            exit_code: output.exit_code,
            signal: output.signal.clone(),
            timed_out: output.timed_out,
            duration_ms: u64::try_from(output.duration.as_millis()).unwrap_or(u64::MAX),
            stdout,
            stderr,
            folder: self.site.folder(place, &check.cwd).display().to_string(),
            output: tail(&capped, RECORDED),
            full_output,
        })
    }

    fn artifact_names(&self) -> anyhow::Result<Vec<String>> {
        let artifacts = self.engine.store.artifacts(self.log.run().id)?;
        Ok(artifacts
            .into_iter()
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

/// The most bytes of a check's output that stand in its event; the end tells most.
const RECORDED: usize = 8 * 1024;

/// The whole of a stream: from its file, where the text was cut.
fn whole(stream: &Captured) -> anyhow::Result<String> {
    match &stream.whole {
        Some(file) => Ok(String::from_utf8_lossy(&std::fs::read(file)?).into_owned()),
        None => Ok(stream.text.clone()),
    }
}

fn both(stdout: &str, stderr: &str) -> String {
    match (stdout.trim().is_empty(), stderr.trim().is_empty()) {
        (_, true) => stdout.to_owned(),
        (true, false) => stderr.to_owned(),
        (false, false) => format!("{}\n--- stderr\n{stderr}", stdout.trim_end()),
    }
}

/// At most `most` bytes from the end of a text, from the start of a line.
fn tail(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let from = text.len() - most;
    let start = text[..]
        .char_indices()
        .map(|(at, _)| at)
        .find(|at| *at >= from && text[..*at].ends_with('\n'))
        .unwrap_or(text.len());
    format!("[... {start} bytes omitted ...]\n{}", &text[start..])
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
