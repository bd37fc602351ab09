//! Taking a run away: `export`, `artifacts`, and the summary that a finished run leaves.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::sandbox::{
    Outcome, RGPT, Sandbox, finish, keys, plan, run_command, step, tools, write_file,
};

mod browser;
mod exchanges;
mod page;

/// A repository with a run that reached its goal.
fn with_a_run() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.script_that_greets();
    assert_eq!(sandbox.run(&[]).0, 0);
    sandbox
}

/// Exports the latest run to a file beside the repository and returns what it holds.
fn export(sandbox: &Sandbox, format: &str) -> Vec<u8> {
    let file = sandbox.outside(&format!("out.{format}"));
    let path = file.to_str().unwrap();
    let outcome = sandbox.rgpt(&[
        "export", "latest", "--format", format, "-o", path, "--force",
    ]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    fs::read(file).unwrap()
}

fn text(sandbox: &Sandbox, format: &str) -> String {
    String::from_utf8(export(sandbox, format)).unwrap()
}

/// What an archive holds, by name.
fn unpacked(file: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut archive = zip::ZipArchive::new(File::open(file).unwrap()).unwrap();
    let mut files = BTreeMap::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let name = entry.name().unwrap().into_owned();
        assert!(entry.enclosed_name().is_some(), "{name:?} leads out");
        assert!(
            !name.contains(['\\', ':']) && !name.contains(".."),
            "{name:?}"
        );
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        assert!(files.insert(name, content).is_none(), "twice the same name");
    }
    files
}

fn zip_of(sandbox: &Sandbox) -> BTreeMap<String, Vec<u8>> {
    export(sandbox, "zip");
    unpacked(&sandbox.outside("out.zip"))
}

/// A finding of the record that must be in every export of the run.
fn assert_every_format_says(sandbox: &Sandbox, words: &str) {
    for format in ["md", "json", "html"] {
        let text = text(sandbox, format);
        assert!(text.contains(words), "{format} lacks {words:?}");
    }
}

