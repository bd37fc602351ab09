//! Everything that is in the way: it is named, and nothing is changed.

use std::fs;
use std::os::unix::fs::symlink;

use super::picture::{self, Picture};
use super::{refused, taken, with_a_result, words};
use crate::sandbox::{Sandbox, finish, plan, step, tools, write_file};

#[test]
fn uncommitted_changes_in_a_touched_file() {
    let sandbox = with_a_result();
    sandbox.write("greeting.txt", "mine\n");
    insta::assert_snapshot!(refused(&sandbox, &["apply"], 2), @r"
    uncommitted changes would be lost: greeting.txt
    commit them, or put them aside: `git stash`
    ");
    sandbox.git(&["add", "greeting.txt"]);
    let told = refused(&sandbox, &["apply"], 2);
    assert!(
        told.contains("uncommitted changes would be lost: greeting.txt"),
        "{told}"
    );
    // Staged, and the file itself as it was.
    sandbox.write("greeting.txt", "hello\n");
    refused(&sandbox, &["apply"], 2);
    sandbox.git(&["reset", "-q"]);
    sandbox.git(&["rm", "-q", "--cached", "docs/notes.txt"]);
    let told = refused(&sandbox, &["apply"], 2);
    assert!(told.contains("docs/notes.txt"), "{told}");
    sandbox.git(&["reset", "-q"]);
    picture::set_mode(&sandbox, "greeting.txt", 0o755);
    refused(&sandbox, &["apply"], 2);
    picture::set_mode(&sandbox, "greeting.txt", 0o644);
    fs::remove_file(sandbox.folder().join("greeting.txt")).unwrap();
    refused(&sandbox, &["apply"], 2);
    sandbox.git(&["checkout", "-q", "--", "greeting.txt"]);
    taken(&sandbox, &["apply"]);
}

#[test]
fn something_untracked_where_a_file_goes() {
    let sandbox = with_a_result();
    let place = sandbox.folder().join("docs/new");
    let in_the_way = |what: &str| {
        let told = refused(&sandbox, &["apply"], 2);
        let expected = format!("something that git does not track is in the way: {what}");
        assert!(told.contains(&expected), "{told}");
    };
    sandbox.write("docs/new/deep.txt", "mine\n");
    in_the_way("docs/new/deep.txt");
    // Ignored files are somebody's, too.
    sandbox.write(".git/info/exclude", "deep.txt\n");
    in_the_way("docs/new/deep.txt");
    fs::remove_dir_all(&place).unwrap();
    sandbox.write("docs/new", "a file where the folder goes\n");
    in_the_way("docs/new");
    fs::remove_file(&place).unwrap();
    sandbox.write("docs/new/deep.txt/inner", "a folder where the file goes\n");
    in_the_way("docs/new/deep.txt/inner");
    fs::remove_dir_all(&place).unwrap();
    fs::create_dir_all(place.join("deep.txt")).unwrap();
    in_the_way("docs/new/deep.txt");
    fs::remove_dir_all(&place).unwrap();
    symlink(sandbox.outside("home"), &place).unwrap();
    in_the_way("docs/new");
    fs::remove_file(&place).unwrap();
    fs::create_dir(&place).unwrap();
    taken(&sandbox, &["apply"]);
    taken(&sandbox, &["undo"]);
    assert!(place.is_dir(), "an empty folder that was there stays");
}

#[test]
fn a_folder_of_tracked_files_that_is_a_link_now() {
    let sandbox = with_a_result();
    let (docs, aside) = (sandbox.folder().join("docs"), sandbox.outside("docs"));
    fs::rename(&docs, &aside).unwrap();
    symlink(&aside, &docs).unwrap();
    refused(&sandbox, &["apply"], 2);
    assert!(aside.join("notes.txt").exists());
}

#[test]
fn files_that_git_was_told_not_to_look_at() {
    let sandbox = with_a_result();
    for (hide, show) in [
        ("--assume-unchanged", "--no-assume-unchanged"),
        ("--skip-worktree", "--no-skip-worktree"),
    ] {
        sandbox.git(&["update-index", hide, "greeting.txt"]);
        let told = refused(&sandbox, &["apply"], 2);
        assert!(told.contains("git was told not to look at"), "{told}");
        sandbox.git(&["update-index", show, "greeting.txt"]);
    }
    sandbox.git(&["sparse-checkout", "set", "--cone"]);
    let told = refused(&sandbox, &["apply"], 2);
    assert!(told.contains("docs/"), "{told}");
}

#[test]
fn a_filter_that_would_have_to_run() {
    let sandbox = with_a_result();
    sandbox.git(&["config", "filter.secret.smudge", "false"]);
    sandbox.write(".git/info/attributes", "greeting.txt filter=secret\n");
    let told = refused(&sandbox, &["apply"], 2);
    assert!(
        told.contains("`greeting.txt` goes through the filter `secret`"),
        "{told}"
    );
    // A filter that nobody has configured does nothing.
    sandbox.git(&["config", "--unset", "filter.secret.smudge"]);
    taken(&sandbox, &["apply"]);
}

#[test]
fn a_repository_in_the_middle_of_something() {
    let sandbox = with_a_result();
    sandbox.git(&["switch", "-q", "-c", "fork"]);
    sandbox.write("other.txt", "theirs\n");
    sandbox.commit("theirs");
    sandbox.git(&["switch", "-q", "main"]);
    sandbox.write("other.txt", "ours\n");
    sandbox.commit("ours");
    let conflict = |arguments: &[&str]| {
        let status = sandbox.start("git").args(arguments).output().unwrap();
        assert!(!status.status.success(), "it is to stop at a conflict");
    };
    for (begin, end, what) in [
        (&["merge", "fork"][..], ["merge", "--abort"], "merge"),
        (&["rebase", "fork"][..], ["rebase", "--abort"], "rebase"),
        (
            &["cherry-pick", "fork"][..],
            ["cherry-pick", "--abort"],
            "cherry-pick",
        ),
        (
            &["revert", "--no-edit", "HEAD~1"][..],
            ["revert", "--abort"],
            "revert",
        ),
    ] {
        conflict(begin);
        let told = refused(&sandbox, &["apply"], 2);
        assert!(
            told.contains(&format!("in the middle of a {what}")),
            "{told}"
        );
        assert!(told.contains(&format!("git {what} --abort")), "{told}");
        sandbox.git(&end);
    }
    sandbox.git(&["bisect", "start"]);
    let told = refused(&sandbox, &["apply"], 2);
    assert!(told.contains("git bisect reset"), "{told}");
}

#[test]
fn no_branch_or_one_that_is_checked_out_elsewhere() {
    let sandbox = with_a_result();
    let told = refused(&sandbox, &["apply", "--branch", "none"], 1);
    assert!(told.contains("none"), "{told}");
    let place = sandbox.outside("linked");
    sandbox.git(&[
        "worktree",
        "add",
        "-q",
        "-b",
        "linked",
        place.to_str().unwrap(),
    ]);
    let told = refused(&sandbox, &["apply", "--branch", "linked"], 2);
    assert!(
        told.contains("is checked out in another worktree"),
        "{told}"
    );
    sandbox.git(&["switch", "-q", "--detach"]);
    insta::assert_snapshot!(refused(&sandbox, &["apply"], 2), @r"
    no branch is checked out (HEAD is detached)
    check a branch out: `git switch main`; or name one: --branch main
    ");
    sandbox.git(&["switch", "-q", "--orphan", "alone"]);
    sandbox.write("alone.txt", "alone\n");
    sandbox.commit("alone");
    let told = refused(&sandbox, &["apply", "--unverified"], 2);
    assert!(told.contains("no commit in common"), "{told}");
}

#[test]
fn a_git_that_is_at_work() {
    let sandbox = with_a_result();
    let lock = sandbox.folder().join(".git/index.lock");
    fs::write(&lock, "").unwrap();
    let told = refused(&sandbox, &["apply"], 2);
    assert!(told.contains("another git process is at work"), "{told}");
    fs::remove_file(&lock).unwrap();
    let lock = sandbox.folder().join(".git/refs/heads/main.lock");
    fs::write(&lock, "").unwrap();
    let before = Picture::of(&sandbox);
    let outcome = sandbox.rgpt(&["apply", "--json"]);
    assert_eq!(outcome.code, 2, "{outcome:#?}");
    assert!(words(&outcome).contains("main.lock"), "{outcome:#?}");
    before.assert_same(&Picture::of(&sandbox));
    fs::remove_file(&lock).unwrap();
    // What was given up is on the record, and in nobody's way.
    let document = sandbox.inspect();
    assert_eq!(document["applications"][0]["status"], "given_up");
    taken(&sandbox, &["apply"]);
}

#[test]
fn a_run_without_a_result_or_without_checks() {
    let sandbox = Sandbox::new();
    let told = refused(&sandbox, &["apply"], 1);
    assert!(told.contains("there are no runs yet"), "{told}");
    sandbox.script_that_greets();
    assert_eq!(sandbox.run(&["--until", "builder"]).0, 0);
    insta::assert_snapshot!(refused(&sandbox, &["apply"], 1), @r"
    run 1 has no result to apply: it is builder_completed
    go on with it: rgpt resume --run 1
    ");

    let sandbox = Sandbox::new();
    sandbox.write("orchestrator.yaml", "checks: {}\n");
    sandbox.commit("no checks");
    sandbox.script(&[
        plan(&[step("step-1", &[])]),
        tools(&[write_file("greeting.txt", "hello world\n")]),
        finish("greets"),
    ]);
    let (code, summary) = sandbox.run(&["--unverified"]);
    assert_eq!(code, 0, "{summary:#}");
    insta::assert_snapshot!(refused(&sandbox, &["apply"], 1), @r"
    no check has run on the result of run 1
    take it all the same: rgpt apply --run 1 --unverified
    ");
    let applied = taken(&sandbox, &["apply", "--unverified"]);
    assert_eq!(applied["verified"], false);
}

#[test]
fn an_undo_over_uncommitted_changes() {
    let sandbox = with_a_result();
    taken(&sandbox, &["apply"]);
    sandbox.write("greeting.txt", "hello world, and more\n");
    let told = refused(&sandbox, &["undo"], 2);
    assert!(
        told.contains("uncommitted changes would be lost: greeting.txt"),
        "{told}"
    );
    sandbox.write("greeting.txt", "hello world\n");
    sandbox.write("docs/notes.txt", "notes again\n");
    let told = refused(&sandbox, &["undo"], 2);
    assert!(told.contains("is in the way: docs/notes.txt"), "{told}");
}
