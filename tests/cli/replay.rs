//! Doing a run again: offline from its record, from a phase, and what is said where the two part.

use std::fs;

use rgpt::domain::RunId;
use rgpt::domain::tape::Call;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::sandbox::{
    Outcome, Sandbox, events, finish, plan, run_command, step, tools, write_file,
};

/// A sandbox with a run that reached its goal, and then loses its model.
fn reached(replies: &[Value]) -> (Sandbox, Value) {
    let sandbox = Sandbox::new();
    sandbox.script(replies);
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    fs::remove_file(sandbox.outside("script.yaml")).unwrap();
    (sandbox, summary)
}

fn greeting(text: &str) -> [Value; 3] {
    [
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[write_file("greeting.txt", text)]),
        finish("greets the world"),
    ]
}

fn replay(sandbox: &Sandbox, arguments: &[&str]) -> Outcome {
    sandbox.rgpt(&[&["replay", "--run", "1", "--json"], arguments].concat())
}

/// Replays run 1 offline and expects it to come to the same.
fn assert_replays(sandbox: &Sandbox, source: &Value) -> Value {
    let outcome = replay(sandbox, &["--offline"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let summary = outcome.summary();
    assert_eq!(summary["replay"]["result"], "equal", "{summary:#}");
    assert_eq!(summary["replay"]["notes"], json!([]), "{summary:#}");
    assert_eq!(summary["run"]["parent_run_id"], 1);
    assert_eq!(summary["run"]["tree"], source["run"]["tree"]);
    assert_eq!(summary["run"]["state"], source["run"]["state"]);
    assert_eq!(summary["run"]["usage"]["cost_usd"], 0.0);
    let database = sandbox.rgpt(&["db", "check"]);
    assert_eq!(database.code, 0, "{database:#?}");
    summary
}

/// Replays run 1 offline and expects it to part from its source.
fn assert_parts(sandbox: &Sandbox) -> Value {
    let outcome = replay(sandbox, &["--offline"]);
    assert_eq!(outcome.code, 4, "{outcome:#?}");
    let summary = outcome.summary();
    assert_eq!(summary["replay"]["result"], "diverged");
    assert_ne!(summary["run"]["state"], "done");
    assert_eq!(summary["run"]["stop_reason"], "diverged");
    summary["replay"]["divergence"].clone()
}

/// Changes the one recorded answer of a model or a tool that holds `from`.
fn plant(sandbox: &Sandbox, from: &str, to: &str) {
    let state = sandbox.folder().join(".rgpt");
    let store = crate::world::open_store(&state);
    let run = store.load(RunId(1)).unwrap().unwrap();
    let mut planted = Vec::new();
    for execution in &run.executions {
        for entry in store.tape(run.id, execution.id).unwrap() {
            if let (Call::Model(_) | Call::Tool(_), Some(answer)) = (entry.call, entry.answer) {
                let text = serde_json::to_string(&answer).unwrap();
                if text.contains(from) {
                    planted.push((text.replacen(from, to, 1), execution.id.0, entry.ordinal));
                }
            }
        }
    }
    drop(store);
    assert_eq!(planted.len(), 1, "one answer holds {from:?}");
    let database = Connection::open(state.join("rgpt.db")).unwrap();
    let changed = database.execute(
        "UPDATE tape SET answer = ?1 WHERE run_id = 1 AND execution_id = ?2 AND ordinal = ?3",
        planted.remove(0),
    );
    assert_eq!(changed, Ok(1));
}

#[test]
fn a_run_is_replayed_without_its_model_to_the_same_tree() {
    let (sandbox, source) = reached(&greeting("hello world\n"));
    let refs = || sandbox.git(&["for-each-ref"]);
    let before = refs();
    let summary = assert_replays(&sandbox, &source);
    assert_eq!(refs().lines().count(), before.lines().count() + 1);
    assert!(refs().contains(&before) && refs().contains("refs/heads/rgpt/run-2"));
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
    assert_eq!(summary["replay"]["mode"], "offline");
    assert_eq!(summary["run"]["usage"]["model_calls"], 3);
    let source = sandbox.rgpt(&["inspect", "1", "--json"]).document();
    assert_eq!(source["forks"], json!([2]));
    let listed = sandbox.rgpt(&["list", "--json"]).document();
    assert_eq!(listed["runs"][0]["parent_run_id"], 1);
}

#[test]
fn what_a_replay_comes_to_is_said_in_words() {
    let (sandbox, _) = reached(&greeting("hello world\n"));
    let outcome = sandbox.rgpt(&["replay", "1", "--offline"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert!(
        outcome
            .stdout
            .contains("the same tree, verdicts and events as run 1"),
        "{}",
        outcome.stdout
    );
    let inspected = sandbox.rgpt(&["inspect", "2"]).stdout;
    assert!(
        inspected.contains("from run 1 at the planner (offline), and the same as it"),
        "{inspected}"
    );
}

#[test]
fn a_replay_of_a_healed_run_goes_the_same_ways() {
    let (sandbox, source) = reached(&[
        json!({"agent": "planner", "text": "{\"steps\": [{\"id\": "}),
        json!({"agent": "planner", "error": {"status": 429, "retry_after": 0, "message": "slow down"}}),
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[write_file("greeting.txt", "bad world\n")]),
        finish("greets"),
        tools(&[write_file("greeting.txt", "good world\n")]),
        finish("greets better"),
    ]);
    assert_eq!(source["run"]["heal_count"], 2);
    let summary = assert_replays(&sandbox, &source);
    assert_eq!(summary["run"]["heal_count"], 2);
}

#[test]
fn what_a_models_command_did_comes_from_the_record() {
    let (sandbox, source) = reached(&[
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[run_command(
            "date +%N > greeting.txt; date +%N > check.sh; date +%N",
        )]),
        finish("greets with the time"),
    ]);
    assert_eq!(events(&source, "gate.denied").len(), 1);
    let summary = assert_replays(&sandbox, &source);
    assert_eq!(events(&summary, "gate.denied").len(), 1);
}

#[test]
fn sleeps_clocks_and_temporary_paths_are_no_divergence() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "check.sh",
        "sleep 0.0$(date +%N | tail -c 2); date; mktemp -d; echo took $(date +%N) ms\n\
         if grep -n bad greeting.txt; then echo \"failed at $(date) in $(pwd)/x.$$\"; exit 1; fi\n",
    );
    sandbox.commit("a check that says something else each time");
    sandbox.script_that_mends();
    let (code, source) = sandbox.run(&[]);
    assert_eq!(code, 0, "{source:#}");
    assert_replays(&sandbox, &source);
}

