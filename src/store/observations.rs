//! `observations`: what checks said of the work of models.

use std::collections::BTreeSet;

use rusqlite::{Connection, named_params};

use super::Store;
use super::error::StoreError;
use crate::domain::choice::Observation;
use crate::domain::{Agent, ExecutionId, RunId};

pub(super) fn insert(
    tx: &Connection,
    run: RunId,
    execution: ExecutionId,
    observation: &Observation,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO observations (run_id, execution_id, model, agent, class, success)
         VALUES (:run, :execution, :model, :agent, :class, :success)
         ON CONFLICT (run_id, execution_id) DO UPDATE SET success = excluded.success",
    )?
    .execute(named_params! {
        ":run": run.0,
        ":execution": execution.0,
        ":model": observation.model,
        ":agent": observation.agent.as_str(),
        ":class": observation.class,
        ":success": observation.success,
    })?;
    Ok(())
}

impl Store {
    /// The latest observations of all runs, at most so many, oldest first. Those of an agent that
    /// this version does not have are left out.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn observations(&self, most: u32) -> Result<Vec<Observation>, StoreError> {
        self.read(|tx| {
            let mut statement = tx.prepare_cached(
                "SELECT model, agent, class, success FROM observations
                 ORDER BY run_id DESC, execution_id DESC LIMIT :most",
            )?;
            let mut rows = statement.query(named_params! {":most": most})?;
            let mut latest = Vec::new();
            while let Some(row) = rows.next()? {
                let agent: String = row.get(1)?;
                let Some(agent) = Agent::ALL.into_iter().find(|known| known.as_str() == agent)
                else {
                    continue;
                };
                latest.push(Observation {
                    model: row.get(0)?,
                    agent,
                    class: row.get(2)?,
                    success: row.get(3)?,
                });
            }
            latest.reverse();
            Ok(latest)
        })
    }

    /// The executions of a run of which checks have said something.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn observed(&self, run: RunId) -> Result<BTreeSet<ExecutionId>, StoreError> {
        self.read(|tx| {
            let mut statement =
                tx.prepare_cached("SELECT execution_id FROM observations WHERE run_id = :run")?;
            let rows = statement.query_map(named_params! {":run": run.0}, |row| {
                Ok(ExecutionId(row.get(0)?))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}
