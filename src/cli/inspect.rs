//! `rgpt inspect`: everything about one run; or what goes wrong, over all runs.

use crate::domain::RunId;
use crate::store::{self, FailureReport, Rates, Store};

use super::render;
use super::ui::Ui;
use super::{Global, Outcome, Which, exit, open};

/// Show everything about a run: plan, phases, heals, checks, findings, events
///
/// With --failures: what went wrong, the same failure once, and what healed it; in all runs, or in
/// the run that is named.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// Show what went wrong instead, in all runs if none is named
    #[arg(long)]
    failures: bool,
    /// At most this many kinds of failures (20 in text, all in JSON)
    #[arg(long, value_name = "N", requires = "failures", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

/// How many kinds of failures are shown as text.
const SHOWN: usize = 20;

pub(super) fn inspect(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    if args.failures {
        return failures(args, global, ui);
    }
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

fn failures(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    let limit = args.limit.map(|limit| limit as usize);
    let limit = limit.or((!ui.is_json()).then_some(SHOWN));
    let report = if args.which.is_named() {
        let (store, run) = open::run_named(global, &args.which)?;
        report(&store, Some(run.id), limit)?
    } else {
        match open::record(global)? {
            Some(store) => report(&store, None, limit)?,
            None => FailureReport {
                run: None,
                rates: Rates::default(),
                kinds: 0,
                failures: Vec::new(),
                quarantine: Vec::new(),
            },
        }
    };
    let report = serde_json::to_value(report).map_err(anyhow::Error::from)?;
    if ui.is_json() {
        ui.json(&report);
    } else {
        let now = open::clock().now();
        ui.line(&render::failures::report(&report, now, ui.look()));
    }
    Ok(exit::REACHED)
}

fn report(
    store: &Store,
    run: Option<RunId>,
    limit: Option<usize>,
) -> Result<FailureReport, store::StoreError> {
    store.failures(run, limit, open::clock().now())
}
