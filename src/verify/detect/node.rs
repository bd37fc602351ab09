//! Node: whatever has a `package.json` with scripts that check something.

use serde_json::Value;

use super::{BUILD_TIMEOUT, Project, TEST_TIMEOUT, Tree, check, setup, split};
use crate::config::{CheckConfig, SetupConfig};
use crate::domain::finding::Category;

/// The most test files that are read to learn how they are run.
const MAX_READ: usize = 50;
/// The groups of dependencies that are installed for development.
const DEPENDENCIES: [&str; 3] = ["dependencies", "devDependencies", "optionalDependencies"];

/// The projects. Where something else lies at the top (`elsewhere`), a Node project below is the project's own only if
/// it has tests: a website has no say in whether a program is right.
pub(super) fn projects(tree: &Tree<'_>, elsewhere: bool) -> Vec<Project> {
    let found = tree
        .topmost(&["package.json"])
        .into_iter()
        .filter_map(|folder| project(tree, folder));
    let tested = |project: &Project| {
        project
            .checks
            .iter()
            .any(|check| check.kind == Category::Test)
    };
    found
        .filter(|project| !elsewhere || project.folder.is_empty() || tested(project))
        .collect()
}

fn project(tree: &Tree<'_>, folder: &str) -> Option<Project> {
    let text = tree.text(folder, "package.json")?;
    let manifest: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()?;
    let manager = Manager::of(tree, folder, &manifest);
    let checks: Vec<CheckConfig> = [
        build(tree, folder, &manifest, manager),
        tests(tree, folder, &manifest, manager),
        lint(folder, &manifest, manager),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!checks.is_empty()).then(|| Project {
        kind: "node",
        folder: folder.to_owned(),
        checks,
        setup: install(tree, folder, &manifest, manager)
            .into_iter()
            .collect(),
    })
}

/// A package manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manager {
    Npm,
    Pnpm,
    /// Version 1.
    Yarn,
    /// Version 2 and later.
    Berry,
    Bun,
}

impl Manager {
    /// The one that the manifest names, else the one whose lock file is there.
    fn of(tree: &Tree<'_>, folder: &str, manifest: &Value) -> Self {
        let has = |name| tree.has(folder, name);
        let named = manifest["packageManager"].as_str().unwrap_or_default();
        let (name, version) = named.split_once('@').unwrap_or((named, ""));
        let yarn = match has(".yarnrc.yml") || !(version.is_empty() || version.starts_with("1.")) {
            true => Self::Berry,
            false => Self::Yarn,
        };
        match name {
            "npm" => Self::Npm,
            "pnpm" => Self::Pnpm,
            "yarn" => yarn,
            "bun" => Self::Bun,
            _ if has("pnpm-lock.yaml") => Self::Pnpm,
            _ if has("yarn.lock") => yarn,
            _ if has("bun.lock") || has("bun.lockb") => Self::Bun,
            _ => Self::Npm,
        }
    }

    /// What runs a script of the manifest.
    fn script(self, name: &str) -> String {
        match (self, name) {
            (Self::Npm, "test") => "npm test".to_owned(),
            (Self::Npm, name) => format!("npm run {name}"),
            (Self::Pnpm, name) => format!("pnpm run {name}"),
            (Self::Yarn | Self::Berry, name) => format!("yarn run {name}"),
            (Self::Bun, name) => format!("bun run {name}"),
        }
    }

    /// What runs a program of a dependency.
    fn program(self, line: &str) -> String {
        let prefix = match self {
            Self::Npm => "npx --no-install",
            Self::Pnpm => "pnpm exec",
            Self::Yarn | Self::Berry => "yarn run",
            Self::Bun => "bun run",
        };
        format!("{prefix} {line}")
    }
}

