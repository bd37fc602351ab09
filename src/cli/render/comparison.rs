//! Two runs side by side: `rgpt diff`.

use anstyle::Style;
use serde_json::Value;

use super::document::Doc;
use super::layout::{count, fit, hang, pad, width};
use super::look::{Look, Mark, style};
use super::summary::section;
use super::{diff, replay, units};

/// How much of the patch is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patch {
    /// Its first lines.
    Beginning,
    /// All of it.
    Whole,
}

/// So many lines of a patch are shown unless all of it is wanted.
const PATCH_LINES: usize = 60;
/// More items than this are counted, not shown.
const MOST: usize = 12;
/// The column of names in the table.
const NAMES: usize = 10;

/// Both runs, from their `diff --json` document.
pub(crate) fn comparison(document: &Value, patch: Patch, look: &Look) -> String {
    let document = Doc(document);
    let mut parts = vec![
        header(document, look),
        table(document, look),
        verdict(document, look),
    ];
    let changed = patch_size(document);
    let sections = [
        ("First divergence", divergence(document, look)),
        ("Plan", plan(document, look)),
        ("Checks", checks(document, look)),
        ("Tests", tests(document, look)),
        ("Findings", findings(document, look)),
        ("Heals", heals(document, look)),
        (changed.as_str(), change(document, patch, look)),
    ];
    parts.extend(
        sections
            .into_iter()
            .filter_map(|(name, body)| section(name, body)),
    );
    parts.join("\n\n")
}

fn runs(document: Doc<'_>) -> [String; 2] {
    [document.word("a"), document.word("b")]
}

fn header(document: Doc<'_>, look: &Look) -> String {
    let [a, b] = runs(document);
    let titles = document.at("titles");
    let head = |name: String, title: &str| {
        let name = style::paint(style::HEAD, name);
        hang(&format!("{name}  "), &titles.word(title), 2, look)
    };
    let mut lines = match titles.word("a") == titles.word("b") {
        true => vec![head(format!("run {a} and run {b}"), "a")],
        false => vec![head(format!("run {a}"), "a"), head(format!("run {b}"), "b")],
    };
    let lineage = document.at("lineage");
    if let Some(fork) = lineage.text("run") {
        let told = serde_json::json!({ "replay": lineage.0 });
        let from = replay::fork(Doc(&told), &lineage.word("source"));
        lines.push(hang(
            "  ",
            &format!("run {fork} was forked {from}"),
            2,
            look,
        ));
    }
    let repositories = document.at("repositories");
    let (left, right) = (repositories.word("a"), repositories.word("b"));
    if left != right {
        let mark = format!("  {} ", look.mark(Mark::Warn));
        let text = format!("they worked on different repositories: {left} and {right}");
        lines.push(hang(&mark, &text, 3, look));
    }
    lines.join("\n")
}

/// A row of the table: a name and a text for each run.
type Row = (&'static str, [String; 2]);

fn table(document: Doc<'_>, look: &Look) -> String {
    let ids = runs(document).map(|id| format!("run {id}"));
    let rows = rows(document, look);
    let most = look.width.saturating_sub(2 + NAMES + 2) / 2;
    let first = rows.iter().map(|(_, texts)| width(&texts[0]));
    let column = first.chain([width(&ids[0])]).max().unwrap_or(0).min(most);
    let line = |name: &str, texts: &[String; 2], styles: [Style; 2]| {
        let name = style::paint(style::DIM, pad(name, NAMES));
        let a = style::paint(styles[0], pad(&fit(&texts[0], column, look), column));
        let b = style::paint(styles[1], fit(&texts[1], most, look));
        format!("  {name}{a}  {b}").trim_end().to_owned()
    };
    let mut lines = vec![line("", &ids, [style::DIM; 2])];
    lines.extend(rows.iter().map(|(name, texts)| {
        let styles = match *name {
            "state" => texts.each_ref().map(|text| state_style(text)),
            _ => [style::PLAIN; 2],
        };
        line(name, texts, styles)
    }));
    lines.join("\n")
}

fn rows(document: Doc<'_>, look: &Look) -> Vec<Row> {
    let both = |key: &str, of: &dyn Fn(Doc<'_>) -> String| {
        let pair = document.at(key);
        [of(pair.at("a")), of(pair.at("b"))]
    };
    let nothing = || look.nothing().to_owned();
    let duration = |ms: Doc<'_>| ms.0.as_u64().map_or_else(nothing, units::duration);
    let cost = |usage: Doc<'_>| usage.amount("cost_usd").map_or_else(nothing, units::cost);
    let tokens = |usage: Doc<'_>| {
        let calls = usage.number("model_calls").unwrap_or(0);
        let tokens = usage.tokens().map(units::tokens).unwrap_or_default();
        match calls {
            0 => nothing(),
            calls => format!("{tokens} in {}", count(calls, "call", "calls")),
        }
    };
    let heals = |heals: Doc<'_>| match heals.items().count() {
        0 => nothing(),
        number => number.to_string(),
    };
    let models = |side: &str| {
        let mut names: Vec<String> = Vec::new();
        for models in document.at("models").values() {
            for name in models.list(side).filter_map(|name| name.own_text()) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        match names.is_empty() {
            true => nothing(),
            false => names.join(", "),
        }
    };
    vec![
        ("state", both("states", &state)),
        ("time", both("duration_ms", &duration)),
        ("models", [models("a"), models("b")]),
        ("tokens", both("usage", &tokens)),
        ("cost", both("usage", &cost)),
        ("heals", both("heals", &heals)),
    ]
}

