//! What counts as evidence: only what a check says of the tree, in a checkout that nothing else touched.

use serde_json::json;

use crate::sandbox::{Sandbox, finish, plan, run_command, step, tools, write_file};

/// A project whose check needs `greeting.txt` to hold what the goal wants, and one more thing.
fn project(check: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(".gitignore", "cache/\n");
    sandbox.write("check.sh", check);
    sandbox.commit("the check");
    sandbox
}

#[test]
fn what_an_earlier_pass_left_in_ignored_files_does_not_make_a_check_pass() {
    let sandbox =
        project("[ -e cache/state ] && exit 0\nmkdir -p cache; touch cache/state\nexit 1\n");
    sandbox.script(&[
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[write_file("greeting.txt", "hello\n")]),
        finish("done"),
        json!({"agent": "builder", "times": 0, "contains": "exit code",
            "tools": [write_file("greeting.txt", "hello world\n")]}),
        json!({"agent": "builder", "times": 0, "text": "mended"}),
    ]);
    let (code, summary) = sandbox.run(&[]);
    assert_ne!(code, 0, "{summary:#}");
    assert_eq!(summary["run"]["verified"], false);
}

#[test]
fn a_change_cannot_make_the_base_fail_and_be_excused_by_it() {
    // The base is green. The change leaves an ignored file behind that would make it red.
    let sandbox = project(
        "echo 'running 1 test'\n\
         if [ -e cache/bad ] || grep -q bad greeting.txt; then\n\
           mkdir -p cache; touch cache/bad\n\
           printf 'test greets ... FAILED\\n\\nfailures:\\n\\n---- greets stdout ----\\nassertion failed\\n\\n\\nfailures:\\n    greets\\n\\n'\n\
           echo 'test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s'\n\
           exit 101\n\
         fi\n\
         printf 'test greets ... ok\\n\\n'\n\
         echo 'test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s'\n",
    );
    sandbox.write(
        "orchestrator.yaml",
        "checks:\n  test: {kind: test, command: sh check.sh, report: cargo_test}\n",
    );
    sandbox.commit("the report");
    sandbox.script(&[
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[write_file("greeting.txt", "bad\n")]),
        finish("done"),
    ]);
    let (code, summary) = sandbox.run(&[]);
    assert_ne!(code, 0, "{summary:#}");
    let checks = summary["checks"].as_array().unwrap();
    let verdict = |scope: &str| checks.iter().find(|check| check["scope"] == scope).unwrap();
    assert_eq!(verdict("base")["status"], "passed");
    assert_eq!(verdict("final")["status"], "failed");
}

#[test]
fn a_models_commands_share_no_temporary_folder_with_the_checks() {
    let sandbox = project("[ -e \"$TMPDIR/flag\" ]\n");
    sandbox.script(&[
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[run_command(
            "touch \"$TMPDIR/flag\"; echo hello > greeting.txt",
        )]),
        finish("done"),
    ]);
    let (code, summary) = sandbox.run(&[]);
    assert_ne!(code, 0, "{summary:#}");
}

#[test]
fn a_check_that_is_added_while_the_run_stands_still_has_its_say() {
    let sandbox = Sandbox::new();
    sandbox.script_that_greets();
    let (code, _) = sandbox.run(&["--until", "tester"]);
    assert_eq!(code, 0);
    sandbox.write(
        "orchestrator.local.yaml",
        "checks: {more: {kind: lint, command: \"false\"}}\n",
    );
    let resumed = sandbox.rgpt(&["resume", "--json"]);
    assert_ne!(resumed.code, 0, "{:#}", resumed.summary());
    assert_eq!(sandbox.git(&["branch", "--list", "rgpt/*"]), "");
    assert_eq!(resumed.summary()["run"]["verified"], false);
}

#[test]
fn files_in_a_nested_repository_are_refused_aloud() {
    let sandbox = Sandbox::new();
    sandbox.script(&[
        plan(&[step("step-1", &["greeting.txt", "sub"])]),
        tools(&[run_command("git init -q sub && echo a > sub/a.txt")]),
        json!({"agent": "builder", "contains": "sub has a git directory of its own",
            "tools": [write_file("greeting.txt", "hello world\n")]}),
        finish("done"),
    ]);
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
}

#[test]
fn a_report_in_files_is_read_from_every_tree_and_excuses_by_name() {
    // A report that is part of the repository says nothing of any tree.
    let sandbox = project(
        "mkdir -p out\n\
         grep -q world greeting.txt && greets='' || greets='<failure message=\"no world\"/>'\n\
         [ -z \"$SILENT\" ] || exit 0\n\
         echo \"<testsuite tests='2'><testcase classname='T' name='old'><failure message='long broken'/></testcase>\
         <testcase classname='T' name='hails'>$greets</testcase></testsuite>\" > out/a.xml\n\
         exit 1\n",
    );
    let checks = |more: &str| {
        format!("checks:\n  test: {{command: sh check.sh, report_files: ['out/*.xml']{more}}}\n")
    };
    sandbox.write(
        "out/committed.xml",
        "<testsuite><testcase name='c'/></testsuite>",
    );
    sandbox.write("orchestrator.yaml", &checks(""));
    sandbox.commit("a report in files");
    sandbox.script_that_greets();
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    let last = summary["checks"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone();
    assert_eq!(last["status"], "baseline", "{last:#}");
    assert_eq!(
        summary["tester_output"]["summary"]["failed"], 1,
        "{summary:#}"
    );
    let names: Vec<&str> = summary["tester_output"]["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|test| test["test_case"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["T.old", "T.hails"]);

    sandbox.write("orchestrator.yaml", &checks(", env: {SILENT: '1'}"));
    sandbox.commit("no report any more");
    sandbox.script_that_greets();
    let (code, summary) = sandbox.run(&["--max-retries", "0"]);
    assert_ne!(
        code, 0,
        "exit code 0 without a report proves nothing: {summary:#}"
    );
}
