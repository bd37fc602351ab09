//! `rgpt completions`: what a shell needs to complete rgpt's commands.

use clap_complete::Shell;
use serde_json::json;

use super::ui::Ui;
use super::{Outcome, exit};

/// Print a script that completes rgpt's commands in a shell
///
/// bash: rgpt completions bash > ~/.local/share/bash-completion/completions/rgpt
///
/// zsh: rgpt completions zsh > "${fpath[1]}/_rgpt"
///
/// fish: rgpt completions fish > ~/.config/fish/completions/rgpt.fish
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

pub(super) fn completions(args: &Args, ui: &Ui) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), "rgpt", &mut script);
    let script = String::from_utf8_lossy(&script);
    if ui.is_json() {
        ui.json(&json!({"shell": args.shell.to_string(), "script": script}));
    } else {
        ui.line(script.trim_end());
    }
    Ok(exit::REACHED)
}
