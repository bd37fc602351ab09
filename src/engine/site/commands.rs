//! Commands where a run works: how they are framed, and what a set-up leaves behind.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::config::{CheckConfig, SetupConfig};
use crate::domain::Digest;
use crate::domain::proposal::CommandLine;
use crate::verify::{self, Part};
use crate::workspace::artifacts::{Gathering, Kept};
use crate::workspace::command::{self, CommandError, CommandOutput, CommandSpec};
use crate::workspace::environment::{self, HomeChoice};
use crate::workspace::runner::{Bench, Ended, Job, RunError};
use crate::workspace::written::Watch;

use super::{Place, Worktrees};

/// The files that say which dependencies a set-up installs.
const LOCK_FILES: [&str; 13] = [
    "Cargo.lock",
    "Gemfile.lock",
    "Pipfile.lock",
    "bun.lock",
    "bun.lockb",
    "composer.lock",
    "go.sum",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "pnpm-lock.yaml",
    "poetry.lock",
    "uv.lock",
    "yarn.lock",
];

/// The name under which the outputs of a check's part are kept.
pub(in crate::engine) fn part_label(label: &str, part: &Part) -> String {
    match part.is_whole() {
        true => label.to_owned(),
        false => format!("{label}-{}", part.shard),
    }
}

/// Where it is to stand that a place was set up, and for which dependencies.
pub(in crate::engine) struct SetupMark {
    path: PathBuf,
    locked: Digest,
}

impl SetupMark {
    /// The place is set up.
    pub(in crate::engine) fn leave(&self) -> std::io::Result<()> {
        std::fs::write(&self.path, self.locked.as_str())
    }
}

impl Worktrees<'_> {
    /// A model's command in the builder's worktree, confined, without the person's home.
    pub(in crate::engine) fn untrusted(
        &self,
        line: &CommandLine,
        timeout: Duration,
        label: &str,
    ) -> CommandSpec {
        let env = environment::commands(
            self.environment.variables(),
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
            .extend(environment::locks(self.environment.variables()));
        spec
    }

    /// A person's check or set-up command in a place.
    pub(in crate::engine) fn trusted(
        &self,
        place: Place,
        check: &CheckConfig,
        label: &str,
    ) -> CommandSpec {
        let env = environment::commands(
            self.environment.variables(),
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
        let variables = self.environment.variables();
        environment::make_needed_caches(variables, &spec.line);
        spec.writable.extend(environment::caches(variables));
        spec
    }

    /// The names of the variables that every check has.
    pub(super) fn variables_of_checks(&self) -> BTreeSet<String> {
        let env = environment::commands(
            self.environment.variables(),
            &[],
            &BTreeMap::new(),
            &self.tmp(Place::Check),
            HomeChoice::User,
        );
        env.into_iter().map(|(name, _)| name).collect()
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
    pub(in crate::engine) fn folder(&self, place: Place, cwd: &str) -> PathBuf {
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

    /// Watches for the files that the parts of a check are about to write in a place: their reports, and what is to be
    /// kept.
    pub(in crate::engine) fn watch(
        &self,
        place: Place,
        check: &CheckConfig,
        parts: &[Part],
    ) -> anyhow::Result<(Vec<Watch>, Gathering)> {
        let (root, cwd) = (&self.roots[&place], self.directory.join(&check.cwd));
        let reports = parts
            .iter()
            .map(|part| Watch::begin(root, &cwd, &part.report_files))
            .collect::<Result<_, _>>()?;
        let left = Gathering::begin(root, &cwd, &check.artifacts, &self.tmp(place))?;
        Ok((reports, left))
    }

    /// Keeps what a check has left and named, beside its outputs.
    pub(in crate::engine) fn keep(
        &self,
        left: Gathering,
        named: &[String],
        label: &str,
    ) -> std::io::Result<Vec<Kept>> {
        let to = self.spool.join(label).join("files");
        Ok(left.end(named, &to, || Ok(()))?.0)
    }

    /// Runs the parts of a check in a place, side by side, each for at most `timeout`.
    pub(in crate::engine) fn run_parts(
        &mut self,
        place: Place,
        check: &CheckConfig,
        (parts, label): (&[Part], &str),
        timeout: Duration,
        cancel: &AtomicBool,
    ) -> Result<Vec<CommandOutput>, RunError> {
        let folder = self.folder(place, &check.cwd);
        let tmp = self.tmp(place);
        let jobs: Vec<Job> = parts
            .iter()
            .map(|part| {
                let label = part_label(label, part);
                Job {
                    line: part.line.clone(),
                    env: part.env.clone(),
                    spool: self.spool.join(&label),
                    own: (!part.is_whole()).then_some(label),
                }
            })
            .collect();
        let bench = Bench {
            supervisor: &self.ground.supervisor,
            variables: self.environment.variables(),
            root: &self.roots[&place],
            tmp: &tmp,
            confined: self.confined,
        };
        let containers = &mut self.containers;
        let untold: Ended<'_> = &|_, _| ();
        bench.run(
            containers,
            check,
            (&folder, timeout),
            &jobs,
            (cancel, untold),
        )
    }

    /// The set-up commands of the repository.
    pub(in crate::engine) fn setup(&self) -> &[SetupConfig] {
        self.config.workspace.setup.as_deref().unwrap_or_default()
    }

    /// The set-up commands that are to run in a place, and the mark to leave once they have; none
    /// if they have run there for what the lock files say now.
    pub(in crate::engine) fn setup_due(&self, place: Place) -> Option<SetupMark> {
        let mark = SetupMark {
            path: self.setup_mark(place),
            locked: self.locked_dependencies(place),
        };
        let known = std::fs::read_to_string(&mark.path);
        (!known.is_ok_and(|known| known == mark.locked.as_str())).then_some(mark)
    }

    /// Makes the next use set the places up again.
    pub(in crate::engine) fn forget_setup(&self) -> anyhow::Result<()> {
        for place in Place::ALL {
            self.forget_setup_of(place)?;
        }
        Ok(())
    }

    pub(in crate::engine) fn forget_setup_of(&self, place: Place) -> anyhow::Result<()> {
        match std::fs::remove_file(self.setup_mark(place)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Runs a command to its end.
    pub(in crate::engine) fn run(
        &self,
        spec: &CommandSpec,
        cancel: &AtomicBool,
    ) -> Result<CommandOutput, CommandError> {
        command::run(&self.ground.supervisor, spec, cancel)
    }
}