/// Installs exactly what the lock file says; without one, whatever fits.
fn install(
    tree: &Tree<'_>,
    folder: &str,
    manifest: &Value,
    manager: Manager,
) -> Option<SetupConfig> {
    let some = |key: &str| manifest[key].as_object().is_some_and(|map| !map.is_empty());
    let workspaces = !manifest["workspaces"].is_null() || tree.has(folder, "pnpm-workspace.yaml");
    if !workspaces && !DEPENDENCIES.iter().any(|key| some(key)) {
        return None;
    }
    let locked = |names: &[&str]| names.iter().any(|name| tree.has(folder, name));
    let (names, exactly, else_any): (&[&str], _, _) = match manager {
        Manager::Npm => (
            &["package-lock.json", "npm-shrinkwrap.json"],
            "npm ci",
            "npm install --no-package-lock",
        ),
        Manager::Pnpm => (
            &["pnpm-lock.yaml"],
            "pnpm install --frozen-lockfile",
            "pnpm install --no-lockfile",
        ),
        Manager::Yarn => (
            &["yarn.lock"],
            "yarn install --frozen-lockfile",
            "yarn install --no-lockfile",
        ),
        Manager::Berry => (&["yarn.lock"], "yarn install --immutable", "yarn install"),
        Manager::Bun => (
            &["bun.lock", "bun.lockb"],
            "bun install --frozen-lockfile",
            "bun install --no-save",
        ),
    };
    let command = if locked(names) { exactly } else { else_any };
    Some(setup(command, folder))
}

/// A script of the manifest that ends by itself.
fn script<'m>(manifest: &'m Value, name: &str) -> Option<&'m str> {
    let script = manifest["scripts"][name].as_str()?.trim();
    let watches = script
        .split_whitespace()
        .any(|word| matches!(word, "--watch" | "--watchAll" | "-w"));
    (!script.is_empty() && !watches).then_some(script)
}

/// The build script; else the type checker, where there is something to check and it is installed.
fn build(tree: &Tree<'_>, folder: &str, manifest: &Value, manager: Manager) -> Option<CheckConfig> {
    let depends = || {
        DEPENDENCIES
            .iter()
            .any(|key| manifest[key]["typescript"].is_string())
    };
    let command = if script(manifest, "build").is_some() {
        manager.script("build")
    } else if tree.has(folder, "tsconfig.json") && depends() {
        manager.program("tsc --noEmit")
    } else {
        return None;
    };
    Some(check(Category::Build, command, folder, BUILD_TIMEOUT))
}

/// The test script, unless it is the one that `npm init` writes; else Node's own runner, where tests are written for it.
fn tests(tree: &Tree<'_>, folder: &str, manifest: &Value, manager: Manager) -> Option<CheckConfig> {
    let script = script(manifest, "test").filter(|script| !script.contains("no test specified"));
    let command = match script {
        // Since Node 23 a pipe gets what people read, too, which does not name every test.
        Some(script) if manager == Manager::Npm && is_node_test(script) => {
            "npm test -- --test-reporter=tap".to_owned()
        }
        Some(_) => manager.script("test"),
        None if uses_node_test(tree, folder) => "node --test".to_owned(),
        None => return None,
    };
    Some(check(Category::Test, command, folder, TEST_TIMEOUT))
}

/// Whether a script is `node --test` and options, so that one more can stand at its end.
fn is_node_test(script: &str) -> bool {
    let mut words = script.split_whitespace();
    words.next() == Some("node")
        && script.split_whitespace().any(|word| word == "--test")
        && words.all(|word| {
            word.starts_with("--")
                && !word.starts_with("--test-reporter")
                && !word.contains(['&', '|', ';', '<', '>', '$', '`', '\'', '"', '#'])
        })
}

fn uses_node_test(tree: &Tree<'_>, folder: &str) -> bool {
    let is_test = |path: &&str| {
        let (place, file) = split(path);
        let code = [".js", ".mjs", ".cjs"]
            .iter()
            .find_map(|end| file.strip_suffix(end));
        let named =
            |name: &str| name.ends_with(".test") || name.starts_with("test-") || name == "test";
        !place.split('/').any(|part| part == "node_modules")
            && code.is_some_and(|name| named(name) || place.split('/').any(|part| part == "test"))
    };
    tree.below(folder)
        .filter(is_test)
        .take(MAX_READ)
        .filter_map(|path| tree.text(folder, path))
        .any(|text| text.contains("'node:test'") || text.contains("\"node:test\""))
}

/// The lint script, unless it changes files.
fn lint(folder: &str, manifest: &Value, manager: Manager) -> Option<CheckConfig> {
    script(manifest, "lint").filter(|script| !script.contains("--fix"))?;
    // Linters that know types read every file and every dependency's.
    let command = manager.script("lint");
    Some(check(Category::Lint, command, folder, BUILD_TIMEOUT))
}
