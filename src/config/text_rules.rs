//! What a text in the configuration must look like. Each rule gives the reason for a refusal, and
//! shows the text in it only where it cannot be a key that was put in the wrong place.

use std::path::{Component, Path};

use super::shape::TextRule;

type Verdict = Result<(), String>;

/// Beginnings of the keys of well-known services.
const KEY_PREFIXES: [&str; 9] = [
    "sk-",
    "sk_",
    "AIza",
    "gsk_",
    "ghp_",
    "gho_",
    "github_pat_",
    "glpat-",
    "xoxb-",
];

pub(super) const ANY: TextRule = TextRule {
    judge: any,
    pattern: None,
};
pub(super) const NOT_BLANK: TextRule = TextRule {
    judge: not_blank,
    pattern: Some(r"\S"),
};
pub(super) const NAME: TextRule = TextRule {
    judge: name,
    // No white space and no punctuation but these three: not every editor knows Unicode's classes.
    pattern: Some(r"^[^\s!-/:-@\[-`{-~][^\s!-,/:-@\[-^`{-~]*$"),
};
pub(super) const VARIABLE_NAME: TextRule = TextRule {
    judge: variable_name,
    pattern: Some("^[A-Za-z_][A-Za-z0-9_]*$"),
};
pub(super) const GLOB: TextRule = TextRule {
    judge: glob,
    pattern: Some(r"\S"),
};
pub(super) const INSIDE_THE_PROJECT: TextRule = TextRule {
    judge: inside_the_project,
    // Parts between slashes, none of them `..` and the first not empty.
    pattern: Some(
        r"^([^/.][^/]*|\.[^/.][^/]*|\.\.[^/]+|\.)(/([^/.][^/]*|\.[^/.][^/]*|\.\.[^/]+|\.)?)*$",
    ),
};
/// The same for globs: braces and brackets make a pattern of their own too intricate.
pub(super) const GLOB_INSIDE_THE_PROJECT: TextRule = TextRule {
    judge: glob_inside_the_project,
    pattern: Some(r"^[^/\s]"),
};
pub(super) const IMAGE: TextRule = TextRule {
    judge: image,
    pattern: Some("^[A-Za-z0-9][A-Za-z0-9._:/@-]*$"),
};
pub(super) const URL: TextRule = TextRule {
    judge: url,
    pattern: Some(r"^https?://[^\s/@?#]+(/[^\s@?#]*)?$"),
};

/// Anything.
fn any(_: &str) -> Verdict {
    Ok(())
}

/// Anything but nothing.
fn not_blank(text: &str) -> Verdict {
    if text.trim().is_empty() {
        return Err("must not be empty".to_owned());
    }
    if text.contains('\0') {
        return Err("must not contain a NUL character".to_owned());
    }
    Ok(())
}

/// A name that the user gives: it becomes part of file names, so it has no slash.
fn name(text: &str) -> Verdict {
    let inner = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let plain = text.starts_with(char::is_alphanumeric) && text.chars().all(inner);
    if plain {
        return Ok(());
    }
    Err(format!(
        "{text:?} is no name: letters, digits, `_`, `-` and `.`, a letter or digit first"
    ))
}

/// The name of an environment variable.
fn variable_name(text: &str) -> Verdict {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let plain =
        text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && text.chars().all(inner);
    if plain {
        return Ok(());
    }
    Err("expected the name of an environment variable, such as LAB_KEY".to_owned())
}

/// The name of a container's image; it can be no option of the program that is given it.
///
/// # Errors
/// What it should look like.
pub fn image(text: &str) -> Result<(), String> {
    let inner = |c: char| c.is_ascii_alphanumeric() || "._:/@-".contains(c);
    let plain = text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(inner);
    if plain {
        return Ok(());
    }
    Err("expected the name of an image, such as docker.io/library/node:22".to_owned())
}

/// A glob.
fn glob(text: &str) -> Verdict {
    not_blank(text)?;
    globset::Glob::new(text)
        .map(|_| ())
        .map_err(|error| format!("{text:?} is no glob: {}", error.kind()))
}

/// A glob that only what lies inside can match.
fn glob_inside_the_project(text: &str) -> Verdict {
    glob(text)?;
    inside_the_project(text)
}

/// A relative path that stays inside.
fn inside_the_project(text: &str) -> Verdict {
    not_blank(text)?;
    let inside = Path::new(text)
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if inside {
        return Ok(());
    }
    Err(format!(
        "{text:?} leads outside: expected a path below the project's folder, without `..`"
    ))
}

/// An http(s) address without anything in it that could be a key.
fn url(text: &str) -> Verdict {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .ok_or("expected an address that begins with https:// or http://")?;
    let host = rest.split('/').next().unwrap_or_default();
    if rest.contains(['@', '?', '#']) {
        return Err(
            "the address must hold no user, password, query or fragment: a key belongs in an \
             environment variable, named with `api_key_env`"
                .to_owned(),
        );
    }
    if host.is_empty() || rest.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("the address names no host, or has spaces in it".to_owned());
    }
    Ok(())
}

