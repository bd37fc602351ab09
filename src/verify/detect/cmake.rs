//! CMake: whatever has a `CMakeLists.txt` and is no part of something else, which builds it then. It builds in a folder
//! of its own.

use super::{BUILD_TIMEOUT, Project, Tree, check, is_within, split};
use crate::domain::finding::Category;

/// What such a project is called.
const KIND: &str = "cmake";
/// Where it is built, unless files of the project lie there.
const FOLDERS: [&str; 2] = ["build", "cmake-build"];

pub(super) fn projects(tree: &Tree<'_>, others: &[Project]) -> Vec<Project> {
    let is_part = |folder: &str| others.iter().any(|other| is_within(folder, &other.folder));
    tree.topmost(&["CMakeLists.txt"])
        .into_iter()
        .filter(|folder| !is_part(folder))
        .map(|folder| project(tree, folder))
        .collect()
}

fn project(tree: &Tree<'_>, folder: &str) -> Project {
    let taken = |name: &str| {
        tree.below(folder)
            .any(|path| path.split('/').next() == Some(name))
    };
    let place = FOLDERS
        .into_iter()
        .find(|name| !taken(name))
        .unwrap_or("cmake-build");
    let build = format!("cmake -S . -B {place} && cmake --build {place}");
    let mut checks = vec![check(Category::Build, build.clone(), folder, BUILD_TIMEOUT)];
    if has_tests(tree, folder) {
        // Programs that are up to date are not built again. ctest ends well where there is nothing to run.
        let command = format!("{build} && ctest --test-dir {place} --output-on-failure");
        checks.push(check(Category::Test, command, folder, BUILD_TIMEOUT));
    }
    Project {
        kind: KIND,
        folder: folder.to_owned(),
        checks,
        setup: Vec::new(),
    }
}

/// Whether the project registers tests with ctest.
fn has_tests(tree: &Tree<'_>, folder: &str) -> bool {
    const MOST: usize = 50;
    let lists = tree
        .below(folder)
        .filter(|path| split(path).1 == "CMakeLists.txt")
        .take(MOST);
    let mut texts = lists.filter_map(|path| tree.text(folder, path));
    texts.any(|text| {
        let lines = text.lines().map(str::trim_start);
        lines.filter(|line| !line.starts_with('#')).any(|line| {
            let line = line.to_ascii_lowercase();
            line.starts_with("enable_testing") || line.replace(' ', "").starts_with("include(ctest")
        })
    })
}
