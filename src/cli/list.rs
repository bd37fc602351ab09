//! `rgpt list`: the runs on the record.

use serde_json::json;

use crate::domain::State;
use crate::store::Filter;

use super::render;
use super::ui::Ui;
use super::{Global, Outcome, exit, open};

/// List runs, the latest first
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only runs in this state, as in done, failed or builder_running
    #[arg(long, value_name = "STATE")]
    state: Option<State>,
    /// Only runs that can be resumed
    #[arg(long)]
    recoverable: bool,
    /// At most this many (50 in text, all in JSON)
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
}

/// How many runs are shown as text.
const SHOWN: u32 = 50;

pub(super) fn list(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    let filter = Filter {
        state: args.state,
        recoverable: args.recoverable,
        // One more than is shown tells whether there are more.
        limit: args.limit.or((!ui.is_json()).then_some(SHOWN + 1)),
    };
    let document = match open::record(global)? {
        Some(store) => json!({"runs": store.list(filter)?}),
        None => json!({"runs": []}),
    };
    if ui.is_json() {
        ui.json(&document);
    } else {
        let now = open::clock().now();
        let runs = document["runs"].as_array().map_or(&[][..], Vec::as_slice);
        let more = args.limit.is_none() && runs.len() > SHOWN as usize;
        let shown = if more { &runs[..SHOWN as usize] } else { runs };
        let document = json!({"runs": shown});
        let filtered = args.state.is_some() || args.recoverable || args.limit.is_some();
        if filtered && shown.is_empty() {
            ui.line("no run matches; see them all: rgpt list");
            return Ok(exit::REACHED);
        }
        ui.line(&render::list::list(&document, now, ui.look()));
        if more {
            ui.line("There are more: rgpt list --limit 1000");
        }
    }
    Ok(exit::REACHED)
}
