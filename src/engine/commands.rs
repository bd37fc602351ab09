//! Running commands where a run works: a person's checks and set-up, a model's own commands.

use std::time::Duration;

use crate::config::{CheckConfig, ReportFormat, SetupConfig};
use crate::domain::Digest;
use crate::domain::check::CheckScope;
use crate::domain::failure::{Damage, Failure};
use crate::domain::finding::Category;
use crate::domain::proposal::CommandLine;
use crate::heal::classify;
use crate::store::{Artifact, Write};
use crate::verify::{self, Part, RunFacts};
use crate::workspace::artifacts::Gathering;
use crate::workspace::command::{CommandOutput, CommandSpec};

use super::drive::Drive;
use super::halt::Halting;
use super::site::Place;

impl Drive<'_> {
    /// Runs the set-up commands in a place, unless they have run there. Returns the failure of the
    /// first one that fails.
    pub(super) async fn set_up(&mut self, place: Place) -> Halting<Option<Failure>> {
        if self.recalls_checks() {
            return Ok(self.recall_setup());
        }
        let setup = self.site.setup().to_vec();
        if setup.is_empty() {
            return Ok(None);
        }
        let Some(mark) = self.site.worktrees()?.setup_due(place) else {
            return Ok(None);
        };
        self.log.commit().await?;
        for (index, command) in setup.iter().enumerate() {
            self.tell(format!("setup: {}", command.command));
            let check = as_check(command);
            let label = format!("setup-{}-{}", place.name(), index + 1);
            let output = self.run_trusted(place, &check, &label)?;
            if output.exit_code != Some(0) {
                let facts = self.facts(place, &check, &output)?;
                let tree = self.log.run().tree.clone();
                let result = verify::judge("setup", &check, CheckScope::Step, tree, facts);
                let failure = classify::from_checks(&[result], Damage::default());
                self.require_repeatable_setup(place, &failure)?;
                return Ok(Some(failure));
            }
        }
        crate::failpoint::hit("setup.ran");
        mark.leave()?;
        Ok(None)
    }

    /// Runs a model's command.
    pub(super) fn run_untrusted(
        &self,
        line: &CommandLine,
        timeout: Duration,
        label: &str,
    ) -> Halting<CommandOutput> {
        self.run(self.site.worktrees()?.untrusted(line, timeout, label))
    }

    /// Runs a person's check or set-up command.
    pub(super) fn run_trusted(
        &self,
        place: Place,
        check: &CheckConfig,
        label: &str,
    ) -> Halting<CommandOutput> {
        let check = &self.equipped(check);
        self.run(self.site.worktrees()?.trusted(place, check, label))
    }

    /// A check with the variables that repairs have set for checks. A model's commands do not get
    /// them: what they need is in the tree.
    pub(super) fn equipped(&self, check: &CheckConfig) -> CheckConfig {
        let mut check = check.clone();
        for (name, value) in self.log.run().variables() {
            let process = self.engine.environment.variables();
            let is_passed = check.pass_env.contains(name) && process.contains_key(name);
            if !is_passed {
                check
                    .env
                    .entry(name.clone())
                    .or_insert_with(|| value.clone());
            }
        }
        check
    }

    /// Runs the parts of a check side by side. If they had to be cut short, nothing of them counts.
    pub(super) fn run_parts(
        &mut self,
        place: Place,
        check: &CheckConfig,
        parts: &[Part],
        label: &str,
    ) -> Halting<Vec<CommandOutput>> {
        let timeout = self
            .time_left()
            .map_or(check.timeout, |left| left.min(check.timeout));
        let wanted = self.wanted.clone();
        let worktrees = self.site.worktrees_mut()?;
        let parts = (parts, label);
        let ran = tokio::task::block_in_place(|| {
            worktrees.run_parts(place, check, parts, timeout, wanted.flag())
        });
        let short = |output: &CommandOutput| output.cancelled || output.timed_out;
        if ran
            .as_ref()
            .map_or(true, |outputs| outputs.iter().any(short))
        {
            self.safe_point()?;
        }
        Ok(ran.map_err(|error| match error.hint() {
            Some(hint) => anyhow::anyhow!("{error}; {hint}"),
            None => error.into(),
        })?)
    }

    /// Names what a check has left and named as artifacts of the run. That this fails is no verdict on the tree.
    pub(super) fn keep_files(
        &mut self,
        label: &str,
        left: Gathering,
        runs: &[(Part, RunFacts)],
    ) -> anyhow::Result<()> {
        let facts = runs.iter().map(|(_, facts)| facts);
        let named: Vec<String> = facts.flat_map(verify::named_files).collect();
        let kept = match self.site.worktrees()?.keep(left, &named, label) {
            Ok(kept) => kept,
            Err(error) => {
                tracing::warn!(%error, "what a check leaves is not kept");
                return Ok(());
            }
        };
        for file in kept {
            let content = std::fs::read(&file.path)?;
            self.log.write(Write::Artifact(Artifact {
                name: format!("{label}/{}", file.name),
                kind: "file".to_owned(),
                path: self.engine.state.artifact(&file.path),
                size: file.size,
                hash: Digest::of(&content),
            }));
        }
        Ok(())
    }

    /// Runs a command within the time that the run has left. If it had to be cut short, because
    /// someone wants the run to stop or its time is over, nothing of it counts.
    fn run(&self, mut spec: CommandSpec) -> Halting<CommandOutput> {
        if let Some(left) = self.time_left() {
            spec.timeout = spec.timeout.min(left);
        }
        let worktrees = self.site.worktrees()?;
        let wanted = self.wanted.flag();
        let output = tokio::task::block_in_place(|| worktrees.run(&spec, wanted))?;
        if output.cancelled || output.timed_out {
            self.safe_point()?;
        }
        Ok(output)
    }

    /// Names a whole output as an artifact, where the record holds only its head and tail.
    pub(super) fn keep_whole_output(
        &mut self,
        label: &str,
        output: &CommandOutput,
    ) -> anyhow::Result<()> {
        for (name, stream) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            let Some(path) = &stream.whole else { continue };
            let content = std::fs::read(path)?;
            self.log.write(Write::Artifact(Artifact {
                name: format!("{label}.{name}"),
                kind: "output".to_owned(),
                path: self.engine.state.artifact(path),
                size: stream.total_bytes,
                hash: Digest::of(&content),
            }));
        }
        Ok(())
    }
}

/// A set-up command as a check, which runs and is judged in the same way.
pub(super) fn as_check(command: &SetupConfig) -> CheckConfig {
    CheckConfig {
        cwd: String::new(),
        timeout: command.timeout,
        report: ReportFormat::None,
        network: command.network,
        ..CheckConfig::new(Category::Custom, command.command.as_str())
    }
}
