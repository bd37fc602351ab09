//! Opening the database: settings, schema, the backup before a migration.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::ffi::ErrorCode;
use rusqlite::{Connection, OpenFlags, Transaction};
use rusqlite_migration::{HookError, M, Migrations};
use rustix::fs::{FlockOperation, flock};

use super::driver::is_at;
use super::error::StoreError;
use super::failures;
use super::state_dir::StateDir;
use crate::failpoint;

/// The schema, step by step. Steps that were released are never edited.
pub(super) static SCHEMA: LazyLock<Vec<M<'static>>> = LazyLock::new(|| {
    vec![
        M::up(include_str!("../../migrations/01-foundation.sql")),
        M::up(include_str!("../../migrations/02-replays.sql")),
        M::up(include_str!("../../migrations/03-prune.sql")),
        M::up(include_str!("../../migrations/04-small-and-fast.sql")),
        M::up(include_str!("../../migrations/05-applications.sql")),
        M::up(include_str!("../../migrations/06-models.sql")),
        M::up_with_hook(
            include_str!("../../migrations/07-failures.sql"),
            |tx: &Transaction<'_>| {
                failures::make_all(tx).map_err(|error| HookError::Hook(error.to_string()))
            },
        ),
    ]
});

/// `rgpt` in ASCII, as the first migration sets it.
const APPLICATION_ID: i64 = 0x7267_7074;
/// So many backups of earlier schemas are kept.
const BACKUPS: i64 = 3;
const BUSY: Duration = Duration::from_secs(30);
const LOG_LIMIT: i64 = 64 * 1024 * 1024;
/// The most memory that a connection for reading keeps pages in: negative, so in KiB.
const READER_CACHE: i64 = -512;
/// The first version without the bug that lets two connections damage a write-ahead log.
const OLDEST_SQLITE: i32 = 3_051_003;

/// Opens the database for writing, made or brought up to `schema` if need be.
///
/// All processes that open it do this one after the other: switching to the write-ahead log, and
/// the recovery of one that a killed process left, do not wait for each other otherwise.
pub(super) fn open(
    dir: &StateDir,
    schema: &'static [M<'static>],
) -> Result<Connection, StoreError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(StoreError::OldSqlite {
            found: rusqlite::version().to_owned(),
        });
    }
    let _turn = turn(dir)?;
    let opened = create_private(&dir.db).and_then(|()| {
        let mut connection = connect(&dir.db)?;
        prepare(&mut connection, dir, schema)?;
        Ok(connection)
    });
    opened.map_err(|error| match error {
        StoreError::Corrupt { reason, .. } => StoreError::Corrupt {
            reason,
            backup: dir.newest_backup(),
        },
        other => other,
    })
}

/// Another connection to a database that [`open`] has prepared, for reading only.
pub(super) fn reader(dir: &StateDir) -> Result<Connection, StoreError> {
    let connection = connect(&dir.db)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", READER_CACHE)?;
    Ok(connection)
}

/// Waits until no other process opens or closes the database. Ends when the file is dropped.
pub(super) fn turn(dir: &StateDir) -> Result<File, StoreError> {
    let path = dir.locks.join("open.lock");
    let failed = |error: io::Error| StoreError::io(&path, &error);
    loop {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        flock(&file, FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
        // A restore may have put another state directory in the place of this one.
        if is_at(&file, &path).map_err(failed)? {
            return Ok(file);
        }
    }
}

/// A connection to a database that nobody else has open; `None` if somebody has. In its turn.
pub(super) fn exclusive(path: &Path) -> Result<Option<Connection>, StoreError> {
    let connection = connect(path)?;
    connection.busy_timeout(Duration::ZERO)?;
    // Leaving the write-ahead log needs the database for itself, and is undone when it is opened.
    let left = connection.query_row("PRAGMA journal_mode = DELETE", [], |row| {
        row.get::<_, String>(0)
    });
    match left {
        Ok(mode) if mode == "delete" => Ok(Some(connection)),
        Ok(_) => Ok(None),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(None),
        Err(error) => Err(StoreError::opening(path, &error)),
    }
}

/// Makes the file itself, so that it is private from its first moment. An existing one is left
/// alone: opening it past SQLite would drop the locks that this process holds on it.
fn create_private(path: &Path) -> Result<(), StoreError> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(StoreError::io(path, &error))
        }
        _ => Ok(()),
    }
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connect = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.set_prepared_statement_cache_capacity(64);
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.execute_batch(
            "PRAGMA foreign_keys = ON;
             PRAGMA trusted_schema = OFF;
             PRAGMA cell_size_check = ON;
             PRAGMA mmap_size = 0;
             PRAGMA synchronous = FULL;
             PRAGMA fullfsync = ON;
             PRAGMA checkpoint_fullfsync = ON;",
        )?;
        Ok(connection)
    };
    connect().map_err(|error| StoreError::opening(path, &error))
}

