//! `rgpt models test`: does each model hold what its configuration says of it?

use std::collections::BTreeMap;

use serde_json::json;

use crate::config::{self, Config};
use crate::domain::budget::{Caps, Usage};
use crate::engine::Interrupt;
use crate::export::words;
use crate::llm::Mesh;

use super::super::config::load;
use super::super::failure::Failure;
use super::super::ui::Ui;
use super::super::{Global, Outcome, exit, open, render, watch};
use super::probe::{self, Prober};

/// Ask each model for words, a tool call and JSON, and a local one how much it really reads
///
/// The questions are short, cost money all the same, and stay within budget.usd and budget.tokens;
/// what they may cost at most is said before the first. Nothing of it is recorded.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The models by their names in the configuration; all that can be asked if none is given
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

pub(super) fn test(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    let environment = config::environment();
    let loaded = load(global, &environment)?;
    let config = &loaded.config;
    let mesh = Mesh::new(config, environment.variables(), &open::clock());
    let names = chosen(args, config, &mesh)?;
    let most = names.iter().map(|name| probe::at_most(config, &mesh, name));
    let (usd, tokens) = most.fold((0.0, 0), |(usd, tokens), most| {
        (usd + most.usd, tokens + most.tokens)
    });
    if !ui.is_json() {
        ui.note(&format!(
            "asking {}: {} at most, {} tokens",
            words::count(names.len() as u64, "model", "models"),
            crate::domain::units::cost(usd),
            crate::domain::units::tokens(tokens),
        ));
    }
    let runtime = watch::runtime()?;
    let interrupt = Interrupt::default();
    let mut prober = Prober {
        config,
        mesh: &mesh,
        ui,
        caps: caps(config),
        spent: Usage::default(),
        used: BTreeMap::new(),
    };
    let models = runtime.block_on(async {
        watch::listen_for_signals(interrupt.clone()).await;
        tokio::select! {
            models = prober.all(&names) => Some(models),
            () = interrupt.raised() => None,
        }
    });
    let Some(models) = models else {
        return Err(Failure::interrupted(
            "the test of the models was interrupted",
            format!("run it again: rgpt models test{}", global.repeated()),
        ));
    };
    let holds = models.iter().all(|model| model["holds"] == true);
    let cost = prober.spent.cost_usd;
    let document = json!({"models": models, "cost_usd": cost, "at_most_usd": usd});
    if ui.is_json() {
        ui.json(&document);
    } else {
        ui.line(&render::probes::probes(&document, ui.look()));
    }
    Ok(if holds {
        exit::REACHED
    } else {
        exit::NOT_REACHED
    })
}

/// The models to ask: those that were named, else all that can be asked.
fn chosen<'c>(args: &'c Args, config: &'c Config, mesh: &Mesh) -> Result<Vec<&'c str>, Failure> {
    let known: Vec<&str> = config.models.keys().map(String::as_str).collect();
    if known.is_empty() {
        return Err(Failure::config(
            "no models are configured",
            "see how to name one: rgpt models",
        ));
    }
    if let Some(unknown) = args
        .names
        .iter()
        .find(|name| !known.contains(&name.as_str()))
    {
        return Err(Failure::usage(
            format!("there is no model `{unknown}`"),
            format!("name one of these: {}", known.join(", ")),
        ));
    }
    let wanted = |name: &str| match args.names.as_slice() {
        [] => mesh.check(name).is_ok(),
        names => names.iter().any(|wanted| wanted == name),
    };
    let names: Vec<&str> = known.into_iter().filter(|name| wanted(name)).collect();
    if names.iter().all(|name| mesh.check(name).is_err()) {
        let why = config.models.keys().find_map(|name| mesh.check(name).err());
        return Err(Failure::config(
            format!(
                "no model can be asked: {}",
                why.map(|failure| failure.message).unwrap_or_default()
            ),
            "see what each of them needs: rgpt models",
        ));
    }
    Ok(names)
}

/// The budget as it is configured for a run.
fn caps(config: &Config) -> Caps {
    Caps {
        usd: config.budget.usd,
        tokens: config.budget.tokens,
        ..Caps::default()
    }
}
