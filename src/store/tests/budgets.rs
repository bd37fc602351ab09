//! Whatever is reserved, settled, lost or forgotten, at whatever time and by whomever: no cap is
//! passed, and the accounts of days are what the tapes say.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;

use rusqlite_migration::Migrations;

use super::log::Dice;
use super::*;
use crate::domain::budget::{Caps, Lack, Scope, Shortfall, Spending};
use crate::domain::tape::{Answer, Call, ModelCall, ModelFailure, ModelFailureKind, TapeEntry};
use crate::domain::{Digest, ExecutionId, Phase};
use crate::store::batch::Prepared;

const NOON: i64 = 1_767_355_200_000;

/// The phase that an execution of these tests is of.
fn phase(execution: ExecutionId) -> Phase {
    match execution.0 {
        1 => Phase::Planner,
        _ => Phase::Builder,
    }
}

fn call(tokens: u64, usd: f64) -> Call {
    Call::Model(ModelCall {
        model: "m".to_owned(),
        provider: "p".to_owned(),
        request: Digest::of(b"request"),
        reply: None,
        reserved_tokens: tokens,
        reserved_usd: usd,
        passed_over: Vec::new(),
        repeats: None,
    })
}

/// An answer of whatever kind, which used some part of what was reserved.
fn answer(dice: &mut Dice, reserved: &ModelCall) -> Answer {
    let failed = |kind| Answer::ModelFailed(ModelFailure::new(kind, "no"));
    match dice.roll(6) {
        0 => Answer::Lost,
        1 => failed(ModelFailureKind::TimedOut),
        2 => failed(ModelFailureKind::RateLimited),
        _ => {
            let quarters = dice.roll(5);
            let Answer::Model(mut answer) = log::model_answer("words") else {
                unreachable!("it is one");
            };
            answer.usage.input_tokens = reserved.reserved_tokens * quarters / 4;
            answer.usage.output_tokens = 0;
            answer.usage.cost_usd = reserved.reserved_usd * quarters as f64 / 4.0;
            Answer::Model(answer)
        }
    }
}

fn caps(dice: &mut Dice, size: u64) -> Caps {
    let mut limited = |most: u64| (dice.roll(3) > 0).then(|| 1 + dice.roll(most));
    Caps {
        usd: limited(size * 100).map(|cents| cents as f64 / 100.0),
        tokens: limited(size * 1_000),
        attempts: limited(size * 3),
        wall_ms: None,
    }
}

/// A run and its driver, which keeps its accounts as the engine's ledger does.
struct Pursuit {
    run: RunId,
    limits: Caps,
    phases: [Caps; 2],
    spent: BTreeMap<ExecutionId, Spending>,
    /// The call that is under way.
    open: Option<(ExecutionId, u32, ModelCall)>,
    ordinal: u32,
}

impl Pursuit {
    fn spent(&self) -> Spending {
        let mut all = Spending::default();
        self.spent.values().for_each(|spending| all += *spending);
        all
    }

    /// Tries to begin a call; what is in the way, if anything is.
    fn intend(
        &mut self,
        dice: &mut Dice,
        commit: &mut dyn FnMut(RunId, Write) -> Option<Shortfall>,
    ) -> Option<Shortfall> {
        let execution = ExecutionId(1 + u32::from(dice.roll(2) == 0));
        let wanted = call(1 + dice.roll(900), dice.roll(60) as f64 / 100.0);
        let Call::Model(model) = wanted.clone() else {
            unreachable!("it is one");
        };
        let ask = model.reserved();
        let of_phase = self.spent.get(&execution).copied().unwrap_or_default();
        let phase_caps = self.phases[(execution.0 - 1) as usize];
        let admitted = self
            .limits
            .admit(Scope::Run, self.spent(), ask)
            .and_then(|()| phase_caps.admit(Scope::Phase(phase(execution)), of_phase, ask));
        if let Err(short) = admitted {
            return Some(short);
        }
        self.ordinal += 1;
        let refused = commit(
            self.run,
            Write::Call {
                execution,
                ordinal: self.ordinal,
                call: wanted,
            },
        );
        if refused.is_none() {
            self.open = Some((execution, self.ordinal, model));
        }
        refused
    }

