//! `rgpt test`: the project's tests, on what is on disk.

mod browser;
mod containers;
mod shards;

use std::process::Stdio;
use std::time::{Duration, Instant};

use rgpt::workspace::confine;
use serde_json::{Value, json};

use crate::sandbox::{Outcome, RGPT, Sandbox};

/// What it prints, without the times.
fn told(outcome: &Outcome) -> String {
    let lines = outcome.stdout.lines().map(|line| {
        let words = line.split(' ').collect::<Vec<_>>();
        let cut = words.windows(2).position(|pair| {
            matches!(pair[1], "s" | "ms" | "s:" | "ms:")
                && pair[0].starts_with(|c: char| c.is_ascii_digit())
        });
        match cut {
            Some(at) => [&words[..at], &["TIME"], &words[at + 2..]]
                .concat()
                .join(" "),
            None => line.to_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A machine with a folder that is no repository.
fn folder(files: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::bare_machine();
    for (path, text) in files {
        sandbox.write(path, text);
    }
    sandbox
}

/// `--json`, without times.
fn document(sandbox: &Sandbox, code: i32, arguments: &[&str]) -> Value {
    let outcome = sandbox.rgpt(&[&["test", "--json"], arguments].concat());
    assert_eq!(outcome.code, code, "{outcome:#?}");
    let mut document = outcome.document();
    document["summary"]["duration"] = json!(0);
    for test in document["results"].as_array_mut().unwrap() {
        test["duration_ms"] = json!(0);
    }
    document
}

#[test]
fn what_is_on_disk_is_tested_and_nothing_else_happens() {
    let sandbox = Sandbox::new();
    let (repository, home) = (sandbox.fingerprint(), sandbox.home_fingerprint());
    let green = sandbox.rgpt(&["test"]);
    let place = sandbox.folder().canonicalize().unwrap();
    let begins = format!("note: test in {}: sh check.sh\n", place.display());
    assert_eq!((green.code, green.stderr.as_str()), (0, begins.as_str()));
    insta::assert_snapshot!(told(&green), @r"
    ✓ test  passed, TIME

    1 test, all well, TIME
    ");
    repository.assert_same(&sandbox.fingerprint());
    home.assert_same(&sandbox.home_fingerprint());
    sandbox.write("greeting.txt", "bad\n");
    let red = sandbox.rgpt(&["test"]);
    assert_eq!(red.code, 2, "{red:#?}");
    insta::assert_snapshot!(told(&red), @r"
    ✗ test  failed, exit code 1, TIME

    ✗ test
        1:bad

    1 test, 1 failed, TIME
    ");
    assert!(!sandbox.folder().join(".rgpt").exists());
}

#[test]
fn the_document_is_the_testers() {
    let sandbox = Sandbox::new();
    let green = document(&sandbox, 0, &[]);
    assert_eq!(
        green["summary"],
        json!({"passed": 1, "failed": 0, "skipped": 0, "duration": 0})
    );
    assert_eq!(green["artifacts"], json!([]));
    sandbox.write("greeting.txt", "bad\n");
    let red = document(&sandbox, 2, &[]);
    assert_eq!(
        red["results"],
        json!([{"test_case": "test", "status": "failed", "duration_ms": 0, "message": "`sh check.sh` ends with exit code 1: 1:bad"}])
    );
    assert_eq!(red["checks"][0]["command"], "sh check.sh");
    assert_eq!(red["checks"][0]["output"], "1:bad\n");
}

#[test]
fn checks_are_chosen_by_kind_or_name() {
    let sandbox = folder(&[(
        "orchestrator.local.yaml",
        "checks:\n  build: {command: 'true'}\n  unit: {kind: test, command: 'true'}\n  e2e: {kind: test, command: exit 3}\n  lint: {command: 'true'}\n",
    )]);
    let names = |code, arguments: &[&str]| {
        let document = document(&sandbox, code, arguments);
        let checks = document["checks"].as_array().unwrap().iter();
        let names: Vec<String> = checks
            .map(|check| check["name"].as_str().unwrap().to_owned())
            .collect();
        names.join(" ")
    };
    assert_eq!(names(2, &[]), "unit e2e");
    assert_eq!(
        names(0, &["--check", "lint", "--check", "unit"]),
        "unit lint"
    );
    assert_eq!(names(2, &["--all"]), "build unit e2e lint");
    let unknown = sandbox.rgpt(&["test", "--check", "units"]);
    assert_eq!(unknown.code, 64);
    insta::assert_snapshot!(unknown.stderr, @r"
    error: there is no check `units`
      hint: name one of these: build, unit, e2e, lint
    ");
}

#[test]
fn without_tests_it_says_what_to_do() {
    let empty = folder(&[]);
    let outcome = empty.rgpt(&["test"]);
    assert_eq!(outcome.code, 1);
    insta::assert_snapshot!(outcome.stderr, @r"
    error: no checks are configured, and none were found in the project
      hint: name them under `checks:` in orchestrator.yaml; write one that fits: rgpt init
    ");
    assert_eq!(
        empty.rgpt(&["test", "--json"]).error()["kind"],
        "CONFIG_ERROR"
    );
    let built = folder(&[("go.mod", "module a\n"), ("a.go", "package a\n")]);
    let outcome = built.rgpt(&["test"]);
    assert_eq!(outcome.code, 1);
    insta::assert_snapshot!(outcome.stderr, @r"
    error: none of the checks is of kind test, only build
      hint: run them all: rgpt test --all
    ");
}

#[test]
fn outside_of_a_repository_sub_folders_are_not_searched() {
    let manifest = "[package]\nname = \"a\"\nversion = \"0.1.0\"\n";
    let sandbox = folder(&[
        ("deep/down/Cargo.toml", manifest),
        ("deep/down/src/lib.rs", "compile_error!(\"built\");\n"),
        (
            "web/package.json",
            r#"{"scripts": {"test": "touch ../ran"}}"#,
        ),
    ]);
    let outcome = sandbox.rgpt(&["test", "--all"]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    assert!(
        outcome.stderr.contains("none were found in the project"),
        "{outcome:#?}"
    );
    assert!(!sandbox.folder().join("ran").exists());
    assert!(!sandbox.folder().join("deep/down/target").exists());
}

#[test]
fn a_command_that_is_not_there_is_no_verdict_on_the_project() {
    let sandbox = folder(&[(
        "orchestrator.local.yaml",
        "checks:\n  test: {command: no-such-runner --all}\n  hangs: {kind: test, command: sleep 60, timeout: 100ms}\n",
    )]);
    let outcome = sandbox.rgpt(&["test", "--check", "test"]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    let shown = told(&outcome);
    assert!(
        shown.contains("could not be carried out, exit code 127"),
        "{shown}"
    );
    assert_eq!(sandbox.rgpt(&["test"]).code, 2, "what hangs is a verdict");
}

#[test]
fn a_report_in_files_names_the_tests_and_an_old_one_does_not_count() {
    let sandbox = folder(&[(
        "orchestrator.local.yaml",
        "checks: {test: {command: sh run.sh, report: junit, report_files: ['out/*.xml']}}\n",
    )]);
    let red = "<testsuite><testcase classname='Cart' name='adds' time='0.5'/><testcase classname='Cart' name='discount' time='0.25'><failure message='expected 9'>at Cart:3</failure></testcase></testsuite>";
    sandbox.write(
        "run.sh",
        &format!("mkdir -p out\ncat > out/a.xml <<'E'\n{red}\nE\nexit 1\n"),
    );
    let outcome = sandbox.rgpt(&["test"]);
    assert_eq!(outcome.code, 2);
    insta::assert_snapshot!(told(&outcome), @r"
    ✗ test  1 passed, 1 failed, exit code 1, TIME

    ✗ Cart.discount
        expected 9
        at Cart:3

    2 tests, 1 failed, TIME
    ");
    assert_eq!(
        document(&sandbox, 2, &[])["summary"],
        json!({"passed": 1, "failed": 1, "skipped": 0, "duration": 0})
    );
    sandbox.write("run.sh", "exit 0\n");
    let stale = sandbox.rgpt(&["test"]);
    assert_eq!(stale.code, 2);
    assert!(told(&stale).contains("were there"), "{stale:#?}");
}

#[test]
fn only_the_project_can_be_written() {
    if !confine::probe().available() {
        return;
    }
    let sandbox = folder(&[(
        "orchestrator.local.yaml",
        "checks: {test: {command: 'touch inside \"$TMPDIR/x\" && touch \"$HOME/outside\"'}}\n",
    )]);
    assert_eq!(sandbox.rgpt(&["test"]).code, 2);
    assert!(sandbox.folder().join("inside").exists());
    assert!(!sandbox.outside("home/outside").exists());
}

#[test]
fn a_tracked_file_hands_out_no_variables_whatever_else_is_in_the_repository() {
    let mut sandbox = Sandbox::new();
    sandbox.set("SECRET", "s");
    let head = sandbox.git(&["rev-parse", "HEAD"]);
    let link = format!("160000,{head},vendor/lib");
    sandbox.git(&["update-index", "--add", "--cacheinfo", &link]);
    sandbox.git(&["commit", "-q", "-m", "a submodule"]);
    assert_eq!(sandbox.rgpt(&["test"]).code, 0, "no run, but tests");
    sandbox.write(
        "orchestrator.yaml",
        "checks: {test: {command: env, pass_env: [SECRET]}}\n",
    );
    let outcome = sandbox.rgpt(&["test"]);
    assert_eq!(outcome.code, 1);
    assert!(
        outcome.stderr.contains("cannot hand out variables"),
        "{outcome:#?}"
    );
}

#[test]
fn ctrl_c_ends_it_with_nothing_left() {
    let sandbox = folder(&[(
        "orchestrator.local.yaml",
        "checks: {test: {command: 'touch started; sleep 300'}}\n",
    )]);
    let mut command = sandbox.start(RGPT);
    command.args(["test", "--json"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while !sandbox.folder().join("started").exists() {
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
fn a_crate_is_tested_as_it_lies_there() {
    let sandbox = folder(&[
        (
            "Cargo.toml",
            "[package]\nname = \"a\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
        ),
        (
            "src/lib.rs",
            "#[test]\nfn adds() {\n    assert_eq!(1 + 1, 3);\n}\n#[test]\nfn fine() {}\n#[test]\n#[ignore]\nfn later() {}\n",
        ),
    ]);
    let outcome = sandbox.rgpt(&["test"]);
    assert_eq!(outcome.code, 2, "{outcome:#?}");
    insta::assert_snapshot!(told(&outcome), @r"
    ✗ test  1 passed, 1 failed, 1 skipped, exit code 101, TIME

    ✗ adds
        assertion `left == right` failed
          left: 2
         right: 3

    3 tests, 1 failed, 1 skipped, TIME
    ");
}

#[test]
fn python_tests_need_no_repository() {
    let test = "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(1, 2)\n";
    let sandbox = folder(&[("test_a.py", test)]);
    let document = document(&sandbox, 2, &[]);
    assert_eq!(
        document["checks"][0]["command"],
        "python3 -m unittest discover"
    );
    assert_eq!(document["results"][0]["test_case"], "test_a.T.test_a");
}

#[test]
#[ignore = "needs node"]
fn nodes_own_runner_is_read() {
    let script = r#"{"name": "web", "scripts": {"test": "node --test"}}"#;
    let test = "const test = require('node:test');\ntest('adds', () => {});\ntest('cart', async (t) => {\n  await t.test('discount', () => { throw new Error('not 9'); });\n});\ntest('later', {skip: true}, () => {});\n";
    let sandbox = folder(&[("a.test.js", test), ("package.json", script)]);
    let outcome = sandbox.rgpt(&["test"]);
    assert_eq!(outcome.code, 2, "{outcome:#?}");
    insta::assert_snapshot!(told(&outcome), @r"
    ✗ test  1 passed, 2 failed, 1 skipped, exit code 1, TIME

    ✗ cart > discount
        not 9

    ✗ cart
        1 subtest failed

    4 tests, 2 failed, 1 skipped, TIME
    ");
    sandbox.write("package.json", "{}");
    let document = document(&sandbox, 2, &[]);
    assert_eq!(document["checks"][0]["command"], "node --test");
    assert_eq!(
        document["summary"],
        json!({"passed": 1, "failed": 2, "skipped": 1, "duration": 0})
    );
}

#[test]
#[ignore = "needs go"]
fn gos_tests_are_read() {
    let test = "package a\n\nimport \"testing\"\n\nfunc TestOk(t *testing.T) {}\n\nfunc TestTable(t *testing.T) {\n\tt.Run(\"two\", func(t *testing.T) { t.Errorf(\"n=%d\", 2) })\n}\n\nfunc TestLater(t *testing.T) { t.Skip() }\n";
    let sandbox = folder(&[
        ("go.mod", "module example.org/a\n\ngo 1.19\n"),
        ("a_test.go", test),
    ]);
    let outcome = sandbox.rgpt(&["test"]);
    assert_eq!(outcome.code, 2, "{outcome:#?}");
    insta::assert_snapshot!(told(&outcome), @r"
    ✗ test  1 passed, 2 failed, 1 skipped, exit code 1, TIME

    ✗ TestTable

    ✗ TestTable/two
        a_test.go:8: n=2

    4 tests, 2 failed, 1 skipped, TIME
    ");
    sandbox.write(
        "a_test.go",
        "package a\n\nfunc TestBroken(t *testing.T) {}\n",
    );
    let document = document(&sandbox, 2, &[]);
    assert_eq!(document["results"][0]["test_case"], "example.org/a");
}

#[test]
#[ignore = "needs node"]
fn nodes_own_runner_runs_a_part_by_itself() {
    let test = "const test = require('node:test');\ntest(__filename.slice(-9), () => {});\n";
    let sandbox = folder(&[
        (
            "orchestrator.local.yaml",
            "checks: {test: {command: node --test, shards: 2}}\n",
        ),
        ("a.test.js", test),
        ("b.test.js", test),
        ("c.test.js", test),
    ]);
    let document = document(&sandbox, 0, &[]);
    assert_eq!(document["summary"]["passed"], 3, "{document:#}");
    assert_eq!(document["checks"][0]["shards"].as_array().unwrap().len(), 2);
}

#[test]
#[ignore = "needs go"]
fn gos_packages_are_dealt_out() {
    let test = "package p\n\nimport \"testing\"\n\nfunc TestOk(t *testing.T) {}\n";
    let sandbox = folder(&[
        (
            "orchestrator.local.yaml",
            "checks: {test: {command: go test ./..., shards: 4}}\n",
        ),
        ("go.mod", "module example.org/a\n\ngo 1.19\n"),
        ("a/a_test.go", test),
        ("b/b_test.go", test),
        ("c/c_test.go", test),
    ]);
    let document = document(&sandbox, 0, &[]);
    assert_eq!(document["summary"]["passed"], 3, "{document:#}");
    assert_eq!(document["checks"][0]["shards"][3]["empty"], true);
}
