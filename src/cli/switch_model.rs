//! `rgpt switch-model`: have another model asked in a run.

use serde_json::json;

use crate::config;
use crate::domain::phase::{Agent, Phase};
use crate::domain::{Run, State};
use crate::llm::Mesh;
use crate::store::ModelSwitch;

use super::config::load;
use super::failure::Failure;
use super::ui::Ui;
use super::{Global, Outcome, Which, exit, logs, open};

/// Ask another model in a run, from the next call on
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    whose: Whose,
    /// The model, by its name in the configuration
    #[arg(long, value_name = "MODEL")]
    model: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Whose calls go to the model.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Whose {
    /// The phase whose agent is to ask it
    #[arg(long, value_name = "PHASE")]
    phase: Option<Phase>,
    /// The agent that is to ask it: planner, builder, tester or releaser
    #[arg(long, value_name = "AGENT", value_parser = logs::agent)]
    agent: Option<Agent>,
}

/// With `--json` the document is `{"run": {id, state, driven}, "intervention": {id, kind, agent,
/// model, status}}`: the wish is `open` until the driver of the run has taken it up.
pub(super) fn switch_model(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    let (store, run) = open::run_named(global, &args.which)?;
    refuse_settled(&run)?;
    let whose = args.whose.agent.or(args.whose.phase.map(Phase::agent));
    let agent = whose.ok_or_else(|| {
        Failure::usage(
            "it is not said whose model is to be switched",
            "name a phase or an agent: --phase builder",
        )
    })?;
    require_usable(&args.model, global)?;
    let switch = ModelSwitch {
        agent,
        model: args.model.clone(),
    };
    let asked = store.ask_to_switch(run.id, &switch, args.reason.as_deref())?;
    let (id, driven) = (run.id, store.is_driven(run.id)?);
    if ui.is_json() {
        ui.json(&json!({
            "run": {"id": id, "state": run.state(), "driven": driven},
            "intervention": {"id": asked, "kind": "switch_model", "agent": agent,
                             "model": args.model, "status": "open"},
        }));
    } else if driven {
        ui.line(&format!(
            "Run {id} is at work; its {agent} asks {} from the next call on.",
            args.model
        ));
    } else {
        ui.line(&format!(
            "The {agent} of run {id} asks {} once the run goes on: rgpt resume --run {id}",
            args.model
        ));
    }
    Ok(exit::REACHED)
}

/// A run that is done asks nobody any more, and one that follows a record never did.
fn refuse_settled(run: &Run) -> Result<(), Failure> {
    if run.state() == State::Done {
        return Err(Failure::config(
            format!(
                "run {} has reached its goal; it asks no model any more",
                run.id
            ),
            format!(
                "see whom it asked, and why: rgpt models why --run {}",
                run.id
            ),
        ));
    }
    let replay = run
        .replay
        .as_ref()
        .filter(|replay| replay.mode.is_offline());
    match replay {
        Some(replay) => Err(Failure::config(
            format!(
                "run {} only follows the record of run {}",
                run.id, replay.source
            ),
            format!("do it with models: rgpt replay --run {}", replay.source),
        )),
        None => Ok(()),
    }
}

fn require_usable(model: &str, global: &Global) -> Result<(), Failure> {
    let environment = config::environment();
    let loaded = load(global, &environment)?;
    let mesh = Mesh::new(&loaded.config, environment.variables(), &open::clock());
    mesh.check(model)
        .map_err(|failure| Failure::config(failure.message, "see which can be asked: rgpt models"))
}
