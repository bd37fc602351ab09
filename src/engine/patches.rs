//! Several patches for one failure, each made by a builder from the same snapshot; the checks choose.

use crate::agents::Output;
use crate::domain::Failure;
use crate::domain::check::{self, CheckResult};
use crate::domain::event::{
    CandidateChosen, CandidateCompleted, CandidateError, CandidateStarted, Event, PhaseCompleted,
};
use crate::domain::id::{ExecutionId, TreeId};
use crate::domain::phase::{Agent, Phase};
use crate::domain::remedy::HealAction;
use crate::domain::run::OpenHeal;
use crate::domain::state::State;
use crate::heal::candidates::{self, Measured};

use super::briefing::{Order, evidence_of_patch};
use super::drive::Drive;
use super::execution::Work;
use super::halt::Halting;
use super::replay::recording::Recording;
use super::site::Place;

impl Drive<'_> {
    /// The repair under way that makes several patches and has not chosen among them.
    fn choosing(&self) -> Option<&OpenHeal> {
        let heal = self.log.run().heal.as_ref()?;
        (heal.remedy.action == HealAction::TryCandidates && heal.choice.is_none()).then_some(heal)
    }

    /// Whether the execution at work makes one of several patches.
    pub(super) fn makes_candidate(&self, work: &Work) -> bool {
        work.state.phase == Phase::Builder
            && work.state.step.is_none()
            && self.log.run().progress() == State::Running(Phase::Builder)
            && self.choosing().is_some()
    }

    /// Begins to make the next patch.
    pub(super) fn start_candidate(&mut self) -> Halting<()> {
        let Some(heal) = self.choosing() else {
            return Err(anyhow::anyhow!("no patches are wanted").into());
        };
        let number = heal.candidates.len() + 1;
        let of = (self.log.run().created.options.candidates as usize).max(number);
        let evidence = evidence_of_patch(heal, number, of);
        let execution = self.begin(Order {
            agent: Agent::Builder,
            phase: Phase::Builder,
            state: State::Running(Phase::Builder),
            step: None,
            scope: self.scope_of_the_whole()?,
            evidence: Some(evidence),
            patch: Some((number, of)),
        })?;
        self.log
            .event(Event::CandidateStarted(CandidateStarted { execution }))?;
        Ok(())
    }

    /// Records a patch, and puts the worktree back to where the next one begins.
    pub(super) async fn end_candidate(
        &mut self,
        work: &Work,
        outcome: Result<Output, Failure>,
    ) -> Halting<()> {
        let (execution, tree) = (work.state.id, self.tree_at(&work.state));
        let snapshot = work.state.tree.clone();
        let outcome = match outcome {
            Ok(_) if tree == snapshot => Err(crate::heal::classify::no_change()),
            outcome => outcome,
        };
        self.log.event(match outcome {
            Ok(output) => Event::CandidateCompleted(CandidateCompleted {
                execution,
                summary: output.summary,
                tree,
            }),
            Err(failure) => Event::CandidateError(CandidateError {
                execution,
                error_type: failure.error_type,
                message: failure.message,
            }),
        })?;
        self.log.commit().await?;
        crate::failpoint::hit("candidate.recorded");
        self.site.restore(Place::Build, &snapshot)?;
        Ok(())
    }

    /// Lets the checks choose among the patches, and goes on with the one that they choose.
    pub(super) async fn choose_candidate(&mut self) -> Halting<()> {
        if self.choosing().is_some() {
            let (chosen, fit) = match self.recorded_choice() {
                Some(chosen) => (chosen, Vec::new()),
                None => self.measure_candidates().await?,
            };
            self.log.event(Event::CandidateChosen(chosen))?;
            self.learn_from_choice(&fit)?;
        }
        let Some(heal) = self.log.run().heal.clone() else {
            return Err(anyhow::anyhow!("no repair is open").into());
        };
        let chosen = heal.choice.as_ref().and_then(|choice| choice.chosen);
        let patch = heal
            .candidates
            .iter()
            .find(|patch| Some(patch.execution) == chosen);
        let Some((patch, tree)) = patch.and_then(|patch| Some((patch, patch.tree.clone()?))) else {
            return Ok(self.phase_fails(Phase::Builder, none_is_better(&heal))?);
        };
        self.site.restore(Place::Build, &tree)?;
        let files = self
            .site
            .changed_paths(&self.log.run().created.base_tree, &tree)?;
        self.log.event(Event::PhaseCompleted(PhaseCompleted {
            phase: Phase::Builder,
            execution: None,
            output: serde_json::json!({
                "summary": patch.summary, "files": files, "chosen": patch.execution,
            }),
            report: None,
            tree,
        }))?;
        Ok(())
    }

    /// What was chosen when the run was recorded, where the checks are not run again.
    fn recorded_choice(&self) -> Option<CandidateChosen> {
        let recording = self
            .log
            .recording
            .as_ref()
            .filter(|_| self.recalls_checks());
        match recording.and_then(Recording::next_work)? {
            Event::CandidateChosen(chosen) => Some(chosen.clone()),
            _ => None,
        }
    }

    /// Runs the checks on each distinct tree. Says which patch they choose, and which they let pass.
    async fn measure_candidates(&mut self) -> Halting<(CandidateChosen, Vec<ExecutionId>)> {
        let run = self.log.run();
        let Some(heal) = run.heal.clone() else {
            return Err(anyhow::anyhow!("no repair is open").into());
        };
        let base = run.created.base_tree.clone();
        let mut trees: Vec<TreeId> = Vec::new();
        for tree in heal
            .candidates
            .iter()
            .filter_map(|patch| patch.tree.clone())
        {
            if tree != base && tree != heal.snapshot && !trees.contains(&tree) {
                trees.push(tree);
            }
        }
        let results = self.measure(&trees).await?;
        let run = self.log.run();
        let mut measured = Vec::new();
        for patch in &heal.candidates {
            let at = trees
                .iter()
                .position(|tree| Some(tree) == patch.tree.as_ref());
            let Some((tree, results)) = at.and_then(|at| Some((&trees[at], results.get(at)?)))
            else {
                continue;
            };
            let before = run.checks_of(heal.target.execution);
            measured.push(Measured {
                execution: patch.execution,
                damage: self.assess(tree, results)?.damage,
                breaks: !check::newly_failing(before.clone(), results.iter()).is_empty()
                    || !check::vanished(before, results.iter()).is_empty(),
                diff: self.site.diff(&heal.snapshot, tree)?,
            });
        }
        let before = heal.target.failure.damage.unwrap_or_default();
        let chosen = CandidateChosen {
            chosen: candidates::choose(before, &measured),
            measured: measured
                .iter()
                .map(|one| (one.execution, one.damage))
                .collect(),
        };
        let fit = measured
            .iter()
            .filter(|one| candidates::is_fit(before, one));
        Ok((chosen, fit.map(|one| one.execution).collect()))
    }

    /// Runs all checks on each of these trees, two at once.
    async fn measure(&mut self, trees: &[TreeId]) -> Halting<Vec<Vec<CheckResult>>> {
        self.log.commit().await?;
        let mut results = Vec::new();
        for pair in trees.chunks(Place::LANES.len()) {
            self.safe_point()?;
            self.tell(format!(
                "the checks choose: patch {} of {}",
                results.len() + 1,
                trees.len()
            ));
            let of_pair = self.run_lanes(pair)?;
            self.safe_point()?;
            results.extend(of_pair);
            crate::failpoint::hit("candidates.measured");
        }
        Ok(results)
    }
}

/// The builder's failure where no patch is taken: what is broken is what was broken before.
fn none_is_better(heal: &OpenHeal) -> Failure {
    let failure = &heal.target.failure;
    Failure {
        message: format!(
            "none of {} patches is better: {}",
            heal.candidates.len(),
            failure.message
        ),
        damage: None,
        ..failure.clone()
    }
}
