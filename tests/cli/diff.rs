//! `diff`: two runs side by side.

use serde_json::{Value, json};

use crate::sandbox::{Sandbox, finish, plan, run_command, step, tools, write_file};

/// A check with the words of `cargo test`, which says something else each time: the clock, its
/// process, a temporary folder, how long it slept.
const CHECK: &str = r#"
sleep 0.0$(($$ % 7)); date; echo "process $$ in $(mktemp -d) at 0x7f$$"
one() { echo "test greeting::$1 ... $2"; }
is_kind=ok; grep -q bad greeting.txt && is_kind=FAILED
echo; echo "running 2 tests"; one is_kind $is_kind; one is_short ok; echo
if [ $is_kind = ok ]; then
  echo "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.0$(($$ % 9))s"
  exit 0
fi
printf 'failures:\n\n---- greeting::is_kind stdout ----\n\n'
printf "thread 'greeting::is_kind' ($$) panicked at src/lib.rs:3:5:\n"
printf "assertion failed: kind within $$ ms, see $(mktemp -u)\n\n\n"
printf 'failures:\n    greeting::is_kind\n\n'
echo "test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.0$(($$ % 9))s"
exit 101
"#;

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let checks = "checks:\n  test: {kind: test, command: sh check.sh, report: cargo_test}\n";
    sandbox.write("orchestrator.yaml", checks);
    sandbox.write("check.sh", CHECK);
    sandbox.commit("checks");
    sandbox
}

/// A run whose model plans in these words and writes this greeting.
fn run(sandbox: &Sandbox, words: &str, greeting: &str) -> i32 {
    let mut first = step("step-1", &["greeting.txt"]);
    first["description"] = json!(format!("write {words} to the file"));
    sandbox.script(&[
        plan(&[first]),
        tools(&[write_file("greeting.txt", greeting)]),
        finish("greets the world"),
    ]);
    sandbox.run(&["--max-retries", "0"]).0
}

fn diff(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let outcome = sandbox.rgpt(&[&["diff", "--json"], arguments].concat());
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    outcome.document()
}

#[test]
fn another_clock_process_sleep_or_temporary_folder_is_no_difference() {
    let mut sandbox = sandbox();
    assert_eq!(run(&sandbox, "a line", "hello world\n"), 0);
    assert_eq!(run(&sandbox, "a line", "bad world\n"), 2);
    let elsewhere = sandbox.outside("elsewhere");
    std::fs::create_dir_all(&elsewhere).unwrap();
    sandbox.set("TMPDIR", elsewhere.to_str().unwrap());
    sandbox.set("XDG_CACHE_HOME", elsewhere.join("cache").to_str().unwrap());
    assert_eq!(run(&sandbox, "a line", "hello world\n"), 0);
    assert_eq!(run(&sandbox, "a line", "bad world\n"), 2);
    for pair in [["1", "3"], ["2", "4"], ["2", "2"]] {
        let document = diff(&sandbox, &pair);
        assert_eq!(document["first_divergence"], Value::Null, "{document:#}");
        assert_eq!(document["same"], true, "{document:#}");
        assert_eq!(document["regression"], false);
        assert_eq!(document["patch"], "");
    }
}

#[test]
fn a_changed_word_of_a_plan_is_where_the_runs_part() {
    let sandbox = sandbox();
    assert_eq!(run(&sandbox, "a line", "hello world\n"), 0);
    assert_eq!(run(&sandbox, "a word", "hello world\n"), 0);
    let document = diff(&sandbox, &["1", "2"]);
    assert_eq!(
        document["first_divergence"],
        json!({"seq": 3, "type": "planner.completed", "execution": 1, "call": 1,
            "a": "steps[0].description: \"write a line to the file\"",
            "b": "steps[0].description: \"write a word to the file\""})
    );
    assert_eq!(
        document["plan"]["changed"],
        json!([{"id": "step-1", "name": "carry out step-1", "fields": ["description"]}])
    );
    assert_eq!(
        (&document["patch"], &document["regression"]),
        (&json!(""), &json!(false))
    );
}

#[test]
fn a_changed_word_that_leaves_the_tree_as_it_is_shows_too() {
    let sandbox = sandbox();
    let script = |command: &str| {
        sandbox.script(&[
            plan(&[step("step-1", &["greeting.txt"])]),
            tools(&[
                run_command(command),
                write_file("greeting.txt", "hello world\n"),
            ]),
            finish("greets the world"),
        ]);
        assert_eq!(sandbox.run(&[]).0, 0);
    };
    script("sleep 0.01; echo one");
    script("sleep 0.02; echo one");
    script("sleep 0.01; echo two");
    let slept = diff(&sandbox, &["1", "2"]);
    assert_eq!(slept["first_divergence"], Value::Null, "{slept:#}");
    let parted = &diff(&sandbox, &["1", "3"])["first_divergence"];
    assert_eq!(parted["type"], "step.completed");
    assert_eq!(
        (&parted["execution"], &parted["call"]),
        (&json!(2), &json!(1))
    );
    let a = parted["a"].as_str().unwrap();
    assert!(
        a.contains("tool_calls[0].arguments.command") && a.contains("echo one"),
        "{a}"
    );
    assert!(parted["b"].as_str().unwrap().contains("echo two"));
}

