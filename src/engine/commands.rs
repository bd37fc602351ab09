//! Running commands where a run works: a person's checks and set-up, a model's own commands.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::CheckConfig;
use crate::domain::Digest;
use crate::domain::check::CheckScope;
use crate::domain::failure::{Damage, Failure};
use crate::domain::proposal::CommandLine;
use crate::heal::classify;
use crate::store::{Artifact, Write};
use crate::verify;
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
            let check = CheckConfig {
                kind: crate::domain::finding::Category::Custom,
                command: command.command.clone(),
                cwd: String::new(),
                timeout: command.timeout,
                report: crate::config::ReportFormat::None,
                report_files: Vec::new(),
                shards: 1,
                env: BTreeMap::new(),
                pass_env: Vec::new(),
                network: command.network,
            };
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
        self.run(self.site.worktrees()?.trusted(place, check, label))
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
