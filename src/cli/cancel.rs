//! `rgpt cancel`: give a run up.

use crate::engine::{self, Cancelled};

use super::failure::Failure;
use super::ui::Ui;
use super::{Global, Outcome, Which, exit, open};

/// Give a run up; its driver stops at the next safe point
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

pub(super) fn cancel(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    let (store, run) = open::run_named(global, &args.which)?;
    let id = run.id;
    if run.state().is_terminal() {
        return Err(Failure::config(
            format!("run {id} has ended: it is {}", run.state()),
            format!("see what it did: rgpt inspect {id}"),
        ));
    }
    let reason = args.reason.as_deref();
    let done = engine::cancel(&store, open::clock().as_ref(), id, reason)? == Cancelled::Done;
    if ui.is_json() {
        ui.json(&serde_json::json!({"run": {"id": id, "state": if done { "cancelled" } else { "cancelling" }}}));
    } else if done {
        ui.line(&format!(
            "Run {id} is cancelled. Go on with it after all: rgpt resume --run {id}"
        ));
    } else {
        ui.line(&format!(
            "Run {id} is at work and will stop at its next safe point."
        ));
    }
    Ok(exit::REACHED)
}
