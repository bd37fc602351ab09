//! `outcomes`: what became of repairs, and `forgotten`: of which failures that no longer counts.
//!
//! Not a projection: outcomes stay when their run is pruned, and a fork does not repeat its source's.

use std::collections::BTreeSet;

use rusqlite::{Connection, Row, named_params};

use super::Store;
use super::error::StoreError;
use crate::domain::failure::ErrorType;
use crate::domain::id::HealId;
use crate::domain::outcome::Outcome;
use crate::domain::remedy::HealAction;
use crate::domain::{Digest, Phase, RunId};

pub(super) fn insert(
    tx: &Connection,
    run: RunId,
    heal: HealId,
    outcome: &Outcome,
    now: &str,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO outcomes (run_id, heal_id, phase, signature, error_type, distribution, action,
                               success, tokens, cost, cause, created_at)
         VALUES (:run, :heal, :phase, :signature, :error_type, :distribution, :action, :success,
                 :tokens, :cost, :cause, :now)
         ON CONFLICT (run_id, heal_id) DO UPDATE
         SET success = excluded.success, tokens = excluded.tokens, cost = excluded.cost",
    )?
    .execute(named_params! {
        ":run": run.0,
        ":heal": heal.0,
        ":phase": outcome.phase.as_str(),
        ":signature": outcome.signature.as_str(),
        ":error_type": outcome.error_type.as_str(),
        ":distribution": serde_json::to_string(&outcome.distribution)?,
        ":action": outcome.action.as_str(),
        ":success": outcome.success,
        ":tokens": i64::try_from(outcome.tokens).unwrap_or(i64::MAX),
        ":cost": outcome.cost_usd,
        ":cause": outcome.cause,
        ":now": now,
    })?;
    Ok(())
}

/// Takes out what other runs than these have left, whether they are on record or not.
pub(super) fn retain(tx: &Connection, kept: &BTreeSet<RunId>) -> Result<u64, StoreError> {
    let kept: Vec<i64> = kept.iter().map(|run| run.0).collect();
    let gone = tx.execute(
        "DELETE FROM outcomes WHERE run_id NOT IN (SELECT value FROM json_each(:kept))",
        named_params! {":kept": serde_json::to_string(&kept)?},
    )?;
    Ok(gone as u64)
}

impl Store {
    /// The latest outcomes of all runs that nobody has forgotten, at most so many, oldest first.
    /// Those of a repair, phase or class that this version does not have are left out.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn outcomes(&self, most: u32) -> Result<Vec<Outcome>, StoreError> {
        self.read(|tx| {
            let mut statement = tx.prepare_cached(
                "SELECT phase, signature, error_type, distribution, action, success, tokens, cost,
                        cause
                 FROM outcomes LEFT JOIN forgotten USING (signature)
                 WHERE forgotten_at IS NULL OR julianday(created_at) > julianday(forgotten_at)
                 ORDER BY julianday(created_at) DESC, run_id DESC, heal_id DESC LIMIT :most",
            )?;
            let mut rows = statement.query(named_params! {":most": most})?;
            let mut latest = Vec::new();
            while let Some(row) = rows.next()? {
                latest.extend(read(row)?);
            }
            latest.reverse();
            Ok(latest)
        })
    }

    /// The signatures of failures with outcomes that nobody has forgotten which begin so, at most
    /// `most`.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn signatures(&self, prefix: &str, most: u32) -> Result<Vec<Digest>, StoreError> {
        self.read(|tx| {
            let mut statement = tx.prepare_cached(
                "SELECT DISTINCT signature FROM outcomes LEFT JOIN forgotten USING (signature)
                 WHERE substr(signature, 1, length(:prefix)) = :prefix
                   AND (forgotten_at IS NULL OR julianday(created_at) > julianday(forgotten_at))
                 ORDER BY signature LIMIT :most",
            )?;
            let rows = statement
                .query_map(named_params! {":prefix": prefix, ":most": most}, |row| {
                    row.get(0).map(Digest)
                })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Forgets what became of repairs of these failures until now. How many outcomes no longer
    /// count.
    ///
    /// # Errors
    /// If the record cannot be written; then nothing is forgotten.
    pub fn forget(&self, signatures: &[Digest]) -> Result<u64, StoreError> {
        let (signatures, now) = (signatures.to_vec(), self.now());
        self.write(move |tx| {
            let mut forgotten = 0;
            for signature in &signatures {
                forgotten += count(tx, signature)?;
                tx.prepare_cached(
                    "INSERT INTO forgotten (signature, forgotten_at) VALUES (:signature, :now)
                     ON CONFLICT (signature) DO UPDATE SET forgotten_at = :now",
                )?
                .execute(named_params! {":signature": signature.as_str(), ":now": now})?;
            }
            Ok(forgotten)
        })
    }
}

/// How many outcomes of a failure count now.
fn count(tx: &Connection, signature: &Digest) -> Result<u64, StoreError> {
    let count: i64 = tx
        .prepare_cached(
            "SELECT count(*) FROM outcomes LEFT JOIN forgotten USING (signature)
             WHERE signature = :signature
               AND (forgotten_at IS NULL OR julianday(created_at) > julianday(forgotten_at))",
        )?
        .query_row(named_params! {":signature": signature.as_str()}, |row| {
            row.get(0)
        })?;
    Ok(count.unsigned_abs())
}

fn read(row: &Row<'_>) -> Result<Option<Outcome>, StoreError> {
    let (phase, class, action): (String, String, String) = (row.get(0)?, row.get(2)?, row.get(4)?);
    let distribution: String = row.get(3)?;
    let class = ErrorType::ALL
        .into_iter()
        .find(|known| known.as_str() == class);
    let known = (phase.parse::<Phase>().ok())
        .zip(class)
        .zip(action.parse::<HealAction>().ok())
        .zip(serde_json::from_str(&distribution).ok());
    let Some((((phase, error_type), action), distribution)) = known else {
        return Ok(None);
    };
    Ok(Some(Outcome {
        phase,
        signature: Digest(row.get(1)?),
        error_type,
        distribution,
        action,
        success: row.get(5)?,
        tokens: row.get::<_, i64>(6)?.unsigned_abs(),
        cost_usd: row.get(7)?,
        cause: row.get(8)?,
    }))
}
