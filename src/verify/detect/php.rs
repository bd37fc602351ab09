//! PHP: whatever has a `composer.json`, or a configuration of PHPUnit.

use serde_json::Value;

use super::{BUILD_TIMEOUT, Project, TEST_TIMEOUT, Tree, check, setup};
use crate::config::CheckConfig;
use crate::domain::finding::Category;

/// The files in which PHPUnit is configured.
const PHPUNIT: [&str; 3] = ["phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml"];
/// The files in which PHPStan is configured.
const PHPSTAN: [&str; 3] = ["phpstan.neon", "phpstan.neon.dist", "phpstan.dist.neon"];

pub(super) fn projects(tree: &Tree<'_>) -> Vec<Project> {
    let marks = [&["composer.json"], PHPUNIT.as_slice()].concat();
    tree.topmost(&marks)
        .into_iter()
        .filter_map(|folder| project(tree, folder))
        .collect()
}

fn project(tree: &Tree<'_>, folder: &str) -> Option<Project> {
    let text = tree.text(folder, "composer.json").unwrap_or_default();
    let manifest: Value = serde_json::from_str(&text).unwrap_or_default();
    let has = |files: &[&str]| files.iter().any(|file| tree.has(folder, file));
    let requires = |package: &str| {
        ["require", "require-dev"]
            .iter()
            .any(|key| manifest[key][package].is_string())
    };
    let program = |package: &str, name: &str| match requires(package) {
        true => format!("vendor/bin/{name}"),
        false => name.to_owned(),
    };
    let mut checks: Vec<CheckConfig> = Vec::new();
    let own = script(&manifest, "test").map(|()| "composer run-script test".to_owned());
    let phpunit = || {
        let configured = has(&PHPUNIT) || requires("phpunit/phpunit");
        configured.then(|| program("phpunit/phpunit", "phpunit"))
    };
    if let Some(command) = own.or_else(phpunit) {
        checks.push(check(Category::Test, command, folder, TEST_TIMEOUT));
    }
    let own = script(&manifest, "lint").map(|()| "composer run-script lint".to_owned());
    let phpstan = || {
        let command = program("phpstan/phpstan", "phpstan");
        has(&PHPSTAN).then(|| format!("{command} analyse --no-progress --error-format=raw"))
    };
    if let Some(command) = own.or_else(phpstan) {
        checks.push(check(Category::Lint, command, folder, BUILD_TIMEOUT));
    }
    let installs = !manifest["require"].is_null() || !manifest["require-dev"].is_null();
    (!checks.is_empty()).then(|| Project {
        kind: "php",
        folder: folder.to_owned(),
        checks,
        setup: installs
            .then(|| setup("composer install --no-interaction", folder))
            .into_iter()
            .collect(),
    })
}

/// Whether there is a script of this name that changes nothing.
fn script(manifest: &Value, name: &str) -> Option<()> {
    let script = &manifest["scripts"][name];
    let lines: Vec<&str> = match script {
        Value::String(line) => vec![line],
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let changes =
        |line: &&str| line.contains("--fix") || line.contains("cs-fix") || line.contains("cbf");
    (!lines.is_empty() && !lines.iter().any(changes)).then_some(())
}
