//! `rgpt db`: look after the record.

use std::path::PathBuf;

use crate::store::Store;

use super::failure::Failure;
use super::ui::Ui;
use super::{Global, Outcome, exit, open};

/// Check, rebuild or back up the record
#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Check that the database is sound and says what its events say
    Check,
    /// Make every table that people query again from the events
    Rebuild,
    /// Write a copy that is whole, even while runs go on
    Backup {
        /// Where to; must not exist yet
        file: PathBuf,
    },
}

pub(super) fn db(verb: &Verb, global: &Global, ui: &Ui) -> Outcome {
    let store = match verb {
        Verb::Check => open::record(global).map_err(Failure::found)?,
        _ => open::record(global)?,
    };
    let Some(store) = store else {
        return Err(Failure::config(
            "there is no record yet",
            "make a run first: rgpt run --goal \"…\"",
        ));
    };
    match verb {
        Verb::Check => check(&store, ui),
        Verb::Rebuild => rebuild(&store, ui),
        Verb::Backup { file } if file.symlink_metadata().is_ok() => Err(Failure::config(
            format!("{} is there already", file.display()),
            "name a new file: rgpt db backup FILE",
        )),
        Verb::Backup { file } => {
            store.backup(file)?;
            if ui.is_json() {
                ui.json(&serde_json::json!({"backup": file}));
            } else {
                ui.line(&format!("The record is copied to {}.", file.display()));
            }
            Ok(exit::REACHED)
        }
    }
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
            "{} runs rebuilt, {} differences mended.",
            report.runs,
            report.differences.len()
        ));
    }
    Ok(exit::REACHED)
}

/// `1 run`, `2 runs`.
fn counted(number: u64, word: &str) -> String {
    let more = if number == 1 { "" } else { "s" };
    format!("{number} {word}{more}")
}
