//! Repositories that are not as usual, and are worked on all the same.

use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::sandbox::{Sandbox, events, finish, plan, run_command, step, tools, write_file};

/// Runs to a reached goal, and asserts that nothing but the branch was added.
fn reached(sandbox: &Sandbox) -> Value {
    sandbox.script_that_greets();
    let before = sandbox.fingerprint();
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    before.assert_only_branches_added(&sandbox.fingerprint());
    assert_eq!(summary["run"]["verified"], true);
    summary
}

#[test]
fn uncommitted_changes_stay_out_and_the_run_says_so() {
    let sandbox = Sandbox::new();
    sandbox.write("greeting.txt", "bad, but not committed\n");
    sandbox.write("new.txt", "new\n");
    sandbox.write("docs/notes.txt", "staged\n");
    sandbox.git(&["add", "docs/notes.txt"]);
    sandbox.write("docs/notes.txt", "and changed again\n");
    let summary = reached(&sandbox);
    let said = events(&summary, "run.created").join("");
    assert!(said.contains("uncommitted changes"), "{said}");
    let changed = sandbox.git(&["diff", "--name-only", "main", "rgpt/run-1"]);
    assert_eq!(changed, "greeting.txt");
}

#[test]
fn one_uncommitted_change_is_not_called_changes() {
    let sandbox = Sandbox::new();
    sandbox.write("new.txt", "new\n");
    let said = events(&reached(&sandbox), "run.created").join("");
    let expected = "has 1 uncommitted change; the run starts from commit ";
    assert!(said.contains(expected), "{said}");
    assert!(said.contains(" without it"), "{said}");
    let doctor = sandbox.rgpt(&["doctor"]).stdout;
    assert!(doctor.contains("sound, 1 run\n"), "{doctor}");
}

#[test]
fn a_stash_an_index_and_a_reflog_stay_as_they_are() {
    let sandbox = Sandbox::new();
    sandbox.write("greeting.txt", "stashed\n");
    sandbox.git(&["stash", "-q"]);
    let before = sandbox.git(&["stash", "list"]);
    reached(&sandbox);
    assert_eq!(sandbox.git(&["stash", "list"]), before);
}

#[test]
fn a_detached_head() {
    let sandbox = Sandbox::new();
    sandbox.git(&["checkout", "-q", "--detach"]);
    let summary = reached(&sandbox);
    let said = events(&summary, "run.created").join("");
    assert!(said.contains("detached"), "{said}");
}

#[test]
fn a_linked_worktree() {
    let mut sandbox = Sandbox::new();
    let linked = sandbox.outside("linked");
    sandbox.git(&[
        "worktree",
        "add",
        "-q",
        "-b",
        "side",
        linked.to_str().unwrap(),
    ]);
    let main = sandbox.fingerprint();
    let folder = sandbox.folder().to_owned();
    sandbox.go_to(&linked);
    reached(&sandbox);
    assert_eq!(
        sandbox.git(&["show", "rgpt/run-1:greeting.txt"]),
        "hello world"
    );
    sandbox.go_to(folder);
    main.assert_only_branches_added(&sandbox.fingerprint());
}

#[test]
fn a_shallow_clone() {
    let mut sandbox = Sandbox::new();
    sandbox.write("greeting.txt", "hello you\n");
    sandbox.commit("second");
    let from = format!("file://{}", sandbox.folder().display());
    let to = sandbox.outside("shallow");
    sandbox.git(&["clone", "-q", "--depth", "1", &from, to.to_str().unwrap()]);
    sandbox.go_to(&to);
    reached(&sandbox);
    assert_eq!(sandbox.git(&["rev-list", "--count", "rgpt/run-1"]), "2");
}

#[test]
fn packed_references() {
    let sandbox = Sandbox::new();
    sandbox.git(&["tag", "v1"]);
    sandbox.git(&["pack-refs", "--all"]);
    sandbox.git(&["gc", "-q"]);
    reached(&sandbox);
}

