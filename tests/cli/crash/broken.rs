//! Null controls: programs that are wrong on purpose. If the checks of the sweep did not catch
//! them, they would prove nothing.

use std::time::Duration;

use rgpt::domain::RunId;
use rustix::process::Signal;

use super::case::Bench;
use super::points::Point;
use super::processes::signal;
use super::quick;
use super::story::Story;
use crate::world::{Outcome, World};

/// Kills a sound program at `sound` and the broken one at `broken`. Gives what is wrong with the
/// broken one; nothing may be wrong with the sound one.
fn caught(variant: &str, sound: (&str, usize), broken: (&str, usize)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::new(folder.path());
    let case = bench.killed_at(&Point::new(sound.0, sound.1));
    assert_eq!(case.wrong, [""; 0], "the sound program");
    let case = bench.killed_in(&Point::new(broken.0, broken.1), Some(variant));
    assert_eq!(case.kills.min(1), 1, "{:?}", case.wrong);
    case.wrong.join("\n")
}

#[test]
fn an_effect_before_its_intent_is_caught() {
    let place = ("model.called", 3);
    let wrong = caught("effect-before-intent", place, place);
    assert!(
        wrong.contains("3 model calls were made, 2 are recorded"),
        "{wrong}"
    );
}

#[test]
fn a_skipped_restore_is_caught() {
    let place = ("edit.applied", 1);
    let wrong = caught("skip-restore", place, place);
    assert!(wrong.contains("and should be"), "{wrong}");
}

#[test]
fn a_rename_that_is_not_atomic_is_caught() {
    let halfway = ("edit.halfway", 2);
    let wrong = caught("non-atomic-rename", ("edit.written", 2), halfway);
    assert!(wrong.contains("is neither before nor after"), "{wrong}");
}

/// A driver is stopped while it waits for a model, its lock is stolen and its run cancelled; then
/// it goes on. Gives the record from before it went on and from after, and what became of it.
fn zombie(variant: Option<&str>) -> (Story, Story, Outcome) {
    let folder = tempfile::tempdir().unwrap();
    let world = quick::world(folder.path(), "a graveyard", Duration::from_secs(2));
    let zombie = quick::begin_slowly(&world, variant);
    signal(&zombie, Signal::STOP);
    std::fs::remove_file(world.state().join("locks/run-1.lock")).unwrap();
    let cancelled = world.rgpt(&["cancel", "--run", "1"], &[]);
    assert_eq!(cancelled.code, Some(0), "{cancelled:?}");

    let before = record(&world);
    signal(&zombie, Signal::CONT);
    let end = Outcome::of(zombie.wait_with_output().unwrap());
    (before, record(&world), end)
}

fn record(world: &World) -> Story {
    Story::of(&world.store(), RunId(1))
}

#[test]
fn a_driver_that_lost_its_run_writes_nothing_more() {
    let (before, after, end) = zombie(None);
    assert_eq!(after, before);
    assert_eq!(end.code, Some(1), "{end:?}");
    assert!(
        end.stderr.contains("another process has taken over"),
        "{}",
        end.stderr
    );
}

#[test]
fn a_driver_without_a_fence_is_caught() {
    let (before, after, _) = zombie(Some("no-fence"));
    assert_ne!(after, before);
}
