//! Running commands where a run works: a person's checks and set-up, a model's own commands.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::{CheckConfig, SetupConfig};
use crate::domain::Digest;
use crate::domain::check::CheckScope;
use crate::domain::failure::{Damage, Failure};
use crate::domain::proposal::CommandLine;
use crate::heal::classify;
use crate::store::{Artifact, Write};
use crate::verify;
use crate::workspace::command::{self, CommandOutput, CommandSpec};
use crate::workspace::environment::{self, HomeChoice};

use super::Engine;
use super::drive::Drive;
use super::halt::Halting;
use super::site::{Place, Site};

/// The files that say which dependencies a set-up installs.
const LOCK_FILES: [&str; 10] = [
    "Cargo.lock",
    "Gemfile.lock",
    "Pipfile.lock",
    "composer.lock",
    "go.sum",
    "package-lock.json",
    "pnpm-lock.yaml",
    "poetry.lock",
    "uv.lock",
    "yarn.lock",
];

impl Site {
    /// A model's command in the builder's worktree, confined, without the person's home.
    fn untrusted(
        &self,
        engine: &Engine,
        line: &CommandLine,
        timeout: Duration,
        label: &str,
    ) -> CommandSpec {
        let env = environment::commands(
            engine.environment.variables(),
            &[],
            &BTreeMap::new(),
            &self.tmp(Place::Build),
            HomeChoice::Private(self.home()),
        );
        let mut spec = CommandSpec {
            line: line.line.clone(),
            cwd: self.folder(Place::Build, ""),
            env,
            timeout,
            ..self.frame(Place::Build, label)
        };
        spec.writable
            .extend(environment::locks(engine.environment.variables()));
        spec
    }

    /// A person's check or set-up command in a place.
    fn trusted(
        &self,
        engine: &Engine,
        place: Place,
        check: &CheckConfig,
        label: &str,
    ) -> CommandSpec {
        let env = environment::commands(
            engine.environment.variables(),
            &check.pass_env,
            &check.env,
            &self.tmp(place),
            HomeChoice::User,
        );
        let mut spec = CommandSpec {
            line: verify::command_line(check),
            cwd: self.folder(place, &check.cwd),
            env,
            timeout: check.timeout,
            ..self.frame(place, label)
        };
        spec.writable
            .extend(environment::caches(engine.environment.variables()));
        spec
    }

    /// What is the same for every command in a place.
    fn frame(&self, place: Place, label: &str) -> CommandSpec {
        CommandSpec {
            line: String::new(),
            cwd: PathBuf::new(),
            env: Vec::new(),
            timeout: Duration::ZERO,
            writable: vec![self.roots[&place].clone(), self.tmp(place)],
            confined: self.confined,
            spool: self.spool.join(label),
        }
    }

    /// The folder in a place that a check's `cwd` names.
    pub(super) fn folder(&self, place: Place, cwd: &str) -> PathBuf {
        self.roots[&place]
            .join(&self.directory)
            .join(cwd)
            .components()
            .collect()
    }

    /// Where it stands that a place was set up, and by which commands.
    fn setup_mark(&self, place: Place) -> PathBuf {
        let root = &self.roots[&place];
        root.parent().unwrap_or(root).join("setup-done")
    }

    /// What the lock files in a place say, as one address: when it changes, so do the dependencies.
    fn locked_dependencies(&self, place: Place) -> Digest {
        let folder = self.folder(place, "");
        let mut all = Vec::new();
        for name in LOCK_FILES {
            let path = folder.join(name);
            let regular = path.symlink_metadata().is_ok_and(|meta| meta.is_file());
            if regular && let Ok(content) = std::fs::read(path) {
                all.extend_from_slice(name.as_bytes());
                all.extend_from_slice(&content);
            }
        }
        Digest::of(&all)
    }

    /// The set-up commands of the repository.
    pub(super) fn setup(&self, engine: &Engine) -> Vec<SetupConfig> {
        engine.config.workspace.setup.clone().unwrap_or_default()
    }

    /// Makes the next use set the places up again.
    pub(super) fn forget_setup(&self) -> anyhow::Result<()> {
        for place in Place::ALL {
            self.forget_setup_of(place)?;
        }
        Ok(())
    }

    pub(super) fn forget_setup_of(&self, place: Place) -> anyhow::Result<()> {
        match std::fs::remove_file(self.setup_mark(place)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

impl Drive<'_> {
    /// Runs the set-up commands in a place, unless they have run there. Returns the failure of the
    /// first one that fails.
    pub(super) async fn set_up(&mut self, place: Place) -> Halting<Option<Failure>> {
        let setup = self.site.setup(self.engine);
        if setup.is_empty() {
            return Ok(None);
        }
        let mark = self.site.setup_mark(place);
        let locked = self.site.locked_dependencies(place);
        if std::fs::read_to_string(&mark).is_ok_and(|known| known == locked.as_str()) {
            return Ok(None);
        }
        self.log.commit().await?;
        for (index, command) in setup.iter().enumerate() {
            self.tell(format!("setup: {}", command.command));
            let check = CheckConfig {
                kind: crate::domain::finding::Category::Custom,
                command: command.command.clone(),
                cwd: String::new(),
                timeout: command.timeout,
                report: crate::config::ReportFormat::None,
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
                return Ok(Some(classify::from_checks(&[result], Damage::default())));
            }
        }
        crate::failpoint::hit("setup.ran");
        std::fs::write(&mark, locked.as_str())?;
        Ok(None)
    }

    /// Runs a model's command.
    pub(super) fn run_untrusted(
        &self,
        line: &CommandLine,
        timeout: Duration,
        label: &str,
    ) -> Halting<CommandOutput> {
        self.run(self.site.untrusted(self.engine, line, timeout, label))
    }

    /// Runs a person's check or set-up command.
    pub(super) fn run_trusted(
        &self,
        place: Place,
        check: &CheckConfig,
        label: &str,
    ) -> Halting<CommandOutput> {
        self.run(self.site.trusted(self.engine, place, check, label))
    }

    /// Runs a command within the time that the run has left. If it had to be cut short, because
    /// someone wants the run to stop or its time is over, nothing of it counts.
    fn run(&self, mut spec: CommandSpec) -> Halting<CommandOutput> {
        if let Some(left) = self.time_left() {
            spec.timeout = spec.timeout.min(left);
        }
        let interrupt = self.engine.interrupt.flag();
        let supervisor = &self.engine.supervisor;
        let output = tokio::task::block_in_place(|| command::run(supervisor, &spec, interrupt))?;
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
                path: path.display().to_string(),
                size: stream.total_bytes,
                hash: Digest::of(&content),
            }));
        }
        Ok(())
    }
}
