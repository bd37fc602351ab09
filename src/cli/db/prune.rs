//! `rgpt db prune`: forget old runs, and say what goes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::config;
use crate::domain::{RunId, State};
use crate::store::{Filter, Store, driven_runs};
use crate::upkeep::prune::{self as pruning, ArchiveTo, Caches, Pruned};
use crate::upkeep::{Plan, Retention};
use crate::workspace::repository::UserRepository;
use crate::workspace::worktree;

use super::super::failure::Failure;
use super::super::render;
use super::super::ui::Ui;
use super::super::{Global, Outcome, exit, open};
use super::record;

/// Forget old runs: shows which, and does it with --yes
///
/// A run must meet everything that is asked for. Runs that can still go on stay unless they are
/// named, and so do runs that others were made from.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Keep the latest N runs
    #[arg(long, value_name = "N")]
    keep: Option<usize>,
    /// Only runs in which nothing happened for so long, as in 30d, 12h or 2w
    #[arg(long, value_name = "AGE", value_parser = age)]
    older_than: Option<Duration>,
    /// Only runs in this state, as in failed
    #[arg(long, value_name = "STATE")]
    state: Option<State>,
    /// This run, even if it can go on; may be given again
    #[arg(long, value_name = "RUN", conflicts_with_all = ["keep", "older_than", "state"])]
    run: Vec<i64>,
    /// Remove worktrees and kept build output of this record, too; they can be made again
    #[arg(long)]
    caches: bool,
    /// Do it
    #[arg(long)]
    yes: bool,
    /// Archive the runs in FILE before [default: in archive/ in the state directory]
    #[arg(long, value_name = "FILE")]
    archive: Option<PathBuf>,
    /// Archive nothing
    #[arg(long, conflicts_with = "archive")]
    no_archive: bool,
}

/// A time as people say how old something is.
fn age(text: &str) -> Result<Duration, String> {
    const UNITS: [(char, u64); 4] = [('w', 604_800), ('d', 86_400), ('h', 3_600), ('m', 60)];
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &text[number.len()..];
    let seconds = UNITS.iter().find(|(name, _)| unit == name.to_string());
    match (number.parse::<u64>(), seconds) {
        (Ok(number), Some((_, seconds))) => number
            .checked_mul(*seconds)
            .map(Duration::from_secs)
            .ok_or_else(|| "too long".to_owned()),
        _ => Err("expected an age such as 30d, 12h or 2w".to_owned()),
    }
}

pub(super) fn prune(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    let retention = Retention {
        keep: args.keep,
        older_than: args.older_than,
        state: args.state,
        named: args.run.iter().copied().map(RunId).collect(),
    };
    if retention.is_empty() && !args.caches {
        return Err(Failure::usage(
            "nothing says which runs may go",
            "say it with --keep N, --older-than 30d, --state failed or --run N",
        ));
    }
    let store = record(global)?;
    let now = open::clock().now();
    let runs = store.list(Filter::default())?;
    let mut at_work = driven_runs(store.dir())?;
    at_work.extend(store.open_moves()?);
    let plan = retention.plan(&runs, &at_work, now)?;
    let caches = caches(args, global, &store)?;
    let document = if args.yes {
        let archive = match (&args.archive, args.no_archive) {
            (_, true) => ArchiveTo::Nowhere,
            (Some(file), _) => ArchiveTo::File(file.clone()),
            (None, _) => ArchiveTo::StateDir,
        };
        done(
            &plan,
            &pruning::prune(store, &plan, &archive, &caches, now)?,
        )
    } else {
        let sizes = pruning::sizes(store.dir(), &caches);
        json!({"prune": {
            "done": false, "runs": plan.runs, "kept": plan.kept, "archive": null,
            "forgotten": null, "before": sizes, "after": null, "notes": [],
        }})
    };
    if ui.is_json() {
        ui.json(&document);
    } else {
        ui.line(&render::upkeep::prune(&document["prune"], ui.look()));
        let notes = document["prune"]["notes"].as_array();
        let notes = notes.into_iter().flatten().filter_map(Value::as_str);
        notes.for_each(|note| ui.note(note));
    }
    Ok(exit::REACHED)
}

fn done(plan: &Plan, pruned: &Pruned) -> Value {
    let archive = pruned
        .archive
        .as_ref()
        .map(|archive| json!({"path": archive.path, "size": archive.size}));
    json!({"prune": {
        "done": true, "runs": pruned.forgotten.runs, "kept": plan.kept, "archive": archive,
        "forgotten": pruned.forgotten, "before": pruned.before, "after": pruned.after,
        "notes": pruned.notes,
    }})
}

/// Where this record's runs have their worktrees.
fn caches(args: &Args, global: &Global, store: &Store) -> Result<Caches, Failure> {
    let here = open::start(global).ok();
    let homes = store.repositories()?;
    let folders = homes.iter().map(Path::new).chain(here.as_deref());
    let records: BTreeSet<String> = folders
        .filter_map(|folder| UserRepository::open(folder, None).ok())
        .map(|repository| worktree::record_id(&repository.id, &store.dir().root))
        .collect();
    Ok(Caches {
        home: open::cache_home(&config::environment())?,
        records: records.into_iter().collect(),
        clear: args.caches,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_whole_numbers_with_a_unit() {
        let days = |days: u64| Ok(Duration::from_secs(days * 86_400));
        assert_eq!(
            (age("30d"), age("2w"), age("48h")),
            (days(30), days(14), days(2))
        );
        for wrong in [
            "",
            "30",
            "d",
            "3 d",
            "1.5d",
            "3days",
            "-1d",
            "99999999999999999999d",
        ] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
        assert!(age("99999999999999999w").is_err());
    }
}
