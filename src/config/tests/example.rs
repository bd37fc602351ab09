//! The examples that users read hold, and the schema says no more than the settings understand.

use std::time::Duration;

use super::super::key_path::KeyPath;
use super::super::layer::nested;
use super::super::schema;
use super::super::shape::Shape;
use super::*;
use crate::domain::Phase;

pub(super) const EXAMPLE: &str = include_str!("../../../orchestrator.yaml");

/// The example of every section, as a user would write it.
pub(super) const WHOLE: &str = r#"
providers:
  anthropic: {kind: anthropic, api_key_env: ANTHROPIC_API_KEY}
  openai:    {kind: openai, api: responses, api_key_env: OPENAI_API_KEY}   # api: responses (OpenAI itself) | chat (default elsewhere)
  gemini:    {kind: gemini, api_key_env: GEMINI_API_KEY}
  ollama:    {kind: ollama, base_url: "http://127.0.0.1:11434"}
  lab:       {kind: openai, base_url: "http://lab.example:8000/v1", api_key_env: LAB_KEY}   # any compatible server
  offline:   {kind: scripted, script: examples/todo/script.yaml}
models:
  gpt: {provider: openai, model: gpt-5}
  local: {provider: ollama, model: qwen}
  sonnet: {provider: anthropic, model: claude-sonnet-4-6, context_window: 200000, max_output: 64000,
           price: {input: 3.0, output: 15.0, cached_input: 0.3}, reasoning: 0.9, tools: true, json: true}
phases:            # planner, builder, tester, releaser
  planner: {models: [sonnet, gpt], temperature: 0.2, effort: medium}
  builder: {models: [sonnet, local], max_turns: 60}
budget: {usd: 5.0, tokens: 2000000, wall: 2h}
execution: {max_retries: 3, max_heals: 12, parallel_steps: 1, on_step_failure: stop}
checks:            # any names; kind: build | test | lint | security | custom
  build: {kind: build, command: cargo build, cwd: ".", timeout: 30m}
  test:  {kind: test, command: cargo test, timeout: 15m, report: auto, shards: 1, env: {RUST_BACKTRACE: "1"}, pass_env: [DATABASE_URL], network: none}
  lint:  {kind: lint, command: cargo clippy -- -D warnings}
findings: {max_major: 0, max_medium: 10}
policy:  {mode: enforce, labels: [], protected: [".github/workflows/**"], sandbox: auto}
release: {mode: branch, commit_template: "…"}
workspace: {setup: [{command: npm ci, network: host}], share: [], cache: true}
logging: {level: info, format: json, rotate: 10MB, keep: 5}
"#;

#[test]
fn an_example_of_every_section_loads() {
    let project = Project::new().file("orchestrator.local.yaml", WHOLE);
    let loaded = project.load();
    let config = &loaded.config;
    assert_eq!(config.providers.len(), 6);
    assert_eq!(
        config.models["sonnet"].price.unwrap().cached_input,
        Some(0.3)
    );
    assert_eq!(config.phases["builder"].models, ["sonnet", "local"]);
    assert_eq!(config.checks[1].1.env["RUST_BACKTRACE"], "1");
    assert_eq!(config.checks[0].1.timeout, Duration::from_secs(1800));
    assert_eq!(config.logging, Logging::default());
    assert_eq!(config.budget, Budget::default());
    insta::assert_snapshot!(loaded.warnings.join("\n"), @r"
    models.gpt: has no price, so its calls count as free and only the token budget holds
    checks.test.network: none is not enforced by this version
    ");
}

#[test]
fn the_example_in_this_repository_loads_though_it_is_tracked() {
    let project = Project::new().tracked("orchestrator.yaml", EXAMPLE);
    let config = project.config();
    let names: Vec<&str> = config
        .checks
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["build", "test", "lint"]);
    let others = Config {
        checks: Vec::new(),
        ..config
    };
    assert_eq!(others, Config::default());
}

/// A commented setting keeps its own indentation after the `#`; prose has one space there.
pub(super) fn with_every_setting_in_force() -> String {
    let lines = EXAMPLE.lines().map(|line| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with(' ') || setting.starts_with("  ") => setting,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_shows_every_key_and_all_of_them_load() {
    let text = with_every_setting_in_force();
    let project = Project::new().file("orchestrator.local.yaml", &text);
    project.load();
    let value: Value = serde_yaml::from_str(&text).unwrap();
    let mut absent = Vec::new();
    absent_keys(&schema::ROOT, &[&value], &KeyPath::default(), &mut absent);
    assert_eq!(absent, Vec::<String>::new());
}

/// The keys of the schema that none of `values`, which all stand where `shape` describes, shows.
fn absent_keys(shape: &Shape, values: &[&Value], path: &KeyPath, absent: &mut Vec<String>) {
    match shape {
        Shape::Record(fields) => {
            for field in *fields {
                let path = path.key(field.name);
                let below: Vec<&Value> = values.iter().filter_map(|v| v.get(field.name)).collect();
                if below.is_empty() {
                    absent.push(path.to_string());
                } else if !path.is_within(&KeyPath::of(["phases"]))
                    || path == KeyPath::of(["phases"])
                    || path.is_within(&KeyPath::of(["phases", "planner"]))
                {
                    // The planner shows what all phases have.
                    absent_keys(&field.shape, &below, &path, absent);
                }
            }
        }
        Shape::Named(_, shape) => {
            let maps = values.iter().filter_map(|value| value.as_object());
            let below: Vec<&Value> = maps.flat_map(|map| map.values()).collect();
            absent_keys(shape, &below, &path.key("…"), absent);
        }
        Shape::List(shape @ Shape::Record(_)) => {
            let lists = values.iter().filter_map(|value| value.as_array());
            let below: Vec<&Value> = lists.flatten().collect();
            absent_keys(shape, &below, &path.item(0), absent);
        }
        _ => {}
    }
}

#[test]
fn every_word_that_the_schema_accepts_is_understood() {
    let mut words = Vec::new();
    collect_choices(&schema::ROOT, &KeyPath::default(), &mut words);
    assert!(words.len() > 30, "{words:?}");
    for (path, word) in words {
        let value = nested(&path, word.into());
        // What a value needs beside it; the choice under test is laid over it.
        let base = "providers: {n: {kind: openai}}\nchecks: {n: {command: c}}\n\
                    workspace: {setup: [{command: c}]}\n";
        let project = Project::new()
            .user(base)
            .file("orchestrator.local.yaml", &value.to_string());
        if let Err(error) = project.try_load() {
            let text = error.to_string();
            let known = [
                "not built yet",
                "missing",
                "only a provider",
                "a scripted provider",
            ];
            assert!(
                known.iter().any(|reason| text.contains(reason)),
                "{path}: {text}"
            );
        }
    }
}

fn collect_choices(shape: &Shape, path: &KeyPath, words: &mut Vec<(KeyPath, &'static str)>) {
    match shape {
        Shape::Choice(choices) => {
            words.extend(choices.iter().map(|word| (path.clone(), *word)));
        }
        Shape::Record(fields) => {
            for field in *fields {
                collect_choices(&field.shape, &path.key(field.name), words);
            }
        }
        Shape::Named(_, shape) => collect_choices(shape, &path.key("n"), words),
        Shape::List(shape) => collect_choices(shape, &path.item(0), words),
        _ => {}
    }
}

#[test]
fn every_phase_can_be_configured() {
    for phase in Phase::ALL {
        let project = Project::new().flag(&format!("phases.{phase}.max_turns"), 3);
        assert_eq!(project.config().phases[phase.as_str()].max_turns, Some(3));
    }
}
