//! Bringing a result into the user's branch, and taking it back: `apply` and `undo`.
//!
//! [`picture`] says what a repository is, bit by bit; [`traps`] plants programs that must not run;
//! [`refusals`] has everything that is in the way; [`kills`] kills both verbs at every place.

mod kills;
mod merges;
mod picture;
mod refusals;
mod traps;

use serde_json::{Value, json};

use crate::sandbox::{Outcome, Sandbox, finish, plan, step, tools, write_file};
use picture::Picture;

/// A tool call that deletes a file.
fn delete_file(path: &str) -> Value {
    json!({"name": "delete_file", "arguments": {"path": path}})
}

/// A script that changes `greeting.txt`, adds `docs/new/deep.txt` and deletes `docs/notes.txt`.
fn script_of_three_changes(sandbox: &Sandbox) {
    sandbox.script(&[
        plan(&[step("step-1", &[])]),
        tools(&[
            write_file("greeting.txt", "hello world\n"),
            write_file("docs/new/deep.txt", "deep\n"),
            delete_file("docs/notes.txt"),
        ]),
        finish("greets the world"),
    ]);
}

/// The files that this touches.
const TOUCHED: [&str; 3] = ["docs/new/deep.txt", "docs/notes.txt", "greeting.txt"];

/// A repository with a run that has made those changes and is verified.
fn with_a_result() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("other.txt", "other\n");
    sandbox.write("side.txt", "side\n");
    sandbox.commit("more files");
    run(&sandbox);
    sandbox
}

fn run(sandbox: &Sandbox) {
    script_of_three_changes(sandbox);
    let (code, summary) = sandbox.run(&["--title", "Greet the world"]);
    assert_eq!(code, 0, "{summary:#}");
}

fn taken(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let verb = arguments[0];
    let outcome = sandbox.rgpt(&[arguments, &["--json"]].concat());
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    outcome.document()[verb].clone()
}

/// Runs a verb that is to refuse with this code, asserts that nothing changed, and gives message
/// and hints.
fn refused(sandbox: &Sandbox, arguments: &[&str], code: i32) -> String {
    let before = Picture::of(sandbox);
    let outcome = sandbox.rgpt(&[arguments, &["--json"]].concat());
    assert_eq!(outcome.code, code, "{outcome:#?}");
    before.assert_same(&Picture::of(sandbox));
    words(&outcome)
}

fn words(outcome: &Outcome) -> String {
    let error = outcome.error();
    let hints = error["hints"].as_array().unwrap();
    let hints: Vec<&str> = hints.iter().map(|hint| hint.as_str().unwrap()).collect();
    format!(
        "{}\n{}",
        error["message"].as_str().unwrap(),
        hints.join("\n")
    )
}

#[test]
fn a_branch_that_has_not_moved_goes_forward_and_back_and_all_is_as_it_was() {
    let sandbox = with_a_result();
    // Everything that is none of its business stays as it is.
    sandbox.write("other.txt", "staged\n");
    sandbox.git(&["add", "other.txt"]);
    sandbox.write("side.txt", "in the stash\n");
    sandbox.git(&["stash", "push", "-q", "side.txt"]);
    sandbox.write("side.txt", "not staged\n");
    sandbox.write("untracked.txt", "untracked\n");
    sandbox.write("docs/new.txt", "untracked, too\n");
    sandbox.write(".git/info/exclude", "ignored/\n");
    sandbox.write("ignored/file", "ignored\n");
    let traps = traps::plant(&sandbox);
    let before = Picture::of(&sandbox);

    traps.set();
    let applied = taken(&sandbox, &["apply"]);
    traps.assert_nothing_ran();
    assert_eq!(applied["way"], "fast_forward");
    assert_eq!(
        (&applied["branch"], &applied["verified"]),
        (&json!("main"), &json!(true))
    );
    let after = Picture::of(&sandbox);
    before.assert_same_but(&after, &TOUCHED, Some("main"));
    assert_eq!(after.reference("main"), after.reference("rgpt/run-1"));
    assert_eq!(sandbox.read("greeting.txt"), "hello world\n");
    assert_eq!(sandbox.read("docs/new/deep.txt"), "deep\n");
    assert!(!sandbox.folder().join("docs/notes.txt").exists());
    let touched = |line: &&str| TOUCHED.iter().any(|path| line.contains(path));
    assert_eq!(
        after.status().lines().find(touched),
        None,
        "{}",
        after.status()
    );
    assert_eq!(
        picture::git(&sandbox, &["reflog", "-1", "--format=%gs", "main"]),
        "rgpt: apply run 1"
    );

    traps.set();
    let undone = taken(&sandbox, &["undo"]);
    traps.assert_nothing_ran();
    assert_eq!(undone["way"], "back");
    before.assert_same_but_times(&Picture::of(&sandbox), &TOUCHED);
    picture::git(&sandbox, &["fsck", "--strict"]);
    let check = sandbox.rgpt(&["db", "check"]);
    assert_eq!(check.code, 0, "{check:#?}");
}

