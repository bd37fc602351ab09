//! Signals, closed pipes, standard input, and a second process that cancels.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::sandbox::{
    Outcome, RGPT, Sandbox, events, finish, plan, run_command, step, tools, write_file,
};

/// A bound on what must not hang, far above what it takes.
const LONG: Duration = Duration::from_secs(60);

/// Waits until something is so.
fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < LONG, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits for a program's end, and fails if there is none.
fn end_of(mut child: Child) -> Outcome {
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > LONG {
            child.kill().unwrap();
            panic!("the program does not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Outcome::of(child.wait_with_output().unwrap())
}

fn signal(child: &Child, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, signal).unwrap();
}

/// A repository whose check says that it runs, and then takes very long.
fn with_a_slow_check() -> Sandbox {
    let sandbox = Sandbox::new();
    let flag = sandbox.outside("flag");
    sandbox.write(
        "check.sh",
        &format!(
            "test -e '{0}' && exit 0\ntouch started\nsleep 300\n",
            flag.display()
        ),
    );
    sandbox.commit("a slow check");
    sandbox.script_that_greets();
    sandbox
}

fn run_piped(sandbox: &Sandbox, arguments: &[&str]) -> Child {
    piped(sandbox.start(RGPT).args(arguments))
}

fn piped(command: &mut Command) -> Child {
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until the slow check runs: its process is there.
fn wait_for_the_check(sandbox: &Sandbox) {
    wait_for("the check", || {
        let processes = sandbox.processes();
        processes.iter().any(|line| line.contains("sleep 300"))
    });
}

const RUN: [&str; 4] = ["run", "--json", "--goal", "greet"];

#[test]
fn a_signal_stops_a_run_at_its_next_safe_point() {
    use rustix::process::Signal;
    for kind in [Signal::INT, Signal::TERM] {
        let sandbox = with_a_slow_check();
        let child = run_piped(&sandbox, &RUN);
        wait_for_the_check(&sandbox);
        signal(&child, kind);
        let outcome = end_of(child);
        assert_eq!(outcome.code, 3, "{outcome:#?}");
        let summary = outcome.summary();
        assert_eq!(summary["run"]["stop_reason"], "interrupted");
        assert_eq!(summary["run"]["state"], "tester_running");
        assert_eq!(sandbox.processes(), [""; 0]);
        assert_eq!(sandbox.rgpt(&["db", "check"]).code, 0);

        std::fs::write(sandbox.outside("flag"), "").unwrap();
        let resumed = sandbox.rgpt(&["resume", "--run", "1", "--json"]);
        assert_eq!(resumed.code, 0, "{resumed:#?}");
        assert_eq!(resumed.summary()["run"]["state"], "done");
    }
}

#[test]
fn an_interrupted_run_prints_the_command_that_goes_on_with_it() {
    let sandbox = with_a_slow_check();
    let child = run_piped(&sandbox, &["run", "--goal", "greet"]);
    wait_for_the_check(&sandbox);
    signal(&child, rustix::process::Signal::INT);
    let outcome = end_of(child);
    assert_eq!(outcome.code, 3, "{outcome:#?}");
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(said.contains("rgpt resume"), "{said}");
}

#[test]
fn a_signal_ends_the_command_of_a_model_and_a_slow_answer() {
    let slow = json!({"agent": "builder", "delay_ms": 300_000, "text": "well …"});
    for reply in [tools(&[run_command("sleep 300")]), slow] {
        let sandbox = Sandbox::new();
        sandbox.script(&[plan(&[step("step-1", &["greeting.txt"])]), reply]);
        let mut child = run_piped(&sandbox, &RUN);
        let stdout = child.stdout.take().unwrap();
        let mut lines = BufReader::new(stdout).lines();
        assert!(lines.any(|line| line.unwrap().contains("step.started")));
        // The command or the question follows at once; a signal at any moment must do.
        std::thread::sleep(Duration::from_millis(100));
        signal(&child, rustix::process::Signal::INT);
        let last = lines.last().unwrap().unwrap();
        assert!(last.contains("interrupted"), "{last}");
        assert_eq!(end_of(child).code, 3);
        assert_eq!(sandbox.processes(), [""; 0]);
    }
}

#[test]
fn a_reader_that_goes_away_does_not_stop_the_run() {
    for arguments in [&RUN[..], &["run", "--goal", "greet"]] {
        let sandbox = Sandbox::new();
        sandbox.script_that_greets();
        let mut child = run_piped(&sandbox, arguments);
        // Closed before anything is read.
        drop(child.stdout.take());
        let outcome = end_of(child);
        assert_eq!(outcome.code, 0, "{outcome:#?}");
        assert!(!outcome.stderr.contains("panicked"), "{outcome:#?}");
        assert_eq!(sandbox.inspect()["run"]["state"], "done");
    }
}

#[test]
fn no_verb_fails_on_a_closed_pipe() {
    let sandbox = Sandbox::new();
    sandbox.script_that_greets();
    assert_eq!(sandbox.run(&[]).0, 0);
    let verbs: [&[&str]; 8] = [
        &["--help"],
        &["list"],
        &["inspect", "1"],
        &["inspect", "1", "--json"],
        &["config", "show"],
        &["config", "check"],
        &["doctor"],
        &["db", "check"],
    ];
    for arguments in verbs {
        let mut child = run_piped(&sandbox, arguments);
        drop(child.stdout.take());
        let outcome = end_of(child);
        assert_eq!(outcome.code, 0, "{arguments:?}: {outcome:#?}");
        assert!(
            !outcome.stderr.contains("panicked"),
            "{arguments:?}: {outcome:#?}"
        );
    }
}

#[test]
fn no_verb_reads_standard_input() {
    let sandbox = Sandbox::new();
    sandbox.script_that_greets();
    let verbs: [&[&str]; 9] = [
        &RUN,
        &["resume", "1"],
        &["cancel", "1"],
        &["inspect"],
        &["list"],
        &["doctor"],
        &["config", "trust"],
        &["db", "check"],
        &["run"],
    ];
    for arguments in verbs {
        // A pipe that nobody writes to and nobody closes.
        let mut command = sandbox.start(RGPT);
        let mut child = piped(command.args(arguments).stdin(Stdio::piped()));
        let input = child.stdin.take();
        end_of(child);
        drop(input);
    }
    assert_eq!(sandbox.inspect()["run"]["state"], "done");
}

#[test]
fn a_check_has_no_standard_input() {
    let sandbox = Sandbox::new();
    sandbox.write("check.sh", "cat\ntest ! -t 0\n");
    sandbox.commit("a check that reads");
    sandbox.script_that_greets();
    let mut command = sandbox.start(RGPT);
    let mut child = piped(command.args(RUN).stdin(Stdio::piped()));
    let input = child.stdin.take();
    let outcome = end_of(child);
    drop(input);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
}

#[test]
fn a_goal_is_read_from_standard_input_when_asked_for_with_a_dash() {
    let sandbox = Sandbox::new();
    sandbox.script_that_greets();
    let mut command = sandbox.start(RGPT);
    let mut child = piped(
        command
            .args(["run", "--json", "--goal-file", "-"])
            .stdin(Stdio::piped()),
    );
    let mut input = child.stdin.take().unwrap();
    input
        .write_all("greet the world, 日本 too\n".as_bytes())
        .unwrap();
    drop(input);
    let outcome = end_of(child);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_eq!(
        outcome.summary()["run"]["goal"],
        "greet the world, 日本 too"
    );
}

#[test]
fn a_second_process_cancels_a_run_that_is_at_work() {
    let sandbox = with_a_slow_check();
    let child = run_piped(&sandbox, &RUN);
    wait_for_the_check(&sandbox);
    let asked = sandbox.rgpt(&["cancel", "1", "--reason", "changed my mind", "--json"]);
    assert_eq!(asked.code, 0, "{asked:#?}");
    assert_eq!(asked.document()["run"]["state"], "cancelling");
    let outcome = end_of(child);
    assert_eq!(outcome.code, 2, "{outcome:#?}");
    let summary = outcome.summary();
    assert_eq!(summary["run"]["status"], "cancelled");
    assert_eq!(summary["interventions"][0]["status"], "done");
    let why = events(&summary, "run.cancelled").join("");
    assert!(why.contains("changed my mind"), "{why}");
    assert_eq!(sandbox.processes(), [""; 0]);
}

#[test]
fn a_second_process_does_not_drive_a_run_that_is_at_work() {
    let sandbox = with_a_slow_check();
    let child = run_piped(&sandbox, &RUN);
    wait_for_the_check(&sandbox);
    let pid = child.id().to_string();
    let refused = sandbox.rgpt(&["resume", "1", "--json"]);
    assert_eq!(refused.code, 1, "{refused:#?}");
    let message = refused.error()["message"].as_str().unwrap().to_owned();
    assert!(message.contains(&pid), "{message}");
    let seen = sandbox.inspect();
    assert_eq!(seen["run"]["status"], "running");
    let recoverable = sandbox
        .rgpt(&["list", "--recoverable", "--json"])
        .document();
    assert_eq!(recoverable["runs"], json!([]));
    signal(&child, rustix::process::Signal::INT);
    assert_eq!(end_of(child).code, 3);
}

#[test]
fn a_run_that_was_killed_goes_on_where_it_was() {
    let sandbox = Sandbox::new();
    let flag = sandbox.outside("flag");
    sandbox.write(
        "check.sh",
        &format!("test -e '{0}' || sleep 300\n", flag.display()),
    );
    sandbox.commit("a slow check");
    sandbox.script(&[
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[write_file("greeting.txt", "hello world\n")]),
        finish("greets"),
    ]);
    let before = sandbox.fingerprint();
    let mut child = run_piped(&sandbox, &RUN);
    wait_for_the_check(&sandbox);
    child.kill().unwrap();
    child.wait().unwrap();
    wait_for("the end of the check", || sandbox.processes().is_empty());
    std::fs::write(flag, "").unwrap();
    let resumed = sandbox.rgpt(&["resume", "--json"]);
    assert_eq!(resumed.code, 0, "{resumed:#?}");
    assert_eq!(resumed.summary()["run"]["usage"]["model_calls"], 3);
    before.assert_only_branches_added(&sandbox.fingerprint());
}
