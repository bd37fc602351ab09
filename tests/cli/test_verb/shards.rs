//! `rgpt test` in shards, and what they leave.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{document, folder, told};
use crate::sandbox::{Outcome, RGPT, Sandbox};

/// A suite of three tests, one of which fails, that runs the part it is told to, as TAP.
const SUITE: &str = r#"n=0
for test in adds sells returns; do
  n=$((n + 1))
  [ $((n % $2)) -eq $(($1 % $2)) ] || continue
  i=$((i + 1))
  if [ $test = sells ]; then
    mkdir -p out && echo picture > "out/sells $1.png"
    echo "not ok $i - $test"; bad=1
  else
    echo "ok $i - $test"
  fi
done
echo 1..${i:-0}
exit ${bad:-0}
"#;

/// A folder with the suite and a check that runs it.
fn suite(command: &str, settings: &str) -> Sandbox {
    let config = format!("checks: {{test: {{command: '{command}', report: tap, {settings}}}}}\n");
    folder(&[("orchestrator.local.yaml", &config), ("suite.sh", SUITE)])
}

#[test]
fn shards_run_side_by_side_and_are_one_result() {
    let sandbox = suite("sh suite.sh {shard} {shards}", "");
    let outcome = sandbox.rgpt(&["test", "--shards", "3"]);
    assert_eq!(outcome.code, 2, "{outcome:#?}");
    insta::assert_snapshot!(told(&outcome), @r"
    ✗ test  2 passed, 1 failed, 3 shards (1 failed), exit code 1, TIME

    ✗ sells

    3 tests, 1 failed, TIME
    ");
    let mut ended: Vec<&str> = outcome.stderr.lines().skip(1).collect();
    ended.sort_unstable();
    assert_eq!(ended.len(), 3, "{outcome:#?}");
    assert!(ended[1].starts_with("note: test, shard 2 of 3: exit code 1, "));
    let document = document(&sandbox, 2, &["--shards", "3"]);
    assert_eq!(document["summary"]["passed"], 2);
    let shards = document["checks"][0]["shards"].as_array().unwrap();
    let states: Vec<&Value> = shards.iter().map(|shard| &shard["status"]).collect();
    assert_eq!(states, ["passed", "failed", "passed"]);
    assert_eq!(sandbox.rgpt(&["test", "--shards", "0"]).code, 64);
}

#[test]
fn a_shard_without_tests_is_no_failure() {
    let sandbox = suite("sh suite.sh {shard} {shards} | grep -v not", "shards: 5");
    let outcome = sandbox.rgpt(&["test"]);
    insta::assert_snapshot!(told(&outcome), @r"
    ✓ test  2 passed, 5 shards (3 empty), TIME

    2 tests, all well, TIME
    ");
}

#[test]
fn a_shard_that_dies_is_a_failure() {
    let sandbox = suite(
        "[ {shard} -ne 2 ] || kill -9 $$; echo ok 1 - fine; echo 1..1",
        "shards: 2",
    );
    let outcome = sandbox.rgpt(&["test"]);
    assert_eq!(outcome.code, 2, "{outcome:#?}");
    insta::assert_snapshot!(told(&outcome), @r"
    ✗ test  1 passed, 2 shards (1 failed), TIME shard 2 of 2: killed by SIGKILL

    ✗ test
        --- shard 2 of 2

    2 tests, 1 failed, TIME
    ");
}

#[test]
fn each_shard_has_its_own_place_for_temporary_files() {
    let command =
        r#"echo "$RGPT_SHARD/$RGPT_SHARDS $TMPDIR" > told-$RGPT_SHARD; touch "$TMPDIR/x""#;
    let sandbox = folder(&[(
        "orchestrator.local.yaml",
        &format!("checks: {{test: {{shards: 2, report: none, command: {command:?}}}}}\n"),
    )]);
    assert_eq!(sandbox.rgpt(&["test"]).code, 0);
    let (one, two) = (sandbox.read("told-1"), sandbox.read("told-2"));
    assert!(one.starts_with("1/2 /") && two.starts_with("2/2 /"));
    assert_ne!(one[3..], two[3..]);
}

#[test]
fn what_cannot_be_cut_runs_as_a_whole_or_is_refused_if_asked_for() {
    let sandbox = folder(&[
        (
            "orchestrator.local.yaml",
            "checks: {test: {command: make test, shards: 4}}\n",
        ),
        ("Makefile", "test:\n\t@echo fine\n"),
    ]);
    let outcome = sandbox.rgpt(&["test"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let note = "note: test runs as a whole: `make test` cannot be cut into shards: no way of cutting it is known";
    assert!(outcome.stderr.contains(note), "{outcome:#?}");
    let refused = sandbox.rgpt(&["test", "--shards", "2"]);
    assert_eq!(refused.code, 1);
    insta::assert_snapshot!(refused.stderr.lines().skip(1).collect::<Vec<_>>().join("\n"), @r"
    error: check test: `make test` cannot be cut into shards: no way of cutting it is known
      hint: say in its command which part is to run, with {shard} (from 1) and {shards}, as in: npx playwright test --shard={shard}/{shards}
    ");
}

#[test]
fn files_that_tests_leave_are_kept() {
    let sandbox = suite(
        "sh suite.sh {shard} {shards}",
        "shards: 2, artifacts: [\"out/*.png\"]",
    );
    let document = document(&sandbox, 2, &[]);
    let kept = document["artifacts"].as_array().unwrap();
    assert_eq!(kept.len(), 1, "{document:#}");
    let path = kept[0].as_str().unwrap();
    assert!(path.starts_with(".rgpt/artifacts/test-") && path.ends_with("/test/out/sells 2.png"));
    assert_eq!(sandbox.read(path), "picture\n");
    assert_eq!(sandbox.read(".rgpt/.gitignore"), "*\n");
    for _ in 0..2 {
        sandbox.rgpt(&["test"]);
    }
    let all = fs::read_dir(sandbox.folder().join(".rgpt/artifacts")).unwrap();
    assert_eq!(all.count(), 3, "one for each call");
}

#[test]
fn ctrl_c_ends_all_shards() {
    let sandbox = suite("touch started-{shard}; sleep 300 & sleep 300", "shards: 3");
    let mut command = sandbox.start(RGPT);
    command.args(["test", "--json"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let started = |shard| sandbox.folder().join(format!("started-{shard}")).exists();
    while !(1..=3).all(started) {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(10));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let outcome = Outcome::of(child.wait_with_output().unwrap());
    assert_eq!(outcome.code, 3, "{outcome:#?}");
    assert_eq!(outcome.error()["message"], "the check test was interrupted");
    assert_eq!(sandbox.processes(), Vec::<String>::new());
}

#[test]
fn a_configured_check_that_runs_no_test_is_a_finding() {
    let none = folder(&[(
        "orchestrator.local.yaml",
        "checks: {test: {command: echo 1..0, report: tap}, build: {command: 'true'}}\n",
    )]);
    let outcome = none.rgpt(&["test", "--all"]);
    assert_eq!(outcome.code, 2, "{outcome:#?}");
    insta::assert_snapshot!(told(&outcome), @r"
    ✗ test   failed, TIME no tests ran
    ✓ build  passed, TIME

    ✗ test
        1..0

    2 tests, 1 failed, TIME
    ");
    let document = document(&none, 2, &[]);
    assert_eq!(document["results"][0]["message"], "no tests ran");
}

#[test]
fn the_checks_of_a_run_run_in_shards_and_their_files_are_its_artifacts() {
    let sandbox = Sandbox::new();
    let check = "mkdir -p shots && echo picture > shots/{shard}.png && sh check.sh";
    sandbox.write(
        "orchestrator.yaml",
        &format!("checks:\n  test: {{kind: test, command: '{check}', report: none, shards: 2, artifacts: ['shots/*']}}\n"),
    );
    sandbox.commit("in shards");
    sandbox.script_that_greets();
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    let mut names: Vec<&str> = summary["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|artifact| artifact["type"] == "file")
        .map(|artifact| artifact["name"].as_str().unwrap())
        .filter(|name| !name.contains("-again"))
        .collect();
    names.sort_unstable();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names[1].ends_with("-test-final/shots/2.png"), "{names:?}");
    let told = summary["tester_output"]["artifacts"].as_array().unwrap();
    assert!(told.contains(&json!(names[0])), "{told:?}");
}

#[test]
fn a_check_in_the_sandbox_has_a_home_of_its_own() {
    if !rgpt::workspace::confine::probe().available() {
        return;
    }
    let sandbox = suite(
        "touch \"$HOME/x\" && echo ok 1 - \"$HOME\" && echo 1..1",
        "runner: sandbox",
    );
    let document = document(&sandbox, 0, &[]);
    let home = document["results"][0]["test_case"].as_str().unwrap();
    assert!(!home.starts_with(sandbox.variable("HOME")), "{home}");
    let outcome = sandbox.rgpt(&["test", "--runner", "host"]);
    assert_eq!(
        outcome.code, 2,
        "the person's home cannot be written: {outcome:#?}"
    );
}
