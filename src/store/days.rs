//! `days`: what all runs together have spent and reserved, by UTC day, and how long drivers were at
//! work.
//!
//! A call is reserved in the transaction that records its intent, if the day's caps allow it, and
//! settled in the one that records its answer, on the day of its reservation. So whichever
//! processes write at once, a day never holds more than its caps.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::Store;
use super::error::StoreError;
use super::tape::whole;
use crate::domain::ExecutionId;
use crate::domain::budget::{Caps, Scope, Shortfall, Spending};
use crate::domain::tape::ModelCall;

const DAY_MS: i64 = 86_400_000;

/// Sums of money that differ by less are the same: they were not added up in the same order.
const ROUNDING: f64 = 1e-6;

/// A call that was not recorded, because it would pass a cap of the day. It must not be made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Refused {
    /// The execution.
    pub execution: ExecutionId,
    /// The place on its tape.
    pub ordinal: u32,
    /// The cap.
    pub shortfall: Shortfall,
}

impl Refused {
    /// Whether a write about this call hangs on the one that was refused.
    pub(super) fn covers(&self, execution: ExecutionId, ordinal: u32) -> bool {
        self.execution == execution && self.ordinal <= ordinal
    }
}

/// The UTC day of a time, counted from 1970-01-01.
pub(super) fn day_of(at: Timestamp) -> i64 {
    at.as_millisecond().div_euclid(DAY_MS)
}

/// What a call used beyond what it had reserved (or below), and the day of its reservation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settled {
    pub(super) day: i64,
    pub(super) tokens: i64,
    pub(super) usd: f64,
}

/// What one transaction changes of the days: each day's row is written once, at its end.
#[derive(Debug)]
pub(super) struct Account {
    today: i64,
    caps: Caps,
    changes: BTreeMap<i64, Change>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Change {
    attempts: i64,
    tokens: i64,
    usd: f64,
    wall_ms: i64,
}

impl Account {
    /// Of a transaction at `now`, under these caps of its day.
    pub(super) fn new(now: Timestamp, caps: Caps) -> Self {
        Self {
            today: day_of(now),
            caps,
            changes: BTreeMap::new(),
        }
    }

    /// Reserves what a call may use, and gives the day on which that is.
    pub(super) fn reserve(
        &mut self,
        tx: &Connection,
        call: &ModelCall,
    ) -> Result<Result<i64, Shortfall>, StoreError> {
        let ask = call.reserved();
        if self.caps != Caps::default()
            && let Err(short) = self.caps.admit(Scope::Day, self.spent(tx)?, ask)
        {
            return Ok(Err(short));
        }
        let change = self.changes.entry(self.today).or_default();
        change.attempts += whole(ask.attempts);
        change.tokens += whole(ask.tokens);
        change.usd += ask.usd;
        Ok(Ok(self.today))
    }

    /// What is spent and reserved today, this transaction included.
    fn spent(&self, tx: &Connection) -> Result<Spending, StoreError> {
        let before = spent(tx, self.today)?;
        let change = self.changes.get(&self.today).copied().unwrap_or_default();
        Ok(Spending {
            usd: before.usd + change.usd,
            tokens: before.tokens.saturating_add_signed(change.tokens),
            attempts: before.attempts.saturating_add_signed(change.attempts),
            wall_ms: before.wall_ms.saturating_add_signed(change.wall_ms),
        })
    }

    /// A call that was reserved is answered.
    pub(super) fn settle(&mut self, settled: Settled) {
        let change = self.changes.entry(settled.day).or_default();
        change.tokens += settled.tokens;
        change.usd += settled.usd;
    }

    /// A driver was at work from one time to another.
    pub(super) fn work(&mut self, from: Timestamp, to: Timestamp) {
        let (mut at, end) = (from.as_millisecond(), to.as_millisecond());
        while at < end {
            let day = at.div_euclid(DAY_MS);
            let midnight = (day + 1).saturating_mul(DAY_MS).min(end);
            self.changes.entry(day).or_default().wall_ms += midnight - at;
            at = midnight;
        }
    }

