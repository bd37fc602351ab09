//! `rgpt models`: who can be asked, what that costs, how it went so far, what they can do, and why whom
//! was asked.

mod list;
mod probe;
mod questions;
mod test;
mod why;

use super::ui::Ui;
use super::{Global, Outcome};

/// List the configured models: price, health, learned success, calls and spend
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Test(test::Args),
    Why(why::Args),
}

pub(super) fn models(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    match &args.verb {
        None => list::list(global, ui),
        Some(Verb::Test(args)) => test::test(args, global, ui),
        Some(Verb::Why(args)) => why::why(args, global, ui),
    }
}
