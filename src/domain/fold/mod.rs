//! The fold: what each event does to a [`Run`], and in which states it may stand.
//!
//! An event that the state does not allow is reported as [`Illegal`], never absorbed. One small
//! function for each family of events.

mod analyses;
mod applications;
mod candidates;
mod checks;
mod executions;
mod heals;
mod phases;
mod replay;
mod resume;
mod steps;

use jiff::Timestamp;

use super::event::{Event, Record, RunCreated, RunDone, RunStopped};
use super::id::StepId;
use super::phase::Phase;
use super::run::{Run, StepState};
use super::state::State;
use super::step::StepStatus;

/// An event that cannot follow what went before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {seq} ({kind}) cannot follow in state {state}: {why}")]
pub struct Illegal {
    /// The event's place.
    pub seq: u64,
    /// The event's type.
    pub kind: String,
    /// The state it met.
    pub state: String,
    /// What is wrong.
    pub why: String,
}

type Verdict = Result<(), String>;

impl Run {
    /// Folds a whole log.
    ///
    /// # Errors
    /// The first event that cannot follow what went before; `None` inside for an empty log.
    pub fn fold<'a>(
        records: impl IntoIterator<Item = &'a Record>,
    ) -> Result<Option<Self>, Illegal> {
        let mut run: Option<Self> = None;
        for record in records {
            match &mut run {
                Some(run) => run.apply(record)?,
                None => run = Some(Self::begin(record)?),
            }
        }
        Ok(run)
    }

    /// The run that its first event begins.
    ///
    /// # Errors
    /// If the event is not `run.created` with number 1.
    pub fn begin(record: &Record) -> Result<Self, Illegal> {
        let illegal = |why: &str| Illegal {
            seq: record.seq,
            kind: record.event.kind(),
            state: "(none)".to_owned(),
            why: why.to_owned(),
        };
        let Event::RunCreated(created) = &record.event else {
            return Err(illegal("a run begins with run.created"));
        };
        if record.seq != 1 {
            return Err(illegal("the first event has number 1"));
        }
        Ok(Self::new(record, created))
    }

    fn new(record: &Record, created: &RunCreated) -> Self {
        Self {
            id: record.run,
            seq: 1,
            created_at: record.at,
            started_at: None,
            updated_at: record.at,
            finished_at: None,
            active_ms: 0,
            progress: State::Pending,
            cancelled: false,
            stop: None,
            limits: created.limits,
            until: created.options.until,
            tree: created.base_tree.clone(),
            head: created.base_commit.clone(),
            plan: None,
            steps: Vec::new(),
            executions: Vec::new(),
            phases: std::collections::BTreeMap::new(),
            failure: None,
            heal: None,
            heals: Vec::new(),
            heal_count: 0,
            interventions: 0,
            switched: std::collections::BTreeMap::new(),
            checks: Vec::new(),
            findings: Vec::new(),
            by_hand: None,
            replay: None,
            done: None,
            failed: None,
            applications: Vec::new(),
            created: created.clone(),
        }
    }

    /// Adds one event.
    ///
    /// # Errors
    /// If it cannot follow; the value is then to be thrown away.
    pub fn apply(&mut self, record: &Record) -> Result<(), Illegal> {
        let state = self.state();
        self.advance(record).map_err(|why| Illegal {
            seq: record.seq,
            kind: record.event.kind(),
            state: state.to_string(),
            why,
        })
    }

    /// So much time has passed at work.
    fn pass(&mut self, milliseconds: u64) {
        self.active_ms += milliseconds;
        let phase = self.running_execution().map(|execution| execution.phase);
        if let Some(state) = phase.and_then(|phase| self.phases.get_mut(&phase)) {
            state.active_ms += milliseconds;
        }
    }

    fn advance(&mut self, record: &Record) -> Verdict {
        require(record.run == self.id, "it belongs to another run")?;
        require(record.seq == self.seq + 1, "its number leaves a gap")?;
        if let Event::RunUpdated(updated) = &record.event {
            self.seq = record.seq;
            self.updated_at = record.at;
            return self.updated(updated, record.at);
        }
        require(self.progress != State::Done, "the run is done")?;
        let driven = !matches!(
            record.event,
            Event::RunResumed(_) | Event::RunCancelled { .. } | Event::RunReplayed(_)
        );
        if driven && self.stop.is_none() {
            self.pass(millis_between(self.updated_at, record.at));
        }
        self.seq = record.seq;
        self.updated_at = record.at;
        match &record.event {
            Event::RunCreated(_) => Err("the run exists already".to_owned()),
            Event::RunResumed(resumed) => self.resumed(resumed, record),
            Event::RunCancelled { .. } => self.cancel(record),
            _ if self.cancelled || self.progress == State::Failed => {
                Err("the run has ended".to_owned())
            }
            _ if self.stop.is_some() => Err("the run stands still".to_owned()),
            Event::RunStopped(stopped) => self.stopped(stopped),
            Event::RunReplayed(replayed) => self.replayed(replayed),
            Event::RunDone(done) => self.finish(done, record),
            Event::RunFailed(failed) => {
                require(
                    matches!(self.progress, State::Error(_)) && self.heal.is_none(),
                    "a run fails after a phase's error, with no repair open",
                )?;
                self.progress = State::Failed;
                self.by_hand = None;
                self.finished_at = Some(record.at);
                self.failed = Some(failed.clone());
                Ok(())
            }
            event => self.work(event, record),
        }
    }

    fn work(&mut self, event: &Event, record: &Record) -> Verdict {
        match event {
            Event::PhaseStarted(started) => self.phase_started(started, record),
            Event::PhaseCompleted(completed) => self.phase_completed(completed, record),
            Event::PhaseError(error) => self.phase_error(error, record),
            Event::StepStarted(started) => self.step_started(started, record),
            Event::StepCompleted(completed) => self.step_completed(completed, record),
            Event::StepError(error) => self.step_error(error, record),
            Event::StepSkipped { step, .. } => self.step_skipped(step),
            Event::HealStarted(started) => self.heal_started(started, record),
            Event::HealSuccess(settled) => self.heal_settled(settled, true),
            Event::HealFailed(settled) => self.heal_settled(settled, false),
            Event::AnalysisStarted(started) => self.analysis_started(started, record),
            Event::AnalysisCompleted(completed) => self.analysis_completed(completed, record),
            Event::AnalysisError(error) => self.analysis_failed(error, record),
            Event::CandidateStarted(started) => self.candidate_started(started, record),
            Event::CandidateCompleted(completed) => self.candidate_completed(completed, record),
            Event::CandidateError(error) => self.candidate_failed(error, record),
            Event::CandidateChosen(chosen) => self.candidate_chosen(chosen),
            Event::CheckCompleted(completed) => self.check_completed(completed, record),
            Event::FindingRecorded { execution, finding } => self.finding(*execution, finding),
            Event::GateDenied { execution, .. } => self.require_execution(*execution),
            _ => Err("it is not part of the work".to_owned()),
        }
    }

    fn stopped(&mut self, stopped: &RunStopped) -> Verdict {
        self.stop = Some(stopped.clone());
        Ok(())
    }

    fn cancel(&mut self, record: &Record) -> Verdict {
        require(!self.cancelled, "the run is cancelled already")?;
        self.cancelled = true;
        self.stop = None;
        self.finished_at = Some(record.at);
        Ok(())
    }

    fn finish(&mut self, done: &RunDone, record: &Record) -> Verdict {
        require(
            self.progress == State::Completed(Phase::Releaser) && self.heal.is_none(),
            "a run is done after the releaser",
        )?;
        self.progress = State::Done;
        self.finished_at = Some(record.at);
        self.done = Some(done.clone());
        Ok(())
    }

    fn step_mut(&mut self, id: &StepId) -> Result<&mut StepState, String> {
        self.steps
            .iter_mut()
            .find(|step| step.id == *id)
            .ok_or_else(|| format!("the plan has no step {id:?}", id = id.as_str()))
    }

    fn require_running(&self, phase: Phase) -> Verdict {
        require(
            self.progress == State::Running(phase),
            "the phase is not at work",
        )
    }

    fn require_settled(&self) -> Verdict {
        let open = self.heal.as_ref().and_then(|heal| heal.better);
        require(open.is_none(), "a repair is to be settled first")
    }
}

/// Milliseconds from one moment to another; 0 if a clock went backwards.
fn millis_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_millis()).unwrap_or(0)
}

fn is_settled(status: StepStatus) -> bool {
    !matches!(status, StepStatus::Pending | StepStatus::Running)
}

fn require(holds: bool, why: &str) -> Verdict {
    if holds { Ok(()) } else { Err(why.to_owned()) }
}

#[cfg(test)]
mod tests;
