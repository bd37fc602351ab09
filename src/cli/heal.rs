//! `rgpt heal`: one repair by hand, and what has been learned of repairs.

mod learned;

use crate::domain::event::{HealByHand, RunResumed};
use crate::domain::failure::ErrorType;
use crate::domain::remedy::HealAction;
use crate::domain::run::Standing;
use crate::domain::{Run, State};
use crate::heal::remedy;

use super::failure::Failure;
use super::ui::Ui;
use super::watch::{self, Show};
use super::{Global, Outcome, Which, exit, open};

/// Make one repair of the failure on which a run stands, and stop again; or show what repairs help
///
/// The repair is kept only if things are strictly better when the check that failed has run again.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// The repair, as in fix_assertion; the most promising that brings something new if none is named
    #[arg(long, value_name = "ACTION")]
    action: Option<HealAction>,
    /// Show the repairs there are, how likely each is to help, and what has helped before
    #[arg(long, conflicts_with_all = ["id", "run", "action"])]
    list: bool,
    /// Forget what became of the repairs of a failure, by the beginning of its signature, or `all`
    #[arg(long, value_name = "SIGNATURE", conflicts_with_all = ["id", "run", "action", "list"])]
    forget: Option<String>,
}

impl Args {
    /// Whether events are printed as they happen.
    pub(super) fn streams(&self) -> bool {
        !self.list && self.forget.is_none()
    }
}

pub(super) fn heal(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    if args.list {
        return learned::list(global, ui);
    }
    if let Some(signature) = &args.forget {
        return learned::forget(signature, global, ui);
    }
    let (store, run) = open::run_named(global, &args.which)?;
    let standing = standing(&run)?;
    if let Some(action) = args.action {
        require_on_ladder(&run, standing, action)?;
    }
    drop(store);
    let engine = open::prospect_of(global, &run, Vec::new())?.engine(global)?;
    let resumed = RunResumed {
        granted: true,
        until: run.until.is_some().then_some(None),
        heal: Some(HealByHand {
            action: args.action,
        }),
        ..RunResumed::default()
    };
    let store = engine.store.clone();
    let code = watch::drive(engine, ui, Show::Summary, |_| Ok((run.id, Some(resumed))))?;
    // Whether the repair helped is what was asked for, wherever the run stands.
    let last = store.load(run.id)?.and_then(|run| run.heals.last()?.kept);
    Ok(match (code, last) {
        (exit::REACHED, Some(false)) => exit::NOT_REACHED,
        (code, _) => code,
    })
}

/// The failure on which the run stands.
fn standing(run: &Run) -> Result<&Standing, Failure> {
    let stands = run.heal.is_none() && matches!(run.progress(), State::Failed | State::Error(_));
    let standing = run.failure.as_ref().filter(|_| stands);
    standing.ok_or_else(|| {
        Failure::config(
            format!(
                "run {} does not stand on a failure: it is {}",
                run.id,
                run.state()
            ),
            format!("see where it stands: rgpt inspect {}", run.id),
        )
    })
}

fn require_on_ladder(run: &Run, standing: &Standing, action: HealAction) -> Result<(), Failure> {
    let known = remedy::actions(&standing.failure);
    if known.contains(&action) {
        return Ok(());
    }
    let names: Vec<&str> = known.into_iter().map(HealAction::as_str).collect();
    let hint = match names.as_slice() {
        [] if standing.failure.error_type == ErrorType::Safety => format!(
            "a refusal is not argued with; do the work again, by another model or policy: rgpt resume --run {} --phase builder",
            run.id
        ),
        [] => format!("see what is wrong: rgpt inspect {}", run.id),
        names => format!("there are: {}", names.join(", ")),
    };
    Err(Failure::config(
        format!(
            "{action} is no repair of this {}",
            standing.failure.error_type
        ),
        hint,
    ))
}