#[test]
fn names_with_spaces_unicode_quotes_and_line_breaks() {
    let sandbox = Sandbox::named("mein Projekt – 日本 'x' \"y\"");
    for name in [
        "a b/ü – 日本.txt",
        "line\nbreak.txt",
        "-dash.txt",
        "quote\"d.txt",
        "tab\there.txt",
    ] {
        sandbox.write(name, "text\n");
    }
    sandbox.commit("odd names");
    sandbox.script(&[
        plan(&[step("step-1", &[])]),
        tools(&[
            write_file("a b/ü – 日本.txt", "changed\n"),
            write_file("neu ö.txt", "new\n"),
            json!({"name": "list_files", "arguments": {}}),
            run_command("cat -- *.txt > /dev/null && echo all read"),
        ]),
        json!({"agent": "builder", "contains": "all read", "tools": [{"name": "finish", "arguments": {"summary": "done"}}]}),
    ]);
    let before = sandbox.fingerprint();
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    before.assert_only_branches_added(&sandbox.fingerprint());
    let changed = sandbox.git(&[
        "-c",
        "core.quotePath=false",
        "diff",
        "--name-only",
        "main",
        "rgpt/run-1",
    ]);
    assert_eq!(changed, "a b/ü – 日本.txt\nneu ö.txt");
}

#[test]
fn a_project_in_a_sub_directory() {
    let mut sandbox = Sandbox::new();
    sandbox.git(&["rm", "-q", "orchestrator.yaml", "check.sh"]);
    sandbox.write(
        "apps/web/orchestrator.yaml",
        "checks:\n  test: {kind: test, command: grep -q hello words.txt && test ! -e greeting.txt, report: none}\n",
    );
    sandbox.write("apps/web/words.txt", "hello\n");
    sandbox.commit("a project of several");
    sandbox.script(&[
        plan(&[step("step-1", &["apps/web/words.txt"])]),
        tools(&[write_file("apps/web/words.txt", "hello world\n")]),
        finish("greets"),
    ]);
    let before = sandbox.fingerprint();
    let top = sandbox.folder().to_owned();
    sandbox.go_to(top.join("apps/web"));
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    assert_eq!(sandbox.inspect()["run"]["id"], 1, "found from below");
    sandbox.go_to(&top);
    before.assert_only_branches_added(&sandbox.fingerprint());
    assert_eq!(sandbox.inspect()["run"]["id"], 1, "and from the top");
    assert_eq!(
        sandbox.git(&["show", "rgpt/run-1:apps/web/words.txt"]),
        "hello world"
    );
}

#[test]
fn another_folder_s_repository_is_named_with_repo() {
    let mut sandbox = Sandbox::new();
    sandbox.script_that_greets();
    let top = sandbox.folder().to_owned();
    sandbox.go_to(sandbox.outside("home"));
    let (code, summary) = sandbox.run(&["--repo", top.to_str().unwrap()]);
    assert_eq!(code, 0, "{summary:#}");
    assert!(top.join(".rgpt/rgpt.db").is_file());
}

#[test]
fn links_in_the_repository_stay_links() {
    let sandbox = Sandbox::new();
    symlink("greeting.txt", sandbox.folder().join("link.txt")).unwrap();
    symlink("/etc/hostname", sandbox.folder().join("outside.txt")).unwrap();
    sandbox.commit("links");
    reached(&sandbox);
    let modes = sandbox.git(&["ls-tree", "rgpt/run-1", "link.txt", "outside.txt"]);
    assert_eq!(modes.matches("120000").count(), 2, "{modes}");
}

#[test]
fn a_repository_with_filters_hooks_and_line_endings_of_its_own() {
    let sandbox = Sandbox::new();
    let ran = sandbox.outside("ran");
    let mark = format!("touch '{}'", ran.display());
    sandbox.write(".gitattributes", "*.txt filter=mark\n*.md text eol=crlf\n");
    sandbox.write("readme.md", "one\ntwo\n");
    sandbox.commit("attributes");
    sandbox.git(&["config", "filter.mark.clean", &format!("{mark}; cat")]);
    sandbox.git(&["config", "filter.mark.smudge", &format!("{mark}; cat")]);
    sandbox.git(&["config", "core.fsmonitor", &mark]);
    for hook in [
        "post-checkout",
        "pre-commit",
        "post-commit",
        "reference-transaction",
        "post-index-change",
    ] {
        let path = format!(".git/hooks/{hook}");
        sandbox.write(&path, &format!("#!/bin/sh\n{mark}\n"));
        let path = sandbox.folder().join(path);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(path, mode).unwrap();
    }
    let _ = std::fs::remove_file(&ran);
    reached(&sandbox);
    assert!(!ran.exists(), "a hook or filter of the repository ran");
    assert_eq!(
        sandbox.git(&["diff", "--name-only", "main", "rgpt/run-1"]),
        "greeting.txt"
    );
}

