//! The command line: one file per verb. `ui` is the only file that prints.

mod advance;
mod apply;
mod artifacts;
mod cancel;
mod classify;
mod completions;
mod config;
mod create;
mod db;
mod demo;
mod diff;
mod doctor;
mod exit;
mod export;
mod failure;
mod heal;
mod init;
mod inspect;
mod list;
mod logging;
mod logs;
mod man;
mod models;
mod open;
mod output;
mod reference;
pub(crate) mod render;
mod replay;
mod resume;
mod run;
mod switch_model;
mod test;
pub(crate) mod ui;
mod undo;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ColorChoice, CommandFactory as _, Parser, Subcommand};

use failure::Failure;
use ui::Ui;

pub use reference::{help_block, reference};

/// Carries a goal for a software repository from plan to tested commit.
///
/// Your files, index, stash, config, hooks and refs stay as they are; a run that reached its goal
/// adds one branch, rgpt/run-N.
#[derive(Debug, Parser)]
#[command(name = "rgpt", version, max_term_width = 100)]
#[command(after_help = "Exit codes:\n  \
    0   reached or clean\n  \
    1   could not do it\n  \
    2   ended without reaching the goal\n  \
    3   stopped, resumable\n  \
    4   a replay parted from its source\n  \
    64  wrong usage")]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

/// What every verb understands.
#[derive(Clone, Debug, clap::Args)]
struct Global {
    /// Print JSON: one document, or one object a line for streams
    #[arg(long, global = true)]
    json: bool,
    /// Work on the repository at DIR instead of the current folder's
    #[arg(long, global = true, value_name = "DIR")]
    repo: Option<PathBuf>,
    /// Read FILE instead of searching for orchestrator.yaml, and trust it
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Keep the record in DIR instead of .rgpt in the repository
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "RGPT_STATE_DIR",
        hide_env_values = true
    )]
    state_dir: Option<PathBuf>,
    /// Say more on stderr; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Say only what was asked for
    #[arg(short, long, global = true)]
    quiet: bool,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    color: ColorChoice,
}

/// Which run a verb is about: the first word, or `--run`.
#[derive(Clone, Debug, clap::Args)]
struct Which {
    /// The run: its number, or `latest`
    #[arg(value_name = "RUN", conflicts_with = "run")]
    id: Option<String>,
    /// The run: its number, or `latest`
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
}

impl Which {
    /// Whether a run is named at all.
    fn is_named(&self) -> bool {
        self.run.is_some() || self.id.is_some()
    }

    /// The number, or `latest`.
    fn name(&self) -> &str {
        self.run
            .as_deref()
            .or(self.id.as_deref())
            .unwrap_or("latest")
    }
}

impl Global {
    /// The flags that every later command about the same run needs, too.
    fn repeated(&self) -> String {
        let flags = [
            ("--repo", &self.repo),
            ("--config", &self.config),
            ("--state-dir", &self.state_dir),
        ];
        flags
            .iter()
            .filter_map(|(flag, path)| Some((flag, path.as_ref()?)))
            .map(|(flag, path)| format!(" {flag} {}", path.display()))
            .collect()
    }
}

#[derive(Debug, Subcommand)]
enum Verb {
    Init(init::Args),
    Doctor(doctor::Args),
    Demo(demo::Args),
    Run(run::Args),
    Create(create::Args),
    Advance(advance::Args),
    Resume(resume::Args),
    Replay(replay::Args),
    Heal(heal::Args),
    Cancel(cancel::Args),
    List(list::Args),
    Inspect(inspect::Args),
    Logs(logs::Args),
    Diff(diff::Args),
    Export(export::Args),
    Artifacts(artifacts::Args),
    Apply(apply::Args),
    Undo(undo::Args),
    Models(models::Args),
    SwitchModel(switch_model::Args),
    Test(test::Args),
    Classify(classify::Args),
    #[command(subcommand)]
    Config(config::Verb),
    #[command(subcommand)]
    Db(db::Verb),
    Completions(completions::Args),
    Man(man::Args),
}

/// What a verb returns: an exit code, or why it could not do its work.
type Outcome = Result<u8, Failure>;

