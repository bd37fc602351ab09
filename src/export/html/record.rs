//! The record behind it all: phases, events, what was asked, files, ids.

use super::markup::Page;
use super::verdicts::bytes;
use crate::domain::units;
use crate::export::{Export, words};
use crate::store::inspect::Doc;

/// More events than this are counted, not listed.
const EVENTS: usize = 3_000;

pub(super) fn phases(document: Doc<'_>) -> Page {
    let mut page = Page::default();
    let phases: Vec<Doc<'_>> = document.list("phases").collect();
    if phases.is_empty() {
        return page;
    }
    page.raw("<div class=\"scroll\"><table><thead><tr><th scope=\"col\">phase</th>");
    page.raw("<th scope=\"col\">result</th><th scope=\"col\">model</th>");
    page.raw("<th scope=\"col\" class=\"n\">attempts</th><th scope=\"col\" class=\"n\">time</th>");
    page.raw("<th scope=\"col\" class=\"n\">tokens</th><th scope=\"col\" class=\"n\">cost</th></tr></thead><tbody>\n");
    let stands_still = document.at("run").word("status") != "running";
    for phase in &phases {
        let status = match phase.word("status") {
            status if status == "running" && stands_still => "stopped".to_owned(),
            status => status,
        };
        page.element("<tr><td>", &phase.word("phase"), "</td><td>");
        page.badge(words::tone(&status), &status);
        page.element(
            "</td><td>",
            &phase.text("model").unwrap_or_default(),
            "</td>",
        );
        page.element("<td class=\"n\">", &phase.word("attempts"), "</td>");
        numbers(&mut page, phase.number("duration_ms"), phase.at("usage"));
        page.raw("</tr>\n");
    }
    let time = phases
        .iter()
        .filter_map(|phase| phase.number("duration_ms"))
        .sum();
    page.raw("</tbody><tfoot><tr><th scope=\"row\" colspan=\"4\">total</th>");
    numbers(&mut page, Some(time), document.at("run").at("usage"));
    page.raw("</tr></tfoot></table></div>\n");
    page
}

fn numbers(page: &mut Page, time: Option<u64>, usage: Doc<'_>) {
    let asked = usage.number("model_calls").is_some_and(|calls| calls > 0);
    let cells = [
        time.map(units::duration),
        usage.tokens().filter(|_| asked).map(units::tokens),
        usage.amount("cost_usd").filter(|_| asked).map(units::cost),
    ];
    for cell in cells {
        page.element("<td class=\"n\">", cell.as_deref().unwrap_or("–"), "</td>");
    }
}

pub(super) fn record(export: &Export) -> Page {
    let document = export.doc();
    let mut page = Page::default();
    ids(&mut page, document);
    interventions(&mut page, document);
    artifacts(&mut page, export);
    events(&mut page, document);
    page
}

fn ids(page: &mut Page, document: Doc<'_>) {
    let run = document.at("run");
    let limits = document.at("limits");
    let rows = [
        ("<dt>State</dt><dd>", run.text("state")),
        ("<dt>Branch</dt><dd>", run.text("branch")),
        ("<dt>Commit</dt><dd>", run.text("commit")),
        ("<dt>Base</dt><dd>", run.text("base_commit")),
        ("<dt>Tree</dt><dd>", run.text("tree")),
        (
            "<dt>Created</dt><dd>",
            run.time("created_at").map(super::moment),
        ),
        (
            "<dt>Finished</dt><dd>",
            run.time("finished_at").map(super::moment),
        ),
        ("<dt>Budget</dt><dd>", limits.amount("usd").map(units::cost)),
        (
            "<dt>Repairs</dt><dd>",
            run.number("heal_count")
                .zip(run.number("max_heals"))
                .map(|(heals, most)| format!("{heals} of at most {most}")),
        ),
    ];
    page.raw("<dl class=\"rows ids\">");
    for (begin, text) in rows {
        if let Some(text) = text {
            page.element(begin, &text, "</dd>\n");
        }
    }
    page.raw("</dl>\n");
}

fn interventions(page: &mut Page, document: Doc<'_>) {
    let asked: Vec<Doc<'_>> = document.list("interventions").collect();
    if asked.is_empty() {
        return;
    }
    page.raw("<h3>Asked of the run</h3><ul>");
    for one in asked {
        page.element("<li>", &words::asked(one), ", ")
            .text(&one.word("status"));
        if let Some(reason) = one.text("reason") {
            page.raw(": ").text(&reason);
        }
        page.raw("</li>");
    }
    page.raw("</ul>\n");
}

fn artifacts(page: &mut Page, export: &Export) {
    if export.files.is_empty() {
        return;
    }
    page.raw("<h3>Files</h3><div class=\"scroll\"><table><thead><tr><th scope=\"col\">name</th>");
    page.raw(
        "<th scope=\"col\">type</th><th scope=\"col\" class=\"n\">size</th></tr></thead><tbody>\n",
    );
    for file in &export.files {
        page.element(
            "<tr><td class=\"c\"><code>",
            &file.artifact.name,
            "</code></td>",
        );
        page.element("<td>", &file.artifact.kind, "</td><td class=\"n\">");
        page.text(&bytes(file.artifact.size));
        page.raw(if file.path.is_some() {
            ""
        } else {
            " (missing)"
        });
        page.raw("</td></tr>\n");
    }
    page.raw("</tbody></table></div>\n");
}

fn events(page: &mut Page, document: Doc<'_>) {
    let events: Vec<Doc<'_>> = document.list("events").collect();
    page.raw("<details class=\"events\"><summary>All ")
        .number(events.len() as u64);
    page.raw(" events</summary>\n<ol>\n");
    for event in events.iter().take(EVENTS) {
        let time = event
            .time("at")
            .map(|at| at.strftime("%H:%M:%S").to_string());
        page.raw("<li><span class=\"n dim\">")
            .text(&event.word("seq"))
            .raw("</span> ");
        page.element(
            "<time class=\"dim\">",
            &time.unwrap_or_default(),
            "</time> ",
        );
        page.element("<span class=\"t\">", &event.word("text"), "</span></li>\n");
    }
    page.raw("</ol>\n");
    if events.len() > EVENTS {
        page.raw("<p class=\"note\">")
            .number((events.len() - EVENTS) as u64);
        page.raw(" more are left out here.</p>\n");
    }
    page.raw("</details>\n");
}
