//! Making moves: the intent on the record, the move, and what came of it on the record.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::domain::Run;
use crate::domain::application::{ApplicationStatus, BranchMove, Way};
use crate::domain::event::{Event, RunUpdated};
use crate::domain::id::{CommitId, RunId};
use crate::engine::drive::Drive;
use crate::engine::learning::Learning;
use crate::engine::ledger::Ledger;
use crate::engine::recorder::Recorder;
use crate::engine::site::Site;
use crate::engine::{Engine, Ground};
use crate::failpoint;
use crate::heal::knowledge::Knowledge;
use crate::workspace::apply::{ApplyError, End, Journey, Planned, Target, carry_out, plan};

use super::{Result, Route, Taken, TakenResult, Taking, TakingError};

/// A run that has ended, whose result is to be moved. While it is there, nobody else moves it.
pub(super) struct Mover<'e> {
    pub(super) drive: Drive<'e>,
    pub(super) ground: &'e Ground,
}

impl<'e> Mover<'e> {
    pub(super) fn of(engine: &'e Engine, id: RunId) -> Result<Self> {
        let ground = engine.ground.as_ref();
        let ground = ground.context("this run works on no files")?;
        let driver = engine.store.drive(id).map_err(anyhow::Error::from)?;
        let run = engine.store.load(id).map_err(anyhow::Error::from)?;
        let run = run.with_context(|| format!("there is no run {id}"))?;
        let (store, bus) = (engine.store.clone(), engine.bus.clone());
        let log = Recorder::new(store, driver, bus, engine.clock.clone(), run);
        let site = Site::of(engine, log.run())?;
        let ledger = Ledger::open(&engine.store, log.run()).map_err(anyhow::Error::from)?;
        let drive = Drive {
            engine,
            log,
            site,
            ledger,
            resumed: None,
            // No model is asked.
            learning: Learning::default(),
            knowledge: Knowledge::fixed(),
            composed: None,
            tape: Vec::new(),
            counted_from: 0,
            settled: BTreeSet::new(),
            wanted: engine.interrupt.clone(),
        };
        Ok(Self { drive, ground })
    }

    pub(super) fn run(&self) -> &Run {
        self.drive.log.run()
    }

    /// Refuses to go on where the opposite was begun and not finished.
    pub(super) fn refuse_open(&self, opposite: ApplicationStatus) -> Result<()> {
        let run = self.run();
        match run.applications.last().map(|last| last.status()) {
            Some(status) if status == opposite => Err(TakingError::OtherOpen {
                run: run.id,
                verb: match status {
                    ApplicationStatus::Undoing => "undo",
                    _ => "apply",
                },
            }),
            _ => Ok(()),
        }
    }

    /// Finishes what an earlier attempt has begun. None if there was nothing, or if it had to be
    /// taken back: then everything is as before that attempt.
    pub(super) async fn finish_open(&mut self, taking: &Taking) -> Result<Option<Taken>> {
        let Some(step) = self.run().open_move().cloned() else {
            return Ok(None);
        };
        let result = match taking.dry_run {
            true => TakenResult::Possible,
            false => match self.carry_out(&step, &[])? {
                End::Arrived => {
                    self.record_arrival(&step).await?;
                    TakenResult::Done
                }
                End::TurnedBack(why) => {
                    self.give_up(&why).await?;
                    return Ok(None);
                }
            },
        };
        let away = Target {
            branch: step.branch.clone(),
            tip: step.from.clone(),
            checked_out: false,
        };
        let changes = self.plan(&away, step.way, &step.to, None)?.changes;
        let verified = self.has_been_seen(&step);
        Ok(Some(Taken {
            result,
            branch: step.branch.clone(),
            changes,
            verified,
            step: Some(step),
        }))
    }

    /// Goes a route whose end is known, after the checks have passed there if nobody has seen them.
    pub(super) async fn take(
        &mut self,
        target: &Target,
        route: &Route,
        taking: &Taking,
    ) -> Result<Taken> {
        let mut planned = self.plan(target, route.way, &route.to, None)?;
        let run = self.run();
        let done = run.done.as_ref();
        // The very tree that the run's own checks have seen.
        let same = done.is_some_and(|done| done.tree == route.tree);
        let mut verified = same && done.is_some_and(|done| done.verified);
        if route.way == Way::Merge && !same && !taking.dry_run {
            let checks = self.check(&route.tree, &target.tip, taking).await?;
            verified = !checks.is_empty();
            // Checks take their time, in which anything can happen to files.
            planned = self.plan(target, route.way, &route.to, None)?;
            planned.step.checks = checks;
        }
        self.finish(planned, &route.known, taking, verified).await
    }

