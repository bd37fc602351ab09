//! What goes wrong, the same failure once: `rgpt inspect --failures`.

use jiff::Timestamp;
use serde_json::Value;

use super::document::Doc;
use super::layout::{hang, pad};
use super::look::{Look, Mark, style};
use super::outcome::commands_to_type;
use super::summary::section;
use super::units;

/// The kinds of failures, from an `inspect --failures --json` document.
pub(crate) fn report(document: &Value, now: Timestamp, look: &Look) -> String {
    let document = Doc(document);
    let groups: Vec<Doc<'_>> = document.list("failures").collect();
    let place = match document.text("run") {
        Some(run) => format!("run {run}"),
        None => "all runs".to_owned(),
    };
    let mut parts = Vec::new();
    if groups.is_empty() {
        parts.push(format!("no failures on the record of {place}"));
    } else {
        let blocks: Vec<String> = groups.iter().map(|one| block(*one, now, look)).collect();
        let kinds = document.number("kinds").unwrap_or(groups.len() as u64);
        let heading = format!("Failures of {place} ({kinds})");
        parts.extend(section(&heading, Some(blocks.join("\n"))));
        if kinds > groups.len() as u64 {
            parts.push(format!(
                "There are more: rgpt inspect --failures --limit {kinds}{}",
                look.repeated
            ));
        }
    }
    parts.extend(section("Quarantine", quarantine(document, now, look)));
    parts.extend(section("Rates", rates_lines(document.at("rates"), look)));
    parts.extend(section("Next", next(&groups, look)));
    parts.join("\n\n")
}

fn block(group: Doc<'_>, now: Timestamp, look: &Look) -> String {
    let open = group.is("open");
    let (healed, count) = (
        group.number("healed").unwrap_or(0),
        group.number("count").unwrap_or(0),
    );
    let (mark, state) = match (open, healed) {
        (true, _) => (Mark::Bad, "open"),
        (false, 0) => (Mark::Waiting, "gone"),
        (false, _) => (Mark::Good, "healed"),
    };
    let phases: Vec<String> = group.list("phases").filter_map(Doc::own_text).collect();
    let head = format!("  {} ", look.mark(mark));
    let title = format!(
        "{} in {}, {}: {state}",
        group.word("error_type"),
        phases.join(", "),
        times(count, group),
    );
    let mut lines = vec![hang(&head, &title, 2, look)];
    let rows = [
        ("message", group.text("message")),
        ("cause", cause(group)),
        ("seen", Some(seen(group, now))),
        ("healed", heals(group, healed, count)),
        ("open in", open_in(group)),
        ("origin", group.text("origin")),
        (
            "signature",
            group
                .text("signature")
                .map(|text| text.chars().take(12).collect()),
        ),
    ];
    for (name, text) in rows {
        if let Some(text) = text {
            let name = style::paint(style::DIM, name);
            lines.push(hang(&format!("      {}", pad(&name, 11)), &text, 4, look));
        }
    }
    lines.join("\n")
}

/// The root cause, where it says more than the message.
fn cause(group: Doc<'_>) -> Option<String> {
    let cause = group.text("root_cause")?;
    (!group.word("message").contains(&cause)).then_some(cause)
}

fn times(count: u64, group: Doc<'_>) -> String {
    let runs = group.number("runs").unwrap_or(1);
    let often = match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        count => format!("{count} times"),
    };
    match runs {
        1 => often,
        runs => format!("{often} in {runs} runs"),
    }
}

fn seen(group: Doc<'_>, now: Timestamp) -> String {
    let ago = |key: &str| {
        let at = group.time(key);
        at.map(|at| format!("{} ago", units::age(at, now)))
    };
    let run = group.word("last_run");
    let last = ago("last_seen").unwrap_or_default();
    match ago("first_seen") {
        Some(first) if first != last => format!("first {first}, last {last} in run {run}"),
        _ => format!("{last} in run {run}"),
    }
}