    /// Writes the changes.
    pub(super) fn close(self, tx: &Connection) -> Result<(), StoreError> {
        for (day, change) in self.changes {
            if change == Change::default() {
                continue;
            }
            tx.prepare_cached(
                "INSERT INTO days (day, attempts, tokens, usd, wall_ms)
                 VALUES (:day, :attempts, :tokens, :usd, :wall_ms)
                 ON CONFLICT (day) DO UPDATE
                 SET attempts = attempts + :attempts, tokens = tokens + :tokens,
                     usd = usd + :usd, wall_ms = wall_ms + :wall_ms",
            )?
            .execute(named_params! {
                ":day": day,
                ":attempts": change.attempts,
                ":tokens": change.tokens,
                ":usd": change.usd,
                ":wall_ms": change.wall_ms,
            })?;
        }
        Ok(())
    }
}

impl Store {
    /// What all runs together have spent and reserved on the UTC day of `at`.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn day(&self, at: Timestamp) -> Result<Spending, StoreError> {
        self.read(|tx| spent(tx, day_of(at)))
    }
}

fn spent(tx: &Connection, day: i64) -> Result<Spending, StoreError> {
    let row = tx
        .prepare_cached("SELECT usd, tokens, attempts, wall_ms FROM days WHERE day = :day")?
        .query_row(named_params! {":day": day}, read)
        .optional()?;
    Ok(row.unwrap_or_default())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Spending> {
    let count = |column: usize| {
        let count: rusqlite::Result<i64> = row.get(column);
        count.map(|count| u64::try_from(count).unwrap_or(0))
    };
    Ok(Spending {
        usd: row.get(0)?,
        tokens: count(1)?,
        attempts: count(2)?,
        wall_ms: count(3)?,
    })
}

/// What the tapes say of each day. Runs that were pruned are missing in it.
const OF_TAPES: &str = "SELECT day, count(*) AS attempts,
        sum(iif(answer IS NULL, reserved_tokens,
                coalesce(input_tokens, 0) + coalesce(output_tokens, 0))) AS tokens,
        total(iif(answer IS NULL, reserved_usd, coalesce(cost_usd, 0))) AS usd
     FROM tape WHERE day IS NOT NULL GROUP BY day";

/// Days that hold less than the tapes say.
pub(super) fn shortages(tx: &Connection) -> Result<Vec<String>, StoreError> {
    let mut statement = tx.prepare(&format!(
        "SELECT date(seen.day * 86400, 'unixepoch') FROM ({OF_TAPES}) AS seen
         LEFT JOIN days ON days.day = seen.day
         WHERE coalesce(days.attempts, 0) < seen.attempts
            OR coalesce(days.tokens, 0) < seen.tokens
            OR coalesce(days.usd, 0) < seen.usd - :rounding
         ORDER BY seen.day"
    ))?;
    let days = statement.query_map(named_params! {":rounding": ROUNDING}, |row| {
        row.get::<_, String>(0)
    })?;
    let tell = |day: String| format!("the account of {day} holds less than its calls used");
    Ok(days.map(|day| day.map(tell)).collect::<Result<_, _>>()?)
}

/// Brings such days up to what the tapes say.
pub(super) fn make_good(tx: &Connection) -> Result<(), StoreError> {
    tx.execute(
        &format!(
            "INSERT INTO days (day, attempts, tokens, usd)
             SELECT day, attempts, tokens, usd FROM ({OF_TAPES}) WHERE true
             ON CONFLICT (day) DO UPDATE
             SET attempts = max(attempts, excluded.attempts),
                 tokens = max(tokens, excluded.tokens), usd = max(usd, excluded.usd)"
        ),
        [],
    )?;
    Ok(())
}
