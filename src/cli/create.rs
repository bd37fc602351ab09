//! `rgpt create`: make a run without starting it.

use serde_json::json;

use crate::store;

use super::render;
use super::run::Order;
use super::ui::Ui;
use super::{Global, Outcome, exit};

/// Make a run without starting it
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    order: Order,
}

pub(super) fn create(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    let (engine, id) = args.order.make(global)?;
    if ui.is_json() {
        let document = store::inspect::document(&engine.store, id)?;
        let document = serde_json::to_value(document).map_err(anyhow::Error::from)?;
        ui.json(&json!({"run": document["run"]}));
    } else {
        let again = global.repeated();
        let next = [
            (format!("rgpt resume --run {id}{again}"), "carry it out"),
            (
                format!("rgpt advance --run {id}{again}"),
                "carry out its first phase",
            ),
        ];
        let next = render::outcome::commands_to_type(&next, ui.look());
        let next = render::summary::section("Next", next).unwrap_or_default();
        ui.line(&format!(
            "Run {id} is made; nothing has been done yet.\n\n{next}"
        ));
    }
    Ok(exit::REACHED)
}
