use super::*;

/// Detects in a repository of files with their texts, and shows each check as `name: cwd$ command`.
fn detected(files: &[(&str, &str)]) -> Vec<String> {
    show(&detect_in(files))
}

fn detect_in(files: &[(&str, &str)]) -> Detected {
    let names: Vec<String> = files.iter().map(|(name, _)| (*name).to_owned()).collect();
    let read = |path: &str| {
        files
            .iter()
            .find(|(name, _)| *name == path)
            .map(|(_, text)| (*text).to_owned())
    };
    detect(&names, &read)
}

fn show(detected: &Detected) -> Vec<String> {
    detected
        .checks
        .iter()
        .map(|(name, check)| format!("{name}: {}$ {}", check.cwd, check.command))
        .collect()
}

#[test]
fn a_crate_is_built_and_tested() {
    let files = [
        ("Cargo.toml", "[package]\nname = \"a\"\n[workspace]\n"),
        ("src/lib.rs", ""),
    ];
    assert_eq!(
        detected(&files),
        [
            "build: .$ cargo build",
            "test: .$ cargo test --no-fail-fast"
        ]
    );
    let found = detect_in(&files);
    assert_eq!(found.kinds, ["rust"]);
    assert_eq!(found.checks[0].1.timeout, Duration::from_secs(1800));
    assert_eq!(found.checks[1].1.timeout, Duration::from_secs(900));
}

#[test]
fn a_workspace_with_a_lock_file_is_checked_whole_and_locked() {
    let files = [
        ("Cargo.toml", "[workspace]\nmembers = [\"a\"]\n"),
        ("Cargo.lock", ""),
        ("a/Cargo.toml", "[package]"),
    ];
    assert_eq!(
        detected(&files),
        [
            "build: .$ cargo build --workspace --locked",
            "test: .$ cargo test --workspace --locked --no-fail-fast"
        ]
    );
}

#[test]
fn clippy_runs_only_where_it_is_configured() {
    let lint = |files: &[(&str, &str)]| {
        detected(files)
            .into_iter()
            .find(|check| check.starts_with("lint"))
    };
    assert_eq!(lint(&[("Cargo.toml", "[package]")]), None);
    let plain = Some("lint: .$ cargo clippy --all-targets".to_owned());
    assert_eq!(lint(&[("Cargo.toml", ""), ("clippy.toml", "")]), plain);
    assert_eq!(
        lint(&[("Cargo.toml", "[lints.clippy]\nall = \"warn\"")]),
        plain
    );
    assert_eq!(
        lint(&[
            ("Cargo.toml", ""),
            (
                ".github/workflows/ci.yml",
                "  - run: cargo clippy -- -D warnings\n"
            )
        ]),
        Some("lint: .$ cargo clippy --all-targets -- -D warnings".to_owned())
    );
}

const COMPILE: &str = r"python3 -m compileall -q -x '(^|/)(\.[^/]+|venv|env|node_modules|build|dist|fixtures|testdata|templates)/' .";

#[test]
fn pytest_is_used_where_anything_asks_for_it() {
    let build = format!("build: .$ {COMPILE}");
    let test = "test: .$ python3 -m pytest";
    for files in [
        &[
            ("pyproject.toml", "[tool.pytest.ini_options]\n"),
            ("a.py", ""),
        ][..],
        &[("pytest.ini", ""), ("a.py", "")],
        &[("requirements-dev.txt", "pytest>=8\n"), ("setup.py", "")],
        &[
            (
                "pyproject.toml",
                "[project]\ndependencies = [\"pytest>=7\"]\n",
            ),
            ("a.py", ""),
        ],
        &[("tests/test_a.py", "def test_a():\n    assert 1\n")],
        &[
            ("tests/conftest.py", ""),
            ("tests/test_a.py", "import unittest\n"),
        ],
    ] {
        assert_eq!(detected(files), [build.as_str(), test], "{files:?}");
    }
}

#[test]
fn unittest_is_used_where_the_tests_are_written_for_it() {
    let test = |files: &[(&str, &str)]| {
        detected(files)
            .into_iter()
            .find(|check| check.starts_with("test"))
    };
    let text = "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): pass\n";
    assert_eq!(
        test(&[("test_a.py", text)]),
        Some("test: .$ python3 -m unittest discover".to_owned())
    );
    assert_eq!(
        test(&[("a.py", ""), ("tests/test_a.py", text)]),
        Some("test: .$ python3 -m unittest discover -s tests".to_owned())
    );
    assert_eq!(
        test(&[("tests/__init__.py", ""), ("tests/a_test.py", text)]),
        Some("test: .$ python3 -m unittest discover -p '*_test.py'".to_owned())
    );
    assert_eq!(
        test(&[("requirements.txt", "pytest-cov-report\n"), ("a.py", "")]),
        None
    );
}

#[test]
fn lock_files_tell_the_setup() {
    let found = detect_in(&[
        ("pyproject.toml", "[tool.ruff]\n[tool.pytest.ini_options]"),
        ("uv.lock", ""),
        ("a.py", ""),
    ]);
    assert_eq!(found.setup.len(), 1);
    assert_eq!(found.setup[0].command, "uv sync --frozen");
    assert_eq!(found.setup[0].network, Network::Host);
    assert_eq!(
        show(&found)[1..],
        [
            "lint: .$ uv run --frozen ruff check .",
            "test: .$ uv run --frozen python -m pytest"
        ]
    );
    assert!(
        detect_in(&[("requirements.txt", "flask"), ("a.py", "")])
            .setup
            .is_empty()
    );
}

#[test]
fn a_project_in_a_folder_is_checked_there() {
    let files = [
        ("README.md", ""),
        ("backend/Cargo.toml", "[package]"),
        ("backend/fixtures/x/Cargo.toml", ""),
    ];
    assert_eq!(
        detected(&files),
        [
            "build: backend$ cargo build",
            "test: backend$ cargo test --no-fail-fast"
        ]
    );
}

#[test]
fn several_projects_have_names_of_their_own() {
    let files = [
        ("api/Cargo.toml", ""),
        ("cli/Cargo.toml", ""),
        ("pyproject.toml", "[tool.pytest]"),
        ("a.py", ""),
    ];
    let names: Vec<String> = detect_in(&files)
        .checks
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        names,
        [
            "build-api",
            "build-cli",
            "build-python",
            "test-api",
            "test-cli",
            "test-python"
        ]
    );
    let mixed = detect_in(&[("Cargo.toml", ""), ("scripts/x.py", "")]);
    assert_eq!(
        mixed.kinds,
        ["rust"],
        "a script does not make a Python project"
    );
}

#[test]
fn an_unknown_repository_has_no_checks() {
    assert_eq!(detect_in(&[("README.md", "")]), Detected::default());
    assert_eq!(detect_in(&[]), Detected::default());
}
