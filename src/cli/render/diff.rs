//! A unified diff in colours.

use super::clean;
use super::look::style;

/// The diff with its lines coloured and everything in it made visible: what is hidden in a change
/// may be what matters.
pub(crate) fn diff(text: &str) -> String {
    let text = clean::reveal(text);
    let mut in_hunk = false;
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            in_hunk = match line {
                _ if line.starts_with("@@") => true,
                _ if line.starts_with("diff ") => false,
                _ => in_hunk,
            };
            let tint = match line.chars().next() {
                Some('@') => style::ACCENT,
                Some('+') if in_hunk => style::GOOD,
                Some('-') if in_hunk => style::BAD,
                _ if !in_hunk => style::HEAD,
                _ => style::PLAIN,
            };
            if tint == style::PLAIN {
                line.to_owned()
            } else {
                style::paint(tint, line)
            }
        })
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n same\n--- old\n+new\x1b[8m hidden\n";

    #[test]
    fn added_and_removed_lines_have_their_colours() {
        let shown = diff(PATCH);
        assert!(shown.contains("\u{1b}[31m--- old\u{1b}[0m\n"), "{shown:?}");
        assert!(shown.contains("\u{1b}[1m--- a/a\u{1b}[0m\n"), "{shown:?}");
        assert!(shown.contains("\u{1b}[36m@@"), "{shown:?}");
    }

    #[test]
    fn what_a_change_hides_is_shown() {
        assert!(diff(PATCH).ends_with("\u{1b}[32m+new<U+001B>[8m hidden\u{1b}[0m"));
    }
}
