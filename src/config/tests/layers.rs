//! Which layer wins, and which files are found.

use std::time::Duration;

use super::*;
use crate::domain::finding::Category;

#[test]
fn with_no_file_at_all_the_defaults_are_in_force() {
    let project = Project::new();
    let loaded = project.load();
    assert_eq!(loaded.config, Config::default());
    assert!(loaded.files.is_empty());
    assert!(loaded.warnings.is_empty());
}

#[test]
fn later_layers_win() {
    let mut project = Project::new();
    let retries = |project: &Project| project.config().execution.max_retries;
    assert_eq!(retries(&project), 3);
    project = project.user("execution: {max_retries: 4, max_heals: 1}");
    assert_eq!(retries(&project), 4);
    project = project.file("orchestrator.yaml", "execution: {max_retries: 5}");
    assert_eq!(retries(&project), 5);
    project = project.file("orchestrator.local.yaml", "execution: {max_retries: 6}");
    assert_eq!(retries(&project), 6);
    project = project.variable("RGPT_EXECUTION__MAX_RETRIES", "7");
    assert_eq!(retries(&project), 7);
    project = project.flag("execution.max_retries", 8);
    assert_eq!(retries(&project), 8);
    assert_eq!(project.config().execution.max_heals, 1);
}

#[test]
fn the_users_file_is_where_xdg_says() {
    let project = Project::new();
    let xdg = project.folder.path().join("xdg");
    project.write(&xdg.join("rgpt/config.yaml"), "budget: {usd: 1}");
    let project = project
        .user("budget: {usd: 2}")
        .variable("XDG_CONFIG_HOME", xdg.to_str().unwrap());
    assert_eq!(project.config().budget.usd, Some(1.0));
}

#[test]
fn the_search_goes_up_to_the_root_of_the_repository_and_no_further() {
    let project = Project::new()
        .start("a/b")
        .file("orchestrator.yaml", "budget: {usd: 1}");
    assert_eq!(project.config().budget.usd, Some(1.0));
    let project = project.file("a/orchestrator.yaml", "budget: {usd: 2}");
    assert_eq!(project.config().budget.usd, Some(2.0));

    let project = Project::new().start("a");
    project.write(
        &project.folder.path().join("orchestrator.yaml"),
        "budget: {usd: 3}",
    );
    assert_eq!(project.config().budget.usd, Some(5.0));
}

#[test]
fn the_local_file_is_searched_for_where_there_is_no_other() {
    let project = Project::new()
        .start("a/b")
        .file("a/orchestrator.local.yaml", "budget: {usd: 1}");
    assert_eq!(project.config().budget.usd, Some(1.0));
    let project = project.file("orchestrator.yaml", "{}");
    assert_eq!(
        project.config().budget.usd,
        Some(5.0),
        "only the one beside orchestrator.yaml counts"
    );
}

#[test]
fn a_named_file_replaces_the_one_that_would_be_found() {
    let project = Project::new()
        .file("orchestrator.yaml", "budget: {usd: 1}")
        .file("ci/rgpt.yaml", "budget: {tokens: 7}")
        .file("ci/orchestrator.local.yaml", "budget: {wall: 1m}")
        .named("ci/rgpt.yaml");
    let budget = project.config().budget;
    assert_eq!(budget.usd, Some(5.0));
    assert_eq!(budget.tokens, Some(7));
    assert_eq!(budget.wall, Some(Duration::from_secs(60)));
}

#[test]
fn null_clears_a_setting_and_a_section_goes_back_to_its_defaults() {
    let project = Project::new()
        .user("budget: {tokens: 5}\nexecution: {max_retries: 9}\nchecks: {a: {command: a}}")
        .file(
            "orchestrator.local.yaml",
            "budget: {usd: null}\nexecution: null\nchecks: {a: null}",
        );
    let config = project.config();
    assert_eq!((config.budget.usd, config.budget.tokens), (None, Some(5)));
    assert_eq!(config.execution, Execution::default());
    assert_eq!(config.checks, []);
}

