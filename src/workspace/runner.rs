//! Running a check's parts side by side: here, confined like a model's commands, or in a container.
//!
//! Start at [`Bench`].

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::command::{self, CommandError, CommandOutput, CommandSpec};
use super::confine::{self, Confinement};
use super::container::{ContainerError, Containers};
use super::environment::{self, HomeChoice};
use crate::config::{CheckConfig, Runner};

/// Where checks run.
#[derive(Clone, Copy, Debug)]
pub struct Bench<'a> {
    /// The path of the rgpt program.
    pub supervisor: &'a Path,
    /// rgpt's own variables.
    pub variables: &'a BTreeMap<String, String>,
    /// The tree, which commands may write.
    pub root: &'a Path,
    /// The private folder for temporary files.
    pub tmp: &'a Path,
    /// Whether commands on the host are confined.
    pub confined: bool,
}

/// One command of a check.
#[derive(Clone, Debug)]
pub struct Job {
    /// The command line.
    pub line: String,
    /// Variables set for it, on top of the check's.
    pub env: Vec<(String, String)>,
    /// The name of its own folder for temporary files; none: the bench's.
    pub own: Option<String>,
    /// The folder for whole outputs.
    pub spool: PathBuf,
}

/// Why a check's commands have no outcome.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A command could not be run to its end.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// There is no container for it.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// It is to be confined, which cannot be done here.
    #[error("commands cannot be confined on this machine: {0}")]
    NoSandbox(&'static str),
    /// A folder for temporary files cannot be made.
    #[error("cannot make {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl RunError {
    /// What to do or type next, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Container(error) => Some(error.hint()),
            Self::NoSandbox(_) => Some("run it unconfined: rgpt test --runner host".to_owned()),
            Self::Command(_) | Self::Folder { .. } => None,
        }
    }

    /// Whether a setting or a missing program is the reason.
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::Container(error) => !matches!(error, ContainerError::Cancelled),
            Self::NoSandbox(_) => true,
            Self::Command(_) | Self::Folder { .. } => false,
        }
    }
}

/// Told of each command that has ended, by its index, from whichever thread it ran on.
pub type Ended<'a> = &'a (dyn Fn(usize, &CommandOutput) + Sync);

impl Bench<'_> {
    /// Runs the commands of a check in `cwd`, all at once, each for at most `timeout`. When this returns, nothing that
    /// they started is alive.
    ///
    /// # Errors
    /// See [`RunError`].
    pub fn run(
        &self,
        containers: &mut Containers,
        check: &CheckConfig,
        (cwd, timeout): (&Path, Duration),
        jobs: &[Job],
        (cancel, ended): (&AtomicBool, Ended<'_>),
    ) -> Result<Vec<CommandOutput>, RunError> {
        let specs = |frame: &dyn Fn(CommandSpec, &Job) -> CommandSpec| {
            jobs.iter()
                .map(|job| Ok(frame(self.spec(check, cwd, timeout, job)?, job)))
                .collect::<Result<Vec<_>, RunError>>()
        };
        if !check.runner.is_container() {
            let specs = specs(&|spec, _| spec)?;
            return Ok(command::run_all(self.supervisor, &specs, cancel, ended)?);
        }
        let container = containers.ready(check, self.root, cancel)?;
        let specs = specs(&|spec, job| {
            let own = environment::contained(self.variables, &check.pass_env, &check.env);
            let own = own.into_iter().chain(job.env.iter().cloned()).collect();
            let own: BTreeMap<String, String> = own;
            let own: Vec<(String, String)> = own.into_iter().collect();
            container.frame(spec, &own, job.own.as_deref().unwrap_or("tmp"))
        })?;
        let outputs = command::run_all(self.supervisor, &specs, cancel, ended);
        containers.clear(&container);
        Ok(outputs?)
    }

    /// The command as it would run here.
    fn spec(
        &self,
        check: &CheckConfig,
        cwd: &Path,
        timeout: Duration,
        job: &Job,
    ) -> Result<CommandSpec, RunError> {
        let tmp = match &job.own {
            Some(own) => made(self.tmp.join(own))?,
            None => self.tmp.to_owned(),
        };
        let mut extra = check.env.clone();
        extra.extend(job.env.iter().cloned());
        let variables = self.variables;
        let mut writable = vec![self.root.to_owned(), self.tmp.to_owned()];
        let mut confined = self.confined;
        let home = if check.runner == Runner::Sandbox {
            if let Confinement::None { why } = confine::probe() {
                return Err(RunError::NoSandbox(why));
            }
            confined = true;
            writable.extend(environment::locks(variables));
            HomeChoice::Private(made(self.tmp.join("home"))?)
        } else {
            environment::make_needed_caches(variables, &job.line);
            writable.extend(environment::caches(variables));
            HomeChoice::User
        };
        Ok(CommandSpec {
            line: job.line.clone(),
            cwd: cwd.to_owned(),
            env: environment::commands(variables, &check.pass_env, &extra, &tmp, home),
            timeout,
            writable,
            confined,
            spool: job.spool.clone(),
        })
    }
}

fn made(path: PathBuf) -> Result<PathBuf, RunError> {
    match std::fs::create_dir_all(&path) {
        Ok(()) => Ok(path),
        Err(source) => Err(RunError::Folder { path, source }),
    }
}