/// Whether a text holds what is most likely a key, so that it must be neither stored nor shown.
pub(super) fn holds_a_key(text: &str) -> bool {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
        .any(|word| {
            let mixed = word.contains(|c: char| c.is_ascii_digit())
                && word.contains(|c: char| c.is_ascii_lowercase())
                && word.contains(|c: char| c.is_ascii_uppercase());
            word.len() >= 20 && mixed && KEY_PREFIXES.iter().any(|prefix| word.starts_with(prefix))
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Each rule with a pattern, and texts of which at least one is accepted.
    const RULES: [(&TextRule, &[&str]); 6] = [
        (&NOT_BLANK, &["cargo test", " x", "\n.", " "]),
        (
            &NAME,
            &[
                "test", "größe", "a_b", "gpt-4.1", "東京", "٣", "²", "a b", "-x",
            ],
        ),
        (&VARIABLE_NAME, &["LAB_KEY", "_x", "1A", "a-b"]),
        (&GLOB, &["**/*.rs", "{a,b}", "["]),
        (
            &INSIDE_THE_PROJECT,
            &[
                ".", "./a", "a//b/", "..a/...", "a/.b/..c", "a\nb", "..", "a/..", "/a",
            ],
        ),
        (
            &URL,
            &[
                "http://127.0.0.1:11434",
                "https://lab.example/v1/",
                "https://a?b",
                "http://",
            ],
        ),
    ];

    fn pattern(rule: &TextRule) -> regex::Regex {
        regex::Regex::new(rule.pattern.unwrap()).unwrap()
    }

    #[test]
    fn a_pattern_matches_what_its_rule_accepts() {
        for (rule, texts) in RULES {
            let pattern = pattern(rule);
            let accepted: Vec<_> = texts.iter().filter(|t| (rule.judge)(t).is_ok()).collect();
            assert!(!accepted.is_empty(), "{pattern}");
            for text in accepted {
                assert!(pattern.is_match(text), "{pattern} refuses {text:?}");
            }
        }
        for (rule, refused) in [
            (&NAME, "a b"),
            (&NAME, "-x"),
            (&NAME, "a/b"),
            (&VARIABLE_NAME, "1A"),
            (&INSIDE_THE_PROJECT, "a/../b"),
            (&INSIDE_THE_PROJECT, "/a"),
            (&URL, "ftp://lab"),
            (&URL, "https://me@lab"),
        ] {
            assert!(!pattern(rule).is_match(refused), "{refused:?}");
        }
    }

    proptest! {
        #[test]
        fn no_pattern_refuses_what_its_rule_accepts(text in r"[a./_\- :\PC]{0,8}") {
            for (rule, _) in RULES {
                if (rule.judge)(&text).is_ok() {
                    prop_assert!(pattern(rule).is_match(&text), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn paths_outside_the_project_are_refused() {
        for path in [".", "web", "web/app", "./a"] {
            assert_eq!(inside_the_project(path), Ok(()), "{path}");
        }
        for path in ["..", "/tmp", "a/../../b"] {
            assert!(
                inside_the_project(path)
                    .unwrap_err()
                    .contains("leads outside"),
                "{path}"
            );
        }
    }

    #[test]
    fn globs_stay_inside_too() {
        for good in ["target/surefire-reports/*.xml", "**/TEST-*.xml"] {
            assert_eq!(glob_inside_the_project(good), Ok(()), "{good}");
        }
        for bad in ["/tmp/*.xml", "../*.xml", "a/[", ""] {
            assert!(glob_inside_the_project(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_holds_no_key() {
        for address in ["http://127.0.0.1:11434", "https://lab.example/v1"] {
            assert_eq!(url(address), Ok(()));
        }
        for address in ["https://me:secret@lab/", "https://lab/v1?key=secret"] {
            let reason = url(address).unwrap_err();
            assert!(
                reason.contains("a key belongs in an environment variable"),
                "{reason}"
            );
            assert!(!reason.contains("secret"));
        }
        assert!(url("ftp://lab").is_err());
        assert!(url("https:///v1").is_err());
    }

    #[test]
    fn names_become_file_names_so_they_have_no_slash() {
        for good in ["test", "gpt-4.1", "größe", "a_b"] {
            assert_eq!(name(good), Ok(()));
        }
        for bad in ["", "..", "../x", "a/b", "a b", "-x"] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_of_well_known_services_are_recognised() {
        assert!(holds_a_key("sk-proj-Ab3dEf6hIj9kLmNoPq"));
        assert!(holds_a_key("curl -H 'X: ghp_Ab3dEf6hIj9kLmNoPqRs' x"));
        assert!(!holds_a_key("sk-learn-compat-tests-all-2"));
        assert!(!holds_a_key("cargo test"));
    }
}
