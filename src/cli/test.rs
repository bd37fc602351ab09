//! `rgpt test`: the project's own tests, on what is on disk right now.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::config::{self, CheckConfig, Config, Environment, Sandbox};
use crate::domain::check::{CheckResult, CheckScope, CheckStatus};
use crate::domain::finding::Category;
use crate::domain::id::TreeId;
use crate::engine::Interrupt;
use crate::verify::{self, RunFacts};
use crate::workspace::command::{self, CommandSpec};
use crate::workspace::edit::Held;
use crate::workspace::environment::{self, HomeChoice};
use crate::workspace::repository::{RepositoryError, UserRepository};
use crate::workspace::written::Watch;
use crate::workspace::{confine, files};

use super::failure::Failure;
use super::ui::Ui;
use super::{Global, Outcome, exit, open, render, watch};

/// Run the project's tests on what is on disk, and say which fail
///
/// The checks of kind test run where you are, uncommitted changes included, as a run would run
/// them: the same report, environment and time limits. Nothing is set up, recorded or excused.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Run the check NAME, whatever its kind; may be given again
    #[arg(long, value_name = "NAME")]
    check: Vec<String>,
    /// Run the checks of every kind
    #[arg(long, conflicts_with = "check")]
    all: bool,
}

pub(super) fn test(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    let project = Project::open(global)?;
    for warning in &project.warnings {
        ui.note(warning);
    }
    let checks = chosen(args, &project.config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let interrupt = Interrupt::default();
    runtime.block_on(watch::listen_for_signals(interrupt.clone()));
    let scratch = Scratch::make(&project.environment)?;
    let mut results = Vec::new();
    for (name, check) in checks {
        if !ui.is_json() {
            let folder = project.folder(check);
            ui.note(&format!(
                "{name} in {}: {}",
                folder.display(),
                check.command
            ));
        }
        results.push(project.carry_out(name, check, &scratch, &interrupt)?);
    }
    let document = verify::test_output(&results);
    if ui.is_json() {
        ui.json(&document);
    } else {
        ui.line(&render::test::test(&document, ui.look()));
    }
    Ok(exit_code(&results))
}

/// The checks that are to run, in the order of the configuration.
fn chosen<'c>(args: &Args, config: &'c Config) -> Result<Vec<(&'c str, &'c CheckConfig)>, Failure> {
    let names: Vec<&str> = config
        .checks
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    if names.is_empty() {
        return Err(Failure::config(
            "no checks are configured, and none were found in the project",
            "name them under `checks:` in orchestrator.yaml; write one that fits: rgpt init",
        ));
    }
    if let Some(unknown) = args
        .check
        .iter()
        .find(|name| !names.contains(&name.as_str()))
    {
        return Err(Failure::usage(
            format!("there is no check `{unknown}`"),
            format!("name one of these: {}", names.join(", ")),
        ));
    }
    let wanted = |name: &String, check: &CheckConfig| match args.check.as_slice() {
        [] => args.all || check.kind == Category::Test,
        some => some.contains(name),
    };
    let chosen: Vec<(&str, &CheckConfig)> = config
        .checks
        .iter()
        .filter(|(name, check)| wanted(name, check))
        .map(|(name, check)| (name.as_str(), check))
        .collect();
    if chosen.is_empty() {
        return Err(Failure::config(
            format!(
                "none of the checks is of kind test, only {}",
                names.join(", ")
            ),
            "run them all: rgpt test --all",
        ));
    }
    Ok(chosen)
}

/// A check that nobody could carry out is no verdict on the project; one that hangs or crashes is.
fn exit_code(results: &[CheckResult]) -> u8 {
    let could_not = |result: &CheckResult| {
        result.status == CheckStatus::Error && matches!(result.exit_code, Some(126 | 127))
    };
    let bad: Vec<&CheckResult> = results
        .iter()
        .filter(|result| !result.status.acceptable())
        .collect();
    match bad.as_slice() {
        [] => exit::REACHED,
        bad if bad.iter().all(|result| could_not(result)) => exit::COULD_NOT,
        _ => exit::NOT_REACHED,
    }
}

/// What is tested.
struct Project {
    /// The top of the repository, or the folder itself where there is none.
    top: PathBuf,
    /// The project's folder relative to `top`.
    directory: PathBuf,
    config: Config,
    warnings: Vec<String>,
    environment: Environment,
    supervisor: PathBuf,
    confined: bool,
}

impl Project {
    fn open(global: &Global) -> Result<Self, Failure> {
        let environment = config::environment();
        let start = open::start(global)?;
        let repository = repository(&start)?;
        let mut loaded = open::configuration(
            global,
            &environment,
            &start,
            repository.as_ref(),
            Vec::new(),
        )?;
        let top = repository
            .map(|repository| repository.top)
            .or_else(|| open::git_top(&start));
        if loaded.config.checks.is_empty() {
            loaded.config.checks = detected(&start, top.is_some())?;
        }
        let top = top.unwrap_or_else(|| start.clone());
        let confined =
            confine::probe().available() && loaded.config.policy.sandbox == Sandbox::Auto;
        Ok(Self {
            directory: start.strip_prefix(&top).unwrap_or(Path::new("")).to_owned(),
            top,
            config: loaded.config,
            warnings: loaded.warnings,
            environment,
            supervisor: std::env::current_exe()?,
            confined,
        })
    }

