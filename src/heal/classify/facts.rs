//! What is known of a command that was run: the input of [`command`](super::command()).

use crate::domain::check::{CheckResult, Counts, TestCase};
use crate::domain::finding::Category;

/// A command and how it ended. Streams are whole where they are at hand; colours and invalid text
/// are no obstacle.
#[derive(Clone, Copy, Debug)]
pub struct CommandFacts<'a> {
    /// What kind of check it is; `Custom` where nobody says.
    pub kind: Category,
    /// The command line.
    pub command: &'a str,
    /// The exit code; none if a signal or the caller's time limit ended it.
    pub exit_code: Option<i32>,
    /// The signal that ended it, as `SIGKILL`.
    pub signal: Option<&'a str>,
    /// Whether the caller killed it at its time limit.
    pub timed_out: bool,
    /// What it said.
    pub stdout: &'a str,
    /// What it said on the other stream.
    pub stderr: &'a str,
    /// The tests that its report names; empty without a report.
    pub tests: &'a [TestCase],
    /// What its report counts.
    pub counts: Option<Counts>,
    /// What is known of the project and of earlier attempts.
    pub around: Around<'a>,
}

/// What is known beside the command itself; empty where nothing is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Around<'a> {
    /// The project's files before the command.
    pub project_files: &'a [String],
    /// The files that the step edited.
    pub changed_files: &'a [String],
    /// The dependencies that the project declares.
    pub declared_deps: &'a [String],
    /// Files whose content is a model's raw output.
    pub generated_by_model: &'a [String],
    /// How earlier attempts at the same command on the same tree ended; true is well.
    pub history: &'a [bool],
}

impl<'a> CommandFacts<'a> {
    /// The facts of a check that ran; its output is what was kept of both streams.
    pub fn of_check(result: &'a CheckResult) -> Self {
        Self {
            kind: result.kind,
            command: &result.command,
            exit_code: result.exit_code,
            signal: result.signal.as_deref(),
            timed_out: result.timed_out,
            stdout: &result.output,
            stderr: "",
            tests: &result.tests,
            counts: result.report,
            around: Around::default(),
        }
    }
}
