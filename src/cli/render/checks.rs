//! Checks and findings.

use super::document::Doc;
use super::layout::{hang, pad, width};
use super::look::{Look, Mark, style};
use crate::export::words;

/// More open findings than this are counted, not shown.
const MOST_FINDINGS: usize = 10;

/// The last verdict of every check on the run's own trees.
pub(crate) fn verdicts(document: Doc<'_>, look: &Look) -> Option<String> {
    let last = words::last_checks(document);
    listed(&last, look)
}

/// Every check that ran, in order.
pub(crate) fn all(document: Doc<'_>, look: &Look) -> Option<String> {
    let checks: Vec<Doc<'_>> = document.list("checks").collect();
    listed(&checks, look)
}

fn listed(checks: &[Doc<'_>], look: &Look) -> Option<String> {
    let names = checks
        .iter()
        .map(|check| width(&check.word("name")))
        .max()?
        .min(24);
    let lines: Vec<String> = checks
        .iter()
        .map(|check| {
            let status = check.word("status");
            let mark = Mark::of(&status);
            let head = format!(
                "  {} {}  ",
                look.mark(mark),
                pad(&check.word("name"), names)
            );
            hang(&head, &words::check(*check), 3, look)
        })
        .collect();
    Some(lines.join("\n"))
}

/// Findings that still stand, the worst first.
pub(crate) fn open_findings(document: Doc<'_>, look: &Look) -> Option<String> {
    let mut open: Vec<Doc<'_>> = document
        .list("findings")
        .filter(|finding| !finding.is("resolved"))
        .collect();
    open.sort_by_key(|finding| weight(&finding.word("severity")));
    let mut lines: Vec<String> = open
        .iter()
        .take(MOST_FINDINGS)
        .map(|found| finding(*found, look))
        .collect();
    if let Some(more) = open
        .len()
        .checked_sub(MOST_FINDINGS)
        .filter(|more| *more > 0)
    {
        let id = document.at("run").word("id");
        lines.push(format!("  and {more} more: rgpt inspect {id}"));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Every finding, those that are gone too.
pub(crate) fn all_findings(document: Doc<'_>, look: &Look) -> Option<String> {
    let lines: Vec<String> = document
        .list("findings")
        .map(|found| finding(found, look))
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// How many findings stand, as in `1 open, 3 resolved`.
pub(crate) fn tally(document: Doc<'_>) -> String {
    let (resolved, open): (Vec<_>, Vec<_>) = document
        .list("findings")
        .partition(|finding| finding.is("resolved"));
    format!("{} open, {} resolved", open.len(), resolved.len())
}

fn finding(finding: Doc<'_>, look: &Look) -> String {
    let severity = finding.word("severity");
    let (mark, tint) = match severity.as_str() {
        _ if finding.is("resolved") => (Mark::Good, style::DIM),
        "major" => (Mark::Bad, style::BAD),
        "medium" => (Mark::Warn, style::WARN),
        _ => (Mark::Waiting, style::PLAIN),
    };
    let kind = pad(&format!("{severity} {}", finding.word("category")), 15);
    let place = finding
        .text("location")
        .map(|at| format!("{at}: "))
        .unwrap_or_default();
    let head = format!("  {} {}  ", look.mark(mark), style::paint(tint, kind));
    hang(
        &head,
        &format!("{place}{}", finding.word("message")),
        3,
        look,
    )
}

fn weight(severity: &str) -> u8 {
    match severity {
        "major" => 0,
        "medium" => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests_of_findings {
    use serde_json::json;

    use super::*;
    use crate::cli::render::fixture;

    #[test]
    fn the_worst_findings_come_first_and_the_rest_is_counted() {
        let mut findings: Vec<_> = (0..10)
            .map(|n| json!({"severity": "minor", "category": "lint", "message": format!("m{n}")}))
            .collect();
        findings.push(json!({"severity": "medium", "category": "lint", "message": "b"}));
        findings.push(
            json!({"severity": "major", "category": "test", "message": "a",
            "location": "tests/a.rs:1"}),
        );
        let document = json!({"run": {"id": 7}, "findings": findings});
        let shown = fixture::plain(&open_findings(Doc(&document), &fixture::look()).unwrap());
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[0], "  ✗ major test       tests/a.rs:1: a");
        assert_eq!(lines[1], "  ! medium lint      b");
        assert_eq!(lines[10], "  and 2 more: rgpt inspect 7");
    }
}
