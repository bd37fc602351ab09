//! What is refused, in which words.

use super::*;

/// The error of a file that is not tracked, so that only its content matters.
fn error(text: &str) -> String {
    Project::new().file("orchestrator.local.yaml", text).error()
}

#[test]
fn an_unknown_key_names_the_nearest_one() {
    insta::assert_snapshot!(error("modles: {}"), @"repo/orchestrator.local.yaml:1:1: modles: unknown key `modles` (did you mean `models`?)");
    insta::assert_snapshot!(error("checks:\n  test:\n    comand: cargo test\n"), @"repo/orchestrator.local.yaml:3:5: checks.test.comand: unknown key `comand` (did you mean `command`?)");
    insta::assert_snapshot!(error("findings:\n  xyzzy: 1\n"), @"repo/orchestrator.local.yaml:2:3: findings.xyzzy: unknown key `xyzzy` (known: max_major, max_medium)");
    insta::assert_snapshot!(error("phases:\n  bilder: {}\n"), @"repo/orchestrator.local.yaml:2:3: phases.bilder: unknown key `bilder` (did you mean `builder`?)");
}

#[test]
fn a_wrong_type_says_what_was_expected_and_what_was_found() {
    insta::assert_snapshot!(error("execution:\n  max_retries: three\n"), @r#"repo/orchestrator.local.yaml:2:16: execution.max_retries: expected a whole number of at least 0, found the text "three""#);
    insta::assert_snapshot!(error("execution: 3"), @"repo/orchestrator.local.yaml:1:12: execution: expected a map with the keys max_retries, max_heals, parallel_steps, on_step_failure, found the number 3");
    insta::assert_snapshot!(error("checks:\n  test: cargo test\n"), @r#"repo/orchestrator.local.yaml:2:9: checks.test: expected a map with the keys kind, command, cwd, timeout, report, report_files, shards, runner, image, pull, artifacts, env, pass_env, network, found the text "cargo test""#);
    insta::assert_snapshot!(error("checks: {t: {command: t, env: {A: 1}}}"), @"repo/orchestrator.local.yaml:1:35: checks.t.env.A: expected text, found the number 1 (put it in quotes)");
    insta::assert_snapshot!(error("phases: {planner: {models: sonnet}}"), @r#"repo/orchestrator.local.yaml:1:28: phases.planner.models: expected a list such as [a, b], found the text "sonnet""#);
    insta::assert_snapshot!(error("release: {mode: brunch}"), @r#"repo/orchestrator.local.yaml:1:17: release.mode: expected one of branch, merge, pull_request, found the text "brunch""#);
    insta::assert_snapshot!(error("- a\n- b\n"), @"repo/orchestrator.local.yaml:1:1: expected a map with the keys providers, models, phases, budget, execution, checks, findings, healing, stability, policy, release, workspace, logging, cache, found a list");
}

#[test]
fn values_out_of_range_are_refused() {
    insta::assert_snapshot!(error("budget: {wall: soon, usd: -1}"), @r#"
    repo/orchestrator.local.yaml:1:16: budget.wall: expected a duration such as 15m or 30s, found the text "soon"
    repo/orchestrator.local.yaml:1:27: budget.usd: expected a number of at least 0, found the number -1
    "#);
    insta::assert_snapshot!(error("checks: {t: {command: t, timeout: 0s}}"), @r#"repo/orchestrator.local.yaml:1:35: checks.t.timeout: a duration must be longer than zero, found the text "0s""#);
    insta::assert_snapshot!(error("checks: {t: {command: ' '}}"), @"repo/orchestrator.local.yaml:1:23: checks.t.command: must not be empty");
    insta::assert_snapshot!(error("checks: {t: {command: t, cwd: ../other}}"), @r#"repo/orchestrator.local.yaml:1:31: checks.t.cwd: "../other" leads outside: expected a path below the project's folder, without `..`"#);
    insta::assert_snapshot!(error("checks: {a/b: {command: t}}"), @r#"repo/orchestrator.local.yaml:1:10: checks."a/b": "a/b" is no name: letters, digits, `_`, `-` and `.`, a letter or digit first"#);
    insta::assert_snapshot!(error("policy: {protected: ['a[']}"), @r#"repo/orchestrator.local.yaml:1:22: policy.protected[0]: "a[" is no glob: unclosed character class; missing ']'"#);
    insta::assert_snapshot!(error("phases: {planner: {temperature: 3, max_turns: 0}}"), @r"
    repo/orchestrator.local.yaml:1:33: phases.planner.temperature: expected a number from 0 to 2, found the number 3
    repo/orchestrator.local.yaml:1:47: phases.planner.max_turns: expected a whole number from 1 to 1000, found the number 0
    ");
    insta::assert_snapshot!(error("logging: {rotate: 10, keep: -1}"), @r"
    repo/orchestrator.local.yaml:1:19: logging.rotate: expected a size such as 10MB or 512KB, found the number 10
    repo/orchestrator.local.yaml:1:29: logging.keep: expected a whole number of at least 0, found the number -1
    ");
    insta::assert_snapshot!(
        error("models: {m: {provider: p, model: m, reasoning: 2, price: {input: -1, output: 1}}}"),
        @r"
        repo/orchestrator.local.yaml:1:48: models.m.reasoning: expected a number from 0 to 1, found the number 2
        repo/orchestrator.local.yaml:1:66: models.m.price.input: expected a number of at least 0, found the number -1
        "
    );
}

#[test]
fn duplicates_and_broken_files_are_refused() {
    insta::assert_snapshot!(error("budget: {usd: 1}\nbudget: {usd: 2}\n"), @"repo/orchestrator.local.yaml:2:1: budget: this key is there twice");
    insta::assert_snapshot!(error("budget:\n\tusd: 1\n"), @"repo/orchestrator.local.yaml:2:1: budget: found character that cannot start any token at line 2 column 1, while scanning for the next token");
    let project = Project::new().named("absent.yaml");
    insta::assert_snapshot!(project.error(), @"repo/absent.yaml: cannot be read: No such file or directory (os error 2)");
    let project = Project::new().file("orchestrator.yaml", &"#".repeat(1024 * 1024 + 1));
    insta::assert_snapshot!(project.error(), @"repo/orchestrator.yaml: cannot be read: it is larger than 1 MiB");
    let project = Project::new();
    fs::create_dir(project.root().join("orchestrator.yaml")).unwrap();
    insta::assert_snapshot!(project.error(), @"repo/orchestrator.yaml: cannot be read: it is not a regular file");
    fs::remove_dir(project.root().join("orchestrator.yaml")).unwrap();
    fs::write(project.root().join("orchestrator.yaml"), b"\xff").unwrap();
    insta::assert_snapshot!(project.error(), @"repo/orchestrator.yaml: cannot be read: it is not UTF-8 text");
}

#[test]
fn what_must_be_there_is_missed_only_once_all_layers_are_merged() {
    let text = "checks:\n  test:\n    timeout: 5m\nmodels: {m: {model: x}}\n";
    insta::assert_snapshot!(error(text), @r"
    repo/orchestrator.local.yaml:4:10: models.m.provider: missing
    repo/orchestrator.local.yaml:2:3: checks.test.command: missing
    ");
    let project = Project::new()
        .tracked("orchestrator.yaml", "checks: {test: {command: cargo test}}")
        .file("orchestrator.local.yaml", "checks: {test: {timeout: 5m}}");
    assert_eq!(project.config().checks[0].1.timeout.as_secs(), 300);
    insta::assert_snapshot!(error("workspace: {setup: [{network: host}]}"), @"repo/orchestrator.local.yaml:1:13: workspace.setup[0].command: missing");
    insta::assert_snapshot!(error("workspace: {setup: [{command: null}]}"), @"repo/orchestrator.local.yaml:1:13: workspace.setup[0].command: missing");
}

#[test]
fn names_must_lead_somewhere() {
    let models =
        "providers: {lab: {kind: openai}}\nmodels:\n  sonnet: {provider: labb, model: x}\n";
    insta::assert_snapshot!(error(models), @"repo/orchestrator.local.yaml:3:22: models.sonnet.provider: unknown provider `labb` (did you mean `lab`?)");
    let phases = "providers: {lab: {kind: openai}}\nmodels: {sonnet: {provider: lab, model: x}}\n\
                  phases:\n  planner:\n    models: [sonnet, sonet]\n";
    insta::assert_snapshot!(error(phases), @"repo/orchestrator.local.yaml:5:22: phases.planner.models[1]: unknown model `sonet` (did you mean `sonnet`?)");
    insta::assert_snapshot!(error("phases: {planner: {models: [gpt]}}"), @"repo/orchestrator.local.yaml:1:29: phases.planner.models[0]: unknown model `gpt` (there are none)");
}

#[test]
fn a_setting_of_another_kind_of_provider_is_refused() {
    insta::assert_snapshot!(error("providers: {a: {kind: gemini, api: chat, script: x}}"), @r"
    repo/orchestrator.local.yaml:1:36: providers.a.api: only a provider of kind openai has this
    repo/orchestrator.local.yaml:1:50: providers.a.script: only a provider of kind scripted has this
    ");
    insta::assert_snapshot!(error("providers: {a: {kind: scripted, base_url: 'http://x'}}"), @r"
    repo/orchestrator.local.yaml:1:13: providers.a.script: missing: a scripted provider answers from a file
    repo/orchestrator.local.yaml:1:43: providers.a.base_url: a scripted provider has none
    ");
}

#[test]
fn a_key_in_the_configuration_is_refused_and_not_repeated() {
    let key = "sk-proj-Ab3dEf6hIj9kLmNoPq";
    for text in [
        format!("providers: {{a: {{kind: openai, api_key_env: {key}}}}}"),
        format!("checks: {{t: {{command: t, env: {{TOKEN: {key}}}}}}}"),
    ] {
        let error = error(&text);
        assert!(error.contains("this looks like a key"), "{error}");
        assert!(!error.contains(key), "{error}");
    }
    insta::assert_snapshot!(error("providers: {a: {kind: openai, api_key: x}}"), @"repo/orchestrator.local.yaml:1:31: providers.a.api_key: unknown key `api_key` (did you mean `api_key_env`?)");
    insta::assert_snapshot!(
        error("providers: {a: {kind: openai, base_url: 'https://me:secret@lab/'}}"),
        @"repo/orchestrator.local.yaml:1:41: providers.a.base_url: the address must hold no user, password, query or fragment: a key belongs in an environment variable, named with `api_key_env`"
    );
}

#[test]
fn what_is_not_built_yet_is_refused_with_what_works() {
    let text = "execution: {parallel_steps: 2}\nchecks: {t: {command: t}}\n\
                release: {mode: pull_request}\n";
    insta::assert_snapshot!(error(text), @r"
    repo/orchestrator.local.yaml:1:29: execution.parallel_steps: not built yet: only 1 works in this version
    repo/orchestrator.local.yaml:3:17: release.mode: not built yet: only branch works in this version
    ");
}

#[test]
fn an_error_from_a_variable_or_a_flag_says_so() {
    let project = Project::new()
        .variable("RGPT_EXECUTION__MAX_HEALS", "many")
        .variable("RGPT_BUGDET__USD", "1")
        .flag("budget.wall", "soon")
        .flag("phases.planner.model", "x");
    insta::assert_snapshot!(project.error(), @r#"
    environment variable RGPT_BUGDET__USD: names no setting (did you mean RGPT_BUDGET__USD?)
    environment variable RGPT_EXECUTION__MAX_HEALS: execution.max_heals: expected a whole number of at least 0, found the text "many"
    command line: budget.wall: expected a duration such as 15m or 30s, found the text "soon"
    command line: phases.planner.model: unknown key `model` (did you mean `models`?)
    "#);
    let project = Project::new().flag("phases.planner.models", vec!["sonnet"]);
    insta::assert_snapshot!(project.error(), @"command line: phases.planner.models[0]: unknown model `sonnet` (there are none)");
}

#[test]
fn what_is_accepted_but_not_enforced_is_a_warning() {
    let project = Project::new().file(
        "orchestrator.local.yaml",
        "providers: {lab: {kind: openai}, off: {kind: scripted, script: s}}\n\
         models: {a: {provider: lab, model: x}, b: {provider: off, model: x}}\n\
         phases: {planner: {models: [a, b]}}\n\
         checks: {test: {command: t, network: none}}\n\
         workspace: {setup: [{command: s, network: loopback}]}\n",
    );
    insta::assert_snapshot!(project.load().warnings.join("\n"), @r"
    models.a: has no price, so its calls count as free and only the token budget holds
    checks.test.network: none is not enforced by this version
    workspace.setup[0].network: loopback is not enforced by this version
    ");
}

#[test]
fn keys_are_missed_only_for_models_that_phases_name() {
    let project = Project::new().file(
        "orchestrator.local.yaml",
        "providers:\n  lab: {kind: openai, api_key_env: LAB_KEY}\n  \
         other: {kind: openai, api_key_env: OTHER_KEY}\n\
         models: {a: {provider: lab, model: x}, b: {provider: lab, model: y}, \
         c: {provider: other, model: z}}\n\
         phases: {planner: {models: [a, b]}}\n",
    );
    let config = project.config();
    let missing = |key: &str| missing_keys(&config, &Environment::from_iter([("LAB_KEY", key)]));
    let lab = MissingKey {
        provider: "lab".to_owned(),
        variable: "LAB_KEY".to_owned(),
    };
    assert_eq!(missing(""), [lab]);
    assert_eq!(missing("k"), []);
}

#[test]
fn report_files_stay_inside_and_are_read() {
    insta::assert_snapshot!(error("checks: {t: {command: t, report_files: [/tmp/a.xml]}}"), @r#"repo/orchestrator.local.yaml:1:41: checks.t.report_files[0]: "/tmp/a.xml" leads outside: expected a path below the project's folder, without `..`"#);
    insta::assert_snapshot!(error("checks: {t: {command: t, report: none, report_files: [a.xml]}}"), @"repo/orchestrator.local.yaml:1:54: checks.t.report_files: with `report: none` no file is read: take one of the two away");
}

#[test]
fn a_container_needs_an_image_that_is_no_option() {
    insta::assert_snapshot!(error("checks: {t: {command: t, runner: podman}}"), @"repo/orchestrator.local.yaml:1:10: checks.t.image: missing: podman runs it in an image");
    insta::assert_snapshot!(error("checks: {t: {command: t, runner: docker, image: --privileged}}"), @"repo/orchestrator.local.yaml:1:49: checks.t.image: expected the name of an image, such as docker.io/library/node:22");
    let text = "checks: {t: {command: t, runner: docker, image: node, network: none}}";
    let project = Project::new().file("orchestrator.local.yaml", text);
    assert_eq!(project.load().warnings, Vec::<String>::new());
}
