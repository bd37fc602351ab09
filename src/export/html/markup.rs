//! Markup in the making, with one door for text of others.
//!
//! [`Page::raw`] takes only what stands in the program itself; everything else comes in through
//! [`Page::text`], where it is cleaned and escaped. No data ever becomes the target of a link, the
//! name of a class or a style; numbers are the only other thing that comes in.

use std::fmt::{Display, Write as _};

use crate::domain::clean;
use crate::export::words::Tone;

/// A page, or a part of one.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
}

impl Page {
    /// Markup of the program's own.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.text.push_str(markup);
        self
    }

    /// Text of others, as text: between tags or in a quoted attribute.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for c in clean::clean(text).chars() {
            match c {
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '"' => self.text.push_str("&quot;"),
                '\'' => self.text.push_str("&#39;"),
                c => self.text.push(c),
            }
        }
        self
    }

    /// A whole number.
    pub(super) fn number(&mut self, number: impl Into<u64>) -> &mut Self {
        self.shown(number.into())
    }

    /// A share of a whole, in percent.
    pub(super) fn percent(&mut self, part: u64, whole: u64) -> &mut Self {
        #[expect(clippy::cast_precision_loss, reason = "it is drawn, in pixels")]
        let share = 100.0 * part.min(whole) as f64 / whole.max(1) as f64;
        let _ = write!(self.text, "{share:.2}%");
        self
    }

    fn shown(&mut self, value: impl Display) -> &mut Self {
        let _ = write!(self.text, "{value}");
        self
    }

    /// Text in an element.
    pub(super) fn element(
        &mut self,
        begin: &'static str,
        text: &str,
        end: &'static str,
    ) -> &mut Self {
        self.raw(begin).text(text).raw(end)
    }

    /// A small coloured word.
    pub(super) fn badge(&mut self, tone: Tone, text: &str) -> &mut Self {
        self.raw("<span class=\"badge ").raw(class(tone)).raw("\">");
        self.raw("<span class=\"sign\" aria-hidden=\"true\">")
            .raw(sign(tone))
            .raw("</span>");
        self.text(text).raw("</span>")
    }

    /// A heading that can be linked to, and what is below it, if that is anything.
    pub(super) fn section(
        &mut self,
        id: &'static str,
        name: &'static str,
        aside: &str,
        body: &Page,
    ) -> &mut Self {
        if body.text.is_empty() {
            return self;
        }
        self.raw("<section id=\"")
            .raw(id)
            .raw("\" aria-labelledby=\"h-")
            .raw(id);
        self.raw("\"><h2 id=\"h-").raw(id).raw("\">").raw(name);
        if !aside.is_empty() {
            self.element(" <small>", aside, "</small>");
        }
        self.raw("</h2>\n");
        self.text.push_str(&body.text);
        self.raw("</section>\n")
    }

    /// A part made apart.
    pub(super) fn part(&mut self, part: &Page) -> &mut Self {
        self.text.push_str(&part.text);
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// The class by which the style sheet knows a tone.
pub(super) fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Warn => "warn",
        Tone::Bad => "bad",
        Tone::Busy => "busy",
        Tone::Idle => "idle",
    }
}

/// The sign that tells the same without colour.
pub(super) fn sign(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "✓",
        Tone::Warn => "!",
        Tone::Bad => "✗",
        Tone::Busy => "▸",
        Tone::Idle => "·",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_text_between_tags_and_in_attributes() {
        let mut page = Page::default();
        page.raw("<b title=\"")
            .text("\"><script>alert('&')</script>")
            .raw("\">");
        assert_eq!(
            page.finish(),
            "<b title=\"&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;\">"
        );
    }

    #[test]
    fn what_turns_text_is_named_and_what_a_terminal_obeys_is_gone() {
        let mut page = Page::default();
        page.text("a\u{1b}[31mb\u{202e}c\0");
        assert_eq!(page.finish(), "ab&lt;U+202E&gt;c");
    }

    proptest! {
        #[test]
        fn no_text_makes_markup(text in any::<String>()) {
            let mut page = Page::default();
            page.text(&text);
            let shown = page.finish();
            prop_assert!(!shown.contains(['<', '>', '"', '\'']));
            prop_assert!(!shown.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')));
            let entities = ["amp;", "lt;", "gt;", "quot;", "#39;"];
            for (at, _) in shown.match_indices('&') {
                prop_assert!(entities.iter().any(|entity| shown[at + 1..].starts_with(entity)));
            }
        }
    }
}
