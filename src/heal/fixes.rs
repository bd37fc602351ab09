//! The fixes that tools make themselves: for a check's command, the command that mends what it
//! objects to.
//!
//! Only for plain commands, one program with its words: what a shell would make of anything else
//! nobody can say here.

use std::collections::BTreeMap;

/// What runs a program of the project, as the words before it.
const RUNNERS: [&[&str]; 14] = [
    &["npx", "--no-install"],
    &["npx", "--no"],
    &["npx"],
    &["pnpm", "exec"],
    &["yarn", "run"],
    &["yarn", "exec"],
    &["bunx"],
    &["bundle", "exec"],
    &["poetry", "run"],
    &["uv", "run"],
    &["pipenv", "run"],
    &["hatch", "run"],
    &["python", "-m"],
    &["python3", "-m"],
];

/// What runs a script of `package.json`, as the words before its name.
const SCRIPTS: [&[&str]; 6] = [
    &["npm", "run"],
    &["npm", "run-script"],
    &["pnpm", "run"],
    &["yarn", "run"],
    &["pnpm"],
    &["yarn"],
];

/// What cargo's own fixes need in a tree with changes.
const ANY_TREE: [&str; 3] = ["--allow-dirty", "--allow-staged", "--allow-no-vcs"];

/// The command that mends what a check's command objects to, if its tool has one. `output` is what
/// the check said; `scripts` are those of the `package.json` beside it, by name.
pub fn fix_of(command: &str, output: &str, scripts: &BTreeMap<String, String>) -> Option<String> {
    let words = words(command)?;
    if let Some(fix) = fix(&words, output) {
        return Some(fix.join(" "));
    }
    let script = SCRIPTS
        .iter()
        .find_map(|runner| match words.strip_prefix(*runner)? {
            [name] => scripts.get(*name),
            _ => None,
        })?;
    let fix = fix(&self::words(script)?, output)?;
    // A script finds the programs of its project by their bare names.
    Some(format!("npx --no-install {}", fix.join(" ")))
}

/// The words of a plain command.
fn words(command: &str) -> Option<Vec<&str>> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || " -_./=:,@+%*".contains(letter);
    let words: Vec<&str> = command.split(' ').filter(|word| !word.is_empty()).collect();
    let is_assignment = words.first()?.contains('=');
    (command.chars().all(is_plain) && !is_assignment).then_some(words)
}

fn fix<'a>(words: &[&'a str], output: &str) -> Option<Vec<&'a str>> {
    let runner = RUNNERS.iter().find(|runner| words.starts_with(runner));
    let (before, tool) = words.split_at(runner.map_or(0, |runner| runner.len()));
    let (program, rest) = tool.split_first()?;
    let name = program.rsplit('/').next()?;
    let fixed = match name {
        "cargo" => cargo(rest, output),
        "rustfmt" | "black" | "isort" | "ktlint" | "dotnet-format" => checking(rest),
        "ruff" => match rest.split_first()? {
            (&"format", rest) => checking(rest).map(|rest| with_first("format", rest)),
            (&"check", rest) => Some(with_first("check", fixing(rest, "--fix"))),
            _ => None,
        },
        "prettier" => swapped(
            rest,
            &["--check", "-c", "--list-different", "-l"],
            "--write",
        ),
        "eslint" | "stylelint" | "standard" | "xo" | "oxlint" => Some(fixing(rest, "--fix")),
        "biome" => match rest.split_first()? {
            (verb @ (&"check" | &"format" | &"lint"), rest) => {
                Some(with_first(verb, fixing(rest, "--write")))
            }
            _ => None,
        },
        "gofmt" | "gofumpt" | "goimports" | "shfmt" => swapped(rest, &["-l", "-d"], "-w"),
        "golangci-lint" => match rest.split_first()? {
            (&"run", rest) => Some(with_first("run", fixing(rest, "--fix"))),
            _ => None,
        },
        "rubocop" | "standardrb" => Some(fixing(rest, "--autocorrect")),
        "php-cs-fixer" => checking(rest),
        "phpcs" => return Some([before, &["phpcbf"], rest].concat()),
        "clang-format" => swapped(rest, &["--dry-run", "-n"], "-i"),
        "swiftformat" => checking(rest),
        // Whose other verbs publish or apply what they only try with the same options.
        "dart" | "mix" if rest.first() == Some(&"format") => checking(rest),
        "terraform" | "deno" if rest.first() == Some(&"fmt") => checking(rest),
        _ => None,
    }?;
    Some([before, &[*program], &fixed].concat())
}

