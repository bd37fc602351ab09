//! The one writer: a thread that owns the only connection that writes.
//!
//! Jobs that wait are committed together (one sync for all), each in a savepoint of its own, so
//! that one that fails is taken back alone. A job is answered only after the commit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;

use super::connection;
use super::error::StoreError;
use super::state_dir::StateDir;
use crate::failpoint;

/// So many jobs at most share a commit.
const GROUP: usize = 256;

/// The writer's thread and the way to it. Dropping it waits until everything is written.
pub(super) struct Writer {
    jobs: Option<Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

/// A piece of work for the writer.
trait Job: Send {
    /// Does it, inside a transaction. If it fails it is to be taken back.
    fn run(&mut self, connection: &Connection) -> Result<(), StoreError>;
    /// Tells whoever asked, after the transaction has ended as `outcome` says.
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>);
}

struct Task<T, W, R> {
    work: Option<W>,
    result: Option<Result<T, StoreError>>,
    reply: R,
}

impl<T, W, R> Job for Task<T, W, R>
where
    T: Send,
    W: FnOnce(&Connection) -> Result<T, StoreError> + Send,
    R: FnOnce(Result<T, StoreError>) + Send,
{
    fn run(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let work = self.work.take().ok_or(StoreError::Closed)?;
        let result = catch_unwind(AssertUnwindSafe(|| work(connection)))
            .unwrap_or(Err(StoreError::Panicked));
        let verdict = result.as_ref().map(drop).map_err(Clone::clone);
        self.result = Some(result);
        verdict
    }

    fn answer(self: Box<Self>, outcome: Result<(), StoreError>) {
        let result = match (outcome, self.result) {
            (_, Some(Err(error))) | (Err(error), _) => Err(error),
            (Ok(()), result) => result.unwrap_or(Err(StoreError::Closed)),
        };
        (self.reply)(result);
    }
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(connection: Connection, dir: StateDir) -> Result<Self, StoreError> {
        let (jobs, queue) = channel();
        let root = dir.root.clone();
        let thread = thread::Builder::new()
            .name("rgpt-writer".to_owned())
            .spawn(move || {
                write(&connection, &queue);
                // SQLite removes its log when the last connection closes, which must not cross
                // another process's opening.
                let _turn = connection::turn(&dir);
                drop(connection);
            })
            .map_err(|error| StoreError::io(&root, &error))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Has `work` done, in a transaction; `reply` gets its result once that is durable.
    pub(super) fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
        reply: impl FnOnce(Result<T, StoreError>) + Send + 'static,
    ) {
        let job: Box<dyn Job> = Box::new(Task {
            work: Some(work),
            result: None,
            reply,
        });
        let Some(jobs) = &self.jobs else { return };
        if let Err(refused) = jobs.send(job) {
            refused.0.answer(Err(StoreError::Closed));
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
        {
            // A writer that panicked has answered nobody; there is nothing left to wait for.
            drop(thread.join());
        }
    }
}

fn write(connection: &Connection, queue: &Receiver<Box<dyn Job>>) {
    let mut broken: Option<StoreError> = None;
    while let Ok(first) = queue.recv() {
        let mut group = vec![first];
        group.extend(queue.try_iter().take(GROUP - 1));
        let outcome = match &broken {
            Some(error) => Err(error.clone()),
            None => commit(connection, &mut group),
        };
        if let Err(error) = &outcome
            && error.ends_writing()
        {
            broken = Some(error.clone());
        }
        for job in group {
            job.answer(outcome.clone());
        }
    }
}

/// Does all jobs in one transaction.
fn commit(connection: &Connection, group: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
    execute(connection, "BEGIN IMMEDIATE")?;
    let outcome = run_all(connection, group).and_then(|keep| {
        if !keep {
            return execute(connection, "ROLLBACK");
        }
        failpoint::hit("store.commit.before");
        execute(connection, "COMMIT")?;
        failpoint::hit("store.commit.after");
        Ok(())
    });
    if outcome.is_err() && !connection.is_autocommit() {
        execute(connection, "ROLLBACK")?;
    }
    outcome
}

fn execute(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

/// Whether there is anything to commit.
fn run_all(connection: &Connection, group: &mut [Box<dyn Job>]) -> Result<bool, StoreError> {
    if let [only] = group {
        // It needs no savepoint: it is taken back with the transaction.
        let verdict = only.run(connection);
        return match (verdict, connection.is_autocommit()) {
            (verdict, true) => verdict.and(Err(StoreError::Closed)),
            (verdict, false) => Ok(verdict.is_ok()),
        };
    }
    for job in group {
        execute(connection, "SAVEPOINT job")?;
        let verdict = job.run(connection);
        if connection.is_autocommit() {
            // A full disk or a failed write has taken the whole transaction back.
            return verdict.and(Err(StoreError::Closed));
        }
        if verdict.is_err() {
            execute(connection, "ROLLBACK TO job")?;
        }
        execute(connection, "RELEASE job")?;
    }
    Ok(true)
}
