//! Looking after the record: archives, restoring them, and forgetting old runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::sandbox::{Outcome, RGPT, Sandbox, finish, plan, run_command, step, tools, write_file};

/// Run 1 is done and has an artifact, run 2 has stopped after its plan.
pub(crate) fn with_two_runs() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.script(&[
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[
            run_command("head -c 3000000 /dev/zero | tr '\\0' x"),
            write_file("greeting.txt", "hello world\n"),
        ]),
        finish("greets the world"),
    ]);
    assert_eq!(sandbox.run(&[]).0, 0);
    sandbox.script_that_greets();
    assert_eq!(sandbox.run(&["--until", "planner"]).0, 0);
    sandbox
}

pub(crate) fn backup(sandbox: &Sandbox, name: &str) -> PathBuf {
    let file = sandbox.outside(name);
    let outcome = sandbox.rgpt(&["db", "backup", file.to_str().unwrap(), "--json"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    file
}

pub(crate) fn restore(sandbox: &Sandbox, file: &Path, state: &Path, more: &[&str]) -> Outcome {
    let (file, state) = (file.to_str().unwrap(), state.to_str().unwrap());
    let verb = ["db", "restore", file, "--state-dir", state, "--json"];
    sandbox.rgpt(&[&verb[..], more].concat())
}

fn in_state(sandbox: &Sandbox, state: &Path, verb: &[&str]) -> Value {
    let place = ["--state-dir", state.to_str().unwrap(), "--json"];
    let outcome = sandbox.rgpt(&[verb, &place].concat());
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    outcome.document()
}

pub(crate) fn entries(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn an_archive_restored_elsewhere_is_the_same_record_and_goes_on() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = with_two_runs();
    let before: Vec<Value> = ["1", "2"]
        .map(|run| sandbox.rgpt(&["inspect", run, "--json"]).document())
        .to_vec();
    let file = backup(&sandbox, "copy.zip");
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    fs::remove_dir_all(sandbox.folder().join(".rgpt")).unwrap();
    fs::remove_dir_all(sandbox.outside("home/.cache")).unwrap();

    let state = sandbox.outside("elsewhere/state");
    let restored = restore(&sandbox, &file, &state, &[]);
    assert_eq!(restored.code, 0, "{restored:#?}");
    let holds = restored.document()["restore"]["holds"].clone();
    assert_eq!(
        (&holds["runs"], &holds["whole"]),
        (&json!([1, 2]), &json!(true))
    );
    assert_eq!(holds["config"]["files"], 1);
    assert_eq!(entries(&sandbox.outside("elsewhere")), ["state"]);

    for (index, run) in ["1", "2"].into_iter().enumerate() {
        assert_eq!(in_state(&sandbox, &state, &["inspect", run]), before[index]);
    }
    let artifact = &before[0]["artifacts"][0];
    let path = artifact["path"].as_str().unwrap();
    assert!(
        !path.starts_with('/'),
        "it is relative to the folder of artifacts: {path}"
    );
    let whole = fs::read(state.join("artifacts").join(path)).unwrap();
    assert_eq!(blake3::hash(&whole).to_hex().as_str(), artifact["hash"]);
    assert_eq!(in_state(&sandbox, &state, &["db", "check"])["ok"], true);
    assert_eq!(
        in_state(&sandbox, &state, &["list"])["runs"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let text = fs::read_to_string(state.join("config/orchestrator.yaml")).unwrap();
    assert_eq!(text, sandbox.read("orchestrator.yaml"));
    let logs = sandbox.rgpt(&[
        "logs",
        "1",
        "--state-dir",
        state.to_str().unwrap(),
        "--json",
    ]);
    assert!(logs.stream().len() > 10, "{logs:#?}");

    let resumed = sandbox.rgpt(&[
        "resume",
        "2",
        "--state-dir",
        state.to_str().unwrap(),
        "--json",
    ]);
    assert_eq!(resumed.code, 0, "{resumed:#?}");
    assert_eq!(resumed.summary()["run"]["state"], "done");
}

#[test]
fn a_stopped_run_of_a_restored_archive_comes_to_its_end() {
    let sandbox = Sandbox::new();
    sandbox.script_that_greets();
    assert_eq!(sandbox.run(&["--budget-usd", "0.001"]).0, 3);
    let file = backup(&sandbox, "copy.zip");
    fs::remove_dir_all(sandbox.folder().join(".rgpt")).unwrap();
    let state = sandbox.folder().join(".rgpt");
    assert_eq!(restore(&sandbox, &file, &state, &[]).code, 0);
    let resumed = sandbox.rgpt(&["resume", "1", "--budget-usd", "5", "--json"]);
    assert_eq!(resumed.code, 0, "{resumed:#?}");
    assert_eq!(resumed.summary()["run"]["verified"], true);
    assert_eq!(
        sandbox.git(&["show", "rgpt/run-1:greeting.txt"]),
        "hello world"
    );
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
}

#[test]
fn an_archive_is_written_while_a_run_goes_on_and_takes_nobody_s_place() {
    let sandbox = Sandbox::new();
    let flag = sandbox.outside("flag");
    let check = format!("until test -e '{}'; do sleep 0.05; done\n", flag.display());
    sandbox.write("check.sh", &check);
    sandbox.commit("a slow check");
    sandbox.script_that_greets();
    let mut run = sandbox.start(RGPT);
    let run = run.args(["run", "--goal", "greet", "--json"]);
    let run = run
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while !sandbox
        .processes()
        .iter()
        .any(|line| line.contains("check.sh"))
    {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let file = backup(&sandbox, "copy.zip");
    let state = sandbox.folder().join(".rgpt");
    let busy = restore(&sandbox, &file, &state, &["--force"]);
    assert_eq!(busy.code, 1, "{busy:#?}");
    assert!(
        busy.error()["message"].as_str().unwrap().contains("open"),
        "{busy:#?}"
    );
    let taken = sandbox.rgpt(&["db", "backup", file.to_str().unwrap(), "--json"]);
    assert_eq!(taken.code, 1);
    assert!(
        taken.error()["hints"][0]
            .as_str()
            .unwrap()
            .contains("rgpt db backup FILE")
    );
    fs::write(flag, "").unwrap();
    assert_eq!(Outcome::of(run.wait_with_output().unwrap()).code, 0);

    let elsewhere = sandbox.outside("elsewhere");
    assert_eq!(restore(&sandbox, &file, &elsewhere, &[]).code, 0);
    let resumed = sandbox.rgpt(&[
        "resume",
        "--state-dir",
        elsewhere.to_str().unwrap(),
        "--json",
    ]);
    assert_eq!(resumed.code, 0, "it comes to the same commit: {resumed:#?}");
    assert_eq!(in_state(&sandbox, &elsewhere, &["db", "check"])["ok"], true);
}

#[test]
fn a_restore_takes_the_place_of_a_record_only_when_told_and_keeps_it() {
    let sandbox = with_two_runs();
    let file = backup(&sandbox, "copy.zip");
    let state = sandbox.folder().join(".rgpt");
    sandbox.script_that_greets();
    assert_eq!(sandbox.run(&[]).0, 0);
    let refused = restore(&sandbox, &file, &state, &[]);
    assert_eq!(refused.code, 1, "{refused:#?}");
    assert!(
        refused.error()["hints"][0]
            .as_str()
            .unwrap()
            .contains("--force")
    );

    fs::write(state.join("rgpt.db"), "damaged".repeat(1000)).unwrap();
    assert_eq!(sandbox.rgpt(&["list"]).code, 1);
    let restored = restore(&sandbox, &file, &state, &["--force"]);
    assert_eq!(restored.code, 0, "{restored:#?}");
    let moved = restored.document()["restore"]["moved"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(moved.contains(".rgpt.before-restore-"), "{moved}");
    assert!(
        fs::read_to_string(Path::new(&moved).join("rgpt.db"))
            .unwrap()
            .starts_with("damaged")
    );
    assert_eq!(sandbox.rgpt(&["db", "check"]).code, 0);
    assert_eq!(
        sandbox.git(&["status", "--porcelain"]),
        "",
        "nothing of it is seen by git"
    );
    let theirs = sandbox.outside("theirs");
    fs::create_dir(&theirs).unwrap();
    fs::write(theirs.join("diary"), "dear").unwrap();
    assert_eq!(
        restore(&sandbox, &file, &theirs, &["--force"]).code,
        1,
        "it is no record"
    );
    assert_eq!(entries(&theirs), ["diary"]);
}

#[test]
fn pruning_says_what_would_go_and_does_it_when_told() {
    let sandbox = with_two_runs();
    sandbox.script_that_greets();
    for _ in 0..2 {
        assert_eq!(sandbox.run(&[]).0, 0);
    }
    let asks = sandbox.rgpt(&["db", "prune"]);
    assert_eq!(asks.code, 64, "{asks:#?}");
    let kept = sandbox.rgpt(&["inspect", "4", "--json"]).document();
    let before = sandbox.fingerprint();
    let dry = sandbox
        .rgpt(&["db", "prune", "--keep", "1", "--json"])
        .document();
    assert_eq!(
        (&dry["prune"]["done"], &dry["prune"]["runs"]),
        (&json!(false), &json!([1, 3]))
    );
    assert_eq!(dry["prune"]["kept"][0]["run"], 2, "it can go on");
    before.assert_only_added_below(&sandbox.fingerprint(), ".rgpt");

    let pruned = sandbox.rgpt(&["db", "prune", "--keep", "1", "--yes", "--json"]);
    assert_eq!(pruned.code, 0, "{pruned:#?}");
    let pruned = pruned.document()["prune"].clone();
    assert_eq!(
        (&pruned["runs"], &pruned["notes"]),
        (&json!([1, 3]), &json!([]))
    );
    for kind in ["database", "artifacts", "logs"] {
        let bytes = |when: &str| pruned[when][kind].as_u64().unwrap();
        assert!(bytes("after") < bytes("before"), "{kind}: {pruned:#}");
    }
    assert_eq!(sandbox.rgpt(&["inspect", "4", "--json"]).document(), kept);
    assert_eq!(sandbox.rgpt(&["db", "check"]).code, 0);
    let rebuilt = sandbox.rgpt(&["db", "rebuild", "--json"]).document();
    assert_eq!(rebuilt["rebuild"]["differences"], json!([]));
    let gone = sandbox.rgpt(&["inspect", "1", "--json"]);
    let archive = pruned["archive"]["path"].as_str().unwrap();
    let error = gone.error();
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .starts_with("run 1 was pruned"),
        "{error}"
    );
    assert!(
        error["hints"][0].as_str().unwrap().contains(archive),
        "{error}"
    );

    let resumed = sandbox.rgpt(&["resume", "2", "--json"]);
    assert_eq!(resumed.code, 0, "run 2 has all it needs: {resumed:#?}");

    let state = sandbox.outside("archived");
    assert_eq!(restore(&sandbox, Path::new(archive), &state, &[]).code, 0);
    assert_eq!(in_state(&sandbox, &state, &["db", "check"])["ok"], true);
    let archived = in_state(&sandbox, &state, &["inspect", "1"]);
    assert_eq!(archived["run"]["state"], "done");
    assert_eq!(archived["artifacts"].as_array().unwrap().len(), 2);
    let listed = in_state(&sandbox, &state, &["list"]);
    assert_eq!(listed["runs"].as_array().unwrap().len(), 2);
}

#[test]
fn a_run_that_stopped_goes_on_after_everything_else_was_pruned() {
    let sandbox = with_two_runs();
    let tree = sandbox.rgpt(&["inspect", "1", "--json"]).document()["run"]["tree"].clone();
    let pruned = sandbox.rgpt(&[
        "db",
        "prune",
        "--keep",
        "0",
        "--no-archive",
        "--yes",
        "--json",
    ]);
    assert_eq!(
        pruned.document()["prune"]["runs"],
        json!([1]),
        "{pruned:#?}"
    );
    let own = sandbox.folder().join(".rgpt/git");
    let own = format!("--git-dir={}", own.display());
    let exists = sandbox
        .start("git")
        .args([&own, "cat-file", "-e", tree.as_str().unwrap()])
        .output();
    assert!(!exists.unwrap().status.success(), "its objects are gone");
    assert!(
        sandbox
            .start("git")
            .args([&own, "fsck", "--full"])
            .output()
            .unwrap()
            .status
            .success()
    );
    let wanted = ["resume", "2", "--until", "builder", "--json"];
    let resumed = sandbox.rgpt(&wanted);
    assert_eq!(
        (resumed.code, &resumed.summary()["run"]["state"]),
        (0, &json!("builder_completed"))
    );

    // A run that stands still has its worktree; named, it goes with all that.
    let caches = sandbox.outside("home/.cache/rgpt");
    let record = entries(&caches).remove(0);
    assert!(entries(&caches.join(&record)).contains(&"run-2".to_owned()));
    let named = sandbox
        .rgpt(&["db", "prune", "--run", "2", "--yes", "--json"])
        .document();
    assert_eq!(named["prune"]["runs"], json!([2]));
    assert_eq!(entries(&caches.join(&record)), [""; 0]);
    assert_eq!(
        sandbox.rgpt(&["list", "--json"]).document()["runs"],
        json!([])
    );
    sandbox.script_that_greets();
    assert_eq!(
        sandbox.run(&[]).1["run"]["id"],
        3,
        "numbers never come back"
    );
    let none = sandbox.rgpt(&["db", "prune", "--run", "1", "--yes", "--json"]);
    assert_eq!(none.error()["message"], "there is no run 1");
}

#[test]
fn a_pruning_that_is_killed_is_finished_by_the_next_one() {
    for place in [
        "store.prune",
        "prune.recorded",
        "prune.artifacts",
        "git.packed",
        "git.thinned",
        "prune.swept",
    ] {
        let sandbox = with_two_runs();
        let mut command = sandbox.start(RGPT);
        command.args(["db", "prune", "--run", "1", "--yes"]);
        let killed = Outcome::of(command.env("RGPT_CRASH", place).output().unwrap());
        assert_eq!(killed.code, -1, "{place}: {killed:#?}");
        assert_eq!(sandbox.rgpt(&["db", "check"]).code, 0, "after {place}");
        let again = sandbox.rgpt(&["db", "prune", "--keep", "0", "--yes", "--json"]);
        assert_eq!(again.code, 0, "after {place}: {again:#?}");
        assert_eq!(again.document()["prune"]["notes"], json!([]));
        let state = sandbox.folder().join(".rgpt");
        assert!(!state.join("artifacts/run-1").exists(), "after {place}");
        let log = fs::read_to_string(state.join("logs/rgpt.log")).unwrap();
        assert!(!log.contains("\"run\":1,"), "after {place}");
        let own = format!("--git-dir={}", state.join("git").display());
        let fsck = sandbox
            .start("git")
            .args([&own, "fsck", "--full"])
            .output()
            .unwrap();
        assert!(fsck.status.success(), "after {place}: {fsck:?}");
        let resumed = sandbox.rgpt(&["resume", "2", "--until", "builder", "--json"]);
        assert_eq!(resumed.code, 0, "after {place}: {resumed:#?}");
    }
}

#[test]
fn a_restore_that_is_killed_leaves_the_old_record_or_the_new_one() {
    let sandbox = with_two_runs();
    let file = backup(&sandbox, "copy.zip");
    let state = sandbox.folder().join(".rgpt");
    let runs = || {
        assert_eq!(sandbox.rgpt(&["db", "check"]).code, 0);
        let listed = sandbox.rgpt(&["list", "--json"]).document();
        listed["runs"].as_array().unwrap().len()
    };
    sandbox.script_that_greets();
    assert_eq!(sandbox.run(&[]).0, 0);
    let kill = |place: &str, more: &[&str]| {
        let mut command = sandbox.start(RGPT);
        command
            .args(["db", "restore", file.to_str().unwrap()])
            .args(more);
        let killed = Outcome::of(command.env("RGPT_CRASH", place).output().unwrap());
        assert_eq!(killed.code, -1, "{place}: {killed:#?}");
    };
    for place in ["restore.begun", "restore.made"] {
        kill(place, &["--force"]);
        assert_eq!(runs(), 3, "after {place}");
    }
    kill("restore.swapped", &["--force"]);
    assert_eq!(runs(), 2, "the new one");
    let beside = |sandbox: &Sandbox| {
        let names = entries(sandbox.folder()).into_iter();
        names
            .filter(|name| name.contains("before-restore"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        beside(&sandbox).len(),
        1,
        "the old one, and nothing half made"
    );
    assert_eq!(restore(&sandbox, &file, &state, &["--force"]).code, 0);
    let kept = beside(&sandbox);
    assert_eq!(
        kept.len(),
        2,
        "the one that a kill left whole is not taken for half made"
    );
    let old = sandbox.folder().join(&kept[0]);
    assert_eq!(
        in_state(&sandbox, &old, &["list"])["runs"]
            .as_array()
            .unwrap()
            .len(),
        3
    );

    fs::remove_dir_all(&state).unwrap();
    for place in ["restore.begun", "restore.made"] {
        kill(place, &[]);
        assert!(!state.exists(), "after {place}");
    }
    kill("restore.named", &[]);
    assert_eq!(runs(), 2);
    assert_eq!(restore(&sandbox, &file, &state, &["--force"]).code, 0);
    assert_eq!(runs(), 2);
}

#[test]
fn a_run_whose_result_is_half_way_into_a_branch_stays() {
    let sandbox = Sandbox::new();
    sandbox.script_that_greets();
    assert_eq!(sandbox.run(&[]).0, 0);
    let mut apply = sandbox.start(crate::sandbox::RGPT);
    apply
        .args(["apply", "1"])
        .env("RGPT_CRASH", "apply.locked:1");
    assert_eq!(apply.output().unwrap().status.code(), None);
    let outcome = sandbox.rgpt(&["db", "prune", "--keep", "0", "--yes", "--json"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let pruned = outcome.document();
    assert_eq!(
        pruned["prune"]["kept"][0]["why"], "it is at work",
        "{pruned:#}"
    );
    assert_eq!(sandbox.rgpt(&["apply", "1"]).code, 0);
    assert_eq!(sandbox.read("greeting.txt"), "hello world\n");
}

#[test]
fn an_archive_that_is_not_there_is_said_to_be_so() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.rgpt(&["db", "restore", "nope"]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    assert!(
        outcome.stderr.contains("there is no file nope"),
        "{outcome:#?}"
    );
    assert!(!sandbox.folder().join(".rgpt").exists());
}