/// Cargo's formatter, clippy's own fixes, and those of the compiler where it suggests any.
fn cargo<'a>(words: &[&'a str], output: &str) -> Option<Vec<&'a str>> {
    let toolchain = words
        .iter()
        .take_while(|word| word.starts_with('+'))
        .count();
    let (toolchain, words) = words.split_at(toolchain);
    let (verb, rest) = words.split_first()?;
    let own = rest.split(|word| *word == "--").next()?;
    let fixed = match *verb {
        "fmt" => with_first("fmt", checking(rest)?),
        "clippy" => [&["clippy", "--fix"], &ANY_TREE[..], own].concat(),
        "check" | "build" | "test" if suggests(output) => {
            let tests = ["--tests"];
            let tests: &[&str] = if *verb == "test" { &tests } else { &[] };
            let of_packages = packages(own);
            let head: &[&str] = &["fix", "--broken-code"];
            [head, &ANY_TREE[..], tests, &of_packages].concat()
        }
        _ => return None,
    };
    Some([toolchain, &fixed].concat())
}

/// Whether the compiler says what to write instead.
fn suggests(output: &str) -> bool {
    let lines = || output.lines().map(str::trim_start);
    lines().any(|line| line.starts_with("error"))
        && lines().any(|line| line.starts_with("help: ") || line.starts_with("= help: "))
}

/// The words of a cargo command that say of which packages it is.
fn packages<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let mut kept = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--workspace"
            | "--all"
            | "--all-targets"
            | "--all-features"
            | "--no-default-features"
            | "--offline"
            | "--locked" => kept.push(*word),
            "-p" | "--package" | "--features" | "--manifest-path" => {
                kept.push(*word);
                kept.extend(words.next());
            }
            _ => {}
        }
    }
    kept
}

/// The words without those that only ask; none if there were no such words.
fn checking<'a>(words: &[&'a str]) -> Option<Vec<&'a str>> {
    const ASKING: [&str; 13] = [
        "--check",
        "--check-only",
        "-c",
        "--diff",
        "--dry-run",
        "--lint",
        "--check-formatted",
        "--set-exit-if-changed",
        "--output=none",
        "--verify-no-changes",
        "-check",
        "-diff",
        "--check=true",
    ];
    let mut left: Vec<&str> = words
        .iter()
        .copied()
        .filter(|word| !ASKING.contains(word))
        .collect();
    let asked = left.len() < words.len();
    if left.last() == Some(&"--") {
        left.pop();
    }
    asked.then_some(left)
}

/// The words with those that only ask replaced by `doing`; none if there were no such words.
fn swapped<'a>(words: &[&'a str], asking: &[&str], doing: &'a str) -> Option<Vec<&'a str>> {
    let rest = words.iter().copied().filter(|word| {
        !asking.contains(word) && !matches!(*word, "--Werror" | "-Werror" | "--log-level=warn")
    });
    let rest: Vec<&str> = rest.collect();
    let asks = words.iter().any(|word| asking.contains(word));
    asks.then(|| with_first(doing, rest))
}

/// The words with one that mends in front, and without those that forbid or change the report.
fn fixing<'a>(words: &[&'a str], flag: &'a str) -> Vec<&'a str> {
    let is_left_out = |word: &str| {
        word == flag
            || word == "--no-fix"
            || word == "--diff"
            || word.starts_with("--max-warnings=")
    };
    let rest = words.iter().copied().filter(|word| !is_left_out(word));
    with_first(flag, rest.collect())
}

