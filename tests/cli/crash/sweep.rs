//! Every place of the run, exhaustively.

use std::time::Instant;

use super::case::{Bench, side_by_side};
use super::points::{declared, swept};

/// Places that the run does not pass, and who tests them.
const ELSEWHERE: [(&str, &str); 16] = [
    ("archive.copied", "crash::upkeep"),
    ("archive.named", "crash::upkeep"),
    ("archive.written", "crash::upkeep"),
    (
        "edit.halfway",
        "only a broken variant has it: crash::broken",
    ),
    ("git.packed", "upkeep"),
    ("git.thinned", "upkeep"),
    ("prune.artifacts", "upkeep"),
    ("prune.recorded", "upkeep"),
    ("prune.swept", "upkeep"),
    ("restore.begun", "upkeep"),
    ("restore.made", "upkeep"),
    ("restore.named", "upkeep"),
    ("restore.swapped", "upkeep"),
    ("store.backup", "crash::upkeep"),
    ("store.prune", "upkeep"),
    ("store.rebuild", "crash::upkeep"),
];

#[test]
fn every_place_is_passed_by_the_run_that_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let passed = Bench::new(folder.path()).expected.passed;
    let missed: Vec<String> = declared()
        .into_iter()
        .filter(|name| !passed.contains_key(name))
        // No run passes these: `apply::kills` does.
        .filter(|name| !name.starts_with("apply."))
        .filter(|name| ELSEWHERE.iter().all(|(other, _)| other != name))
        .collect();
    assert_eq!(missed, [""; 0], "these are never passed");
}

#[test]
fn killed_anywhere_and_again_while_recovering_a_run_ends_as_if_undisturbed() {
    let folder = tempfile::tempdir().unwrap();
    let benches = Bench::some(folder.path());
    let points = swept(&benches[0].expected.passed);
    let started = Instant::now();
    let cases = side_by_side(&benches, &points, Bench::killed_at);

    let kills: usize = cases.iter().map(|case| case.kills).sum();
    let wrong: Vec<String> = points
        .iter()
        .zip(&cases)
        .filter(|(_, case)| !case.wrong.is_empty())
        .map(|(point, case)| format!("killed at {point}: {}", case.wrong.join("\n  ")))
        .collect();
    println!(
        "{} points, {kills} kills, {} wrong, {:.0?}",
        points.len(),
        wrong.len(),
        started.elapsed()
    );
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(kills > points.len(), "recoveries are killed, too");
}
