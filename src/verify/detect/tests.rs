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
fn a_folders_name_is_no_part_of_a_command() {
    let folder = "a'; touch $(x) #/b";
    let files = [
        (format!("{folder}/uv.lock"), ""),
        (format!("{folder}/pyproject.toml"), "[tool.pytest]"),
        (format!("{folder}/a.py"), ""),
        ("go/go.mod".to_owned(), ""),
    ];
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (name.as_str(), *text))
        .collect();
    let found = detect_in(&files);
    assert_eq!(
        found.setup[0].command,
        r"cd 'a'\''; touch $(x) #/b' && uv sync --frozen"
    );
    assert_eq!(found.checks[0].0, "build-a---touch---x----b");
}

#[test]
fn an_unknown_repository_has_no_checks() {
    assert_eq!(detect_in(&[("README.md", "")]), Detected::default());
    assert_eq!(detect_in(&[]), Detected::default());
}

const PACKAGE: &str = r#"{"name": "web", "scripts": {"build": "vite build", "test": "vitest", "lint": "eslint ."}, "devDependencies": {"vite": "7"}}"#;

#[test]
fn the_scripts_of_a_node_project_are_its_checks() {
    let found = detect_in(&[("package.json", PACKAGE), ("package-lock.json", "{}")]);
    assert_eq!(
        show(&found),
        [
            "build: .$ npm run build",
            "lint: .$ npm run lint",
            "test: .$ npm test"
        ]
    );
    assert_eq!(found.kinds, ["node"]);
    assert_eq!(found.setup[0].command, "npm ci");
    assert_eq!(found.setup[0].network, Network::Host);
}

#[test]
fn the_package_manager_is_the_projects_own() {
    let managed = |name: &str, file: &str| {
        let manifest = PACKAGE.replacen('{', &format!("{{\"packageManager\": \"{name}\", "), 1);
        let found = detect_in(&[("package.json", manifest.as_str()), (file, "")]);
        (
            found.setup[0].command.clone(),
            found.checks[2].1.command.clone(),
        )
    };
    let pair = |setup: &str, test: &str| (setup.to_owned(), test.to_owned());
    assert_eq!(
        managed("", "pnpm-lock.yaml"),
        pair("pnpm install --frozen-lockfile", "pnpm run test")
    );
    assert_eq!(
        managed("", "yarn.lock"),
        pair("yarn install --frozen-lockfile", "yarn run test")
    );
    assert_eq!(
        managed("yarn@4.5.0", "yarn.lock"),
        pair("yarn install --immutable", "yarn run test")
    );
    assert_eq!(
        managed("", "bun.lock"),
        pair("bun install --frozen-lockfile", "bun run test")
    );
    assert_eq!(
        managed("pnpm@9", "README.md"),
        pair("pnpm install --no-lockfile", "pnpm run test")
    );
    assert_eq!(
        managed("", "README.md"),
        pair("npm install --no-package-lock", "npm test")
    );
}