fn with_first<'a>(first: &'a str, rest: Vec<&'a str>) -> Vec<&'a str> {
    [&[first][..], &rest].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fix(command: &str) -> Option<String> {
        fix_of(command, "", &BTreeMap::new())
    }

    #[test]
    fn each_tool_mends_what_it_objects_to() {
        let clippy = "cargo clippy --fix --allow-dirty --allow-staged --allow-no-vcs";
        for (check, mends) in [
            ("cargo fmt --check", "cargo fmt"),
            ("cargo fmt --all -- --check", "cargo fmt --all"),
            ("cargo clippy -- -D warnings", clippy),
            ("cargo +nightly fmt --check", "cargo +nightly fmt"),
            ("ruff check .", "ruff check --fix ."),
            ("ruff format --check src", "ruff format src"),
            ("uv run ruff check --no-fix", "uv run ruff check --fix"),
            ("black --check --diff .", "black ."),
            ("python -m isort --check-only src", "python -m isort src"),
            (
                "npx prettier --check src/**/*.ts",
                "npx prettier --write src/**/*.ts",
            ),
            (
                "./node_modules/.bin/eslint src",
                "./node_modules/.bin/eslint --fix src",
            ),
            ("gofmt -l .", "gofmt -w ."),
            ("golangci-lint run ./...", "golangci-lint run --fix ./..."),
            (
                "bundle exec rubocop lib",
                "bundle exec rubocop --autocorrect lib",
            ),
            (
                "vendor/bin/php-cs-fixer fix --dry-run --diff",
                "vendor/bin/php-cs-fixer fix",
            ),
            ("phpcs src", "phpcbf src"),
            ("clang-format --dry-run --Werror a.c", "clang-format -i a.c"),
            ("terraform fmt -check", "terraform fmt"),
            ("mix format --check-formatted", "mix format"),
        ] {
            assert_eq!(fix(check).as_deref(), Some(mends), "{check}");
        }
    }

    #[test]
    fn what_has_no_fix_or_is_no_plain_command_gets_none() {
        for command in [
            "",
            "cargo test",
            "cargo fmt",
            "black .",
            "ruff --version",
            "prettier src",
            "mypy .",
            "cargo fmt --check && cargo clippy",
            "cargo fmt --check; rm -rf /",
            "eslint $(cat files)",
            "eslint 'a b'",
            "FOO=1 eslint .",
            "eslint . > out",
            "cargo clippy\nrm x",
        ] {
            assert_eq!(fix(command), None, "{command}");
        }
    }

    #[test]
    fn the_compiler_mends_only_where_it_suggests_something() {
        let said = "error[E0425]: cannot find value `x`\nhelp: a local variable exists: `y`\n";
        let fix = |output| fix_of("cargo check -p app --color never", output, &BTreeMap::new());
        let mends = "cargo fix --broken-code --allow-dirty --allow-staged --allow-no-vcs -p app";
        assert_eq!(fix(said).as_deref(), Some(mends));
        assert_eq!(fix("error[E0425]: cannot find value `x`"), None);
    }

    #[test]
    fn a_script_is_read_where_it_is_such_a_command() {
        let script = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let scripts = BTreeMap::from([
            script("lint", "eslint src"),
            script("style", "prettier --check . && eslint ."),
        ]);
        let fix = |command| fix_of(command, "", &scripts);
        let mends = Some("npx --no-install eslint --fix src".to_owned());
        assert_eq!(fix("npm run lint"), mends);
        assert_eq!(fix("yarn lint"), mends);
        assert_eq!(fix("npm run style"), None);
        assert_eq!(fix("npm run absent"), None);
        assert_eq!(fix("npm run lint extra"), None);
    }

    proptest! {
        #[test]
        fn a_fix_is_a_plain_command_whatever_the_check(command in ".{0,60}", tail in "[ -~]{0,40}") {
            for command in [command, format!("eslint {tail}"), format!("cargo fmt --check {tail}")] {
                if let Some(fix) = fix(&command) {
                    prop_assert!(words(&fix).is_some(), "{}", fix);
                }
            }
        }
    }
}