/// Reads the command line, does what it says, and returns the exit code.
pub fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    arguments.next();
    match arguments.next().as_ref().and_then(|first| first.to_str()) {
        Some("__supervise") => return crate::workspace::supervisor::supervise(),
        Some("__confine") => return crate::workspace::confine::confine(),
        _ => {}
    }
    hide_environment();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let environment = crate::config::environment();
    let ui = Ui::new(
        cli.global.json,
        cli.global.color,
        cli.global.quiet,
        cli.global.verbose,
    )
    .suited(|name| environment.get(name))
    .repeating(cli.global.repeated());
    let streams = cli.verb.streams();
    let outcome = dispatch(cli.verb, &cli.global, &ui).and_then(|code| match ui.lost() {
        Some(error) => Err(Failure::infra(
            format!("cannot write the output: {error}"),
            None,
        )),
        None => Ok(code),
    });
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            let failure = failure.or_hint(|| "see what is wrong: rgpt doctor".to_owned());
            if streams {
                ui.stream_error(failure.kind, &failure.message, &failure.hints);
            } else {
                ui.error(failure.kind, &failure.message, &failure.hints);
            }
            ExitCode::from(failure.exit)
        }
    }
}

/// Keeps other processes of the same user from reading this one's environment, where keys are.
/// It is one wall of several: where it does not hold, the doctor says so.
fn hide_environment() {
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// What clap has to say: help and version are results, anything else is wrong usage.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // A closed pipe is the only thing that can go wrong here.
        drop(error.print());
        return ExitCode::from(exit::REACHED);
    }
    if std::env::args_os().any(|argument| argument == "--json") {
        let text = error.to_string();
        let message = text.lines().next().unwrap_or_default();
        let message = message.strip_prefix("error: ").unwrap_or(message);
        let hint = "see how it is used: rgpt --help".to_owned();
        let ui = Ui::new(true, ColorChoice::Never, false, 0);
        let verb = std::env::args_os().nth(1);
        let streams = ["run", "advance", "resume", "replay", "heal", "demo", "logs"];
        if verb.is_some_and(|verb| streams.iter().any(|stream| verb == *stream)) {
            ui.stream_error("USAGE", message, &[hint]);
        } else {
            ui.error("USAGE", message, &[hint]);
        }
    } else {
        drop(error.print());
    }
    ExitCode::from(exit::USAGE)
}

impl Verb {
    /// Whether the verb prints events as they happen.
    fn streams(&self) -> bool {
        match self {
            Self::Heal(args) => args.streams(),
            Self::Run(_)
            | Self::Advance(_)
            | Self::Resume(_)
            | Self::Replay(_)
            | Self::Demo(_)
            | Self::Logs(_) => true,
            _ => false,
        }
    }
}

fn dispatch(verb: Verb, global: &Global, ui: &Ui) -> Outcome {
    match verb {
        Verb::Init(args) => init::init(&args, global, ui),
        Verb::Doctor(args) => doctor::doctor(&args, global, ui),
        Verb::Demo(args) => demo::demo(&args, global, ui),
        Verb::Run(args) => run::run(&args, global, ui),
        Verb::Create(args) => create::create(&args, global, ui),
        Verb::Advance(args) => advance::advance(&args, global, ui),
        Verb::Resume(args) => resume::resume(&args, global, ui),
        Verb::Replay(args) => replay::replay(&args, global, ui),
        Verb::Heal(args) => heal::heal(&args, global, ui),
        Verb::Cancel(args) => cancel::cancel(&args, global, ui),
        Verb::List(args) => list::list(&args, global, ui),
        Verb::Inspect(args) => inspect::inspect(&args, global, ui),
        Verb::Logs(args) => logs::logs(&args, global, ui),
        Verb::Diff(args) => diff::diff(&args, global, ui),
        Verb::Export(args) => export::export(&args, global, ui),
        Verb::Artifacts(args) => artifacts::artifacts(&args, global, ui),
        Verb::Apply(args) => apply::apply(&args, global, ui),
        Verb::Undo(args) => undo::undo(&args, global, ui),
        Verb::Models(args) => models::models(&args, global, ui),
        Verb::SwitchModel(args) => switch_model::switch_model(&args, global, ui),
        Verb::Test(args) => test::test(&args, global, ui),
        Verb::Classify(args) => classify::classify(&args, global, ui),
        Verb::Config(verb) => config::config(&verb, global, ui),
        Verb::Db(verb) => db::db(&verb, global, ui),
        Verb::Completions(args) => completions::completions(&args, ui),
        Verb::Man(args) => man::man(&args, ui),
    }
}

/// The command line as clap knows it.
fn command() -> clap::Command {
    Cli::command()
}
