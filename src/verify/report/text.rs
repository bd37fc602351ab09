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

/// `line` as a terminal shows it: without CSI (`ESC [ … letter`), OSC (`ESC ] … BEL` or `ESC \`) and the shorter escapes
/// (ECMA-48), and without what is written over after a return to its first column.
fn without_escapes(line: &str) -> Cow<'_, str> {
    if !line.contains(['\u{1b}', '\r']) {
        return Cow::Borrowed(line);
    }
    let mut clean = String::with_capacity(line.len());
    let mut returned = false;
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        match char {
            '\r' => returned = true,
            '\u{1b}' => returned |= escape(&mut chars),
            char => {
                if std::mem::take(&mut returned) {
                    clean.clear();
                }
                clean.push(char);
            }
        }
    }
    Cow::Owned(clean)
}

/// Skips the rest of an escape; whether it goes back to the first column.
fn escape(chars: &mut std::str::Chars<'_>) -> bool {
    let is_final = |c: &char| ('\u{40}'..='\u{7e}').contains(c);
    match chars.next() {
        Some('[') => {
            let sequence = chars.as_str();
            let end = sequence.find(|c| is_final(&c)).unwrap_or(sequence.len());
            let first = matches!(&sequence[..end], "" | "0" | "1");
            chars.nth(sequence[..end].chars().count()) == Some('G') && first
        }
        Some(']') => {
            while let Some(inner) = chars.next() {
                let rest = chars.as_str();
                if inner == '\u{1b}' && rest.starts_with('\\') {
                    chars.next();
                    break;
                }
                if inner == '\u{7}' {
                    break;
                }
            }
            false
        }
        // A choice of characters, as in `ESC ( B`.
        Some('\u{20}'..='\u{2f}') => {
            let _final_byte = chars.find(|c| ('\u{30}'..='\u{7e}').contains(c));
            false
        }
        _ => false,
    }
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
    fn what_is_written_over_goes() {
        let bats = "\u{1b}[1G   adds\u{1b}[K\u{1b}[77G1/4\u{1b}[2G\u{1b}[1G ✓ adds\u{1b}[K\n 10%\r100%\r\n";
        assert_eq!(lines(bats).collect::<Vec<_>>(), [" ✓ adds", "100%"]);
        let reset = "test a ... \u{1b}[32mok\u{1b}(B\u{1b}[m";
        assert_eq!(lines(reset).collect::<Vec<_>>(), ["test a ... ok"]);
    }

    #[test]
    fn a_line_is_cut_between_characters() {
        assert_eq!(shorten("aé", 2), "a");
        assert_eq!(shorten("aé", 9), "aé");
    }
}
