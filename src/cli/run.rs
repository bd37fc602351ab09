//! `rgpt run`: make a run and drive it.

use std::io::Read as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::config::{LayerKind, Loaded};
use crate::domain::RunId;
use crate::domain::phase::Phase;
use crate::engine::{CreateError, Engine, NewRun};

use super::failure::Failure;
use super::ui::Ui;
use super::watch::{self, Show};
use super::{Global, Outcome, open};

/// Pursue a goal: plan, build, test, commit to a new branch
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    order: Order,
    /// Use MODEL for PHASE, as in builder=sonnet; may be given again
    #[arg(long, value_name = "PHASE=MODEL")]
    model: Vec<String>,
}

/// What a run is to be: all of it is recorded when the run is made.
#[derive(Debug, clap::Args)]
pub(super) struct Order {
    /// What is to be done
    #[arg(
        long,
        value_name = "TEXT",
        required_unless_present = "goal_file",
        conflicts_with = "goal_file"
    )]
    goal: Option<String>,
    /// Read the goal from FILE; - for standard input
    #[arg(long, value_name = "FILE")]
    goal_file: Option<PathBuf>,
    /// A short name for the run
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Start from this commit instead of HEAD
    #[arg(long, value_name = "REF")]
    base: Option<String>,
    #[command(flatten)]
    limits: Limits,
    /// Stop after this phase
    #[arg(long, value_name = "PHASE")]
    until: Option<Phase>,
    /// Excuse no failing test, even if it fails on the base commit too
    #[arg(long)]
    require_green: bool,
    /// Go on without checks; the result is then called unverified
    #[arg(long)]
    unverified: bool,
    /// With `policy.mode: ask`, answer yes to edits outside a step's scope
    #[arg(long)]
    yes: bool,
}

/// Limits that may be set for one run.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Limits {
    /// The most money to spend, in US dollars
    #[arg(long, value_name = "USD", value_parser = amount)]
    pub(super) budget_usd: Option<f64>,
    /// The most tokens to use, in and out together
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) budget_tokens: Option<u64>,
    /// The most model calls to make, each attempt for itself
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) budget_attempts: Option<u64>,
    /// How often a phase may fail before the run is given up
    #[arg(long, value_name = "N")]
    pub(super) max_retries: Option<u32>,
    /// How long the run may take, as in 90s, 30m or 2h
    #[arg(long, value_name = "TIME")]
    pub(super) timeout: Option<String>,
}

/// An amount of money: a finite number, not negative.
fn amount(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(amount) if amount.is_finite() && amount >= 0.0 => Ok(amount),
        _ => Err("not an amount of money".to_owned()),
    }
}

impl Limits {
    /// The limits as a layer of configuration.
    pub(super) fn flags(&self) -> Vec<(String, Value)> {
        let set = [
            ("budget.usd", self.budget_usd.map(|usd| json!(usd))),
            (
                "budget.tokens",
                self.budget_tokens.map(|tokens| json!(tokens)),
            ),
            (
                "budget.attempts",
                self.budget_attempts.map(|calls| json!(calls)),
            ),
            (
                "execution.max_retries",
                self.max_retries.map(|most| json!(most)),
            ),
            ("budget.wall", self.timeout.as_ref().map(|time| json!(time))),
        ];
        set.into_iter()
            .filter_map(|(path, value)| Some((path.to_owned(), value?)))
            .collect()
    }
}

pub(super) fn run(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    let mut flags = args.order.limits.flags();
    for choice in &args.model {
        flags.push(model(choice)?);
    }
    let (new, base) = (args.order.new_run()?, args.order.base.as_deref());
    pursue(&new, base, flags, (global, ui), Show::Summary)
}

impl Order {
    fn new_run(&self) -> Result<NewRun, Failure> {
        Ok(NewRun {
            goal: self.goal()?,
            title: self.title.clone(),
            until: self.until,
            require_green: self.require_green,
            unverified: self.unverified,
            yes: self.yes,
        })
    }

    fn goal(&self) -> Result<String, Failure> {
        let Some(file) = &self.goal_file else {
            return Ok(self.goal.clone().unwrap_or_default());
        };
        let trouble = |error: std::io::Error| {
            Failure::config(
                format!("cannot read the goal from {}: {error}", file.display()),
                "name a text file, or - for standard input",
            )
        };
        if file.as_os_str() == "-" {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .map_err(trouble)?;
            return Ok(text);
        }
        std::fs::read_to_string(file).map_err(trouble)
    }

    /// Makes the run; it is pending. Gives what it is made with, too.
    pub(super) fn make(&self, global: &Global) -> Result<(Engine, RunId), Failure> {
        let new = self.new_run()?;
        let engine = ready(&new, self.base.as_deref(), self.limits.flags(), global)?;
        let id = engine.create(&new)?;
        Ok((engine, id))
    }
}

/// Makes a run and drives it.
pub(super) fn pursue(
    new: &NewRun,
    base: Option<&str>,
    flags: Vec<(String, Value)>,
    (global, ui): (&Global, &Ui),
    show: Show,
) -> Outcome {
    let engine = ready(new, base, flags, global)?;
    watch::drive(engine, ui, show, |engine| Ok((engine.create(new)?, None)))
}

/// Everything that the run needs around it. What can be refused is refused before anything is made.
fn ready(
    new: &NewRun,
    base: Option<&str>,
    flags: Vec<(String, Value)>,
    global: &Global,
) -> Result<Engine, Failure> {
    let prospect = open::prospect(global, base, flags)?;
    new.check(
        &prospect.loaded.config,
        &prospect.mesh,
        &prospect.environment,
        Some(&prospect.repository),
    )
    .map_err(|error| without_checks(error, &prospect.loaded))?;
    prospect.engine(global)
}

/// Where there is a file already, `rgpt init` would refuse to write it.
fn without_checks(error: CreateError, loaded: &Loaded) -> Failure {
    let file = loaded
        .files
        .iter()
        .find(|file| file.layer == LayerKind::Repository);
    match (&error, file) {
        (CreateError::NoChecks, Some(file)) => Failure::config(
            error.to_string(),
            format!(
                "add them under `checks:` in {}; or waive them: rgpt run --unverified --goal …",
                file.path.display()
            ),
        ),
        _ => error.into(),
    }
}

/// `builder=sonnet` as a setting.
pub(super) fn model(choice: &str) -> Result<(String, Value), Failure> {
    let parts = choice
        .split_once('=')
        .map(|(phase, model)| (phase.parse::<Phase>(), model.trim()));
    match parts {
        Some((Ok(phase), model)) if !model.is_empty() => {
            Ok((format!("phases.{phase}.models"), json!([model])))
        }
        _ => Err(Failure::usage(
            format!("--model {choice:?} is not of the form PHASE=MODEL"),
            "as in: --model builder=sonnet; see the models: rgpt config show",
        )),
    }
}
