//! What is known of a run while it goes on, and the lines that show it. No I/O.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::cli::render::clean;
use crate::cli::render::layout::{count, fit, pad, width};
use crate::cli::render::look::{Look, Mark, style};
use crate::cli::render::units;
use crate::domain::budget::{Limits, Usage};
use crate::domain::event::{Event, ExecutionStarted};
use crate::domain::notice::Notice;
use crate::domain::{Phase, Record, StepId};

/// Room for the name of a phase.
const NAMES: usize = 10;
/// Room for a duration.
const TIMES: usize = 10;

/// What is known of a run.
#[derive(Debug, Default)]
pub(crate) struct Board {
    phases: BTreeMap<Phase, PhaseLine>,
    /// The steps of the plan, in its order, with their names.
    steps: Vec<(StepId, String)>,
    at_work: Option<Phase>,
    failed: Option<Phase>,
    limits: Option<Limits>,
    heals: u64,
    began: Option<Timestamp>,
}

#[derive(Debug)]
struct PhaseLine {
    mark: Mark,
    attempts: u32,
    spent_ms: u64,
    since: Option<Timestamp>,
    model: Option<String>,
    step: Option<StepId>,
    doing: Option<String>,
}

impl Default for PhaseLine {
    fn default() -> Self {
        Self {
            mark: Mark::Waiting,
            attempts: 0,
            spent_ms: 0,
            since: None,
            model: None,
            step: None,
            doing: None,
        }
    }
}

impl Board {
    /// Takes in what happened.
    pub(crate) fn hear(&mut self, record: &Record) {
        match &record.event {
            Event::RunCreated(created) => self.limits = Some(created.limits),
            Event::RunResumed(resumed) => {
                self.limits = resumed.limits.or(self.limits);
                self.began = Some(record.at);
                self.go_on(record.at);
            }
            Event::PhaseStarted(started) => {
                self.begin(started.phase, started.execution.as_ref(), record.at);
            }
            Event::PhaseCompleted(completed) => {
                if completed.phase == Phase::Planner {
                    self.steps = steps(&completed.output);
                }
                self.end(completed.phase, Mark::Good, record.at);
            }
            Event::PhaseError(error) => {
                self.failed = Some(error.phase);
                self.end(error.phase, Mark::Bad, record.at);
            }
            Event::StepStarted(started) => {
                let builder = self.phases.entry(Phase::Builder).or_default();
                builder.step = Some(started.step.clone());
                builder.model = started.execution.model.clone();
                builder.doing = None;
            }
            Event::StepCompleted(_) | Event::StepError(_) => {
                self.phases.entry(Phase::Builder).or_default().doing = None;
            }
            Event::HealStarted(_) => self.heals += 1,
            Event::RunStopped(_)
            | Event::RunDone(_)
            | Event::RunFailed(_)
            | Event::RunCancelled { .. } => {
                let at_work = self.at_work;
                if let Some(phase) = at_work {
                    self.end(phase, Mark::Warn, record.at);
                }
                self.at_work = at_work;
            }
            _ => {}
        }
        self.began = self.began.or(Some(record.at));
    }

    /// Takes in what is being done; gives it back in words, if it is to be shown.
    pub(crate) fn notice(&mut self, notice: &Notice) -> Option<(Phase, String)> {
        let Notice::Progress { phase, text, .. } = notice else {
            return None;
        };
        let text = clean::line(text);
        self.phases.entry(*phase).or_default().doing = Some(text.clone());
        Some((*phase, text))
    }

    /// How often the phase has begun.
    pub(crate) fn attempts(&self, phase: Phase) -> u32 {
        self.phases.get(&phase).map_or(0, |line| line.attempts)
    }

    /// The phase that failed last.
    pub(crate) fn failed(&self) -> Option<Phase> {
        self.failed
    }

    /// The steps of the plan: id and name.
    pub(crate) fn steps(&self) -> &[(StepId, String)] {
        &self.steps
    }

    /// One line a phase and one for what the run has used.
    pub(crate) fn lines(
        &self,
        now: Timestamp,
        usage: &Usage,
        tick: usize,
        look: &Look,
    ) -> Vec<String> {
        let idle = PhaseLine::default();
        let mut lines: Vec<String> = Phase::ALL
            .into_iter()
            .map(|phase| {
                self.line(
                    phase,
                    self.phases.get(&phase).unwrap_or(&idle),
                    now,
                    tick,
                    look,
                )
            })
            .collect();
        lines.push(style::paint(
            style::DIM,
            fit(&self.status(now, usage, look), look.width, look),
        ));
        lines
    }

