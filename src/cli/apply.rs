//! `rgpt apply` and what `rgpt undo` shares with it: bringing a result into a branch of the user's.

use crate::bus::{Message, Subscription};
use crate::domain::RunId;
use crate::domain::notice::Notice;
use crate::engine::{Engine, Taken, Taking, TakingError};

use super::failure::Failure;
use super::render::application;
use super::ui::Ui;
use super::{Global, Outcome, Which, exit, open, watch};

/// Bring a run's result into your branch: fast-forward, or merge and check again
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// Bring it into this branch instead of the one that is checked out
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
    /// Take a result that no check has seen
    #[arg(long)]
    unverified: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// Which way a result goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Apply,
    Undo,
}

impl Verb {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Undo => "undo",
        }
    }
}

pub(super) fn apply(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    let taking = Taking {
        branch: args.branch.clone(),
        unverified: args.unverified,
        dry_run: args.dry_run,
    };
    take(Verb::Apply, &args.which, &taking, global, ui)
}

/// Carries the verb out and tells what came of it.
pub(super) fn take(
    verb: Verb,
    which: &Which,
    taking: &Taking,
    global: &Global,
    ui: &Ui,
) -> Outcome {
    let (store, run) = open::run_named(global, which)?;
    let id = run.id;
    drop(store);
    open::refuse_elsewhere(global, &run)?;
    let base = taking
        .branch
        .as_ref()
        .map(|name| format!("refs/heads/{name}"));
    let engine = open::prospect(global, base.as_deref(), Vec::new())?.engine(global)?;
    watch::begin_log(&engine, ui);
    let taken = carry_out(verb, &engine, id, taking, ui);
    let taken = taken.map_err(|error| match error {
        TakingError::Stopped { .. } => Failure {
            exit: exit::STOPPED,
            ..Failure::from(error)
                .or_hint(|| format!("do it again: rgpt {} --run {id}", verb.name()))
        },
        error => Failure::from(error).or_hint(|| {
            format!(
                "mend that, then do it again: rgpt {} --run {id}",
                verb.name()
            )
        }),
    })?;
    let document = application::document(verb.name(), id, &taken);
    if ui.is_json() {
        ui.json(&document);
    } else {
        ui.line(&application::told(verb.name(), &document, ui.look()));
    }
    Ok(exit::REACHED)
}

fn carry_out(
    verb: Verb,
    engine: &Engine,
    id: RunId,
    taking: &Taking,
    ui: &Ui,
) -> Result<Taken, TakingError> {
    let runtime = watch::runtime().map_err(anyhow::Error::from)?;
    runtime.spawn(watch::listen_for_signals(engine.interrupt.clone()));
    runtime.spawn(tell_progress(engine.bus.subscribe(), ui.clone()));
    runtime.block_on(async {
        match verb {
            Verb::Apply => engine.apply(id, taking).await,
            Verb::Undo => engine.undo(id, taking).await,
        }
    })
}

/// Says what is being done meanwhile: checks take their time.
async fn tell_progress(mut subscription: Subscription, ui: Ui) {
    while let Some(message) = subscription.recv().await {
        if let Message::Notice(Notice::Progress { text, .. }) = message {
            ui.note(&text);
        }
    }
}
