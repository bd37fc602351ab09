//! `models`: what is configured, and what the record says of it.

use serde_json::{Value, json};

use crate::sandbox::{Sandbox, keys};
use crate::wire::fake::{Fake, Reply, Rules};

#[test]
fn a_model_is_shown_with_its_settings_and_its_record() {
    let sandbox = Sandbox::new();
    let nothing_yet = sandbox.rgpt(&["models", "--json"]).document();
    let record = &nothing_yet["models"][0]["record"];
    assert_eq!(
        (&record["calls"], &record["health"]),
        (&json!(0), &Value::Null)
    );
    assert!(
        !sandbox.folder().join(".rgpt").exists(),
        "looking makes nothing"
    );

    let outcome = sandbox.rgpt(&["models", "--json"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let document = outcome.document();
    let model = &document["models"][0];
    assert_eq!(
        keys(model),
        [
            "name",
            "provider",
            "kind",
            "base_url",
            "model",
            "context_window",
            "max_output",
            "price",
            "reasoning",
            "tools",
            "json",
            "phases",
            "usable",
            "why",
            "catalogue",
            "breaker",
            "record",
            "learned"
        ]
    );
    assert_eq!(
        (&model["name"], &model["kind"]),
        (&json!("scripted"), &json!("scripted"))
    );
    assert_eq!(model["phases"], json!(["planner", "builder", "repair"]));
    assert_eq!(model["usable"], true);
    assert_eq!(
        model["breaker"],
        json!({"state": "closed", "failures": 0, "until": null, "kind": null})
    );
}

#[test]
fn the_record_of_a_model_is_what_its_runs_used() {
    let sandbox = Sandbox::new();
    sandbox.script_that_greets();
    assert_eq!(sandbox.run(&[]).0, 0);
    let document = sandbox.rgpt(&["models", "--json"]).document();
    let record = &document["models"][0]["record"];
    let usage = &sandbox.inspect()["run"]["usage"];
    assert_eq!(
        (&record["calls"], &record["answered"]),
        (&json!(3), &json!(3))
    );
    assert_eq!(
        (&record["failures"], &record["health"]),
        (&json!(0), &json!(1.0))
    );
    for key in ["input_tokens", "output_tokens", "cost_usd"] {
        assert_eq!(record[key], usage[key], "{key}");
    }
    let table = sandbox.rgpt(&["models"]).stdout;
    assert!(
        table.lines().all(|line| line.chars().count() <= 80),
        "{table}"
    );
    for words in ["scripted", "dry at", "100%"] {
        assert!(table.contains(words), "{table}");
    }
}

#[test]
fn a_model_that_cannot_be_asked_says_why() {
    let sandbox = Sandbox::new();
    sandbox.person_config(
        "providers:\n  lab: {kind: openai, api_key_env: LAB_KEY}\n  new: {kind: openai, api: responses, api_key_env: NEW_KEY}\n\
         models:\n  a: {provider: lab, model: x}\n  b: {provider: new, model: y}\n",
    );
    let document = sandbox.rgpt(&["models", "--json"]).document();
    let why = |at: usize| document["models"][at]["why"].as_str().unwrap().to_owned();
    assert!(why(0).contains("set LAB_KEY"), "{}", why(0));
    assert!(why(1).contains("set NEW_KEY"), "{}", why(1));
    let shown = sandbox.rgpt(&["models"]).stdout;
    assert!(
        shown.contains("a: the provider \"lab\" needs a key: set LAB_KEY"),
        "{shown}"
    );
}

#[test]
fn without_any_it_says_what_to_write_and_needs_no_repository() {
    let sandbox = Sandbox::bare_machine();
    sandbox.person_config("");
    let outcome = sandbox.rgpt(&["models"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert!(
        outcome.stdout.contains("no models are configured"),
        "{outcome:#?}"
    );
    assert!(
        outcome.stdout.contains("export OPENAI_API_KEY="),
        "{outcome:#?}"
    );
    let document = sandbox.rgpt(&["models", "--json"]).document();
    assert_eq!(document, json!({"models": []}));
}

#[test]
fn what_is_known_of_a_model_is_told_with_its_date_and_fits_the_screen() {
    let mut sandbox = Sandbox::new();
    sandbox.person_config("");
    for key in ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY"] {
        sandbox.set(key, "k");
    }
    let document = sandbox.rgpt(&["models", "--json"]).document();
    assert_eq!(document["chosen_for"][2], "GEMINI_API_KEY");
    for model in document["models"].as_array().unwrap() {
        let catalogue = &model["catalogue"];
        assert_eq!(keys(catalogue), ["as_of", "source", "stale", "ends"]);
        assert!(
            catalogue["as_of"].as_str().unwrap().starts_with("20"),
            "{model}"
        );
        assert!(model["price"]["input"].as_f64() > Some(0.0), "{model}");
    }
    let table = sandbox.rgpt(&["models"]).stdout;
    for words in [
        "claude-sonnet-5-5",
        "gpt-6.2-sol",
        "these were chosen for ANTHROPIC_API_KEY",
    ] {
        assert!(table.contains(words), "{words}: {table}");
    }
    assert!(
        table.lines().all(|line| line.chars().count() <= 80),
        "{table}"
    );
    // What is configured needs no catalogue.
    let own = Sandbox::new().rgpt(&["models", "--json"]).document();
    assert_eq!(own["models"][0]["catalogue"], Value::Null);
}

#[test]
fn an_ollama_of_the_persons_own_is_found_where_its_variable_says() {
    let rules = Rules {
        root: "",
        check: |_, _| Ok(()),
        refusal: |_| Reply::json(404, &json!({})),
    };
    let list =
        json!({"models": [{"name": "nomic-embed-text:latest"}, {"name": "qwen3-coder:30b"}]});
    let server = Fake::start(rules, move |_| Reply::json(200, &list));
    let mut sandbox = Sandbox::new();
    sandbox.person_config("");
    sandbox.set("OLLAMA_HOST", server.base());
    let document = sandbox.rgpt(&["models", "--json"]).document();
    let model = &document["models"][0];
    assert_eq!(
        (&model["name"], &model["model"]),
        (&json!("qwen3-coder-30b"), &json!("qwen3-coder:30b"))
    );
    assert_eq!(model["phases"], json!(["planner", "builder", "repair"]));
    assert_eq!(model["base_url"], server.base());
    assert!(
        server
            .seen()
            .iter()
            .all(|seen| seen.head.starts_with("GET /api/tags "))
    );
}
