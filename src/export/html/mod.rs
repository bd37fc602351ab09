//! A run as one HTML page that needs nothing else: no script, no link to anywhere.
//!
//! [`markup`] is the only door for text of others. What is too long is cut, with a note where the
//! whole is.

mod markup;
mod record;
mod talk;
mod timeline;
mod verdicts;
mod work;

use jiff::Timestamp;

use super::{Export, words};
use crate::domain::units;
use crate::store::inspect::Doc;
use markup::{Page, class, sign};

const STYLE: &str = include_str!("style.css");

/// Before the title. Nothing is loaded, nothing is run, whatever slipped through.
const HEAD: &str = concat!(
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; ",
    "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n",
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
    "<meta name=\"color-scheme\" content=\"light dark\">\n",
    "<meta name=\"referrer\" content=\"no-referrer\">\n",
);

/// The page of a run.
pub fn html(export: &Export) -> String {
    let document = export.doc();
    let run = document.at("run");
    let mut sections = Page::default();
    let mut links = Vec::new();
    for (id, name, aside, body) in parts(export) {
        if !body.is_empty() {
            links.push((id, name));
        }
        sections.section(id, name, &aside, &body);
    }
    let mut page = Page::default();
    page.raw(HEAD)
        .raw("<title>Run ")
        .text(&run.word("id"))
        .raw(": ");
    page.text(&run.word("title")).raw("</title>\n<style>\n");
    page.raw(STYLE).raw("</style>\n</head>\n<body>\n");
    page.raw("<a class=\"skip\" href=\"#main\">Skip to the report</a>\n");
    header(&mut page, document, &links);
    page.raw("<main id=\"main\" class=\"wrap\">\n")
        .part(&sections)
        .raw("</main>\n");
    footer(&mut page, document);
    page.raw("</body>\n</html>\n");
    page.finish()
}

/// The sections, in order; what is empty is left out.
fn parts(export: &Export) -> Vec<(&'static str, &'static str, String, Page)> {
    let document = export.doc();
    let none = String::new;
    vec![
        ("goal", "Goal", none(), work::goal(document)),
        (
            "timeline",
            "Timeline",
            none(),
            timeline::timeline(&export.timeline),
        ),
        (
            "plan",
            "Plan",
            work::steps_done(document),
            work::plan(document),
        ),
        (
            "checks",
            "Checks",
            words::tests(document).unwrap_or_default(),
            verdicts::checks(export),
        ),
        (
            "repairs",
            "Repairs",
            verdicts::kept(document),
            verdicts::heals(document),
        ),
        (
            "findings",
            "Findings",
            verdicts::tally(document),
            verdicts::findings(document),
        ),
        ("change", "Change", work::size(export), work::change(export)),
        (
            "phases",
            "Phases and cost",
            none(),
            record::phases(document),
        ),
        ("talk", "Conversations", none(), talk::conversations(export)),
        ("record", "Record", none(), record::record(export)),
    ]
}

fn header(page: &mut Page, document: Doc<'_>, links: &[(&'static str, &'static str)]) {
    let run = document.at("run");
    let verdict = words::verdict(document);
    page.raw("<header class=\"top\"><div class=\"wrap\">\n<p class=\"eyebrow\">rgpt run ");
    page.text(&run.word("id"));
    if let Some(parent) = run.text("parent_run_id") {
        page.raw(" · forked from run ").text(&parent);
    }
    if let Some(at) = run.time("created_at") {
        page.raw(" · ").text(&moment(at));
    }
    page.raw("</p>\n")
        .element("<h1>", &run.word("title"), "</h1>\n");
    page.raw("<p class=\"verdict ")
        .raw(class(verdict.tone))
        .raw("\"><span class=\"word\">");
    page.raw("<span class=\"sign\" aria-hidden=\"true\">")
        .raw(sign(verdict.tone));
    page.raw("</span>").raw(verdict.word).raw("</span>");
    if !verdict.rest.is_empty() {
        page.element(" <span>", &verdict.rest, "</span>");
    }
    page.raw("</p>\n<dl class=\"numbers\">\n");
    for (name, value) in numbers(document) {
        page.raw("<div><dt>").raw(name).raw("</dt>");
        page.element("<dd>", &value, "</dd></div>\n");
    }
    page.raw("</dl>\n<nav aria-label=\"Sections\">");
    for (id, name) in links {
        page.raw("<a href=\"#")
            .raw(id)
            .raw("\">")
            .raw(name)
            .raw("</a>\n");
    }
    page.raw("</nav>\n</div></header>\n");
}

/// What is worth seeing first.
fn numbers(document: Doc<'_>) -> Vec<(&'static str, String)> {
    let run = document.at("run");
    let usage = run.at("usage");
    let time: u64 = document
        .list("phases")
        .filter_map(|phase| phase.number("duration_ms"))
        .sum();
    let tests = document.at("tester_output").at("summary");
    let ratio = tests
        .number("passed")
        .zip(tests.number("failed"))
        .filter(|(passed, failed)| passed + failed > 0)
        .map(|(passed, failed)| format!("{passed} of {}", passed + failed));
    let heals = document.list("heals").count();
    let kept = document
        .list("heals")
        .filter(|heal| heal.word("verdict") == "kept")
        .count();
    let all = [
        ("Time at work", Some(units::duration(time))),
        ("Tests passed", ratio),
        (
            "Repairs kept",
            (heals > 0).then(|| format!("{kept} of {heals}")),
        ),
        ("Model calls", usage.text("model_calls")),
        ("Tokens", usage.tokens().map(units::tokens)),
        ("Cost", usage.amount("cost_usd").map(units::cost)),
        (
            "Quality",
            run.amount("quality_score")
                .map(|score| format!("{score:.2}")),
        ),
    ];
    all.into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

fn footer(page: &mut Page, document: Doc<'_>) {
    let last = document.list("events").next_back();
    page.raw("<footer class=\"wrap\"><p>Made by rgpt ")
        .raw(env!("CARGO_PKG_VERSION"));
    page.raw(" from the record of run ")
        .text(&document.at("run").word("id"));
    if let Some(last) = last {
        page.raw(", as of event ").text(&last.word("seq"));
    }
    if let Some(at) = last.and_then(|last| last.time("at")) {
        page.raw(" (").text(&moment(at)).raw(")");
    }
    page.raw(". What is cut here is whole in <code>rgpt export ");
    page.text(&document.at("run").word("id"));
    page.raw(" --format zip</code>.</p></footer>\n");
}

/// A day and a time, in UTC.
fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
