//! The run that is killed: everything that can happen in one, at least once.

use std::path::Path;

use crate::world::{Outcome, Sample, World};

/// What the run is for.
pub(super) const GOAL: &str = "Greet by name";

const COMMITTED: [Sample<'_>; 9] = [
    (".gitignore", include_str!("sample/gitignore"), false),
    ("greet.sh", include_str!("sample/greet.sh"), false),
    ("bye.sh", include_str!("sample/bye.sh"), false),
    ("build.sh", include_str!("sample/build.sh"), false),
    (
        "local.conf.example",
        include_str!("sample/local.conf.example"),
        false,
    ),
    ("old.txt", include_str!("sample/old.txt"), false),
    ("notes.txt", include_str!("sample/notes.txt"), false),
    ("cargo", include_str!("sample/cargo"), true),
    (
        "orchestrator.yaml",
        include_str!("sample/orchestrator.yaml"),
        false,
    ),
];

const IGNORED: [Sample<'_>; 3] = [
    (
        "orchestrator.local.yaml",
        include_str!("sample/orchestrator.local.yaml"),
        false,
    ),
    ("script.yaml", include_str!("sample/script.yaml"), false),
    (".deps/lib/words", "words that are shared\n", false),
];

/// A world in which nothing has happened yet.
pub(super) fn untouched(root: &Path) -> World {
    World::make(root, &COMMITTED, &IGNORED)
}

/// Begins the run and goes on to its end.
pub(super) fn begin(world: &World, env: &[(&str, &str)]) -> Outcome {
    world.rgpt(&["run", "--goal", GOAL, "--json"], env)
}

/// Goes on with the run, or begins it again if it was killed before it was on the record.
pub(super) fn go_on(world: &World, env: &[(&str, &str)]) -> Outcome {
    let resumed = world.rgpt(&["resume", "--run", "latest", "--json"], env);
    let said = format!("{}{}", resumed.stdout, resumed.stderr);
    let no_run = said.contains("there are no runs yet") || said.contains("there is no run latest");
    if resumed.code == Some(1) && no_run {
        begin(world, env)
    } else {
        resumed
    }
}