#[test]
fn checks_run_in_the_order_in_which_they_first_appear() {
    let project = Project::new()
        .tracked(
            "orchestrator.yaml",
            "checks: {test: {command: t}, build: {command: b}, audit: {command: a}}",
        )
        .file(
            "orchestrator.local.yaml",
            "checks: {z: {command: z}, audit: {timeout: 2m}}",
        );
    let checks = project.config().checks;
    let names: Vec<&str> = checks.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["test", "build", "audit", "z"]);
}

#[test]
fn a_checks_kind_follows_from_its_name_and_its_time_limit_from_its_kind() {
    let project = Project::new().tracked(
        "orchestrator.yaml",
        "checks:\n  build: {command: b}\n  test: {command: t}\n  lint: {command: l}\n  \
         e2e: {command: e, kind: test}\n  docs: {command: d}\n  security: {command: s, timeout: 2m}",
    );
    let checks = project.config().checks;
    let seen: Vec<(&str, Category, u64)> = checks
        .iter()
        .map(|(name, check)| (name.as_str(), check.kind, check.timeout.as_secs()))
        .collect();
    assert_eq!(
        seen,
        [
            ("build", Category::Build, 1800),
            ("test", Category::Test, 900),
            ("lint", Category::Lint, 60),
            ("e2e", Category::Test, 900),
            ("docs", Category::Custom, 60),
            ("security", Category::Security, 120),
        ]
    );
}

#[test]
fn a_script_stands_relative_to_the_file_that_names_it() {
    let project = Project::new().file(
        "orchestrator.local.yaml",
        "providers: {offline: {kind: scripted, script: demo/script.yaml}}",
    );
    assert_eq!(
        project.config().providers["offline"].script,
        Some(project.root().join("demo/script.yaml"))
    );
}

#[test]
fn every_setting_tells_where_it_comes_from() {
    let project = Project::new()
        .user("budget:\n  usd: 1\n  wall: 3h")
        .tracked(
            "orchestrator.yaml",
            "# checks\nchecks:\n  test:\n    command: cargo test\n",
        )
        .file("orchestrator.local.yaml", "budget: {usd: null}")
        .variable("RGPT_BUDGET__TOKENS", "9")
        .flag("execution.max_heals", 2);
    let shown: Vec<String> = show(&project.load())
        .unwrap()
        .iter()
        .filter(|shown| !shown.path.starts_with("logging") && !shown.path.starts_with("find"))
        .map(|shown| {
            project.shorten(&format!(
                "{} = {} ({})",
                shown.path, shown.value, shown.origin
            ))
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    budget.usd = null (repo/orchestrator.local.yaml:1)
    budget.tokens = 9 (RGPT_BUDGET__TOKENS)
    budget.wall = "3h" (home/.config/rgpt/config.yaml:3)
    execution.max_retries = 3 (default)
    execution.max_heals = 2 (flag)
    execution.parallel_steps = 1 (default)
    execution.on_step_failure = "stop" (default)
    checks.test.kind = "test" (default)
    checks.test.command = "cargo test" (repo/orchestrator.yaml:4)
    checks.test.cwd = "." (default)
    checks.test.timeout = "15m" (default)
    checks.test.report = "auto" (default)
    checks.test.report_files = [] (default)
    checks.test.shards = 1 (default)
    checks.test.runner = "host" (default)
    checks.test.pull = "missing" (default)
    checks.test.artifacts = [] (default)
    checks.test.pass_env = [] (default)
    checks.test.network = "host" (default)
    healing.learn = true (default)
    healing.candidates = 3 (default)
    healing.quarantine = "336h" (default)
    stability.reruns = 2 (default)
    policy.mode = "enforce" (default)
    policy.labels = [] (default)
    policy.protected = [] (default)
    policy.sandbox = "auto" (default)
    release.mode = "branch" (default)
    release.commits = "one" (default)
    workspace.share = [] (default)
    workspace.cache = true (default)
    "#);
}

#[test]
fn a_configuration_shows_no_temperature_that_no_one_wrote() {
    let project = Project::new().file(
        "orchestrator.local.yaml",
        "phases: {planner: {temperature: 0.2}}",
    );
    let shown = show(&project.load()).unwrap();
    let temperature = shown
        .iter()
        .find(|shown| shown.path == "phases.planner.temperature")
        .unwrap();
    assert_eq!(temperature.value.to_string(), "0.2");
}
