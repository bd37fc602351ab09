//! Flaky or real, and whether what passed passes again.

use serde_json::json;

use crate::sandbox::{Sandbox, finish, plan, step, tools, write_file};

/// A project whose check is a script that speaks as `cargo test` does; `verdict` is a shell function of its own that
/// says `ok` or `FAILED` for the test `greets`. `$COUNT` names a file outside of any worktree.
fn project(verdict: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let count = sandbox.outside("count");
    let script = format!(
        "COUNT={}\nverdict() {{\n{verdict}\n}}\n\
         n=$(cat \"$COUNT\" 2>/dev/null || echo 0); n=$((n + 1)); echo $n > \"$COUNT\"\n\
         said=$(verdict)\necho 'running 1 test'\n\
         if [ \"$said\" = ok ]; then\n\
           printf 'test greets ... ok\\n\\n'\n\
           echo 'test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s'\n\
         else\n\
           printf 'test greets ... FAILED\\n\\nfailures:\\n\\n---- greets stdout ----\\nassertion failed\\n\\n\\nfailures:\\n    greets\\n\\n'\n\
           echo 'test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s'\n\
           exit 101\n\
         fi\n",
        count.display()
    );
    sandbox.write("check.sh", &script);
    sandbox.write(
        "orchestrator.yaml",
        "checks:\n  test: {kind: test, command: sh check.sh, report: cargo_test}\n",
    );
    sandbox.commit("a test");
    // What counts across checkouts lies outside of them, where a confined check could not write.
    sandbox.person_config(&format!(
        "{}policy: {{sandbox: off}}\n",
        sandbox.model_config()
    ));
    sandbox.script(&[
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[write_file("greeting.txt", "hello world\n")]),
        finish("done"),
        json!({"agent": "builder", "times": 0, "text": "nothing to mend"}),
        json!({"agent": "planner", "times": 0, "text": "nothing to plan"}),
    ]);
    sandbox
}

#[test]
fn what_passes_must_pass_twice_again_before_a_run_closes() {
    let sandbox = project("echo ok");
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    assert_eq!(
        std::fs::read_to_string(sandbox.outside("count"))
            .unwrap()
            .trim(),
        "3"
    );
    let checks = summary["checks"].as_array().unwrap();
    assert_eq!(checks.last().unwrap()["reruns"], 2);
    let shown = sandbox.rgpt(&["inspect", "1"]).stdout;
    assert!(shown.contains("passed, and twice again"), "{shown}");
}

#[test]
fn a_check_that_fails_when_it_runs_again_has_not_passed() {
    // On the base tree it never fails, so nothing excuses it.
    let sandbox =
        project("grep -q world greeting.txt && [ $((n % 3)) = 2 ] && echo FAILED || echo ok");
    let (code, summary) = sandbox.run(&["--max-retries", "0"]);
    assert_eq!(code, 2, "{summary:#}");
    assert_eq!(summary["run"]["verified"], false);
    let checks = summary["checks"].as_array().unwrap();
    let last = checks.last().unwrap();
    assert_eq!(last["status"], "failed");
    let note = last["note"].as_str().unwrap();
    assert!(
        note.contains("it passed once before on the same tree"),
        "{note}"
    );
}

#[test]
fn a_test_that_fails_now_and_then_on_the_base_too_is_flaky() {
    let sandbox = project("[ $((n % 3)) = 1 ] && echo FAILED || echo ok");
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    let quality = summary["run"]["quality_score"].as_f64().unwrap();
    assert!(quality < 1.0, "{quality}");
    let checks = summary["checks"].as_array().unwrap();
    let flaky = checks
        .iter()
        .find(|check| {
            check["flaky"]
                .as_array()
                .is_some_and(|flaky| !flaky.is_empty())
        })
        .unwrap();
    assert_eq!(flaky["status"], "baseline");
    assert_eq!(flaky["flaky"][0]["test_case"], "greets");
    assert!(flaky["flaky"][0]["base_failures"].as_u64().unwrap() > 0);
}

#[test]
fn nothing_is_excused_where_everything_must_be_green() {
    let sandbox = project("[ $((n % 3)) = 1 ] && echo FAILED || echo ok");
    let (code, summary) = sandbox.run(&["--require-green", "--max-retries", "0"]);
    assert_eq!(code, 2, "{summary:#}");
}

#[test]
fn a_new_regression_is_never_taken_for_flaky() {
    let sandbox =
        project("grep -q world greeting.txt && [ $((n % 2)) = 1 ] && echo FAILED || echo ok");
    let (code, summary) = sandbox.run(&["--max-retries", "0"]);
    assert_eq!(code, 2, "{summary:#}");
    let checks = summary["checks"].as_array().unwrap();
    assert!(
        checks
            .iter()
            .all(|check| check["flaky"].as_array().unwrap().is_empty()),
        "{summary:#}"
    );
}
