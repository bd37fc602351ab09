//! One drive of a run: from where the record stands to where it ends or stands still.

use std::collections::BTreeSet;

use anyhow::Context as _;
use serde_json::json;
use tracing::Instrument as _;

use crate::domain::brief::Brief;
use crate::domain::check::CheckScope;
use crate::domain::event::{
    Event, PhaseCompleted, PhaseError, PhaseStarted, RunDone, RunResumed, StepStarted, StopReason,
};
use crate::domain::id::{RunId, StepId, TreeId};
use crate::domain::phase::Phase;
use crate::domain::remedy::HealAction;
use crate::domain::run::ByHand;
use crate::domain::tape::TapeEntry;
use crate::domain::{Action, Failure, Run, State};
use crate::heal::classify;
use crate::heal::knowledge::{self, Knowledge};
use crate::store::{InterventionStatus, Write};

use super::execution::tree_on;
use super::halt::{Halt, Halting};
use super::learning::Learning;
use super::ledger::Ledger;
use super::recorder::Recorder;
use super::replay::recording::{RecordEnds, Recording};
use super::site::{Place, Site};
use super::{Engine, Interrupt, cancel};

/// A run being driven.
pub(super) struct Drive<'e> {
    pub(super) engine: &'e Engine,
    pub(super) log: Recorder,
    pub(super) site: Site<'e>,
    /// What the run's model calls have used.
    pub(super) ledger: Ledger,
    /// When a person resumed the run, if one did.
    pub(super) resumed: Option<jiff::Timestamp>,
    /// What checks have said of models, in all runs.
    pub(super) learning: Learning,
    /// What is known about repairs beforehand.
    pub(super) knowledge: Knowledge,
    /// The brief of an execution that is about to begin.
    pub(super) composed: Option<Brief>,
    /// The tape of the execution at work.
    pub(super) tape: Vec<TapeEntry>,
    /// Attempts of that tape before this place do not count: a person has switched the model since.
    pub(super) counted_from: usize,
    /// What was asked of the run and is settled by writes that may not be committed yet.
    pub(super) settled: BTreeSet<i64>,
    /// Raised when someone wants this run to stop, in this process or another.
    pub(super) wanted: Interrupt,
}

impl Engine {
    /// Drives a run until it ends or stands still, and returns it.
    ///
    /// `resumed` is recorded first, if given: the run goes on from a stop, an end or a crash.
    ///
    /// # Errors
    /// If another driver is at work, or disk, database or git fail; the run is then resumable.
    pub async fn drive(&self, run: RunId, resumed: Option<RunResumed>) -> anyhow::Result<Run> {
        let driver = self.store.drive(run)?;
        let state = self
            .store
            .load(run)?
            .with_context(|| format!("there is no run {run}"))?;
        let mut log = Recorder::new(
            self.store.clone(),
            driver,
            self.bus.clone(),
            self.clock.clone(),
            state,
        );
        log.day = self.day_caps();
        let resumed_at = resumed.is_some().then(|| self.clock.now());
        if let Some(resumed) = resumed {
            log.event(Event::RunResumed(resumed))?;
            log.commit().await?;
        }
        let site = Site::of(self, log.run())?;
        log.recording = Recording::of(&self.store, log.run())?;
        let ledger = Ledger::open(&self.store, log.run())?;
        let mut drive = Drive {
            engine: self,
            log,
            site,
            ledger,
            resumed: resumed_at,
            learning: Learning::open(&self.store, &self.config, run)?,
            knowledge: self.knowledge()?,
            composed: None,
            tape: Vec::new(),
            counted_from: 0,
            settled: BTreeSet::new(),
            wanted: Interrupt::default(),
        };
        if cancel::asked(&self.store, run)?.is_some() {
            drive.wanted.raise();
        }
        let watcher = tokio::spawn(cancel::watch(
            self.store.clone(),
            run,
            self.interrupt.clone(),
            drive.wanted.clone(),
        ));
        let span = drive.log.span();
        let ended = drive.go().instrument(span).await;
        watcher.abort();
        ended?;
        Ok(drive.log.run().clone())
    }
}

impl Engine {
    /// What the repairs of all runs have taught, if it is to count.
    pub(super) fn knowledge(&self) -> anyhow::Result<Knowledge> {
        if !self.config.healing.learn {
            return Ok(Knowledge::fixed());
        }
        let outcomes = self.store.outcomes(knowledge::LOOK_BACK)?;
        Ok(Knowledge::of(&outcomes))
    }

