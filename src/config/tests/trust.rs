//! What a file that git tracks may set.

use super::*;

fn refused(text: &str) -> String {
    Project::new().tracked("orchestrator.yaml", text).error()
}

#[test]
fn a_tracked_file_may_set_what_is_the_projects_own_business() {
    let project = Project::new()
        .user(
            "providers: {lab: {kind: ollama}}\nmodels: {m: {provider: lab, model: x}}\n\
             policy: {mode: ask, protected: [a]}\nbudget: {usd: null}",
        )
        .tracked(
            "orchestrator.yaml",
            "checks: {test: {command: cargo test, network: none, env: {A: b}, pass_env: []}}\n\
             phases: {builder: {models: [m], max_turns: 9}}\n\
             findings: {max_major: 1}\n\
             release: {commits: per_step}\n\
             workspace: {setup: [{command: npm ci, network: host}], cache: false}\n\
             execution: {max_retries: 1, on_step_failure: stop}\n\
             budget: {usd: 100, tokens: 5, wall: 1h}\n\
             policy: {mode: enforce, protected: [b, a]}\n",
        );
    let loaded = project.load();
    assert_eq!(loaded.files[1].trust, FileTrust::Untrusted);
    assert_eq!(loaded.config.policy.mode, PolicyMode::Enforce);
    assert_eq!(
        loaded.config.policy.protected,
        ["a", "b"],
        "what was protected stays so"
    );
    assert_eq!(loaded.config.budget.usd, Some(100.0));
    assert_eq!(loaded.config.execution.max_retries, 1);
}

#[test]
fn a_tracked_file_cannot_choose_who_is_asked() {
    insta::assert_snapshot!(
        refused("providers:\n  openai: {kind: openai, base_url: 'http://evil'}\n"),
        @"repo/orchestrator.yaml:1:1: providers: a file tracked by git cannot say where prompts and keys are sent"
    );
    insta::assert_snapshot!(refused("models: {m: {provider: p, model: x}}"), @"repo/orchestrator.yaml:1:1: models: a file tracked by git cannot choose providers and prices");
    insta::assert_snapshot!(refused("logging: {level: trace}"), @"repo/orchestrator.yaml:1:1: logging: a file tracked by git cannot say what is logged");
}

#[test]
fn a_tracked_file_cannot_loosen_the_policy() {
    insta::assert_snapshot!(
        refused("policy:\n  mode: ask\n  sandbox: off\n  labels: [safe]\n  protected: null\n"),
        @r"
        repo/orchestrator.yaml:2:3: policy.mode: a file tracked by git cannot loosen the policy
        repo/orchestrator.yaml:3:3: policy.sandbox: a file tracked by git cannot say how commands are confined
        repo/orchestrator.yaml:4:3: policy.labels: a file tracked by git cannot speak for the person who starts a run
        repo/orchestrator.yaml:5:3: policy.protected: a file tracked by git cannot take away protected globs
        "
    );
    insta::assert_snapshot!(refused("policy: null"), @"repo/orchestrator.yaml:1:1: policy: a file tracked by git cannot clear what was set elsewhere");
}

