//! What the catalogue adds: below everything that a person wrote, key by key.

use super::*;
use crate::config::settings::{Choose, Price, ProviderKind};

fn anthropic(model: &str) -> Project {
    Project::new().file(
        "orchestrator.local.yaml",
        &format!(
            "providers: {{a: {{kind: anthropic, api_key_env: K}}}}\nmodels: {{m: {{provider: a, model: {model}}}}}\n"
        ),
    )
}

fn origin(loaded: &Loaded, path: &str) -> String {
    loaded.origins[path].to_string()
}

#[test]
fn a_configured_model_takes_what_it_leaves_out_from_the_catalogue() {
    let loaded = anthropic("claude-sonnet-5-5").load();
    let model = &loaded.config.models["m"];
    let price = Price {
        input: 2.0,
        output: 10.0,
        cached_input: Some(0.1),
    };
    assert_eq!(model.price, Some(price));
    assert_eq!(model.context_window, Some(1_000_000));
    assert_eq!(
        model.max_output,
        Some(32_000),
        "all of it is reserved before each call"
    );
    assert_eq!((model.temperature, model.effort), (Some(false), Some(true)));
    assert!(model.tools && model.json && !model.private);
    assert_eq!(origin(&loaded, "models.m.price.input"), "catalogue");
    assert_eq!(origin(&loaded, "models.m.tools"), "catalogue");
    assert_eq!(loaded.warnings, [""; 0]);
    assert_eq!(loaded.chosen_for, [""; 0]);
    let recorded = canonical_json(&loaded.config).unwrap();
    assert_eq!(from_canonical_json(&recorded).unwrap(), loaded.config);
}

#[test]
fn configuration_wins_key_by_key_even_with_nothing() {
    let project =
        anthropic("claude-sonnet-5-5, tools: false, price: null, max_output: 64000, effort: false");
    let loaded = project.load();
    let model = &loaded.config.models["m"];
    assert_eq!((model.tools, model.json), (false, true));
    assert_eq!(model.price, None, "cleared is not left out");
    assert_eq!(
        (model.max_output, model.effort),
        (Some(64_000), Some(false))
    );
    assert!(origin(&loaded, "models.m.tools").ends_with("orchestrator.local.yaml:2"));
    assert!(
        loaded.warnings[0].contains("has no price"),
        "{:?}",
        loaded.warnings
    );
}

#[test]
fn window_and_answer_fit_each_other_whichever_is_given() {
    let of = |settings: &str| {
        let model = anthropic(settings).config().models["m"].clone();
        (model.context_window.unwrap(), model.max_output.unwrap())
    };
    assert_eq!(
        of("claude-sonnet-5-5, context_window: 16000"),
        (16_000, 8_000)
    );
    // Beyond 100,000 tokens of prompt it costs five times as much.
    assert_eq!(of("claude-haiku-5-5"), (100_000, 32_000));
    assert_eq!(
        of("claude-haiku-5-5, max_output: 128000"),
        (256_000, 128_000)
    );
    let own = "claude-haiku-5-5, price: {input: 0.5, output: 2.5}";
    assert_eq!(
        of(own),
        (1_000_000, 32_000),
        "a price of one's own is taken to hold everywhere"
    );
}

#[test]
fn a_model_that_nobody_knows_is_as_it_was() {
    let loaded = anthropic("claude-nobody").load();
    let expected = ModelConfig::of("a", "claude-nobody");
    assert_eq!(loaded.config.models["m"], expected);
    assert!(
        loaded.warnings[0].contains("has no price"),
        "{:?}",
        loaded.warnings
    );
}

#[test]
fn what_is_told_to_an_ollama_at_home_stays_there() {
    let private = |base_url: &str| {
        let project = Project::new().file(
            "orchestrator.local.yaml",
            &format!(
                "providers: {{o: {{kind: ollama{base_url}}}}}\nmodels: {{m: {{provider: o, model: 'qwen3-coder:30b'}}}}\n"
            ),
        );
        project.config().models["m"].private
    };
    assert!(private("") && private(", base_url: 'http://[::1]:7/x'"));
    assert!(private(", base_url: 'http://localhost:11434'"));
    assert!(!private(", base_url: 'http://gpu.example:11434'"));
    assert!(!private(", base_url: 'http://localhost.example'"));
}

#[test]
fn with_a_key_and_nothing_else_planner_and_builder_have_models() {
    let loaded = Project::new().variable("ANTHROPIC_API_KEY", "k").load();
    let config = &loaded.config;
    assert_eq!(
        config.providers["anthropic"].api_key_env.as_deref(),
        Some("ANTHROPIC_API_KEY")
    );
    assert_eq!(
        config.phases["planner"].models,
        ["claude-opus-5-5", "claude-sonnet-5-5"]
    );
    assert_eq!(
        config.phases["builder"].models,
        ["claude-sonnet-5-5", "claude-opus-5-5"]
    );
    assert_eq!(config.phases["planner"].choose, Choose::Order);
    assert!(!config.phases.contains_key("tester") && !config.phases.contains_key("releaser"));
    assert!(config.models["claude-opus-5-5"].price.is_some());
    assert_eq!(loaded.chosen_for, ["ANTHROPIC_API_KEY"]);
    assert_eq!(origin(&loaded, "phases.planner.models"), "catalogue");
    assert_eq!(loaded.warnings, [""; 0]);
}

