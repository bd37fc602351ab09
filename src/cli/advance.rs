//! `rgpt advance`: do one phase of a run by hand.

use crate::domain::Run;
use crate::domain::phase::Phase;

use super::failure::Failure;
use super::resume::{self, StopAfter, Wish};
use super::run::Limits;
use super::ui::Ui;
use super::{Global, Outcome, Which};

/// Do one phase of a run, then stop
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// Which phase: the next one, or one to go back to
    #[arg(long, value_name = "PHASE")]
    phase: Option<Phase>,
    #[command(flatten)]
    limits: Limits,
}

pub(super) fn advance(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    resume::go_on(&args.which, |run| args.wish(run), global, ui)
}

impl Args {
    fn wish(&self, run: &Run) -> Result<Wish, Failure> {
        let next = resume::next_phase(run);
        if let (Some(wanted), Some(next)) = (self.phase, next)
            && wanted > next
        {
            return Err(Failure::config(
                format!("run {} comes to the {next} first", run.id),
                format!("do that: rgpt advance --run {}", run.id),
            ));
        }
        // What is next is begun, not gone back to.
        let come_to = |phase: &Phase| run.phase().is_some_and(|now| *phase <= now);
        Ok(Wish {
            from: self.phase.filter(come_to),
            stop: StopAfter::OnePhase,
            limits: self.limits.clone(),
        })
    }
}
