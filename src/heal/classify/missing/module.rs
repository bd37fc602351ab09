//! Modules, packages, headers and classes that an import does not find.

use std::sync::LazyLock;

use regex::Regex;

use crate::domain::failure::{Cause, ErrorType};

use super::super::super::signature::pattern;
use super::super::facts::{Around, CommandFacts};
use super::super::verdict::Verdict;

/// An import that finds nothing.
pub(super) fn module(sentence: &str, near: &str, facts: &CommandFacts<'_>) -> Option<Verdict> {
    let groups = NAMED.captures(sentence)?;
    if let Some(name) = NAMES.into_iter().find_map(|name| groups.name(name)) {
        if PLUGIN.is_match(near) {
            return Some(install(name.as_str()));
        }
        // Only what has the same root may import a package below `internal`.
        if name.as_str().contains("/internal/") && sentence.contains("module providing") {
            return Some(own("building.import"));
        }
    }
    let group = |name| {
        groups
            .name(name)
            .map(|found: regex::Match<'_>| found.as_str())
    };
    let around = &facts.around;
    // A crate that the manifest does not name is the change's own omission.
    if let Some(name) = group("rust").or(group("krate")).or(group("krate2")) {
        let core = matches!(name, "std" | "core" | "alloc");
        return (!core).then(|| own("building.import"));
    }
    if let Some(header) = group("header") {
        let foreign = !sentence.contains('"') && header.contains('/');
        let is_own = is_project_module(header, around) || facts_quote_include(header, facts);
        return match is_own && !foreign {
            true => Some(own("building.import")),
            false => Some(install(header)),
        };
    }
    if let Some(class) = group("class") {
        let dotted = class.replace('/', ".");
        let is_own = is_project_module(&dotted, around);
        // The class that the command itself starts is named by the plan.
        return match is_own || facts.command.contains(&dotted) || !dotted.contains('.') {
            true => Some(own("building.class")),
            false => Some(install(&dotted)),
        };
    }
    if let Some(name) = group("php") {
        return match is_project_module(name, around) || name.contains('\\') {
            true => Some(Verdict::new(
                "crash.class",
                ErrorType::Runtime,
                Cause::Crash,
            )),
            false => Some(install(name)),
        };
    }
    let name = NAMES.into_iter().find_map(group)?;
    Some(by_name(name, groups.name("java").is_some(), around))
}

/// A module by its name: relative or the project's, or somebody else's.
fn by_name(name: &str, is_java: bool, around: &Around<'_>) -> Verdict {
    // Java's packages begin with a domain; those that do not are the project's.
    let domains = [
        "org", "com", "net", "io", "javax", "jakarta", "edu", "dev", "de", "lombok", "kotlin",
        "scala",
    ];
    let first = name.split('.').next().unwrap_or(name);
    if is_java && !domains.contains(&first) {
        return own("building.import");
    }
    let is_relative = name.starts_with(['.', '/', '@', '~', '#']) && !is_scoped_package(name);
    if is_relative || is_project_module(name, around) {
        return own("building.import");
    }
    install(name)
}

fn own(rule: &'static str) -> Verdict {
    Verdict::new(rule, ErrorType::Logic, Cause::Build).sure(0.93)
}

fn install(name: &str) -> Verdict {
    let action = format!(
        "install the package {name} into the environment of the checks (`workspace.setup`)"
    );
    Verdict::new("missing.package", ErrorType::Config, Cause::Missing)
        .asking(action)
        .sure(0.93)
}

/// The groups that name a module that is imported, language by language.
const NAMES: [&str; 13] = [
    "py", "js", "vite", "pkg", "rb", "pl", "lua", "go", "gomod", "goold", "java", "stub", "stub2",
];

/// A tool looks for a part of itself that its options name.
static PLUGIN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(?:could not|couldn't|cannot|can't|failed to|unable to) (?:load|find|resolve) (?:the )?(?:reporter|plugin|preset|formatter|transform|environment|runner|loader|parser|interface)\b",
    )
});

/// How languages say that an import finds nothing.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?x)
        No\ module\ named\ ['"]?(?P<py>[\w.]+)
        |(?:Cannot|Could\ not|Can't|Failed\ to|Unable\ to)\ (?:find|resolve|load|import)\ (?:module|package|import|path|entry\ module|dependency|class\ with\ name|implementation\ or\ library\ stub\ for\ module\ named):?\ ?\[?['"`](?P<js>[^'"`]+)['"`]
        |Failed\ to\ load\ url\ (?P<vite>\S+)|Cannot\ find\ package\ '(?P<pkg>[^']+)'
        |(?:cannot\ load\ such\ file|no\ such\ file\ to\ load)\ --\ (?P<rb>\S+)
        |Can't\ locate\ (?P<pl>\S+)\ in\ @INC
        |module\ '(?P<lua>[^']+)'\ not\ found
        |package\ (?P<go>[\w./-]+)\ is\ not\ in\ (?:GOROOT|std)|(?:no\ required\ module\ provides|cannot\ find\ module\ providing)\ package\ (?P<gomod>[^\s;:]+)|cannot\ find\ package\ "(?P<goold>[^"]+)"
        |package\ (?P<java>[\w.]+)\ does\ not\ exist
        |(?:ClassNotFoundException|NoClassDefFoundError):\ (?P<class>[\w./$]+)
        |Class\ ["'](?P<php>[\w\\]+)["']\ not\ found
        |(?:library\ stub|stubs?)\ .*\ for\ module\ named\ "(?P<stub>[\w.]+)"|Library\ stubs\ not\ installed\ for\ "(?P<stub2>[\w.]+)"
        |fatal\ error:\ (?P<header>[\w./+-]+\.h\w*|[\w/]+):\ No\ such\ file
        |unresolved\ import\ `(?P<rust>[\w:]+)`|unresolved\ module\ or\ unlinked\ crate\ `(?P<krate>\w+)`|can't\ find\ crate\ for\ `(?P<krate2>\w+)`
        "#,
    )
});

/// `@scope/name` is a package of a registry; `@/name` is an alias of the project's own folder.
fn is_scoped_package(name: &str) -> bool {
    name.starts_with('@') && !name.starts_with("@/")
}

/// Whether a source that is quoted below the message includes the header as its own.
fn facts_quote_include(header: &str, facts: &CommandFacts<'_>) -> bool {
    let own = format!("#include \"{header}\"");
    facts.stderr.contains(&own) || facts.stdout.contains(&own)
}

/// Whether the project has what a module's name stands for, or a folder of its first part. What the
/// project declares as a dependency is none of its own.
fn is_project_module(name: &str, around: &Around<'_>) -> bool {
    let flat = |text: &str| text.to_ascii_lowercase().replace(['-', '_'], "");
    let first = name
        .split(['.', '/', ':', '\\'])
        .find(|part| !part.is_empty())
        .unwrap_or(name);
    let declared = around
        .declared_deps
        .iter()
        .any(|dependency| flat(dependency) == flat(first) || flat(dependency) == flat(name));
    if declared {
        return false;
    }
    around.project_files.iter().any(|file| {
        let mut parts = file.split('/').rev();
        let stem = parts.next().and_then(|last| last.split('.').next());
        let is_file = stem.is_some_and(|stem| stem == first && !stem.starts_with("test"));
        is_file || parts.any(|folder| folder == first)
    })
}
