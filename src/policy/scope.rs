//! A step's scope: which files it may change.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use unicode_normalization::UnicodeNormalization;

/// The scope of one step, compiled. Without entries it has no limit.
pub struct Scope {
    entries: Vec<String>,
    globs: GlobSet,
}

impl Scope {
    /// The scope of `entries`: names of files, of folders (with what is beneath) and globs in which `*` stays in a folder.
    ///
    /// An entry that is no valid glob holds literally: plans name files like `app/[id].tsx`.
    pub fn new(entries: &[String]) -> Self {
        let entries: Vec<String> = entries
            .iter()
            .map(|entry| plain(entry))
            .filter(|entry| !entry.is_empty())
            .collect();
        let mut globs = GlobSetBuilder::new();
        for entry in &entries {
            if let Ok(glob) = GlobBuilder::new(entry).literal_separator(true).build() {
                globs.add(glob);
            }
        }
        Self {
            entries,
            globs: globs.build().unwrap_or_else(|_| GlobSet::empty()),
        }
    }

    /// Whether `path` lies in the scope.
    pub fn covers(&self, path: &str) -> bool {
        self.entries.is_empty()
            || self.globs.is_match(path)
            || self.entries.iter().any(|entry| {
                entry == "."
                    || path
                        .strip_prefix(entry.as_str())
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
    }

    /// The entries as the proposer is told them.
    pub(super) fn words(&self) -> String {
        self.entries.join(", ")
    }
}

fn plain(entry: &str) -> String {
    let entry: String = entry.trim().nfc().collect();
    let bare = entry.trim_start_matches("./").trim_end_matches('/');
    match bare {
        "" if !entry.is_empty() => ".".to_owned(),
        _ => bare.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(entries: &[&str]) -> Scope {
        let entries: Vec<String> = entries.iter().map(|&entry| entry.to_owned()).collect();
        Scope::new(&entries)
    }

    #[test]
    fn no_entries_mean_no_limit_and_the_root_means_everything() {
        assert!(scope(&[]).covers("any/thing"));
        assert!(scope(&["."]).covers("any/thing"));
        assert!(scope(&["./"]).covers("any/thing"));
    }

    #[test]
    fn a_file_a_folder_and_a_glob_cover_what_they_name() {
        let scope = scope(&["./src/list.rs", "tests/", "docs", "examples/*.rs"]);
        for inside in ["src/list.rs", "tests/a/b.rs", "docs/x.md", "examples/a.rs"] {
            assert!(scope.covers(inside), "{inside}");
        }
        for outside in [
            "src/lists.rs",
            "src/main.rs",
            "testsuite/a",
            "examples/a/b.rs",
            "a/docs/x",
        ] {
            assert!(!scope.covers(outside), "{outside}");
        }
    }

    #[test]
    fn brackets_in_a_file_name_hold_literally_too() {
        let scope = scope(&["app/[id]/page.tsx", "app/[broken"]);
        assert!(scope.covers("app/[id]/page.tsx"));
        assert!(scope.covers("app/[broken/x"));
        assert!(!scope.covers("app/other/page.tsx"));
    }
}
