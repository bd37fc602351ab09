//! Forking a run: a new one that shares another's course up to where a phase was begun.

use anyhow::Context as _;

use crate::config;
use crate::domain::event::{Event, RunCreated, RunReplayed};
use crate::domain::id::{Digest, RunId};
use crate::domain::phase::Phase;
use crate::domain::replay::ReplayMode;
use crate::domain::{Record, Run};
use crate::store::{Beginning, Store};

use super::create::{Origin, branch_of};
use super::{CreateError, Engine, require_models};

/// How a run is to be done again.
#[derive(Clone, Copy, Debug)]
pub struct NewReplay {
    /// The run.
    pub source: RunId,
    /// Where to leave its course.
    pub from: ForkPoint,
    /// The phase after which to stop.
    pub until: Option<Phase>,
    /// Where the answers come from.
    pub mode: ReplayMode,
}

/// Where a replay leaves the course of its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForkPoint {
    /// At its beginning.
    Start,
    /// Where this phase was last begun.
    Phase(Phase),
    /// Where the phase that failed last was begun.
    Failure,
}

/// Why a run is not forked.
#[derive(Debug, thiserror::Error)]
pub enum ForkError {
    /// The phase was never begun.
    #[error("run {run} never came to the {phase}")]
    NeverBegun {
        /// The run.
        run: RunId,
        /// The phase.
        phase: Phase,
    },
    /// Nothing failed.
    #[error("no phase of run {0} has failed")]
    NeverFailed(RunId),
    /// The run could not be carried out.
    #[error(transparent)]
    Create(#[from] CreateError),
    /// Disk, database or git failed.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

impl Engine {
    /// Makes a run that shares the course of another one up to the fork. It is pending until it is
    /// driven.
    ///
    /// # Errors
    /// If the source never came there, nobody could be asked, or git or the record fail.
    pub fn fork(&self, replay: NewReplay) -> Result<RunId, ForkError> {
        let source = replay.source;
        let course = self.store.events(source).map_err(anyhow::Error::from)?;
        let at = fork_point(source, &course, replay.from)?;
        let before = Run::fold(&course[..at])
            .map_err(anyhow::Error::from)?
            .with_context(|| format!("there is no run {source}"))?;
        let offline = replay.mode.is_offline();
        if !offline {
            require_models(&self.config, &self.mesh, &self.environment)?;
        }
        let config = match offline {
            true => recorded_config(&self.store, &before)?,
            false => config::canonical_json(&self.config).map_err(anyhow::Error::from)?,
        };
        let replayed = RunReplayed {
            source,
            seq: course[at - 1].seq,
            phase: match replay.from {
                ForkPoint::Start => Phase::Planner,
                _ => entered(&course[at]).unwrap_or(Phase::Planner),
            },
            mode: replay.mode,
            limits: if offline {
                before.limits
            } else {
                self.limits()
            },
            until: last_phase(&replay, &before),
            partial: replay.until.is_some() || replay.mode == ReplayMode::Recorded,
            granted: !offline,
        };
        let shared = course[..at].iter().map(|record| &record.event);
        let shared: Vec<&Event> = shared.filter(|event| !event.is_about_the_run()).collect();
        let repository = match &self.ground {
            Some(ground) => Origin::of(ground)?.repository,
            None => String::new(),
        };
        let created = RunCreated {
            parent: Some(source),
            repository,
            config: Digest::of(config.as_bytes()),
            ..before.created
        };
        let begin = |run| Beginning {
            created: RunCreated {
                branch: branch_of(run),
                ..created.clone()
            },
            rest: shared
                .iter()
                .copied()
                .cloned()
                .chain([Event::RunReplayed(replayed.clone())])
                .collect(),
        };
        Ok(self.begin(&begin, config)?)
    }
}

/// The phase after which the fork stops. An offline one stops where its source did, and one that
/// trusts recorded checks before anything is handed over: only what was seen to pass is.
fn last_phase(replay: &NewReplay, before: &Run) -> Option<Phase> {
    let until = replay
        .until
        .or(before.until.filter(|_| replay.mode.is_offline()));
    match replay.mode {
        ReplayMode::Recorded => Some(until.map_or(Phase::Tester, |it| it.min(Phase::Tester))),
        _ => until,
    }
}

/// The configuration that a run was created with, as it stands on the record: JSON in its
/// canonical form.
///
/// # Errors
/// If it is not there.
pub fn recorded_config(store: &Store, run: &Run) -> anyhow::Result<String> {
    let text = store
        .blob(&run.created.config)?
        .with_context(|| format!("the configuration of run {} is missing", run.id))?;
    Ok(String::from_utf8(text)?)
}

/// How many events of a course are before the fork.
fn fork_point(source: RunId, course: &[Record], from: ForkPoint) -> Result<usize, ForkError> {
    let (phase, within) = match from {
        ForkPoint::Start => return Ok(1),
        ForkPoint::Phase(phase) => (phase, course),
        ForkPoint::Failure => {
            let last = course.iter().enumerate().rev();
            let mut failures = last.filter_map(|(at, record)| Some((failed(record)?, at)));
            let (phase, at) = failures.next().ok_or(ForkError::NeverFailed(source))?;
            (phase, &course[..at])
        }
    };
    within
        .iter()
        .rposition(|record| entered(record) == Some(phase))
        .ok_or(ForkError::NeverBegun { run: source, phase })
}

fn entered(record: &Record) -> Option<Phase> {
    match &record.event {
        Event::PhaseStarted(started) => Some(started.phase),
        _ => None,
    }
}

fn failed(record: &Record) -> Option<Phase> {
    match &record.event {
        Event::PhaseError(error) => Some(error.phase),
        _ => None,
    }
}