    /// Whether every check that is configured now was seen to be acceptable, in a clean checkout,
    /// on exactly the tree on which the run stands.
    pub fn has_verified(&self, run: &Run) -> bool {
        let checks = &self.config.checks;
        let recalled = run.replay.as_ref().map_or(0, |replay| replay.recalled);
        let seen = run.checks.get(recalled..).unwrap_or_default();
        !checks.is_empty()
            && checks.iter().all(|(name, _)| {
                let mut ran = seen.iter().rev().map(|check| &check.result);
                ran.find(|result| {
                    result.scope == CheckScope::Final
                        && result.name == *name
                        && result.tree == run.tree
                })
                .is_some_and(|result| result.status.acceptable())
            })
    }
}

impl Drive<'_> {
    async fn go(&mut self) -> anyhow::Result<()> {
        let end = match self.all().await {
            Ok(()) => Ok(()),
            Err(Halt::Stop(stopped)) => self.log.event(Event::RunStopped(stopped)),
            Err(Halt::Cancel(asked)) => {
                self.settle_wishes()?;
                self.log.event(Event::RunCancelled {
                    reason: asked.reason,
                })
            }
            Err(Halt::RecordEnds) => Err(RecordEnds.into()),
            Err(Halt::Broken(error)) => {
                self.note_unrepeatable(&error)?;
                Err(error)
            }
        };
        let end = end.and_then(|()| self.compare_with_source());
        // What was learned before something broke is true all the same.
        let recorded = self.log.commit().await;
        end.and(recorded)?;
        self.leave_summary().await;
        if self.log.run().state() == State::Done {
            self.site.hand_on();
        }
        Ok(())
    }

    /// Whatever was asked of the run until now is answered by its cancellation.
    fn settle_wishes(&mut self) -> anyhow::Result<()> {
        self.drop_switches()?;
        for asked in self.engine.store.interventions(self.log.run().id, true)? {
            if self.settled.insert(asked.id) {
                self.log.write(Write::Intervention {
                    id: asked.id,
                    status: InterventionStatus::Done,
                });
            }
        }
        Ok(())
    }

    async fn all(&mut self) -> Halting<()> {
        self.write_off_abandoned()?;
        if self.log.run().next().is_some() || self.is_following() {
            let tree = self.standing_tree()?;
            self.site.prepare(&tree)?;
        }
        self.follow_acts(false)?;
        while let Some(action) = self.log.run().next() {
            self.safe_point()?;
            self.pick_up_switches()?;
            let leaving = match self.perform(action).await {
                Err(Halt::RecordEnds) => true,
                ended => ended.map(|()| false)?,
            };
            self.follow_acts(leaving)?;
        }
        let run = self.log.run();
        if run.stop.is_some() || run.state().is_terminal() {
            return Ok(());
        }
        if run.by_hand == Some(ByHand::Made) {
            return Err(Halt::stop(StopReason::Until, "one repair was made by hand"));
        }
        if self.log.run().has_reached_until() {
            return Err(Halt::stop(
                StopReason::Until,
                "the phase to stop after is completed",
            ));
        }
        Ok(())
    }

    /// The tree on which the record stands, edits of the execution at work included.
    fn standing_tree(&self) -> anyhow::Result<TreeId> {
        let run = self.log.run();
        let Some(execution) = run.running_execution() else {
            return Ok(run.tree.clone());
        };
        let tape = self.engine.store.tape(run.id, execution.id)?;
        Ok(tree_on(&tape).unwrap_or_else(|| execution.tree.clone()))
    }

    async fn perform(&mut self, action: Action) -> Halting<()> {
        match action {
            Action::StartPhase(phase) => self.start_phase(phase).await,
            Action::StartStep(step) => self.start_step(&step),
            Action::Execute(id) => self.execute(id).await,
            Action::CompleteBuilder => self.complete_builder(),
            Action::Heal => self.heal().await,
            Action::StartCandidate => self.start_candidate(),
            Action::ChooseCandidate => self.choose_candidate().await,
            Action::SettleHeal => self.settle_heal().await,
            Action::Finish => self.finish(),
        }
    }

    async fn start_phase(&mut self, phase: Phase) -> Halting<()> {
        self.carry_out_remedy().await?;
        let setup = match phase {
            Phase::Builder => self.set_up(Place::Build).await?,
            _ => None,
        };
        let execution = match phase {
            Phase::Builder if setup.is_some() || !self.is_repair_of_the_whole() => None,
            _ => Some(self.brief(phase, None)?),
        };
        self.log.event(Event::PhaseStarted(PhaseStarted {
            phase,
            execution,
            abandoned: Vec::new(),
        }))?;
        match setup {
            Some(failure) => Ok(self.phase_fails(phase, failure)?),
            None => Ok(()),
        }
    }

    /// Whether the builder is to repair the whole change rather than to carry out steps.
    fn is_repair_of_the_whole(&self) -> bool {
        let run = self.log.run();
        run.progress() == State::SelfHeal
            && run.heal.as_ref().is_some_and(|heal| {
                heal.remedy.step.is_none()
                    && heal.target.phase > Phase::Builder
                    && heal.remedy.action != HealAction::TryCandidates
            })
    }

    fn start_step(&mut self, step: &StepId) -> Halting<()> {
        let execution = self.brief(Phase::Builder, Some(step))?;
        self.log.event(Event::StepStarted(StepStarted {
            step: step.clone(),
            execution,
        }))?;
        Ok(())
    }

    fn complete_builder(&mut self) -> Halting<()> {
        let skipped: Vec<StepId> = self
            .log
            .run()
            .unreachable_steps()
            .into_iter()
            .map(|step| step.id.clone())
            .collect();
        for step in skipped {
            let reason = "a step that it needs is not done".to_owned();
            self.log.event(Event::StepSkipped { step, reason })?;
        }
        let run = self.log.run();
        let missing: Vec<&str> = run
            .missing_critical_steps()
            .into_iter()
            .map(|step| step.id.as_str())
            .collect();
        if !missing.is_empty() {
            let why = format!("critical steps are not done: {}", missing.join(", "));
            return Ok(self.phase_fails(Phase::Builder, classify::blocked(&why, &[]))?);
        }
        if self.site.is_unchanged(run, &run.tree) {
            return Ok(self.phase_fails(Phase::Builder, classify::no_change())?);
        }
        let steps: Vec<_> = run
            .steps
            .iter()
            .map(|step| json!({"id": step.id, "status": step.status, "summary": step.summary}))
            .collect();
        let files = self.site.changed_paths(&run.created.base_tree, &run.tree)?;
        let tree = run.tree.clone();
        self.log.event(Event::PhaseCompleted(PhaseCompleted {
            phase: Phase::Builder,
            execution: None,
            output: json!({"steps": steps, "files": files}),
            report: None,
            tree,
        }))?;
        Ok(())
    }

    /// Records that a phase failed, outside of any execution.
    pub(super) fn phase_fails(&mut self, phase: Phase, failure: Failure) -> anyhow::Result<()> {
        let tree = self.log.run().tree.clone();
        self.log.event(Event::PhaseError(PhaseError {
            phase,
            execution: None,
            step: None,
            failure,
            report: None,
            tree,
        }))
    }

    fn finish(&mut self) -> Halting<()> {
        let run = self.log.run();
        let output = run
            .phases
            .get(&Phase::Releaser)
            .and_then(|phase| phase.output.as_ref())
            .context("the releaser put nothing out")?;
        let read = |name: &str| {
            let text = output.get(name).and_then(serde_json::Value::as_str);
            text.map(str::to_owned)
                .with_context(|| format!("the releaser names no {name}"))
        };
        let done = RunDone {
            verified: self.is_verified(),
            commit: read("commit")?.as_str().into(),
            tree: read("tree")?.as_str().into(),
            branch: read("branch")?,
            quality_score: quality(run),
        };
        if !done.verified && !run.created.options.unverified {
            return Err(
                anyhow::anyhow!("the checks were not seen to pass on the final tree").into(),
            );
        }
        self.log.event(Event::RunDone(done))?;
        Ok(self.drop_switches()?)
    }

    /// Whether every configured check was seen to be acceptable on exactly the tree that stands.
    pub(super) fn is_verified(&self) -> bool {
        self.engine.has_verified(self.log.run())
    }
}

