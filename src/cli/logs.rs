//! `rgpt logs`: what a run did, as its log tells it.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;

use crate::domain::phase::{Agent, Phase};
use crate::domain::{RunId, State};
use crate::store::Store;

use super::failure::Failure;
use super::logging::Tail;
use super::render;
use super::ui::Ui;
use super::{Global, Outcome, Which, exit, open};

/// How often new lines are looked for.
const EVERY: Duration = Duration::from_millis(150);

/// A run that says it is at work, but has no driver, has been killed; it is looked at so often
/// before that is believed: its driver may just be about to begin.
const PATIENCE: u32 = 20;

/// Show the log of a run: events, model calls, commands
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// Go on as the run does, until it ends or Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// Only records of this phase
    #[arg(long, value_name = "PHASE")]
    phase: Option<Phase>,
    /// Only records of this agent: planner, builder, tester or releaser
    #[arg(long, value_name = "AGENT", value_parser = agent)]
    agent: Option<Agent>,
    /// Only records at least as grave as this: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    level: Option<usize>,
    /// Begin with the last N records
    #[arg(short = 'n', long, value_name = "N")]
    lines: Option<usize>,
}

/// The gravest first.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

fn level(text: &str) -> Result<usize, String> {
    LEVELS
        .iter()
        .position(|level| text.eq_ignore_ascii_case(level))
        .ok_or_else(|| format!("unknown level: expected {}", LEVELS.join(", ")))
}

/// The agent of this name.
pub(super) fn agent(text: &str) -> Result<Agent, String> {
    let known = Agent::ALL.into_iter().find(|agent| agent.as_str() == text);
    known.ok_or_else(|| "unknown agent: expected planner, builder, tester or releaser".to_owned())
}

pub(super) fn logs(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    let (store, run) = open::run_named(global, &args.which)?;
    let wanted = Wanted { args, run: run.id };
    let mut tail = Tail::new(&store.dir().logs);
    let mut last = VecDeque::new();
    let mut count = 0_usize;
    tail.read(|line| {
        let Some(record) = wanted.record(line) else {
            return true;
        };
        count += 1;
        match args.lines {
            None => show(&record, ui),
            Some(most) => {
                last.push_back(record);
                if last.len() > most {
                    last.pop_front();
                }
            }
        }
        !ui.is_closed()
    })?;
    last.iter().for_each(|record| show(record, ui));
    if args.follow {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(follow(&store, &wanted, &mut tail, ui))?;
    } else if count == 0 && !ui.is_json() {
        ui.note(&format!(
            "the log has no such record of run {}; what is on the record: rgpt inspect {}",
            run.id, run.id
        ));
    }
    Ok(exit::REACHED)
}

/// Shows what is written until the run ends, nobody reads any more, or a person has seen enough.
async fn follow(
    store: &Store,
    wanted: &Wanted<'_>,
    tail: &mut Tail,
    ui: &Ui,
) -> Result<(), Failure> {
    let enough = tokio::signal::ctrl_c();
    tokio::pin!(enough);
    let mut undriven = 0;
    loop {
        // Before the log is read, so that whatever the driver wrote at its end is read after it.
        let standing = standing(store, wanted.run)?;
        tail.read(|line| {
            if let Some(record) = wanted.record(line) {
                show(&record, ui);
            }
            !ui.is_closed()
        })?;
        undriven = match standing {
            Standing::AtWork => 0,
            _ => undriven + 1,
        };
        let left = standing == Standing::Left && undriven > PATIENCE;
        if left {
            ui.note(&format!(
                "nobody drives run {0}; go on with it: rgpt resume --run {0}",
                wanted.run
            ));
        }
        if left || standing == Standing::Ended || ui.is_closed() {
            return Ok(());
        }
        tokio::select! {
            _ = &mut enough => return Ok(()),
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Somebody drives it.
    AtWork,
    /// Nobody does, but it has not stopped: it is about to begin, or its driver was killed.
    Left,
    /// It has ended or stopped.
    Ended,
}

fn standing(store: &Store, id: RunId) -> Result<Standing, Failure> {
    if store.is_driven(id)? {
        return Ok(Standing::AtWork);
    }
    let run = store
        .load(id)?
        .ok_or_else(|| Failure::no_run(&id.to_string()))?;
    let at_rest = run.stop.is_some() || run.state().is_terminal();
    Ok(match run.state() {
        State::AwaitingHuman => Standing::Ended,
        _ if at_rest => Standing::Ended,
        _ => Standing::Left,
    })
}

fn show(record: &Value, ui: &Ui) {
    if ui.is_json() {
        ui.json_line(record);
    } else {
        ui.line(&render::logs::record(record, ui.is_terminal(), ui.look()));
    }
}

/// Which records are asked for.
struct Wanted<'a> {
    args: &'a Args,
    run: RunId,
}

impl Wanted<'_> {
    /// The record that a line holds, if it is one of these.
    fn record(&self, line: &str) -> Option<Value> {
        // Most lines are of other runs; they need not be read in full.
        if !line.contains(&format!("\"run\":{}", self.run)) {
            return None;
        }
        let record: Value = serde_json::from_str(line).ok()?;
        let text = |name: &str| record[name].as_str();
        let grave = |most: usize| {
            let level = text("level").and_then(|text| level(text).ok());
            level.is_none_or(|level| level <= most)
        };
        let phase = self.args.phase.map(Phase::as_str);
        let agent = self.args.agent.map(Agent::as_str);
        let holds = record["run"].as_i64() == Some(self.run.0)
            && (phase.is_none() || text("phase") == phase)
            && (agent.is_none() || text("agent") == agent)
            && self.args.level.is_none_or(grave);
        holds.then_some(record)
    }
}