#[test]
fn scripts_that_check_nothing_or_never_end_are_no_checks() {
    for scripts in [
        r#"{"test": "echo \"Error: no test specified\" && exit 1"}"#,
        r#"{"test": "jest --watch", "build": "tsc -w", "lint": "eslint --fix ."}"#,
        r#"{"start": "node ."}"#,
        r#"{"test": 3}"#,
        "[]",
    ] {
        let manifest = format!(r#"{{"scripts": {scripts}, "dependencies": {{"a": "1"}}}}"#);
        let found = detect_in(&[("package.json", manifest.as_str())]);
        assert_eq!(found, Detected::default(), "{scripts}");
    }
    assert_eq!(detected(&[("package.json", "{")]), Vec::<String>::new());
}

#[test]
fn typescript_is_checked_where_nothing_builds_it() {
    let manifest = r#"{"devDependencies": {"typescript": "5"}}"#;
    assert_eq!(
        detected(&[("package.json", manifest), ("tsconfig.json", "{}")]),
        ["build: .$ npx --no-install tsc --noEmit"]
    );
    assert!(detected(&[("package.json", manifest)]).is_empty());
    assert!(detected(&[("package.json", "{}"), ("tsconfig.json", "{}")]).is_empty());
}

#[test]
fn nodes_own_runner_reports_every_test() {
    let test = |script: &str| {
        let manifest = format!(r#"{{"scripts": {{"test": "{script}"}}}}"#);
        detected(&[("package.json", manifest.as_str())])
    };
    assert_eq!(
        test("node --test"),
        ["test: .$ npm test -- --test-reporter=tap"]
    );
    assert_eq!(
        test("node --import=tsx --test"),
        ["test: .$ npm test -- --test-reporter=tap"]
    );
    for other in [
        "node --test test/a.js",
        "node --test && eslint .",
        "node --test --test-reporter=spec",
        "node test.js",
    ] {
        assert_eq!(test(other), ["test: .$ npm test"], "{other}");
    }
    let files = [
        ("package.json", "{}"),
        ("test/a.js", "const test = require('node:test');\n"),
    ];
    assert_eq!(detected(&files), ["test: .$ node --test"]);
    assert!(detect_in(&files).setup.is_empty());
}

#[test]
fn a_go_module_is_built_and_tested() {
    let mut files = vec![("go.mod", "module example.org/a\n"), ("a.go", "")];
    assert_eq!(detected(&files), ["build: .$ go build ./..."]);
    files.push(("a/a_test.go", ""));
    let whole = ["build: .$ go build ./...", "test: .$ go test ./..."];
    assert_eq!(detected(&files), whole);
    files.push((".github/workflows/ci.yml", "  - run: go vet ./...\n"));
    assert_eq!(detected(&files)[1], "lint: .$ go vet ./...");
    files.push((".golangci.yml", ""));
    assert_eq!(detected(&files)[1], "lint: .$ golangci-lint run ./...");
}

#[test]
fn a_makefile_has_what_nothing_else_has() {
    let makefile = "CC := gcc\nall: prog\nprog: a.o\n\tcc -o prog a.o\n\n.PHONY: lint\ncheck test:: prog\n\t./prog\nlint = no\nbuild := no\n";
    assert_eq!(
        detected(&[("Makefile", makefile)]),
        ["build: .$ make all", "test: .$ make test"]
    );
    assert_eq!(detect_in(&[("Makefile", makefile)]).kinds, ["make"]);
    assert_eq!(
        detected(&[("GNUmakefile", "lint:\n\ttrue\n"), ("Makefile", makefile)]),
        ["lint: .$ make lint"]
    );
    assert_eq!(
        detected(&[("Cargo.toml", ""), ("Makefile", "build test lint: x\n")]),
        [
            "build: .$ cargo build",
            "lint: .$ make lint",
            "test: .$ cargo test --no-fail-fast"
        ]
    );
    assert!(detected(&[("sub/Makefile", makefile)]).is_empty());
    assert!(detected(&[("Makefile", "include x.mk\n\ttest: y\n")]).is_empty());
}

#[test]
fn several_languages_stand_beside_each_other() {
    let files = [
        ("go.mod", ""),
        ("a_test.go", ""),
        ("package.json", r#"{"scripts": {"test": "jest"}}"#),
    ];
    assert_eq!(
        detected(&files),
        [
            "build-go: .$ go build ./...",
            "test-go: .$ go test ./...",
            "test-node: .$ npm test"
        ]
    );
    let site = r#"{"scripts": {"build": "astro build"}, "dependencies": {"astro": "5"}}"#;
    let found = detect_in(&[("go.mod", ""), ("website/package.json", site)]);
    assert_eq!(show(&found), ["build: .$ go build ./..."]);
    assert!(found.setup.is_empty(), "a website beside a program");
    let found = detect_in(&[("api/go.mod", ""), ("web/package.json", site)]);
    assert_eq!(
        show(&found),
        [
            "build-api: api$ go build ./...",
            "build-web: web$ npm run build"
        ]
    );
    assert_eq!(
        found.setup[0].command,
        "cd 'web' && npm install --no-package-lock"
    );
}

#[test]
fn java_is_built_and_tested_by_maven_or_gradle() {
    let mut files = vec![("pom.xml", "<project/>"), ("src/main/java/A.java", "")];
    assert_eq!(detected(&files), ["build: .$ mvn -B test-compile"]);
    files.extend([
        ("mvnw", ""),
        ("core/pom.xml", ""),
        ("core/src/test/java/ATest.java", ""),
    ]);
    let found = detect_in(&files);
    assert_eq!(
        show(&found),
        [
            "build: .$ ./mvnw -B test-compile",
            "test: .$ ./mvnw -B --fail-at-end test"
        ]
    );
    assert_eq!(found.kinds, ["java"]);
    assert_eq!(
        found.checks[1].1.report,
        crate::config::ReportFormat::Surefire
    );
    let found = detect_in(&[
        ("settings.gradle.kts", ""),
        ("app/build.gradle.kts", ""),
        ("app/src/test/kotlin/ATest.kt", ""),
        ("gradlew", ""),
    ]);
    assert_eq!(
        show(&found),
        [
            "build: .$ ./gradlew testClasses",
            "test: .$ ./gradlew cleanTest test --continue"
        ]
    );
    assert_eq!(
        found.checks[1].1.report_files,
        ["**/build/test-results/test/*.xml"]
    );
    assert!(found.setup.is_empty());
    assert_eq!(
        detected(&[("build.gradle", "")]),
        ["build: .$ gradle testClasses"]
    );
}

#[test]
fn cmake_builds_beside_the_sources() {
    let build = "build: .$ cmake -S . -B build && cmake --build build";
    assert_eq!(
        detected(&[("CMakeLists.txt", "project(x)\n# enable_testing()\n")]),
        [build]
    );
    let files = [
        ("CMakeLists.txt", "project(x)\n"),
        ("test/CMakeLists.txt", "  Include( CTest )\n"),
        ("build/notes.txt", ""),
    ];
    assert_eq!(
        detected(&files),
        [
            "build: .$ cmake -S . -B cmake-build && cmake --build cmake-build",
            "test: .$ cmake -S . -B cmake-build && cmake --build cmake-build && ctest --test-dir cmake-build --output-on-failure"
        ]
    );
    let part = [("Cargo.toml", "[package]"), ("native/CMakeLists.txt", "")];
    assert_eq!(detect_in(&part).kinds, ["rust"]);
    let with_make = [("CMakeLists.txt", ""), ("Makefile", "all: x\ntest: x\n")];
    assert_eq!(detected(&with_make), [build, "test: .$ make test"]);
}

#[test]
fn ruby_runs_what_its_tests_are_written_for() {
    let found = detect_in(&[
        ("Gemfile", ""),
        ("Gemfile.lock", ""),
        (".rubocop.yml", ""),
        ("spec/cart_spec.rb", ""),
    ]);
    assert_eq!(
        show(&found),
        ["lint: .$ bundle exec rubocop", "test: .$ bundle exec rspec"]
    );
    assert_eq!(found.setup[0].command, "bundle install");
    let rake = [
        ("Rakefile", "Rake::TestTask.new(:test)"),
        ("test/test_cart.rb", ""),
    ];
    assert_eq!(detected(&rake), ["test: .$ rake test"]);
    let bare = [("Gemfile", ""), ("test/cart_test.rb", "")];
    assert_eq!(
        detected(&bare),
        [
            "test: .$ bundle exec ruby -Ilib -Itest -e 'Dir[\"./test/**/{*_test,test_*}.rb\"].sort.each { |file| require file }'"
        ]
    );
    assert!(detected(&[("Gemfile", ""), ("lib/cart.rb", "")]).is_empty());
}

#[test]
fn php_runs_its_scripts_or_phpunit() {
    let manifest = r#"{"require": {"php": "^8.2"}, "require-dev": {"phpunit/phpunit": "^11", "phpstan/phpstan": "^1"}}"#;
    let found = detect_in(&[("composer.json", manifest), ("phpstan.neon", "")]);
    assert_eq!(
        show(&found),
        [
            "lint: .$ vendor/bin/phpstan analyse --no-progress --error-format=raw",
            "test: .$ vendor/bin/phpunit"
        ]
    );
    assert_eq!(found.setup[0].command, "composer install --no-interaction");
    let scripts =
        r#"{"scripts": {"test": ["@php vendor/bin/pest"], "lint": "php-cs-fixer fix --fix"}}"#;
    assert_eq!(
        detected(&[("composer.json", scripts)]),
        ["test: .$ composer run-script test"]
    );
    assert_eq!(detected(&[("phpunit.xml.dist", "")]), ["test: .$ phpunit"]);
}

#[test]
fn shell_scripts_are_tested_and_linted_where_nothing_else_is() {
    let files = [
        ("test/a.bats", ""),
        ("test/bats/test/x.bats", ""),
        ("run.sh", ""),
        (".shellcheckrc", ""),
    ];
    let found = detect_in(&files);
    assert_eq!(
        show(&found),
        [
            "lint: .$ find . -name '*.sh' -not -path './.git/*' -exec shellcheck -f gcc {} +",
            "test: .$ bats --tap test"
        ]
    );
    assert_eq!(found.kinds, ["shell"]);
    let rust = [("Cargo.toml", "[package]"), ("test/a.bats", "")];
    assert_eq!(detected(&rust).len(), 2);
    assert!(detected(&[("run.sh", "")]).is_empty());
}
