//! A branch that has moved: the result is merged and checked before, and reverted after.

use serde_json::json;

use super::picture::{self, Picture};
use super::{TOUCHED, refused, run, taken, traps, with_a_result};
use crate::sandbox::{Sandbox, finish, plan, step, tools, write_file};

/// The branch moves on, in another file than the run's.
fn move_on(sandbox: &Sandbox) {
    sandbox.write("other.txt", "moved on\n");
    sandbox.commit("moved on");
}

#[test]
fn a_branch_that_has_moved_is_merged_checked_and_goes_back_to_where_it_was() {
    let sandbox = with_a_result();
    move_on(&sandbox);
    sandbox.write("side.txt", "not staged\n");
    let traps = traps::plant(&sandbox);
    let before = Picture::of(&sandbox);
    traps.set();
    let applied = taken(&sandbox, &["apply"]);
    traps.assert_nothing_ran();
    assert_eq!(applied["way"], "merge");
    assert_eq!(applied["verified"], true);
    let check = &applied["checks"][0];
    assert_eq!(
        (&check["name"], &check["status"]),
        (&json!("test"), &json!("passed"))
    );
    let after = Picture::of(&sandbox);
    before.assert_same_but(&after, &TOUCHED, Some("main"));
    let log = picture::git(&sandbox, &["log", "-1", "--format=%an <%ae>|%s|%p", "main"]);
    let parents = ["main@{1}", "rgpt/run-1"];
    let parents = parents.map(|parent| picture::git(&sandbox, &["rev-parse", "--short", parent]));
    assert_eq!(
        log,
        format!(
            "Ada <ada@example.org>|Merge rgpt/run-1 into main|{}",
            parents.join(" ")
        )
    );
    assert_eq!(sandbox.read("greeting.txt"), "hello world\n");
    assert_eq!(sandbox.read("other.txt"), "moved on\n");
    picture::git(&sandbox, &["fsck", "--strict"]);

    traps.set();
    taken(&sandbox, &["undo"]);
    traps.assert_nothing_ran();
    before.assert_same_but_times(&Picture::of(&sandbox), &TOUCHED);
}

#[test]
fn lines_of_one_file_that_both_sides_changed_apart_are_joined() {
    let sandbox = Sandbox::new();
    let lines = |first: &str, last: &str| format!("{first}\n2\n3\n4\n5\n6\n7\n8\n{last}\n");
    sandbox.write("list.txt", &lines("1", "9"));
    sandbox.commit("a list");
    sandbox.script(&[
        plan(&[step("step-1", &["list.txt"])]),
        tools(&[write_file("list.txt", &lines("one", "9"))]),
        finish("spells it out"),
    ]);
    assert_eq!(sandbox.run(&[]).0, 0);
    sandbox.write("list.txt", &lines("1", "nine"));
    sandbox.commit("spelled out");
    taken(&sandbox, &["apply"]);
    assert_eq!(sandbox.read("list.txt"), lines("one", "nine"));
    taken(&sandbox, &["undo"]);
    assert_eq!(sandbox.read("list.txt"), lines("1", "nine"));
}

