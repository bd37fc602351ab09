//! Logs: what a run did, read afterwards and from a second terminal while it goes on.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::sandbox::{Outcome, RGPT, Sandbox, finish, plan, run_command, step, tools, write_file};

const LONG: Duration = Duration::from_secs(60);

fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < LONG, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn start(sandbox: &Sandbox, arguments: &[&str]) -> Child {
    let mut command = sandbox.start(RGPT);
    command.args(arguments).stdout(Stdio::piped());
    command.stderr(Stdio::piped()).spawn().unwrap()
}

fn end_of(mut child: Child) -> Outcome {
    wait_for("the program's end", || child.try_wait().unwrap().is_some());
    Outcome::of(child.wait_with_output().unwrap())
}

/// A run whose model uses a command and is refused an edit, and whose check waits for a flag.
fn slow(sandbox: &Sandbox) -> std::path::PathBuf {
    let flag = sandbox.outside("flag");
    let check = format!("until test -e '{}'; do sleep 0.05; done\n", flag.display());
    sandbox.write("check.sh", &check);
    sandbox.commit("a slow check");
    sandbox.script(&[
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[
            run_command("echo looking; exit 3"),
            write_file("docs/notes.txt", "out of scope\n"),
            write_file("greeting.txt", "hello world\n"),
        ]),
        finish("greets the world"),
    ]);
    flag
}

fn records(sandbox: &Sandbox, arguments: &[&str]) -> Vec<Value> {
    let outcome = sandbox.rgpt(&[&["logs", "--json"], arguments].concat());
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    outcome.stream()
}

fn messages(records: &[Value]) -> Vec<&str> {
    let message = |record: &'_ Value| record["message"].as_str().map(str::len);
    assert!(records.iter().all(|record| message(record) > Some(0)));
    records
        .iter()
        .map(|r| r["message"].as_str().unwrap())
        .collect()
}

#[test]
fn the_log_tells_what_a_run_did_in_order() {
    let mut sandbox = Sandbox::new();
    sandbox.set("LAB_TOKEN", "hunter2hunter2");
    let flag = slow(&sandbox);
    std::fs::write(flag, "").unwrap();
    assert_eq!(sandbox.run(&["--title", "with hunter2hunter2"]).0, 0);
    let records = records(&sandbox, &[]);
    let told = messages(&records).join("\n");
    let mut rest = told.as_str();
    for expected in [
        "run created: with [hidden]",
        "planner started",
        "scripted answered",
        "planner completed: 1 step",
        "step step-1 started",
        "`echo looking; exit 3` exited with 3",
        "run_command",
        "write_file docs/notes.txt refused",
        "write_file greeting.txt",
        "step step-1 completed: greets the world",
        "exited with 0",
        "tester completed",
        "done: ",
    ] {
        let at = rest.find(expected);
        let at = at.unwrap_or_else(|| panic!("{expected:?} does not follow in\n{told}"));
        rest = &rest[at + expected.len()..];
    }
    let traces: std::collections::BTreeSet<_> = records[1..]
        .iter()
        .map(|r| r["trace_id"].as_str())
        .collect();
    let trace = traces.first().unwrap().unwrap();
    assert_eq!((traces.len(), trace.len()), (1, 32));
    assert!(records.iter().all(|record| record["run"] == 1));
    let model = records
        .iter()
        .find(|r| r["message"] == "scripted answered")
        .unwrap();
    assert_eq!(
        (&model["phase"], &model["execution"], &model["agent"]),
        (&json!("planner"), &json!(1), &json!("planner"))
    );
    assert!(
        model["input_tokens"].as_u64() > Some(0) && model["ms"].is_u64(),
        "{model}"
    );
    let command = records.iter().find(|r| r["exit_code"] == 3).unwrap();
    assert_eq!(
        (&command["agent"], &command["execution"]),
        (&json!("builder"), &json!(2))
    );
}

