//! What a file's new content must not hold: prose, fences, and gaps in place of code.

use std::sync::LazyLock;

use regex::Regex;

/// The line that stands in place of code that was left out.
pub(super) fn elision(content: &str) -> Option<&str> {
    content.lines().find(|line| ELISION.is_match(line))
}

/// What is not part of a file's content, though it was written into the file.
pub(super) fn packaging<'a>(path: &str, content: &'a str) -> Option<&'a str> {
    let is_prose = path
        .rsplit_once('.')
        .is_some_and(|(_, end)| matches!(end, "md" | "mdx" | "rst" | "txt" | "adoc" | "markdown"));
    if is_prose {
        return None;
    }
    let first = content.trim_start().lines().next()?;
    let fence = content.lines().find(|line| line.starts_with("```"));
    let is_talk = TALK.is_match(first);
    fence.or(is_talk.then_some(first))
}

static ELISION: LazyLock<Regex> = LazyLock::new(|| {
    constant(
        r"(?xi)^\s*(?:
          (?:\#|//|--|;|%|/\*+|\{/\*|<!--|\*)\s*(?:\.{3,}|…)\s*(?:\(?(?:rest|remain|existing|other|same|unchanged|previous|the\ rest|code|keep|more|your|etc|omitted|snip|as\ before|all|implementation|original)\b.*)
        | (?:\#|//|--|;|%|/\*+|\{/\*|<!--|\*)\s*\(?(?:rest\ of|the\ rest\ of|remaining|existing\ code|same\ as\ before|keep\ (?:the\ )?(?:rest|existing)|unchanged\ code|code\ unchanged|previous\ code|other\ (?:methods|functions|code)|your\ (?:existing\ )?code|snip|omitted)\b.*
        | (?:\#|//|--|;|%|/\*+|\{/\*|<!--)\s*(?:\.{3,}|…)\s*(?:\*/|\*/\}|-->)?
        | [\[(<]?\s*(?:\.{3,}|…)\s*(?:rest|remain|existing|unchanged|snip|omitted|the\ rest)\b.*
        )$",
    )
});

/// How models introduce what they hand over.
static TALK: LazyLock<Regex> = LazyLock::new(|| {
    constant(
        r"(?i)^(?:sure|certainly|of course|okay|ok|here(?:'s| is| are)|below is|the following|i(?:'ve| have) (?:updated|written|created|added|changed)|this (?:is|file|code)|as requested)\b[^=({;]*[,.:!]?\s*$",
    )
});

#[expect(
    clippy::expect_used,
    reason = "the patterns are constants, each is compiled by a test"
)]
fn constant(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern compiles")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_seen_in_any_language() {
        for line in [
            "    # ... rest of the implementation here ...",
            "// ... existing code ...",
            "/* ... unchanged ... */",
            "// rest of the file",
            "<!-- ... -->",
            "# ...",
            "... rest unchanged",
            "# existing code here",
        ] {
            assert!(elision(&format!("a\n{line}\nb")).is_some(), "{line}");
        }
        for line in [
            "    ...",
            "# rested",
            "f(...args)",
            "// see the docs ...",
            "print('...')",
            "# restore it",
        ] {
            assert_eq!(elision(line), None, "{line}");
        }
    }

    #[test]
    fn fences_and_talk_are_no_content() {
        assert!(packaging("a.py", "```python\nx = 1\n```\n").is_some());
        assert!(packaging("a.py", "Here is the updated file:\n\nx = 1\n").is_some());
        assert_eq!(packaging("README.md", "```sh\nls\n```\n"), None);
        assert_eq!(packaging("a.py", "x = 1\n"), None);
        assert_eq!(packaging("a.c", "this (x);\n"), None);
    }
}
