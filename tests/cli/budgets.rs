//! Caps of money, tokens, calls and time, of a run, of a phase in it, and of a day: reached is a
//! clean stop that says which cap it was, and what to type.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::openai::{sandbox_with, server_with};
use crate::sandbox::{Outcome, RGPT, Sandbox, events, finish, plan, step, tools, write_file};
use crate::wire::fake::{Reply, chat};
use crate::wire::greeting;

/// A machine whose configuration has these lines more; the model plans, writes and finishes in
/// three calls, as often as it is asked to.
fn sandbox(lines: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.script_that_greets();
    configure(&sandbox, lines);
    sandbox
}

fn configure(sandbox: &Sandbox, lines: &str) {
    let config = sandbox.model_config();
    let phases = "  builder: {models: [scripted]}\n";
    let config = match lines.strip_prefix("builder: ") {
        Some(caps) => {
            let capped = format!("  builder: {{models: [scripted], budget: {caps}}}\n");
            config.replace(phases, &capped)
        }
        None => format!("{config}{lines}\n"),
    };
    sandbox.person_config(&config);
}

/// Starts a run that stops before a cap: its text, and what is on its record then.
fn stopped(sandbox: &Sandbox, arguments: &[&str]) -> (String, Value) {
    let goal = ["run", "--goal", "greet the world"];
    let outcome = sandbox.rgpt(&[&goal, arguments].concat());
    assert_eq!(outcome.code, 3, "{outcome:#?}");
    (outcome.stdout, sandbox.inspect())
}

/// The first command that is offered, less its explanation.
fn offered(text: &str) -> Vec<String> {
    let (_, next) = text.split_once("Next\n").unwrap();
    let command = next.lines().next().unwrap().trim();
    let command = command.split("  ").next().unwrap();
    command.split(' ').skip(1).map(str::to_owned).collect()
}

/// Types what is offered.
fn obey(sandbox: &Sandbox, text: &str) -> Outcome {
    let command = offered(text);
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    sandbox.rgpt(&words)
}

fn why(document: &Value) -> String {
    events(document, "run.stopped").last().unwrap().to_string()
}

fn calls(document: &Value) -> u64 {
    document["run"]["usage"]["model_calls"].as_u64().unwrap()
}

#[test]
fn a_run_stops_before_its_own_caps_and_the_command_it_offers_carries_it_on() {
    for (flag, amount, reason, words) in [
        (
            "--budget-usd",
            "0.001",
            "budget_usd",
            "the run's budget of 0.0010 USD: 0.00 is spent or reserved, the next call may cost ",
        ),
        (
            "--budget-tokens",
            "1000",
            "budget_tokens",
            "the run's budget of 1000 tokens: 0 are used or reserved, the next call may use ",
        ),
        (
            "--budget-attempts",
            "2",
            "budget_attempts",
            "the run's budget of 2 model calls is used up",
        ),
    ] {
        let sandbox = sandbox("");
        let (text, document) = stopped(&sandbox, &[flag, amount]);
        assert_eq!(document["run"]["stop_reason"], reason);
        assert!(why(&document).contains(words), "{}", why(&document));
        let command = offered(&text);
        assert_eq!(command[..4], ["resume", "--run", "1", flag], "{text}");
        let resumed = obey(&sandbox, &text);
        assert_eq!(resumed.code, 0, "{resumed:#?}");
    }
}

