//! Killed at any place and called again, both verbs end as if undisturbed; and whatever somebody
//! changed in between is theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::crash::points::declared;
use crate::world::{World, contents};

const CHECKS: &str = "checks: {build: {kind: build, command: test -s README}}\n";
const SCRIPT: &str = r#"replies:
  - agent: planner
    json: {summary: Say so, steps: [{id: step-1, name: Say so, description: Write it down}]}
  - agent: builder
    tools:
      - {name: write_file, arguments: {path: said/so, content: "so\n"}}
      - {name: write_file, arguments: {path: README, content: "It is said.\n"}}
      - {name: delete_file, arguments: {path: gone/deep/old}}
  - agent: builder
    tools: [{name: finish, arguments: {summary: It is said}}]
"#;

/// Cases that run side by side.
const WORKERS: usize = 2;

/// A world in which a run is done. `old` is checked out and lies behind the run's base, so that a
/// fast-forward changes files, folders and links of every kind.
fn done(root: &Path) -> World {
    let committed = [
        ("README", "This is a world.\n", false),
        ("orchestrator.yaml", CHECKS, false),
        (
            ".gitignore",
            "orchestrator.local.yaml\nscript.yaml\n",
            false,
        ),
        ("gone/deep/old", "old\n", false),
        ("swap", "a file\n", false),
        ("pair/one", "1\n", false),
    ];
    let model = include_str!("../crash/sample/orchestrator.local.yaml");
    let beside = [
        ("orchestrator.local.yaml", model, false),
        ("script.yaml", SCRIPT, false),
    ];
    let world = World::make(root, &committed, &beside);
    world.git(&["branch", "old"]);
    world.git(&["rm", "--quiet", "-r", "swap", "pair"]);
    world.write(&[
        ("swap/inner", "now a folder\n", true),
        ("pair", "now a file\n", false),
    ]);
    world.git(&["add", "swap", "pair"]);
    world.git(&["commit", "--quiet", "--message=new"]);
    let outcome = world.rgpt(&["run", "--goal", "Say so"], &[]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    world.git(&["switch", "--quiet", "old"]);
    world
}

/// Everything that must be the same: files and rights, index, refs and their logs.
fn state(world: &World) -> BTreeMap<String, String> {
    let skip = [".rgpt", ".git/objects", ".git/index", ".git/logs"];
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let files = contents(&world.repo(), &skip).into_iter();
    let mut state: BTreeMap<String, String> =
        files.map(|(path, content)| (path, text(content))).collect();
    for (name, arguments) in [
        ("the index", &["ls-files", "--stage", "-v"][..]),
        ("the log", &["reflog", "--format=%H %gs", "old"][..]),
        (
            "the log of HEAD",
            &["reflog", "--format=%H %gs", "HEAD"][..],
        ),
        ("what is not committed", &["status", "--porcelain"][..]),
        ("what is wrong", &["fsck", "--strict", "--no-dangling"][..]),
    ] {
        state.insert(name.to_owned(), world.git(arguments));
    }
    let scratch = world.state().join("git/rgpt");
    state.insert(
        "what is left".to_owned(),
        format!("{:?}", contents(&scratch, &[]).keys()),
    );
    state
}

/// A place for worlds, with the world before a verb and what it is to come to.
struct Bench {
    before: World,
    place: PathBuf,
    verb: &'static str,
    expected: BTreeMap<String, String>,
    /// By path, what a file may hold at any time.
    allowed: BTreeMap<String, BTreeSet<String>>,
    points: Vec<String>,
}

impl Bench {
    /// The paths of the record hold only in `place`, so that is where everything happens.
    fn new(root: &Path, verb: &'static str) -> Self {
        let place = root.join("world");
        let world = done(&place);
        if verb == "undo" {
            assert_eq!(world.rgpt(&["apply"], &[]).code, Some(0));
        }
        let before = world.copy_to(&root.join("before"));
        let log = root.join("passed");
        let first = state(&world);
        let outcome = world.rgpt(&[verb], &[("RGPT_CRASH_LOG", log.to_str().unwrap())]);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        let expected = state(&world);
        let mut allowed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (path, content) in first.iter().chain(&expected) {
            allowed
                .entry(path.clone())
                .or_default()
                .insert(content.clone());
        }
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let passed = std::fs::read_to_string(&log).unwrap();
        let mut points = Vec::new();
        for name in passed.lines() {
            let count = counts.entry(name.to_owned()).or_default();
            *count += 1;
            points.push(format!("{name}:{count}"));
        }
        Self {
            before,
            place,
            verb,
            expected,
            allowed,
            points,
        }
    }

    /// What is wrong after a kill at `point`, another one while recovering, and the end.
    fn killed_at(&self, point: &str) -> Vec<String> {
        let world = self.before.copy_to(&self.place);
        let first = world.rgpt(&[self.verb], &[("RGPT_CRASH", point)]);
        if !first.was_killed() {
            return vec![format!("it was not killed there: {first:?}")];
        }
        let mut wrong = self.torn(&world);
        let second = world.rgpt(&[self.verb], &[("RGPT_CRASH", point)]);
        wrong.extend(self.torn(&world));
        if second.was_killed() {
            let last = world.rgpt(&[self.verb], &[]);
            wrong.extend((last.code != Some(0)).then(|| format!("it ends with {last:?}")));
        } else if second.code != Some(0) {
            wrong.push(format!("it ends with {second:?}"));
        }
        let now = state(&world);
        let all: BTreeSet<&String> = now.keys().chain(self.expected.keys()).collect();
        for path in all {
            let (found, wanted) = (now.get(path), self.expected.get(path));
            if found != wanted {
                wrong.push(format!("{path}: {found:?}, not {wanted:?}"));
            }
        }
        let check = world.rgpt(&["db", "check"], &[]);
        wrong.extend((check.code != Some(0)).then(|| format!("{check:?}")));
        wrong
    }

    /// Files that are neither as before nor as after.
    fn torn(&self, world: &World) -> Vec<String> {
        let files = contents(&world.repo(), &[".rgpt", ".git"]);
        let torn = files.into_iter().filter(|(path, content)| {
            let aside = path.contains(".rgpt-new-");
            let content = String::from_utf8_lossy(content);
            let known = self.allowed.get(path);
            !aside && !known.is_some_and(|known| known.contains(content.as_ref()))
        });
        torn.map(|(path, _)| format!("{path} is neither before nor after"))
            .collect()
    }
}

fn sweep(verb: &'static str) {
    let folder = tempfile::tempdir().unwrap();
    let benches: Vec<Bench> = (0..WORKERS)
        .map(|worker| Bench::new(&folder.path().join(worker.to_string()), verb))
        .collect();
    let points = &benches[0].points;
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for bench in &benches {
            scope.spawn(|| {
                while let Some(point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
                    for what in bench.killed_at(point) {
                        wrong
                            .lock()
                            .unwrap()
                            .push(format!("killed at {point}: {what}"));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    let passed = |name: &String| {
        points
            .iter()
            .any(|point| point.starts_with(&format!("{name}:")))
    };
    let missed: Vec<String> = declared()
        .into_iter()
        .filter(|name| name.starts_with("apply.") && !passed(name))
        // Only a move that cannot be made is turned back.
        .filter(|name| name != "apply.turned-back")
        .collect();
    assert_eq!(missed, [""; 0], "these are never passed");
}

#[test]
fn an_apply_that_is_killed_anywhere_ends_as_if_undisturbed() {
    sweep("apply");
}

#[test]
fn an_undo_that_is_killed_anywhere_ends_as_if_undisturbed() {
    sweep("undo");
}

/// A world in which an apply was killed at `point`.
fn killed(root: &Path, point: &str) -> World {
    let world = done(root);
    let outcome = world.rgpt(&["apply"], &[("RGPT_CRASH", point)]);
    assert!(outcome.was_killed(), "{outcome:?}");
    world
}

fn read(world: &World, path: &str) -> String {
    std::fs::read_to_string(world.repo().join(path)).unwrap()
}

#[test]
fn what_somebody_wrote_after_the_kill_is_kept_and_the_rest_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let world = killed(folder.path(), "apply.placed:1");
    assert_eq!(read(&world, "README"), "It is said.\n");
    world.write(&[("README", "mine\n", false)]);
    // Killed again while it takes the rest back.
    let again = world.rgpt(&["apply"], &[("RGPT_CRASH", "apply.put:1")]);
    assert!(again.was_killed(), "{again:?}");
    let outcome = world.rgpt(&["apply"], &[]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(
        outcome.stderr.contains("would be lost: README"),
        "{outcome:?}"
    );
    assert_eq!(read(&world, "README"), "mine\n");
    assert_eq!(
        world.git(&["status", "--porcelain", "--ignored=no"]),
        "M README"
    );
    assert!(!world.repo().join("said").exists());

    world.git(&["checkout", "--quiet", "--", "README"]);
    let outcome = world.rgpt(&["apply"], &[]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(world.git(&["status", "--porcelain"]), "");
}

#[test]
fn what_is_written_after_the_branch_has_moved_comes_on_top() {
    let folder = tempfile::tempdir().unwrap();
    let world = killed(folder.path(), "apply.moved:1");
    world.write(&[("README", "mine\n", false)]);
    let outcome = world.rgpt(&["apply"], &[]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(world.git(&["status", "--porcelain"]), "M README");
    assert_eq!(world.git(&["show", ":README"]), "It is said.");
}

#[test]
fn a_branch_that_moved_after_the_kill_is_begun_with_anew() {
    let folder = tempfile::tempdir().unwrap();
    let world = killed(folder.path(), "apply.placed:1");
    let tree = world.git(&["rev-parse", "old^{tree}"]);
    let commit = world.git(&["commit-tree", &tree, "-p", "old", "-m", "meanwhile"]);
    world.git(&["update-ref", "refs/heads/old", &commit]);
    let outcome = world.rgpt(&["apply", "--json"], &[]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.contains("\"way\": \"merge\""), "{outcome:?}");
    assert_eq!(world.git(&["status", "--porcelain"]), "");
    assert_eq!(world.git(&["rev-parse", "old^1"]), commit);
    let given_up = world.rgpt(&["inspect", "--json"], &[]).stdout;
    assert!(given_up.contains("\"given_up\""), "{given_up}");
}

#[test]
fn another_run_and_the_other_verb_wait_for_what_was_begun() {
    let folder = tempfile::tempdir().unwrap();
    let world = done(folder.path());
    // What the first run's script said is used up by that run alone.
    let second = world.rgpt(&["run", "--goal", "Say so"], &[]);
    assert_eq!(second.code, Some(0), "{second:?}");
    let outcome = world.rgpt(
        &["apply", "--run", "1"],
        &[("RGPT_CRASH", "apply.placed:1")],
    );
    assert!(outcome.was_killed(), "{outcome:?}");
    // The lock keeps every git away from the index meanwhile.
    let git = world.try_git(&["add", "README"]);
    assert_ne!(git.code, Some(0), "{git:?}");
    let other = world.rgpt(&["apply", "--run", "2"], &[]);
    assert_eq!(other.code, Some(2), "{other:?}");
    let undo = world.rgpt(&["undo", "--run", "1"], &[]);
    assert_eq!(undo.code, Some(1), "{undo:?}");
    assert!(undo.stderr.contains("rgpt apply --run 1"), "{undo:?}");
    let dry = world.rgpt(&["apply", "--run", "1", "--dry-run"], &[]);
    assert_eq!(dry.code, Some(0), "{dry:?}");
    let outcome = world.rgpt(&["apply", "--run", "1"], &[]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(world.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_merge_that_is_killed_on_its_way_is_made_once() {
    for point in [
        "git.fetched:1",
        "check.ran:1",
        "apply.objects:1",
        "apply.moved:1",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let world = done(folder.path());
        world.write(&[("more", "more\n", false)]);
        world.git(&["add", "more"]);
        world.git(&["commit", "--quiet", "--message=more"]);
        let outcome = world.rgpt(&["apply"], &[("RGPT_CRASH", point)]);
        assert!(outcome.was_killed(), "{point}: {outcome:?}");
        let outcome = world.rgpt(&["apply"], &[]);
        assert_eq!(outcome.code, Some(0), "{point}: {outcome:?}");
        assert_eq!(world.git(&["status", "--porcelain"]), "", "{point}");
        let merges = world.git(&["rev-list", "--count", "--merges", "old"]);
        assert_eq!(merges, "1", "{point}");
        let left = std::fs::read_dir(world.cache().join("rgpt")).unwrap();
        let left = left.flat_map(|it| std::fs::read_dir(it.unwrap().path()).unwrap());
        let left = left.map(|it| it.unwrap().file_name().into_string().unwrap());
        let left: Vec<String> = left.filter(|name| name != "build-output").collect();
        assert_eq!(left, [""; 0], "{point}");
    }
}
