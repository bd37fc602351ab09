//! `rgpt undo`: take a run's result out of your branch again.

use crate::engine::Taking;

use super::apply::{Verb, take};
use super::ui::Ui;
use super::{Global, Outcome, Which};

/// Take an applied result out of your branch again
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn undo(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    let taking = Taking {
        dry_run: args.dry_run,
        ..Taking::default()
    };
    take(Verb::Undo, &args.which, &taking, global, ui)
}
