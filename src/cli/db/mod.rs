//! `rgpt db`: look after the record.

mod backup;
mod prune;
mod restore;

use crate::store::Store;

use super::failure::Failure;
use super::ui::Ui;
use super::{Global, Outcome, exit, open};

/// Check, rebuild, back up, restore or prune the record
#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Check that the database is sound and says what its events say
    Check,
    /// Make every table that people query again from the events
    Rebuild,
    Backup(backup::Args),
    Restore(restore::Args),
    Prune(prune::Args),
}

pub(super) fn db(verb: &Verb, global: &Global, ui: &Ui) -> Outcome {
    match verb {
        Verb::Check => check(&record(global).map_err(Failure::found)?, ui),
        Verb::Rebuild => rebuild(&record(global)?, ui),
        Verb::Backup(args) => backup::backup(args, global, ui),
        Verb::Restore(args) => restore::restore(args, global, ui),
        Verb::Prune(args) => prune::prune(args, global, ui),
    }
}

/// The record, which must be there.
fn record(global: &Global) -> Result<Store, Failure> {
    open::record(global)?.ok_or_else(|| {
        Failure::config(
            "there is no record yet",
            "make a run first: rgpt run --goal \"…\"",
        )
    })
}

fn check(store: &Store, ui: &Ui) -> Outcome {
    let report = store.check()?;
    if ui.is_json() {
        ui.json(&serde_json::json!({"ok": report.problems.is_empty(), "check": report}));
    } else {
        for problem in &report.problems {
            ui.line(problem);
        }
        let verdict = match report.problems.len() {
            0 => "All is well".to_owned(),
            1 => "1 problem".to_owned(),
            more => format!("{more} problems"),
        };
        ui.line(&format!(
            "{verdict}: {}, {}.",
            counted(report.runs, "run"),
            counted(report.events, "event")
        ));
    }
    Ok(if report.problems.is_empty() {
        exit::REACHED
    } else {
        exit::NOT_REACHED
    })
}

fn rebuild(store: &Store, ui: &Ui) -> Outcome {
    let report = store.rebuild()?;
    if ui.is_json() {
        ui.json(&serde_json::json!({"ok": report.differences.is_empty(), "rebuild": report}));
    } else {
        for difference in &report.differences {
            ui.line(difference);
        }
        ui.line(&format!(
            "{} rebuilt, {} mended.",
            counted(report.runs, "run"),
            counted(report.differences.len() as u64, "difference")
        ));
    }
    Ok(exit::REACHED)
}

/// `1 run`, `2 runs`.
fn counted(number: u64, word: &str) -> String {
    let more = if number == 1 { "" } else { "s" };
    format!("{number} {word}{more}")
}
