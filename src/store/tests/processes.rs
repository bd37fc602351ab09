use std::fs;
use std::thread;

use super::*;
use crate::domain::ExecutionId;

fn call(ordinal: u32) -> Batch {
    Batch::of(Write::Call {
        execution: ExecutionId(1),
        ordinal,
        call: log::model_call("offline", None),
    })
}

#[test]
fn a_second_driver_is_refused_with_the_first_one_s_pid() {
    let fixture = Fixture::new();
    let (driver, run) = fixture.run();
    let other = open(&fixture.temp).expect("opens");
    for store in [&fixture.store, &other] {
        match store.drive(run.id).expect_err("refused") {
            DriveError::Busy { run: id, pid, .. } => {
                assert_eq!((id, pid), (run.id, std::process::id()));
            }
            DriveError::Store(error) => panic!("{error}"),
        }
    }
    drop(driver);
    drop(other.drive(run.id).expect("drives"));
    let locks = fs::read_dir(&other.dir().locks).expect("reads").count();
    assert_eq!(locks, 1, "only the lock for opening stays");
}

#[test]
fn a_driver_that_lost_its_run_writes_nothing_more() {
    let fixture = Fixture::new();
    let (zombie, run) = fixture.run();
    // As on a file system that loses locks.
    let locks = &fixture.store.dir().locks;
    fs::remove_file(locks.join(format!("run-{}.lock", run.id))).expect("removes");
    let heir = fixture.store.drive(run.id).expect("takes over");
    fixture
        .store
        .commit_blocking(&heir, call(1))
        .expect("commits");
    assert_eq!(
        fixture.store.commit_blocking(&zombie, call(2)),
        Err(StoreError::Fenced(run.id))
    );
    let tape = fixture.store.tape(run.id, ExecutionId(1)).expect("reads");
    assert_eq!(tape.len(), 1);
}

#[test]
fn a_lock_file_without_a_living_holder_is_taken_at_once() {
    let fixture = Fixture::new();
    let (id, _) = create(&fixture.store);
    let path = fixture.store.dir().locks.join(format!("run-{id}.lock"));
    fs::write(path, "12345 elsewhere\n").expect("writes");
    assert_eq!(fixture.store.is_driven(id), Ok(false));
    fixture.store.drive(id).expect("drives");
}

#[test]
fn eight_openers_that_write_at_once_never_find_the_database_locked() {
    let temp = tempfile::tempdir().expect("temp dir");
    for _ in 0..3 {
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..3 {
                        let store = open(&temp).expect("opens");
                        let (id, _) = create(&store);
                        let driver = store.drive(id).expect("drives");
                        for ordinal in 1..=5 {
                            store
                                .commit_blocking(&driver, call(ordinal))
                                .expect("commits");
                        }
                        assert_eq!(store.events(id).expect("reads").len(), 1);
                    }
                });
            }
        });
    }
    let store = open(&temp).expect("opens");
    assert_eq!(store.latest_run().expect("reads"), Some(RunId(72)));
    assert_eq!(store.check().expect("checks").problems, [""; 0]);
}
