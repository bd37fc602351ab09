//! `rgpt init`: what it finds is what it writes, and what it writes is right.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::sandbox::Sandbox;

/// A machine without a model, an empty repository, and no Ollama to be found.
fn newcomer() -> Sandbox {
    let sandbox = Sandbox::bare_machine();
    sandbox.person_config("");
    sandbox.git(&["init", "-q", "-b", "main"]);
    sandbox
}

fn with_a_crate() -> Sandbox {
    let sandbox = newcomer();
    sandbox.write(
        "Cargo.toml",
        "[package]\nname = \"a\"\nversion = \"0.1.0\"\n",
    );
    sandbox.write("Cargo.lock", "");
    sandbox.write("clippy.toml", "");
    sandbox.write("LICENSE-MIT", "");
    sandbox.write(".github/workflows/ci.yml", "");
    sandbox.write("src/lib.rs", "");
    sandbox
}

/// Writes the file; what was said about it.
fn init(sandbox: &Sandbox) -> Value {
    let outcome = sandbox.rgpt(&["init", "--json"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    outcome.document()
}

/// Asserts that the file is right, and that nothing but the files was written.
fn assert_right(sandbox: &Sandbox) -> Value {
    let outcome = sandbox.rgpt(&["config", "check", "--json"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert!(!sandbox.folder().join(".rgpt").exists());
    outcome.document()
}

#[test]
fn a_crate_gets_a_file_that_says_how_it_is_built_and_tested() {
    let sandbox = with_a_crate();
    sandbox.write(".gitignore", "orchestrator.local.yaml\n");
    sandbox.commit("first");
    let outcome = sandbox.rgpt(&["init"]);
    insta::assert_snapshot!(outcome.stdout, @r"
    ✓ wrote orchestrator.yaml
    ✓ wrote orchestrator.local.yaml

      detected   rust
      checks     build  cargo build --locked
                 lint   cargo clippy --all-targets --locked
                 test   cargo test --locked --no-fail-fast
      protected  .github/workflows/**, LICENSE*

    Missing
    ! no model: planner and builder have nobody to ask
      hint: export the key of a provider, as in ANTHROPIC_API_KEY=…, or name a model
            in orchestrator.local.yaml

    Next
      rgpt doctor  see whether everything is there
      rgpt demo    see a run, without a model
    ");
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    insta::assert_snapshot!(sandbox.read("orchestrator.yaml"), @r"
    # How rgpt works on this repository. Commit this file: it is the same for everyone.
    # Models and keys are yours alone: they belong in orchestrator.local.yaml, out of git.
    # What is in force: rgpt config show. Every key there is: rgpt config schema.

    # detected: Rust, with Cargo.lock
    # These commands decide whether a run has reached its goal. rgpt runs them itself, in this
    # order, in a clean checkout. Each is a line for `sh -c`; take away or add what you like.
    checks:
      build:
        kind: build                        # build | test | lint | security | custom
        command: cargo build --locked
        timeout: 30m                       # after that it is stopped and has failed
      lint:
        kind: lint
        command: cargo clippy --all-targets --locked
        timeout: 30m
      test:
        kind: test
        command: cargo test --locked --no-fail-fast
        timeout: 15m

    # What no agent may change, besides what never is: secrets, git's own files, rgpt's own files,
    # whatever tools run without being asked.
    policy:
      protected:
        - .github/workflows/**
        - LICENSE*

    # What becomes of a success: a new branch, rgpt/run-<number>; main stays as it is.
    release:
      mode: branch                         # only branch for now
      commits: one                         # one | per_step

    # What one run may spend; before it would go beyond, it stops and can go on later. These are
    # the limits without this section. In a file that git tracks they may only be lower.
    #budget:
    #  usd: 5.0
    #  tokens: 2000000
    #  wall: 2h
    ");
    let checked = assert_right(&sandbox);
    assert_eq!(
        checked["checks"],
        serde_json::json!(["build", "lint", "test"])
    );
    assert_eq!(checked["warnings"], serde_json::json!([]));
    sandbox.commit("with the file");
    assert_right(&sandbox);
}

#[test]
fn a_run_can_begin_with_it() {
    let sandbox = Sandbox::new();
    sandbox.git(&["rm", "-q", "orchestrator.yaml"]);
    sandbox.write("greet.py", "print('hello')\n");
    sandbox.commit("a script");
    sandbox.script_that_greets();
    let document = init(&sandbox);
    assert_eq!(document["detected"], serde_json::json!(["python"]));
    assert_eq!(document["missing"], serde_json::json!([]));
    assert_eq!(document["next"][1]["command"], "rgpt run --goal \"…\"");
    assert!(
        !sandbox.folder().join("orchestrator.local.yaml").exists(),
        "there are models already"
    );
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    assert_eq!(summary["checks"][0]["name"], "build");
}

#[test]
fn what_is_missing_is_said_with_what_to_do() {
    let sandbox = newcomer();
    let outcome = sandbox.rgpt(&["init"]);
    assert_eq!(outcome.code, 0);
    insta::assert_snapshot!(outcome.stdout, @r#"
    ✓ wrote orchestrator.yaml
    ✓ wrote orchestrator.local.yaml

    Missing
    ! git does not ignore orchestrator.local.yaml, which is yours alone
      hint: echo /orchestrator.local.yaml >> .gitignore
    ! nothing is committed yet
      hint: add the project's files, then: `git add orchestrator.yaml && git commit
            -m "first commit"`
    ! no checks: nothing says how this project is built or tested
      hint: write the commands down under `checks:` in orchestrator.yaml
    ! no model: planner and builder have nobody to ask
      hint: export the key of a provider, as in ANTHROPIC_API_KEY=…, or name a model
            in orchestrator.local.yaml

    Next
      rgpt doctor  see whether everything is there
      rgpt demo    see a run, without a model
    "#);
    let document = assert_right(&sandbox);
    assert_eq!(document["checks"], serde_json::json!([]));
    let text = sandbox.read("orchestrator.yaml");
    assert!(text.contains("#checks:\n#  build:\n"), "{text}");
    let uncommented = ["checks", "budget", "  "].iter().fold(text, |text, start| {
        text.replace(&format!("\n#{start}"), &format!("\n{start}"))
    });
    sandbox.write("orchestrator.yaml", &uncommented);
    assert_eq!(
        assert_right(&sandbox)["checks"],
        serde_json::json!(["build", "test"])
    );
}

#[test]
fn keys_that_are_set_lead_to_models() {
    let mut sandbox = with_a_crate();
    sandbox.set("ANTHROPIC_API_KEY", "not-a-real-key");
    sandbox.set("OPENAI_API_KEY", "not-a-real-key");
    let document = init(&sandbox);
    let own = sandbox.read("orchestrator.local.yaml");
    assert!(!own.contains("not-a-real-key"));
    assert!(own.contains("# ANTHROPIC_API_KEY is set"), "{own}");
    assert!(own.contains("# GEMINI_API_KEY is not set"), "{own}");
    let chosen =
        "# Chosen now, for ANTHROPIC_API_KEY, OPENAI_API_KEY:\n#   analyzer: claude-haiku-5-5, ";
    assert!(own.contains(chosen), "{own}");
    assert!(own.contains("#   builder: claude-sonnet-5-5, "), "{own}");
    assert_eq!(document["models"][0], "claude-haiku-5-5");
    assert!(!sandbox.read("orchestrator.yaml").contains("providers:"));
    let checked = sandbox.rgpt(&["config", "check", "--json"]).document();
    let models = checked["models"].as_array().unwrap();
    assert!(
        models.contains(&"builder: claude-sonnet-5-5".into()),
        "{checked}"
    );
}

#[test]
fn a_file_that_is_there_is_not_replaced_unless_asked_and_then_kept() {
    let sandbox = with_a_crate();
    sandbox.write("orchestrator.yaml", "checks: {mine: {command: 'true'}}\n");
    sandbox.write("orchestrator.local.yaml", "budget: {usd: 1}\n");
    let before = sandbox.fingerprint();
    for arguments in [&["init"][..], &["init", "--json"]] {
        let outcome = sandbox.rgpt(arguments);
        assert_eq!(outcome.code, 1);
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(
            said.contains("orchestrator.yaml is there already"),
            "{said}"
        );
        assert!(said.contains("rgpt init --force"), "{said}");
    }
    assert_eq!(sandbox.rgpt(&["init", "--print"]).code, 0);
    before.assert_same(&sandbox.fingerprint());
    for (number, name) in ["orchestrator.yaml.bak", "orchestrator.yaml.bak2"]
        .iter()
        .enumerate()
    {
        let outcome = sandbox.rgpt(&["init", "--force"]);
        assert_eq!(outcome.code, 0, "{outcome:#?}");
        assert!(
            outcome
                .stdout
                .contains(&format!("kept the old one as {name}\n")),
            "{outcome:#?}"
        );
        assert_eq!(sandbox.read(name).contains("mine"), number == 0);
    }
    assert_eq!(
        sandbox.read("orchestrator.local.yaml"),
        "budget: {usd: 1}\n"
    );
    assert_right(&sandbox);
}

#[test]
fn printing_writes_nothing() {
    let sandbox = with_a_crate();
    let before = sandbox.fingerprint();
    let printed = sandbox.rgpt(&["init", "--print"]);
    assert_eq!((printed.code, printed.stderr.as_str()), (0, ""));
    let json = sandbox.rgpt(&["init", "--print", "--json"]).document();
    assert_eq!(json["text"], printed.stdout);
    assert_eq!(json["written"], serde_json::json!([]));
    before.assert_same(&sandbox.fingerprint());
    assert_eq!(sandbox.rgpt(&["init", "--print", "--force"]).code, 64);
    init(&sandbox);
    assert_eq!(sandbox.read("orchestrator.yaml"), printed.stdout);
}

#[test]
fn a_project_in_a_folder_gets_its_own_and_a_part_of_one_does_not() {
    let mut sandbox = newcomer();
    sandbox.write("README", "");
    sandbox.write(".github/workflows/ci.yml", "");
    sandbox.write("api/Cargo.toml", "[package]\n");
    sandbox.write("api/src/lib.rs", "");
    sandbox.commit("first");
    let top = sandbox.folder().to_owned();
    sandbox.go_to(top.join("api/src"));
    let outcome = sandbox.rgpt(&["init"]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    let hint = format!("rgpt init --repo '{}'", top.join("api").display());
    assert!(outcome.stderr.contains(&hint), "{outcome:#?}");
    sandbox.go_to(top.join("api"));
    let document = init(&sandbox);
    assert_eq!(document["checks"][0]["command"], "cargo build");
    assert_eq!(document["protected"][0], ".github/workflows/**");
    assert_eq!(
        assert_right(&sandbox)["checks"],
        serde_json::json!(["build", "test"])
    );
    assert!(!top.join("orchestrator.yaml").exists());
}

#[test]
fn outside_of_a_repository_nothing_is_written() {
    let sandbox = Sandbox::bare_machine();
    let before = sandbox.fingerprint();
    let outcome = sandbox.rgpt(&["init"]);
    assert_eq!(outcome.code, 1);
    assert!(
        outcome.stderr.contains("is not in a git repository"),
        "{outcome:#?}"
    );
    assert!(outcome.stderr.contains("git init"), "{outcome:#?}");
    assert_eq!(
        sandbox.rgpt(&["init", "--json"]).error()["kind"],
        "CONFIG_ERROR"
    );
    before.assert_same(&sandbox.fingerprint());
}

#[test]
fn what_installs_dependencies_is_named_and_what_could_be_shared_too() {
    let sandbox = newcomer();
    sandbox.write("pyproject.toml", "[project]\nname = \"a\"\n[tool.ruff]\n");
    sandbox.write("uv.lock", "");
    sandbox.write("a.py", "");
    sandbox.write("tests/test_a.py", "def test_a():\n    pass\n");
    sandbox.write(".gitignore", ".venv/\n");
    sandbox.write(".venv/pyvenv.cfg", "");
    sandbox.commit("first");
    init(&sandbox);
    let text = sandbox.read("orchestrator.yaml");
    let (_, workspace) = text.split_once("workspace:").unwrap();
    let (workspace, _) = workspace.split_once("\n\n").unwrap();
    insta::assert_snapshot!(workspace, @r"

      setup:
        - command: uv sync --frozen
          network: host                    # none | loopback | host
    #  share: [.venv]                      # or copy this ignored folder of yours, as it is
    ");
    assert_right(&sandbox);
}

#[test]
fn a_hostile_repository_gets_a_file_that_is_right_all_the_same() {
    let sandbox = newcomer();
    for name in ["a: b\n  c", "web [1]", "\u{202e}tset", "it's"] {
        sandbox.write(&format!("{name}/Cargo.toml"), "[package]\n");
        sandbox.write(&format!("{name}/src/lib.rs"), "");
    }
    sandbox.write("x (1)/Cargo.toml", "");
    sandbox.write("x [1]/Cargo.toml", "");
    fs::create_dir(sandbox.folder().join("linked")).unwrap();
    symlink("/dev/zero", sandbox.folder().join("linked/pyproject.toml")).unwrap();
    sandbox.git(&["checkout", "-q", "-b", "odd\u{202e}name"]);
    let document = init(&sandbox);
    assert!(
        document["checks"].as_array().unwrap().len() >= 8,
        "{document:#}"
    );
    let text = sandbox.read("orchestrator.yaml");
    let hidden = |c: char| c == '\u{202e}' || (c.is_control() && c != '\n');
    assert!(!text.contains(hidden), "{text}");
    assert_right(&sandbox);
    let said = sandbox.rgpt(&["init", "--force"]).stdout;
    assert!(!said.contains(hidden), "{said}");
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_with_a_way_out() {
    let sandbox = with_a_crate();
    fs::create_dir(sandbox.folder().join("orchestrator.yaml.new")).unwrap();
    let outcome = sandbox.rgpt(&["init"]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("rgpt init --print"), "{outcome:#?}");
    assert!(!sandbox.folder().join("orchestrator.yaml").exists());
}

#[test]
fn whoever_has_no_checks_is_sent_here() {
    let sandbox = Sandbox::new();
    sandbox.git(&["rm", "-q", "orchestrator.yaml"]);
    sandbox.commit("no checks");
    let outcome = sandbox.rgpt(&["run", "--goal", "greet"]);
    assert!(outcome.stderr.contains("rgpt init"), "{outcome:#?}");
    assert!(sandbox.rgpt(&["doctor"]).stdout.contains("rgpt init"));
    // Where there is a file, it would be refused.
    sandbox.write("orchestrator.yaml", "execution: {max_retries: 1}\n");
    let outcome = sandbox.rgpt(&["run", "--goal", "greet"]);
    let hint = "under `checks:` in ";
    assert!(outcome.stderr.contains(hint), "{outcome:#?}");
    assert!(!outcome.stderr.contains("rgpt init"), "{outcome:#?}");
    assert!(sandbox.rgpt(&["doctor"]).stdout.contains("add them under"));
}
