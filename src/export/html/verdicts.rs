//! What was checked, what was healed, what still stands.

use super::markup::Page;
use crate::domain::units;
use crate::export::words::{self, Tone};
use crate::export::{Export, Output, bounds};
use crate::store::inspect::Doc;

/// The most bytes of one output, and of all together.
const OUTPUT: usize = 48 * 1024;
const OUTPUTS: usize = 1_500_000;

/// More findings than this are counted, not listed.
const FINDINGS: usize = 500;

pub(super) fn checks(export: &Export) -> Page {
    let document = export.doc();
    let mut page = Page::default();
    let last = words::last_checks(document);
    if last.is_empty() {
        return page;
    }
    page.raw("<div class=\"scroll\"><table><thead><tr><th scope=\"col\">check</th>");
    page.raw("<th scope=\"col\">command</th><th scope=\"col\">result</th>");
    page.raw("<th scope=\"col\" class=\"n\">time</th></tr></thead><tbody>\n");
    for check in &last {
        row(&mut page, *check);
    }
    page.raw("</tbody></table></div>\n");
    runs(&mut page, export, &last);
    page
}

fn row(page: &mut Page, check: Doc<'_>) {
    page.raw("<tr><td class=\"name\"><strong>")
        .text(&check.word("name"));
    let kind = check.word("kind");
    page.raw("</strong>");
    if kind != check.word("name") {
        page.element(" <span class=\"dim\">", &kind, "</span>");
    }
    page.raw("</td>");
    page.element(
        "<td class=\"c\"><code>",
        &check.word("command"),
        "</code></td><td class=\"t\">",
    );
    result(page, check);
    page.raw("</td><td class=\"n\">");
    let time = check.number("duration_ms").map(units::duration);
    page.text(&time.unwrap_or_default()).raw("</td></tr>\n");
}

fn result(page: &mut Page, check: Doc<'_>) {
    let status = check.word("status");
    page.badge(words::tone(&status), &status);
    if let Some(code) = check.number("exit_code").filter(|code| *code != 0) {
        page.raw(" <span class=\"dim\">exit code ")
            .number(code)
            .raw("</span>");
    }
    if let Some(note) = check.text("note") {
        page.element(" <span>", &note, "</span>");
    }
    let excused: Vec<String> = check.list("excused").filter_map(Doc::own_text).collect();
    if !excused.is_empty() {
        let excused = bounds::line(&excused.join(", "), 600);
        page.element(" <span class=\"dim\">excused: ", &excused, "</span>");
    }
}

