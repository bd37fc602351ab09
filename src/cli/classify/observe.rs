//! Running a person's own command, to explain how it ended.

use std::path::PathBuf;
use std::time::Duration;

use crate::config;
use crate::diagnose::{Case, Kind};
use crate::engine::Interrupt;
use crate::verify::RunFacts;
use crate::workspace::command::{self, CommandSpec};

use super::super::failure::Failure;
use super::super::ui::Ui;
use super::super::{Global, open, watch};

/// Nobody waits longer than a day for an explanation.
const LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Runs a command where the person is, with their environment, and shows what it said.
pub(super) fn run(words: &[String], global: &Global, ui: &Ui) -> Result<Case, Failure> {
    let folder = open::start(global)?;
    let line = match words {
        [line] => line.clone(),
        words => words
            .iter()
            .map(|word| quoted(word))
            .collect::<Vec<_>>()
            .join(" "),
    };
    let environment = config::environment();
    let spool = spool(environment.get("TMPDIR"));
    let spec = CommandSpec {
        line: line.clone(),
        cwd: folder.clone(),
        env: environment
            .variables()
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        timeout: LIMIT,
        writable: Vec::new(),
        confined: false,
        spool: spool.clone(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let interrupt = Interrupt::default();
    runtime.block_on(watch::listen_for_signals(interrupt.clone()));
    if !ui.is_json() {
        ui.note(&format!("running {line}"));
    }
    let output = command::run(&std::env::current_exe()?, &spec, interrupt.flag())
        .map_err(|error| Failure::infra(format!("{line}: {error}"), None))?;
    let facts = RunFacts::of(&output, folder.display().to_string());
    // What is left there is harmless, and the system's to clean.
    drop(std::fs::remove_dir_all(&spool));
    if output.cancelled || interrupt.is_raised() {
        return Err(Failure::interrupted(
            "the command was interrupted",
            "run it again",
        ));
    }
    let facts = facts?;
    for stream in [&facts.stdout, &facts.stderr] {
        if !ui.is_json() && !ui.is_quiet() && !stream.trim().is_empty() {
            ui.line(&super::render::classify::stream(stream));
        }
    }
    Ok(Case {
        kind: Kind::Command,
        command: line,
        exit_code: facts.exit_code,
        signal: facts.signal,
        timed_out: facts.timed_out,
        stdout: facts.stdout,
        stderr: facts.stderr,
        ..Case::default()
    })
}

/// A folder for what does not fit into memory; it is made only if something does not.
fn spool(tmp: Option<&str>) -> PathBuf {
    let parent = tmp.filter(|path| path.starts_with('/')).unwrap_or("/tmp");
    PathBuf::from(parent).join(format!("rgpt-classify-{}", std::process::id()))
}

/// A word as the shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_reach_the_shell_as_they_were_typed() {
        assert_eq!(quoted("--a=b/c.rs"), "--a=b/c.rs");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!((quoted(""), quoted("a b")), ("''".into(), "'a b'".into()));
    }
}