#[test]
fn a_test_that_newly_fails_is_a_regression() {
    let sandbox = sandbox();
    assert_eq!(run(&sandbox, "a line", "hello world\n"), 0);
    assert_eq!(run(&sandbox, "a line", "bad world\n"), 2);
    let document = diff(&sandbox, &["1", "latest"]);
    assert_eq!((&document["a"], &document["b"]), (&json!(1), &json!(2)));
    assert_eq!(
        document["tests"],
        json!({"newly_failing": ["greeting::is_kind"], "newly_passing": [], "flaky": []})
    );
    assert_eq!(
        document["checks"],
        json!([{"name": "test", "a": "passed", "b": "failed"}])
    );
    assert_eq!(document["findings"]["added"][0]["severity"], "major");
    assert_eq!(document["findings"]["resolved"], json!([]));
    assert_eq!(document["first_divergence"]["type"], "step.completed");
    let patch = document["patch"].as_str().unwrap();
    assert!(patch.ends_with("-hello world\n+bad world\n"), "{patch}");
    assert_eq!(document["regression"], true);
    assert_eq!(document["states"]["b"]["state"], "failed");
    assert!(document["usage"]["a"]["input_tokens"].as_u64() > Some(0));
    assert!(document["duration_ms"]["a"].is_u64());

    let back = diff(&sandbox, &["2", "1"]);
    assert_eq!(back["tests"]["newly_passing"], json!(["greeting::is_kind"]));
    assert_eq!(back["findings"]["resolved"][0]["check"], "test");
    assert_eq!(back["regression"], false);

    let code = |arguments: &[&str]| sandbox.rgpt(arguments).code;
    assert_eq!(code(&["diff", "1", "2"]), 0);
    assert_eq!(code(&["diff", "1", "2", "--exit-code"]), 2);
    assert_eq!(code(&["diff", "2", "1", "--exit-code"]), 0);
}

#[test]
fn a_person_reads_what_differs_and_what_to_think_of_it() {
    let sandbox = sandbox();
    assert_eq!(run(&sandbox, "a line", "hello world\n"), 0);
    assert_eq!(run(&sandbox, "a line", "bad world\n"), 2);
    let outcome = sandbox.rgpt(&["diff", "1", "2"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    let shown = &outcome.stdout;
    for line in [
        "run 1 and run 2  greet the world",
        "  state     done, verified   failed",
        "✗ Run 2 is worse: 1 test newly fails, 1 major finding is added, state failed",
        "  event 6 (step.completed), by call 1 of execution 2",
        "    run 1: tool_calls[0].arguments.content: \"hello world\\n\"",
        "  ✗ newly failing: greeting::is_kind",
        "Patch (1 file, +1 -1)",
        "+bad world",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
    assert!(
        shown
            .lines()
            .all(|line| line.starts_with("index ") || line.chars().count() <= 80)
    );
    assert!(!shown.contains('\u{1b}'));
}

#[test]
fn what_a_model_hides_is_shown() {
    let sandbox = sandbox();
    assert_eq!(run(&sandbox, "a line", "hello world\n"), 0);
    run(
        &sandbox,
        "\u{1b}[2J\u{202e}a\u{9b}1m line",
        "hello \u{1b}[8mbad\u{1b}[0m \u{202e}world\n",
    );
    let outcome = sandbox.rgpt(&["diff", "1", "2"]);
    assert!(!outcome.stdout.contains(['\u{1b}', '\u{9b}', '\u{202e}']));
    assert!(
        outcome.stdout.contains("write \\u{1b}[2J\\u{202e}a"),
        "{outcome:#?}"
    );
    assert!(
        outcome
            .stdout
            .contains("+hello <U+001B>[8mbad<U+001B>[0m <U+202E>world")
    );
    let json = sandbox.rgpt(&["diff", "1", "2", "--json"]);
    assert!(!json.stdout.contains(['\u{1b}', '\u{9b}', '\u{202e}']));
    assert!(
        json.document()["patch"]
            .as_str()
            .unwrap()
            .contains("\u{1b}[8m")
    );
}

#[test]
fn a_lost_git_directory_is_said_and_no_obstacle() {
    let sandbox = sandbox();
    assert_eq!(run(&sandbox, "a line", "hello world\n"), 0);
    assert_eq!(run(&sandbox, "a line", "good world\n"), 0);
    std::fs::remove_dir_all(sandbox.folder().join(".rgpt/git")).unwrap();
    let document = diff(&sandbox, &["1", "2"]);
    assert_eq!(document["patch"], Value::Null);
    assert!(document["patch_missing"].is_string());
    let shown = sandbox.rgpt(&["diff", "1", "2"]);
    assert!(shown.stdout.contains("cannot be shown"), "{shown:#?}");
}

#[test]
fn a_replay_is_told_from_its_source() {
    let sandbox = sandbox();
    assert_eq!(run(&sandbox, "a line", "hello world\n"), 0);
    let replayed = sandbox.rgpt(&["replay", "1", "--phase", "tester", "--offline", "--json"]);
    assert_eq!(replayed.code, 0, "{replayed:#?}");
    let document = diff(&sandbox, &["1", "2"]);
    assert_eq!(
        document["lineage"],
        json!({"run": 2, "source": 1, "phase": "tester", "mode": "offline", "result": "equal"})
    );
    assert_eq!(
        (&document["same"], &document["first_divergence"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(diff(&sandbox, &["2", "1"])["lineage"], document["lineage"]);
}

#[test]
fn runs_that_there_are_not_are_named() {
    let sandbox = sandbox();
    let none = sandbox.rgpt(&["diff", "1", "latest", "--json"]);
    assert_eq!(none.code, 1);
    assert_eq!(none.error()["message"], "there is no run 1");
    assert_eq!(run(&sandbox, "a line", "hello world\n"), 0);
    let other = sandbox.rgpt(&["diff", "1", "7", "--json"]);
    assert_eq!(
        (other.code, &other.error()["message"]),
        (1, &json!("there is no run 7"))
    );
    assert_eq!(sandbox.rgpt(&["diff", "1", "one"]).code, 64);
    assert_eq!(sandbox.rgpt(&["diff", "1"]).code, 64);
}
