//! Output as lines fit for reading.

use std::borrow::Cow;

/// The most bytes of a line that are looked at.
const MAX_LINE: usize = 16 * 1024;

/// The lines of `text` without terminal escapes and carriage returns at their ends; overlong ones are cut.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    text.lines()
        .map(|line| without_escapes(shorten(line.trim_end_matches('\r'), MAX_LINE)))
}

/// The longest start of `text` that has at most `most` bytes.
pub(crate) fn shorten(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// `path:line` from Python's `File "path", line N`.
pub(crate) fn python_place(line: &str) -> Option<String> {
    let (path, rest) = line.strip_prefix("File \"")?.split_once("\", line ")?;
    let digits = rest.split(',').next()?;
    let number: u32 = digits.trim().parse().ok()?;
    Some(format!(
        "{}:{number}",
        path.strip_prefix("./").unwrap_or(path)
    ))
}

/// `line` without CSI (`ESC [ … letter`), OSC (`ESC ] … BEL` or `ESC \`) and two-character escapes (ECMA-48).
fn without_escapes(line: &str) -> Cow<'_, str> {
    if !line.contains('\u{1b}') {
        return Cow::Borrowed(line);
    }
    let mut clean = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(char) = chars.next() {
        if char != '\u{1b}' {
            clean.push(char);
            continue;
        }
        match chars.next() {
            Some('[') => {
                let _final_byte = chars.by_ref().find(|c| ('\u{40}'..='\u{7e}').contains(c));
            }
            Some(']') => {
                while let Some(inner) = chars.next() {
                    let ends = inner == '\u{7}'
                        || (inner == '\u{1b}' && chars.next_if_eq(&'\\').is_some());
                    if ends {
                        break;
                    }
                }
            }
            _ => {}
        }
    }
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_carriage_returns_go() {
        let text = "\u{1b}[1m\u{1b}[31merror\u{1b}[0m: x\r\n\u{1b}]8;;http://a\u{1b}\\link\u{1b}]8;;\u{7}!\n\u{1b}";
        assert_eq!(lines(text).collect::<Vec<_>>(), ["error: x", "link!", ""]);
    }

    #[test]
    fn a_line_is_cut_between_characters() {
        assert_eq!(shorten("aé", 2), "a");
        assert_eq!(shorten("aé", 9), "aé");
    }
}