fn state(ending: Doc<'_>) -> String {
    let state = ending.word("state");
    match (ending.word("status").as_str(), ending.text("stop_reason")) {
        ("success", _) if ending.is("verified") => format!("{state}, verified"),
        ("success", _) => format!("{state}, unverified"),
        (_, Some(reason)) => format!("{state} ({reason})"),
        _ => state,
    }
}

fn state_style(text: &str) -> Style {
    match text {
        "done, verified" => style::GOOD,
        "failed" | "cancelled" => style::BAD,
        _ => style::WARN,
    }
}

fn verdict(document: Doc<'_>, look: &Look) -> String {
    let [a, b] = runs(document);
    let reasons: Vec<String> = document
        .list("reasons")
        .filter_map(|reason| reason.own_text())
        .collect();
    let (mark, text) = if document.is("regression") {
        let reasons = reasons.join(", ");
        (Mark::Bad, format!("Run {b} is worse: {reasons}"))
    } else if a == b {
        (Mark::Good, "One and the same run".to_owned())
    } else if document.is("same") {
        let text = "The same tree, verdicts and events; only ids, times and costs may differ";
        (Mark::Good, text.to_owned())
    } else {
        (Mark::Good, format!("Run {b} is not worse"))
    };
    hang(&format!("{} ", look.mark(mark)), &text, 4, look)
}

fn divergence(document: Doc<'_>, look: &Look) -> Option<String> {
    let parted = document.at("first_divergence");
    let call = parted.text("call").zip(parted.text("execution"));
    let call = call.map(|(call, execution)| format!(", by call {call} of execution {execution}"));
    let place = format!(
        "event {} ({}){}",
        parted.text("seq")?,
        parted.word("type"),
        call.unwrap_or_default()
    );
    let [a, b] = runs(document);
    let mut lines = vec![hang("  ", &place, 2, look)];
    lines.extend(replay::sides(parted, [&a, &b], look));
    Some(lines.join("\n"))
}