#[test]
fn with_several_keys_they_stand_in_for_each_other_and_are_weighed() {
    let loaded = Project::new()
        .variable("OPENAI_API_KEY", "k")
        .variable("GOOGLE_API_KEY", "k")
        .variable("ANTHROPIC_API_KEY", " ")
        .load();
    let config = &loaded.config;
    assert_eq!(
        config.phases["builder"].models,
        ["gpt-6.2-sol", "gemini-3.8-flash", "gpt-6.1-terra"]
    );
    assert_eq!(config.phases["builder"].choose, Choose::Score);
    assert_eq!(config.providers["openai"].api.as_deref(), Some("responses"));
    assert_eq!(
        config.providers["gemini"].api_key_env.as_deref(),
        Some("GOOGLE_API_KEY")
    );
    assert_eq!(loaded.chosen_for, ["OPENAI_API_KEY", "GOOGLE_API_KEY"]);
}

#[test]
fn what_is_configured_is_kept_and_the_rest_chosen_around_it() {
    let project = Project::new()
        .variable("ANTHROPIC_API_KEY", "k")
        .variable("MINE", "k")
        .file(
            "orchestrator.local.yaml",
            "providers:\n  mine: {kind: anthropic, api_key_env: MINE, timeout: 9m}\n  \
             lab: {kind: openai, base_url: 'http://lab/v1', api_key_env: MINE}\n\
             phases: {planner: {models: [claude-fable-5-2]}, builder: {max_turns: 9}}\n",
        );
    let loaded = project.load();
    let config = &loaded.config;
    assert_eq!(config.providers.len(), 2);
    assert_eq!(config.phases["planner"].models, ["claude-fable-5-2"]);
    assert_eq!(
        config.phases["builder"].models,
        ["claude-sonnet-5-5", "claude-opus-5-5"]
    );
    assert_eq!(config.phases["builder"].max_turns, Some(9));
    assert!(config.models.values().all(|model| model.provider == "mine"));
    assert_eq!(config.models.len(), 4);
    // A model of one's own, and nothing is chosen any more.
    let project = project.user("models: {m: {provider: mine, model: claude-opus-5-5}}");
    assert!(project.error().contains("unknown model `claude-fable-5-2`"));
}

#[test]
fn models_are_chosen_only_for_who_speaks_the_vendors_own_protocol() {
    let providers = |file: &str| {
        let project = Project::new().variable("OPENAI_API_KEY", "k");
        let config = project.file("orchestrator.local.yaml", file).config();
        (config.providers.len(), config.models.len())
    };
    // Another server, with models of its own.
    assert_eq!(
        providers("providers: {lab: {kind: openai, base_url: 'http://lab/v1'}}"),
        (1, 0)
    );
    assert_eq!(
        providers("providers: {off: {kind: scripted, script: s}}"),
        (1, 0)
    );
    let at = |settings: &str| {
        providers(&format!(
            "providers: {{gate: {{kind: openai, api_key_env: OPENAI_API_KEY{settings}}}}}"
        ))
    };
    assert_eq!(at(", base_url: 'http://gate/v1'"), (1, 0));
    assert_eq!(at(", api: chat"), (1, 0));
    assert_eq!(at(", base_url: 'http://gate/v1', api: responses"), (1, 3));
    assert_eq!(at(""), (1, 3));
}

#[test]
fn an_ollama_serves_where_there_is_nothing_or_behind_the_rest() {
    let installed =
        ["nomic-embed-text:latest", "llama3.1:8b", "qwen3-coder:30b"].map(str::to_owned);
    let environment =
        |project: &Project| project.variables.iter().cloned().collect::<Environment>();
    let project = Project::new();
    let mut loaded = project.load();
    let ollama = loaded.ollama_to_ask(&environment(&project)).unwrap();
    assert_eq!(ollama.base_url, "http://127.0.0.1:11434");
    assert_eq!(
        loaded.clone().use_ollama(&ollama, &installed[..1]),
        None,
        "it writes no code"
    );
    assert_eq!(
        loaded.use_ollama(&ollama, &installed).as_deref(),
        Some("qwen3-coder-30b")
    );
    let model = &loaded.config.models["qwen3-coder-30b"];
    assert_eq!(
        (model.model.as_str(), model.context_window),
        ("qwen3-coder:30b", Some(32_768))
    );
    assert!(model.private);
    assert_eq!(loaded.config.providers["ollama"].kind, ProviderKind::Ollama);
    assert_eq!(loaded.config.phases["planner"].models, ["qwen3-coder-30b"]);
    assert_eq!(origin(&loaded, "models.qwen3-coder-30b.model"), "catalogue");
    assert_eq!(loaded.chosen_for, ["the Ollama at http://127.0.0.1:11434"]);

    let keyed = Project::new().variable("ANTHROPIC_API_KEY", "k");
    assert_eq!(
        keyed.load().ollama_to_ask(&environment(&keyed)),
        None,
        "nobody named one"
    );
    let keyed = keyed.variable("OLLAMA_HOST", "gpu.example");
    let mut loaded = keyed.load();
    let ollama = loaded.ollama_to_ask(&environment(&keyed)).unwrap();
    loaded.use_ollama(&ollama, &installed).unwrap();
    let builder = &loaded.config.phases["builder"];
    assert_eq!(
        builder.models.last().map(String::as_str),
        Some("qwen3-coder-30b")
    );
    assert_eq!(builder.choose, Choose::Score);
    assert!(
        !loaded.config.models["qwen3-coder-30b"].private,
        "it is another machine"
    );

    let own = anthropic("claude-opus-5-5");
    assert_eq!(own.load().ollama_to_ask(&environment(&own)), None);
    let other = Project::new().file(
        "orchestrator.local.yaml",
        "providers: {lab: {kind: openai}}",
    );
    assert_eq!(other.load().ollama_to_ask(&environment(&other)), None);
}
