//! Kills while the record is looked after: it is whole before and after, and so is every copy.

use std::time::Duration;

use super::quick;
use crate::world::{World, contents};

/// A world with a run on its record.
fn world(root: &std::path::Path) -> World {
    let world = quick::world(root, "a run", Duration::ZERO);
    let outcome = world.rgpt(&["run", "--goal", quick::GOAL], &[]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    world
}

#[test]
fn a_backup_is_there_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let world = world(folder.path());
    let copy = world.root.join("copy.zip");
    let backup = ["db", "backup", copy.to_str().unwrap()];
    for place in [
        "store.backup:1",
        "store.backup:2",
        "archive.copied",
        "archive.written",
    ] {
        let outcome = world.rgpt(&backup, &[("RGPT_CRASH", place)]);
        assert!(outcome.was_killed(), "{outcome:?}");
        assert!(!copy.exists(), "after {place}");
    }
    let outcome = world.rgpt(&backup, &[("RGPT_CRASH", "archive.named")]);
    assert!(outcome.was_killed(), "{outcome:?}");
    std::fs::remove_file(&copy).unwrap();
    let outcome = world.rgpt(&backup, &[]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let left: Vec<String> = contents(&world.root, &["repo", "home", "cache"])
        .into_keys()
        .collect();
    assert_eq!(left, ["copy.zip"]);

    let elsewhere = world.root.join("elsewhere");
    let place = ["--state-dir", elsewhere.to_str().unwrap()];
    let restore = [&["db", "restore", copy.to_str().unwrap()], &place[..]].concat();
    let outcome = world.rgpt(&restore, &[]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let outcome = world.rgpt(&[&["db", "check"], &place[..]].concat(), &[]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
}

#[test]
fn a_rebuild_that_is_killed_has_changed_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let world = world(folder.path());
    for place in [
        "store.rebuild:1",
        "store.commit.before:1",
        "store.commit.after:1",
    ] {
        let outcome = world.rgpt(&["db", "rebuild"], &[("RGPT_CRASH", place)]);
        assert!(outcome.was_killed(), "{outcome:?}");
        let outcome = world.rgpt(&["db", "check"], &[]);
        assert_eq!(outcome.code, Some(0), "after {place}: {outcome:?}");
    }
}