#[test]
fn a_conflict_is_named_with_the_command_for_doing_it_by_hand() {
    let sandbox = with_a_result();
    sandbox.write("greeting.txt", "good day\n");
    sandbox.commit("another greeting");
    insta::assert_snapshot!(refused(&sandbox, &["apply"], 2), @r"
    it does not fit what has come to `main` since: conflicts in greeting.txt
    do it by hand: `git merge rgpt/run-1`
    ");
}

#[test]
fn a_merge_that_does_not_pass_the_checks_is_not_made() {
    let sandbox = with_a_result();
    sandbox.write(
        "check.sh",
        "if grep -n world greeting.txt; then exit 1; fi\n",
    );
    sandbox.commit("no worlds");
    insta::assert_snapshot!(refused(&sandbox, &["apply"], 2), @r"
    the checks do not pass on the merged tree: check `test` failed: `sh check.sh` ends with exit code 1: 1:hello world; 1 major finding, at most 0 allowed (findings.max_major)
    start again from the branch as it is now: `rgpt run`
    ");
}

#[test]
fn a_merge_without_checks_needs_the_waiver() {
    let sandbox = with_a_result();
    sandbox.write("orchestrator.yaml", "checks: {}\n");
    sandbox.commit("no checks");
    let told = refused(&sandbox, &["apply"], 1);
    assert!(told.contains("--unverified"), "{told}");
    let applied = taken(&sandbox, &["apply", "--unverified"]);
    assert_eq!(
        (&applied["way"], &applied["verified"]),
        (&json!("merge"), &json!(false))
    );
}

#[test]
fn a_dry_run_of_a_merge_runs_no_check() {
    let sandbox = with_a_result();
    move_on(&sandbox);
    let before = Picture::of(&sandbox);
    let outcome = sandbox.rgpt(&["apply", "--dry-run"]);
    assert_eq!(
        (outcome.code, outcome.stderr.as_str()),
        (0, ""),
        "{outcome:#?}"
    );
    assert!(
        outcome.stdout.contains("once the checks have passed"),
        "{outcome:#?}"
    );
    before.assert_same(&Picture::of(&sandbox));
}

#[test]
fn what_came_on_top_stays_when_the_result_is_taken_out() {
    let sandbox = with_a_result();
    taken(&sandbox, &["apply"]);
    move_on(&sandbox);
    let before = Picture::of(&sandbox);
    let tip = sandbox.git(&["rev-parse", "main"]);
    let undone = taken(&sandbox, &["undo"]);
    assert_eq!(undone["way"], "revert");
    before.assert_same_but(&Picture::of(&sandbox), &TOUCHED, Some("main"));
    assert_eq!(sandbox.git(&["rev-parse", "main^"]), tip);
    assert_eq!(
        sandbox.git(&["log", "-1", "--format=%s"]),
        "Revert \"Greet the world\""
    );
    assert_eq!(sandbox.read("greeting.txt"), "hello\n");
    assert_eq!(sandbox.read("docs/notes.txt"), "notes\n");
    assert_eq!(sandbox.read("other.txt"), "moved on\n");
    assert!(!sandbox.folder().join("docs/new").exists());
}

#[test]
fn a_merge_is_taken_out_from_under_what_came_on_top() {
    let sandbox = with_a_result();
    move_on(&sandbox);
    taken(&sandbox, &["apply"]);
    sandbox.write("side.txt", "later\n");
    sandbox.commit("later");
    assert_eq!(taken(&sandbox, &["undo"])["way"], "revert");
    assert_eq!(sandbox.read("greeting.txt"), "hello\n");
    assert_eq!(sandbox.read("other.txt"), "moved on\n");
    assert_eq!(sandbox.read("side.txt"), "later\n");
}

#[test]
fn what_was_built_upon_the_result_is_a_conflict() {
    let sandbox = with_a_result();
    taken(&sandbox, &["apply"]);
    sandbox.write("greeting.txt", "hello wide world\n");
    sandbox.commit("wider");
    let told = refused(&sandbox, &["undo"], 2);
    assert!(told.contains("conflicts in greeting.txt"), "{told}");
    assert!(told.contains("git revert "), "{told}");
}

#[test]
fn a_result_that_is_gone_by_hand_is_no_longer_applied() {
    for by_hand in [
        ["reset", "-q", "--hard", "HEAD~1"],
        ["revert", "-n", "--no-edit", "HEAD"],
    ] {
        let sandbox = with_a_result();
        taken(&sandbox, &["apply"]);
        sandbox.git(&by_hand);
        if by_hand[0] == "revert" {
            sandbox.git(&["commit", "-q", "-m", "back"]);
        }
        let before = Picture::of(&sandbox);
        assert_eq!(taken(&sandbox, &["undo"])["result"], "already");
        before.assert_same(&Picture::of(&sandbox));
        assert_eq!(sandbox.inspect()["run"]["applied_to"], json!(null));
    }
}

#[test]
fn two_results_are_applied_one_after_the_other() {
    let sandbox = with_a_result();
    sandbox.script(&[
        plan(&[step("step-1", &[])]),
        tools(&[write_file("second.txt", "second\n")]),
        finish("adds a second"),
    ]);
    assert_eq!(sandbox.run(&[]).0, 0);
    let before = Picture::of(&sandbox);
    assert_eq!(taken(&sandbox, &["apply", "1"])["way"], "fast_forward");
    assert_eq!(taken(&sandbox, &["apply", "2"])["way"], "merge");
    assert_eq!(taken(&sandbox, &["undo", "2"])["way"], "back");
    assert_eq!(taken(&sandbox, &["undo", "1"])["way"], "back");
    before.assert_same_but_times(&Picture::of(&sandbox), &TOUCHED);
}

#[test]
fn a_run_from_a_moved_base_is_merged_where_it_belongs() {
    let sandbox = Sandbox::new();
    sandbox.git(&["branch", "stable"]);
    sandbox.write("feature.txt", "only on main\n");
    sandbox.commit("a feature");
    sandbox.git(&["switch", "-q", "stable"]);
    sandbox.write("other.txt", "stable\n");
    sandbox.commit("stable goes on");
    sandbox.git(&["switch", "-q", "main"]);
    run(&sandbox);
    sandbox.git(&["switch", "-q", "stable"]);
    // All that `stable` lacks comes with it, as with git.
    assert_eq!(taken(&sandbox, &["apply"])["way"], "merge");
    assert_eq!(sandbox.read("feature.txt"), "only on main\n");
    assert_eq!(sandbox.read("other.txt"), "stable\n");
}
