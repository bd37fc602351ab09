//! Giving a run up from outside: at once if nobody drives it, else by asking its driver.

use std::time::Duration;

use crate::domain::event::Event;
use crate::domain::{Clock, Record, Run, RunId};
use crate::export::Redaction;
use crate::store::{Batch, DriveError, Intervention, InterventionKind, Store, StoreError, Write};

use super::{Interrupt, summary};

/// How often a driver looks whether it was asked to cancel while it is busy.
const EVERY: Duration = Duration::from_millis(200);

/// What became of the wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// The run is cancelled.
    Done,
    /// Its driver has been asked, and will stop at its next safe point.
    Asked,
}

/// Cancels a run, or asks its driver to.
///
/// # Errors
/// If there is no such run, it has ended, or the record cannot be written.
pub fn cancel(
    store: &Store,
    clock: &dyn Clock,
    id: RunId,
    reason: Option<&str>,
) -> anyhow::Result<Cancelled> {
    let driver = match store.drive(id) {
        Ok(driver) => driver,
        Err(DriveError::Busy { .. }) => {
            store.add_intervention(id, InterventionKind::Cancel, reason)?;
            return Ok(Cancelled::Asked);
        }
        Err(other) => return Err(other.into()),
    };
    let mut run: Run = store
        .load(id)?
        .ok_or_else(|| anyhow::anyhow!("there is no run {id}"))?;
    let record = Record {
        run: id,
        seq: run.seq + 1,
        at: clock.now().max(run.updated_at),
        event: Event::RunCancelled {
            reason: reason.map(str::to_owned),
        },
    };
    run.apply(&record)?;
    let write = Write::Event {
        record: Box::new(record),
        run: Box::new(run),
    };
    store.commit_blocking(&driver, Batch::of(write))?;
    match summary::write(store, id, &Redaction::default()) {
        Ok(None) => {}
        Ok(Some(artifact)) => {
            store.commit_blocking(&driver, Batch::of(Write::Artifact(artifact)))?;
        }
        Err(error) => tracing::warn!(%error, "the summary was not written"),
    }
    Ok(Cancelled::Done)
}

/// The wish that a run be cancelled, if someone has it.
pub(super) fn asked(store: &Store, run: RunId) -> Result<Option<Intervention>, StoreError> {
    let open = store.interventions(run, true)?;
    Ok(open
        .into_iter()
        .find(|asked| asked.kind == InterventionKind::Cancel))
}

/// Raises `wanted` once the process is interrupted or someone asks for the run to be cancelled.
/// Never returns before.
pub(super) async fn watch(store: Store, run: RunId, interrupt: Interrupt, wanted: Interrupt) {
    loop {
        tokio::select! {
            () = interrupt.raised() => break,
            () = tokio::time::sleep(EVERY) => {}
        }
        if asked(&store, run).is_ok_and(|asked| asked.is_some()) {
            break;
        }
    }
    wanted.raise();
}
