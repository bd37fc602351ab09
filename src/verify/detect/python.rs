//! Python: whatever has a project file, or tests.

use super::{
    BUILD_TIMEOUT, OTHER_TIMEOUT, Project, TEST_TIMEOUT, Tree, check, has_table, is_foreign, setup,
    split,
};
use crate::config::CheckConfig;
use crate::domain::finding::Category;

/// Files that make a folder a Python project.
const MARKS: [&str; 8] = [
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "tox.ini",
    "pytest.ini",
    "requirements.txt",
    "conftest.py",
    "Pipfile",
];
/// The most test files that are read to learn how they are run.
const MAX_READ: usize = 50;
/// Folders with code that is not the project's, or is broken on purpose.
const NOT_COMPILED: &str =
    r"'(^|/)(\.[^/]+|venv|env|node_modules|build|dist|fixtures|testdata|templates)/'";

pub(super) fn projects(tree: &Tree<'_>) -> Vec<Project> {
    let mut folders = tree.topmost(&MARKS);
    let has_code = |folder: &str| tree.below(folder).any(|path| path.ends_with(".py"));
    folders.retain(|folder| has_code(folder));
    let other = !tree
        .topmost(&["Cargo.toml", "package.json", "go.mod", "pom.xml"])
        .is_empty();
    if folders.is_empty()
        && tree
            .below("")
            .any(|path| is_test_file(path) || (!other && path.ends_with(".py")))
    {
        folders.push("");
    }
    folders
        .into_iter()
        .map(|folder| project(tree, folder))
        .collect()
}

fn project(tree: &Tree<'_>, folder: &str) -> Project {
    let manifest = tree.text(folder, "pyproject.toml").unwrap_or_default();
    let (prefix, python, install) = if tree.has(folder, "uv.lock") {
        ("uv run --frozen ", "python", Some("uv sync --frozen"))
    } else if tree.has(folder, "poetry.lock") {
        (
            "poetry run ",
            "python",
            Some("poetry install --no-interaction"),
        )
    } else {
        ("", "python3", None)
    };
    let compile = format!("{prefix}{python} -m compileall -q -x {NOT_COMPILED} .");
    let mut checks = vec![check(Category::Build, compile, folder, BUILD_TIMEOUT)];
    if let Some(arguments) = tests(tree, folder, &manifest) {
        checks.push(check(
            Category::Test,
            format!("{prefix}{python} -m {arguments}"),
            folder,
            TEST_TIMEOUT,
        ));
    }
    checks.extend(lint(tree, folder, &manifest, prefix));
    let setup = install.map(|command| setup(command, folder));
    Project {
        kind: "python",
        folder: folder.to_owned(),
        checks,
        setup: setup.into_iter().collect(),
    }
}

/// What follows `python -m` to run the tests, if there are any.
fn tests(tree: &Tree<'_>, folder: &str, manifest: &str) -> Option<String> {
    let files: Vec<&str> = tree
        .below(folder)
        .filter(|path| is_test_file(path))
        .collect();
    let texts: Vec<String> = files
        .iter()
        .take(MAX_READ)
        .filter_map(|path| tree.text(folder, path))
        .collect();
    let bare = |text: &String| {
        text.lines().any(|line| {
            line.starts_with("def test_")
                || line.starts_with("import pytest")
                || line.starts_with("from pytest")
        })
    };
    if wants_pytest(tree, folder, manifest) || texts.iter().any(bare) {
        return Some("pytest".to_owned());
    }
    let unittest = |text: &String| {
        text.lines().any(|line| {
            let line = line.trim_start();
            line.starts_with("import unittest") || line.starts_with("from unittest")
        })
    };
    texts
        .iter()
        .any(unittest)
        .then(|| discover(tree, folder, &files))
}

fn wants_pytest(tree: &Tree<'_>, folder: &str, manifest: &str) -> bool {
    let named = tree.below(folder).any(|path| {
        let (place, file) = split(path);
        matches!(file, "conftest.py" | "pytest.ini")
            && !place.split('/').any(|part| part == "fixtures")
    });
    named
        || has_table(manifest, "tool.pytest")
        || manifest.lines().any(asks_for_pytest)
        || tree
            .below(folder)
            .filter(|path| {
                let (place, file) = split(path);
                let top = place.is_empty() || place == "requirements";
                let requirements = place == "requirements" || file.contains("requirements");
                let texts = requirements && file.ends_with(".txt");
                top && (texts || matches!(file, "setup.py" | "setup.cfg" | "tox.ini" | "Pipfile"))
            })
            .filter_map(|path| tree.text(folder, path))
            .any(|text| {
                has_table(&text, "pytest")
                    || has_table(&text, "tool:pytest")
                    || text.lines().any(asks_for_pytest)
            })
}

/// Whether a line of a requirements list or project file names pytest itself.
fn asks_for_pytest(line: &str) -> bool {
    let line = line.trim();
    !line.starts_with('#')
        && line.match_indices("pytest").any(|(at, word)| {
            let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
            let before = line[..at].chars().next_back();
            let after = line[at + word.len()..].chars().next();
            !before.is_some_and(inside) && !after.is_some_and(inside)
        })
}

/// The `unittest` command that finds these files: `discover` only enters folders that are packages.
fn discover(tree: &Tree<'_>, folder: &str, files: &[&str]) -> String {
    let mut command = "unittest discover".to_owned();
    let top = files
        .first()
        .and_then(|path| path.split_once('/'))
        .map(|(top, _)| top);
    if let Some(top) = top
        && files.iter().all(|path| path.split('/').next() == Some(top))
        && !tree.has(folder, &format!("{top}/__init__.py"))
    {
        command.push_str(&format!(" -s {top}"));
    }
    if files.iter().all(|path| !split(path).1.starts_with("test")) {
        command.push_str(" -p '*_test.py'");
    }
    command
}

/// The linter that the repository has configured.
fn lint(tree: &Tree<'_>, folder: &str, manifest: &str, prefix: &str) -> Option<CheckConfig> {
    let ruff = has_table(manifest, "tool.ruff")
        || ["ruff.toml", ".ruff.toml"]
            .iter()
            .any(|file| tree.has(folder, file));
    let flake8 = || {
        tree.has(folder, ".flake8")
            || ["setup.cfg", "tox.ini"]
                .iter()
                .filter_map(|file| tree.text(folder, file))
                .any(|text| has_table(&text, "flake8"))
    };
    let command = match (ruff, flake8()) {
        (true, _) => "ruff check .",
        (false, true) => "flake8 .",
        (false, false) => return None,
    };
    Some(check(
        Category::Lint,
        format!("{prefix}{command}"),
        folder,
        OTHER_TIMEOUT,
    ))
}

fn is_test_file(path: &str) -> bool {
    let (folder, file) = split(path);
    let named = file.starts_with("test_") || file.ends_with("_test.py") || file == "tests.py";
    let foreign = folder
        .split('/')
        .any(|part| part != "tests" && is_foreign(part));
    named && file.ends_with(".py") && !foreign
}