/// Every run of every check with what it printed. A last one that failed stands open.
fn runs(page: &mut Page, export: &Export, last: &[Doc<'_>]) {
    let mut room = OUTPUTS;
    page.raw("<h3 class=\"all\">Every run, with what it printed</h3>\n");
    for (check, output) in export.doc().list("checks").zip(&export.outputs) {
        let status = check.word("status");
        let tone = words::tone(&status);
        let is_last = last.iter().any(|known| std::ptr::eq(known.0, check.0));
        page.raw("<details class=\"run\"");
        page.raw(if is_last && tone == Tone::Bad {
            " open>"
        } else {
            ">"
        });
        page.raw("<summary>").badge(tone, &check.word("name"));
        page.element(" <span>", &words::check(check), "</span></summary>\n");
        let text = bounds::excerpt(&output.text, OUTPUT);
        if text.trim().is_empty() {
            page.raw("<p class=\"dim\">It printed nothing.</p>");
        } else if text.len() > room {
            page.raw("<p class=\"note\">What it printed is left out here.</p>");
        } else {
            room -= text.len();
            page.element("<pre class=\"out\" tabindex=\"0\">", &text, "</pre>");
        }
        whole(page, output);
        page.raw("</details>\n");
    }
}

/// Where the whole of a longer output is.
fn whole(page: &mut Page, output: &Output) {
    for file in &output.whole {
        page.element(
            "<p class=\"note\">The whole of it, ",
            &bytes(file.artifact.size),
            ", is the artifact <code>",
        );
        page.text(&file.artifact.name).raw("</code>");
        page.raw(if file.path.is_some() {
            "."
        } else {
            ", whose file is missing."
        });
        page.raw("</p>");
    }
}

/// `812 bytes`, `5.2 MB`.
pub(super) fn bytes(size: u64) -> String {
    match size {
        0..1_000 => words::count(size, "byte", "bytes"),
        1_000..1_000_000 => format!("{}.{} kB", size / 1_000, size % 1_000 / 100),
        _ => format!("{}.{} MB", size / 1_000_000, size % 1_000_000 / 100_000),
    }
}

/// How many repairs were kept.
pub(super) fn kept(document: Doc<'_>) -> String {
    let all = document.list("heals").count();
    let kept = document
        .list("heals")
        .filter(|heal| heal.word("verdict") == "kept")
        .count();
    if all == 0 {
        return String::new();
    }
    format!("{kept} of {all} kept")
}

pub(super) fn heals(document: Doc<'_>) -> Page {
    let mut page = Page::default();
    let heals: Vec<Doc<'_>> = document.list("heals").collect();
    if heals.is_empty() {
        return page;
    }
    page.raw("<ol class=\"heals\">\n");
    for heal in heals {
        let (tone, verdict) = words::heal(heal);
        let output = heal.at("heal_output");
        page.raw("<li class=\"card\"><div class=\"line\"><h3>");
        page.text(&heal.word("error_type")).raw(" <small>in ");
        page.text(&words::healed_phase(heal)).raw("</small></h3>");
        page.badge(tone, &verdict);
        page.element(
            "<code class=\"dim\">",
            &heal.word("heal_action"),
            "</code></div>\n<dl class=\"rows\">",
        );
        let message = output
            .text("message")
            .filter(|_| heal.text("verdict").is_some());
        let used = heal
            .number("tokens")
            .filter(|tokens| *tokens > 0)
            .map(|tokens| {
                let cost = heal.amount("cost").map(units::cost).unwrap_or_default();
                format!("{} tokens, {cost}", units::tokens(tokens))
            });
        let rows = [
            ("<dt>Failure</dt><dd>", output.text("cause")),
            ("<dt>Remedy</dt><dd>", heal.text("reason")),
            ("<dt>Outcome</dt><dd>", message),
            ("<dt>Used</dt><dd>", used),
        ];
        for (begin, text) in rows {
            if let Some(text) = text {
                page.element(begin, &bounds::line(&text, 1_000), "</dd>\n");
            }
        }
        page.raw("</dl></li>\n");
    }
    page.raw("</ol>\n");
    page
}

/// How many findings stand.
pub(super) fn tally(document: Doc<'_>) -> String {
    let (resolved, open): (Vec<_>, Vec<_>) = document
        .list("findings")
        .partition(|finding| finding.is("resolved"));
    if resolved.is_empty() && open.is_empty() {
        return String::new();
    }
    format!("{} open, {} resolved", open.len(), resolved.len())
}

pub(super) fn findings(document: Doc<'_>) -> Page {
    let mut page = Page::default();
    let mut all: Vec<Doc<'_>> = document.list("findings").collect();
    if all.is_empty() {
        return page;
    }
    all.sort_by_key(|finding| (finding.is("resolved"), weight(&finding.word("severity"))));
    page.raw("<div class=\"scroll\"><table><thead><tr><th scope=\"col\">severity</th><th scope=\"col\">kind</th>");
    page.raw("<th scope=\"col\">what</th><th scope=\"col\">where</th><th scope=\"col\">state</th></tr></thead><tbody>\n");
    for finding in all.iter().take(FINDINGS) {
        let severity = finding.word("severity");
        let (tone, state) = match (finding.is("resolved"), severity.as_str()) {
            (true, _) => (Tone::Good, "resolved"),
            (false, "major") => (Tone::Bad, "open"),
            (false, "medium") => (Tone::Warn, "open"),
            (false, _) => (Tone::Idle, "open"),
        };
        page.element("<tr><td>", &severity, "</td>");
        page.element("<td>", &finding.word("category"), "</td>");
        page.element(
            "<td class=\"t\">",
            &bounds::line(&finding.word("message"), 1_000),
            "</td>",
        );
        page.element(
            "<td class=\"c\"><code>",
            &finding.word("location"),
            "</code></td><td>",
        );
        page.badge(tone, state).raw("</td></tr>\n");
    }
    page.raw("</tbody></table></div>\n");
    if all.len() > FINDINGS {
        page.raw("<p class=\"note\">")
            .number((all.len() - FINDINGS) as u64);
        page.raw(" more are left out here.</p>\n");
    }
    page
}

fn weight(severity: &str) -> u8 {
    match severity {
        "major" => 0,
        "medium" => 1,
        _ => 2,
    }
}