#[test]
fn a_person_is_told_what_happened_and_how_to_take_it_back() {
    let sandbox = with_a_result();
    let commit = sandbox.git(&["rev-parse", "--short=10", "rgpt/run-1"]);
    let main = sandbox.git(&["rev-parse", "--short=10", "main"]);
    let told = |arguments: &[&str]| {
        let outcome = sandbox.rgpt(arguments);
        assert_eq!(
            (outcome.code, outcome.stderr.as_str()),
            (0, ""),
            "{outcome:#?}"
        );
        outcome
            .stdout
            .replace(&commit, "<result>")
            .replace(&main, "<base>")
    };
    insta::assert_snapshot!(told(&["apply", "--dry-run"]), @r"
    · Possible: run 1 into main, fast-forward to <result>, verified

    Files (3 files, +2 -2)
      docs/new/deep.txt  new +1 -0
      docs/notes.txt     gone +0 -1
      greeting.txt       +1 -1

    Next
      rgpt apply --run 1  do it
    ");
    insta::assert_snapshot!(told(&["apply", "--run", "1"]), @r"
    ✓ Applied: run 1 into main, fast-forward to <result>, verified

    Files (3 files, +2 -2)
      docs/new/deep.txt  new +1 -0
      docs/notes.txt     gone +0 -1
      greeting.txt       +1 -1

    Next
      rgpt undo --run 1  take it back
    ");
    insta::assert_snapshot!(told(&["apply", "1"]), @r"✓ Nothing to do: the result of run 1 is in main already");
    insta::assert_snapshot!(told(&["undo", "--dry-run"]), @r"
    · Possible: run 1 out of main, back to <base>

    Files (3 files, +2 -2)
      docs/new/deep.txt  gone +0 -1
      docs/notes.txt     new +1 -0
      greeting.txt       +1 -1

    Next
      rgpt undo --run 1  do it
    ");
    insta::assert_snapshot!(told(&["undo", "--run", "latest"]), @r"
    ✓ Undone: run 1 out of main, back to <base>

    Files (3 files, +2 -2)
      docs/new/deep.txt  gone +0 -1
      docs/notes.txt     new +1 -0
      greeting.txt       +1 -1

    Next
      rgpt apply --run 1  take it after all
    ");
}

#[test]
fn the_document_says_which_files_change_and_how() {
    let sandbox = with_a_result();
    let (from, to) = (
        sandbox.git(&["rev-parse", "main"]),
        sandbox.git(&["rev-parse", "rgpt/run-1"]),
    );
    let expected = json!({
        "run": 1, "result": "done", "branch": "main", "way": "fast_forward", "from": from, "to": to,
        "checked_out": true,
        "files": [
            {"path": "docs/new/deep.txt", "change": "added", "added": 1, "removed": 0},
            {"path": "docs/notes.txt", "change": "deleted", "added": 0, "removed": 1},
            {"path": "greeting.txt", "change": "changed", "added": 1, "removed": 1},
        ],
        "checks": [], "verified": true,
    });
    let mut possible = expected.clone();
    possible["result"] = json!("possible");
    let before = Picture::of(&sandbox);
    assert_eq!(taken(&sandbox, &["apply", "--dry-run"]), possible);
    before.assert_same(&Picture::of(&sandbox));
    assert_eq!(taken(&sandbox, &["apply"]), expected);
}

#[test]
fn the_record_tells_of_it() {
    let sandbox = with_a_result();
    assert_eq!(sandbox.inspect()["run"]["applied_to"], Value::Null);
    taken(&sandbox, &["apply"]);
    let document = sandbox.inspect();
    assert_eq!(document["run"]["applied_to"], "main");
    assert_eq!(document["applications"][0]["status"], "applied");
    assert_eq!(document["applications"][0]["files"], json!(TOUCHED));
    let listed = sandbox.rgpt(&["list", "--json"]).document();
    assert_eq!(listed["runs"][0], document["run"]);
    let shown = sandbox.rgpt(&["inspect"]).stdout;
    assert!(shown.contains("verified, applied to main"), "{shown}");

    taken(&sandbox, &["undo"]);
    taken(&sandbox, &["apply"]);
    let document = sandbox.inspect();
    assert_eq!(document["applications"][0]["status"], "undone");
    assert_eq!(document["applications"][1]["status"], "applied");
    let rebuilt = sandbox.rgpt(&["db", "rebuild", "--json"]);
    assert_eq!(rebuilt.code, 0, "{rebuilt:#?}");
    assert_eq!(sandbox.inspect()["run"]["applied_to"], "main");
}

#[test]
fn what_is_done_already_is_no_mistake_and_what_was_not_done_is_one() {
    let sandbox = with_a_result();
    let told = refused(&sandbox, &["undo"], 1);
    assert!(told.contains("was not applied to any branch"), "{told}");
    taken(&sandbox, &["apply"]);
    let before = Picture::of(&sandbox);
    assert_eq!(taken(&sandbox, &["apply"])["result"], "already");
    before.assert_same(&Picture::of(&sandbox));
    taken(&sandbox, &["undo"]);
    assert_eq!(taken(&sandbox, &["undo"])["result"], "already");

    // By hand is as good.
    sandbox.git(&["merge", "-q", "--ff-only", "rgpt/run-1"]);
    let before = Picture::of(&sandbox);
    assert_eq!(taken(&sandbox, &["apply"])["result"], "already");
    assert_eq!(taken(&sandbox, &["undo"])["result"], "already");
    before.assert_same(&Picture::of(&sandbox));
}

#[test]
fn a_branch_that_is_not_checked_out_moves_without_its_files() {
    let sandbox = with_a_result();
    sandbox.git(&["switch", "-q", "-c", "elsewhere"]);
    sandbox.write("greeting.txt", "dirty, but of another branch\n");
    let before = Picture::of(&sandbox);
    let applied = taken(&sandbox, &["apply", "--branch", "main"]);
    assert_eq!(applied["checked_out"], false);
    let after = Picture::of(&sandbox);
    before.assert_same_but(&after, &[], Some("main"));
    assert_eq!(after.reference("main"), after.reference("rgpt/run-1"));

    // Once it is checked out, its files go back with it.
    sandbox.git(&["checkout", "-q", "--", "greeting.txt"]);
    sandbox.git(&["switch", "-q", "main"]);
    taken(&sandbox, &["undo"]);
    assert_eq!(sandbox.read("greeting.txt"), "hello\n");
    assert_eq!(picture::git(&sandbox, &["status", "--porcelain"]), "");
}

#[test]
fn links_rights_and_files_that_become_folders_come_and_go() {
    let sandbox = Sandbox::new();
    sandbox.write("swap", "a file\n");
    sandbox.write("pair/one", "1\n");
    sandbox.write("script.sh", "echo\n");
    sandbox.commit("old");
    sandbox.git(&["branch", "old"]);
    std::fs::remove_file(sandbox.folder().join("swap")).unwrap();
    std::fs::remove_dir_all(sandbox.folder().join("pair")).unwrap();
    sandbox.write("swap/inner", "now a folder\n");
    sandbox.write("pair", "now a file\n");
    std::os::unix::fs::symlink("greeting.txt", sandbox.folder().join("link")).unwrap();
    sandbox.write("own", "only mine to read\n");
    sandbox.git(&["update-index", "--chmod=+x", "script.sh"]);
    sandbox.git(&["add", "-A", "--", ".", ":!script.sh"]);
    sandbox.git(&["commit", "-q", "-m", "new"]);
    sandbox.git(&["checkout", "-q", "--", "script.sh"]);
    run(&sandbox);
    sandbox.git(&["switch", "-q", "old"]);
    picture::set_mode(&sandbox, "greeting.txt", 0o600);
    let before = Picture::of(&sandbox);
    let applied = taken(&sandbox, &["apply"]);
    assert_eq!(applied["branch"], "old");
    assert_eq!(picture::git(&sandbox, &["status", "--porcelain"]), "");
    let link = std::fs::read_link(sandbox.folder().join("link")).unwrap();
    assert_eq!(link.to_str(), Some("greeting.txt"));
    assert_eq!(sandbox.read("swap/inner"), "now a folder\n");
    assert_eq!(sandbox.read("pair"), "now a file\n");
    assert_eq!(picture::mode(&sandbox, "script.sh") & 0o111, 0o111);
    taken(&sandbox, &["undo"]);
    let all = Picture::of(&sandbox).paths();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    before.assert_same_but_times(&Picture::of(&sandbox), &all);
    assert_eq!(picture::mode(&sandbox, "greeting.txt"), 0o600);
}

#[test]
fn line_endings_are_what_git_would_write_and_come_back_bit_by_bit() {
    let sandbox = with_a_result();
    sandbox.git(&["config", "--global", "core.autocrlf", "true"]);
    // As an editor left it: git sees no difference.
    sandbox.write("docs/notes.txt", "notes\r\n");
    sandbox.git(&["add", "docs/notes.txt"]);
    let before = Picture::of(&sandbox);
    taken(&sandbox, &["apply"]);
    assert_eq!(sandbox.read("greeting.txt"), "hello world\r\n");
    let status = picture::git(&sandbox, &["status", "--porcelain"]);
    assert_eq!(status, "");
    taken(&sandbox, &["undo"]);
    assert_eq!(sandbox.read("greeting.txt"), "hello\n");
    assert_eq!(sandbox.read("docs/notes.txt"), "notes\r\n");
    before.assert_same_but_times(&Picture::of(&sandbox), &TOUCHED);
}

#[test]
fn a_linked_worktree_has_its_own_index_and_files() {
    let mut sandbox = with_a_result();
    let work = sandbox.outside("linked");
    sandbox.git(&[
        "worktree",
        "add",
        "-q",
        "-b",
        "linked",
        work.to_str().unwrap(),
    ]);
    let main = Picture::of(&sandbox);
    let state = sandbox.folder().join(".rgpt");
    let home = sandbox.folder().to_owned();
    sandbox.go_to(work.clone());
    let applied = taken(&sandbox, &["apply", "--state-dir", state.to_str().unwrap()]);
    assert_eq!(applied["branch"], "linked");
    assert_eq!(sandbox.read("greeting.txt"), "hello world\n");
    assert_eq!(picture::git(&sandbox, &["status", "--porcelain"]), "");
    taken(&sandbox, &["undo", "--state-dir", state.to_str().unwrap()]);
    assert_eq!(sandbox.read("greeting.txt"), "hello\n");
    sandbox.go_to(home);
    main.assert_same(&Picture::of(&sandbox));
}
