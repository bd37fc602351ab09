//! Which tools a command line runs, and what their kind of work is.
//!
//! Only the names of programs and sub-commands are read. What a tool does says at which stage
//! something failed where the output leaves it open: a finding of a compiler is no finding of a linter.

use crate::domain::finding::Category;

/// What kind of work a tool does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Runs tests.
    Tests,
    /// Compiles, links or packages.
    Build,
    /// Checks types without building.
    Types,
    /// Judges style and likely mistakes.
    Lint,
    /// Judges layout.
    Format,
    /// Compares files.
    Compare,
    /// Fetches and installs dependencies.
    Packages,
    /// Keeps versions.
    Versions,
    /// Talks to a server.
    Network,
    /// A program of the project, or one that nobody knows.
    Program,
}

/// The tools that are known by name, each with what its name alone tells. A tool that runs others
/// (`make`, `npm`) has no role of its own: what it runs speaks.
const TOOLS: &[(Role, &str)] = &[
    (
        Role::Tests,
        "pytest py.test unittest nose2 tox jest vitest mocha ava tap tape playwright cypress karma rspec minitest \
         phpunit pest ctest bats prove nextest tarpaulin gotestsum behave cucumber robot busted junit surefire doctest \
         test check xunit nunit trial stestr codecept behat karate",
    ),
    (
        Role::Build,
        "gcc g++ cc c++ clang clang++ ld javac kotlinc scalac rustc cmake ninja meson bazel swiftc ghc build compile \
         webpack vite rollup esbuild parcel babel py_compile compileall assemble package dotnet msbuild nvcc",
    ),
    (
        Role::Types,
        "tsc mypy pyright pyre pytype flow vue-tsc phpstan psalm sorbet",
    ),
    (
        Role::Lint,
        "eslint ruff flake8 pylint pycodestyle pydocstyle pyflakes shellcheck clippy golangci-lint vet staticcheck \
         rubocop standard stylelint markdownlint yamllint hadolint checkstyle spotbugs pmd clang-tidy cppcheck \
         perlcritic luacheck jshint tslint biome oxlint phpcs bandit semgrep gitleaks codespell typos actionlint \
         vale commitlint htmlhint xmllint tflint ansible-lint lint revive gosec detekt ktlint cpplint",
    ),
    (
        Role::Format,
        "black prettier rustfmt gofmt goimports fmt isort autopep8 yapf clang-format shfmt format dprint taplo",
    ),
    (Role::Compare, "diff cmp comm colordiff sdiff"),
    (
        Role::Packages,
        "pip pip3 poetry uv pipenv conda apt apt-get dpkg gem bundle bundler composer cpan cpanm install ci add \
         download fetch tidy",
    ),
    (Role::Versions, "git hg svn"),
    (
        Role::Network,
        "curl wget ssh scp rsync sftp psql mysql redis-cli mongosh docker podman kubectl helm nc telnet ftp openssl",
    ),
];

/// Words before a program that are no program themselves.
const WRAPPERS: &str = "sudo env time nice nohup exec command npx bunx pnpx dlx xvfb-run stdbuf unbuffer setarch \
     python python3 python2 node ruby perl php java bash sh zsh dash poetry uv pipenv run bundle exec timeout \
     npm yarn pnpm bun make gmake cargo go mvn mvnw gradle gradlew just task deno dotnet";

/// What the command line runs, in its order.
pub(super) fn roles(command: &str) -> Vec<Role> {
    let mut found = Vec::new();
    let command = unquoted(command);
    for part in command.split(['|', ';', '&', '\n', '(', ')']) {
        found.extend(role(part));
    }
    found
}

/// A command line without what stands in its quotation marks.
fn unquoted(command: &str) -> String {
    let mut quote: Option<char> = None;
    let mut before = ' ';
    let inside = |c: char| match quote {
        Some(open) if c == open => {
            quote = None;
            true
        }
        // What a shell runs within double quotes is no text.
        Some('"') if before == '$' && c == '(' => {
            quote = None;
            true
        }
        Some(_) => {
            before = c;
            false
        }
        None => {
            quote = matches!(c, '"' | '\'').then_some(c);
            true
        }
    };
    let mut inside = inside;
    command.chars().filter(|c| inside(*c)).collect()
}