/// Lines, and how many more there are.
fn limited(mut lines: Vec<String>, document: Doc<'_>, look: &Look) -> Option<String> {
    let more = lines.len().saturating_sub(MOST);
    if more > 0 {
        let [a, b] = runs(document);
        lines.truncate(MOST);
        let command = format!("rgpt diff {a} {b}{} --json", look.repeated);
        lines.push(format!("  and {more} more: {command}"));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn item(sign: &str, tint: Style, text: &str, look: &Look) -> String {
    hang(&format!("  {} ", style::paint(tint, sign)), text, 3, look)
}

fn plan(document: Doc<'_>, look: &Look) -> Option<String> {
    let plan = document.at("plan");
    let step = |step: Doc<'_>| format!("{}: {}", step.word("id"), step.word("name"));
    let mut lines: Vec<String> = Vec::new();
    if plan.is("summary_changed") {
        lines.push(item("~", style::WARN, "summary", look));
    }
    for removed in plan.list("removed") {
        lines.push(item("-", style::BAD, &step(removed), look));
    }
    for added in plan.list("added") {
        lines.push(item("+", style::GOOD, &step(added), look));
    }
    for changed in plan.list("changed") {
        let fields: Vec<String> = changed
            .list("fields")
            .filter_map(|field| field.own_text())
            .collect();
        let text = format!("{} ({})", step(changed), fields.join(", "));
        lines.push(item("~", style::WARN, &text, look));
    }
    limited(lines, document, look)
}

fn checks(document: Doc<'_>, look: &Look) -> Option<String> {
    let lines = document.list("checks").map(|check| {
        let end = |side: &str| check.text(side).unwrap_or_else(|| "not run".to_owned());
        let (before, after) = (end("a"), end("b"));
        let mark = match after.as_str() {
            "not run" => Mark::Waiting,
            after => Mark::of(after),
        };
        let text = format!("{}: {before}, then {after}", check.word("name"));
        item(look.sign(mark), mark.style(), &text, look)
    });
    limited(lines.collect(), document, look)
}

fn tests(document: Doc<'_>, look: &Look) -> Option<String> {
    let tests = document.at("tests");
    let kinds = [
        ("newly_failing", Mark::Bad, "newly failing"),
        ("newly_passing", Mark::Good, "newly passing"),
        ("flaky", Mark::Warn, "flaky, passed and failed on one tree"),
    ];
    let lines = kinds.into_iter().flat_map(|(key, mark, words)| {
        tests.list(key).map(move |test| {
            let text = format!("{words}: {}", test.own_text().unwrap_or_default());
            item(look.sign(mark), mark.style(), &text, look)
        })
    });
    limited(lines.collect(), document, look)
}

fn findings(document: Doc<'_>, look: &Look) -> Option<String> {
    let findings = document.at("findings");
    let kinds = [("added", "+", style::BAD), ("resolved", "-", style::GOOD)];
    let lines = kinds.into_iter().flat_map(|(key, sign, tint)| {
        findings.list(key).map(move |finding| {
            let place = finding.text("location").map(|place| format!(" {place}:"));
            let text = format!(
                "{} {}{} {}",
                finding.word("severity"),
                finding.word("category"),
                place.unwrap_or_else(|| ":".to_owned()),
                finding.word("message")
            );
            item(sign, tint, &text, look)
        })
    });
    limited(lines.collect(), document, look)
}

/// The repairs of both runs, unless they are the same.
fn heals(document: Doc<'_>, look: &Look) -> Option<String> {
    let heals = document.at("heals");
    if heals.at("a").0 == heals.at("b").0 {
        return None;
    }
    let [a, b] = runs(document);
    let mut lines = Vec::new();
    for (id, side) in [(a, "a"), (b, "b")] {
        let mut head = style::paint(style::DIM, format!("  run {id}: "));
        if heals.list(side).next().is_none() {
            lines.push(format!("{head}none"));
        }
        for heal in heals.list(side) {
            let mark = match heal.text("verdict").as_deref() {
                Some("kept") => Mark::Good,
                Some(_) => Mark::Bad,
                None => Mark::Heal,
            };
            let text = format!(
                "{} in {}: {}",
                heal.word("error_type"),
                heal.word("phase"),
                heal.word("action")
            );
            lines.push(hang(&format!("{head}{} ", look.mark(mark)), &text, 2, look));
            head = " ".repeat(width(&head));
        }
    }
    Some(lines.join("\n"))
}

fn patch_size(document: Doc<'_>) -> String {
    let patch = document.at("patch").0.as_str().unwrap_or_default();
    let (mut files, mut added, mut removed, mut in_hunk) = (0_u64, 0_u64, 0_u64, false);
    for line in patch.lines() {
        match line.as_bytes().first() {
            Some(b'd') if line.starts_with("diff ") => (files, in_hunk) = (files + 1, false),
            Some(b'@') => in_hunk = true,
            Some(b'+') if in_hunk => added += 1,
            Some(b'-') if in_hunk => removed += 1,
            _ => {}
        }
    }
    match files {
        0 => "Patch".to_owned(),
        files => format!(
            "Patch ({}, +{added} -{removed})",
            count(files, "file", "files")
        ),
    }
}

fn change(document: Doc<'_>, shown: Patch, look: &Look) -> Option<String> {
    if let Some(why) = document.text("patch_missing") {
        let head = format!("  {} ", look.mark(Mark::Warn));
        return Some(hang(&head, &format!("cannot be shown: {why}"), 4, look));
    }
    let patch = document.at("patch").0.as_str()?.trim_end();
    if patch.is_empty() {
        return None;
    }
    let text = diff::diff(patch);
    let total = text.lines().count();
    if shown == Patch::Whole || total <= PATCH_LINES {
        return Some(text);
    }
    let [a, b] = runs(document);
    let lines: Vec<&str> = text.lines().take(PATCH_LINES).collect();
    let more = total - PATCH_LINES;
    let command = format!("rgpt diff {a} {b}{} --patch", look.repeated);
    Some(format!(
        "{}\n{}",
        lines.join("\n"),
        style::paint(style::DIM, format!("{more} more lines: {command}"))
    ))
}

#[cfg(test)]
mod tests;