/// What healed it and what did not: hits of tries.
fn heals(group: Doc<'_>, healed: u64, count: u64) -> Option<String> {
    let tried: Vec<String> = group
        .list("heals")
        .map(|heal| {
            let (hits, tries) = (heal.word("hits"), heal.word("tries"));
            format!("{} {hits} of {tries}", heal.word("heal_action"))
        })
        .collect();
    match tried.is_empty() {
        true => None,
        false if count > 1 => Some(format!("{healed} of {count}: {}", tried.join(", "))),
        false => Some(tried.join(", ")),
    }
}

fn open_in(group: Doc<'_>) -> Option<String> {
    let runs: Vec<String> = group.list("open_runs").filter_map(Doc::own_text).collect();
    (!runs.is_empty()).then(|| format!("run {}", runs.join(", ")))
}

fn quarantine(document: Doc<'_>, now: Timestamp, look: &Look) -> Option<String> {
    let tests: Vec<String> = document
        .list("quarantine")
        .map(|test| {
            let left = test
                .time("until")
                .map(|until| format!("{} more", units::age(now, until)));
            let text = format!(
                "{} of check {}: failed {} of {} times, {} of {} on the base; not trusted for {} (run {})",
                test.word("test_case"),
                test.word("check"),
                test.word("failures"),
                test.word("runs"),
                test.word("base_failures"),
                test.word("base_runs"),
                left.unwrap_or_default(),
                test.word("run"),
            );
            hang(&format!("  {} ", look.mark(Mark::Warn)), &text, 4, look)
        })
        .collect();
    (!tests.is_empty()).then(|| tests.join("\n"))
}

/// How much failed at all, and how much still does.
fn rates_lines(rates: Doc<'_>, look: &Look) -> Option<String> {
    rates.number("phases").filter(|phases| *phases > 0)?;
    let row = |name: &str, key: &str| {
        let count = |suffix: &str| rates.number(&format!("{key}{suffix}"));
        let (all, failed) = (count("")?, count("_failed")?);
        let mut text = format!("{failed} of {all} failed{}", percent(failed, all));
        if let Some(open) = count("_open") {
            text.push_str(&format!(", {}{}", still(open), percent(open, all)));
        }
        let name = style::paint(style::DIM, name);
        Some(hang(&format!("  {}", pad(&name, 12)), &text, 3, look))
    };
    let rows = [
        row("phases", "phases"),
        row("executions", "executions"),
        row("runs", "runs").filter(|_| rates.number("runs") > Some(1)),
    ];
    Some(rows.into_iter().flatten().collect::<Vec<_>>().join("\n"))
}

/// The same in one line, for a run that had failures.
pub(crate) fn rates(rates: Doc<'_>) -> Option<String> {
    let count = |key: &str| rates.number(key);
    let (all, failed) = (count("phases")?, count("phases_failed")?);
    let open = count("phases_open")?;
    (failed > 0).then(|| {
        format!(
            "{failed} of {all} phases failed{}, {} after healing{}",
            percent(failed, all),
            still(open),
            percent(open, all)
        )
    })
}

fn still(open: u64) -> String {
    let word = if open == 1 { "does" } else { "do" };
    format!("{open} still {word}")
}

fn percent(part: u64, of: u64) -> String {
    match (part * 100).checked_div(of) {
        Some(share) if part > 0 => format!(" ({share} %)"),
        _ => String::new(),
    }
}

