//! The git that a run is carried out with: every one that is installed, and one of version 2.34.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use crate::sandbox::{Sandbox, finish, plan, run_command, step, tools, write_file};
use crate::world::program;

/// The gits on this machine, by what they say of themselves.
fn installed() -> BTreeMap<String, PathBuf> {
    let sandbox = Sandbox::bare_machine();
    let usual = ["/usr/local/bin", "/usr/bin", "/opt/homebrew/bin"].map(PathBuf::from);
    let places = std::env::split_paths(sandbox.variable("PATH")).chain(usual);
    let optional = fs::read_dir("/opt").into_iter().flatten().flatten();
    let places = places.chain(optional.map(|entry| entry.path().join("bin")));
    let mut found = BTreeMap::new();
    for git in places
        .map(|place| place.join("git"))
        .filter(|git| git.is_file())
    {
        let said = program(git.to_str().unwrap()).arg("version").output();
        if let Ok(output) = said.map(|output| output.stdout) {
            let version = String::from_utf8_lossy(&output).trim().to_owned();
            found.entry(version).or_insert(git);
        }
    }
    found
}

/// A run in which git has everything to do: a shared folder, a command of a model that uses git, a
/// repair, a branch. Gives the version that rgpt saw, and the tree.
fn run_with(git: &Path) -> (String, String) {
    let mut sandbox = Sandbox::new();
    sandbox.write(".gitignore", "/deps/\n/orchestrator.local.yaml\n");
    sandbox.commit("ignores deps");
    sandbox.write("orchestrator.local.yaml", "workspace: {share: [deps]}\n");
    sandbox.write("deps/a", "a\n");
    let place = sandbox.outside("git");
    fs::create_dir(&place).unwrap();
    symlink(git, place.join("git")).unwrap();
    let path = format!("{}:{}", place.display(), sandbox.variable("PATH"));
    sandbox.set("PATH", path);
    sandbox.script(&[
        plan(&[step("step-1", &["greeting.txt", "new.txt"])]),
        tools(&[
            write_file("greeting.txt", "bad world\n"),
            run_command("git status && echo new > new.txt"),
        ]),
        finish("greets"),
        tools(&[write_file("greeting.txt", "good world\n")]),
        finish("greets better"),
    ]);
    let before = sandbox.fingerprint();
    let doctor = sandbox.rgpt(&["doctor", "--json"]).document();
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{}: {summary:#}", git.display());
    assert_eq!(summary["run"]["heal_count"], 1);
    before.assert_only_branches_added(&sandbox.fingerprint());
    sandbox.git(&["fsck", "--strict", "--no-dangling"]);
    let tree = sandbox.git(&["rev-parse", "rgpt/run-1^{tree}"]);
    assert_eq!(summary["run"]["tree"], tree.as_str());
    let version = doctor["checks"][0]["detail"].as_str().unwrap();
    (version.to_owned(), tree)
}

#[test]
fn every_git_that_is_installed_makes_the_same_tree() {
    let gits = installed();
    println!(
        "with {}",
        gits.keys().cloned().collect::<Vec<_>>().join(", ")
    );
    let runs: Vec<(String, String)> = gits.values().map(|git| run_with(git)).collect();
    for ((version, _), said) in runs.iter().zip(gits.keys()) {
        assert!(
            said.starts_with(&format!("git version {version}.")),
            "{said}: {version}"
        );
    }
    let trees: BTreeSet<&String> = runs.iter().map(|(_, tree)| tree).collect();
    assert_eq!(trees.len(), 1, "{runs:#?}");
}

/// The real git behind a door that lets through what 2.34 has.
fn old_git(folder: &Path) -> PathBuf {
    let gits = installed();
    let real = gits.values().next().unwrap().to_str().unwrap();
    let old = folder.join("git");
    fs::write(
        &old,
        include_str!("gits/old-git.sh").replace("@REAL@", real),
    )
    .unwrap();
    fs::set_permissions(&old, fs::Permissions::from_mode(0o755)).unwrap();
    old
}

#[test]
fn a_run_asks_for_nothing_that_git_2_34_does_not_have() {
    let folder = tempfile::tempdir().unwrap();
    let (version, _) = run_with(&old_git(folder.path()));
    assert_eq!(version, "2.34");
}

#[test]
fn the_git_of_that_test_refuses_what_is_newer() {
    let folder = tempfile::tempdir().unwrap();
    let old = old_git(folder.path());
    let old = old.to_str().unwrap();
    let run = |arguments: &[&str], setting: &str| {
        let mut command = program(old);
        command.args(arguments).env("GIT_CONFIG_COUNT", "1");
        command
            .env("GIT_CONFIG_KEY_0", "core.fsync")
            .env("GIT_CONFIG_VALUE_0", setting);
        command.output().unwrap().status.code()
    };
    assert_eq!(run(&["check-ref-format", "refs/heads/x"], "none"), Some(0));
    assert_eq!(run(&["check-ref-format", "refs/heads/x"], "all"), Some(129));
    assert_eq!(
        run(
            &["--no-pager", "merge-tree", "--write-tree", "a", "b"],
            "none"
        ),
        Some(129)
    );
}