    fn settle(
        &mut self,
        answer: Answer,
        commit: &mut dyn FnMut(RunId, Write) -> Option<Shortfall>,
    ) {
        let (execution, ordinal, call) = self.open.take().expect("a call is under way");
        let spent = match &answer {
            Answer::Model(answer) => Spending {
                usd: answer.usage.cost_usd,
                tokens: answer.usage.tokens(),
                ..call.reserved()
            },
            Answer::ModelFailed(failure) if !failure.kind.may_have_cost() => Spending {
                usd: 0.0,
                tokens: 0,
                ..call.reserved()
            },
            _ => call.reserved(),
        };
        *self.spent.entry(execution).or_default() += spent;
        let refused = commit(
            self.run,
            Write::Answer {
                execution,
                ordinal,
                answer,
            },
        );
        assert_eq!(refused, None, "an answer is never refused");
    }

    /// Its driver is killed, and another one reads the record: what was open is lost.
    fn crash(
        &mut self,
        tx: &Connection,
        commit: &mut dyn FnMut(RunId, Write) -> Option<Shortfall>,
    ) {
        self.spent = tape::spending_by_execution(tx, self.run).expect("reads");
        let open = tape::open_calls(tx, self.run).expect("reads");
        assert_eq!(open.len(), usize::from(self.open.is_some()));
        self.open = open.into_iter().next().map(|(execution, entry)| {
            let TapeEntry {
                ordinal,
                call: Call::Model(call),
                ..
            } = entry
            else {
                unreachable!("only model calls are looked for");
            };
            (execution, ordinal, call)
        });
        if self.open.is_some() {
            self.settle(Answer::Lost, commit);
        }
    }

    /// Everything that is spent or reserved is within the caps of the run and its phases.
    fn assert_within(&self) {
        let open = self.open.as_ref();
        let reserved = |execution: Option<ExecutionId>| {
            let of = open.filter(|(of, ..)| execution.is_none_or(|execution| *of == execution));
            of.map(|(_, _, call)| call.reserved()).unwrap_or_default()
        };
        let mut all = self.spent();
        all += reserved(None);
        assert_within(self.limits, all);
        for (execution, spent) in &self.spent {
            let mut spent = *spent;
            spent += reserved(Some(*execution));
            assert_within(self.phases[(execution.0 - 1) as usize], spent);
        }
    }
}

fn assert_within(caps: Caps, spent: Spending) {
    let within = caps.admit(Scope::Day, spent, Spending::default());
    // Money that was given back is not added up in the order in which it was spent.
    let rounded = Spending {
        usd: spent.usd - 1e-9,
        ..spent
    };
    let almost = caps.admit(Scope::Day, rounded, Spending::default());
    assert!(within.or(almost).is_ok(), "{spent:?} passes {caps:?}");
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).expect("a time")
}

/// What a day's account and the tapes say of it.
fn assert_accounts(tx: &Connection, caps: Caps) {
    let mut statement = tx
        .prepare_cached(
            "SELECT days.attempts, days.tokens, days.usd,
                    count(tape.day),
                    coalesce(sum(iif(answer IS NULL, reserved_tokens,
                      coalesce(input_tokens, 0) + coalesce(output_tokens, 0))), 0),
                    total(iif(answer IS NULL, reserved_usd, coalesce(cost_usd, 0)))
             FROM days LEFT JOIN tape ON tape.day = days.day GROUP BY days.day",
        )
        .expect("prepares");
    let mut rows = statement.query([]).expect("reads");
    while let Some(row) = rows.next().expect("reads") {
        let spent = |first: usize| Spending {
            attempts: row.get::<_, i64>(first).expect("a count").unsigned_abs(),
            tokens: row
                .get::<_, i64>(first + 1)
                .expect("a count")
                .unsigned_abs(),
            usd: row.get(first + 2).expect("an amount"),
            wall_ms: 0,
        };
        let (account, tapes) = (spent(0), spent(3));
        assert_within(caps, account);
        assert_eq!(
            (account.attempts, account.tokens),
            (tapes.attempts, tapes.tokens)
        );
        assert!(
            (account.usd - tapes.usd).abs() < 1e-9,
            "{account:?} {tapes:?}"
        );
    }
}

