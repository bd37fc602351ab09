//! `rgpt man`: the manual, as `man` reads it.

use std::path::{Path, PathBuf};

use clap_mangen::Man;
use serde_json::json;

use super::failure::Failure;
use super::ui::Ui;
use super::{Outcome, exit};

/// Print the manual page, or write a page for every command
///
/// To read it: rgpt man | man -l -
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Write a page for every command into DIR
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn man(args: &Args, ui: &Ui) -> Outcome {
    let pages = pages()?;
    match &args.dir {
        Some(folder) => write(folder, &pages, ui),
        None => {
            let (name, text) = &pages[0];
            if ui.is_json() {
                ui.json(&json!({"name": name, "page": text}));
            } else {
                ui.line(text.trim_end());
            }
            Ok(exit::REACHED)
        }
    }
}

/// A page for rgpt and one for each command: file name and text. The first is rgpt's own.
fn pages() -> Result<Vec<(String, String)>, Failure> {
    let mut all = super::command().disable_help_subcommand(true);
    all.build();
    let mut commands = vec![all];
    let mut pages = Vec::new();
    while let Some(command) = commands.pop() {
        commands.extend(
            command
                .get_subcommands()
                .filter(|c| !c.is_hide_set())
                .cloned(),
        );
        let page = Man::new(command);
        let mut text = Vec::new();
        page.render(&mut text)?;
        pages.push((
            page.get_filename(),
            String::from_utf8_lossy(&text).into_owned(),
        ));
    }
    Ok(pages)
}

fn write(folder: &Path, pages: &[(String, String)], ui: &Ui) -> Outcome {
    let trouble = |path: &Path, error: std::io::Error| {
        Failure::infra(
            format!("cannot write {}: {error}", path.display()),
            Some("name another folder: rgpt man --dir DIR".to_owned()),
        )
    };
    std::fs::create_dir_all(folder).map_err(|error| trouble(folder, error))?;
    let mut written = Vec::new();
    for (name, text) in pages {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| trouble(&path, error))?;
        written.push(path);
    }
    written.sort();
    if ui.is_json() {
        ui.json(&json!({"written": written}));
    } else {
        ui.line(&format!(
            "{} pages are in {}. Read one: man -l {}",
            written.len(),
            folder.display(),
            folder.join("rgpt.1").display()
        ));
    }
    Ok(exit::REACHED)
}
