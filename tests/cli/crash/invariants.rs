//! What must hold of a run that was killed: at the moment of the kill, and once it has come to its
//! end. Each check gives what is wrong in words, so that a test can also want something to be wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rgpt::domain::RunId;
use serde_json::Value;

use super::points::{Point, passed};
use super::processes;
use super::story::{Story, recorded_model_calls};
use crate::world::{World, contents, open_store};

/// The only run of a world.
pub(super) const RUN: RunId = RunId(1);

/// The undisturbed run, and the world as it was before and is after it.
pub(super) struct Expected {
    pub(super) story: Story,
    /// The user's repository before the run, less what rgpt may add to.
    user: BTreeMap<String, Vec<u8>>,
    /// Every path in the world after the run.
    paths: BTreeSet<String>,
    /// By path, the blobs that the file may be at any time.
    blobs: BTreeMap<String, BTreeSet<String>>,
    /// Every place that the run passed, and how often.
    pub(super) passed: BTreeMap<String, usize>,
}

impl Expected {
    /// Reads it off a `world` in which the undisturbed run has ended; `user` is the repository
    /// before it, `log` the places that it passed.
    pub(super) fn of(world: &World, user: BTreeMap<String, Vec<u8>>, log: &Path) -> Self {
        let paths = paths(world);
        let story = Story::of(&world.store(), RUN);
        let blobs = blobs(world, &story);
        Self {
            story,
            user,
            paths,
            blobs,
            passed: passed(log),
        }
    }
}

/// The user's repository, less the state directory, objects and the branches of runs.
pub(super) fn user(world: &World) -> BTreeMap<String, Vec<u8>> {
    let grows = [".rgpt", ".git/objects", ".git/refs/heads/rgpt"];
    contents(&world.repo(), &grows)
}

/// Every path in the world, less objects. Files that stay behind would show here.
fn paths(world: &World) -> BTreeSet<String> {
    let objects = ["repo/.git/objects", "repo/.rgpt/git/objects"];
    contents(&world.root, &objects).into_keys().collect()
}

/// What is wrong right after a kill at `point`.
pub(super) fn at_the_kill(
    world: &World,
    point: &Point,
    log: &Path,
    expected: &Expected,
) -> Vec<String> {
    let mut wrong = Vec::new();
    if point.is_of("edit.") {
        wrong.extend(torn_files(world, expected));
    }
    if point.is_of("model.") {
        let made = passed(log).get("model.called").copied().unwrap_or(0);
        let known = recorded_model_calls(&world.store(), RUN);
        if known < made {
            wrong.push(format!(
                "{made} model calls were made, {known} are recorded"
            ));
        }
    }
    wrong
}

/// Files of the builder's worktree that hold something that no tree of the run has there.
fn torn_files(world: &World, expected: &Expected) -> Vec<String> {
    let Some(tree) = worktree(world) else {
        return Vec::new();
    };
    let ignored = [".git", "build", "local.conf", ".deps"];
    let files = contents(&tree, &ignored);
    let mut torn = Vec::new();
    for path in files.keys() {
        let staged = path.contains(".rgpt-staged-");
        if path.ends_with('/') || staged {
            continue;
        }
        let file = tree.join(path);
        let blob = world.git(&["hash-object", "--no-filters", file.to_str().unwrap()]);
        let known = expected.blobs.get(path);
        if known.is_none_or(|known| !known.contains(&blob)) {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            torn.push(format!("{path} is neither before nor after: {text:?}"));
        }
    }
    torn
}

/// The folder in which the builder works.
pub(super) fn worktree(world: &World) -> Option<PathBuf> {
    let places = std::fs::read_dir(world.cache().join("rgpt")).ok()?;
    let mut trees = places
        .flatten()
        .map(|place| place.path().join("run-1/repo"));
    trees.find(|tree| tree.is_dir())
}

