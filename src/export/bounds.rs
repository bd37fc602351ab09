//! Text cut to what can be read, with a note where something was left out.

use crate::domain::clean;

/// The most characters of a line; the rest is counted.
const LINE: usize = 2_000;

/// Text as it is shown: clean, its long lines cut, at most about `most` bytes of it, the end rather
/// than the beginning, since that is where programs say what went wrong.
pub(super) fn excerpt(text: &str, most: usize) -> String {
    cut(&clean::clean(text), most)
}

/// The same with everything that is hidden made visible: for what is read to judge it.
pub(super) fn revealed(text: &str, most: usize) -> String {
    cut(&clean::reveal(text), most)
}

/// The same without a limit.
pub(super) fn revealed_whole(text: &str) -> String {
    clean::reveal(text)
}

/// A line of code as it is shown.
pub(super) fn line_of_code(line: &str) -> String {
    shortened(line)
}

fn cut(text: &str, most: usize) -> String {
    let text = text.trim_end_matches('\n');
    let long = |line: &str| line.len() > LINE && line.chars().count() > LINE;
    let text = if text.lines().any(long) {
        let lines: Vec<String> = text.lines().map(shortened).collect();
        lines.join("\n")
    } else {
        text.to_owned()
    };
    if text.len() <= most {
        return text;
    }
    let head = up_to(&text, most / 3);
    let tail = from(&text, text.len() - most * 2 / 3);
    let omitted = text.len() - head.len() - tail.len();
    format!("{head}\n[… {omitted} bytes are left out …]\n{tail}")
}

fn shortened(line: &str) -> String {
    match line.char_indices().nth(LINE) {
        None => line.to_owned(),
        Some((at, _)) => format!(
            "{} [… {} more characters]",
            &line[..at],
            line[at..].chars().count()
        ),
    }
}

/// One line of at most `most` characters.
pub(super) fn line(text: &str, most: usize) -> String {
    let text = clean::line(text);
    match text.char_indices().nth(most) {
        None => text,
        Some((at, _)) => format!("{}…", text[..at].trim_end()),
    }
}

/// The beginning, to the end of a line if there is one.
fn up_to(text: &str, most: usize) -> &str {
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at));
    let head = &text[..end.unwrap_or(0)];
    head.rfind('\n').map_or(head, |end| &head[..end])
}

/// The end, from the start of a line if there is one.
fn from(text: &str, least: usize) -> &str {
    let start = (least..=text.len()).find(|at| text.is_char_boundary(*at));
    let tail = &text[start.unwrap_or(text.len())..];
    tail.find('\n').map_or(tail, |start| &tail[start + 1..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_fits_stays() {
        assert_eq!(excerpt("a\nb\n", 100), "a\nb");
        assert_eq!(line("a\n b", 10), "a b");
        assert_eq!(line("abcdef", 3), "abc…");
    }

    #[test]
    fn head_and_tail_are_whole_lines() {
        let text: String = (0..1_000).map(|n| format!("line {n}\n")).collect();
        let shown = excerpt(&text, 300);
        assert!(
            shown.starts_with("line 0\n") && shown.ends_with("\nline 999"),
            "{shown}"
        );
        assert!(shown.contains("bytes are left out …]\nline 9"), "{shown}");
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let shown = excerpt(&"é".repeat(5_000_000), 10_000);
        assert!(shown.ends_with("é [… 4998000 more characters]"));
        assert!(shown.len() < 5_000);
    }

    proptest! {
        #[test]
        fn it_is_never_much_longer_than_asked(text in any::<String>(), most in 0_usize..200) {
            prop_assert!(excerpt(&text, most).len() <= most + 60);
            prop_assert!(line(&text, most).chars().count() <= most + 1);
        }
    }
}
