//! The one form of a path inside the repository, and the refusal of everything that could mean another place.
//!
//! The refusals cover what file systems treat as the same name (case, Unicode forms, ignorable
//! code points, NTFS short names and streams), so that a rule about a name cannot be walked around.

use unicode_normalization::UnicodeNormalization;

use crate::domain::tape::Denial;

/// The most bytes of a whole path (`PATH_MAX` of Linux).
const MAX_PATH: usize = 4096;

/// The most bytes of one component (`NAME_MAX` of Linux).
const MAX_COMPONENT: usize = 255;

/// The canonical form of `path`: relative, NFC, `/` between plain components. A leading `./` is removed.
///
/// # Errors
///
/// A hard denial, by the rule `git-metadata` if a component is a spelling of `.git`, else `path-escape`.
pub fn canonical(path: &str) -> Result<String, Denial> {
    let mut rest = path;
    while let Some(stripped) = rest.strip_prefix("./") {
        rest = stripped;
    }
    if rest.is_empty() {
        return Err(escape(path, "it is empty"));
    }
    if rest.starts_with('/') {
        return Err(escape(path, "it is absolute"));
    }
    let normal: String = rest.nfc().collect();
    if normal.len() > MAX_PATH {
        return Err(escape(path, "it is longer than 4096 bytes"));
    }
    for component in normal.split('/') {
        if is_git(component) {
            return Err(Denial {
                rule: "git-metadata".to_owned(),
                message: format!(
                    "{} lies in git's own folder, which no tool reads or writes; name a file of the project",
                    shown(path)
                ),
                hard: true,
            });
        }
        if let Some(fault) = fault(component) {
            return Err(escape(path, fault));
        }
    }
    Ok(normal)
}

/// The form in which protected patterns are compared: NFKC, lower case, without ignorable code points.
pub(super) fn folded(text: &str) -> String {
    let lower: String = text
        .chars()
        .filter(|c| !is_ignorable(*c))
        .nfkc()
        .flat_map(char::to_lowercase)
        .collect();
    lower.nfkc().collect()
}

fn escape(path: &str, why: &str) -> Denial {
    Denial {
        rule: "path-escape".to_owned(),
        message: format!(
            "{} cannot be used as a path: {why}; give a path relative to the repository's root, as in src/main.rs",
            shown(path)
        ),
        hard: true,
    }
}

/// The path as it may be shown: escaped, so that it cannot disguise itself, and not endless.
fn shown(path: &str) -> String {
    let start: String = path.chars().take(200).collect();
    format!("{start:?}")
}

/// Whether a file system may take `component` for `.git`.
fn is_git(component: &str) -> bool {
    let name = folded(component);
    let name = name.split(':').next().unwrap_or_default();
    let name = name.trim_end_matches(['.', ' ']);
    if name == ".git" {
        return true;
    }
    name.strip_prefix("git~")
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

fn fault(component: &str) -> Option<&'static str> {
    match component {
        "" => return Some("a part of it is empty"),
        "." | ".." => return Some("it contains `.` or `..`"),
        _ => {}
    }
    if component.len() > MAX_COMPONENT {
        return Some("a part of it is longer than 255 bytes");
    }
    if component.ends_with(['.', ' ']) {
        return Some("a part of it ends with a dot or a space");
    }
    component.chars().find_map(|c| match c {
        '\\' => Some("it contains a backslash"),
        ':' => Some("it contains a colon"),
        c if c.is_control() => Some("it contains a control character"),
        c if is_ignorable(c) => Some("it contains an invisible character"),
        _ => None,
    })
}

/// Bidirectional controls and Unicode's `Default_Ignorable_Code_Point` (`DerivedCoreProperties.txt`),
/// which include all that HFS+ ignores, plus the line and paragraph separators.
fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::*;

    fn rule(path: &str) -> String {
        canonical(path).expect_err(path).rule
    }

    #[test]
    fn plain_paths_stay_and_a_leading_dot_slash_goes() {
        for (given, wanted) in [
            ("src/main.rs", "src/main.rs"),
            ("./src/main.rs", "src/main.rs"),
            ("././a", "a"),
            ("with space/ä ö.txt", "with space/ä ö.txt"),
            (".github/x", ".github/x"),
            ("gitignore/.gitignore", "gitignore/.gitignore"),
            ("app/[id]/page.tsx", "app/[id]/page.tsx"),
            ("...a/b", "...a/b"),
        ] {
            assert_eq!(canonical(given).as_deref(), Ok(wanted));
        }
    }

    #[test]
    fn decomposed_letters_are_composed() {
        assert_eq!(canonical("a\u{308}.txt").as_deref(), Ok("\u{e4}.txt"));
    }

    #[test]
    fn whatever_could_mean_another_place_is_refused() {
        let long = "x".repeat(256);
        let deep = "x/".repeat(2100) + "x";
        for path in [
            "",
            ".",
            "./",
            "..",
            "../a",
            "a/..",
            "a/../b",
            "a//b",
            "a/",
            "/etc/passwd",
            ".//a",
            "a\0b",
            "a\nb",
            "a\\b",
            "c:x",
            "a.",
            "a ",
            "a./b",
            "a /b",
            "\u{202e}a",
            "a\u{200d}b",
            "a\u{feff}",
            "\u{e0041}",
            long.as_str(),
            deep.as_str(),
        ] {
            assert_eq!(rule(path), "path-escape", "{path:?}");
        }
    }

    #[test]
    fn git_metadata_is_refused_in_every_spelling() {
        for path in [
            ".git",
            ".git/config",
            "sub/.git/hooks/x",
            ".GIT/config",
            ".Git",
            ".g\u{200c}it/x",
            "git~1",
            "GIT~1/config",
            ".git./x",
            ".git /x",
            ".git::$INDEX_ALLOCATION/x",
            "\u{ff0e}git/x",
            ".\u{ff27}it",
        ] {
            assert_eq!(rule(path), "git-metadata", "{path:?}");
        }
    }

    #[test]
    fn a_refusal_shows_the_path_escaped() {
        let message = canonical("a\u{202e}b\u{1b}[0m").unwrap_err().message;
        assert!(
            !message.contains('\u{202e}') && !message.contains('\u{1b}'),
            "{message}"
        );
    }

    proptest! {
        #[test]
        fn no_canonical_path_escapes(path in "([.]{0,3}|/|\\\\|:|~|git|GIT|[a-c\u{200c}\u{202e} ]|\u{0}|\u{ff0e}|a\u{308}){0,12}") {
            if let Ok(canonical) = canonical(&path) {
                prop_assert!(Path::new(&canonical).components().all(|c| matches!(c, Component::Normal(_))));
                prop_assert!(canonical.split('/').all(|c| folded(c) != ".git"));
                prop_assert_eq!(super::canonical(&canonical), Ok(canonical.clone()));
            }
        }

        #[test]
        fn any_text_is_judged_without_a_panic(path in any::<String>()) {
            if let Ok(canonical) = canonical(&path) {
                prop_assert_eq!(super::canonical(&canonical), Ok(canonical.clone()));
            }
        }
    }
}
