//! Generated files are what the program says, and no test is forgotten.
//!
//! `RGPT_REGENERATE=1 cargo test --test cli reference` writes the files again.

use std::fs;
use std::path::{Path, PathBuf};

const HOW: &str = "regenerate it: RGPT_REGENERATE=1 cargo test --test cli reference";

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Compares a file with what it should hold, or writes it where that is asked for.
#[expect(
    clippy::disallowed_methods,
    reason = "whoever changes the command line asks for new files this way"
)]
fn compare(path: &str, expected: &str) {
    if std::env::var("RGPT_REGENERATE").is_ok_and(|value| value == "1") {
        fs::create_dir_all(here(path).parent().unwrap()).unwrap();
        fs::write(here(path), expected).unwrap();
        return;
    }
    let found = fs::read_to_string(here(path)).unwrap_or_default();
    assert!(found == expected, "{path} is out of date; {HOW}");
}

#[test]
fn the_reference_says_what_the_program_says() {
    compare("docs/cli.md", &rgpt::cli::reference());
}

#[test]
fn the_schema_for_editors_says_what_the_loader_checks() {
    let schema = format!("{:#}\n", rgpt::config::json_schema());
    compare("docs/orchestrator.schema.json", &schema);
}

#[test]
fn the_readme_shows_the_help() {
    const BEGIN: &str = "<!-- help -->";
    const END: &str = "<!-- /help -->";
    let readme = fs::read_to_string(here("README.md")).unwrap();
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let help: Vec<String> = rgpt::cli::help_block()
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    let help = help.join("\n");
    let help = help.trim_end();
    compare(
        "README.md",
        &format!("{before}{BEGIN}\n```text\n{help}\n```\n{END}{after}"),
    );
}

#[test]
fn every_file_of_tests_is_a_module() {
    let main = fs::read_to_string(here("tests/cli/main.rs")).unwrap();
    for entry in fs::read_dir(here("tests/cli")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let name = name.trim_end_matches(".rs");
        let registered = main.contains(&format!("\nmod {name};"));
        assert!(
            registered || name == "main",
            "tests/cli/main.rs lacks `mod {name};`"
        );
    }
}