    /// Where a check runs.
    fn folder(&self, check: &CheckConfig) -> PathBuf {
        let folder = self.top.join(&self.directory).join(&check.cwd);
        folder.components().collect()
    }

    /// Runs a check where the project is, and judges it. Only the repository, caches and a private temporary folder
    /// can be written.
    fn carry_out(
        &self,
        name: &str,
        check: &CheckConfig,
        scratch: &Scratch,
        interrupt: &Interrupt,
    ) -> Result<CheckResult, Failure> {
        let variables = self.environment.variables();
        let directory = self.directory.join(&check.cwd);
        let folder = self.folder(check);
        let (tmp, line) = (scratch.tmp(), verify::command_line(check));
        environment::make_needed_caches(variables, &line);
        let mut writable = vec![self.top.clone(), tmp.clone()];
        writable.extend(environment::caches(variables));
        let spec = CommandSpec {
            line,
            cwd: folder.clone(),
            env: environment::commands(
                variables,
                &check.pass_env,
                &check.env,
                &tmp,
                HomeChoice::User,
            ),
            timeout: check.timeout,
            writable,
            confined: self.confined,
            spool: scratch.0.join("out").join(name),
        };
        let reports = Watch::begin(&self.top, &directory, &check.report_files)?;
        let output = command::run(&self.supervisor, &spec, interrupt.flag())
            .map_err(|error| Failure::infra(format!("check {name}: {error}"), None))?;
        if output.cancelled || interrupt.is_raised() {
            return Err(Failure::interrupted(
                format!("the check {name} was interrupted"),
                "run it again: rgpt test",
            ));
        }
        let mut facts = RunFacts::of(&output, folder.display().to_string())?;
        facts.written = reports.end();
        let tree = TreeId::from("");
        Ok(verify::judge(name, check, CheckScope::Final, tree, facts))
    }
}

/// The repository, if a run could be made for it. For many others (without a commit, with submodules) none can, but
/// their tests run as well.
fn repository(start: &Path) -> Result<Option<UserRepository>, Failure> {
    match UserRepository::open(start, None) {
        Ok(repository) => Ok(Some(repository)),
        Err(
            RepositoryError::NotARepository { .. }
            | RepositoryError::NoCommit { .. }
            | RepositoryError::ObjectFormat { .. }
            | RepositoryError::Submodule { .. }
            | RepositoryError::Lfs { .. }
            | RepositoryError::GitCrypt { .. }
            | RepositoryError::PartialClone,
        ) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

/// The checks that the files on disk suggest. Outside of a repository nothing says that what lies in a folder belongs
/// together, so only the folder's own files count.
fn detected(start: &Path, in_repository: bool) -> Result<Vec<(String, CheckConfig)>, Failure> {
    let held = Held::open(start)?;
    let names = match in_repository {
        true => files::list(&held).map_err(anyhow::Error::from)?,
        false => own_files(start)?,
    };
    let read = |path: &str| String::from_utf8(held.read(path).ok()??).ok();
    Ok(verify::detect(&names, &read).checks)
}

/// The names of the regular files right in a folder.
fn own_files(folder: &Path) -> Result<Vec<String>, Failure> {
    let mut names: Vec<String> = std::fs::read_dir(folder)?
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    Ok(names)
}

/// A private folder for temporary files and outputs, which goes when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    /// How many names are tried.
    const TRIES: u32 = 100;

    fn make(environment: &Environment) -> Result<Self, Failure> {
        let parent = environment
            .get("TMPDIR")
            .filter(|path| path.starts_with('/'));
        let parent = Path::new(parent.unwrap_or("/tmp"));
        let mut builder = std::fs::DirBuilder::new();
        builder.mode(0o700);
        for number in 0..Self::TRIES {
            let folder = parent.join(format!("rgpt-test-{}-{number}", std::process::id()));
            match builder.create(&folder) {
                Ok(()) => {
                    let made = Self(folder);
                    builder.create(made.tmp())?;
                    return Ok(made);
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    let message = format!("cannot make {}: {error}", folder.display());
                    let hint = "name a folder that can be written: export TMPDIR=…";
                    return Err(Failure::infra(message, Some(hint.to_owned())));
                }
            }
        }
        Err(Failure::infra(
            format!("there is no free name for a folder in {}", parent.display()),
            Some("name another folder: export TMPDIR=…".to_owned()),
        ))
    }

    fn tmp(&self) -> PathBuf {
        self.0.join("tmp")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left there is harmless, and the system's to clean.
        drop(std::fs::remove_dir_all(&self.0));
    }
}
