use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rusqlite_migration::M;

use super::*;

/// The schema of an imagined next version.
const NEXT: &[M<'static>] = &[
    M::up(include_str!("../../../migrations/01-foundation.sql")),
    M::up("ALTER TABLE runs ADD COLUMN mood TEXT;"),
];
/// One whose second step fails half-way.
const BROKEN: &[M<'static>] = &[
    M::up(include_str!("../../../migrations/01-foundation.sql")),
    M::up("ALTER TABLE runs ADD COLUMN mood TEXT; ALTER TABLE nowhere ADD COLUMN x TEXT;"),
];

fn refusal(temp: &TempDir) -> StoreError {
    open(temp).err().expect("refused")
}

fn backups(dir: &StateDir) -> usize {
    fs::read_dir(&dir.root)
        .expect("reads")
        .filter(|entry| {
            let name = entry.as_ref().expect("reads").file_name();
            name.to_string_lossy().ends_with(".bak")
        })
        .count()
}

#[test]
fn the_migrations_are_valid() {
    let migrations = rusqlite_migration::Migrations::from_slice(connection::SCHEMA);
    assert_eq!(migrations.validate(), Ok(()));
}

#[test]
fn the_database_is_for_its_owner_only() {
    let Fixture { store, temp: _temp } = Fixture::new();
    create(&store);
    let folder = fs::read_dir(&store.dir().root).expect("reads");
    for entry in folder.map(|entry| entry.expect("reads")) {
        let mode = entry.metadata().expect("is there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?}", entry.path());
    }
}

#[test]
fn a_migration_backs_up_first_and_an_older_rgpt_then_refuses() {
    let fixture = Fixture::new();
    create(&fixture.store);
    let dir = fixture.store.dir().clone();
    drop(fixture.store);
    assert_eq!(backups(&dir), 0, "a new database needs none");
    let store = Store::open_as(&dir, NEXT, Arc::new(Still)).expect("migrates");
    assert_eq!(store.latest_run(), Ok(Some(RunId(1))));
    drop(store);
    assert_eq!(backups(&dir), 1);
    let error = refusal(&fixture.temp);
    assert!(
        error
            .to_string()
            .contains("was written by a newer rgpt (schema 2"),
        "{error}"
    );
    assert!(!error.hints().is_empty());
    let backup = dir.newest_backup().expect("is there");
    fs::copy(backup, &dir.db).expect("restores");
    let store = open(&fixture.temp).expect("opens the backup");
    assert_eq!(store.latest_run(), Ok(Some(RunId(1))));
}

#[test]
fn a_migration_that_fails_changes_nothing() {
    let fixture = Fixture::new();
    create(&fixture.store);
    let dir = fixture.store.dir().clone();
    drop(fixture.store);
    assert!(Store::open_as(&dir, BROKEN, Arc::new(Still)).is_err());
    let store = open(&fixture.temp).expect("opens as before");
    assert_eq!(store.check().expect("checks").problems, [""; 0]);
}

#[test]
fn an_empty_file_is_a_database_that_a_kill_kept_from_being_made() {
    let temp = tempfile::tempdir().expect("temp dir");
    fs::write(dir(&temp).db, "").expect("writes");
    let store = open(&temp).expect("opens");
    assert_eq!(create(&store).0, RunId(1));
}

#[test]
fn a_file_that_is_no_database_is_refused_with_the_next_command() {
    let temp = tempfile::tempdir().expect("temp dir");
    let db = dir(&temp).db;
    fs::write(
        &db,
        "this is no database, but long enough to look like one".repeat(100),
    )
    .expect("writes");
    let error = refusal(&temp);
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    assert!(error.hints()[0].contains("rgpt db check"));
    let text = fs::read_to_string(db).expect("reads");
    assert!(text.starts_with("this is no database"), "it is left alone");
}

#[test]
fn another_program_s_database_is_refused() {
    let temp = tempfile::tempdir().expect("temp dir");
    tamper(&temp, "CREATE TABLE theirs (x)");
    assert!(matches!(refusal(&temp), StoreError::Foreign { .. }));
}

#[test]
fn damage_inside_the_file_is_found() {
    let fixture = Fixture::new();
    for seed in 0..40 {
        let (driver, run) = fixture.run();
        record(&fixture.store, &driver, &log::log(run.id, seed, 60));
    }
    let dir = fixture.store.dir().clone();
    drop(fixture.store);
    let mut bytes = fs::read(&dir.db).expect("reads");
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xa5);
    fs::write(&dir.db, bytes).expect("writes");
    let store = open(&fixture.temp).expect("the beginning is sound");
    match store.check() {
        Ok(report) => assert_ne!(report.problems, [""; 0]),
        Err(error) => assert!(matches!(error, StoreError::Corrupt { .. }), "{error}"),
    }
}

#[test]
fn a_backup_is_whole_and_replaces_what_was_there() {
    let fixture = Fixture::new();
    create(&fixture.store);
    let to = fixture.temp.path().join("copy.db");
    fixture.store.backup(&to).expect("backs up");
    create(&fixture.store);
    fixture.store.backup(&to).expect("backs up again");
    let copy = Connection::open(&to).expect("opens");
    let runs: i64 = copy
        .query_row("SELECT count(*) FROM runs", [], |row| row.get(0))
        .expect("counts");
    assert_eq!(runs, 2);
    let nowhere = fixture.store.backup(Path::new("/nowhere/at/all.db"));
    assert!(matches!(nowhere, Err(StoreError::Io { .. })), "{nowhere:?}");
}

#[test]
fn a_full_disk_is_said_and_nothing_half_written_stays() {
    let fixture = Fixture::new();
    let (driver, run) = fixture.run();
    let limit = |tx: &Connection| -> Result<(), StoreError> {
        let pages: i64 = tx.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        tx.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
        Ok(())
    };
    fixture.store.write(limit).expect("limits");
    let noise: Vec<u8> = (0..200_000_u32)
        .flat_map(|n| blake3::hash(&n.to_le_bytes()).as_bytes()[..4].to_vec())
        .collect();
    let batch = Batch::of(Write::Blob(noise));
    let full = fixture.store.commit_blocking(&driver, batch);
    assert_eq!(full, Err(StoreError::DiskFull));
    let after = fixture.store.commit_blocking(&driver, Batch::default());
    assert_eq!(after, Err(StoreError::DiskFull), "no further work is taken");
    assert_eq!(fixture.store.events(run.id).expect("reads").len(), 1);
    drop(driver);
    let fixture = fixture.reopened();
    assert_eq!(fixture.store.check().expect("checks").problems, [""; 0]);
}
