use super::*;

fn change(path: &str) -> FileChange {
    FileChange {
        path: path.to_owned(),
        before: None,
        after: Some(b"x".to_vec()),
        executable: false,
    }
}

fn set(paths: &[&str]) -> ChangeSet {
    ChangeSet {
        changes: paths.iter().map(|path| change(path)).collect(),
    }
}

fn gate(mode: PolicyMode, scope: &[&str]) -> Gate {
    Gate::new(&Rules {
        mode,
        scope: scope.iter().map(|&entry| entry.to_owned()).collect(),
        protected: vec!["vendor".to_owned()],
        commands_confined: true,
    })
    .unwrap()
}

fn denial<T: std::fmt::Debug>(decision: Decision<T>) -> Denial {
    match decision {
        Decision::Deny(denial) => denial,
        Decision::Allow(approved) => panic!("allowed {approved:?}"),
    }
}

fn rule(gate: &Gate, paths: &[&str]) -> (String, bool) {
    let denial = denial(gate.judge_edit(set(paths)));
    (denial.rule, denial.hard)
}

#[test]
fn an_edit_inside_the_scope_is_approved_unchanged() {
    let wanted = set(&["src/a.rs", "src/b/c.rs"]);
    match gate(PolicyMode::Enforce, &["src"]).judge_edit(wanted.clone()) {
        Decision::Allow(approved) => assert_eq!(approved.get(), &wanted),
        Decision::Deny(denial) => panic!("{denial:?}"),
    }
}

#[test]
fn an_edit_outside_the_scope_is_refused_softly_and_says_what_else_to_do() {
    let denial =
        denial(gate(PolicyMode::Enforce, &["src", "t/*.rs"]).judge_edit(set(&["README.md"])));
    assert_eq!((denial.rule.as_str(), denial.hard), ("scope", false));
    for part in ["README.md", "src, t/*.rs", "finish", "`blocked`"] {
        assert!(denial.message.contains(part), "{}", denial.message);
    }
}

#[test]
fn mode_ask_refuses_too_and_says_that_nobody_can_be_asked() {
    let denial = denial(gate(PolicyMode::Ask, &["src"]).judge_edit(set(&["README.md"])));
    assert_eq!(denial.rule, "scope");
    assert!(
        denial.message.contains("not available yet"),
        "{}",
        denial.message
    );
}

#[test]
fn mode_off_skips_the_scope_and_nothing_else() {
    let gate = gate(PolicyMode::Off, &["src"]);
    assert!(matches!(
        gate.judge_edit(set(&["README.md"])),
        Decision::Allow(_)
    ));
    assert_eq!(
        rule(&gate, &[".github/workflows/ci.yml"]),
        ("protected-path".into(), true)
    );
    assert_eq!(rule(&gate, &["../x"]), ("path-escape".into(), true));
    assert_eq!(rule(&gate, &["vendor/x"]), ("protected-path".into(), true));
}

#[test]
fn one_bad_file_refuses_the_whole_set_and_hard_rules_speak_first() {
    let gate = gate(PolicyMode::Enforce, &["src"]);
    assert_eq!(
        rule(&gate, &["src/a", "README.md"]),
        ("scope".into(), false)
    );
    assert_eq!(
        rule(&gate, &["README.md", "orchestrator.yaml"]),
        ("protected-path".into(), true)
    );
    assert_eq!(
        rule(&gate, &["orchestrator.yaml", ".git/config"]),
        ("git-metadata".into(), true)
    );
}

#[test]
fn a_path_that_is_not_canonical_is_refused() {
    let gate = gate(PolicyMode::Enforce, &[]);
    assert_eq!(rule(&gate, &["./a"]), ("path-escape".into(), true));
}

#[test]
fn a_path_twice_or_as_file_and_folder_is_refused() {
    let gate = gate(PolicyMode::Enforce, &[]);
    assert_eq!(rule(&gate, &["a", "b", "a"]).0, "duplicate-path");
    assert_eq!(rule(&gate, &["a/b/c", "a"]).0, "duplicate-path");
    assert!(matches!(
        gate.judge_edit(set(&["a", "ab/c"])),
        Decision::Allow(_)
    ));
}

#[test]
fn too_much_is_refused() {
    let gate = gate(PolicyMode::Enforce, &[]);
    let sized = |count: usize, size: usize| ChangeSet {
        changes: (0..count)
            .map(|i| FileChange {
                after: Some(vec![b'x'; size]),
                ..change(&format!("f{i}"))
            })
            .collect(),
    };
    assert_eq!(denial(gate.judge_edit(sized(1, MAX_FILE + 1))).rule, "size");
    assert_eq!(denial(gate.judge_edit(sized(5, MAX_FILE))).rule, "size");
    assert!(matches!(
        gate.judge_edit(sized(4, MAX_FILE)),
        Decision::Allow(_)
    ));
}

#[test]
fn commands_need_a_form_and_a_confinement() {
    let command = |line: &str| CommandLine {
        line: line.to_owned(),
        timeout_s: None,
    };
    let confined = gate(PolicyMode::Enforce, &[]);
    assert!(matches!(
        confined.judge_command(command("cargo test")),
        Decision::Allow(_)
    ));
    for line in ["", "  \n", "a\0b", "x".repeat(MAX_COMMAND + 1).as_str()] {
        assert_eq!(
            denial(confined.judge_command(command(line))).rule,
            "command-form"
        );
    }
    let free = Gate::new(&Rules::default()).unwrap();
    let denial = denial(free.judge_command(command("true")));
    assert_eq!(
        (denial.rule.as_str(), denial.hard),
        ("unconfined-command", true)
    );
}
