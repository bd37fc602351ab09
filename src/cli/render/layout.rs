//! Text made to fit: widths are columns of a terminal, colours take none.

use tabled::grid::util::string::{get_char_width, get_line_width};

use super::look::Look;
pub(crate) use crate::export::words::count;

/// The columns that a line takes.
pub(crate) fn width(line: &str) -> usize {
    get_line_width(&anstream::adapter::strip_str(line).to_string())
}

/// The line (without colours) cut to so many columns, with an ellipsis where it was cut.
pub(crate) fn fit(line: &str, columns: usize, look: &Look) -> String {
    if width(line) <= columns {
        return line.to_owned();
    }
    cut(line, columns, look)
}

fn cut(line: &str, columns: usize, look: &Look) -> String {
    let room = columns.saturating_sub(width(look.ellipsis()));
    format!("{}{}", prefix(line, room).trim_end(), look.ellipsis())
}

/// The longest beginning of a line that takes no more columns.
fn prefix(line: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, c) in line.char_indices() {
        used += get_char_width(c);
        if used > columns {
            return &line[..at];
        }
    }
    line
}

/// The line (without colours) broken between words into lines of at most so many columns; a word
/// that is longer is broken within.
pub(crate) fn wrap(line: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(8);
    let mut lines = Vec::new();
    let mut current = String::new();
    for mut word in line.split_whitespace() {
        if !current.is_empty() && width(&current) + 1 + width(word) > columns {
            lines.push(std::mem::take(&mut current));
        }
        while width(word) > columns {
            let head = prefix(word, columns);
            lines.push(head.to_owned());
            word = &word[head.len()..];
        }
        if !current.is_empty() {
            current.push(' ');
        }
        current.push_str(word);
    }
    if !current.is_empty() {
        lines.push(current);
    }
    lines
}

/// A head (with colours, if it likes) and after it the text, wrapped and hanging below its own
/// beginning; no more than `most` lines.
pub(crate) fn hang(head: &str, text: &str, most: usize, look: &Look) -> String {
    let indent = width(head);
    let columns = look.width.saturating_sub(indent);
    let mut lines = wrap(text, columns);
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            *last = cut(last, columns, look);
        }
    }
    let pad = format!("\n{}", " ".repeat(indent));
    format!("{head}{}", lines.join(&pad)).trim_end().to_owned()
}

/// The text with spaces behind it up to so many columns.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let spaces = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(spaces))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cli::render::fixture;

    #[test]
    fn text_is_cut_by_columns_not_by_characters() {
        let look = fixture::look();
        assert_eq!(fit("abcdef", 6, &look), "abcdef");
        assert_eq!(fit("abcdefg", 6, &look), "abcde…");
        assert_eq!(fit("日本語日本語", 6, &look), "日本…");
    }

    #[test]
    fn a_text_hangs_below_its_own_beginning() {
        let look = Look {
            width: 20,
            ..fixture::look()
        };
        assert_eq!(
            hang(
                "> ",
                "one two three four five six seven eight nine",
                2,
                &look
            ),
            "> one two three four\n  five six seven…"
        );
        assert_eq!(hang("head", "", 2, &look), "head");
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_was_asked_for(text in "[a-z日本 ]{0,200}", columns in 8..40usize) {
            let lines = wrap(&text, columns);
            prop_assert!(lines.iter().all(|line| width(line) <= columns));
            let (whole, parts) = (text.replace(' ', ""), lines.concat().replace(' ', ""));
            prop_assert_eq!(whole, parts);
            prop_assert!(width(&fit(&text, columns, &fixture::look())) <= columns);
        }
    }
}