#[test]
fn markdown_is_printed_and_readable_on_its_own() {
    let sandbox = with_a_run();
    let shown = sandbox.rgpt(&["export", "1"]);
    assert_eq!(shown.code, 0, "{shown:#?}");
    let headings: Vec<&str> = shown
        .stdout
        .lines()
        .filter(|line| line.starts_with('#'))
        .collect();
    insta::assert_snapshot!(headings.join("\n"), @"
    # greet the world
    ## What was asked
    ## Plan
    ## What was done
    ## Checks
    ## Phases and cost
    ## Change
    ## Executions
    ## Timeline
    ");
    assert!(shown.stdout.contains("✓ **Reached**: branch rgpt/run-1"));
    assert!(
        shown
            .stdout
            .contains("```diff\ndiff --git a/greeting.txt b/greeting.txt")
    );
    assert!(
        shown.stdout.contains("\n-hello\n+hello world\n```"),
        "{}",
        shown.stdout
    );
}

#[test]
fn json_is_what_inspect_says_and_more() {
    let sandbox = with_a_run();
    let document = sandbox
        .rgpt(&["export", "--run", "1", "--format", "json"])
        .document();
    let inspected = sandbox.inspect();
    for key in keys(&inspected) {
        if key != "events" {
            assert_eq!(document[key], inspected[key], "{key}");
        }
    }
    let events = document["events"].as_array().unwrap();
    for (event, known) in events.iter().zip(inspected["events"].as_array().unwrap()) {
        assert_eq!(keys(event), ["seq", "type", "at", "text", "payload"]);
        assert_eq!(
            (&event["seq"], &event["text"]),
            (&known["seq"], &known["text"])
        );
    }
    assert_eq!(events.len(), inspected["events"].as_array().unwrap().len());
    assert_eq!(document["format_version"], 1);
    assert!(document["patch"].as_str().unwrap().contains("+hello world"));
    let tapes = document["tapes"].as_array().unwrap();
    assert_eq!(
        tapes.len(),
        inspected["executions"].as_array().unwrap().len()
    );
    assert!(
        tapes[0]["system"]
            .as_str()
            .unwrap()
            .contains("rgpt planner agent")
    );
    assert_eq!(tapes[0]["brief"]["task"]["goal"], "greet the world");
    assert_eq!(tapes[1]["entries"][1]["call"]["name"], "write_file");
    let outputs = document["outputs"].as_array().unwrap();
    assert_eq!(outputs.len(), inspected["checks"].as_array().unwrap().len());
}

#[test]
fn the_page_needs_nothing_else() {
    let sandbox = with_a_run();
    let page = text(&sandbox, "html");
    page::assert_safe(&page);
    assert!(page.starts_with("<!doctype html>"));
    assert!(page.contains("default-src 'none'"));
    for id in [
        "goal", "timeline", "plan", "checks", "change", "phases", "talk", "record",
    ] {
        assert!(page.contains(&format!("<section id=\"{id}\"")), "{id}");
        assert!(page.contains(&format!("<a href=\"#{id}\">")), "{id}");
    }
    for bar in [
        "planner completed",
        "step-1 completed",
        "test: passed",
        "releaser completed",
    ] {
        assert!(page.contains(&format!("title=\"{bar}")), "no bar for {bar}");
    }
    assert_eq!(
        page,
        text(&sandbox, "html"),
        "the same record gives the same page"
    );
}

#[test]
fn an_archive_holds_everything_and_is_the_same_each_time() {
    let sandbox = with_a_run();
    let first = export(&sandbox, "zip");
    let files = unpacked(&sandbox.outside("out.zip"));
    assert_eq!(
        export(&sandbox, "zip"),
        first,
        "the same record gives the same bytes"
    );
    let names: Vec<&str> = files
        .keys()
        .map(String::as_str)
        .filter(|name| !name.starts_with("requests/"))
        .collect();
    insta::assert_snapshot!(names.join("\n"), @"
    README.md
    artifacts/summary.md
    events.ndjson
    log.ndjson
    outputs/exec-3-test-final.txt
    patch.diff
    report.html
    report.md
    run.json
    tapes/1.json
    tapes/2.json
    tapes/3.json
    tapes/4.json
    ");
    let json: Value = serde_json::from_slice(&files["run.json"]).unwrap();
    assert_eq!(
        json,
        sandbox
            .rgpt(&["export", "1", "--format", "json"])
            .document()
    );
    assert_eq!(files["report.html"], export(&sandbox, "html"));
    let readme = String::from_utf8(files["README.md"].clone()).unwrap();
    for name in names.iter().filter(|name| **name != "README.md") {
        assert!(
            readme.contains(&format!("`{name}`")),
            "{name} is not explained"
        );
    }
    let events = String::from_utf8(files["events.ndjson"].clone()).unwrap();
    assert!(
        events
            .lines()
            .all(|line| serde_json::from_str::<Value>(line).is_ok())
    );

    fs::write(sandbox.outside("patch.diff"), &files["patch.diff"]).unwrap();
    let patch = sandbox.outside("patch.diff");
    sandbox.git(&["apply", patch.to_str().unwrap()]);
    assert_eq!(
        sandbox.git(&["diff", "rgpt/run-1"]),
        "",
        "the patch is the change"
    );
}

#[test]
fn a_file_is_not_written_over_by_mistake() {
    let sandbox = with_a_run();
    let first = sandbox.rgpt(&["export", "1", "--format", "html"]);
    insta::assert_snapshot!(first.stdout, @"Run 1 is exported to rgpt-run-1.html.");
    let again = sandbox.rgpt(&["export", "1", "--format", "html"]);
    assert_eq!(again.code, 1);
    let stderr = again
        .stderr
        .replace(sandbox.folder().to_str().unwrap(), "HERE");
    insta::assert_snapshot!(stderr, @"
    error: HERE/rgpt-run-1.html is there already
      hint: name another file: --output FILE; or write over it: --force
    ");
    sandbox.write("rgpt-run-1.html", "mine");
    let forced = sandbox.rgpt(&["export", "1", "-o", "rgpt-run-1.html", "--force", "--json"]);
    let told = forced.document();
    let page = sandbox.read("rgpt-run-1.html");
    assert!(
        page.starts_with("<!doctype html>"),
        "the name tells the format"
    );
    assert_eq!(told["export"]["format"], "html");
    assert_eq!(told["export"]["size"], page.len());
    let path = sandbox.folder().join("rgpt-run-1.html");
    assert_eq!(told["export"]["path"], path.to_str().unwrap());
    let left: Vec<_> = fs::read_dir(sandbox.folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("rgpt-run-1"))
        .collect();
    assert_eq!(left, ["rgpt-run-1.html"], "nothing is left beside it");
}

#[test]
fn wrong_usage_is_explained() {
    let sandbox = with_a_run();
    for (arguments, code, words) in [
        (
            &["export", "1", "--format", "zip", "-o", "-"][..],
            64,
            "a zip is not printed",
        ),
        (
            &["export", "1", "--json", "-o", "-"],
            64,
            "cannot be printed, too",
        ),
        (&["export", "9"], 1, "there is no run 9"),
        (&["export", "1", "-o", "docs"], 1, "is a folder"),
        (&["export", "1", "-o", "none/here.md"], 1, "cannot write"),
        (
            &["artifacts", "1", "--get", "x"],
            1,
            "run 1 has no artifact \"x\"",
        ),
    ] {
        let outcome = sandbox.rgpt(arguments);
        assert_eq!(outcome.code, code, "{outcome:#?}");
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(
            said.contains(words) && said.contains("hint"),
            "{outcome:#?}"
        );
    }
    assert_eq!(
        sandbox.git(&["status", "--porcelain"]),
        "",
        "nothing was written"
    );
}

#[test]
fn a_failed_run_is_exported_with_what_went_wrong() {
    let sandbox = Sandbox::new();
    sandbox.script(&[
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[write_file("greeting.txt", "bad world\n")]),
        finish("greets"),
    ]);
    assert_eq!(sandbox.run(&["--max-retries", "0"]).0, 2);
    assert_every_format_says(&sandbox, "bad world");
    let markdown = text(&sandbox, "md");
    assert!(markdown.contains("✗ **Failed**"), "{markdown}");
    assert!(
        markdown.contains("## What the failed checks said"),
        "{markdown}"
    );
    let page = text(&sandbox, "html");
    page::assert_safe(&page);
    assert!(page.contains("class=\"bar bad\"") && page.contains("tester failed: "));
    zip_of(&sandbox);
}

#[test]
fn a_run_at_work_is_exported_as_it_stands() {
    let sandbox = Sandbox::new();
    sandbox.write("check.sh", "touch started\nsleep 300\n");
    sandbox.commit("a slow check");
    sandbox.script_that_greets();
    let mut command = sandbox.start(RGPT);
    command.args(["run", "--json", "--goal", "greet the world"]);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !sandbox
        .processes()
        .iter()
        .any(|line| line.contains("sleep 300"))
    {
        std::thread::sleep(std::time::Duration::from_millis(10));
        assert!(child.try_wait().unwrap().is_none(), "it ended too early");
    }
    let markdown = text(&sandbox, "md");
    assert!(
        markdown.contains("▸ **Running**: state tester_running"),
        "{markdown}"
    );
    assert!(markdown.contains("+hello world"), "{markdown}");
    let page = text(&sandbox, "html");
    page::assert_safe(&page);
    assert!(
        page.contains("title=\"tester at work"),
        "the timeline shows it"
    );
    let json: Value = serde_json::from_str(&text(&sandbox, "json")).unwrap();
    assert_eq!(
        (&json["run"]["status"], &json["driven"]),
        (&json!("running"), &json!(true))
    );
    zip_of(&sandbox);
    assert!(
        !sandbox
            .folder()
            .join(".rgpt/artifacts/run-1/summary.md")
            .exists()
    );

    rustix::process::kill_process(
        rustix::process::Pid::from_child(&child),
        rustix::process::Signal::INT,
    )
    .unwrap();
    child.wait().unwrap();
}

/// Everything that a reader of the export might obey: a terminal, a browser, a Markdown renderer.
const HOSTILE: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(2)> ![p](javascript:alert(3)) \
    [l](data:text/html,x) `````` <!-- --> &lt; \u{1b}[2J\u{1b}]0;t\u{7} \u{9b}1m \u{202e}dlrow \u{2066} \u{e0041}";

/// A run in which everything that others say is hostile.
fn with_a_hostile_run() -> Sandbox {
    let sandbox = Sandbox::new();
    let noise = HOSTILE.replace('\'', "'\\''");
    sandbox.write(
        "check.sh",
        &format!(
            "printf '%s\\n' 'running 1 test' 'test {noise} ... FAILED' '' 'failures:' '' '---- {noise} stdout ----' \
             'thread panicked at {noise}' '{noise}' 'failures:' '    {noise}' '' \
             'test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out'\n\
             printf '```\\n# heading\\n<b>\\n\\000\\n'; head -c 5000000 /dev/zero | tr '\\0' '<'; exit 101\n"
        ),
    );
    sandbox.write(
        "orchestrator.yaml",
        "checks:\n  test: {kind: test, command: sh check.sh, report: cargo_test}\n",
    );
    sandbox.commit("a hostile check");
    let path = "d <b>&'`x` [a](b) é/new.txt";
    let command = format!("printf '%s' '{noise}'; exit 3");
    sandbox.script(&[
        json!({"agent": "planner", "json": {"summary": HOSTILE, "steps": [{
            "id": "step-1", "name": HOSTILE, "description": HOSTILE, "files": [],
            "verification_criteria": [HOSTILE]}]}}),
        json!({"agent": "builder", "text": HOSTILE, "tools": [
            write_file(path, &format!("{HOSTILE}\n```\n")), run_command(&command),
            json!({"name": "read_file", "arguments": {"path": format!("/{HOSTILE}")}})]}),
        finish(HOSTILE),
    ]);
    let goal = format!("{HOSTILE}\n# not a heading\n```\n<script>");
    let outcome = sandbox.rgpt(&[
        "run",
        "--json",
        "--goal",
        &goal,
        "--title",
        HOSTILE,
        "--max-retries",
        "0",
    ]);
    assert_eq!(outcome.code, 2, "{outcome:#?}");
    sandbox
}

#[test]
fn hostile_text_is_text_in_every_format() {
    let sandbox = with_a_hostile_run();
    let hidden = |text: &str| {
        let hides = |c: char| {
            (c.is_control() && !matches!(c, '\n' | '\t')) || "\u{202e}\u{2066}\u{e0041}".contains(c)
        };
        text.chars().find(|c| hides(*c))
    };
    let page = text(&sandbox, "html");
    page::assert_safe(&page);
    assert_eq!(hidden(&page), None);
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(
        page.contains("&lt;U+202E&gt;dlrow"),
        "what turns text is named"
    );
    assert!(page.contains("new.txt"), "the path is shown");

    let markdown = text(&sandbox, "md");
    assert_eq!(hidden(&markdown), None);
    page::assert_markdown_is_plain(&markdown);

    let json = text(&sandbox, "json");
    assert_eq!(hidden(&json), None, "escaped, so nothing is lost");
    let document: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(document["plan"]["summary"], HOSTILE);

    let files = zip_of(&sandbox);
    assert_eq!(files["report.html"], page.as_bytes());
    let printed = sandbox.rgpt(&["export", "1"]);
    assert_eq!(hidden(&printed.stdout), None);
}

#[test]
fn an_output_of_five_megabytes_is_cut_to_read_and_whole_to_take() {
    let sandbox = with_a_hostile_run();
    let page = text(&sandbox, "html");
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    assert!(
        page.contains("The whole of it, 5.0 MB, is the artifact <code>exec-3-test-final.stdout")
    );
    let markdown = text(&sandbox, "md");
    assert!(markdown.len() < 500_000, "{} bytes", markdown.len());

    let document: Value = serde_json::from_str(&text(&sandbox, "json")).unwrap();
    let outputs = document["outputs"].as_array().unwrap();
    let output = outputs
        .iter()
        .find(|output| output["name"] == "exec-3-test-final")
        .unwrap();
    let whole = output["stdout"].as_str().unwrap();
    assert!(
        whole.len() > 5_000_000 && whole.contains(HOSTILE),
        "{}",
        whole.len()
    );
    let files = zip_of(&sandbox);
    let file = &files["artifacts/exec-3-test-final.stdout"];
    assert_eq!(String::from_utf8_lossy(file), whole);
}

#[test]
fn a_missing_file_is_named_and_not_fatal() {
    let sandbox = with_a_hostile_run();
    let folder = sandbox.folder().join(".rgpt/artifacts/run-1");
    fs::remove_dir_all(&folder).unwrap();
    fs::remove_dir_all(sandbox.folder().join(".rgpt/git")).unwrap();
    let files = zip_of(&sandbox);
    let readme = String::from_utf8(files["README.md"].clone()).unwrap();
    assert!(
        readme.contains("Missing:\n\n- patch.diff: rgpt's own git directory is gone"),
        "{readme}"
    );
    assert!(
        readme.contains("- the file of the artifact exec-3-test-final.stdout"),
        "{readme}"
    );
    assert!(text(&sandbox, "html").contains("whose file is missing"));
    let listed = sandbox.rgpt(&["artifacts", "1"]);
    assert!(listed.stdout.contains("missing"), "{listed:#?}");
}

#[test]
fn keys_are_not_exported() {
    const KEY: &str = "sk-lab-0123456789abcdef";
    let mut sandbox = Sandbox::new();
    sandbox.script(&[
        plan(&[step("step-1", &[])]),
        tools(&[
            write_file("greeting.txt", &format!("hello {KEY}\n")),
            run_command(&format!("echo {KEY}")),
        ]),
        finish(&format!("the key is {KEY}")),
    ]);
    sandbox.write(
        "check.sh",
        &format!("echo {KEY}; head -c 100000 /dev/zero | tr '\\0' y; echo {KEY}\n"),
    );
    sandbox.commit("a check that tells");
    let lab =
        "  lab: {kind: openai, api_key_env: LAB, base_url: \"http://127.0.0.1:9/v1\"}\nmodels:\n";
    sandbox.person_config(
        &sandbox
            .model_config()
            .replace("models:\n  scripted", &format!("{lab}  scripted")),
    );
    sandbox.set("LAB", KEY);
    assert_eq!(sandbox.run(&[]).0, 0);
    for format in ["md", "json", "html"] {
        let text = text(&sandbox, format);
        assert!(!text.contains(KEY), "{format}");
        // What the model said has no key in it from the first, checks print what they like.
        assert!(
            text.contains("[key]") || text.contains("[redacted]"),
            "{format}"
        );
    }
    for (name, content) in zip_of(&sandbox) {
        assert!(!String::from_utf8_lossy(&content).contains(KEY), "{name}");
    }
    let summary = sandbox.read(".rgpt/artifacts/run-1/summary.md");
    assert!(!summary.contains(KEY), "{summary}");
}

/// What the record says of the summary.
fn recorded_summary(sandbox: &Sandbox) -> Value {
    let document = sandbox.inspect();
    let artifacts = document["artifacts"].as_array().unwrap();
    let found = artifacts
        .iter()
        .find(|artifact| artifact["name"] == "summary.md");
    found.cloned().unwrap_or_default()
}

#[test]
fn every_finished_run_leaves_a_summary() {
    let sandbox = with_a_run();
    let summary = sandbox.read(".rgpt/artifacts/run-1/summary.md");
    assert!(summary.contains("✓ **Reached**"), "{summary}");
    let known = recorded_summary(&sandbox);
    assert_eq!(
        (&known["type"], &known["size"]),
        (&json!("summary"), &json!(summary.len()))
    );
    assert_eq!(known["path"], "run-1/summary.md");

    assert_eq!(sandbox.run(&["--budget-usd", "0"]).0, 3);
    assert_eq!(
        recorded_summary(&sandbox),
        Value::Null,
        "a stopped run has not ended"
    );
    assert_eq!(
        sandbox
            .rgpt(&["cancel", "2", "--reason", "not needed"])
            .code,
        0
    );
    let summary = sandbox.read(".rgpt/artifacts/run-2/summary.md");
    assert!(summary.contains("✗ **Cancelled**: not needed"), "{summary}");
    assert_ne!(recorded_summary(&sandbox), Value::Null);
}

#[test]
fn resume_mends_a_lost_summary() {
    let sandbox = with_a_run();
    let file = sandbox.folder().join(".rgpt/artifacts/run-1/summary.md");
    let (before, known) = (fs::read(&file).unwrap(), recorded_summary(&sandbox));
    fs::remove_file(&file).unwrap();
    assert_eq!(sandbox.rgpt(&["resume", "--run", "1"]).code, 0);
    assert_eq!(
        fs::read(&file).unwrap(),
        before,
        "the same record gives the same text"
    );
    assert_eq!(recorded_summary(&sandbox), known);
}

#[test]
fn a_kill_around_the_summary_loses_nothing() {
    for place in ["summary.aside:1", "summary.written:1"] {
        let mut sandbox = Sandbox::new();
        sandbox.script_that_greets();
        sandbox.set("RGPT_CRASH", place);
        let killed = sandbox.rgpt(&["run", "--goal", "greet the world"]);
        assert_eq!(killed.code, -1, "{killed:#?}");
        assert_eq!(recorded_summary(&sandbox), Value::Null);
        sandbox.set("RGPT_CRASH", "");
        assert_eq!(sandbox.rgpt(&["resume", "--run", "1"]).code, 0);
        let summary = sandbox.read(".rgpt/artifacts/run-1/summary.md");
        assert_eq!(recorded_summary(&sandbox)["size"], summary.len());
        let folder = sandbox.folder().join(".rgpt/artifacts/run-1");
        assert_eq!(
            fs::read_dir(folder).unwrap().count(),
            1,
            "nothing else is left"
        );
    }
}

#[test]
fn artifacts_are_listed_and_copied_out() {
    let sandbox = with_a_run();
    let file = sandbox.folder().join(".rgpt/artifacts/run-1/summary.md");
    let summary = fs::read_to_string(&file).unwrap();
    let listed = sandbox
        .rgpt(&["artifacts", "--run", "1", "--json"])
        .document();
    let artifact = &listed["artifacts"][0];
    assert_eq!(
        keys(artifact),
        ["name", "type", "size", "hash", "path", "file"]
    );
    assert_eq!(artifact["file"], file.to_str().unwrap());
    let table = sandbox.rgpt(&["artifacts"]);
    let head: Vec<&str> = table
        .stdout
        .lines()
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(head, ["name", "type", "size", "file"], "{}", table.stdout);

    let got = sandbox.rgpt(&["artifacts", "1", "--get", "summary.md"]);
    assert_eq!(got.stdout, summary);
    let copied = sandbox.rgpt(&["artifacts", "--get", "summary.md", "-o", "copy.md"]);
    assert_eq!(copied.code, 0, "{copied:#?}");
    assert_eq!(sandbox.read("copy.md"), summary);
    let refused = sandbox.rgpt(&["artifacts", "--get", "summary.md", "-o", "copy.md"]);
    assert_eq!(refused.code, 1, "{refused:#?}");
    let told = sandbox
        .rgpt(&["artifacts", "--get", "summary.md", "--json"])
        .document();
    assert_eq!(told["artifact"]["content"], summary);

    fs::write(&file, "something else").unwrap();
    let changed: Outcome = sandbox.rgpt(&["artifacts", "--get", "summary.md"]);
    assert_eq!(changed.code, 1);
    assert!(
        changed
            .stderr
            .contains("is not what was recorded as summary.md"),
        "{changed:#?}"
    );
}
