//! `models why`: whom each model call went to and why, and what was learned of the models.

use serde_json::{Value, json};

use crate::sandbox::{Sandbox, finish, keys, plan, step, tools, write, write_file};

/// Two models, each with a script of its own; `choose` is how the builder chooses.
fn two_models(choose: &str, second: &[Value]) -> Sandbox {
    let sandbox = Sandbox::new();
    let (script, other) = (
        sandbox.outside("script.yaml"),
        sandbox.outside("other.yaml"),
    );
    sandbox.person_config(&format!(
        "providers:\n  dry: {{kind: scripted, script: {script:?}}}\n  \
           other: {{kind: scripted, script: {other:?}}}\n\
         models:\n  small: {{provider: dry, model: dry, reasoning: 0.6, price: {{input: 1.0, output: 1.0}}}}\n  \
           large: {{provider: other, model: dry, reasoning: 0.9, price: {{input: 9.0, output: 9.0}}}}\n\
         phases:\n  planner: {{models: [small]}}\n  \
           builder: {{models: [small, large], choose: {choose}}}\n"
    ));
    write(&other, &json!({"replies": second}).to_string());
    sandbox
}

fn why(sandbox: &Sandbox) -> Value {
    sandbox
        .rgpt(&["models", "why", "--run", "1", "--json"])
        .document()
}

#[test]
fn a_repair_is_asked_hotter_and_says_why() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "orchestrator.yaml",
        "checks:\n  lint: {kind: lint, command: sh check.sh, report: none}\n",
    );
    sandbox.commit("a linter");
    sandbox.script_that_mends();
    assert_eq!(sandbox.run(&[]).0, 0);
    let document = why(&sandbox);
    assert_eq!(keys(&document), ["run", "executions"]);
    let executions = document["executions"].as_array().unwrap();
    assert_eq!(
        keys(&executions[0]),
        [
            "id",
            "agent",
            "phase",
            "step",
            "attempt_number",
            "models",
            "rule",
            "target",
            "candidates",
            "temperature",
            "effort",
            "tuning",
            "calls"
        ]
    );
    assert_eq!(
        keys(&executions[0]["calls"][0]),
        [
            "ordinal",
            "model",
            "provider",
            "result",
            "failure",
            "again_after",
            "switched",
            "passed_over",
            "repeats",
            "cost_usd"
        ]
    );
    let temperatures: Vec<&Value> = executions.iter().map(|one| &one["temperature"]).collect();
    assert_eq!(temperatures, [&json!(0.2), &json!(0.2), &json!(0.4)]);
    assert_eq!(executions[2]["calls"].as_array().unwrap().len(), 2);
    let shown = sandbox.rgpt(&["models", "why"]).stdout;
    for words in [
        "execution 4  builder, attempt 1",
        "temperature 0.4, a step up after ASSERTION_ERROR; effort medium, as",
        "scripted  answered",
    ] {
        assert!(shown.contains(words), "{words} is not in {shown}");
    }
    assert!(
        shown.lines().all(|line| line.chars().count() <= 80),
        "{shown}"
    );
}

#[test]
fn what_checks_said_is_learned_and_shown() {
    let sandbox = Sandbox::new();
    sandbox.script_that_mends();
    assert_eq!(sandbox.run(&[]).0, 0);
    let document = sandbox.rgpt(&["models", "--json"]).document();
    let learned = document["models"][0]["learned"].as_array().unwrap();
    let brief: Vec<(&str, &str, bool)> = learned
        .iter()
        .map(|one| {
            let text = |key: &str| one[key].as_str().unwrap();
            (
                text("agent"),
                text("class"),
                one["mean"].as_f64().unwrap() > 0.7,
            )
        })
        .collect();
    // The step broke the check, the repair mended it, and the plan came to a good end.
    assert_eq!(
        brief,
        [
            ("planner", "plan", true),
            ("builder", "medium", false),
            ("builder", "repair", false)
        ]
    );
    assert_eq!(learned[0]["seen"], 1.0);
    let shown = sandbox.rgpt(&["models"]).stdout;
    assert!(shown.contains("passed"), "{shown}");
    assert_eq!(
        sandbox.rgpt(&["replay", "1", "--offline", "--json"]).code,
        0
    );
    let again = sandbox.rgpt(&["models", "--json"]).document();
    assert_eq!(
        again["models"][0]["learned"], document["models"][0]["learned"],
        "following a record teaches nothing"
    );
}

#[test]
fn a_choice_by_score_shows_the_draws_and_replays() {
    let builder = [
        tools(&[write_file("greeting.txt", "hello world\n")]),
        finish("greets"),
    ];
    let sandbox = two_models("score", &builder);
    let replies = [&[plan(&[step("step-1", &["greeting.txt"])])], &builder[..]].concat();
    sandbox.script(&replies);
    assert_eq!(sandbox.run(&[]).0, 0);
    let document = why(&sandbox);
    let execution = &document["executions"][1];
    assert_eq!(
        (&execution["rule"], &execution["target"]),
        (&json!("score"), &json!(0.75))
    );
    let candidates = execution["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), 2);
    assert!(
        candidates
            .iter()
            .all(|one| one["draw"].is_number() && one["usd"].is_number())
    );
    assert_eq!(execution["models"][0], execution["calls"][0]["model"]);
    let shown = sandbox.rgpt(&["models", "why", "1"]).stdout;
    assert!(
        shown.contains("score: ") && shown.contains("drew "),
        "{shown}"
    );
    let replayed = sandbox.rgpt(&["replay", "1", "--offline", "--json"]);
    assert_eq!(replayed.code, 0, "{replayed:#?}");
}

#[test]
fn another_model_is_asked_when_answers_cannot_be_used() {
    let sandbox = two_models(
        "order",
        &[
            tools(&[write_file("greeting.txt", "hello world\n")]),
            finish("greets"),
        ],
    );
    let mute = json!({"agent": "builder", "text": "", "times": 3});
    sandbox.script(&[plan(&[step("step-1", &["greeting.txt"])]), mute]);
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    let document = why(&sandbox);
    let last = document["executions"].as_array().unwrap().last().unwrap();
    // Two repairs of the step were in vain, and the other model reasons better.
    assert_eq!(last["rule"], "higher_tier");
    assert_eq!(last["models"], json!(["large", "small"]));
    assert_eq!(last["temperature"], json!(0.0));
    assert!(
        last["tuning"]
            .as_str()
            .unwrap()
            .contains("down after LLM_ERROR"),
        "{last}"
    );
}

#[test]
fn a_run_that_was_never_driven_has_asked_nobody() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.rgpt(&["create", "--goal", "greet"]).code, 0);
    assert_eq!(why(&sandbox)["executions"], json!([]));
    let shown = sandbox.rgpt(&["models", "why", "1"]).stdout;
    assert_eq!(shown, "Run 1 has asked no model.\n");
    let none = sandbox.rgpt(&["models", "why", "--run", "7"]);
    assert_eq!(none.code, 1);
    assert!(none.stderr.contains("there is no run 7"), "{}", none.stderr);
}