#[test]
fn a_word_that_was_changed_in_an_edit_on_the_record_is_named() {
    let (sandbox, _) = reached(&greeting("hello world\n"));
    plant(&sandbox, "hello world", "hello moon");
    let divergence = assert_parts(&sandbox);
    assert_eq!(divergence["type"], "step.completed");
    let (a, b) = (divergence["a"].as_str(), divergence["b"].as_str());
    assert_eq!(
        a,
        Some("write_file greeting.txt, content: \"hello world\\n\"")
    );
    assert_eq!(
        b,
        Some("write_file greeting.txt, content: \"hello moon\\n\"")
    );
    assert_eq!(divergence["call"], 2);
}

#[test]
fn a_word_that_was_changed_in_a_plan_or_a_summary_on_the_record_is_named() {
    for (from, to, kind) in [
        ("as the goal says", "as the devil says", "planner.completed"),
        ("greets the world", "greets the moon", "step.completed"),
    ] {
        let (sandbox, _) = reached(&greeting("hello world\n"));
        plant(&sandbox, from, to);
        let divergence = assert_parts(&sandbox);
        assert_eq!(divergence["type"], kind);
        let (a, b) = (divergence["a"].to_string(), divergence["b"].to_string());
        assert!(a.contains(from) && b.contains(to), "{divergence:#}");
    }
}

