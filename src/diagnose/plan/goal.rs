//! Does a plan do what its goal forbids, or what nobody meant?

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::Step;

/// What a goal speaks of, as far as files go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part<'a> {
    Tests,
    Sources,
    Dependencies,
    Documents,
    Everything,
    File(&'a str),
}

/// Where a step does what the goal rules out.
pub(super) fn contradiction(
    goal: &str,
    steps: &[Step<'_>],
    files: &[String],
) -> Option<(String, String)> {
    let told = |step: &Step<'_>, what: &str| {
        let shown = step.paths.first().copied().unwrap_or(step.id);
        Some((
            format!("step {:?} {what}: {goal:.120}", step.id),
            shown.to_owned(),
        ))
    };
    for step in steps {
        if let Some(at) = forbidden(goal, step) {
            return told(step, &format!("does what the goal forbids ({at})"));
        }
        if foreign(goal, step, files) {
            return told(step, "is in another language than goal and project");
        }
    }
    idle(goal, steps)
}

/// A plan that changes nothing, for a goal that wants something changed.
fn idle(goal: &str, steps: &[Step<'_>]) -> Option<(String, String)> {
    let wanted = [
        "add",
        "implement",
        "fix",
        "change",
        "rename",
        "remove",
        "refactor",
        "create",
        "update",
        "make",
        "replace",
        "extract",
        "support",
        "introduce",
        "delete",
        "write",
        "move",
        "split",
        "convert",
        "port",
        "round",
    ];
    let first = goal
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let looks = |step: &Step<'_>| {
        matches!(
            step.action,
            "run" | "read" | "test" | "check" | "verify" | "inspect" | "lint" | "build"
        )
    };
    let makes = |step: &Step<'_>| {
        [
            "sed ", "mv ", "cp ", "patch", "install", "add", "fmt", "--fix", "init", "new", ">",
            "rm ", "generate",
        ]
        .iter()
        .any(|word| step.command.contains(word))
    };
    let is_idle = !steps.is_empty() && steps.iter().all(|step| looks(step) && !makes(step));
    (is_idle && wanted.contains(&first.as_str())).then(|| {
        (
            format!("no step changes anything: {goal:.120}"),
            String::new(),
        )
    })
}

/// The words of the goal that rule a step out.
fn forbidden<'g>(goal: &'g str, step: &Step<'_>) -> Option<&'g str> {
    let changes = matches!(
        step.action,
        "edit"
            | "modify"
            | "update"
            | "create"
            | "write"
            | "delete"
            | "remove"
            | "add"
            | "rename"
            | "move"
    );
    let touched = |part: Part<'_>| changes && step.paths.iter().any(|path| is_part(path, part));
    for found in WITHOUT.captures_iter(goal) {
        let whole = found.get(0).map_or("", |found| found.as_str());
        let (verb, object) = (
            found.name("verb").map_or("", |it| it.as_str()),
            found.name("object").map_or("", |it| it.as_str()),
        );
        let verb = verb.to_ascii_lowercase();
        let deletes = verb.starts_with("delet") || verb.starts_with("remov");
        let adds = verb.starts_with("add")
            || verb.starts_with("creat")
            || verb.starts_with("introduc")
            || verb.starts_with("install");
        let counts = match step.action {
            "delete" | "remove" => !adds,
            "create" | "add" => !deletes,
            _ => !deletes && (!adds || parts(object).contains(&Part::Dependencies)),
        };
        if counts && parts(object).into_iter().any(touched) {
            return Some(whole);
        }
        let installs = ["install", " add "]
            .iter()
            .any(|word| step.command.contains(word));
        if installs && parts(object).contains(&Part::Dependencies) {
            return Some(whole);
        }
    }
    for found in KEEP.captures_iter(goal) {
        let object = found.name("object").map_or("", |it| it.as_str());
        // What others rely on can be kept while files change, but not while they go.
        let promised = ["api", "interface", "behavio"]
            .iter()
            .any(|word| object.to_ascii_lowercase().contains(word));
        let goes = promised && matches!(step.action, "delete" | "remove") && touched(Part::Sources);
        if goes || (step.action != "create" && parts(object).into_iter().any(touched)) {
            return found.get(0).map(|found| found.as_str());
        }
    }
    for found in ONLY.captures_iter(goal) {
        let object = found.name("object").map_or("", |it| it.as_str());
        let allowed = parts(object);
        let outside = |path: &&str| !allowed.iter().any(|part| is_part(path, *part));
        if changes && !allowed.is_empty() && step.paths.iter().any(outside) {
            return found.get(0).map(|found| found.as_str());
        }
    }
    None
}

