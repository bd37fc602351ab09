//! Who drives a run: a file lock that dies with its process, and a fence number that every write
//! of the driver checks.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, named_params};
use rustix::fs::{FlockOperation, flock};

use super::error::StoreError;
use super::{Store, runs};
use crate::domain::RunId;
use crate::failpoint;

/// So often a held lock is tried again: it may be held only to look whether it is held, its holder
/// may be dying, or has not signed yet.
const PATIENCE: u32 = 10;
const PAUSE: Duration = Duration::from_millis(5);

/// The right to write to a run's record, until it is dropped or its process ends.
#[derive(Debug)]
pub struct Driver {
    run: RunId,
    fence: i64,
    path: PathBuf,
    lock: File,
}

/// Why a run cannot be driven.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DriveError {
    /// Another process drives it.
    #[error("run {run} is driven by process {pid} on {host}")]
    Busy {
        /// The run.
        run: RunId,
        /// The process; 0 if it does not say.
        pid: u32,
        /// Its machine.
        host: String,
    },
    /// The record cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Driver {
    /// The run.
    pub fn run(&self) -> RunId {
        self.run
    }

    /// The number of this drive. Later drives of the run have greater ones.
    pub fn fence(&self) -> i64 {
        self.fence
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // While the lock is still held: whoever has opened this very file finds it gone and makes
        // a new one. A file that stays behind does no harm.
        failpoint::hit("store.unlock");
        if is_at(&self.lock, &self.path).unwrap_or(false) {
            drop(fs::remove_file(&self.path));
        }
    }
}

impl Store {
    /// Takes the right to drive `run`, at once if its last driver is dead.
    ///
    /// # Errors
    /// [`DriveError::Busy`] if another driver is alive, in this process or another.
    pub fn drive(&self, run: RunId) -> Result<Driver, DriveError> {
        if !self.read(|tx| runs::exists(tx, run))? {
            return Err(StoreError::NoSuchRun(run).into());
        }
        let path = lock_path(self, run);
        let lock = match lock(&path)? {
            Some(lock) => lock,
            None => return Err(busy(run, &path)),
        };
        failpoint::hit("store.lock");
        let me = Holder::this_process();
        me.sign(&lock)
            .map_err(|error| StoreError::io(&path, &error))?;
        let now = self.now();
        let fence = self.write(move |tx| next_fence(tx, run, &me, &now))?;
        failpoint::hit("store.fence");
        Ok(Driver {
            run,
            fence,
            path,
            lock,
        })
    }

    /// Whether a living process drives `run`.
    ///
    /// # Errors
    /// If the lock cannot be looked at.
    pub fn is_driven(&self, run: RunId) -> Result<bool, StoreError> {
        let path = lock_path(self, run);
        // Most runs have no lock file at all; looking must not make one.
        match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(StoreError::io(&path, &error)),
            Ok(file) => try_flock(&file, FlockOperation::NonBlockingLockShared)
                .map(|locked| !locked)
                .map_err(|error| StoreError::io(&path, &error)),
        }
    }
}

fn lock_path(store: &Store, run: RunId) -> PathBuf {
    store.dir().locks.join(format!("run-{run}.lock"))
}

/// The locked file, or `None` if another holds it.
fn lock(path: &Path) -> Result<Option<File>, StoreError> {
    let failed = |error: io::Error| StoreError::io(path, &error);
    let mut patience = PATIENCE;
    loop {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        if try_flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(failed)? {
            // Its last holder may have removed it meanwhile; then the lock is on nothing.
            if is_at(&file, path).map_err(failed)? {
                return Ok(Some(file));
            }
        } else if patience == 0 {
            return Ok(None);
        } else {
            patience -= 1;
            thread::sleep(PAUSE);
        }
    }
}

/// Whether `file` is what `path` names.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(there) => Ok(there.ino() == file.metadata()?.ino()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn try_flock(file: &File, operation: FlockOperation) -> io::Result<bool> {
    match flock(file, operation) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

struct Holder {
    pid: u32,
    host: String,
}

impl Holder {
    fn this_process() -> Self {
        let host = rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned();
        Self {
            pid: std::process::id(),
            host,
        }
    }

    fn sign(&self, mut file: &File) -> io::Result<()> {
        file.set_len(0)?;
        file.write_all(format!("{} {}\n", self.pid, self.host).as_bytes())
    }

    fn read(path: &Path) -> Option<Self> {
        let mut text = String::new();
        File::open(path).ok()?.read_to_string(&mut text).ok()?;
        let (pid, host) = text.strip_suffix('\n')?.split_once(' ')?;
        Some(Self {
            pid: pid.parse().ok()?,
            host: host.to_owned(),
        })
    }
}

fn busy(run: RunId, path: &Path) -> DriveError {
    let holder = Holder::read(path).unwrap_or_else(|| Holder {
        pid: 0,
        host: "this machine".to_owned(),
    });
    DriveError::Busy {
        run,
        pid: holder.pid,
        host: holder.host,
    }
}

fn next_fence(tx: &Connection, run: RunId, me: &Holder, now: &str) -> Result<i64, StoreError> {
    let fence = tx
        .prepare_cached(
            "INSERT INTO drivers (run_id, fence, pid, host, started_at)
             VALUES (:run, 1, :pid, :host, :now)
             ON CONFLICT (run_id) DO UPDATE
             SET fence = fence + 1, pid = :pid, host = :host, started_at = :now
             RETURNING fence",
        )?
        .query_row(
            named_params! {":run": run.0, ":pid": me.pid, ":host": me.host, ":now": now},
            |row| row.get(0),
        )?;
    Ok(fence)
}

/// Fails if another driver has taken `run` over since `fence` was given out.
pub(super) fn check_fence(tx: &Connection, run: RunId, fence: i64) -> Result<(), StoreError> {
    if failpoint::broken("no-fence") {
        return Ok(());
    }
    let current: Option<i64> = tx
        .prepare_cached("SELECT fence FROM drivers WHERE run_id = :run")?
        .query_row(named_params! {":run": run.0}, |row| row.get(0))
        .optional()?;
    if current == Some(fence) {
        Ok(())
    } else {
        Err(StoreError::Fenced(run))
    }
}
