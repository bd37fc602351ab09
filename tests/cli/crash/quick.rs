//! A run with next to nothing in it, for tests that want many of them, or one that takes its time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::points::passed;
use crate::world::World;

pub(super) const GOAL: &str = "Say so";

/// A world whose model takes `delay` for its last answer. `mark` makes its commits different from
/// those of other worlds.
pub(super) fn world(root: &Path, mark: &str, delay: Duration) -> World {
    let readme = format!("This is {mark}.\n");
    let checks = "checks: {build: {kind: build, command: test -s README}}\n";
    let ignored = "orchestrator.local.yaml\nscript.yaml\n";
    let script = format!(
        r#"replies:
  - agent: planner
    json: {{summary: Say so, steps: [{{id: step-1, name: Say so, description: Write it down}}]}}
  - agent: builder
    tools: [{{name: write_file, arguments: {{path: said, content: "so\n"}}}}]
  - agent: builder
    delay_ms: {}
    tools: [{{name: finish, arguments: {{summary: It is said}}}}]
"#,
        delay.as_millis()
    );
    let committed = [
        ("README", readme.as_str(), false),
        ("orchestrator.yaml", checks, false),
        (".gitignore", ignored, false),
    ];
    let model = include_str!("sample/orchestrator.local.yaml");
    let beside = [
        ("orchestrator.local.yaml", model, false),
        ("script.yaml", script.as_str(), false),
    ];
    World::make(root, &committed, &beside)
}

/// Where [`begin_slowly`] has the places written that the run passes.
fn log(world: &World) -> PathBuf {
    world.root.join("passed")
}

/// Begins the run and returns when its last model call is under way.
pub(super) fn begin_slowly(world: &World, variant: Option<&str>) -> std::process::Child {
    let log = log(world);
    let mut env = vec![("RGPT_CRASH_LOG", log.to_str().unwrap())];
    env.extend(variant.map(|variant| ("RGPT_BROKEN", variant)));
    let child = world.start(&["run", "--goal", GOAL], &env);
    while passed(&log).get("model.called") != Some(&3) {
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}