fn prepare(
    connection: &mut Connection,
    dir: &StateDir,
    schema: &'static [M<'static>],
) -> Result<(), StoreError> {
    let opening = |error: rusqlite::Error| StoreError::opening(&dir.db, &error);
    let mode: String = connection
        .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
        .map_err(opening)?;
    if mode != "wal" {
        return Err(StoreError::NoWal { found: mode });
    }
    connection.pragma_update(None, "journal_size_limit", LOG_LIMIT)?;
    let (found, owner, tables) = identity(connection).map_err(opening)?;
    if owner != APPLICATION_ID && (owner != 0 || tables > 0) {
        return Err(StoreError::Foreign {
            path: dir.db.clone(),
        });
    }
    let known = i64::try_from(schema.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::NewerSchema {
            path: dir.db.clone(),
            found,
            known,
        });
    }
    if found < known {
        if found > 0 {
            // The same name each time, so that a kill in between leaves nothing but this.
            let backup = backup_of(dir, found);
            back_up(connection, &backup)?;
        }
        failpoint::hit("store.migrate");
        Migrations::from_slice(schema)
            .to_latest(connection)
            .map_err(migration_error)?;
        failpoint::hit("store.migrate");
        forget_old_backups(dir, found);
    }
    Ok(())
}

/// The backup that is made before a database of this schema is migrated.
fn backup_of(dir: &StateDir, schema: i64) -> PathBuf {
    dir.root.join(format!("rgpt.db.v{schema}.bak"))
}

/// After a migration from `schema`, only the backups of the last few are kept.
fn forget_old_backups(dir: &StateDir, schema: i64) {
    for old in 1..=schema - BACKUPS {
        // One that stays only takes space.
        drop(std::fs::remove_file(backup_of(dir, old)));
    }
}

/// What is known of a database file that is no longer, or not yet, in use.
pub(super) fn schema_of(connection: &Connection) -> Result<i64, StoreError> {
    let (schema, owner, _) = identity(connection)?;
    if owner != APPLICATION_ID {
        return Err(StoreError::Foreign {
            path: PathBuf::from("rgpt.db"),
        });
    }
    Ok(schema)
}

fn identity(connection: &Connection) -> rusqlite::Result<(i64, i64, i64)> {
    let read = |sql| connection.query_row(sql, [], |row| row.get(0));
    Ok((
        read("PRAGMA user_version")?,
        read("PRAGMA application_id")?,
        read("SELECT count(*) FROM sqlite_schema")?,
    ))
}

fn migration_error(error: rusqlite_migration::Error) -> StoreError {
    match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => StoreError::from(err),
        other => StoreError::Sqlite(other.to_string()),
    }
}

/// Copies the database to `to`, which appears there whole and checked, or not at all.
pub(super) fn back_up(connection: &Connection, to: &Path) -> Result<(), StoreError> {
    let failed = |error: io::Error| StoreError::io(to, &error);
    let mut partial = to.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    match std::fs::remove_file(&partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => create_private(&partial)?,
    }
    failpoint::hit("store.backup");
    connection.backup("main", &partial, None)?;
    let copy = Connection::open(&partial)?;
    let verdict: String = copy.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(StoreError::Corrupt {
            reason: verdict,
            backup: None,
        });
    }
    // A copy that is opened read-only later cannot make the files of a write-ahead log.
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    drop(copy);
    File::open(&partial)
        .and_then(|file| file.sync_all())
        .map_err(failed)?;
    failpoint::hit("store.backup");
    std::fs::rename(&partial, to).map_err(failed)?;
    let folder = to.parent().filter(|path| !path.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))
        .and_then(|folder| folder.sync_all())
        .map_err(failed)
}
