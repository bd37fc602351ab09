//! Text of others in Markdown: it stays text, whatever it holds.

use std::fmt::Write as _;

use crate::domain::clean;
use crate::export::bounds;

/// The most characters of a text that stands within a line.
const LINE: usize = 600;

/// Text within a line: nothing in it is markup.
pub(super) fn inline(text: &str) -> String {
    escaped(&bounds::line(text, LINE))
}

/// A clean line with everything escaped that Markdown would read as more than text.
fn escaped(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut before = ' ';
    let mut rest = line.chars().peekable();
    let mut first = true;
    while let Some(c) = rest.next() {
        let within_word =
            before.is_alphanumeric() && rest.peek().is_some_and(|c| c.is_alphanumeric());
        match c {
            '_' if within_word => shown.push('_'),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '&' => shown.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' => {
                shown.push('\\');
                shown.push(c);
            }
            '#' | '+' | '-' | '=' | '!' if first => {
                shown.push('\\');
                shown.push(c);
            }
            '.' | ')'
                if !first
                    && line.starts_with(|c: char| c.is_ascii_digit())
                    && is_number(&shown) =>
            {
                shown.push('\\');
                shown.push(c);
            }
            // What is left alone of an image or of a link that names its target.
            ':' if before.is_alphabetic() && scheme(&shown) => shown.push_str("&#58;"),
            c => shown.push(c),
        }
        first = false;
        before = c;
    }
    shown
}

fn is_number(text: &str) -> bool {
    text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether the text ends in a scheme that a renderer might make a link of.
fn scheme(text: &str) -> bool {
    let word: String = text
        .chars()
        .rev()
        .take_while(char::is_ascii_alphabetic)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    ["tpircsavaj", "tpircsbv", "atad", "elif"].contains(&word.as_str())
}

/// Text in a code span: its own back quotes end nothing.
pub(super) fn code(text: &str) -> String {
    let text = bounds::line(text, LINE);
    if text.is_empty() {
        return String::new();
    }
    let quotes = "`".repeat(longest_run(&text, '`') + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{quotes}{pad}{text}{pad}{quotes}")
}

/// The same in a cell of a table, which a bar ends even in a code span, unless it is escaped, and
/// backslashes before it decide whether it is.
pub(super) fn code_cell(text: &str) -> String {
    if text.contains('|') {
        inline(text)
    } else {
        code(text)
    }
}

/// Text in a block of its own, between fences longer than any in it.
pub(super) fn fenced(kind: &'static str, text: &str) -> String {
    let fence = "`".repeat((longest_run(text, '`') + 1).max(3));
    format!("{fence}{kind}\n{}\n{fence}\n", text.trim_end_matches('\n'))
}

/// Several lines as a quotation; each stays a line.
pub(super) fn quoted(text: &str, most: usize) -> String {
    let text = bounds::excerpt(text.trim(), most);
    let lines: Vec<String> = text
        .lines()
        .map(|line| escaped(&clean::line(line)))
        .collect();
    let mut shown = String::new();
    for (index, line) in lines.iter().enumerate() {
        // Two spaces at its end keep a line from running on in the next.
        let goes_on = lines.get(index + 1).is_some_and(|next| !next.is_empty());
        let _ = match (line.is_empty(), goes_on) {
            (true, _) => writeln!(shown, ">"),
            (false, true) => writeln!(shown, "> {line}  "),
            (false, false) => writeln!(shown, "> {line}"),
        };
    }
    shown
}

fn longest_run(text: &str, of: char) -> usize {
    let (mut longest, mut run) = (0, 0);
    for c in text.chars() {
        run = if c == of { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn markup_of_others_is_text() {
        assert_eq!(
            inline("![x](javascript:alert(1)) <img src=x> a_b _c_ **d** | e"),
            "\\!\\[x\\](javascript&#58;alert(1)) &lt;img src=x&gt; a_b \\_c\\_ \\*\\*d\\*\\* \\| e"
        );
        assert_eq!(inline("# no\nheading"), "\\# no heading");
        assert_eq!(inline("12. no list"), "12\\. no list");
        assert_eq!(inline("\u{1b}[2Ja\u{202e}b"), "a&lt;U+202E&gt;b");
        assert_eq!(code("a`b``"), "``` a`b`` ```");
        assert_eq!(code_cell("a\\|b"), "a\\\\\\|b");
        assert_eq!(fenced("diff", "````\nx\n"), "`````diff\n````\nx\n`````\n");
        assert_eq!(
            quoted("a\n\n# b\n```\n", 99),
            "> a\n>\n> \\# b  \n> \\`\\`\\`\n"
        );
    }

    proptest! {
        #[test]
        fn no_tag_link_or_quote_survives(text in any::<String>()) {
            let shown = inline(&text);
            prop_assert!(!shown.contains(['<', '>', '\n']));
            let mut before = ' ';
            for c in shown.chars() {
                if matches!(c, '[' | ']' | '`' | '*' | '|') {
                    prop_assert_eq!(before, '\\', "{}", shown);
                }
                before = if before == '\\' && c == '\\' { ' ' } else { c };
            }
        }

        #[test]
        fn a_fence_is_longer_than_any_within(text in "[`\n a~]{0,60}") {
            let shown = fenced("text", &text);
            let fence = shown.split('t').next().unwrap().to_owned();
            let body = &shown[fence.len()..shown.len() - fence.len() - 1];
            prop_assert!(!body.contains(&fence));
        }
    }
}
