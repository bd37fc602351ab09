//! The checks that a repository has by nature, for when no configuration names them; one file per language.
//!
//! Only what the repository itself shows is detected. Above all a linter: it fails on code that was there before, and
//! no baseline excuses that, so it runs only where the repository has configured it.

mod cmake;
mod go;
mod java;
mod make;
mod node;
mod php;
mod python;
mod ruby;
mod rust;
mod shell;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::config::{CheckConfig, Network, SetupConfig};
use crate::domain::finding::Category;

/// The time limit of a build, and of everything that compiles.
const BUILD_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// The time limit of tests.
const TEST_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// The time limit of everything else.
const OTHER_TIMEOUT: Duration = Duration::from_secs(60);
/// The most sub-projects of one language.
const MAX_PROJECTS: usize = 8;
/// Folders whose contents are not the project's own.
const FOREIGN: [&str; 12] = [
    "target",
    "vendor",
    "node_modules",
    "third_party",
    "examples",
    "fixtures",
    "testdata",
    "templates",
    "venv",
    ".venv",
    "tests",
    "benches",
];

/// What a repository shows of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detected {
    /// Checks by name, in the order in which they run.
    pub checks: Vec<(String, CheckConfig)>,
    /// What a fresh worktree needs first.
    pub setup: Vec<SetupConfig>,
    /// The languages, as in `rust`.
    pub kinds: Vec<&'static str>,
}

/// Detects the checks of the project whose tracked `files` these are (relative to its folder, with `/`), reading some
/// of them with `read`.
pub fn detect(files: &[String], read: &dyn Fn(&str) -> Option<String>) -> Detected {
    let tree = Tree {
        files: files.iter().map(String::as_str).collect(),
        read,
    };
    let mut projects = rust::projects(&tree);
    projects.extend(python::projects(&tree));
    projects.extend(go::projects(&tree));
    projects.extend(java::projects(&tree));
    let native = cmake::projects(&tree, &projects);
    projects.extend(native);
    projects.extend(ruby::projects(&tree));
    projects.extend(php::projects(&tree));
    let elsewhere = projects.iter().any(|project| project.folder.is_empty());
    projects.extend(node::projects(&tree, elsewhere));
    if let Some(make) = make::project(&tree, &projects) {
        projects.push(make);
    }
    if let Some(shell) = shell::project(&tree, &projects) {
        projects.push(shell);
    }
    name(projects)
}

/// Gives the checks names: `build`, `test`, `lint` if there is one project; else with the folder or the language. A
/// Makefile and shell scripts only have what the projects have not.
fn name(mut projects: Vec<Project>) -> Detected {
    let mut detected = Detected::default();
    let fills_in = [make::KIND, shell::KIND];
    let others = projects
        .iter()
        .filter(|project| !fills_in.contains(&project.kind));
    let alone = others.count() <= 1;
    for project in &projects {
        if !detected.kinds.contains(&project.kind) {
            detected.kinds.push(project.kind);
        }
    }
    let mut taken = BTreeSet::new();
    for category in [Category::Build, Category::Lint, Category::Test] {
        for project in &mut projects {
            let Some(at) = project
                .checks
                .iter()
                .position(|check| check.kind == category)
            else {
                continue;
            };
            let place = if project.folder.is_empty() {
                project.kind
            } else {
                &project.folder
            };
            let mut name = match alone {
                true => category.to_string(),
                false => format!("{category}-{}", plain(place)),
            };
            while !taken.insert(name.clone()) {
                name = format!("{name}-{}", project.kind);
            }
            detected.checks.push((name, project.checks.remove(at)));
        }
    }
    detected.setup = projects
        .into_iter()
        .flat_map(|project| project.setup)
        .collect();
    detected
}

/// A folder as a part of a name: names become those of files.
fn plain(place: &str) -> String {
    let inner = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
    place.replace(|c| !inner(c), "-")
}

/// One language's project in one folder.
struct Project {
    kind: &'static str,
    /// Relative to the whole project's folder; empty for that itself.
    folder: String,
    checks: Vec<CheckConfig>,
    setup: Vec<SetupConfig>,
}

/// The tracked files.
struct Tree<'a> {
    files: BTreeSet<&'a str>,
    read: &'a dyn Fn(&str) -> Option<String>,
}

impl<'a> Tree<'a> {
    fn has(&self, folder: &str, name: &str) -> bool {
        self.files.contains(join(folder, name).as_str())
    }

    fn text(&self, folder: &str, name: &str) -> Option<String> {
        let path = join(folder, name);
        self.files
            .contains(path.as_str())
            .then(|| (self.read)(&path))
            .flatten()
    }

    /// The topmost folders that hold one of these files; the root alone if it does.
    fn topmost(&self, names: &[&str]) -> Vec<&'a str> {
        let mut found: Vec<&str> = Vec::new();
        let mut folders: Vec<&str> = self
            .files
            .iter()
            .copied()
            .map(split)
            .filter(|(folder, file)| names.contains(file) && !is_foreign(folder))
            .map(|(folder, _)| folder)
            .collect();
        folders.sort_unstable_by_key(|folder| (folder.len(), *folder));
        for folder in folders {
            if found.len() < MAX_PROJECTS && !found.iter().any(|above| is_within(folder, above)) {
                found.push(folder);
            }
        }
        found.sort_unstable();
        found
    }

    /// The files in a folder and below, relative to it.
    fn below(&self, folder: &str) -> impl Iterator<Item = &'a str> {
        let prefix = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        self.files
            .iter()
            .filter_map(move |path| path.strip_prefix(prefix.as_str()))
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// The text of the files that tell a build server what to run.
    fn pipelines(&self) -> String {
        self.files
            .iter()
            .filter(|path| path.starts_with(".github/workflows/") || **path == ".gitlab-ci.yml")
            .filter_map(|path| (self.read)(path))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

/// A path's folder (empty for none) and file name.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn is_within(folder: &str, above: &str) -> bool {
    above.is_empty()
        || folder == above
        || folder
            .strip_prefix(above)
            .is_some_and(|rest| rest.starts_with('/'))
}

fn is_foreign(folder: &str) -> bool {
    folder.split('/').any(|part| FOREIGN.contains(&part))
}

/// A set-up command in a project's folder.
fn setup(command: &str, folder: &str) -> SetupConfig {
    SetupConfig {
        command: if folder.is_empty() {
            command.to_owned()
        } else {
            format!("cd '{}' && {command}", folder.replace('\'', r"'\''"))
        },
        network: Network::Host,
        timeout: BUILD_TIMEOUT,
    }
}

/// Whether a TOML or INI text has a table whose name is `name` or begins with `name` and a dot.
fn has_table(text: &str, name: &str) -> bool {
    text.lines().filter_map(table).any(|table| {
        table == name
            || table
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('.'))
    })
}

/// The table that a line begins.
fn table(line: &str) -> Option<&str> {
    let line = line.split('#').next()?.trim();
    let name = line.strip_prefix('[')?.strip_suffix(']')?;
    Some(name.trim_matches(['[', ']', ' ']))
}

fn check(kind: Category, command: String, folder: &str, timeout: Duration) -> CheckConfig {
    CheckConfig {
        cwd: if folder.is_empty() {
            ".".to_owned()
        } else {
            folder.to_owned()
        },
        timeout,
        ..CheckConfig::new(kind, command)
    }
}

#[cfg(test)]
mod tests;