#[test]
fn what_is_spent_is_shown_beside_what_may_be() {
    let sandbox = sandbox("budget: {usd: 3, tokens: 500000, attempts: 50, wall: 1h}");
    let outcome = sandbox.rgpt(&["run", "--goal", "greet the world"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let total = outcome
        .stdout
        .lines()
        .find(|line| line.starts_with("total"));
    let total = total.unwrap();
    assert!(total.ends_with("of 500.0k, $3.00"), "{total}");
    let limits = &sandbox.inspect()["limits"];
    for (name, most) in [
        ("usd", json!(3.0)),
        ("tokens", json!(500_000)),
        ("attempts", json!(50)),
    ] {
        assert_eq!(limits[name], most);
    }
    assert_eq!(limits["wall_ms"], 3_600_000);
}

#[test]
fn a_phase_stops_before_its_caps_again_and_again_until_they_are_raised() {
    for (caps, reason, key) in [
        ("{usd: 0.001}", "budget_usd", "phases.builder.budget.usd"),
        (
            "{tokens: 1000}",
            "budget_tokens",
            "phases.builder.budget.tokens",
        ),
        (
            "{attempts: 1}",
            "budget_attempts",
            "phases.builder.budget.attempts",
        ),
    ] {
        let sandbox = sandbox(&format!("builder: {caps}"));
        let (text, document) = stopped(&sandbox, &[]);
        assert_eq!(document["run"]["stop_reason"], reason);
        assert_eq!(
            document["phases"][0]["status"], "completed",
            "the planner has no cap"
        );
        let first = why(&document);
        assert!(first.contains("the builder's budget of "), "{first}");
        assert!(first.ends_with(&format!("; raise {key}")), "{first}");
        assert_eq!(offered(&text), ["resume", "--run", "1"]);

        let again = obey(&sandbox, &text);
        assert_eq!(again.code, 3, "{again:#?}");
        let then = sandbox.inspect();
        assert_eq!(
            (why(&then), calls(&then)),
            (first, calls(&document)),
            "nothing is spent"
        );

        configure(&sandbox, "");
        let resumed = obey(&sandbox, &text);
        assert_eq!(resumed.code, 0, "{resumed:#?}");
    }
}

#[test]
fn time_is_over_for_a_phase_and_for_a_day_too() {
    for (lines, words) in [
        (
            "builder: {wall: 1s}",
            "the builder's budget of 1.0 s of time is used up; raise phases.builder.budget.wall",
        ),
        (
            "budget: {day: {wall: 2s}}",
            "the day's budget of 2.0 s of time is used up; go on tomorrow",
        ),
    ] {
        let sandbox = sandbox(lines);
        sandbox.script(&[
            plan(&[step("step-1", &["greeting.txt"])]),
            json!({"agent": "builder", "delay_ms": 300_000, "text": "hm"}),
        ]);
        let (text, document) = stopped(&sandbox, &[]);
        assert_eq!(document["run"]["stop_reason"], "wall_time");
        assert!(why(&document).contains(words), "{}", why(&document));
        assert_eq!(offered(&text), ["resume", "--run", "1"]);
        assert_eq!(obey(&sandbox, &text).code, 3);
        assert_eq!(why(&sandbox.inspect()), why(&document));
    }
}

#[test]
fn a_day_counts_what_every_run_has_spent_even_before_it_had_a_cap() {
    let sandbox = sandbox("");
    assert_eq!(sandbox.run(&[]).0, 0, "three calls");
    configure(&sandbox, "budget: {day: {attempts: 5}}");
    let (text, document) = stopped(&sandbox, &[]);
    assert_eq!(document["run"]["id"], 2);
    assert_eq!(document["run"]["stop_reason"], "budget_attempts");
    let words = "the day's budget of 5 model calls is used up; \
                 go on tomorrow (days begin at 00:00 UTC), or raise budget.day.attempts";
    assert!(why(&document).ends_with(words), "{}", why(&document));
    assert_eq!(calls(&document), 2, "the third was never made");
    assert_eq!(obey(&sandbox, &text).code, 3);
    assert_eq!(calls(&sandbox.inspect()), 2);
    let checked = sandbox.rgpt(&["db", "check"]);
    assert_eq!(checked.code, 0, "{checked:#?}");
    configure(&sandbox, "budget: {day: {attempts: 6}}");
    assert_eq!(obey(&sandbox, &text).code, 0);

    for (caps, reason) in [
        ("{usd: 0.01}", "budget_usd"),
        ("{tokens: 9000}", "budget_tokens"),
    ] {
        configure(&sandbox, &format!("budget: {{day: {caps}}}"));
        let (_, document) = stopped(&sandbox, &[]);
        assert_eq!(document["run"]["stop_reason"], reason);
        assert!(
            why(&document).contains("the day's budget of "),
            "{}",
            why(&document)
        );
    }
}

#[test]
fn processes_at_work_at_once_share_the_day() {
    let sandbox = sandbox("budget: {day: {attempts: 7}}");
    let start = || {
        let mut command = sandbox.start(RGPT);
        command.args(["run", "--json", "--goal", "greet the world"]);
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let children: Vec<_> = (0..3).map(|_| start()).collect();
    let ended = children.into_iter().map(|child| {
        let outcome = Outcome::of(child.wait_with_output().unwrap());
        assert!([0, 3].contains(&outcome.code), "{outcome:#?}");
        let summary = outcome.summary();
        (
            outcome.code,
            calls(&summary),
            summary["run"]["stop_reason"].clone(),
        )
    });
    let ended: Vec<_> = ended.collect();
    let made: u64 = ended.iter().map(|(_, calls, _)| calls).sum();
    assert_eq!(made, 7, "{ended:?}");
    assert!(ended.iter().any(|(code, ..)| *code == 3), "{ended:?}");
    let reasons = ended.iter().filter(|(code, ..)| *code == 3);
    assert!(
        reasons
            .clone()
            .all(|(_, _, reason)| reason == "budget_attempts"),
        "{ended:?}"
    );
}

#[test]
fn a_server_that_reports_more_than_was_reserved_is_the_last_to_be_paid() {
    let server = server_with(&greeting(), |number, seen| {
        (number == 1).then(|| {
            let write = write_file("greeting.txt", "hello world\n");
            let call = ("write_file", write["arguments"].to_string());
            let mut document = chat::document("", &[call]);
            document["usage"]["prompt_tokens"] = json!(3_000_000);
            assert_ne!(seen.body["stream"], true);
            Reply::json(200, &document)
        })
    });
    let sandbox = sandbox_with(&server, false);
    let (_, document) = stopped(&sandbox, &["--budget-usd", "100"]);
    assert_eq!(document["run"]["stop_reason"], "budget_tokens");
    let words = "the run's budget of 2000000 tokens: 3000180 are used or reserved";
    assert!(why(&document).contains(words), "{}", why(&document));
    assert_eq!(server.seen().len(), 2);
    let resumed = sandbox.rgpt(&["resume", "--budget-tokens", "9000000"]);
    assert_eq!(resumed.code, 0, "{resumed:#?}");
}

#[test]
fn retries_and_what_a_lost_call_may_have_cost_count_as_well() {
    let slow_down = json!({"agent": "planner", "times": 2,
        "error": {"status": 429, "retry_after": 0.01, "message": "slow down"}});
    let sandbox = sandbox("");
    sandbox.script(&[
        slow_down,
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[write_file("greeting.txt", "hello world\n")]),
        finish("greets"),
    ]);
    let (_, document) = stopped(&sandbox, &["--budget-attempts", "3"]);
    assert_eq!(calls(&document), 3, "two were refused, one answered");
    assert_eq!(document["phases"][0]["status"], "completed");

    let sandbox = self::sandbox("");
    sandbox.script(&[
        json!({"agent": "planner", "delay_ms": 300_000, "text": "hm"}),
        plan(&[step("step-1", &["greeting.txt"])]),
    ]);
    let (_, document) = stopped(&sandbox, &["--timeout", "1s"]);
    assert_eq!(document["run"]["stop_reason"], "wall_time");
    // Back to the start: nobody makes that call again, but it may have cost.
    let resumed = sandbox.rgpt(&[
        "resume",
        "--phase",
        "planner",
        "--until",
        "planner",
        "--timeout",
        "1h",
        "--json",
    ]);
    assert_eq!(resumed.code, 0, "{resumed:#?}");
    let usage = &resumed.summary()["executions"][0]["usage"];
    assert!(usage["output_tokens"].as_u64().unwrap() > 1_000, "{usage}");
}
