//! `rgpt test`: the project's own tests, on what is on disk right now.

mod carry;
mod keep;
mod live;
mod project;
mod scratch;

use crate::config::{CheckConfig, Config, Runner};
use crate::domain::check::{CheckResult, CheckStatus};
use crate::domain::finding::Category;
use crate::engine::Interrupt;
use crate::verify::{self, Judged};

use super::failure::Failure;
use super::ui::Ui;
use super::{Global, Outcome, exit, render, watch};

use carry::Carrier;
use project::Project;

/// Run the project's tests on what is on disk, and say which fail
///
/// The checks of kind test run where you are, uncommitted changes included, as a run would run
/// them: the same report, environment and time limits. Nothing is set up, recorded or excused.
/// Screenshots, videos and the like that a test leaves are kept below .rgpt/artifacts.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Run the check NAME, whatever its kind; may be given again
    #[arg(long, value_name = "NAME")]
    check: Vec<String>,
    /// Run the checks of every kind
    #[arg(long, conflicts_with = "check")]
    all: bool,
    /// Run each test check in N shards, side by side
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    shards: Option<u32>,
    /// Run them here, confined, or in a container, whatever the configuration says
    #[arg(long, value_parser = ["host", "sandbox", "docker", "podman"])]
    runner: Option<String>,
    /// Make containers of IMAGE, whatever the configuration says
    #[arg(long)]
    image: Option<String>,
}

pub(super) fn test(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    let mut project = Project::open(global)?;
    for warning in &project.warnings {
        ui.note(warning);
    }
    args.lay_over(&mut project.config)?;
    let checks = chosen(args, &project.config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let interrupt = Interrupt::default();
    runtime.block_on(watch::listen_for_signals(interrupt.clone()));
    let mut carrier = Carrier::new(&project, global, ui, &interrupt)?;
    let mut judged = Vec::new();
    for (name, check) in checks {
        let insists = args.shards.is_some() && check.kind == Category::Test;
        judged.push(carrier.carry_out(name, check, insists)?);
    }
    let artifacts = carrier.finish();
    require_tests(&mut judged, project.detected);
    let document = verify::test_output(&judged, &artifacts);
    if ui.is_json() {
        ui.json(&document);
    } else {
        ui.line(&render::test::test(&document, ui.look()));
    }
    Ok(exit_code(judged.iter().map(|one| &one.result)))
}

impl Args {
    /// What the flags say goes before what is configured.
    fn lay_over(&self, config: &mut Config) -> Result<(), Failure> {
        if let Some(image) = &self.image {
            crate::config::check_image(image).map_err(|why| {
                Failure::usage(format!("--image: {why}"), "name one: --image node:22")
            })?;
        }
        for (_, check) in &mut config.checks {
            if let Some(shards) = self.shards.filter(|_| check.kind == Category::Test) {
                check.shards = shards;
            }
            match self.runner.as_deref() {
                Some("host") => check.runner = Runner::Host,
                Some("sandbox") => check.runner = Runner::Sandbox,
                Some("docker") => check.runner = Runner::Docker,
                Some("podman") => check.runner = Runner::Podman,
                _ => {}
            }
            if self.image.is_some() {
                check.image.clone_from(&self.image);
            }
        }
        Ok(())
    }
}

/// A test check that a person names must run tests. Of those that were only found, one that does is enough.
fn require_tests(judged: &mut [Judged], found: bool) {
    let none = |one: &Judged| verify::ran_nothing(&one.result);
    let tests = |one: &&Judged| one.result.kind == Category::Test;
    if found && !judged.iter().filter(tests).all(none) {
        return;
    }
    for one in judged {
        verify::require_tests(&mut one.result);
    }
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
fn exit_code<'r>(results: impl Iterator<Item = &'r CheckResult>) -> u8 {
    let could_not = |result: &CheckResult| {
        result.status == CheckStatus::Error && matches!(result.exit_code, Some(126 | 127))
    };
    let bad: Vec<&CheckResult> = results
        .filter(|result| !result.status.acceptable())
        .collect();
    match bad.as_slice() {
        [] => exit::REACHED,
        bad if bad.iter().all(|result| could_not(result)) => exit::COULD_NOT,
        _ => exit::NOT_REACHED,
    }
}
