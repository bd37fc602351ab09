//! What was said: each execution's conversation, folded.

use super::markup::{Page, class};
use crate::domain::units;
use crate::export::talk::{Turn, Voice};
use crate::export::{Export, Tape, bounds, words};
use crate::store::inspect::Doc;

/// The most bytes of one text, and of all together.
const TEXT: usize = 12 * 1024;
const TEXTS: usize = 2_500_000;

pub(super) fn conversations(export: &Export) -> Page {
    let mut page = Page::default();
    let mut room = TEXTS;
    for (about, tape) in export.doc().list("executions").zip(&export.tapes) {
        page.raw("<details class=\"talk\"><summary>");
        head(&mut page, about, tape);
        page.raw("</summary>\n");
        if let Some(error) = about.text("error_message") {
            page.element(
                "<p class=\"note bad-text\">",
                &bounds::line(&error, 1_000),
                "</p>\n",
            );
        }
        if !tape.system.is_empty() {
            page.raw("<details class=\"system\"><summary>System prompt</summary>");
            block(&mut page, &tape.system, &mut room);
            page.raw("</details>\n");
        }
        for one in &tape.turns {
            turn(&mut page, one, &mut room);
        }
        page.raw("</details>\n");
    }
    page
}

fn head(page: &mut Page, about: Doc<'_>, tape: &Tape) {
    let status = about.word("status");
    page.badge(words::tone(&status), &about.word("phase"));
    if let Some(step) = about.text("step") {
        page.element(" <code>", &step, "</code>");
    }
    let attempt = about
        .number("attempt_number")
        .filter(|attempt| *attempt > 1);
    if let Some(attempt) = attempt {
        page.raw(" attempt ").number(attempt);
    }
    page.raw(" <span class=\"dim\">");
    let turns = words::count(tape.turns.len() as u64, "turn", "turns");
    let parts = [
        about.text("error_type").or(Some(status)),
        Some(turns),
        about.number("duration_ms").map(units::duration),
        words::usage(about).filter(|_| about.at("usage").number("model_calls") != Some(0)),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    page.text(&parts.join(" · ")).raw("</span>");
}

fn turn(page: &mut Page, turn: &Turn, room: &mut usize) {
    page.raw("<div class=\"turn ").raw(match turn.voice {
        Voice::Asked => "asked",
        Voice::Model => "model",
        Voice::Tool => "tool",
        Voice::Trouble => "trouble",
    });
    page.raw(" ").raw(class(turn.tone)).raw("\">");
    page.element("<p class=\"who\">", &turn.title, "</p>");
    let short: Vec<_> = turn
        .fields
        .iter()
        .filter(|(_, value)| is_short(value))
        .collect();
    if !short.is_empty() {
        page.raw("<dl class=\"rows\">");
        for (name, value) in short {
            page.element("<dt>", name, "</dt>");
            page.element("<dd><code>", value, "</code></dd>");
        }
        page.raw("</dl>");
    }
    for (name, value) in turn.fields.iter().filter(|(_, value)| !is_short(value)) {
        page.element("<p class=\"field\">", name, "</p>");
        block(page, value, room);
    }
    if !turn.text.trim().is_empty() {
        block(page, &turn.text, room);
    }
    page.raw("</div>\n");
}

fn is_short(value: &str) -> bool {
    value.len() <= 200 && !value.contains('\n')
}

fn block(page: &mut Page, text: &str, room: &mut usize) {
    let text = bounds::excerpt(text, TEXT);
    if text.len() > *room {
        page.raw("<p class=\"note\">This is left out here.</p>");
        return;
    }
    *room -= text.len();
    page.element("<pre class=\"said\">", &text, "</pre>");
}