/// The work of one simple command: that of the first word that is known, read past what only wraps it.
fn role(command: &str) -> Option<Role> {
    let mut is_wrapped = false;
    for word in command.split_whitespace().take(12) {
        let word = word.trim_matches(['"', '\'', '`']);
        let is_assignment = word.contains('=') && !word.starts_with('-');
        if word.is_empty() || is_assignment {
            continue;
        }
        if word.starts_with('-') || word.starts_with('+') {
            continue;
        }
        let name = word.rsplit('/').next().unwrap_or(word);
        let name = name.split("::").next().unwrap_or(name);
        let stem = name.strip_suffix(".jar").unwrap_or(name);
        let stem = stem.split(':').next().unwrap_or(stem);
        // `test` and `check` are work only behind what runs them: alone they are a shell's own.
        if !is_wrapped
            && matches!(
                stem,
                "test" | "check" | "build" | "install" | "add" | "format"
            )
        {
            return Some(Role::Program);
        }
        let known = TOOLS
            .iter()
            .find(|(_, names)| names.split_whitespace().any(|known| known == stem));
        if let Some((role, _)) = known {
            return Some(*role);
        }
        if stem.starts_with("junit") {
            return Some(Role::Tests);
        }
        let is_wrapper = WRAPPERS.split_whitespace().any(|known| known == stem)
            || stem.starts_with("python")
            || stem
                .chars()
                .all(|c| c.is_ascii_digit() || matches!(c, '.' | 's' | 'm'));
        if !is_wrapper {
            // Of a tool that nobody knows its verb may tell.
            let verb = command
                .split_whitespace()
                .skip_while(|next| *next != word)
                .nth(1);
            match verb {
                Some("fmt" | "format") => return Some(Role::Format),
                Some("lint") => return Some(Role::Lint),
                Some("test") => return Some(Role::Tests),
                _ => {}
            }
            return Some(Role::Program);
        }
        is_wrapped = true;
    }
    None
}

/// What the command is for: what the configuration says, else what its last telling part runs.
pub(super) fn purpose(kind: Category, command: &str) -> Role {
    match kind {
        Category::Build => Role::Build,
        Category::Test => Role::Tests,
        Category::Lint | Category::Security => Role::Lint,
        Category::Custom => {
            let roles = roles(command);
            // What was built and then run is judged as what ran.
            if roles.last() == Some(&Role::Program)
                && !roles.contains(&Role::Tests)
                && roles.contains(&Role::Build)
            {
                return Role::Program;
            }
            let telling = [
                Role::Tests,
                Role::Lint,
                Role::Format,
                Role::Types,
                Role::Build,
                Role::Compare,
                Role::Packages,
                Role::Versions,
                Role::Network,
            ];
            let known = telling.into_iter().find(|role| roles.contains(role));
            known.unwrap_or(Role::Program)
        }
    }
}

/// Whether the command line hides how its parts end: `|| true`, a pipe without `pipefail`, a later
/// part that always ends well, an option that ignores failures.
pub(super) fn hides_failures(command: &str) -> bool {
    let command = unquoted(command);
    let flat = command.split_whitespace().collect::<Vec<_>>().join(" ");
    let pipe = flat.replace("||", " ").contains('|')
        && !flat.contains("pipefail")
        && !flat.contains("PIPESTATUS");
    let forgiving = [
        "|| true",
        "||true",
        "|| :",
        "|| echo",
        "|| exit 0",
        "; true",
        ";true",
        "; exit 0",
        "; echo",
        "; :",
        "failure.ignore",
        "--exit-zero",
        "--no-fail",
        "set +e",
        "ignoreFailures",
        "--continue",
        "--exit-code 0",
        "; cat ",
        "; ls",
        "; rm ",
        "|| cat",
        "|| printf",
        "--suppress-tests-failed",
    ];
    pipe || forgiving.iter().any(|words| flat.contains(words)) || flat.ends_with('&')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_tells_its_purpose() {
        for (command, role) in [
            ("python -m pytest -q", Role::Tests),
            ("CI=1 npx jest --runInBand", Role::Tests),
            ("cargo build --release", Role::Build),
            ("timeout 5 cargo test -- --nocapture", Role::Tests),
            ("cd web && npx eslint src", Role::Lint),
            ("cargo fmt --check", Role::Format),
            ("./app", Role::Program),
            ("python main.py", Role::Program),
            ("make", Role::Program),
            ("go vet ./...", Role::Lint),
            (
                "java -jar /usr/share/java/junit-platform-console-standalone.jar",
                Role::Tests,
            ),
        ] {
            assert_eq!(purpose(Category::Custom, command), role, "{command}");
        }
    }

    #[test]
    fn masks_are_seen() {
        assert!(hides_failures("pytest || true"));
        assert!(hides_failures("pytest 2>&1 | tee log"));
        assert!(!hides_failures("set -o pipefail; pytest | tee log"));
        assert!(!hides_failures("a || b"));
    }
}
