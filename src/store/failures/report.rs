//! What goes wrong over all runs: the same failure, by its signature, stands once. And how often
//! something fails at all, apart from how often it stays so.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rusqlite::{Connection, named_params};
use serde::Serialize;

use super::{COLUMNS, FailureObject};
use crate::domain::{Digest, RunId};
use crate::store::error::StoreError;
use crate::store::{Quarantined, Store};

/// What went wrong, in one run or in all.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FailureReport {
    /// The run; none if it is about all.
    pub run: Option<RunId>,
    /// How often something failed, and stayed so.
    pub rates: Rates,
    /// How many kinds of failures there are, whether or not all are in `failures`.
    pub kinds: u64,
    /// The kinds of failures: those that happened last first, of those the most frequent.
    pub failures: Vec<FailureGroup>,
    /// The tests that are not trusted, with the evidence and until when.
    pub quarantine: Vec<QuarantinedTest>,
}

/// How often something failed at all (raw), and how often it still does after all repairs (healed).
/// So healing hides nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Rates {
    /// The share of phases that failed, 0 to 1; none if no phase was begun.
    pub raw: Option<f64>,
    /// The share of phases that failed and still do.
    pub healed: Option<f64>,
    /// Phases of runs that were begun.
    pub phases: u64,
    /// Those of them that failed at least once.
    pub phases_failed: u64,
    /// Those of them that still do.
    pub phases_open: u64,
    /// Executions that were begun, but for questions about failures.
    pub executions: u64,
    /// Those of them that failed.
    pub executions_failed: u64,
    /// Runs.
    pub runs: u64,
    /// Those of them in which something failed.
    pub runs_failed: u64,
    /// Those of them that still stand on a failure.
    pub runs_open: u64,
}

/// All failures of the same signature.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FailureGroup {
    /// Recognises them.
    pub signature: Digest,
    /// The class, as the last of them was seen.
    pub error_type: String,
    /// Where they come from: `human`, `model`, `infra` or `code`.
    pub origin: String,
    /// The phases in which they happened.
    pub phases: Vec<String>,
    /// The last of them in one line.
    pub message: String,
    /// The line that is the root cause, if one is known.
    pub root_cause: Option<String>,
    /// How often it happened.
    pub count: u64,
    /// In how many runs.
    pub runs: u64,
    /// When it happened first.
    pub first_seen: String,
    /// When it happened last.
    pub last_seen: String,
    /// The run in which it happened last.
    pub last_run: RunId,
    /// How often it was gone after a repair.
    pub healed: u64,
    /// What was tried, the most successful first.
    pub heals: Vec<HealsOfKind>,
    /// Whether a run still stands on it.
    pub open: bool,
    /// The runs that do.
    pub open_runs: Vec<RunId>,
}

/// What a kind of repair has come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HealsOfKind {
    /// What was done.
    pub heal_action: String,
    /// How often it was kept.
    pub hits: u64,
    /// How often it was tried and is settled.
    pub tries: u64,
}

/// A test that is not trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QuarantinedTest {
    /// Its check.
    pub check: String,
    /// What was seen of it.
    #[serde(flatten)]
    pub seen: crate::domain::check::FlakyTest,
    /// The run that saw it last.
    pub run: RunId,
    /// Since when.
    pub since: Timestamp,
    /// Until when that excuses it.
    pub until: Timestamp,
}

/// Failures that happened in the run itself: a fork's log begins with its source's, and a replay
/// from the record only does again what was done.
const OWN: &str = "NOT EXISTS (SELECT 1 FROM replays r WHERE r.run_id = f.run_id
                               AND (r.mode <> 'live' OR f.seq <= r.seq))";

impl Store {
    /// What went wrong in `run`, or in all runs; at most `limit` kinds of failures.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn failures(
        &self,
        run: Option<RunId>,
        limit: Option<usize>,
        now: Timestamp,
    ) -> Result<FailureReport, StoreError> {
        let quarantine = self.quarantined(now)?;
        let concerns = |entry: &Quarantined| run.is_none_or(|run| entry.run == run);
        let quarantine = quarantine.into_iter().filter(concerns).map(shown).collect();
        self.read(|tx| {
            let mut failures = groups(tx, run)?;
            let kinds = failures.len() as u64;
            failures.truncate(limit.unwrap_or(usize::MAX));
            Ok(FailureReport {
                run,
                rates: match run {
                    Some(run) => rates_of(tx, run)?,
                    None => rates_of_all(tx)?,
                },
                kinds,
                failures,
                quarantine,
            })
        })
    }
}