#[test]
fn a_word_that_was_changed_beside_the_calls_or_in_a_tools_answer_is_named() {
    for (from, to, call) in [
        ("Looking around carefully.", "Looking around carelessly.", 1),
        ("the notes say hello", "the notes say nothing", 2),
        ("printed by a command", "printed by a demon", 3),
    ] {
        let (sandbox, _) = reached(&[
            plan(&[step("step-1", &["greeting.txt"])]),
            json!({"agent": "builder", "text": "Looking around carefully.", "tools": [
                {"name": "read_file", "arguments": {"path": "docs/notes.txt"}},
                run_command("printf 'printed %s' 'by a command'"),
            ]}),
            tools(&[write_file("greeting.txt", "hello world\n")]),
            finish("greets the world"),
        ]);
        let from = if call == 2 { "notes\\n" } else { from };
        plant(&sandbox, from, to);
        let divergence = assert_parts(&sandbox);
        assert_eq!(divergence["call"], call, "{divergence:#}");
        assert!(
            divergence["a"].to_string().contains(to) || divergence["b"].to_string().contains(to),
            "{divergence:#}"
        );
    }
}

#[test]
fn a_resume_that_drops_until_is_followed_to_the_end() {
    let sandbox = Sandbox::new();
    sandbox.script(&greeting("hello world\n"));
    let (code, _) = sandbox.run(&["--until", "builder"]);
    assert_eq!(code, 0);
    let stopped = sandbox.inspect();
    let summary = assert_replays(&sandbox, &stopped);
    assert_eq!(summary["run"]["stop_reason"], "until");
    assert_eq!(sandbox.rgpt(&["cancel", "1"]).code, 0);
    let cancelled = sandbox.inspect();
    assert_eq!(cancelled["run"]["id"], 2);
    let outcome = replay(&sandbox, &["--offline"]);
    assert_eq!(
        outcome.summary()["run"]["state"],
        "cancelled",
        "{outcome:#?}"
    );
    let outcome = sandbox.rgpt(&["resume", "1", "--json"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let source = outcome.summary();
    assert_eq!(source["run"]["state"], "done");
    assert_replays(&sandbox, &source);
    let outcome = replay(&sandbox, &["--offline", "--phase", "tester"]);
    assert_eq!(outcome.summary()["run"]["state"], "done", "{outcome:#?}");
}

#[test]
fn recorded_checks_prove_no_tree_so_nothing_is_handed_over() {
    let (sandbox, source) = reached(&greeting("hello world\n"));
    let outcome = replay(&sandbox, &["--offline", "--checks", "recorded"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let summary = outcome.summary();
    assert_eq!(summary["run"]["state"], "tester_completed");
    assert_eq!(summary["run"]["verified"], false);
    assert_eq!(summary["run"]["tree"], source["run"]["tree"]);
    assert_eq!(sandbox.git(&["branch", "--list", "rgpt/run-2"]), "");
    sandbox.script(&[]);
    let outcome = sandbox.rgpt(&["resume", "2", "--json"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let checks = outcome.summary()["checks"].as_array().unwrap().len();
    assert_eq!(checks, 2, "one from the record, and one that ran");
}

#[test]
fn variables_that_a_record_names_are_passed_only_if_the_person_names_them_too() {
    let mut sandbox = Sandbox::new();
    sandbox.set("SOME_SECRET", "hunter2");
    let seen = sandbox.outside("seen");
    sandbox.write(
        "check.sh",
        &format!("echo \"[$SOME_SECRET]\" > {}\n", seen.display()),
    );
    sandbox.commit("a check that looks at a variable");
    let own = "checks: {test: {kind: test, command: sh check.sh, report: none, pass_env: [SOME_SECRET]}}\npolicy: {sandbox: off}\n";
    sandbox.write("orchestrator.local.yaml", own);
    sandbox.script(&greeting("hello world\n"));
    assert_eq!(sandbox.run(&[]).0, 0);
    assert_eq!(fs::read_to_string(&seen).unwrap(), "[hunter2]\n");
    sandbox.write("orchestrator.local.yaml", "policy: {sandbox: off}\n");
    let outcome = replay(&sandbox, &["--offline"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_eq!(fs::read_to_string(&seen).unwrap(), "[]\n");
}

#[test]
fn a_replay_that_parted_is_told_in_words_and_is_not_gone_on_with() {
    let (sandbox, _) = reached(&greeting("hello world\n"));
    plant(&sandbox, "greets the world", "greets the moon");
    let outcome = sandbox.rgpt(&["replay", "1", "--offline"]);
    assert_eq!(outcome.code, 4, "{outcome:#?}");
    let told = &outcome.stdout;
    assert!(told.contains("run 2 parts from run 1 at event"), "{told}");
    assert!(told.contains("greets the moon"), "{told}");
    let outcome = sandbox.rgpt(&["resume", "2", "--json"]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    assert!(
        outcome.error()["hints"][0]
            .as_str()
            .unwrap()
            .contains("rgpt replay --run 1")
    );
}

#[test]
fn a_check_that_comes_out_otherwise_is_a_divergence() {
    let sandbox = Sandbox::new();
    let outside = sandbox.outside("verdict");
    sandbox.write("check.sh", &format!("exit $(cat {})\n", outside.display()));
    sandbox.commit("a check that looks elsewhere");
    fs::write(&outside, "0").unwrap();
    sandbox.script(&greeting("hello world\n"));
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    fs::write(&outside, "1").unwrap();
    let divergence = assert_parts(&sandbox);
    assert_eq!(divergence["type"], "check.completed");
    assert_eq!(divergence["a"], "status: \"passed\"");
    assert_eq!(divergence["b"], "status: \"failed\"");
    // Nothing is checked again where the record is believed.
    let outcome = replay(&sandbox, &["--offline", "--checks", "recorded"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_eq!(outcome.summary()["replay"]["mode"], "recorded");
}

#[test]
fn a_set_up_that_cannot_be_repeated_is_no_divergence_but_a_hint() {
    let sandbox = Sandbox::new();
    let network = sandbox.outside("network");
    sandbox.write(
        "orchestrator.yaml",
        &format!(
            "workspace: {{setup: [{{command: cat {}}}]}}\n\
             checks:\n  test: {{kind: test, command: sh check.sh, report: none}}\n",
            network.display()
        ),
    );
    sandbox.commit("a set-up that needs something");
    fs::write(&network, "there").unwrap();
    sandbox.script(&greeting("hello world\n"));
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    fs::remove_file(&network).unwrap();
    let outcome = replay(&sandbox, &["--offline"]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    let hint = outcome.stream().pop().unwrap()["error"]["hints"][0].to_string();
    assert!(hint.contains("--checks recorded"), "{hint}");
    let outcome = replay(&sandbox, &["--offline", "--checks", "recorded"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
}

#[test]
fn a_run_that_failed_and_was_resumed_is_replayed_with_what_the_person_did() {
    let sandbox = Sandbox::new();
    sandbox.script_that_mends();
    let (code, summary) = sandbox.run(&["--max-retries", "0"]);
    assert_eq!(code, 2, "{summary:#}");
    let failed = assert_replays(&sandbox, &summary);
    assert_eq!(failed["run"]["status"], "failed");
    let outcome = sandbox.rgpt(&["resume", "1", "--max-retries", "2", "--json"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let summary = assert_replays(&sandbox, &outcome.summary());
    assert_eq!(events(&summary, "run.resumed").len(), 1);
}

#[test]
fn a_run_that_stopped_for_money_is_replayed_to_its_stop_and_beyond() {
    let sandbox = Sandbox::new();
    sandbox.script(&greeting("hello world\n"));
    let (code, summary) = sandbox.run(&["--budget-usd", "0"]);
    assert_eq!(code, 3, "{summary:#}");
    let stopped = assert_replays(&sandbox, &summary);
    assert_eq!(stopped["run"]["stop_reason"], "budget_usd");
    let outcome = sandbox.rgpt(&["resume", "1", "--budget-usd", "5", "--json"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_replays(&sandbox, &outcome.summary());
}

#[test]
fn a_run_that_was_killed_and_resumed_is_replayed_and_so_is_one_that_was_not() {
    let sandbox = Sandbox::new();
    sandbox.script(&greeting("hello world\n"));
    let mut command = sandbox.start(crate::sandbox::RGPT);
    command.args(["run", "--goal", "greet the world"]);
    command.env("RGPT_CRASH", "model.called:2");
    assert_eq!(command.output().unwrap().status.code(), None);
    let killed = sandbox.inspect();
    assert_eq!(killed["run"]["state"], "builder_running");
    let outcome = replay(&sandbox, &["--offline"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_eq!(outcome.summary()["replay"]["result"], "equal");
    assert_eq!(outcome.summary()["run"]["stop_reason"], "interrupted");
    let outcome = sandbox.rgpt(&["resume", "1", "--json"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_replays(&sandbox, &outcome.summary());
}

/// The places that a replay passes at which it can be killed, each as often as it passes there.
fn places(sandbox: &Sandbox) -> Vec<String> {
    let log = sandbox.outside("places");
    let mut command = sandbox.start(crate::sandbox::RGPT);
    command.args(["replay", "1", "--offline", "--quiet"]);
    command.env("RGPT_CRASH_LOG", &log);
    assert!(command.output().unwrap().status.success());
    let mut seen = std::collections::BTreeMap::new();
    let passed = fs::read_to_string(log).unwrap();
    let passes = passed.lines().map(|line| {
        let name = line.split([' ', ':']).next().unwrap();
        let count = seen.entry(name.to_owned()).or_insert(0);
        *count += 1;
        format!("{name}:{count}")
    });
    passes.collect()
}

#[test]
fn a_replay_that_is_killed_anywhere_goes_on_from_the_record() {
    let (sandbox, source) = reached(&[
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[write_file("greeting.txt", "bad world\n")]),
        tools(&[run_command("date > greeting.txt")]),
        finish("greets"),
    ]);
    let places = places(&sandbox);
    assert!(places.len() > 20, "{places:?}");
    for place in places {
        let mut command = sandbox.start(crate::sandbox::RGPT);
        command.args(["replay", "1", "--offline", "--quiet"]);
        command.env("RGPT_CRASH", &place);
        assert_eq!(command.output().unwrap().status.code(), None, "{place}");
        let latest = sandbox.inspect();
        if latest["run"]["parent_run_id"] != 1 || latest["replay"]["result"] != Value::Null {
            // It had not begun, or had come to its end.
            continue;
        }
        let outcome = sandbox.rgpt(&["resume", "latest", "--json"]);
        assert_eq!(outcome.code, 0, "{place}: {outcome:#?}");
        let summary = outcome.summary();
        assert_eq!(summary["replay"]["result"], "equal", "{place}: {summary:#}");
        assert_eq!(summary["run"]["tree"], source["run"]["tree"]);
    }
    let database = sandbox.rgpt(&["db", "check"]);
    assert_eq!(database.code, 0, "{database:#?}");
}

#[test]
fn a_record_that_came_with_the_repository_is_not_replayed_by_its_own_settings() {
    let (sandbox, _) = reached(&greeting("hello world\n"));
    sandbox.git(&["add", "--force", ".rgpt/rgpt.db"]);
    let outcome = replay(&sandbox, &["--offline"]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    let error = outcome.stream().pop().unwrap();
    let message = error["error"]["message"].as_str().unwrap();
    assert!(message.contains("git tracks the record"), "{message}");
}

#[test]
fn a_replay_of_a_replay_is_one_too() {
    let (sandbox, source) = reached(&greeting("hello world\n"));
    assert_replays(&sandbox, &source);
    let outcome = sandbox.rgpt(&["replay", "2", "--offline", "--phase", "tester", "--json"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let summary = outcome.summary();
    assert_eq!(summary["replay"]["source_run_id"], 2);
    assert_eq!(summary["run"]["tree"], source["run"]["tree"]);
    assert_eq!(summary["run"]["usage"]["model_calls"], 0);
}

#[test]
fn a_phase_is_done_again_with_the_tree_of_its_last_entry() {
    let sandbox = Sandbox::new();
    sandbox.script(&[
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[write_file("greeting.txt", "hello world\n")]),
        finish("greets"),
    ]);
    let (code, source) = sandbox.run(&[]);
    assert_eq!(code, 0, "{source:#}");
    let outcome = replay(&sandbox, &["--phase", "tester_running"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let summary = outcome.summary();
    assert_eq!(summary["replay"]["phase"], "tester");
    assert_eq!(summary["replay"]["mode"], "live");
    assert_eq!(summary["replay"]["result"], "equal", "{summary:#}");
    assert_eq!(summary["run"]["branch"], "rgpt/run-2");
    assert_eq!(summary["run"]["usage"]["model_calls"], 0);
}

#[test]
fn replies_that_were_used_before_the_fork_stay_used() {
    let sandbox = Sandbox::new();
    let mut replies = greeting("hello world\n").to_vec();
    replies.extend([
        tools(&[write_file("greeting.txt", "hello moon\n")]),
        finish("greets the moon"),
    ]);
    sandbox.script(&replies);
    let (code, source) = sandbox.run(&[]);
    assert_eq!(code, 0, "{source:#}");
    // Its own replies are there again for a fork before they were used.
    let outcome = replay(&sandbox, &["--phase", "builder"]);
    assert_eq!(outcome.summary()["run"]["tree"], source["run"]["tree"]);
    assert_eq!(outcome.summary()["replay"]["result"], "equal");
}

#[test]
fn the_phase_that_failed_is_done_again_with_a_new_budget() {
    let sandbox = Sandbox::new();
    sandbox.script_that_mends();
    let (code, summary) = sandbox.run(&["--max-retries", "0"]);
    assert_eq!(code, 2, "{summary:#}");
    let outcome = replay(&sandbox, &["--failed"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let summary = outcome.summary();
    assert_eq!(summary["replay"]["phase"], "tester");
    assert_eq!(
        summary["replay"]["result"], "diverged",
        "it goes on where its source failed"
    );
    assert_eq!(summary["run"]["status"], "success");
    let source = sandbox.rgpt(&["inspect", "1", "--json"]).document();
    assert_eq!(source["run"]["status"], "failed", "it is left alone");
}

#[test]
fn a_replay_stops_where_it_is_asked_to_and_may_be_gone_on_with() {
    let sandbox = Sandbox::new();
    sandbox.script(&greeting("hello world\n"));
    let (code, source) = sandbox.run(&[]);
    assert_eq!(code, 0, "{source:#}");
    let outcome = replay(&sandbox, &["--offline", "--until", "builder"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let summary = outcome.summary();
    assert_eq!(summary["run"]["state"], "builder_completed");
    assert_eq!(summary["run"]["stop_reason"], "until");
    assert_eq!(summary["replay"]["result"], "equal");
    let outcome = sandbox.rgpt(&["resume", "2", "--json"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_eq!(outcome.summary()["run"]["tree"], source["run"]["tree"]);
}

#[test]
fn what_cannot_be_replayed_is_refused_and_changes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.script(&greeting("hello world\n"));
    let (code, _) = sandbox.run(&["--until", "planner"]);
    assert_eq!(code, 0);
    for (arguments, code, words) in [
        (
            ["--phase", "tester"].as_slice(),
            1,
            "never came to the tester",
        ),
        (&["--failed"], 1, "no phase of run 1 has failed"),
        (
            &["--checks", "recorded"],
            64,
            "required arguments were not provided",
        ),
        (
            &["--offline", "--model", "planner=x"],
            64,
            "cannot be used with",
        ),
        (
            &["--failed", "--phase", "tester"],
            64,
            "cannot be used with",
        ),
    ] {
        let outcome = replay(&sandbox, arguments);
        assert_eq!(outcome.code, code, "{arguments:?}: {outcome:#?}");
        let error = outcome.stream().pop().unwrap();
        let message = error["error"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{arguments:?}: {message}");
    }
    let listed = sandbox.rgpt(&["list", "--json"]).document();
    assert_eq!(listed["runs"].as_array().unwrap().len(), 1);
    let outcome = sandbox.rgpt(&["replay", "9", "--offline", "--json"]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
}