static WITHOUT: LazyLock<Regex> = LazyLock::new(|| {
    constant(
        r"(?i)\b(?:without|not|don't|never|no)\s+(?:any\s+)?(?P<verb>chang(?:e|es|ing)|modif(?:y|ying|ications)|touch(?:ing)?|edit(?:s|ing)?|delet(?:e|ing)|remov(?:e|ing)|add(?:ing)?|creat(?:e|ing)|introduc(?:e|ing)|install(?:ing)?|alter(?:ing)?|new)\b(?:\s+(?:to|in))?(?P<object>[^,;]*)",
    )
});

static KEEP: LazyLock<Regex> = LazyLock::new(|| {
    constant(
        r"(?i)\b(?:keep|leav(?:e|ing)|keeping)\s+(?P<object>[^,;]*?)\s+(?:unchanged|untouched|intact|alone|as\s+(?:is|it\s+is|they\s+are)|unmodified)\b",
    )
});

static ONLY: LazyLock<Regex> = LazyLock::new(|| {
    constant(
        r"(?i)\b(?:only\s+(?:change|edit|touch|modify|in)|(?:change|edit|touch|modify)\s+only|changes?\s+only\s+in)\s+(?P<object>[^,;]*)",
    )
});

#[expect(
    clippy::expect_used,
    reason = "the patterns are constants, each is compiled by a test"
)]
fn constant(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern compiles")
}

/// The parts of a project that words name.
fn parts(object: &str) -> Vec<Part<'_>> {
    let lower = object.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let mut found: Vec<Part<'_>> = object
        .split_whitespace()
        .map(|word| word.trim_matches(['`', '\'', '"', '.', '(', ')']))
        .filter(|word| {
            word.contains('/')
                || word
                    .rsplit_once('.')
                    .is_some_and(|(stem, end)| !stem.is_empty() && (1..=5).contains(&end.len()))
        })
        .map(Part::File)
        .collect();
    if !found.is_empty() {
        return found;
    }
    if says(&["test"]) {
        found.push(Part::Tests);
    }
    if says(&[
        "production",
        "source",
        "implementation",
        "src",
        "application code",
        "library code",
    ]) || lower.trim() == "code"
    {
        found.push(Part::Sources);
    }
    if says(&["dependenc", "packages", "requirements", "librar"]) && !says(&["library code"]) {
        found.push(Part::Dependencies);
    }
    if says(&["docs", "documentation", "readme", "changelog"]) {
        found.push(Part::Documents);
    }
    if found.is_empty() && says(&["anything", "any file", "files", "any code"]) {
        found.push(Part::Everything);
    }
    found
}

fn is_part(path: &str, part: Part<'_>) -> bool {
    let lower = path.to_ascii_lowercase();
    let name = lower.rsplit('/').next().unwrap_or(&lower);
    let test = lower
        .split('/')
        .any(|part| matches!(part, "test" | "tests" | "spec" | "specs" | "__tests__"))
        || name.starts_with("test_")
        || ["_test.", ".test.", ".spec.", "_spec.", "test.java"]
            .iter()
            .any(|mark| name.contains(mark));
    let manifest = [
        "package.json",
        "package-lock.json",
        "cargo.toml",
        "cargo.lock",
        "pyproject.toml",
        "requirements.txt",
        "go.mod",
        "go.sum",
        "pom.xml",
        "gemfile",
        "gemfile.lock",
        "composer.json",
        "setup.py",
        "poetry.lock",
        "yarn.lock",
        "pipfile",
        "build.gradle",
    ];
    let manifest = manifest.contains(&name);
    let document = [".md", ".rst", ".adoc", ".txt"]
        .iter()
        .any(|end| name.ends_with(end))
        && !manifest;
    match part {
        Part::Tests => test,
        Part::Dependencies => manifest,
        Part::Documents => document || lower.starts_with("docs/"),
        Part::Sources => !test && !manifest && !document,
        Part::Everything => true,
        Part::File(named) => {
            let named = named.trim_end_matches('/').to_ascii_lowercase();
            lower == named || lower.starts_with(&format!("{named}/")) || name == named
        }
    }
}

/// Languages by what goals call them, and the ends of their files' names.
const LANGUAGES: [(&str, &[&str]); 9] = [
    ("python", &["py"]),
    ("rust", &["rs"]),
    ("java", &["java"]),
    ("javascript", &["js", "mjs", "cjs", "jsx"]),
    ("typescript", &["ts", "tsx"]),
    ("go", &["go"]),
    ("ruby", &["rb"]),
    ("php", &["php"]),
    ("kotlin", &["kt"]),
];