fn schedule(tx: &Connection, seed: u64) {
    tx.execute_batch("DELETE FROM tape; DELETE FROM days;")
        .expect("empties");
    let mut dice = Dice::new(seed);
    let day = caps(&mut dice, 4);
    let mut runs: Vec<Pursuit> = (1..=2 + dice.roll(3))
        .map(|id| Pursuit {
            run: RunId(id.cast_signed()),
            limits: caps(&mut dice, 3),
            phases: [caps(&mut dice, 2), caps(&mut dice, 2)],
            spent: BTreeMap::new(),
            open: None,
            ordinal: 0,
        })
        .collect();
    let mut now = NOON;
    for _ in 0..16 {
        let which = usize::try_from(dice.roll(runs.len() as u64)).expect("small");
        let mut commit = |run: RunId, write: Write| {
            let batch = Batch {
                writes: vec![write],
                day,
                worked: None,
            };
            let batch = Prepared::of(batch, at(now)).expect("prepares");
            let refused = batch.apply(tx, run).expect("writes");
            refused.map(|refused| refused.shortfall)
        };
        let run = &mut runs[which];
        match (dice.roll(8), run.open.clone()) {
            (0, _) => run.crash(tx, &mut commit),
            // Midnight may pass while a call is under way.
            (1, _) => now += i64::try_from(dice.roll(30)).expect("small") * 3_600_000,
            (_, None) => drop(run.intend(&mut dice, &mut commit)),
            (_, Some((_, _, call))) => run.settle(answer(&mut dice, &call), &mut commit),
        }
        run.assert_within();
    }
    assert_accounts(tx, day);
    assert_eq!(days::shortages(tx), Ok(Vec::new()));
}

#[test]
fn ten_thousand_schedules_never_pass_a_cap() {
    let mut connection = Connection::open_in_memory().expect("opens");
    Migrations::from_slice(&connection::SCHEMA)
        .to_latest(&mut connection)
        .expect("makes the tables");
    connection.set_prepared_statement_cache_capacity(64);
    connection.execute_batch("BEGIN").expect("begins");
    for seed in 0..10_000 {
        schedule(&connection, seed);
    }
}

/// A clock that is set by hand.
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        at(self.0.load(Ordering::SeqCst))
    }
}

/// Some calls of one run, until the day refuses one. What was asked for is what a driver asks for.
fn spend(store: &Store, driver: &Driver, day: Caps, seed: u64, base: u32) {
    let mut dice = Dice::new(seed);
    let mut commit = |_: RunId, write: Write| {
        let batch = Batch {
            writes: vec![write],
            day,
            worked: None,
        };
        let refused = store.commit_blocking(driver, batch).expect("commits");
        refused.map(|refused| refused.shortfall)
    };
    let mut run = Pursuit {
        run: driver.run(),
        limits: Caps::default(),
        phases: [Caps::default(); 2],
        spent: BTreeMap::new(),
        open: None,
        ordinal: base,
    };
    for _ in 0..4 {
        if run.intend(&mut dice, &mut commit).is_some() {
            return;
        }
        let (_, _, call) = run.open.clone().expect("it was begun");
        // A call that is left open stays reserved.
        if dice.roll(8) > 0 {
            run.settle(answer(&mut dice, &call), &mut commit);
        }
    }
}

