//! Who drives a run: a file lock that dies with its process, and a fence number that the first write
//! of a driver takes and every later one checks.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, named_params};
use rustix::fs::{FlockOperation, flock};

use super::error::StoreError;
use super::state_dir::StateDir;
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
    /// Whether the fence is on the record. The first write takes it along.
    taken: Arc<AtomicBool>,
    holder: Holder,
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

    /// What its next write checks first; `now` is the time.
    pub(super) fn claim(&self, now: String) -> Claim {
        Claim {
            run: self.run,
            fence: self.fence,
            taken: Arc::clone(&self.taken),
            holder: self.holder.clone(),
            now,
        }
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
        let seen = self.read(|tx| match runs::exists(tx, run)? {
            true => current_fence(tx, run),
            false => Err(StoreError::NoSuchRun(run)),
        })?;
        let path = lock_path(self.dir(), run);
        let lock = match lock(&path)? {
            Some(lock) => lock,
            None => return Err(busy(run, &path)),
        };
        failpoint::hit("store.lock");
        let me = Holder::this_process();
        me.sign(&lock)
            .map_err(|error| StoreError::io(&path, &error))?;
        Ok(Driver {
            run,
            fence: seen.unwrap_or(0) + 1,
            taken: Arc::default(),
            holder: me,
            path,
            lock,
        })
    }

    /// Whether a living process drives `run`.
    ///
    /// # Errors
    /// If the lock cannot be looked at.
    pub fn is_driven(&self, run: RunId) -> Result<bool, StoreError> {
        is_driven(self.dir(), run)
    }
}

/// Whether a living process drives `run`.
pub(super) fn is_driven(dir: &StateDir, run: RunId) -> Result<bool, StoreError> {
    let path = lock_path(dir, run);
    // Most runs have no lock file at all; looking must not make one.
    match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StoreError::io(&path, &error)),
        Ok(file) => try_flock(&file, FlockOperation::NonBlockingLockShared)
            .map(|locked| !locked)
            .map_err(|error| StoreError::io(&path, &error)),
    }
}

/// The runs that living processes drive.
///
/// # Errors
/// If the locks cannot be looked at.
pub fn driven_runs(dir: &StateDir) -> Result<BTreeSet<RunId>, StoreError> {
    let entries = fs::read_dir(&dir.locks).map_err(|error| StoreError::io(&dir.locks, &error))?;
    let mut driven = BTreeSet::new();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| {
            let number = name.strip_prefix("run-")?.strip_suffix(".lock")?;
            number.parse().ok().map(RunId)
        });
        if let Some(run) = number
            && is_driven(dir, run)?
        {
            driven.insert(run);
        }
    }
    Ok(driven)
}

fn lock_path(dir: &StateDir, run: RunId) -> PathBuf {
    dir.locks.join(format!("run-{run}.lock"))
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
pub(super) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
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

#[derive(Clone, Debug)]
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

/// What a write of a driver checks first.
pub(super) struct Claim {
    run: RunId,
    fence: i64,
    taken: Arc<AtomicBool>,
    holder: Holder,
    now: String,
}

impl Claim {
    /// Takes the fence, if this is the driver's first write, or sees that it is still its own.
    pub(super) fn assert(&self, tx: &Connection) -> Result<(), StoreError> {
        if self.taken.load(Ordering::SeqCst) {
            check_fence(tx, self.run, self.fence)
        } else {
            self.take(tx)
        }
    }

    /// What the claim was asserted for is durable.
    pub(super) fn settle(&self) {
        self.taken.store(true, Ordering::SeqCst);
    }

    fn take(&self, tx: &Connection) -> Result<(), StoreError> {
        // It may have been pruned since it was looked for.
        if !runs::exists(tx, self.run)? {
            return Err(StoreError::NoSuchRun(self.run));
        }
        let taken = tx
            .prepare_cached(
                "INSERT INTO drivers (run_id, fence, pid, host, started_at)
                 VALUES (:run, :fence, :pid, :host, :now)
                 ON CONFLICT (run_id) DO UPDATE
                 SET fence = :fence, pid = :pid, host = :host, started_at = :now
                 WHERE fence = :fence - 1",
            )?
            .execute(named_params! {
                ":run": self.run.0,
                ":fence": self.fence,
                ":pid": self.holder.pid,
                ":host": self.holder.host,
                ":now": self.now,
            })?;
        failpoint::hit("store.fence");
        match taken {
            1 => Ok(()),
            _ => Err(StoreError::Fenced(self.run)),
        }
    }
}

/// Fails if another driver has taken `run` over since `fence` was given out.
pub(super) fn check_fence(tx: &Connection, run: RunId, fence: i64) -> Result<(), StoreError> {
    if failpoint::broken("no-fence") {
        return Ok(());
    }
    if current_fence(tx, run)? == Some(fence) {
        Ok(())
    } else {
        Err(StoreError::Fenced(run))
    }
}

/// The number of the last drive that wrote anything.
fn current_fence(tx: &Connection, run: RunId) -> Result<Option<i64>, StoreError> {
    let fence = tx
        .prepare_cached("SELECT fence FROM drivers WHERE run_id = :run")?
        .query_row(named_params! {":run": run.0}, |row| row.get(0))
        .optional()?;
    Ok(fence)
}
