//! What was asked, what was planned, what was changed.

use super::markup::Page;
use crate::export::patch::{self, FileChange, LineKind};
use crate::export::{Export, bounds, words};
use crate::store::inspect::Doc;

/// The most bytes of a goal.
const GOAL: usize = 64 * 1024;

/// The most bytes of a patch, and the most lines of one file of it.
const PATCH: usize = 1_500_000;
const LINES: usize = 3_000;

/// A change of more lines is folded, file by file.
const UNFOLDED: u64 = 400;

pub(super) fn goal(document: Doc<'_>) -> Page {
    let mut page = Page::default();
    let goal = document.at("run").at("goal").0.as_str().unwrap_or_default();
    page.element(
        "<p class=\"goal\">",
        &bounds::excerpt(goal.trim(), GOAL),
        "</p>\n",
    );
    for note in document.list("notes").filter_map(Doc::own_text) {
        page.element("<p class=\"note\">Note: ", &note, "</p>\n");
    }
    page
}

/// How many steps are done: `2 of 3 done`.
pub(super) fn steps_done(document: Doc<'_>) -> String {
    let all = document.list("steps").count();
    let done = document
        .list("steps")
        .filter(|step| step.word("status") == "completed")
        .count();
    if all == 0 {
        return String::new();
    }
    format!(
        "{done} of {} done",
        words::count(all as u64, "step", "steps")
    )
}

pub(super) fn plan(document: Doc<'_>) -> Page {
    let mut page = Page::default();
    let plan = document.at("plan");
    if let Some(summary) = plan.text("summary") {
        page.element("<p class=\"lead\">", &summary, "</p>\n");
    }
    let states: Vec<Doc<'_>> = document.list("steps").collect();
    let steps: Vec<Doc<'_>> = plan.list("steps").collect();
    if steps.is_empty() {
        return page;
    }
    page.raw("<ol class=\"steps\">\n");
    for planned in steps {
        let id = planned.word("id");
        let state = states.iter().find(|state| state.word("id") == id);
        step(&mut page, planned, state.copied());
    }
    page.raw("</ol>\n");
    page
}

fn step(page: &mut Page, planned: Doc<'_>, state: Option<Doc<'_>>) {
    let status = state.map_or_else(|| "pending".to_owned(), |state| state.word("status"));
    page.raw("<li class=\"card\"><div class=\"line\">");
    page.element("<h3>", &planned.word("name"), "</h3>");
    page.element(" <code class=\"dim\">", &planned.word("id"), "</code>");
    page.badge(words::tone(&status), &status);
    let attempts = state.and_then(|state| state.number("attempts"));
    if let Some(attempts) = attempts.filter(|attempts| *attempts > 1) {
        page.raw(" <span class=\"dim\">")
            .number(attempts)
            .raw(" attempts</span>");
    }
    page.raw("</div>\n");
    page.element("<p>", &planned.word("description"), "</p>\n");
    if let Some(summary) = state.and_then(|state| state.text("summary")) {
        page.element("<p class=\"did\">", &summary, "</p>\n");
    }
    list(page, "<p class=\"meta\">Scope: ", planned, "files");
    list(page, "<p class=\"meta\">After: ", planned, "dependencies");
    let criteria: Vec<String> = planned
        .list("verification_criteria")
        .filter_map(Doc::own_text)
        .collect();
    if !criteria.is_empty() {
        page.raw("<ul class=\"meta\">");
        for one in criteria {
            page.element("<li>", &one, "</li>");
        }
        page.raw("</ul>\n");
    }
    page.raw("</li>\n");
}

fn list(page: &mut Page, begin: &'static str, of: Doc<'_>, key: &str) {
    let items: Vec<String> = of.list(key).filter_map(Doc::own_text).collect();
    if items.is_empty() {
        return;
    }
    page.raw(begin);
    for (index, item) in items.iter().enumerate() {
        page.raw(if index > 0 { ", " } else { "" });
        page.element("<code>", item, "</code>");
    }
    page.raw("</p>\n");
}

/// How much was changed: `3 files, +40 −2`.
pub(super) fn size(export: &Export) -> String {
    let Ok(text) = export.patch_text() else {
        return String::new();
    };
    let files = patch::files(&text);
    if files.is_empty() {
        return String::new();
    }
    let (added, removed) = (
        files.iter().map(|file| file.added).sum::<u64>(),
        files.iter().map(|file| file.removed).sum::<u64>(),
    );
    let count = words::count(files.len() as u64, "file", "files");
    format!("{count}, +{added} −{removed}")
}

pub(super) fn change(export: &Export) -> Page {
    let mut page = Page::default();
    let text = match export.patch_text() {
        Ok(text) if text.is_empty() => {
            page.raw("<p class=\"dim\">Nothing is changed.</p>\n");
            return page;
        }
        Ok(text) => text,
        Err(why) => {
            page.element(
                "<p class=\"note\">The change cannot be shown: ",
                why,
                ".</p>\n",
            );
            return page;
        }
    };
    let shown = bounds::revealed_whole(&text);
    let files = patch::files(&shown);
    let lines: u64 = files.iter().map(|file| file.added + file.removed).sum();
    let mut room = PATCH;
    for change in &files {
        room = file(&mut page, change, lines <= UNFOLDED, room);
    }
    page
}

/// One file of the change. Returns how much more may be shown.
fn file(page: &mut Page, change: &FileChange<'_>, open: bool, mut room: usize) -> usize {
    page.raw("<details class=\"file\"")
        .raw(if open { " open" } else { "" });
    page.element("><summary><code>", change.path, "</code> ");
    if let Some(fate) = change.fate {
        page.raw("<span class=\"dim\">").raw(fate).raw("</span> ");
    }
    page.raw("<span class=\"plus\">+").number(change.added);
    page.raw("</span> <span class=\"minus\">−")
        .number(change.removed)
        .raw("</span></summary>\n");
    page.raw("<div class=\"diff\" tabindex=\"0\"><pre>");
    let mut shown = 0;
    for line in change.lines.iter().take(LINES) {
        let text = bounds::line_of_code(line.text);
        if text.len() + 60 > room {
            break;
        }
        room -= text.len() + 60;
        shown += 1;
        let (class, sign) = match line.kind {
            LineKind::Hunk => ("<span class=\"h\"><i>", ""),
            LineKind::Same => ("<span><i>", " "),
            LineKind::Added => ("<span class=\"a\"><i>", "+"),
            LineKind::Removed => ("<span class=\"r\"><i>", "-"),
            LineKind::Note => ("<span class=\"h\"><i>", ""),
        };
        page.raw(class);
        if let Some(number) = line.number {
            page.number(number);
        }
        page.raw("</i>").raw(sign).text(&text).raw("\n</span>");
    }
    page.raw("</pre></div>");
    let omitted = change.lines.len() - shown;
    if omitted > 0 {
        page.raw("<p class=\"note\">")
            .number(omitted as u64)
            .raw(" lines are left out here.</p>");
    }
    page.raw("</details>\n");
    room
}