/// A new file in a language of which the project has nothing, though the goal names another, or
/// the project has but one.
fn foreign(goal: &str, step: &Step<'_>, files: &[String]) -> bool {
    if !matches!(step.action, "create" | "add" | "write") {
        return false;
    }
    let of_path = |path: &str| {
        let end = path
            .rsplit_once('.')
            .map_or("", |(_, end)| end)
            .to_ascii_lowercase();
        LANGUAGES
            .iter()
            .find(|(_, ends)| ends.contains(&end.as_str()))
            .map(|(name, _)| *name)
    };
    let present: Vec<&str> = files.iter().filter_map(|file| of_path(file)).collect();
    let goal = goal.to_ascii_lowercase();
    let named = |language: &str| {
        goal.split(|c: char| !c.is_alphanumeric())
            .any(|word| word == language)
    };
    let mut made = step.paths.iter().filter_map(|path| of_path(path));
    let any_named = LANGUAGES.iter().any(|(name, _)| named(name));
    made.any(|language| {
        any_named && !present.is_empty() && !present.contains(&language) && !named(language)
    })
}

/// A script or target that a manifest whose content is known does not have.
pub(super) fn script(words: &[String], contents: &BTreeMap<String, String>) -> Option<String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["npm" | "pnpm" | "yarn", "run", name, ..] => {
            let manifest: Value = serde_json::from_str(contents.get("package.json")?).ok()?;
            let has = manifest
                .get("scripts")
                .and_then(|scripts| scripts.get(*name))
                .is_some();
            (!has).then(|| format!("package.json has no script {name:?}"))
        }
        ["make", target, ..] if !target.starts_with('-') && !target.contains('=') => {
            let content = contents.get("Makefile")?;
            let has = content.lines().any(|line| {
                line.split_once(':').is_some_and(|(names, _)| {
                    names
                        .split_whitespace()
                        .any(|name| name == *target || name.contains('%'))
                })
            });
            (!has).then(|| format!("the Makefile has no target {target:?}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step<'a>(action: &'a str, path: &'a str) -> Step<'a> {
        Step {
            id: "a",
            action,
            paths: vec![path],
            ..Step::default()
        }
    }

    #[test]
    fn a_goal_that_rules_something_out_is_read() {
        for (goal, action, path) in [
            (
                "add a test for rounding without changing production code",
                "edit",
                "src/cart.py",
            ),
            (
                "fix rounding, do not modify the tests",
                "edit",
                "tests/test_cart.py",
            ),
            (
                "speed it up without adding dependencies",
                "edit",
                "requirements.txt",
            ),
            ("fix it but keep src/tax.py unchanged", "edit", "src/tax.py"),
            ("only edit src/cart.py", "edit", "src/tax.py"),
            ("tidy up without deleting files", "delete", "src/tax.py"),
            (
                "explain the code without changing any files",
                "edit",
                "src/tax.py",
            ),
        ] {
            assert!(
                contradiction(goal, &[step(action, path)], &[]).is_some(),
                "{goal}: {action} {path}"
            );
        }
        for (goal, action, path) in [
            (
                "add a test for rounding without changing production code",
                "edit",
                "tests/test_cart.py",
            ),
            (
                "fix rounding, do not modify the tests",
                "edit",
                "src/cart.py",
            ),
            ("tidy up without deleting files", "edit", "src/tax.py"),
            ("only edit src/cart.py", "edit", "src/cart.py"),
            (
                "round totals to no more than two digits",
                "edit",
                "src/cart.py",
            ),
        ] {
            assert_eq!(
                contradiction(goal, &[step(action, path)], &[]),
                None,
                "{goal}: {action} {path}"
            );
        }
    }

    #[test]
    fn a_file_of_another_language_is_foreign_where_the_goal_names_one() {
        let files = vec!["src/cart.py".to_owned()];
        let java = step("create", "src/Cart.java");
        assert!(contradiction("round totals in the Python package", &[java], &files).is_some());
        assert_eq!(
            contradiction(
                "port it to Java, from Python",
                &[step("create", "src/Cart.java")],
                &files
            ),
            None
        );
    }

    #[test]
    fn scripts_and_targets_are_looked_up() {
        let contents = BTreeMap::from([
            (
                "package.json".to_owned(),
                r#"{"scripts": {"test": "x"}}"#.to_owned(),
            ),
            (
                "Makefile".to_owned(),
                "all: build\nbuild:\n\tcc x.c\n".to_owned(),
            ),
        ]);
        let words = |line: &str| -> Vec<String> { line.split(' ').map(Into::into).collect() };
        assert!(script(&words("npm run lint"), &contents).is_some());
        assert_eq!(script(&words("npm run test"), &contents), None);
        assert!(script(&words("make deploy"), &contents).is_some());
        assert_eq!(script(&words("make build"), &contents), None);
    }
}
