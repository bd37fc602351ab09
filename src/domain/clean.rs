//! Untrusted text made safe to show.
//!
//! What models, repositories and commands say may hold escape sequences that move the cursor or
//! rename the window, characters that turn the direction of text, and characters that nobody sees.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

const ESCAPE: char = '\u{1b}';

/// The text without escape sequences and control characters (tab and newline stay, a carriage
/// return becomes a newline); characters that are invisible or turn text stand as `<U+202E>`.
pub fn clean(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\t' | '\n' => shown.push(c),
            '\r' if rest.peek() == Some(&'\n') => {}
            '\r' => shown.push('\n'),
            ESCAPE | '\u{80}'..='\u{9f}' => skip_sequence(c, &mut rest),
            c if c.is_control() => {}
            c => show(c, &mut shown),
        }
    }
    shown
}

/// [`clean`] on one line: white space becomes single spaces.
pub fn line(text: &str) -> String {
    let text = clean(text);
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

/// The text with everything in it made visible and nothing taken out: for text that is read to
/// judge it, where what is hidden may be what matters.
pub fn reveal(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' | '\n' => shown.push(c),
            c if c.is_control() => name(c, &mut shown),
            c => show(c, &mut shown),
        }
    }
    shown
}

/// Whether a terminal would obey the character, or show nothing for it: controls (but tab and
/// newline), bidirectional controls, line separators and what Unicode calls default-ignorable.
pub fn is_hidden(c: char) -> bool {
    (c.is_control() && !matches!(c, '\t' | '\n')) || is_ignorable(c)
}

/// Derived from Unicode's `Default_Ignorable_Code_Point`, with the line and paragraph separators
/// and the interlinear annotation marks.
fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

fn show(c: char, shown: &mut String) {
    if is_ignorable(c) && !joins(c, shown) {
        name(c, shown);
    } else {
        shown.push(c);
    }
}

/// Joiners and emoji selectors belong to the spelling of many scripts and of emoji. They are left
/// alone straight after a visible character outside ASCII, so never within code and never twice.
fn joins(c: char, shown: &str) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe0f}')
        && shown.chars().next_back().is_some_and(|last| {
            !last.is_ascii() && (!is_ignorable(last) || (last == '\u{fe0f}' && c == '\u{200d}'))
        })
}

fn name(c: char, shown: &mut String) {
    let _ = write!(shown, "<U+{:04X}>", u32::from(c));
}

/// Skips an escape sequence after its first character (ECMA-48): CSI up to its final byte, the
/// control strings (OSC, DCS, SOS, PM, APC) up to their end or the end of the line, so that an
/// unfinished one hides no more than that line.
fn skip_sequence(first: char, rest: &mut Peekable<Chars<'_>>) {
    let introducer = match first {
        ESCAPE => match rest.peek().copied() {
            Some(next @ ('[' | ']' | 'P' | 'X' | '^' | '_')) => {
                rest.next();
                next
            }
            Some(' '..='~') => {
                while rest.next_if(|c| (' '..='/').contains(c)).is_some() {}
                rest.next_if(|c| ('0'..='~').contains(c));
                return;
            }
            _ => return,
        },
        '\u{9b}' => '[',
        '\u{9d}' | '\u{90}' | '\u{98}' | '\u{9e}' | '\u{9f}' => ']',
        _ => return,
    };
    if introducer == '[' {
        while rest.next_if(|c| (' '..='?').contains(c)).is_some() {}
        rest.next_if(|c| ('@'..='~').contains(c));
        return;
    }
    while let Some(c) = rest.next_if(|c| !matches!(c, '\n' | '\r')) {
        match c {
            '\u{7}' | '\u{9c}' => return,
            ESCAPE if rest.next_if_eq(&'\\').is_some() => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn colours_titles_and_links_are_taken_out() {
        assert_eq!(clean("a\x1b[1;31mred\x1b[0m b"), "ared b");
        assert_eq!(clean("a\u{9b}31mred"), "ared");
        assert_eq!(clean("\x1b]0;title\x07text"), "text");
        assert_eq!(clean("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\"), "link");
        assert_eq!(clean("\x1bPq#0\x1b\\after \x1b(Bend\x1b="), "after end");
    }

    #[test]
    fn an_unfinished_sequence_hides_no_more_than_its_line() {
        assert_eq!(clean("\x1b]0;hidden\nshown"), "\nshown");
        assert_eq!(clean("\x1b[12"), "");
        assert_eq!(clean("\x1b"), "");
    }

    #[test]
    fn controls_are_taken_out_and_lines_stay() {
        assert_eq!(clean("a\tb\r\nc\u{8}\u{7f}\0d"), "a\tb\ncd");
        assert_eq!(clean("50%\r60%"), "50%\n60%");
        assert_eq!(line(" a\tb\r\n  c "), "a b c");
    }

    #[test]
    fn what_turns_text_or_hides_is_named() {
        assert_eq!(
            clean("a\u{202e}b\u{feff}\u{e0041}"),
            "a<U+202E>b<U+FEFF><U+E0041>"
        );
        assert_eq!(clean("ad\u{200d}min"), "ad<U+200D>min");
        assert_eq!(clean("é\u{fe0f}\u{fe0f}"), "é\u{fe0f}<U+FE0F>");
    }

    #[test]
    fn words_of_other_scripts_and_emoji_stay_whole() {
        for text in [
            "日本 é",
            "می\u{200c}خواهم",
            "👩\u{200d}🚀",
            "❤\u{fe0f}\u{200d}🔥",
        ] {
            assert_eq!(clean(text), text);
        }
    }

    #[test]
    fn what_is_judged_is_shown_whole() {
        assert_eq!(reveal("+\x1b[8mrm -rf\r\n"), "+<U+001B>[8mrm -rf<U+000D>\n");
    }

    proptest! {
        #[test]
        fn nothing_that_a_terminal_obeys_is_ever_left(text in any::<String>()) {
            for shown in [clean(&text), reveal(&text)] {
                prop_assert!(!shown.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n')));
                let hidden = |c: &char| is_hidden(*c) && !matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe0f}');
                prop_assert_eq!(shown.chars().find(hidden), None);
                prop_assert_eq!(clean(&shown), shown);
            }
        }

        #[test]
        fn sequences_in_any_mixture_leave_nothing(text in "[a\x1b\\[\\]\\\\0-9;mP\u{7}\u{80}-\u{9f}\r\n\u{202e}\u{200d}é]*") {
            prop_assert!(!clean(&text).chars().any(|c| c.is_control() && c != '\n'));
        }

        #[test]
        fn plain_text_is_left_alone(text in "[ -~\t\näöüß日本]*") {
            prop_assert_eq!(clean(&text), text);
        }
    }
}