#[test]
fn drivers_that_spend_at_once_never_pass_the_cap_of_the_day() {
    let temp = tempfile::tempdir().expect("temp dir");
    let clock = Arc::new(Hand(AtomicI64::new(NOON)));
    // Each has a writer of its own, as different processes have.
    let stores: Vec<Store> = (0..3)
        .map(|_| Store::open(&dir(&temp), clock.clone()).expect("opens"))
        .collect();
    let drivers: Vec<Driver> = stores
        .iter()
        .map(|store| store.drive(create(store).0).expect("drives"))
        .collect();
    let mut refused = 0;
    for round in 0..200_u32 {
        let now = NOON + i64::from(round) * 86_400_000;
        clock.0.store(now, Ordering::SeqCst);
        let day = caps(&mut Dice::new(u64::from(round)), 2);
        thread::scope(|scope| {
            for (number, (store, driver)) in (1..).zip(stores.iter().zip(&drivers)) {
                let seed = u64::from(round) * 10 + number;
                scope.spawn(move || spend(store, driver, day, seed, round * 10));
            }
        });
        let spent = stores[0].day(at(now)).expect("reads");
        assert_within(day, spent);
        refused += u32::from(spent.attempts < 12);
    }
    assert!(refused > 50, "the caps are in the way often enough");
    stores[0]
        .read(|tx| {
            assert_accounts(tx, Caps::default());
            Ok(())
        })
        .expect("reads");
    assert_eq!(stores[0].check().expect("checks").problems, [""; 0]);
}

#[test]
fn a_call_that_the_day_refuses_is_left_out_alone() {
    let fixture = Fixture::new();
    let (driver, run) = fixture.run();
    let write = |ordinal| Write::Call {
        execution: ExecutionId(1),
        ordinal,
        call: call(600, 0.1),
    };
    let answered = Write::Answer {
        execution: ExecutionId(1),
        ordinal: 2,
        answer: Answer::Lost,
    };
    let day = Caps {
        tokens: Some(1_000),
        ..Caps::default()
    };
    let batch = Batch {
        writes: vec![write(1), write(2), answered, Write::Blob(b"text".to_vec())],
        day,
        worked: None,
    };
    let refused = fixture.store.commit_blocking(&driver, batch);
    let refused = refused.expect("commits").expect("refuses one");
    assert_eq!((refused.execution, refused.ordinal), (ExecutionId(1), 2));
    let lack = Lack::Tokens {
        cap: 1_000,
        spent: 600,
        ask: 600,
    };
    assert_eq!(refused.shortfall.lack, lack);
    let tape = fixture.store.tape(run.id, ExecutionId(1)).expect("reads");
    assert_eq!(tape.len(), 1);
    assert!(
        fixture
            .store
            .blob(&Digest::of(b"text"))
            .expect("reads")
            .is_some()
    );
    assert_eq!(fixture.store.day(Still.now()).expect("reads").attempts, 1);
}

#[test]
fn time_at_work_is_told_to_the_days_that_it_fell_on() {
    let fixture = Fixture::new();
    let (driver, _) = fixture.run();
    let (from, to) = (at(NOON + 11 * 3_600_000), at(NOON + 37 * 3_600_000));
    let batch = Batch {
        writes: vec![Write::Blob(b"text".to_vec())],
        day: Caps::default(),
        worked: Some((from, to)),
    };
    fixture
        .store
        .commit_blocking(&driver, batch)
        .expect("commits");
    let hours = |day: i64| {
        let spent = fixture
            .store
            .day(at(NOON + day * 86_400_000))
            .expect("reads");
        spent.wall_ms / 3_600_000
    };
    assert_eq!([hours(0), hours(1), hours(2)], [1, 24, 1]);
}

#[test]
fn an_account_that_holds_too_little_is_found_and_raised() {
    let fixture = Fixture::new();
    let (driver, _) = fixture.run();
    let batch = Batch::of(Write::Call {
        execution: ExecutionId(1),
        ordinal: 1,
        call: log::model_call("p", None),
    });
    fixture
        .store
        .commit_blocking(&driver, batch)
        .expect("commits");
    tamper(&fixture.temp, "UPDATE days SET tokens = 1, attempts = 9");
    let problem = "the account of 2026-01-02 holds less than its calls used".to_owned();
    let checked = fixture.store.check().expect("checks");
    assert_eq!(checked.problems, std::slice::from_ref(&problem));
    let rebuilt = fixture.store.rebuild().expect("rebuilds");
    assert_eq!(rebuilt.differences, [problem]);
    assert_eq!(fixture.store.check().expect("checks").problems, [""; 0]);
    let spent = fixture.store.day(Still.now()).expect("reads");
    assert_eq!(
        (spent.tokens, spent.attempts),
        (1_000, 9),
        "what is more stays"
    );
}
