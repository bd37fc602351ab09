//! Kills from outside, at any time: of the driver alone, and of it with all the git commands that
//! it has started.

use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::case::{Bench, Case, side_by_side, to_the_end};
use super::invariants;
use super::points::number;
use super::processes::{leading_a_group, signal, signal_group};
use super::{quick, scenario};
use crate::world::Outcome;

/// Kills, at times that are always the same shares of the run.
const KILLS: u64 = 30;

#[test]
fn killed_at_any_time_a_run_ends_as_if_undisturbed() {
    let folder = tempfile::tempdir().unwrap();
    let benches = Bench::some(folder.path());
    let started = Instant::now();
    let outcome = scenario::begin(&benches[0].fresh(), &[]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let whole = started.elapsed();

    let seeds: Vec<u64> = (0..KILLS).collect();
    let cases = side_by_side(&benches, &seeds, |bench, seed| {
        let thousandths = u32::try_from(number(seed) % 1_000).unwrap();
        killed_after(bench, whole * thousandths / 1_000, seed % 2 == 0)
    });
    let wrong: Vec<String> = seeds
        .iter()
        .zip(&cases)
        .filter(|(_, case)| !case.wrong.is_empty())
        .map(|(seed, case)| format!("seed {seed}: {}", case.wrong.join("\n  ")))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_lock_on_the_branch_that_a_killed_git_left_does_not_stop_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let world = quick::world(folder.path(), "locked", Duration::ZERO);
    let lock = world.repo().join(".git/refs/heads/rgpt/run-1.lock");
    std::fs::create_dir(lock.parent().unwrap()).unwrap();
    std::fs::write(&lock, "").unwrap();
    let outcome = world.rgpt(&["run", "--goal", quick::GOAL], &[]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(!lock.exists());
}

/// Kills the run after `time`: its driver alone, or `all` that is not supervised.
fn killed_after(bench: &Bench, time: Duration, all: bool) -> Case {
    let world = bench.fresh();
    let mut command = leading_a_group(world.command(&["run", "--goal", scenario::GOAL]));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let run = command.spawn().unwrap();
    std::thread::sleep(time);
    match all {
        true => signal_group(&run, Signal::KILL),
        false => signal(&run, Signal::KILL),
    }
    let kills = usize::from(Outcome::of(run.wait_with_output().unwrap()).was_killed());
    let mut wrong = Vec::from_iter(to_the_end(&world, scenario::go_on(&world, &[]), &[]));
    wrong.extend(invariants::at_the_end(&world, &bench.expected, kills));
    Case { kills, wrong }
}
