//! `rgpt inspect`: everything about one run.

use crate::store;

use super::render;
use super::ui::Ui;
use super::{Global, Outcome, Which, exit, open};

/// Show everything about a run: plan, phases, heals, checks, findings, events
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
}

pub(super) fn inspect(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    let (store, run) = open::run_named(global, &args.which)?;
    let document = store::inspect::document(&store, run.id)?;
    let document = serde_json::to_value(document).map_err(anyhow::Error::from)?;
    if ui.is_json() {
        ui.json(&document);
    } else {
        let now = open::clock().now();
        ui.line(&render::inspect::inspect(
            &document,
            ui.verbosity() > 0,
            now,
            ui.look(),
        ));
    }
    Ok(exit::REACHED)
}