/// 1, less what was healed, retried, excused and found: a rough measure for people, not a verdict.
fn quality(run: &Run) -> f64 {
    use crate::domain::check::CheckStatus;
    use crate::domain::finding::Severity;
    let capped = |count: usize, each: f64, most: f64| {
        #[expect(clippy::cast_precision_loss, reason = "counts of a run are small")]
        let count = count as f64;
        (count * each).min(most)
    };
    let excused = run
        .checks
        .iter()
        .filter(|check| check.result.status == CheckStatus::Baseline)
        .count();
    let flaky: std::collections::BTreeSet<&str> = run
        .checks
        .iter()
        .flat_map(|check| &check.result.flaky)
        .map(|test| test.name.as_str())
        .collect();
    let medium = run
        .open_findings()
        .filter(|finding| finding.observation.severity >= Severity::Medium)
        .count();
    let restored = run
        .heals
        .iter()
        .filter(|heal| heal.kept == Some(false))
        .count();
    let penalty = capped(run.heals.len(), 0.03, 0.3)
        + capped(restored, 0.03, 0.2)
        + capped(excused, 0.05, 0.2)
        + capped(flaky.len(), 0.05, 0.2)
        + capped(medium, 0.02, 0.2);
    ((1.0 - penalty) * 100.0).round() / 100.0
}
