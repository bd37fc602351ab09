//! `rgpt db restore`: put an archive in the place of a state directory.

use std::path::PathBuf;

use serde_json::json;

use crate::upkeep;

use super::super::render;
use super::super::ui::Ui;
use super::super::{Global, Outcome, exit, open};
use super::backup::holds;

/// Make a state directory from an archive
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The archive
    file: PathBuf,
    /// Put it in the place of the record that is there, which is kept beside it
    #[arg(long)]
    force: bool,
}

pub(super) fn restore(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    let root = open::state_root(global)?;
    let restored = upkeep::restore(&args.file, &root, args.force, open::clock().now())?;
    let document = json!({"restore": {
        "path": restored.path, "holds": holds(&restored.manifest), "moved": restored.moved,
    }});
    if ui.is_json() {
        ui.json(&document);
    } else {
        ui.line(&render::upkeep::restore(&document["restore"], ui.look()));
    }
    Ok(exit::REACHED)
}
