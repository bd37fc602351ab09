//! Files that are not there: configuration, what the plan names, the project's sources, the machine's.

use std::sync::LazyLock;

use regex::Regex;

use crate::domain::failure::{Cause, ErrorType};

use super::super::super::signature::pattern;
use super::super::facts::CommandFacts;
use super::super::verdict::Verdict;
use super::is_in_project;

/// A file that is not there.
pub(super) fn file(sentence: &str, facts: &CommandFacts<'_>) -> Option<Verdict> {
    if !ABSENT.is_match(sentence) {
        return None;
    }
    let hidden = sentence.contains(".env") && !sentence.contains("environ");
    let configuration = |rule| {
        Verdict::new(rule, ErrorType::Config, Cause::Missing)
            .asking(format!("create the file: {}", sentence.trim()))
    };
    let mut named = paths(sentence);
    // What is installed is no source of the project.
    named.retain(|path| !path.contains("vendor/") && !path.contains("node_modules/"));
    // An `include` may also be kept from what is outside of the project.
    if sentence.contains("Failed opening required") && !named.iter().any(|path| is_source(path)) {
        return None;
    }
    if hidden || named.iter().any(|path| is_configuration(path)) {
        return Some(configuration("missing.config_file"));
    }
    let command_names = |path: &String| {
        let name = path.rsplit('/').next().unwrap_or(path);
        facts.command.contains(path.as_str())
            || (has_extension(name) && facts.command.contains(name))
    };
    let absent: Vec<&String> = named
        .iter()
        .filter(|path| !is_in_project(path, &facts.around))
        .collect();
    let plan = Verdict::new("missing.planned_file", ErrorType::Logic, Cause::Missing);
    if absent.iter().any(|path| command_names(path)) {
        return Some(plan.sure(0.85));
    }
    if absent.iter().any(|path| is_source(path)) {
        return Some(plan.sure(0.8));
    }
    if absent
        .iter()
        .any(|path| path.starts_with('/') && !path.starts_with("/tmp"))
    {
        return Some(configuration("missing.machine_file").sure(0.65));
    }
    // A name without folder and extension that cannot be started is a tool.
    if STARTED.is_match(sentence) {
        return Some(
            Verdict::new("missing.tool", ErrorType::Config, Cause::Missing)
                .asking(format!("install what it starts: {}", sentence.trim())),
        );
    }
    None
}

/// Sentences that say that a file is absent.
static ABSENT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)no such file|\bENOENT\b|FileNotFound|NoSuchFile|file (?:or directory )?(?:does not exist|not found|cannot be found)|cannot find the (?:file|path)|kind: NotFound|does not exist$|not found$|No such directory|couldn't read|can't open file|Unable to access jarfile|Cannot find source file|Could not find '|doesn't exist|not an existing directory|is not a directory|Could not find executable|not a regular file|Datei oder Verzeichnis|Aucun fichier|No existe el|non esistente|cannot open|missing file|Failed opening required|cannot access|not a file|Could not open",
    )
});

/// What looks like a path.
static PATH: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?:^|[\s'"`(=:‘“])(?P<path>(?:[A-Za-z]:)?(?:[\w.~@+-]*/)*[\w.@+-]*[\w](?:\.[A-Za-z]\w{0,10})?)(?:['"`):,;’”]|\s|$)"#,
    )
});

/// Somebody tried to start something that is not there.
static STARTED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:No such file or directory: '[\w+-]+'$|spawn \S+ ENOENT|(?:run|execute|start|spawn|launch|exec)\w* .{0,40}(?:No such file|code: 2\b|ENOENT|os error 2))",
    )
});

/// The paths that a sentence names.
fn paths(text: &str) -> Vec<String> {
    let found = text.split(|c: char| c.is_whitespace() || "'\"`(),;=‘’“”".contains(c));
    found
        .map(|word| {
            word.trim_matches([':', '!'])
                .trim_end_matches('.')
                .to_owned()
        })
        .filter(|word| PATH.is_match(word) && (word.contains('/') || has_extension(word)))
        .collect()
}

fn has_extension(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').is_some_and(|(stem, end)| {
        !stem.is_empty()
            && (1..=10).contains(&end.len())
            && end.chars().all(char::is_alphanumeric)
            && end.chars().any(char::is_alphabetic)
    })
}

/// Whether a path looks like configuration: by its ending, or by a word in its name.
fn is_configuration(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let name = path.rsplit('/').next().unwrap_or(&path);
    let endings = [
        ".env",
        ".ini",
        ".toml",
        ".yaml",
        ".yml",
        ".cfg",
        ".conf",
        ".properties",
        ".pem",
        ".key",
        ".crt",
        ".cer",
        ".p12",
        ".jks",
        ".lock",
        "rc",
        ".netrc",
        ".plist",
        ".tfvars",
        ".hcl",
        ".ninja",
        ".cnf",
        ".service",
    ];
    let words = [
        "config",
        "settings",
        "credential",
        "secret",
        "profile",
        "manifest",
        "package.json",
        "tsconfig",
        "makefile",
        "dockerfile",
        "gemfile",
        "pom.xml",
        "build.gradle",
        "cargo.toml",
        "cmakelists",
        "composer.json",
        "token",
    ];
    endings.iter().any(|end| name.ends_with(end)) && has_extension(name)
        || name.starts_with(".env")
        || words.iter().any(|word| name.contains(word))
        || path.contains("config/")
        || path.contains("/etc/")
}

/// Whether a path looks like a project's source, test or script.
fn is_source(path: &str) -> bool {
    const ENDINGS: &str = "py js ts jsx tsx mjs cjs rb go rs c cc cpp cxx h hpp java kt php pl pm t sh bash bats sql \
         html css scss vue svelte swift scala lua ex exs hs ml cs fs md proto graphql feature spec zig nim jl r";
    let name = path.rsplit('/').next().unwrap_or(path);
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
    ENDINGS.split_whitespace().any(|known| known == end)
        || [
            "fixtures/",
            "golden/",
            "goldens/",
            "snapshots/",
            "testdata/",
            "tests/",
            "test/",
            "spec/",
            "src/",
            "scripts/",
        ]
        .iter()
        .any(|folder| path.contains(folder))
}
