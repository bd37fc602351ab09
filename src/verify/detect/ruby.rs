//! Ruby: whatever has a `Gemfile`, a gem's specification or a `Rakefile`, and tests.

use super::{BUILD_TIMEOUT, Project, TEST_TIMEOUT, Tree, check, setup, split};
use crate::config::CheckConfig;
use crate::domain::finding::Category;

/// Files that make a folder a Ruby project.
const MARKS: [&str; 4] = ["Gemfile", "gems.rb", "Rakefile", ".rspec"];

pub(super) fn projects(tree: &Tree<'_>) -> Vec<Project> {
    tree.topmost(&MARKS)
        .into_iter()
        .filter_map(|folder| project(tree, folder))
        .collect()
}

fn project(tree: &Tree<'_>, folder: &str) -> Option<Project> {
    let bundled = tree.has(folder, "Gemfile") || tree.has(folder, "gems.rb");
    let prefix = if bundled { "bundle exec " } else { "" };
    let mut checks: Vec<CheckConfig> = tests(tree, folder, prefix)
        .map(|command| check(Category::Test, command, folder, TEST_TIMEOUT))
        .into_iter()
        .collect();
    if [".rubocop.yml", ".rubocop_todo.yml"]
        .iter()
        .any(|file| tree.has(folder, file))
    {
        let command = format!("{prefix}rubocop");
        checks.push(check(Category::Lint, command, folder, BUILD_TIMEOUT));
    }
    (!checks.is_empty()).then(|| Project {
        kind: "ruby",
        folder: folder.to_owned(),
        checks,
        // With a lock file, exactly what that says.
        setup: bundled
            .then(|| setup("bundle install", folder))
            .into_iter()
            .collect(),
    })
}

/// How the tests are run: by RSpec, by Rails, by the Rakefile's own task, else each file by itself in one process.
fn tests(tree: &Tree<'_>, folder: &str, prefix: &str) -> Option<String> {
    let is_spec = |path: &str| path.starts_with("spec/") && path.ends_with("_spec.rb");
    if tree.has(folder, ".rspec") || tree.below(folder).any(is_spec) {
        return Some(format!("{prefix}rspec"));
    }
    let is_test = |path: &str| {
        let file = split(path).1;
        let named =
            file.ends_with("_test.rb") || (file.starts_with("test_") && file.ends_with(".rb"));
        path.starts_with("test/") && named && file != "test_helper.rb"
    };
    if !tree.below(folder).any(is_test) {
        return None;
    }
    let rakefile = tree.text(folder, "Rakefile").unwrap_or_default();
    let has_task = ["TestTask", "task :test", "task test:", "task \"test\""];
    Some(if tree.has(folder, "bin/rails") {
        "bin/rails test".to_owned()
    } else if has_task.iter().any(|words| rakefile.contains(words)) {
        format!("{prefix}rake test")
    } else {
        format!(
            "{prefix}ruby -Ilib -Itest -e 'Dir[\"./test/**/{{*_test,test_*}}.rb\"].sort.each {{ |file| require file }}'"
        )
    })
}
