//! Asking about a failure before anything is done: the analyzer what it is, the repair agent for
//! instructions for the rest of the run. Neither changes anything.

use crate::agents::Output;
use crate::domain::Failure;
use crate::domain::brief::Evidence;
use crate::domain::event::{AnalysisCompleted, AnalysisError, AnalysisStarted, Event};
use crate::domain::failure::ErrorType;
use crate::domain::phase::Agent;
use crate::domain::remedy::HealAction;
use crate::domain::run::Standing;
use crate::domain::state::State;
use crate::heal::opinion::{self, Opinion};
use crate::heal::remedy::Situation;

use super::briefing::Order;
use super::drive::Drive;
use super::execution::Work;
use super::halt::Halting;

/// The most bytes of instructions that are kept: every later brief holds them.
const INSTRUCTIONS: usize = 4 * 1024;

impl Drive<'_> {
    /// Begins to ask an agent about the failure that stands.
    pub(super) fn consult(&mut self, agent: Agent, standing: &Standing) -> Halting<()> {
        let situation = self.situation(standing)?;
        let evidence = Evidence {
            action: match agent {
                Agent::Repair => HealAction::PatchInstructions.as_str().to_owned(),
                _ => "analyze".to_owned(),
            },
            error_type: standing.failure.error_type.as_str().to_owned(),
            text: self.dossier(&standing.failure, &situation),
            repaired_answer: None,
            commands: Vec::new(),
        };
        let execution = self.begin(Order {
            agent,
            phase: standing.phase,
            state: State::Error(standing.phase),
            step: standing.step.clone(),
            scope: Vec::new(),
            evidence: Some(evidence),
            patch: None,
        })?;
        self.log
            .event(Event::AnalysisStarted(AnalysisStarted { execution }))?;
        Ok(())
    }

    /// Whether the execution at work is asked about a failure.
    pub(super) fn is_consulting(&self) -> bool {
        matches!(self.log.run().progress(), State::Error(_))
    }

    /// Everything that is known of a failure, for an agent to read.
    fn dossier(&self, failure: &Failure, at: &Situation) -> String {
        let likely = failure.distribution().ranked();
        let likely: Vec<String> = likely
            .iter()
            .take(3)
            .map(|(class, share)| format!("{class} {share:.2}"))
            .collect();
        let tried: Vec<String> = self
            .tried()
            .iter()
            .map(|tried| {
                let verdict = if tried.kept { "kept" } else { "taken back" };
                format!("- {} ({verdict}): {}", tried.action, tried.evidence)
            })
            .collect();
        let sections = [
            ("The failure", failure.message.clone()),
            ("What it is by the rules", likely.join(", ")),
            ("Failing tests", failure.failing_tests.join("\n")),
            ("Evidence", failure.evidence.clone()),
            ("The code around it", at.code.clone()),
            ("The change so far", at.diff.clone()),
            ("What was tried", tried.join("\n")),
        ];
        sections
            .into_iter()
            .filter(|(_, text)| !text.trim().is_empty())
            .map(|(title, text)| format!("{title}:\n{}", text.trim_end()))
            .collect::<Vec<_>>()
            .join("\n\n")
    }

    /// Records what the agent has said.
    pub(super) fn end_consultation(
        &mut self,
        work: &Work,
        outcome: Result<Output, Failure>,
    ) -> Halting<()> {
        let said = outcome
            .map_err(|failure| (failure.error_type, failure.message))
            .and_then(|output| {
                let read = self.read_consultation(work, &output);
                read.map_err(|why| (ErrorType::Llm, why))
            });
        self.log.event(match said {
            Ok((failure, instructions)) => Event::AnalysisCompleted(Box::new(AnalysisCompleted {
                execution: work.state.id,
                failure,
                instructions,
            })),
            Err((error_type, message)) => Event::AnalysisError(AnalysisError {
                execution: work.state.id,
                error_type,
                message,
            }),
        })?;
        Ok(())
    }

    fn read_consultation(
        &self,
        work: &Work,
        output: &Output,
    ) -> Result<(Option<Failure>, Option<String>), String> {
        if work.state.agent == Agent::Repair {
            let text = output.value["instructions"].as_str().unwrap_or_default();
            let text = text.trim();
            let end = text.floor_char_boundary(INSTRUCTIONS);
            return match text {
                "" => Err("it gives no instructions".to_owned()),
                _ => Ok((None, Some(text[..end].to_owned()))),
            };
        }
        let opinion = Opinion::read(&output.value)?;
        let standing = self.log.run().failure.as_ref();
        Ok((
            standing.map(|standing| opinion::revise(&standing.failure, &opinion)),
            None,
        ))
    }
}