#[test]
fn a_tracked_file_cannot_raise_limits() {
    let text = "budget: {usd: 6, tokens: 2000001, wall: 3h}\n\
                execution: {max_retries: 4, max_heals: null, on_step_failure: continue}\n";
    insta::assert_snapshot!(refused(text), @r"
    repo/orchestrator.yaml:1:10: budget.usd: a file tracked by git cannot set more than 5.0
    repo/orchestrator.yaml:1:18: budget.tokens: a file tracked by git cannot set more than 2000000
    repo/orchestrator.yaml:1:35: budget.wall: a file tracked by git cannot set more than 2h
    repo/orchestrator.yaml:2:13: execution.max_retries: a file tracked by git cannot set more than 3
    repo/orchestrator.yaml:2:29: execution.max_heals: a file tracked by git cannot set more than 12
    repo/orchestrator.yaml:2:46: execution.on_step_failure: a file tracked by git cannot let a run go on after a failed step
    ");
    let project = Project::new()
        .user("budget: null\nexecution: {max_heals: null}")
        .tracked(
            "orchestrator.yaml",
            "budget: {usd: 6}\nexecution: {max_heals: 13}",
        );
    insta::assert_snapshot!(project.error(), @r"
    repo/orchestrator.yaml:1:10: budget.usd: a file tracked by git cannot set more than 5.0
    repo/orchestrator.yaml:2:13: execution.max_heals: a file tracked by git cannot set more than 12
    ");
}

#[test]
fn a_tracked_file_cannot_raise_any_cap() {
    let project = Project::new()
        .user(
            "budget: {attempts: 100, day: {usd: 20, wall: 8h}}\n\
             phases: {builder: {budget: {usd: 2, tokens: 1000}, private: true}}\n",
        )
        .tracked(
            "orchestrator.yaml",
            "budget: {attempts: 101, day: {usd: 21, tokens: null, wall: 9h}}\n\
             phases: {builder: {budget: {usd: 3, tokens: null}, private: false}}\n\
             cache: always\n",
        );
    insta::assert_snapshot!(project.error(), @r"
    repo/orchestrator.yaml:1:10: budget.attempts: a file tracked by git cannot set more than 100
    repo/orchestrator.yaml:1:31: budget.day.usd: a file tracked by git cannot set more than 20
    repo/orchestrator.yaml:1:40: budget.day.tokens: a file tracked by git cannot clear a limit
    repo/orchestrator.yaml:1:54: budget.day.wall: a file tracked by git cannot set more than 8h
    repo/orchestrator.yaml:2:29: phases.builder.budget.usd: a file tracked by git cannot set more than 2
    repo/orchestrator.yaml:2:37: phases.builder.budget.tokens: a file tracked by git cannot set more than 1000
    repo/orchestrator.yaml:2:52: phases.builder.private: a file tracked by git cannot let models be asked that are not on your own machines
    repo/orchestrator.yaml:3:1: cache: a file tracked by git cannot say when a model is not asked again
    ");
    let project = Project::new()
        .user("phases: {builder: {private: true}}\nbudget: {day: {usd: 20}}")
        .tracked("orchestrator.yaml", "phases: null\nbudget: {day: null}\n");
    insta::assert_snapshot!(project.error(), @r"
    repo/orchestrator.yaml:1:1: phases: a file tracked by git cannot clear what was set elsewhere
    repo/orchestrator.yaml:2:10: budget.day: a file tracked by git cannot clear what was set elsewhere
    ");
    let project = Project::new()
        .user("phases: {builder: {budget: {usd: 2}}}")
        .tracked("orchestrator.yaml", "phases: {builder: null}\n");
    insta::assert_snapshot!(project.error(), @"repo/orchestrator.yaml:1:10: phases.builder: a file tracked by git cannot clear what was set elsewhere");
}

#[test]
fn a_tracked_file_may_lower_every_cap_and_keep_a_phase_private() {
    let loaded = Project::new()
        .user("budget: {day: {usd: 20}}\nphases: {builder: {budget: {usd: 2}}}")
        .tracked(
            "orchestrator.yaml",
            "budget: {attempts: 10, day: {usd: 5, attempts: 50, wall: 1h}}\n\
             phases: {builder: {budget: {usd: 1, attempts: 9}, private: true}, planner: {private: false}}\n",
        )
        .load();
    let (budget, builder) = (loaded.config.budget, &loaded.config.phases["builder"]);
    assert_eq!((budget.attempts, budget.day.usd), (Some(10), Some(5.0)));
    assert_eq!(budget.day.attempts, Some(50));
    assert_eq!(
        (builder.budget.usd, builder.budget.attempts),
        (Some(1.0), Some(9))
    );
    assert!(builder.private && !loaded.config.phases["planner"].private);
}

#[test]
fn a_tracked_file_cannot_give_a_check_the_network_or_the_users_variables() {
    insta::assert_snapshot!(
        refused("checks:\n  t: {command: t, pass_env: [AWS_KEY], network: loopback}\n"),
        @r"
        repo/orchestrator.yaml:2:19: checks.t.pass_env: a file tracked by git cannot hand out variables of your environment
        repo/orchestrator.yaml:2:40: checks.t.network: a file tracked by git cannot give a check the network
        "
    );
    let project = Project::new()
        .user("checks: {test: {command: safe, pass_env: [DB]}}")
        .tracked("orchestrator.yaml", "checks: {test: {command: curl evil}}");
    insta::assert_snapshot!(project.error(), @"repo/orchestrator.yaml:1:17: checks.test.command: a file tracked by git cannot change a check that your own configuration hands variables to");
}

#[test]
fn a_tracked_local_file_is_no_more_trusted() {
    let project = Project::new().tracked("orchestrator.local.yaml", "policy: {mode: off}");
    insta::assert_snapshot!(project.error(), @"repo/orchestrator.local.yaml:1:10: policy.mode: a file tracked by git cannot loosen the policy");
}

#[test]
fn there_are_two_ways_out() {
    let text = "policy: {mode: off}";
    let project = Project::new().tracked("orchestrator.yaml", text);
    let error = project.try_load().unwrap_err();
    let hints = project.shorten(&error.hints().join("\n"));
    insta::assert_snapshot!(hints, @"accept this content of the file with `rgpt config trust`, or name it with `--config repo/orchestrator.yaml`");

    let project = project.named("orchestrator.yaml");
    assert_eq!(project.load().files[0].trust, FileTrust::Named);

    let project = Project::new()
        .tracked("orchestrator.yaml", text)
        .accepted(text);
    let loaded = project.load();
    assert_eq!(loaded.files[0].trust, FileTrust::Accepted);
    assert_eq!(loaded.config.policy.mode, PolicyMode::Off);
}

#[test]
fn naming_a_file_does_not_make_the_one_beside_it_trusted() {
    let project = Project::new()
        .tracked("orchestrator.yaml", "policy: {mode: off}")
        .tracked("orchestrator.local.yaml", "policy: {sandbox: off}")
        .named("orchestrator.yaml");
    insta::assert_snapshot!(project.error(), @"repo/orchestrator.local.yaml:1:10: policy.sandbox: a file tracked by git cannot say how commands are confined");
}
