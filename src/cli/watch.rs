//! Driving a run while someone watches: signals in, events out, the summary at the end.

use std::sync::Arc;

use serde_json::Value;

use crate::domain::event::RunResumed;
use crate::domain::{RunId, State};
use crate::engine::{Engine, Interrupt};
use crate::store;

use super::failure::Failure;
use super::render::progress::{Live, View};
use super::render::{diff, summary};
use super::ui::Ui;
use super::{Outcome, exit, logging};

/// What is shown beside the summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Show {
    /// Nothing.
    Summary,
    /// The change as a diff.
    Change,
}

/// Begins the log of what the engine does.
pub(super) fn begin_log(engine: &Engine, ui: &Ui) {
    logging::begin(
        &engine.state.logs,
        &engine.config,
        &engine.environment,
        engine.clock.clone(),
        logging::on_stderr(ui.verbosity(), ui.is_quiet()),
    );
}

/// What an engine's work runs on.
pub(super) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
}

/// Begins as `begin` says, drives the run to where it ends or stands still, and tells of it.
pub(super) fn drive(
    engine: Engine,
    ui: &Ui,
    show: Show,
    begin: impl FnOnce(&Engine) -> Result<(RunId, Option<RunResumed>), Failure>,
) -> Outcome {
    begin_log(&engine, ui);
    let runtime = runtime()?;
    let subscription = engine.bus.subscribe();
    let (id, resumed) = begin(&engine)?;
    let mut past = engine.store.events(id)?;
    if resumed.is_none() {
        // It has just been told.
        past.pop();
    }
    let view = View {
        ui: ui.clone(),
        past,
        clock: engine.clock.clone(),
        usage: usage_of(&engine, id),
    };
    let live = Live::start(subscription, view)?;
    runtime.spawn(listen_for_signals(engine.interrupt.clone()));
    let driven = runtime.block_on(engine.drive(id, resumed));
    live.finish();
    if show == Show::Change && !ui.is_json() {
        tell_change(&engine, id, ui)?;
    }
    tell(&engine, id, ui)?;
    match driven {
        Ok(run) => Ok(exit::of(&run)),
        Err(error) => Err(Failure::from(error)
            .or_hint(|| format!("mend that, then go on: rgpt resume --run {id}"))),
    }
}

/// The change as a diff.
fn tell_change(engine: &Engine, id: RunId, ui: &Ui) -> Result<(), Failure> {
    let Some(run) = engine.store.load(id)? else {
        return Ok(());
    };
    let Some(ground) = &engine.ground else {
        return Ok(());
    };
    if run.state() != State::Done {
        return Ok(());
    }
    let change = ground
        .own
        .diff(&run.created.base_tree, &run.tree)
        .map_err(anyhow::Error::from)?;
    ui.line(&format!("{}\n", diff::diff(&change)));
    Ok(())
}

/// What came of it: the summary on the record, for people or for programs.
fn tell(engine: &Engine, id: RunId, ui: &Ui) -> Result<(), Failure> {
    let document = document(engine, id)?;
    if ui.is_json() {
        let mut last = serde_json::Map::new();
        last.insert("type".to_owned(), "run.summary".into());
        last.extend(document.as_object().cloned().unwrap_or_default());
        ui.json_line(&Value::Object(last));
    } else {
        ui.line(&summary::summary(&document, ui.look()));
    }
    Ok(())
}

fn document(engine: &Engine, id: RunId) -> Result<Value, Failure> {
    let document = store::inspect::document(&engine.store, id)?;
    Ok(serde_json::to_value(document).map_err(anyhow::Error::from)?)
}

fn usage_of(
    engine: &Engine,
    id: RunId,
) -> Arc<dyn Fn() -> crate::domain::budget::Usage + Send + Sync> {
    let store = engine.store.clone();
    Arc::new(move || store.usage(id).unwrap_or_default())
}

/// The first signal asks the run to stop at its next safe point.
pub(super) async fn listen_for_signals(interrupt: Interrupt) {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    for kind in kinds {
        let interrupt = interrupt.clone();
        if let Ok(mut stream) = signal(kind) {
            tokio::spawn(async move {
                if stream.recv().await.is_some() {
                    interrupt.raise();
                }
            });
        }
    }
}
