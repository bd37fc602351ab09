//! `rgpt resume`: go on with a run from where its record stands.

use std::path::Path;

use crate::domain::event::RunResumed;
use crate::domain::phase::Phase;
use crate::domain::{Run, State};
use crate::engine::Engine;
use crate::workspace::repository::UserRepository;

use super::failure::Failure;
use super::run::Limits;
use super::ui::Ui;
use super::watch::{self, Show};
use super::{Global, Outcome, Which, open};

/// Go on with a run that stopped, failed, was cancelled or was killed
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// Go back to the start of this phase
    #[arg(long, value_name = "PHASE")]
    phase: Option<Phase>,
    /// Stop after this phase
    #[arg(long, value_name = "PHASE")]
    until: Option<Phase>,
    #[command(flatten)]
    limits: Limits,
}

pub(super) fn resume(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    let (store, run) = open::run_named(global, &args.which)?;
    let id = run.id;
    let is_done = run.state() == State::Done;
    if is_done && args.asks_for_more() {
        return Err(Failure::config(
            format!("run {id} has reached its goal; there is nothing to go on with"),
            format!("see what it did: rgpt inspect {id}"),
        ));
    }
    drop(store);
    refuse_elsewhere(&open::start(global)?, &run)?;
    let base = run.created.base_commit.to_string();
    let engine = open::prospect(global, Some(&base), args.limits.flags())?.engine(global)?;
    let resumed = match is_done {
        // Its driver may have been killed before it had tidied up, which is all that is left to do.
        true => None,
        false => Some(resumption(args, &engine, &run)?),
    };
    watch::drive(engine, ui, Show::Summary, |_| Ok((id, resumed)))
}

/// One record may hold runs of several repositories. A run is not gone on with in another one than
/// its own, unless that is no longer where it was: then it has been moved.
fn refuse_elsewhere(here: &Path, run: &Run) -> Result<(), Failure> {
    let home = Path::new(&run.created.repository);
    if here.starts_with(home) {
        return Ok(());
    }
    let (here, there) = (
        UserRepository::open(here, None)?,
        UserRepository::open(home, None),
    );
    match there {
        Ok(there) if there.id != here.id => Err(Failure::config(
            format!(
                "run {} belongs to the repository {}, not to {}",
                run.id,
                home.display(),
                here.top.display()
            ),
            format!(
                "go on with it there: rgpt resume --run {} --repo '{}'",
                run.id,
                home.display()
            ),
        )),
        _ => Ok(()),
    }
}

impl Args {
    /// Whether it is to do more than what is left to do.
    fn asks_for_more(&self) -> bool {
        self.phase.is_some() || self.until.is_some() || !self.limits.flags().is_empty()
    }
}

/// What is recorded of this resume: where from, which limits, and whether it grants a new budget.
fn resumption(args: &Args, engine: &Engine, run: &Run) -> Result<RunResumed, Failure> {
    let ended = run.state().is_terminal();
    let tested = matches!(
        run.progress(),
        State::Completed(Phase::Tester)
            | State::Running(Phase::Releaser)
            | State::Error(Phase::Releaser)
    );
    let stale = tested && !run.created.options.unverified && !engine.has_verified(run);
    let from = match (args.phase, run.state()) {
        (Some(phase), _) => Some(phase),
        (None, State::Failed) => run.phase(),
        // The checks that are configured now are not those that passed.
        (None, _) => stale.then_some(Phase::Tester),
    };
    let tree = match from {
        None => None,
        Some(phase) => Some(
            run.phases
                .get(&phase)
                .filter(|_| run.phase().is_some_and(|now| phase <= now))
                .map(|entry| entry.entry_tree.clone())
                .ok_or_else(|| {
                    Failure::config(
                        format!("run {} never came to the {phase}", run.id),
                        format!("go on from where it is: rgpt resume --run {}", run.id),
                    )
                })?,
        ),
    };
    let wanted = engine.limits();
    let mut limits = run.limits;
    // There are no flags for these, so the configuration as it is now decides.
    limits.tokens = wanted.tokens;
    limits.max_heals = wanted.max_heals;
    if args.limits.budget_usd.is_some() {
        limits.usd = wanted.usd;
    }
    if args.limits.max_retries.is_some() {
        limits.max_retries = wanted.max_retries;
    }
    if args.limits.timeout.is_some() {
        limits.wall_ms = wanted.wall_ms;
    }
    Ok(RunResumed {
        from,
        tree,
        limits: (limits != run.limits).then_some(limits),
        granted: ended,
        until: (args.until != run.until).then_some(args.until),
    })
}