    /// Makes a planned move, unless only that was asked.
    pub(super) async fn finish(
        &mut self,
        planned: Planned,
        known: &[CommitId],
        taking: &Taking,
        verified: bool,
    ) -> Result<Taken> {
        let step = planned.step.clone();
        let changes = planned.changes.clone();
        let result = match taking.dry_run {
            true => TakenResult::Possible,
            false => {
                self.go(planned, known).await?;
                TakenResult::Done
            }
        };
        Ok(Taken {
            result,
            branch: step.branch.clone(),
            step: Some(step),
            changes,
            verified,
        })
    }

    pub(super) fn plan(
        &self,
        target: &Target,
        way: Way,
        to: &CommitId,
        undoes: Option<&BranchMove>,
    ) -> Result<Planned> {
        let (repository, own) = (&self.ground.repository, &self.ground.own);
        let scratch = self.scratch();
        Ok(plan(
            (repository, own),
            &scratch,
            target,
            (way, to),
            undoes,
        )?)
    }

    async fn go(&mut self, planned: Planned, known: &[CommitId]) -> Result<()> {
        let Planned { step, contents, .. } = planned;
        for content in contents {
            self.drive.log.text(&content);
        }
        self.record(started(&step)).await?;
        failpoint::hit("apply.intended");
        match self.carry_out(&step, known) {
            Ok(End::Arrived) => self.record_arrival(&step).await,
            Ok(End::TurnedBack(why)) => {
                self.give_up(&why).await?;
                Err(why.into())
            }
            // The first thing that is needed; nothing was done without it.
            Err(TakingError::Workspace(
                why @ (ApplyError::Locked { .. } | ApplyError::Occupied { .. }),
            )) => {
                self.give_up(&why).await?;
                Err(why.into())
            }
            Err(error) => Err(error),
        }
    }

    fn carry_out(&self, step: &BranchMove, known: &[CommitId]) -> Result<End> {
        let engine = self.drive.engine;
        let run = self.run();
        let verb = match step.way {
            Way::FastForward | Way::Merge => "apply",
            Way::Back | Way::Revert => "undo",
        };
        let base = [run.created.base_commit.clone()];
        let content = |address: &_| engine.store.blob(address).ok().flatten();
        Ok(carry_out(&Journey {
            user: &self.ground.repository,
            own: &self.ground.own,
            run: run.id,
            state: &engine.state.root,
            scratch: &self.scratch(),
            step,
            message: &format!("rgpt: {verb} run {}", run.id),
            known: if known.is_empty() { &base } else { known },
            content: &content,
        })?)
    }

    async fn record_arrival(&mut self, step: &BranchMove) -> Result<()> {
        failpoint::hit("apply.arrived");
        self.record(ended(step)).await?;
        failpoint::hit("apply.recorded");
        Ok(())
    }

    /// Records a way back that needs no step: the branch has nothing of the result any more.
    pub(super) async fn record_nothing_left(&mut self, step: &BranchMove) -> Result<()> {
        let log = &mut self.drive.log;
        for update in [started(step), ended(step)] {
            log.event(Event::RunUpdated(update))?;
        }
        log.commit().await?;
        Ok(())
    }

    async fn give_up(&mut self, why: &ApplyError) -> Result<()> {
        let reason = why.to_string();
        self.record(RunUpdated::MoveGivenUp { reason }).await
    }

    async fn record(&mut self, update: RunUpdated) -> Result<()> {
        self.drive.log.event(Event::RunUpdated(update))?;
        self.drive.log.commit().await?;
        Ok(())
    }

    /// Whether checks have passed on the tree to which a recorded move leads.
    fn has_been_seen(&self, step: &BranchMove) -> bool {
        let seen = self.run().done.as_ref().is_some_and(|done| done.verified);
        match step.way {
            Way::FastForward => seen,
            Way::Merge => !step.checks.is_empty(),
            Way::Back | Way::Revert => false,
        }
    }

    fn scratch(&self) -> PathBuf {
        let name = format!("apply-{}", self.run().id);
        self.ground.own.dir().join("rgpt").join(name)
    }
}

fn started(step: &BranchMove) -> RunUpdated {
    let step = Box::new(step.clone());
    match step.way {
        Way::FastForward | Way::Merge => RunUpdated::ApplyStarted(step),
        Way::Back | Way::Revert => RunUpdated::UndoStarted(step),
    }
}

fn ended(step: &BranchMove) -> RunUpdated {
    match step.way {
        Way::FastForward | Way::Merge => RunUpdated::Applied,
        Way::Back | Way::Revert => RunUpdated::Undone,
    }
}