fn shown(entry: Quarantined) -> QuarantinedTest {
    QuarantinedTest {
        check: entry.check,
        seen: entry.seen,
        run: entry.run,
        since: entry.since,
        until: entry.until,
    }
}

fn groups(tx: &Connection, run: Option<RunId>) -> Result<Vec<FailureGroup>, StoreError> {
    let mut groups: BTreeMap<Digest, (FailureGroup, BTreeSet<RunId>)> = BTreeMap::new();
    for (at, failure) in rows(tx, run)? {
        let (group, runs) = groups
            .entry(failure.signature.clone())
            .or_insert_with(|| (FailureGroup::first(at, &failure), BTreeSet::new()));
        group.add(at, failure);
        runs.insert(at);
        group.runs = runs.len() as u64;
    }
    let mut groups: Vec<FailureGroup> = groups.into_values().map(|(group, _)| group).collect();
    let mut heals = heals(tx, run)?;
    for group in &mut groups {
        group.heals = heals.remove(group.signature.as_str()).unwrap_or_default();
    }
    groups.sort_by(|a, b| (&b.last_seen, b.count).cmp(&(&a.last_seen, a.count)));
    Ok(groups)
}

/// Failures with their runs, oldest first.
fn rows(tx: &Connection, run: Option<RunId>) -> Result<Vec<(RunId, FailureObject)>, StoreError> {
    let which = match run {
        Some(run) => format!("f.run_id = {run}"),
        None => OWN.to_owned(),
    };
    let mut statement = tx.prepare(&format!(
        "SELECT {COLUMNS}, f.run_id FROM failures f WHERE {which}
         ORDER BY f.created_at, f.run_id, f.seq"
    ))?;
    let rows = statement.query_map([], |row| {
        Ok((RunId(row.get(12)?), FailureObject::read(row)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl FailureGroup {
    fn first(run: RunId, failure: &FailureObject) -> Self {
        Self {
            signature: failure.signature.clone(),
            error_type: String::new(),
            origin: String::new(),
            phases: Vec::new(),
            message: String::new(),
            root_cause: None,
            count: 0,
            runs: 0,
            first_seen: failure.created_at.clone(),
            last_seen: String::new(),
            last_run: run,
            healed: 0,
            heals: Vec::new(),
            open: false,
            open_runs: Vec::new(),
        }
    }

    /// Takes in a failure that is later than those before it.
    fn add(&mut self, run: RunId, failure: FailureObject) {
        self.count += 1;
        self.healed += u64::from(failure.healed_by.is_some());
        if failure.open && !self.open_runs.contains(&run) {
            self.open_runs.push(run);
        }
        self.open = !self.open_runs.is_empty();
        if !self.phases.contains(&failure.phase) {
            self.phases.push(failure.phase);
        }
        self.error_type = failure.error_type;
        self.origin = failure.origin;
        self.message = failure.message;
        self.root_cause = failure.root_cause.or(self.root_cause.take());
        self.last_seen = failure.created_at;
        self.last_run = run;
    }
}

/// What repairs have come to, by the failures' signatures. A fork repeats its source's.
fn heals(
    tx: &Connection,
    run: Option<RunId>,
) -> Result<BTreeMap<String, Vec<HealsOfKind>>, StoreError> {
    let which = match run {
        Some(run) => format!("s.run_id = {run}"),
        None => "NOT EXISTS (
                   SELECT 1 FROM replays r
                   LEFT JOIN self_heal o ON o.run_id = r.source_run_id AND o.id = s.id
                   WHERE r.run_id = s.run_id
                     AND (r.mode <> 'live' OR o.created_at = s.created_at AND o.signature = s.signature))"
            .to_owned(),
    };
    let mut statement = tx.prepare(&format!(
        "SELECT s.signature, s.heal_action, total(s.verdict = 'kept'), count(*)
         FROM self_heal s WHERE s.verdict IS NOT NULL AND {which}
         GROUP BY s.signature, s.heal_action
         ORDER BY total(s.verdict = 'kept') * 1.0 / count(*) DESC, count(*), s.heal_action"
    ))?;
    let mut rows = statement.query([])?;
    let mut heals: BTreeMap<String, Vec<HealsOfKind>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let hits: f64 = row.get(2)?;
        heals.entry(row.get(0)?).or_default().push(HealsOfKind {
            heal_action: row.get(1)?,
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a count of rows"
            )]
            hits: hits as u64,
            tries: row.get::<_, i64>(3)?.unsigned_abs(),
        });
    }
    Ok(heals)
}

/// The rates of a run, with what it has from the run that it was forked from.
pub(in crate::store) fn rates_of(tx: &Connection, run: RunId) -> Result<Rates, StoreError> {
    let counts = tx
        .prepare_cached(
            "SELECT (SELECT count(*) FROM phases WHERE run_id = :run),
                    count(DISTINCT phase),
                    count(DISTINCT phase) FILTER (WHERE stands),
                    (SELECT count(*) FROM executions WHERE run_id = :run AND agent <> 'analyzer'),
                    (SELECT count(*) FROM executions
                     WHERE run_id = :run AND agent <> 'analyzer' AND status = 'failed'),
                    1,
                    count(*) > 0,
                    coalesce(max(stands), 0)
             FROM failures WHERE run_id = :run",
        )?
        .query_row(named_params! {":run": run.0}, Rates::read)?;
    Ok(counts)
}

/// The rates over all runs. A fork counts for what it has done itself; a replay from the record does
/// not count.
fn rates_of_all(tx: &Connection) -> Result<Rates, StoreError> {
    let rank = |column: &str| format!("instr('planner builder tester releaser', {column})");
    let (own, phase, fork) = (OWN, rank("p.phase"), rank("r.phase"));
    let counts = tx
        .prepare(&format!(
            "WITH f AS (SELECT f.run_id, f.phase, f.stands FROM failures f WHERE {own}),
             e AS (SELECT e.status FROM executions e
                   LEFT JOIN replays r ON r.run_id = e.run_id
                   WHERE e.agent <> 'analyzer'
                     AND (r.run_id IS NULL OR r.mode = 'live' AND e.id > r.executions))
             SELECT (SELECT count(*) FROM phases p LEFT JOIN replays r ON r.run_id = p.run_id
                     WHERE r.run_id IS NULL OR r.mode = 'live'
                       AND ({phase} >= {fork} OR EXISTS (
                         SELECT 1 FROM f WHERE f.run_id = p.run_id AND f.phase = p.phase))),
                    (SELECT count(*) FROM (SELECT DISTINCT run_id, phase FROM f)),
                    (SELECT count(*) FROM (SELECT DISTINCT run_id, phase FROM f WHERE stands)),
                    (SELECT count(*) FROM e),
                    (SELECT count(*) FROM e WHERE status = 'failed'),
                    (SELECT count(*) FROM runs
                     WHERE NOT EXISTS (SELECT 1 FROM replays r
                                       WHERE r.run_id = runs.id AND r.mode <> 'live')),
                    (SELECT count(DISTINCT run_id) FROM f),
                    (SELECT count(DISTINCT run_id) FROM f WHERE stands)"
        ))?
        .query_row([], Rates::read)?;
    Ok(counts)
}

impl Rates {
    /// From a row of counts.
    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let count = |at: usize| row.get::<_, i64>(at).map(i64::unsigned_abs);
        let (phases, phases_failed, phases_open) = (count(0)?, count(1)?, count(2)?);
        Ok(Self {
            raw: share(phases_failed, phases),
            healed: share(phases_open, phases),
            phases,
            phases_failed,
            phases_open,
            executions: count(3)?,
            executions_failed: count(4)?,
            runs: count(5)?,
            runs_failed: count(6)?,
            runs_open: count(7)?,
        })
    }
}

/// A share to four digits.
fn share(part: u64, of: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "counts of a record are small")]
    let share = part as f64 / of as f64;
    (of > 0).then(|| (share * 10_000.0).round() / 10_000.0)
}
