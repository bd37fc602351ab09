//! `rgpt resume`: go on with a run from where its record stands.

use crate::domain::event::{RunResumed, StopReason};
use crate::domain::phase::Phase;
use crate::domain::replay::ReplayResult;
use crate::domain::{Run, State};
use crate::engine::Engine;

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

/// How a run is to go on.
pub(super) struct Wish {
    /// The phase to go back to.
    pub(super) from: Option<Phase>,
    pub(super) stop: StopAfter,
    pub(super) limits: Limits,
}

/// Where a run is to stand still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopAfter {
    /// Nowhere, but where it was made to.
    TheEnd,
    /// After this phase.
    Phase(Phase),
    /// After the first phase that it does.
    OnePhase,
}

pub(super) fn resume(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    let wish = Wish {
        from: args.phase,
        stop: args.until.map_or(StopAfter::TheEnd, StopAfter::Phase),
        limits: args.limits.clone(),
    };
    go_on(&args.which, |_| Ok(wish), global, ui)
}

/// Goes on with a run as `wish` says once it knows where the run stands.
pub(super) fn go_on(
    which: &Which,
    wish: impl FnOnce(&Run) -> Result<Wish, Failure>,
    global: &Global,
    ui: &Ui,
) -> Outcome {
    let (store, run) = open::run_named(global, which)?;
    let id = run.id;
    let wish = wish(&run)?;
    let is_done = run.state() == State::Done;
    if is_done && wish.asks_for_more() {
        return Err(Failure::config(
            format!("run {id} has reached its goal; there is nothing to go on with"),
            format!("see what it did: rgpt inspect {id}"),
        ));
    }
    let follows = follows_the_record(&wish, &run)?;
    let mut prospect = open::prospect_of(global, &run, wish.limits.flags())?;
    if follows {
        prospect.recall(&store, &run)?;
    }
    drop(store);
    let engine = prospect.engine(global)?;
    let resumed = match is_done {
        // Its driver may have been killed before it had tidied up, which is all that is left to do.
        true => None,
        false if follows => Some(RunResumed {
            granted: run.state().is_terminal(),
            ..RunResumed::default()
        }),
        false => Some(resumption(&wish, &engine, &run)?),
    };
    watch::drive(engine, ui, Show::Summary, |_| Ok((id, resumed)))
}

/// The phase that the run is in, or comes to next; `None` if it has come through all.
pub(super) fn next_phase(run: &Run) -> Option<Phase> {
    match run.progress() {
        State::Pending => Some(Phase::Planner),
        State::Completed(phase) => phase.next().or(Some(phase)),
        State::Done => None,
        _ => run.phase(),
    }
}

/// Whether the run is a replay that goes on from the record, which nothing may change.
fn follows_the_record(wish: &Wish, run: &Run) -> Result<bool, Failure> {
    let Some(replay) = run.replay.as_ref().filter(|it| it.mode.is_offline()) else {
        return Ok(false);
    };
    let live = format!("do it with models: rgpt replay --run {}", replay.source);
    let result = replay.comparison.as_ref().map(|it| it.result);
    if result == Some(ReplayResult::Diverged) {
        return Err(Failure::config(
            format!(
                "run {} has parted from its source, run {}",
                run.id, replay.source
            ),
            live,
        ));
    }
    if result.is_none() && wish.asks_for_more() {
        return Err(Failure::config(
            format!(
                "run {} only follows the record of run {}",
                run.id, replay.source
            ),
            live,
        ));
    }
    Ok(result.is_none())
}

impl Wish {
    /// Whether it is to do more than what is left to do.
    fn asks_for_more(&self) -> bool {
        self.from.is_some() || self.stop != StopAfter::TheEnd || !self.limits.flags().is_empty()
    }

    /// The phase after which the run stands still, if it goes back to `from`.
    fn until(&self, from: Option<Phase>, run: &Run) -> Option<Phase> {
        match self.stop {
            // What was asked for when the run was made holds for the first time it is driven.
            StopAfter::TheEnd if run.seq == 1 => run.until,
            StopAfter::TheEnd => None,
            StopAfter::Phase(phase) => Some(phase),
            StopAfter::OnePhase => from.or_else(|| next_phase(run)),
        }
    }
}

/// What is recorded of this resume: where from, which limits, and whether it grants a new budget.
fn resumption(wish: &Wish, engine: &Engine, run: &Run) -> Result<RunResumed, Failure> {
    // One that waited until nothing was left of its repairs could do nothing when it goes on.
    let worn = run
        .stop
        .as_ref()
        .is_some_and(|stop| stop.reason == StopReason::RateLimited)
        && (run.retry_count() > run.limits.max_retries || run.heal_count >= run.limits.max_heals);
    let granted = run.state().is_terminal() || worn;
    let tested = matches!(
        run.progress(),
        State::Completed(Phase::Tester)
            | State::Running(Phase::Releaser)
            | State::Error(Phase::Releaser)
    );
    let stale = tested && !run.created.options.unverified && !engine.has_verified(run);
    let from = match (wish.from, run.state()) {
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
    // There is no flag for it, so the configuration as it is now decides.
    limits.max_heals = wanted.max_heals;
    if wish.limits.budget_usd.is_some() {
        limits.usd = wanted.usd;
    }
    if wish.limits.budget_tokens.is_some() {
        limits.tokens = wanted.tokens;
    }
    if wish.limits.budget_attempts.is_some() {
        limits.attempts = wanted.attempts;
    }
    if wish.limits.max_retries.is_some() {
        limits.max_retries = wanted.max_retries;
    }
    if wish.limits.timeout.is_some() {
        limits.wall_ms = wanted.wall_ms;
    }
    let until = wish.until(from, run);
    Ok(RunResumed {
        from,
        tree,
        limits: (limits != run.limits).then_some(limits),
        granted,
        until: (until != run.until).then_some(until),
        heal: None,
    })
}