/// What is worth typing next: about a failure that is open.
fn next(groups: &[Doc<'_>], look: &Look) -> Option<String> {
    let open = groups.iter().find(|group| group.is("open"))?;
    let run = open.list("open_runs").next_back()?.own_text()?;
    let flags = &look.repeated;
    commands_to_type(
        &[
            (format!("rgpt inspect {run}{flags}"), "the whole record"),
            (
                format!("rgpt heal --run {run}{flags}"),
                "make one repair by hand",
            ),
        ],
        look,
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::render::fixture;

    fn shown(document: &Value) -> String {
        fixture::plain(&report(document, fixture::now(), &fixture::look()))
    }

    fn group(error_type: &str, open: bool) -> Value {
        json!({
            "signature": "51d0e9aa7c3300000000", "error_type": error_type, "origin": "code",
            "phases": ["builder", "tester"],
            "message": "assertion `left == right` failed: equally urgent items keep their order",
            "root_cause": "sort_by is not stable here", "count": 3, "runs": 2,
            "first_seen": "2026-10-05T11:03:04Z", "last_seen": "2026-10-05T12:03:04Z", "last_run": 4,
            "healed": 2, "open": open, "open_runs": if open { vec![4] } else { vec![] },
            "heals": [
                {"heal_action": "fix_assertion", "hits": 2, "tries": 3},
                {"heal_action": "replan", "hits": 0, "tries": 1},
            ],
        })
    }

    #[test]
    fn every_kind_says_how_often_where_and_what_healed_it() {
        let document = json!({
            "run": null, "kinds": 2,
            "failures": [group("ASSERTION_ERROR", true), group("RUNTIME_ERROR", false)],
            "quarantine": [{
                "check": "test", "test_case": "list::flaky", "runs": 5, "failures": 2, "base_runs": 10,
                "base_failures": 3, "run": 4, "since": "2026-10-05T12:03:04Z", "until": "2026-10-12T12:08:04Z",
            }],
            "rates": {"raw": 0.375, "healed": 0.125, "phases": 8, "phases_failed": 3, "phases_open": 1,
                      "executions": 12, "executions_failed": 4, "runs": 2, "runs_failed": 2, "runs_open": 1},
        });
        insta::assert_snapshot!(shown(&document), @r"
        Failures of all runs (2)
          ✗ ASSERTION_ERROR in builder, tester, 3 times in 2 runs: open
              message    assertion `left == right` failed: equally urgent items keep
                         their order
              cause      sort_by is not stable here
              seen       first 1 h ago, last 5 min ago in run 4
              healed     2 of 3: fix_assertion 2 of 3, replan 0 of 1
              open in    run 4
              origin     code
              signature  51d0e9aa7c33
          ✓ RUNTIME_ERROR in builder, tester, 3 times in 2 runs: healed
              message    assertion `left == right` failed: equally urgent items keep
                         their order
              cause      sort_by is not stable here
              seen       first 1 h ago, last 5 min ago in run 4
              healed     2 of 3: fix_assertion 2 of 3, replan 0 of 1
              origin     code
              signature  51d0e9aa7c33

        Quarantine
          ! list::flaky of check test: failed 2 of 5 times, 3 of 10 on the base; not
            trusted for 7 days more (run 4)

        Rates
          phases      3 of 8 failed (37 %), 1 still does (12 %)
          executions  4 of 12 failed (33 %)
          runs        2 of 2 failed (100 %), 1 still does (50 %)

        Next
          rgpt inspect 4     the whole record
          rgpt heal --run 4  make one repair by hand
        ");
    }

    #[test]
    fn where_nothing_went_wrong_it_says_so() {
        let document = json!({"run": 3, "kinds": 0, "failures": [], "quarantine": [],
            "rates": {"phases": 4, "phases_failed": 0, "phases_open": 0, "executions": 4, "executions_failed": 0, "runs": 1}});
        insta::assert_snapshot!(shown(&document), @r"
        no failures on the record of run 3

        Rates
          phases      0 of 4 failed, 0 still do
          executions  0 of 4 failed
        ");
    }

    #[test]
    fn words_of_others_are_clean_and_short_of_nothing() {
        let mut document = json!({"run": 1, "kinds": 40, "failures": [group("LLM_ERROR", false)]});
        document["failures"][0]["message"] = "\u{1b}[2J\u{202e}evil\nline".into();
        let shown = shown(&document);
        assert!(
            !shown.contains('\u{1b}') && !shown.contains('\u{202e}'),
            "{shown}"
        );
        assert!(
            shown.contains("There are more: rgpt inspect --failures --limit 40"),
            "{shown}"
        );
    }
}
