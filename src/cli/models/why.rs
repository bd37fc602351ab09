//! `rgpt models why`: for each model call of a run, whom it went to and why.

use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::ui::Ui;
use crate::cli::{Global, Outcome, Which, exit, open, render};
use crate::domain::brief::{Brief, ModelSettings};
use crate::domain::choice::{Candidate, ChoiceRule, PassedOver};
use crate::domain::id::{ExecutionId, RunId, StepId};
use crate::domain::message::Effort;
use crate::domain::phase::{Agent, Phase};
use crate::domain::run::ExecutionState;
use crate::domain::tape::{
    Answer, Call, ModelCall, ModelFailure, ModelFailureKind, TapeEntry, TapePlace,
};
use crate::domain::{Run, State};
use crate::store::Store;

/// Tell for each model call of a run whom it went to, and why
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    which: Which,
}

/// The document of `models why --json`.
#[derive(Debug, Serialize)]
struct WhyObject {
    /// The run.
    run: RunObject,
    /// Its executions that called a model, in order.
    executions: Vec<ExecutionObject>,
}

#[derive(Debug, Serialize)]
struct RunObject {
    /// Its number.
    id: RunId,
    /// Where it stands.
    state: State,
    /// The run whose calls come before these, if it is a fork.
    parent_run_id: Option<RunId>,
}

/// An execution: how the order of its models came about, and its calls.
#[derive(Debug, Serialize)]
struct ExecutionObject {
    /// Its number in the run.
    id: ExecutionId,
    /// Who asked.
    agent: Agent,
    /// In which phase.
    phase: Phase,
    /// At which step, if at one.
    step: Option<StepId>,
    /// The attempt at this phase or step, from 1.
    attempt_number: u32,
    /// The models in the order in which they were to be asked.
    models: Vec<String>,
    /// By which rule: `order`, `score`, `switched`, `another_model` or `higher_tier`; null where
    /// there was only one model.
    rule: Option<ChoiceRule>,
    /// The share of successes that was wanted; null where it did not matter.
    target: Option<f64>,
    /// The models that were considered, in that order, each with `mean`, `seen`, `draw` and `usd`.
    candidates: Vec<Candidate>,
    /// The sampling temperature.
    temperature: Option<f64>,
    /// How much to reason.
    effort: Option<Effort>,
    /// Why these two are what they are.
    tuning: Option<String>,
    /// Its calls, in order.
    calls: Vec<CallObject>,
}

/// A model call.
#[derive(Debug, Serialize)]
struct CallObject {
    /// Its place on the tape.
    ordinal: u32,
    /// Whom it went to.
    model: String,
    /// At which provider.
    provider: String,
    /// `answered`, `failed`, `lost` (its driver ended) or `under_way`.
    result: &'static str,
    /// How it failed.
    failure: Option<FailureObject>,
    /// How the attempt before it failed (`lost` if nobody knows), if it is made in the place of
    /// that one.
    again_after: Option<Value>,
    /// Whether a person named its model while the execution was at work.
    switched: bool,
    /// The models whose turn it was, each with what ruled it out.
    passed_over: Vec<PassedOver>,
    /// The call that the answer was taken from, if nobody was asked.
    repeats: Option<TapePlace>,
    /// What it cost, in US dollars, once it is answered.
    cost_usd: Option<f64>,
}

#[derive(Debug, Serialize)]
struct FailureObject {
    kind: ModelFailureKind,
    status: Option<u16>,
    message: String,
}

pub(super) fn why(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    let (store, run) = open::run_named(global, &args.which)?;
    let mut executions = Vec::new();
    for execution in &run.executions {
        executions.extend(of_execution(&store, &run, execution)?);
    }
    let document = serde_json::to_value(WhyObject {
        run: RunObject {
            id: run.id,
            state: run.state(),
            parent_run_id: run.created.parent,
        },
        executions,
    });
    let document = document.map_err(anyhow::Error::from)?;
    if ui.is_json() {
        ui.json(&document);
    } else {
        ui.line(&render::why::why(&document, ui.look()));
    }
    Ok(exit::REACHED)
}

