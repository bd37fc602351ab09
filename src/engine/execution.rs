//! Carrying one execution from where its tape stands to its outcome.

use anyhow::Context as _;

use crate::agents::{ACTING_TOOLS, AgentError, Next, Output};
use crate::domain::Failure;
use crate::domain::brief::Brief;
use crate::domain::event::{Event, PhaseCompleted, PhaseError, StepCompleted, StepError};
use crate::domain::id::{ExecutionId, StepId, TreeId};
use crate::domain::phase::Phase;
use crate::domain::plan::Plan;
use crate::domain::run::ExecutionState;
use crate::domain::tape::{Answer, Call, TapeEntry};
use crate::heal::classify::{self, AnswerError, AnswerProblem};

use super::drive::Drive;
use super::halt::Halting;
use super::recorder::entry_after;
use super::site::Place;

/// An execution at work.
pub(super) struct Work {
    pub(super) state: ExecutionState,
    pub(super) brief: Brief,
}

impl Drive<'_> {
    pub(super) async fn execute(&mut self, id: ExecutionId) -> Halting<()> {
        let work = self.take_up(id)?;
        loop {
            self.safe_point()?;
            let outcome = match (self.engine.agents)(&work.brief, &self.tape) {
                Next::Ask(request) => match self.ask(&work, &request).await? {
                    None => continue,
                    Some(failure) => Err(failure),
                },
                Next::Act(call) => match self.act(&work, call).await? {
                    None => continue,
                    Some(failure) => Err(failure),
                },
                Next::Done(Ok(output)) => Ok(output),
                Next::Done(Err(AgentError::Stuck(pattern))) => {
                    return self.end_stuck(&work, &pattern).await;
                }
                Next::Done(Err(error)) => Err(self.classify(error)),
            };
            return self.end(&work, outcome).await;
        }
    }

    /// The execution with its brief, and its tape: from the record, unless it begins just now.
    fn take_up(&mut self, id: ExecutionId) -> anyhow::Result<Work> {
        let state = self
            .log
            .run()
            .execution(id)
            .with_context(|| format!("there is no execution {id}"))?
            .clone();
        self.counted_from = 0;
        if let Some(brief) = self.composed.take_if(|brief| brief.task.execution == id) {
            self.tape = Vec::new();
            return Ok(Work { state, brief });
        }
        let store = &self.engine.store;
        self.tape = store.tape(self.log.run().id, id)?;
        let brief = store
            .blob(&state.brief)?
            .with_context(|| format!("the brief of execution {id} is missing"))?;
        let brief = serde_json::from_slice(&brief).context("the brief is unreadable")?;
        Ok(Work { state, brief })
    }

    /// Makes a call that is not to a model. An answer on the tape, or the failure that ends it all.
    async fn act(&mut self, work: &Work, call: Call) -> Halting<Option<Failure>> {
        let entry = entry_after(&self.tape, call);
        self.expect_call(work, &entry.call)?;
        let answer = match &entry.call {
            Call::Tool(call) => {
                let answer = self.use_tool(work, entry.ordinal, call).await?;
                self.compare_tool(work, call, &answer)?;
                Answer::Tool(answer)
            }
            Call::Checks if self.recalls_checks() => self.recall_final_checks(work)?,
            Call::Checks => self.run_checks(work).await?,
            Call::Commit { message } => self.release(message).await?,
            Call::Model(_) => return Err(anyhow::anyhow!("models are asked, not acted").into()),
        };
        self.put(work.state.id, entry, answer);
        Ok(self.persistent_denial())
    }

    /// Puts a call and its answer on the tape and collects both for the record.
    pub(super) fn put(&mut self, execution: ExecutionId, mut entry: TapeEntry, answer: Answer) {
        self.log.call(execution, &entry);
        self.log.answer(execution, entry.ordinal, &answer);
        entry.answer = Some(answer);
        self.tape.push(entry);
    }

    /// A model that goes against hard rules again and again is stopped, and so is one that does
    /// nothing any more but what soft rules refuse.
    fn persistent_denial(&self) -> Option<Failure> {
        const MOST: usize = 3;
        const MOST_IN_A_ROW: usize = 5;
        let acts = || {
            self.tape
                .iter()
                .filter_map(|entry| match (&entry.call, &entry.answer) {
                    (Call::Tool(call), Some(Answer::Tool(answer)))
                        if ACTING_TOOLS.contains(&call.name.as_str()) =>
                    {
                        Some(answer)
                    }
                    _ => None,
                })
        };
        let hard: Vec<_> = acts()
            .filter_map(|answer| answer.denied.as_ref())
            .filter(|denial| denial.hard)
            .collect();
        if let Some(last) = hard.last().filter(|_| hard.len() >= MOST) {
            return Some(classify::policy(last));
        }
        let in_a_row: Vec<_> = acts()
            .rev()
            .map_while(|answer| answer.denied.as_ref())
            .collect();
        let last = in_a_row.first().filter(|_| in_a_row.len() >= MOST_IN_A_ROW);
        last.map(|denial| classify::policy(denial))
    }

    fn classify(&self, error: AgentError) -> Failure {
        match error {
            AgentError::UnusableAnswer {
                text,
                finish,
                reason,
                schema,
            } => classify::from_answer(&AnswerError::of_text(text, finish, reason, schema)),
            AgentError::InvalidPlan(error) => classify::from_plan(&error),
            AgentError::Blocked(why) => classify::blocked(&why, &self.denied_paths()),
            AgentError::TooManyTurns(most) => classify::from_answer(&AnswerError {
                problem: AnswerProblem::NoToolCall,
                detail: format!("the step was not finished within {most} turns"),
                text: String::new(),
                schema: None,
            }),
            AgentError::Stuck(pattern) => classify::stuck(&pattern),
            AgentError::Checks(failure) => *failure,
        }
    }

    /// The words of the soft refusals of this execution, as evidence for the planner.
    fn denied_paths(&self) -> Vec<String> {
        self.tape
            .iter()
            .filter_map(|entry| match &entry.answer {
                Some(Answer::Tool(answer)) => answer.denied.as_ref(),
                _ => None,
            })
            .map(|denial| denial.message.clone())
            .collect()
    }

    pub(super) async fn end(
        &mut self,
        work: &Work,
        outcome: Result<Output, Failure>,
    ) -> Halting<()> {
        if self.is_consulting() {
            return self.end_consultation(work, outcome);
        }
        if self.makes_candidate(work) {
            return self.end_candidate(work, outcome).await;
        }
        let objection = match (&outcome, &work.state.step, work.state.phase) {
            (Ok(_), Some(_), _) => self.check_step(work).await?,
            (Ok(_), None, Phase::Builder) => self.nothing_left(work),
            _ => None,
        };
        let outcome = objection.map_or(outcome, Err);
        match (work.state.step.clone(), outcome) {
            (Some(step), Ok(output)) => self.step_completes(work, step, output).await,
            (Some(step), Err(failure)) => self.step_fails(work, step, failure).await,
            (None, Ok(output)) if work.state.phase == Phase::Planner => {
                self.planner_completes(work, output).await
            }
            (None, Ok(output)) => self.phase_completes(work, output),
            (None, Err(failure)) => self.execution_fails(work, failure).await,
        }
    }

    /// A repair that takes the whole change back has not reached the goal.
    fn nothing_left(&self, work: &Work) -> Option<Failure> {
        let tree = self.tree_at(&work.state);
        let unchanged = self.site.is_unchanged(self.log.run(), &tree);
        unchanged.then(classify::no_change)
    }

    async fn step_completes(&mut self, work: &Work, step: StepId, output: Output) -> Halting<()> {
        let tree = self.tree_at(&work.state);
        let commit = self.commit_step(&work.brief, &tree).await?;
        self.log.event(Event::StepCompleted(StepCompleted {
            step,
            execution: work.state.id,
            summary: output.summary,
            report: None,
            tree,
            commit,
        }))?;
        Ok(())
    }

    async fn step_fails(&mut self, work: &Work, step: StepId, failure: Failure) -> Halting<()> {
        let tree = self.tree_after_failure(work, &failure).await?;
        self.log.event(Event::StepError(StepError {
            step: step.clone(),
            execution: work.state.id,
            error_type: failure.error_type,
            message: failure.message.clone(),
            report: None,
            tree: tree.clone(),
        }))?;
        self.log.event(Event::PhaseError(PhaseError {
            phase: Phase::Builder,
            execution: Some(work.state.id),
            step: Some(step),
            failure: failure.clone(),
            report: None,
            tree,
        }))?;
        Ok(self.learn_from_failure(work, &failure)?)
    }

    /// A plan says what is still to be done; what is done stays as it is.
    async fn planner_completes(&mut self, work: &Work, output: Output) -> Halting<()> {
        let plan: Plan =
            serde_json::from_value(output.value).context("the planner's output is no plan")?;
        match plan.keeping(&self.log.run().finished_steps()) {
            Ok(plan) => {
                let value = serde_json::to_value(&plan)?;
                self.phase_completes(work, Output { value, ..output })
            }
            Err(error) => {
                self.execution_fails(work, classify::from_plan(&error))
                    .await
            }
        }
    }

    fn phase_completes(&mut self, work: &Work, output: Output) -> Halting<()> {
        let tree = self.tree_at(&work.state);
        self.log.event(Event::PhaseCompleted(PhaseCompleted {
            phase: work.state.phase,
            execution: Some(work.state.id),
            output: output.value,
            report: None,
            tree,
        }))?;
        if work.state.phase == Phase::Tester {
            self.learn_from_pass()?;
        }
        Ok(())
    }

    async fn execution_fails(&mut self, work: &Work, failure: Failure) -> Halting<()> {
        let tree = self.tree_after_failure(work, &failure).await?;
        self.log.event(Event::PhaseError(PhaseError {
            phase: work.state.phase,
            execution: Some(work.state.id),
            step: None,
            failure: failure.clone(),
            report: None,
            tree,
        }))?;
        Ok(self.learn_from_failure(work, &failure)?)
    }

    /// Work that does not build yet is worth repairing; other failed work is taken back.
    async fn tree_after_failure(&mut self, work: &Work, failure: &Failure) -> Halting<TreeId> {
        use crate::domain::failure::Cause;
        let now = self.tree_at(&work.state);
        let keep = matches!(failure.cause, Cause::Build | Cause::Crash | Cause::Missing);
        if keep || now == work.state.tree {
            return Ok(now);
        }
        self.log.commit().await?;
        self.site.restore(Place::Build, &work.state.tree)?;
        Ok(work.state.tree.clone())
    }

    /// The tree where an execution's tape stands.
    pub(super) fn tree_at(&self, state: &ExecutionState) -> TreeId {
        tree_on(&self.tape).unwrap_or_else(|| state.tree.clone())
    }
}

/// The last tree that a tape names.
pub(super) fn tree_on(tape: &[TapeEntry]) -> Option<TreeId> {
    tape.iter().rev().find_map(|entry| match &entry.answer {
        Some(Answer::Tool(answer)) => answer.tree.clone(),
        _ => None,
    })
}