#[test]
fn each_git_on_this_machine_will_do() {
    let mut sandbox = Sandbox::new();
    let old = "/usr/bin/git";
    if !std::path::Path::new(old).exists() {
        return;
    }
    sandbox.set("PATH", "/usr/bin:/bin");
    reached(&sandbox);
}

/// A test runner in the words of pytest: one test depends on the greeting, one always fails.
const SUITE: &str = r#"#!/bin/sh
if grep -q bad greeting.txt; then greet=FAILED; else greet=PASSED; fi
echo "============================= test session starts =============================="
echo "collected 2 items"
echo
echo "test_all.py::test_greeting $greet                                  [ 50%]"
echo "test_all.py::test_old FAILED                                       [100%]"
echo
echo "=================================== FAILURES ==================================="
echo "___________________________________ test_old ___________________________________"
echo
echo "    def test_old():"
echo ">       assert 1 == 2"
echo "E       assert 1 == 2"
echo
echo "test_all.py:4: AssertionError"
echo "=========================== short test summary info ============================"
test $greet = PASSED || echo "FAILED test_all.py::test_greeting - assert 1 == 3"
echo "FAILED test_all.py::test_old - assert 1 == 2"
if test $greet = PASSED; then
  echo "========================= 1 failed, 1 passed in 0.01s =========================="
else
  echo "============================== 2 failed in 0.01s ==============================="
fi
exit 1
"#;

/// A repository in which `test_old` fails already.
fn with_an_old_failure() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("pytest", SUITE);
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(sandbox.folder().join("pytest"), executable).unwrap();
    sandbox.write(
        "orchestrator.yaml",
        "checks:\n  test: {kind: test, command: ./pytest}\n",
    );
    sandbox.commit("a test that fails");
    sandbox
}

fn final_check(summary: &Value) -> &Value {
    let checks = summary["checks"].as_array().unwrap();
    checks
        .iter()
        .rev()
        .find(|check| check["scope"] == "final")
        .unwrap()
}

#[test]
fn a_test_that_fails_already_is_excused() {
    let summary = reached(&with_an_old_failure());
    let check = final_check(&summary);
    assert_eq!(check["status"], "baseline", "{check:#}");
    assert_eq!(check["excused"].as_array().unwrap().len(), 1, "{check:#}");
    assert!(
        check["excused"].to_string().contains("test_old"),
        "{check:#}"
    );
}

#[test]
fn nothing_is_excused_when_green_is_required() {
    let sandbox = with_an_old_failure();
    sandbox.script_that_greets();
    let (code, summary) = sandbox.run(&["--require-green", "--max-retries", "0"]);
    assert_eq!(code, 2, "{summary:#}");
    assert_eq!(final_check(&summary)["status"], "failed");
}

#[test]
fn a_failure_that_the_goal_names_is_not_excused() {
    let sandbox = with_an_old_failure();
    sandbox.script_that_greets();
    let goal = [
        "run",
        "--json",
        "--goal",
        "make test_old pass",
        "--max-retries",
        "0",
    ];
    let outcome = sandbox.rgpt(&goal);
    assert_eq!(outcome.code, 2, "{outcome:#?}");
}

#[test]
fn a_new_failure_is_not_excused_by_an_old_one() {
    let sandbox = with_an_old_failure();
    sandbox.script(&[
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[write_file("greeting.txt", "bad world\n")]),
        finish("greets"),
    ]);
    let (code, summary) = sandbox.run(&["--max-retries", "0"]);
    assert_eq!(code, 2, "{summary:#}");
    assert_eq!(final_check(&summary)["status"], "failed");
}
