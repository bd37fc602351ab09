//! What a repair is shown of the code: the change so far, and the lines around the failure.

use std::sync::LazyLock;

use regex::Regex;

use crate::domain::failure::Failure;
use crate::domain::id::TreeId;

use super::Worktrees;

/// The most bytes of a diff that is shown to an agent.
const MAX_DIFF: usize = 16 * 1024;

impl Worktrees<'_> {
    /// The change between two trees, capped.
    pub(super) fn diff(&self, a: &TreeId, b: &TreeId) -> anyhow::Result<String> {
        if a == b {
            return Ok(String::new());
        }
        let mut diff = self.ground.own.diff(a, b)?;
        if diff.len() > MAX_DIFF {
            let cut = (0..=MAX_DIFF).rev().find(|at| diff.is_char_boundary(*at));
            diff.truncate(cut.unwrap_or(0));
            diff.push_str("\n[the rest of the diff is left out]\n");
        }
        Ok(diff)
    }

    /// The lines around the places in the repository that a failure names.
    pub(super) fn code_around(&self, failure: &Failure) -> String {
        const AROUND: usize = 10;
        const MOST: usize = 4;
        let mut shown: Vec<(String, usize)> = Vec::new();
        let mut text = String::new();
        for (path, line) in places(&failure.evidence) {
            let near =
                |known: &(String, usize)| known.0 == path && known.1.abs_diff(line) <= AROUND;
            if shown.len() >= MOST || shown.iter().any(near) {
                continue;
            }
            let Ok(Some(content)) = self.held().read(&path) else {
                continue;
            };
            let content = String::from_utf8_lossy(&content);
            let first = line.saturating_sub(AROUND + 1);
            text.push_str(&format!("{path}:\n"));
            for (index, content) in content.lines().enumerate().skip(first).take(2 * AROUND + 1) {
                text.push_str(&format!("{:>5}  {content}\n", index + 1));
            }
            shown.push((path, line));
        }
        text
    }
}

/// The places `path:line` that a text names, in order.
fn places(text: &str) -> Vec<(String, usize)> {
    static PLACE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"([\w./-]+\.\w+)(?::|", line )(\d+)"#).ok());
    let Some(place) = &*PLACE else {
        return Vec::new();
    };
    place
        .captures_iter(text)
        .filter_map(|found| Some((found[1].to_owned(), found[2].parse().ok()?)))
        .collect()
}
