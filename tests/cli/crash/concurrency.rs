//! Many processes on one record.

use std::path::Path;
use std::process::Child;
use std::time::Duration;

use rustix::process::Signal;

use super::processes::signal;
use super::quick;
use crate::world::{Outcome, World, open_store};

/// Processes at a time.
const MANY: usize = 8;

#[test]
fn a_second_process_on_a_run_is_refused_with_the_pid_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let world = quick::world(folder.path(), "contested", Duration::from_millis(200));
    let first = quick::begin_slowly(&world, None);
    signal(&first, Signal::STOP);
    let second = world.rgpt(&["resume", "--run", "1"], &[]);
    assert_eq!(second.code, Some(1), "{second:?}");
    let words = format!("run 1 is driven by process {}", first.id());
    assert!(second.stderr.contains(&words), "{}", second.stderr);

    signal(&first, Signal::CONT);
    let first = Outcome::of(first.wait_with_output().unwrap());
    assert_eq!(first.code, Some(0), "{first:?}");
    let check = world.rgpt(&["db", "check"], &[]);
    assert_eq!(check.code, Some(0), "{check:?}");
}

#[test]
fn a_run_whose_driver_was_killed_is_taken_over_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let world = quick::world(folder.path(), "orphaned", Duration::from_millis(200));
    let mut first = quick::begin_slowly(&world, None);
    signal(&first, Signal::KILL);
    // Not yet looked at by its parent, it still is in the table of processes.
    let second = world.rgpt(&["resume", "--run", "1"], &[]);
    assert_eq!(second.code, Some(0), "{second:?}");
    first.wait().unwrap();
}

#[test]
fn eight_runs_at_a_time_in_one_repository() {
    let folder = tempfile::tempdir().unwrap();
    let world = quick::world(&folder.path().join("world"), "shared", Duration::ZERO);
    let state = folder.path().join("state");
    all_reach_their_goals(&vec![world; MANY], &state);
}

#[test]
fn eight_runs_at_a_time_in_clones_of_a_repository() {
    let folder = tempfile::tempdir().unwrap();
    let place = |number: usize| folder.path().join(format!("world-{number}"));
    let first = quick::world(&place(0), "cloned", Duration::ZERO);
    let clones = (1..MANY).map(|number| first.copy_to(&place(number)));
    let worlds: Vec<World> = std::iter::once(first.clone()).chain(clones).collect();
    all_reach_their_goals(&worlds, &folder.path().join("state"));
}

#[test]
fn eight_runs_at_a_time_in_different_repositories() {
    let folder = tempfile::tempdir().unwrap();
    let worlds: Vec<World> = (0..MANY)
        .map(|number| {
            let name = format!("world {number}");
            quick::world(&folder.path().join(&name), &name, Duration::ZERO)
        })
        .collect();
    all_reach_their_goals(&worlds, &folder.path().join("state"));
}

/// Begins a run in each of `worlds` at the same time, all on the record in `state`.
fn all_reach_their_goals(worlds: &[World], state: &Path) {
    let state_dir = state.to_str().unwrap();
    let run = ["run", "--goal", quick::GOAL, "--state-dir", state_dir];
    let running: Vec<Child> = worlds.iter().map(|world| world.start(&run, &[])).collect();
    for child in running {
        let outcome = Outcome::of(child.wait_with_output().unwrap());
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        let said = outcome.stdout + &outcome.stderr;
        assert!(!said.contains("database is locked"), "{said}");
    }
    let check = worlds[0].rgpt(&["db", "check", "--state-dir", state_dir], &[]);
    assert_eq!(check.code, Some(0), "{check:?}");

    let store = open_store(state);
    let runs: Vec<_> = (1..=worlds.len() as i64)
        .map(|id| store.load(rgpt::domain::RunId(id)).unwrap().unwrap())
        .collect();
    for run in &runs {
        let world = worlds
            .iter()
            .find(|world| world.repo().to_str() == Some(&run.created.repository))
            .unwrap();
        let done = run.done.as_ref().unwrap();
        let tip = world.git(&["rev-parse", &format!("refs/heads/{}", done.branch)]);
        assert_eq!(tip, done.commit.to_string(), "run {}", run.id);
        assert_eq!(world.git(&["fsck", "--full", "--no-dangling"]), "");
    }
}

#[test]
fn a_run_is_not_gone_on_with_in_another_repository() {
    let folder = tempfile::tempdir().unwrap();
    let here = quick::world(&folder.path().join("here"), "cloned", Duration::ZERO);
    let there = here.copy_to(&folder.path().join("there"));
    let state = folder.path().join("state");
    let state_dir = ["--state-dir", state.to_str().unwrap()];
    let begun = ["run", "--goal", quick::GOAL, "--until", "planner"];
    let outcome = here.rgpt(&[&begun[..], &state_dir].concat(), &[]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");

    let resumed = [
        &["resume", "--run", "1", "--until", "releaser"],
        &state_dir[..],
    ]
    .concat();
    let refused = there.rgpt(&resumed, &[]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let repository = here.repo().display().to_string();
    assert!(refused.stderr.contains(&repository), "{}", refused.stderr);

    let outcome = here.rgpt(&resumed, &[]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(there.git(&["branch", "--list", "rgpt/*"]), "");
}