#[test]
fn records_are_chosen_by_run_phase_agent_and_level() {
    let sandbox = Sandbox::new();
    std::fs::write(slow(&sandbox), "").unwrap();
    assert_eq!(sandbox.run(&[]).0, 0);
    sandbox.script_that_greets();
    assert_eq!(sandbox.run(&[]).0, 0);
    let all = |run: &str| records(&sandbox, &[run]);
    assert!(all("1").iter().all(|record| record["run"] == 1));
    assert_eq!(all("latest"), all("2"));
    let tester = records(&sandbox, &["1", "--phase", "tester_running"]);
    assert!(!tester.is_empty() && tester.iter().all(|record| record["phase"] == "tester"));
    let builder = records(&sandbox, &["1", "--agent", "builder"]);
    assert!(!builder.is_empty() && builder.iter().all(|record| record["agent"] == "builder"));
    let grave = records(&sandbox, &["1", "--level", "warn"]);
    assert!(
        messages(&grave)
            .iter()
            .all(|words| words.contains("refused")),
        "{grave:#?}"
    );
    let last = records(&sandbox, &["2", "-n", "2"]);
    assert_eq!(last, all("2")[all("2").len() - 2..]);
    for wrong in [
        ["--level", "loud"],
        ["--agent", "cook"],
        ["--phase", "lunch"],
    ] {
        let outcome = sandbox.rgpt(&[&["logs"][..], &wrong].concat());
        assert_eq!(outcome.code, 64, "{outcome:#?}");
    }
    let none = sandbox.rgpt(&["logs", "7", "--json"]);
    assert_eq!(
        (none.code, none.error()["message"].as_str()),
        (1, Some("there is no run 7"))
    );
}

#[test]
fn a_record_is_one_line_in_a_pipe() {
    let sandbox = Sandbox::new();
    sandbox.script_that_greets();
    assert_eq!(sandbox.run(&[]).0, 0);
    let outcome = sandbox.rgpt(&["logs"]);
    let first: Vec<&str> = outcome
        .stdout
        .lines()
        .take(3)
        .map(|line| line[10..].split_inclusive(" answered").next().unwrap())
        .collect();
    insta::assert_snapshot!(first.join("\n"), @r"
    INFO               run created: greet the world
    INFO  planner/1    planner started with scripted
    INFO  planner/1    scripted answered
    ");
    assert_eq!(outcome.stdout.lines().count(), records(&sandbox, &[]).len());
}

#[test]
fn a_second_terminal_follows_a_run_to_its_end_across_files_put_aside() {
    let sandbox = Sandbox::new();
    sandbox.person_config(&format!(
        "{}logging: {{rotate: 300B, keep: 50}}\n",
        sandbox.model_config()
    ));
    let flag = slow(&sandbox);
    let run = start(&sandbox, &["run", "--goal", "greet", "--json"]);
    wait_for("the run", || sandbox.rgpt(&["inspect", "--json"]).code == 0);
    let follower = start(&sandbox, &["logs", "--follow", "--json"]);
    wait_for("the check", || {
        sandbox
            .processes()
            .iter()
            .any(|line| line.contains("check.sh"))
    });
    std::fs::write(flag, "").unwrap();
    assert_eq!(end_of(run).code, 0);
    let followed = end_of(follower);
    assert_eq!((followed.code, followed.stderr.as_str()), (0, ""));
    assert_eq!(followed.stream(), records(&sandbox, &["1"]));
    assert!(
        messages(&followed.stream())
            .last()
            .unwrap()
            .starts_with("done: ")
    );
    let logs = sandbox.folder().join(".rgpt/logs");
    assert!(logs.join("rgpt.log.3").is_file(), "files were put aside");
}

#[test]
fn lines_come_as_they_are_written_and_an_interrupt_is_a_good_end() {
    let sandbox = Sandbox::new();
    let flag = slow(&sandbox);
    let run = start(&sandbox, &["run", "--goal", "greet", "--json"]);
    wait_for("the run", || sandbox.rgpt(&["inspect", "--json"]).code == 0);
    let mut follower = start(&sandbox, &["logs", "-f"]);
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("tester started")));
    let pid = rustix::process::Pid::from_child(&follower);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(end_of(follower).code, 0);

    let mut follower = start(&sandbox, &["logs", "-f"]);
    drop(follower.stdout.take());
    let closed = end_of(follower);
    assert_eq!((closed.code, closed.stderr.as_str()), (0, ""));

    std::fs::write(flag, "").unwrap();
    assert_eq!(end_of(run).code, 0);
}

#[test]
fn following_a_run_that_was_killed_ends_with_the_next_command() {
    let sandbox = Sandbox::new();
    let flag = slow(&sandbox);
    let mut run = start(&sandbox, &["run", "--goal", "greet", "--json"]);
    wait_for("the check", || {
        sandbox
            .processes()
            .iter()
            .any(|line| line.contains("check.sh"))
    });
    run.kill().unwrap();
    run.wait().unwrap();
    std::fs::write(flag, "").unwrap();
    let followed = sandbox.rgpt(&["logs", "-f", "--phase", "planner"]);
    assert_eq!(followed.code, 0);
    assert!(
        followed.stderr.contains("rgpt resume --run 1"),
        "{followed:#?}"
    );
}