    fn begin(&mut self, phase: Phase, execution: Option<&ExecutionStarted>, at: Timestamp) {
        self.at_work = Some(phase);
        let line = self.phases.entry(phase).or_default();
        line.mark = Mark::Busy;
        line.attempts += 1;
        line.since = Some(at);
        line.model = execution.and_then(|execution| execution.model.clone());
        (line.step, line.doing) = (None, None);
        for later in Phase::ALL.into_iter().filter(|later| *later > phase) {
            if let Some(line) = self.phases.get_mut(&later) {
                line.mark = Mark::Waiting;
            }
        }
    }

    /// The phase in which the run stood still goes on; that time was not spent in it.
    fn go_on(&mut self, at: Timestamp) {
        if let Some(line) = self.at_work.and_then(|phase| self.phases.get_mut(&phase)) {
            line.mark = Mark::Busy;
            line.since = Some(at);
        }
    }

    fn end(&mut self, phase: Phase, mark: Mark, at: Timestamp) {
        self.at_work = None;
        let line = self.phases.entry(phase).or_default();
        line.mark = mark;
        line.spent_ms += line.since.take().map_or(0, |since| elapsed(since, at));
        line.doing = None;
    }

    fn line(
        &self,
        phase: Phase,
        line: &PhaseLine,
        now: Timestamp,
        tick: usize,
        look: &Look,
    ) -> String {
        let sign = match line.mark {
            Mark::Busy => look.spinner(tick).to_string(),
            mark => look.sign(mark).to_owned(),
        };
        let spent = line.spent_ms + line.since.map_or(0, |since| elapsed(since, now));
        let time = if line.attempts == 0 {
            String::new()
        } else {
            units::duration(spent)
        };
        let name = match line.mark {
            Mark::Busy => style::paint(style::HEAD, phase.as_str()),
            Mark::Waiting => style::paint(style::DIM, phase.as_str()),
            _ => phase.to_string(),
        };
        let name = pad(&name, NAMES);
        let head = format!(
            "{} {name}{time:>TIMES$}  ",
            style::paint(line.mark.style(), sign)
        );
        let room = look.width.saturating_sub(width(&head));
        format!("{head}{}", self.what(line, room, look))
            .trim_end()
            .to_owned()
    }

    /// What the phase is at: its step, its command, else its model. A command gets the greater
    /// part of the room.
    fn what(&self, line: &PhaseLine, room: usize, look: &Look) -> String {
        let again = match line.attempts {
            0 | 1 => None,
            number if line.mark == Mark::Busy => Some(format!("attempt {number}")),
            number => Some(count(u64::from(number), "attempt", "attempts")),
        };
        if line.mark != Mark::Busy {
            return again.unwrap_or_default();
        }
        let first = line.step.as_ref().map(|step| self.step(step)).or(again);
        let second = line
            .doing
            .clone()
            .or_else(|| line.model.as_deref().map(clean::line));
        match (first, second) {
            (Some(first), Some(second)) => {
                let rest = room.saturating_sub(width(look.dot()) + width(&second));
                let first = fit(&first, rest.max(room * 2 / 5), look);
                fit(&format!("{first}{}{second}", look.dot()), room, look)
            }
            (one, other) => fit(&one.or(other).unwrap_or_default(), room, look),
        }
    }

    /// A step by its place and name, as in `step 2/3 Parse the flag`.
    fn step(&self, step: &StepId) -> String {
        match self.steps.iter().position(|(id, _)| id == step) {
            Some(at) => format!("step {}/{} {}", at + 1, self.steps.len(), self.steps[at].1),
            None => format!("step {}", clean::line(step.as_str())),
        }
    }

    fn status(&self, now: Timestamp, usage: &Usage, look: &Look) -> String {
        let limit =
            |limit: Option<String>| limit.map(|most| format!(" of {most}")).unwrap_or_default();
        let usd = self.limits.and_then(|limits| limits.usd).map(units::cost);
        let tokens = self
            .limits
            .and_then(|limits| limits.tokens)
            .map(units::tokens);
        let parts = [
            format!("{}{} tokens", units::tokens(usage.tokens()), limit(tokens)),
            format!("{}{}", units::cost(usage.cost_usd), limit(usd)),
            count(self.heals, "heal", "heals"),
            units::seconds(self.began.map_or(0, |began| elapsed(began, now))),
        ];
        format!("  {}", parts.join(look.dot()))
    }
}

fn steps(output: &serde_json::Value) -> Vec<(StepId, String)> {
    let text = |step: &serde_json::Value, key: &str| {
        step[key].as_str().map(clean::line).unwrap_or_default()
    };
    let steps = output["steps"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    // The id must stay as it is, to be recognised again.
    let id = |step: &serde_json::Value| StepId::from(step["id"].as_str().unwrap_or_default());
    steps
        .iter()
        .map(|step| (id(step), text(step, "name")))
        .collect()
}

fn elapsed(since: Timestamp, until: Timestamp) -> u64 {
    u64::try_from(until.duration_since(since).as_millis()).unwrap_or(0)
}
