//! The tree of a file's tests, which jest prints for one file alone and with `--verbose`.

use std::collections::HashMap;

use super::super::MAX_NAME;
use super::super::found::{Lines, without_time};
use super::BETWEEN;

/// The most levels of a tree.
const MAX_DEPTH: usize = 64;

/// Failing tests by their title as it stands over a failure.
#[derive(Default)]
pub(super) struct Tree(HashMap<String, String>);

impl Tree {
    /// Reads the lines up to the first empty one.
    pub(super) fn read(lines: &Lines<'_>) -> Self {
        let mut failing = HashMap::new();
        let mut suites: Vec<&str> = Vec::new();
        for line in lines {
            let text = line.trim_start_matches(' ');
            let indent = line.len() - text.len();
            if text.is_empty() || indent < 2 || text.starts_with("● ") {
                break;
            }
            let depth = indent / 2 - 1;
            if depth > suites.len() || depth >= MAX_DEPTH {
                break;
            }
            suites.truncate(depth);
            match text.split_once(' ') {
                Some(("✕" | "×", test)) => {
                    let test = without_time(test);
                    let path: Vec<&str> = suites.iter().copied().chain([test]).collect();
                    if path.iter().map(|part| part.len()).sum::<usize>() <= MAX_NAME {
                        failing.insert(path.join(" › "), path.join(BETWEEN));
                    }
                }
                Some(("✓" | "√" | "○" | "✎", _)) => {}
                _ => suites.push(text.trim_end()),
            }
        }
        Self(failing)
    }

    /// The name for a failure's title.
    pub(super) fn name(&self, title: &str) -> Option<String> {
        self.0.get(title).cloned()
    }

    /// Whether the tree names failing tests, so that every failure must stand in it.
    pub(super) fn tells_failures(&self) -> bool {
        !self.0.is_empty()
    }
}
