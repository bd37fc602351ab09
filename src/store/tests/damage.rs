use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rusqlite_migration::M;

use super::*;

/// The schema as it is, and an imagined next step.
fn with(step: &'static str) -> &'static [M<'static>] {
    let mut schema = connection::SCHEMA.to_vec();
    schema.push(M::up(step));
    Box::leak(schema.into_boxed_slice())
}

const NEXT: &str = "ALTER TABLE runs ADD COLUMN mood TEXT;";
/// One whose second half fails.
const BROKEN: &str =
    "ALTER TABLE runs ADD COLUMN mood TEXT; ALTER TABLE nowhere ADD COLUMN x TEXT;";

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
    let migrations = rusqlite_migration::Migrations::from_slice(&connection::SCHEMA);
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
    let store = Store::open_as(&dir, with(NEXT), Arc::new(Still)).expect("migrates");
    assert_eq!(store.latest_run(), Ok(Some(RunId(1))));
    drop(store);
    assert_eq!(backups(&dir), 1);
    let error = refusal(&fixture.temp);
    assert!(
        error
            .to_string()
            .contains("was written by a newer rgpt (schema"),
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
    assert!(Store::open_as(&dir, with(BROKEN), Arc::new(Still)).is_err());
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
fn a_copy_is_whole_and_replaces_what_was_there() {
    let fixture = Fixture::new();
    create(&fixture.store);
    let to = fixture.temp.path().join("copy.db");
    fixture.store.copy(&to, None).expect("copies");
    create(&fixture.store);
    let copied = fixture.store.copy(&to, None).expect("copies again");
    assert_eq!(copied.runs, [RunId(1), RunId(2)]);
    assert_eq!(copied.schema, Store::latest_schema());
    let only = std::collections::BTreeSet::from([RunId(2)]);
    let copied = fixture
        .store
        .copy(&to, Some(&only))
        .expect("copies one run");
    assert_eq!((copied.runs, copied.events), (vec![RunId(2)], 1));
    let nowhere = fixture.store.copy(Path::new("/nowhere/at/all.db"), None);
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

/// A database as an rgpt of the first schema left it.
fn version_1() -> TempDir {
    let temp = tempfile::tempdir().expect("temp dir");
    let db = Connection::open(dir(&temp).db).expect("opens");
    db.execute_batch("PRAGMA foreign_keys = OFF")
        .expect("the tables stand in the order of their names");
    db.execute_batch(include_str!("fixture/version-1.sql"))
        .expect("is filled");
    db.execute_batch("PRAGMA application_id = 1919381620; PRAGMA user_version = 1;")
        .expect("is ours");
    temp
}

#[test]
fn a_database_of_the_first_version_is_migrated_and_sound() {
    let temp = version_1();
    let store = open(&temp).expect("migrates");
    let report = store.check().expect("checks");
    assert_eq!((report.runs, report.problems), (2, vec![]));
    assert_eq!(store.rebuild().expect("rebuilds").differences, [""; 0]);
    let states: Vec<String> = store
        .list(Filter::default())
        .expect("lists")
        .iter()
        .map(|run| format!("{} {}", run.id, run.status))
        .collect();
    assert_eq!(states, ["2 stopped", "1 success"]);
    let backup = dir(&temp).newest_backup().expect("is there");
    assert_eq!(backup.file_name(), Some("rgpt.db.v1.bak".as_ref()));
    let copied = copied(&backup).expect("is sound");
    assert_eq!((copied.schema, copied.runs.len()), (1, 2));
    let next = create(&store).0;
    assert_eq!(next, RunId(3));
}

#[test]
fn damage_after_a_migration_is_told_with_the_backup_and_what_to_do_with_it() {
    let temp = version_1();
    drop(open(&temp).expect("migrates"));
    fs::write(dir(&temp).db, "no database at all".repeat(500)).expect("writes");
    let hints = refusal(&temp).hints().join("; ");
    assert!(hints.contains("rgpt.db.v1.bak"), "{hints}");
}

#[test]
fn only_the_backups_of_the_last_few_versions_are_kept() {
    let fixture = Fixture::new();
    let dir = fixture.store.dir().clone();
    drop(fixture.store);
    let known = Store::latest_schema();
    for version in 1..known {
        fs::write(dir.root.join(format!("rgpt.db.v{version}.bak")), "").expect("writes");
    }
    let mut schema = connection::SCHEMA.to_vec();
    for _ in 0..5 {
        schema.push(M::up("CREATE TABLE IF NOT EXISTS more (x);"));
        let schema: &'static [M<'static>] = Box::leak(schema.clone().into_boxed_slice());
        drop(Store::open_as(&dir, schema, Arc::new(Still)).expect("migrates"));
    }
    let last = known + 4;
    for version in last - 2..=last {
        let kept = dir.root.join(format!("rgpt.db.v{version}.bak"));
        assert!(kept.is_file(), "{}", kept.display());
    }
    assert_eq!(backups(&dir), 3);
}