/// What is wrong after a run that was killed `kills` times has come to its end.
pub(super) fn at_the_end(world: &World, expected: &Expected, kills: usize) -> Vec<String> {
    let mut wrong: Vec<String> = processes::left_over(&world.root)
        .into_iter()
        .map(|process| format!("a process is left: {process}"))
        .collect();
    let paths = paths(world);
    let left = paths.difference(&expected.paths);
    wrong.extend(left.map(|path| format!("{path} is left behind")));
    let missing = expected.paths.difference(&paths);
    wrong.extend(missing.map(|path| format!("{path} is missing")));
    wrong.extend(changed(&user(world), &expected.user));

    let store = open_store(&world.state());
    wrong.extend(store.check().unwrap().problems);
    let story = Story::of(&store, RUN);
    wrong.extend(story.differs_from(&expected.story));
    if story.tree != expected.story.tree {
        wrong.push(format!("the tree is {:?}", story.tree));
    }
    if story.lost > kills {
        wrong.push(format!("{} calls are lost to {kills} kills", story.lost));
    }
    wrong.extend(handed_over(world, &story));
    wrong
}

fn changed(now: &BTreeMap<String, Vec<u8>>, before: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let all: BTreeSet<&String> = now.keys().chain(before.keys()).collect();
    all.into_iter()
        .filter(|path| now.get(*path) != before.get(*path))
        .map(|path| format!("{path} of the user's repository is not as it was"))
        .collect()
}

/// The branch, its objects, and rgpt's own copy of them.
fn handed_over(world: &World, story: &Story) -> Vec<String> {
    let mut wrong = Vec::new();
    let own = format!("--git-dir={}", world.state().join("git").display());
    let mut expect = |args: &[&str], answer: Option<&str>| {
        let outcome = world.try_git(args);
        let said = outcome.stdout.trim();
        if outcome.code != Some(0) || answer != Some(said) {
            let all = format!("{said}{}", outcome.stderr);
            wrong.push(format!("git {args:?} says {all:?}, not {answer:?}"));
        }
    };
    let (commit, tree) = (story.commit.as_deref(), story.tree.as_deref());
    expect(&["rev-parse", "--verify", "refs/heads/rgpt/run-1"], commit);
    expect(&["rev-parse", "refs/heads/rgpt/run-1^{tree}"], tree);
    let branches = ["for-each-ref", "--format=%(refname)"];
    expect(&branches, Some("refs/heads/main\nrefs/heads/rgpt/run-1"));
    expect(&["fsck", "--full", "--strict", "--no-dangling"], Some(""));
    expect(&[&own, "rev-parse", "refs/rgpt/run/1"], commit);
    let connected = ["fsck", "--connectivity-only", "--no-dangling"];
    expect(&[&[own.as_str()], connected.as_slice()].concat(), Some(""));
    wrong
}

/// By path, every blob that a tree of the run has there.
fn blobs(world: &World, story: &Story) -> BTreeMap<String, BTreeSet<String>> {
    let mut trees = BTreeSet::new();
    for value in story.events.iter().chain(story.tapes.values().flatten()) {
        collect_trees(value, &mut trees);
    }
    let own = format!("--git-dir={}", world.state().join("git").display());
    let mut blobs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for tree in trees {
        for line in world.git(&[&own, "ls-tree", "-r", &tree]).lines() {
            let (entry, path) = line.split_once('\t').unwrap();
            let blob = entry.rsplit(' ').next().unwrap();
            blobs
                .entry(path.to_owned())
                .or_default()
                .insert(blob.to_owned());
        }
    }
    blobs
}

fn collect_trees(value: &Value, trees: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_trees(item, trees)),
        Value::Object(fields) => {
            for (name, field) in fields {
                match field.as_str() {
                    Some(id) if matches!(name.as_str(), "tree" | "base_tree") => {
                        trees.insert(id.to_owned());
                    }
                    _ => collect_trees(field, trees),
                }
            }
        }
        _ => {}
    }
}
