//! `rgpt classify`: what a failure is.

mod lines;
mod observe;
mod score;

use std::io::{self, Read as _};
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;

use crate::diagnose::{Answer, Case, Kind, diagnose};
use crate::heal::classify::Scorer;

use super::failure::Failure;
use super::ui::Ui;
use super::{Global, Outcome, exit, render};

/// The most bytes of a log that are read, from its end; what matters stands there.
const MOST_LOG: usize = 64 * 1024 * 1024;

/// Say what a failure is: its class, its root cause, what to do about it
///
/// With a command after `--`, runs it here, as you would, and explains how it ended. Otherwise reads its output on
/// standard input, and is told how it ended. No model is asked, and neither repository nor configuration is needed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    rgpt classify -- cargo test          run it and explain\n  \
    rgpt classify --exit-code 101 < log  explain a log\n  \
    rgpt classify --jsonl < cases.jsonl  one answer a line for one case a line\n\n\
    Exit codes: 0 nothing failed, 2 something did, 1 a case could not be read")]
pub(super) struct Args {
    /// The exit code with which the command ended
    #[arg(
        long,
        value_name = "CODE",
        allow_negative_numbers = true,
        conflicts_with = "jsonl"
    )]
    exit_code: Option<i32>,
    /// The signal that ended it, as SIGKILL
    #[arg(long, value_name = "NAME", value_parser = signal, conflicts_with = "jsonl")]
    signal: Option<String>,
    /// It was killed at its time limit
    #[arg(long, conflicts_with = "jsonl")]
    timed_out: bool,
    /// The command whose output it is, as it was typed
    #[arg(long = "command", value_name = "LINE", conflicts_with = "jsonl")]
    line: Option<String>,
    /// A file with what it wrote to standard error, if that is apart
    #[arg(long, value_name = "FILE", conflicts_with = "jsonl")]
    stderr: Option<PathBuf>,
    /// Read cases, one JSON object a line, and answer each with one line
    #[arg(long)]
    jsonl: bool,
    /// Weigh with the weights in FILE instead of those that are built in
    #[arg(long, value_name = "FILE")]
    scorer: Option<PathBuf>,
    /// Make weights from labelled cases in FILE…, and say how good they are
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["jsonl", "exit_code", "signal", "timed_out", "line", "stderr", "scorer"])]
    train: Vec<PathBuf>,
    /// Where the new weights go
    #[arg(long, value_name = "FILE", requires = "train")]
    output: Option<PathBuf>,
    /// How the weights are tried out: in five parts, or each tool chain by itself
    #[arg(long, value_name = "HOW", requires = "train", default_value = "parts", value_parser = PossibleValuesParser::new(["parts", "each", "no"]))]
    validate: String,
    /// The command to run
    #[arg(last = true, value_name = "CMD", conflicts_with_all = ["exit_code", "signal", "timed_out", "line", "stderr", "jsonl", "train"])]
    command: Vec<String>,
}

/// A signal's name, with or without SIG before it.
fn signal(text: &str) -> Result<String, String> {
    const KNOWN: [&str; 16] = [
        "ABRT", "ALRM", "BUS", "FPE", "HUP", "ILL", "INT", "KILL", "PIPE", "QUIT", "SEGV", "SYS",
        "TERM", "TRAP", "XCPU", "XFSZ",
    ];
    let name = text.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    match KNOWN.contains(&name) {
        true => Ok(format!("SIG{name}")),
        false => Err(format!(
            "there is no such signal; there are: {}",
            KNOWN.join(", ")
        )),
    }
}

pub(super) fn classify(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    if !args.train.is_empty() {
        return score::train(&args.train, args.output.as_deref(), &args.validate, ui);
    }
    let own = args.scorer.as_deref().map(score::read).transpose()?;
    let scorer = own.as_ref().unwrap_or_else(|| Scorer::built_in());
    if args.jsonl {
        return lines::answer(io::stdin().lock(), scorer, ui);
    }
    let case = match args.command.as_slice() {
        [] => of_log(args)?,
        words => observe::run(words, global, ui)?,
    };
    Ok(tell(&diagnose(&case, scorer), ui))
}

/// Shows an answer; the exit code says whether something failed.
fn tell(answer: &Answer, ui: &Ui) -> u8 {
    if ui.is_json() {
        ui.json(&answer.document());
    } else {
        ui.line(&render::classify::answer(answer, ui.look()));
    }
    match answer.diagnosis.error_type {
        None => exit::REACHED,
        Some(_) => exit::NOT_REACHED,
    }
}

/// The case of a log on standard input.
fn of_log(args: &Args) -> Result<Case, Failure> {
    let is_told = args.exit_code.is_some() || args.signal.is_some() || args.timed_out;
    if !is_told {
        return Err(Failure::usage(
            "nobody says how the command ended",
            "run it: rgpt classify -- CMD…; or give its output and exit code: rgpt classify --exit-code 1 < log",
        ));
    }
    let stderr = match &args.stderr {
        None => String::new(),
        Some(file) => {
            let opened = std::fs::File::open(file).map_err(|error| {
                Failure::config(
                    format!("cannot read {}: {error}", file.display()),
                    "name a file that is there",
                )
            })?;
            end_of(opened)?
        }
    };
    Ok(Case {
        kind: Kind::Command,
        command: args.line.clone().unwrap_or_default(),
        exit_code: args.exit_code,
        signal: args.signal.clone(),
        timed_out: args.timed_out,
        stdout: end_of(io::stdin().lock())?,
        stderr,
        ..Case::default()
    })
}

/// What a stream says, of too much the end; memory stays bounded.
fn end_of(mut stream: impl io::Read) -> io::Result<String> {
    let mut kept = Vec::new();
    loop {
        let read = (&mut stream).take(MOST_LOG as u64).read_to_end(&mut kept)?;
        let over = kept.len().saturating_sub(MOST_LOG);
        kept.drain(..over);
        if read == 0 {
            return Ok(String::from_utf8_lossy(&kept).into_owned());
        }
    }
}
