//! `exchanges`: what went over the wire for model calls, byte by byte.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, named_params};
use serde::{Deserialize, Serialize};

use super::Store;
use super::codec::{pack, unpack};
use super::error::StoreError;
use crate::domain::tape::{Exchange, TapePlace};
use crate::domain::{ExecutionId, RunId};

/// What is kept of an exchange besides its status and its bytes.
#[derive(Serialize, Deserialize)]
struct Head {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_byte_ms: Option<u64>,
    total_ms: u64,
}

/// An exchange as it is kept.
#[derive(Debug)]
pub(super) struct Packed {
    status: Option<u16>,
    head: String,
    received: Vec<u8>,
}

impl Packed {
    /// Packs an exchange.
    pub(super) fn of(exchange: &Exchange) -> Result<Self, StoreError> {
        let (codec, mut received) = pack(&exchange.received);
        received.insert(0, codec);
        Ok(Self {
            status: exchange.status,
            head: serde_json::to_string(&Head {
                headers: exchange.headers.clone(),
                first_byte_ms: exchange.first_byte_ms,
                total_ms: exchange.total_ms,
            })?,
            received,
        })
    }
}

/// An exchange without its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct ExchangeHead {
    /// The call on the tapes.
    pub place: TapePlace,
    /// Its place among the exchanges of the call, from 1.
    pub number: u32,
    /// The HTTP status; none if there was no answer.
    pub status: Option<u16>,
    /// The headers of the answer that are kept.
    pub headers: BTreeMap<String, String>,
    /// From the request to the first byte of the answer, in milliseconds.
    pub first_byte_ms: Option<u64>,
    /// From the request to the end, in milliseconds.
    pub total_ms: u64,
    /// The bytes of the answer.
    pub size: u64,
}

impl Store {
    /// What went over the wire for the model calls of a run, in the order of its tapes.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn exchanges(&self, run: RunId) -> Result<Vec<(TapePlace, Exchange)>, StoreError> {
        self.read(|tx| {
            let mut all = Vec::new();
            each(tx, run, |place, _, exchange| all.push((place, exchange)))?;
            Ok(all)
        })
    }

    /// The bytes of one exchange, as they came; `None` if there is no such exchange.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn received(&self, place: TapePlace, number: u32) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|tx| {
            let packed: Option<Vec<u8>> = tx
                .prepare_cached(
                    "SELECT received FROM exchanges
                     WHERE run_id = :run AND execution_id = :execution AND ordinal = :ordinal
                       AND number = :number",
                )?
                .query_row(
                    named_params! {
                        ":run": place.run.0,
                        ":execution": place.execution.0,
                        ":ordinal": place.ordinal,
                        ":number": number,
                    },
                    |row| row.get(0),
                )
                .optional()?;
            packed.map(|packed| unpacked(place, &packed)).transpose()
        })
    }
}

/// What went over the wire for a run, without the bytes; they are read one after the other.
pub(super) fn heads(tx: &Connection, run: RunId) -> Result<Vec<ExchangeHead>, StoreError> {
    let mut heads = Vec::new();
    each(tx, run, |place, number, exchange| {
        heads.push(ExchangeHead {
            place,
            number,
            status: exchange.status,
            headers: exchange.headers,
            first_byte_ms: exchange.first_byte_ms,
            total_ms: exchange.total_ms,
            size: exchange.received.len() as u64,
        });
    })?;
    Ok(heads)
}

/// Exchanges that belong to no model call.
pub(super) fn strays(tx: &Connection) -> Result<Vec<String>, StoreError> {
    let mut statement = tx.prepare(
        "SELECT run_id, execution_id, ordinal FROM exchanges AS stray
         WHERE NOT EXISTS (
           SELECT 1 FROM tape
           WHERE tape.run_id = stray.run_id AND tape.execution_id = stray.execution_id
             AND tape.ordinal = stray.ordinal AND tape.kind = 'model')
         ORDER BY run_id, execution_id, ordinal, number",
    )?;
    let rows = statement.query_map([], |row| {
        let (run, execution, ordinal): (i64, u32, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(format!(
            "run {run}: an exchange belongs to call {ordinal} of execution {execution}, \
             which is no model call"
        ))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn insert(
    tx: &Connection,
    run: RunId,
    execution: ExecutionId,
    ordinal: u32,
    number: u32,
    exchange: &Packed,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO exchanges (run_id, execution_id, ordinal, number, status, head, received)
         VALUES (:run, :execution, :ordinal, :number, :status, :head, :received)",
    )?
    .execute(named_params! {
        ":run": run.0,
        ":execution": execution.0,
        ":ordinal": ordinal,
        ":number": number,
        ":status": exchange.status,
        ":head": exchange.head,
        ":received": exchange.received,
    })?;
    Ok(())
}

/// Hands on each exchange of a run, with its call and its number.
fn each(
    tx: &Connection,
    run: RunId,
    mut take: impl FnMut(TapePlace, u32, Exchange),
) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT execution_id, ordinal, number, status, head, received FROM exchanges
         WHERE run_id = :run ORDER BY execution_id, ordinal, number",
    )?;
    let mut rows = statement.query(named_params! {":run": run.0})?;
    while let Some(row) = rows.next()? {
        let place = TapePlace {
            run,
            execution: ExecutionId(row.get(0)?),
            ordinal: row.get(1)?,
        };
        let head: Head = serde_json::from_str(&row.get::<_, String>(4)?)?;
        let exchange = Exchange {
            status: row.get(3)?,
            headers: head.headers,
            first_byte_ms: head.first_byte_ms,
            total_ms: head.total_ms,
            received: unpacked(place, &row.get::<_, Vec<u8>>(5)?)?,
        };
        take(place, row.get(2)?, exchange);
    }
    Ok(())
}

fn unpacked(place: TapePlace, received: &[u8]) -> Result<Vec<u8>, StoreError> {
    let unreadable = |reason: String| StoreError::Unreadable {
        run: place.run,
        reason: format!(
            "an exchange of call {} of execution {}: {reason}",
            place.ordinal, place.execution
        ),
    };
    let (codec, packed) = received
        .split_first()
        .ok_or_else(|| unreadable("it has no bytes".to_owned()))?;
    unpack(*codec, packed).map_err(|error| unreadable(error.to_string()))
}
