//! `rgpt replay`: do a run again from one of its phases, and compare.

use clap::ValueEnum;

use crate::config;
use crate::domain::Run;
use crate::domain::phase::Phase;
use crate::domain::replay::ReplayMode;
use crate::engine::{ForkPoint, NewReplay, recorded_config};
use crate::store::Store;

use super::failure::Failure;
use super::run::{self, Limits};
use super::ui::Ui;
use super::watch::{self, Show};
use super::{Global, Outcome, Which, open};

/// Do a run again from a phase, as a run of its own, and compare the two
///
/// With --offline nobody is asked and no model's command is run: their answers come from the
/// record, edits are applied again and the checks run again. Whatever comes out otherwise than on
/// the record is named, and the exit code is 4.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// Begin where this phase was last begun, with the tree of that moment
    #[arg(long, value_name = "PHASE", conflicts_with = "failed")]
    phase: Option<Phase>,
    /// Begin where the phase that failed last was begun
    #[arg(long)]
    failed: bool,
    /// Stop after this phase
    #[arg(long, value_name = "PHASE")]
    until: Option<Phase>,
    /// Take the answers of models and of their commands from the record
    #[arg(long, conflicts_with_all = ["model", "budget_usd", "budget_tokens", "budget_attempts", "max_retries", "timeout"])]
    offline: bool,
    /// With --offline: run the checks, or take their results from the record, too
    #[arg(long, value_name = "HOW", requires = "offline", default_value = "run")]
    checks: Checks,
    #[command(flatten)]
    limits: Limits,
    /// Use MODEL for PHASE, as in builder=sonnet; may be given again
    #[arg(long, value_name = "PHASE=MODEL")]
    model: Vec<String>,
}

/// Where the results of checks come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Checks {
    /// They run.
    Run,
    /// The record.
    Recorded,
}

impl Args {
    fn mode(&self) -> ReplayMode {
        match (self.offline, self.checks) {
            (false, _) => ReplayMode::Live,
            (true, Checks::Run) => ReplayMode::Offline,
            (true, Checks::Recorded) => ReplayMode::Recorded,
        }
    }

    fn from(&self) -> ForkPoint {
        match (self.phase, self.failed) {
            (Some(phase), _) => ForkPoint::Phase(phase),
            (None, true) => ForkPoint::Failure,
            (None, false) => ForkPoint::Start,
        }
    }
}

pub(super) fn replay(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    if let (Some(phase), Some(until)) = (args.phase, args.until)
        && until < phase
    {
        return Err(Failure::usage(
            format!("the {until} comes before the {phase}"),
            "name a later phase with --until",
        ));
    }
    let (store, source) = open::run_named(global, &args.which)?;
    let mut flags = args.limits.flags();
    for choice in &args.model {
        flags.push(run::model(choice)?);
    }
    let mut prospect = open::prospect_of(global, &source, flags)?;
    if args.offline {
        prospect.recall(&store, &source)?;
    }
    drop(store);
    let replay = NewReplay {
        source: source.id,
        from: args.from(),
        until: args.until,
        mode: args.mode(),
    };
    let engine = prospect.engine(global)?;
    watch::drive(engine, ui, Show::Summary, |engine| {
        Ok((engine.fork(replay)?, None))
    })
}

impl open::Prospect {
    /// Takes the settings that a run was recorded with; only whether commands are confined is for
    /// this machine to say. A record that came with the repository is somebody else's, and its
    /// settings may say more than a file that git tracks is allowed to.
    pub(super) fn recall(&mut self, store: &Store, run: &Run) -> Result<(), Failure> {
        let database = &store.dir().db;
        if self.repository.is_tracked(database).unwrap_or(true) {
            return Err(Failure::config(
                format!(
                    "git tracks the record {}, so its settings are not yours",
                    database.display()
                ),
                "take it out of the repository: git rm -r --cached .rgpt",
            ));
        }
        let recorded = recorded_config(store, run)?;
        let mut config = config::from_canonical_json(&recorded).map_err(|error| {
            Failure::infra(
                format!("the recorded configuration cannot be read: {error}"),
                Some("look after the record: rgpt db check".to_owned()),
            )
        })?;
        let here = &self.loaded.config;
        config.policy.sandbox = here.policy.sandbox;
        // A record may come from elsewhere: what it may see of this machine is for its owner to say.
        let passed: Vec<&String> = here
            .checks
            .iter()
            .flat_map(|(_, it)| &it.pass_env)
            .collect();
        for (name, check) in &mut config.checks {
            let all = check.pass_env.len();
            check.pass_env.retain(|variable| passed.contains(&variable));
            if check.pass_env.len() < all {
                tracing::warn!("the check {name} sees fewer variables than when it was recorded");
            }
        }
        config.logging = here.logging.clone();
        self.loaded.config = config;
        Ok(())
    }
}
