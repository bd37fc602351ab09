//! Java and its kin: whatever has a `pom.xml` (Maven), or a `build.gradle` or `settings.gradle` (Gradle).

use super::{BUILD_TIMEOUT, Project, TEST_TIMEOUT, Tree, check};
use crate::config::{CheckConfig, ReportFormat};
use crate::domain::finding::Category;

/// The files of a Gradle build.
const GRADLE: [&str; 4] = [
    "settings.gradle",
    "settings.gradle.kts",
    "build.gradle",
    "build.gradle.kts",
];
/// Where Gradle's tests leave their reports, in each of its projects.
const GRADLE_REPORTS: &str = "**/build/test-results/test/*.xml";

pub(super) fn projects(tree: &Tree<'_>) -> Vec<Project> {
    let maven = tree.topmost(&["pom.xml"]);
    let mut projects: Vec<Project> = maven
        .iter()
        .map(|folder| with_maven(tree, folder))
        .collect();
    for folder in tree.topmost(&GRADLE) {
        if !maven.iter().any(|above| super::is_within(folder, above)) {
            projects.push(with_gradle(tree, folder));
        }
    }
    projects
}

fn with_maven(tree: &Tree<'_>, folder: &str) -> Project {
    let maven = match tree.has(folder, "mvnw") {
        true => "./mvnw -B",
        false => "mvn -B",
    };
    let mut checks = vec![build(format!("{maven} test-compile"), folder)];
    if has_tests(tree, folder) {
        // A failing module would hide those after it.
        let mut tests = test(format!("{maven} --fail-at-end test"), folder);
        tests.report = ReportFormat::Surefire;
        checks.push(tests);
    }
    project(folder, checks)
}

fn with_gradle(tree: &Tree<'_>, folder: &str) -> Project {
    let gradle = match tree.has(folder, "gradlew") {
        true => "./gradlew",
        false => "gradle",
    };
    let mut checks = vec![build(format!("{gradle} testClasses"), folder)];
    if has_tests(tree, folder) {
        // Tests that are up to date would not run, and leave no report.
        let command = format!("{gradle} cleanTest test --continue");
        let mut tests = test(command, folder);
        tests.report = ReportFormat::Junit;
        tests.report_files = vec![GRADLE_REPORTS.to_owned()];
        checks.push(tests);
    }
    project(folder, checks)
}

/// Both compile whatever is not compiled, so they need a build's time.
fn build(command: String, folder: &str) -> CheckConfig {
    check(Category::Build, command, folder, BUILD_TIMEOUT)
}

fn test(command: String, folder: &str) -> CheckConfig {
    check(Category::Test, command, folder, TEST_TIMEOUT)
}

fn project(folder: &str, checks: Vec<CheckConfig>) -> Project {
    Project {
        kind: "java",
        folder: folder.to_owned(),
        checks,
        setup: Vec::new(),
    }
}

fn has_tests(tree: &Tree<'_>, folder: &str) -> bool {
    tree.below(folder).any(|path| {
        let source = [".java", ".kt", ".groovy", ".scala"];
        let tests = path.starts_with("src/test/") || path.contains("/src/test/");
        tests && source.iter().any(|ending| path.ends_with(ending))
    })
}
