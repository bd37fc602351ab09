//! The command line in words, for the generated files: what stands there is what clap knows.

use std::fmt::Write as _;

/// The whole reference in Markdown: every verb with its help.
pub fn reference() -> String {
    let mut command = super::command();
    command.build();
    let mut text = String::from("# Command line\n\nGenerated from the program; do not edit.\n");
    section(&mut text, &mut command, 2);
    text
}

/// The help that `rgpt --help` prints, for the README.
pub fn help_block() -> String {
    super::command()
        .term_width(80)
        .render_long_help()
        .to_string()
}

fn section(text: &mut String, command: &mut clap::Command, level: usize) {
    let title = command
        .get_bin_name()
        .unwrap_or_else(|| command.get_name())
        .to_owned();
    let help = command
        .clone()
        .term_width(80)
        .render_long_help()
        .to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    let _ = write!(
        text,
        "\n{} {title}\n\n```text\n{}\n```\n",
        "#".repeat(level),
        lines.join("\n").trim_end()
    );
    for verb in command.get_subcommands_mut() {
        if !verb.is_hide_set() {
            section(text, verb, level + 1);
        }
    }
}