/// An execution, if it called a model in this run: the tapes of what a fork shares with its source
/// are the source's.
fn of_execution(
    store: &Store,
    run: &Run,
    execution: &ExecutionState,
) -> Result<Option<ExecutionObject>, Failure> {
    let tape = store.tape(run.id, execution.id)?;
    let brief = store.blob(&execution.brief)?;
    // A brief that is missing or unreadable hides the reasons, not the calls.
    let brief = brief.and_then(|brief| serde_json::from_slice::<Brief>(&brief).ok());
    let settings = brief.map_or_else(ModelSettings::default, |brief| brief.context.models);
    let calls = calls(&tape, &settings.names);
    if calls.is_empty() {
        return Ok(None);
    }
    let choice = settings.choice;
    Ok(Some(ExecutionObject {
        id: execution.id,
        agent: execution.agent,
        phase: execution.phase,
        step: execution.step.clone(),
        attempt_number: execution.attempt,
        models: settings.names,
        rule: choice.as_ref().map(|choice| choice.rule),
        target: choice.as_ref().and_then(|choice| choice.target),
        candidates: choice.map_or_else(Vec::new, |choice| choice.candidates),
        // By way of its text, so that 0.2 does not become 0.20000000298023224.
        temperature: settings
            .temperature
            .and_then(|temperature| temperature.to_string().parse().ok()),
        effort: settings.effort,
        tuning: settings.tuning,
        calls,
    }))
}

fn calls(tape: &[TapeEntry], names: &[String]) -> Vec<CallObject> {
    let mut calls: Vec<CallObject> = Vec::new();
    let mut failed: Vec<&str> = Vec::new();
    let mut before: Option<&Answer> = None;
    let mut speaker: Option<&str> = None;
    for entry in tape {
        let Call::Model(call) = &entry.call else {
            continue;
        };
        if matches!(before, Some(Answer::Model(_))) {
            failed.clear();
        }
        calls.push(CallObject {
            // A conversation stays with the model that answered last.
            switched: speaker != Some(&call.model) && is_switched(call, names, &failed),
            ..object(entry, call, before)
        });
        failed.push(&call.model);
        if matches!(entry.answer, Some(Answer::Model(_))) {
            speaker = Some(&call.model);
        }
        before = entry.answer.as_ref();
    }
    calls
}

/// Whether neither the order nor what came before explains the model of a call.
fn is_switched(call: &ModelCall, names: &[String], failed: &[&str]) -> bool {
    let explained = |name: &str| {
        failed.contains(&name) || call.passed_over.iter().any(|passed| passed.model == name)
    };
    let mut before = names.iter().take_while(|name| **name != call.model);
    let named = names.contains(&call.model) || names.is_empty();
    !named || before.any(|name| !explained(name))
}

fn object(entry: &TapeEntry, call: &ModelCall, before: Option<&Answer>) -> CallObject {
    let (result, failure, cost_usd) = match &entry.answer {
        Some(Answer::Model(answer)) => ("answered", None, Some(answer.usage.cost_usd)),
        Some(Answer::ModelFailed(failure)) => ("failed", Some(failure), None),
        Some(Answer::Lost) => ("lost", None, None),
        _ => ("under_way", None, None),
    };
    CallObject {
        ordinal: entry.ordinal,
        model: call.model.clone(),
        provider: call.provider.clone(),
        result,
        failure: failure.map(|failure: &ModelFailure| FailureObject {
            kind: failure.kind,
            status: failure.status,
            message: failure.message.clone(),
        }),
        again_after: match before {
            Some(Answer::ModelFailed(failure)) => Some(json!(failure.kind)),
            Some(Answer::Lost) => Some(json!("lost")),
            _ => None,
        },
        switched: false,
        passed_over: call.passed_over.clone(),
        repeats: call.repeats,
        cost_usd,
    }
}
