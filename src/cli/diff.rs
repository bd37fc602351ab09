//! `rgpt diff`: two runs side by side.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::compare::{RunDiff, Side};
use crate::domain::budget::Usage;
use crate::domain::tape::TapeEntry;
use crate::domain::{ExecutionId, Record, Run, TreeId};
use crate::store::{Store, StoreError};
use crate::workspace::own::OwnGit;

use super::failure::Failure;
use super::render::comparison::{self, Patch};
use super::ui::Ui;
use super::{Global, Outcome, exit, open};

/// Compare two runs: where they part, what differs in plan, tests, findings, cost and code
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The first run: its number, or `latest`
    #[arg(value_name = "A")]
    a: String,
    /// The second run
    #[arg(value_name = "B")]
    b: String,
    /// Exit with 2 if B is worse: a test newly fails, a major finding is added, or it came less far
    #[arg(long)]
    exit_code: bool,
    /// Show the whole patch between what the runs made, not only its beginning
    #[arg(long)]
    patch: bool,
}

pub(super) fn diff(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    let Some(store) = open::record(global)? else {
        return Err(Failure::no_run(&args.a));
    };
    let a = Known::read(&store, open::run_on(&store, &args.a)?)?;
    let b = Known::read(&store, open::run_on(&store, &args.b)?)?;
    let difference = RunDiff::of(a.side(), b.side());
    let patch = patch(global, &difference.states.a.tree, &difference.states.b.tree)?;
    let mut document = serde_json::to_value(&difference).map_err(anyhow::Error::from)?;
    match patch {
        Ok(patch) => document["patch"] = Value::String(patch),
        Err(why) => {
            document["patch"] = Value::Null;
            document["patch_missing"] = json!(why);
        }
    }
    if ui.is_json() {
        ui.json(&document);
    } else {
        let shown = match args.patch {
            true => Patch::Whole,
            false => Patch::Beginning,
        };
        ui.line(&comparison::comparison(&document, shown, ui.look()));
    }
    match args.exit_code && difference.regression {
        true => Ok(exit::NOT_REACHED),
        false => Ok(exit::REACHED),
    }
}

/// A run with all that is compared of it.
struct Known {
    run: Run,
    records: Vec<Record>,
    tapes: BTreeMap<ExecutionId, Vec<TapeEntry>>,
    usage: Usage,
}

impl Known {
    fn read(store: &Store, run: Run) -> Result<Self, StoreError> {
        let mut tapes = BTreeMap::new();
        for execution in &run.executions {
            // Before its fork, a run's tapes are its source's.
            let shared = run.replay.as_ref().map_or(0, |replay| replay.executions);
            if execution.id.0 > shared {
                tapes.insert(execution.id, store.tape(run.id, execution.id)?);
            }
        }
        Ok(Self {
            records: store.events(run.id)?,
            usage: store.usage(run.id)?,
            tapes,
            run,
        })
    }

    fn side(&self) -> Side<'_> {
        Side {
            run: &self.run,
            records: &self.records,
            tapes: &self.tapes,
            usage: self.usage,
        }
    }
}

/// The change from one tree to another, or why it cannot be told.
fn patch(global: &Global, a: &TreeId, b: &TreeId) -> Result<Result<String, String>, Failure> {
    if a == b {
        return Ok(Ok(String::new()));
    }
    let own = match OwnGit::existing(&open::state_root(global)?) {
        Ok(Some(own)) => own,
        Ok(None) => return Ok(Err("the record has no git directory".to_owned())),
        Err(error) => return Ok(Err(error.to_string())),
    };
    for tree in [a, b] {
        if !own.object_exists(tree.as_str()).unwrap_or(false) {
            return Ok(Err(format!("tree {tree} is no longer on the record")));
        }
    }
    Ok(own.diff(a, b).map_err(|error| error.to_string()))
}
