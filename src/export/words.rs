//! What is said of a run, in the same words wherever it is shown.

use crate::domain::units;
use crate::store::inspect::Doc;

/// How good something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// It went well.
    Good,
    /// Look at it.
    Warn,
    /// It went wrong.
    Bad,
    /// It goes on.
    Busy,
    /// It has not begun.
    Idle,
}

/// How a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How good that is.
    pub tone: Tone,
    /// It in a word or two.
    pub word: &'static str,
    /// Why, or what came of it; may be empty.
    pub rest: String,
}

/// What was asked of a run, of an intervention's object.
pub fn asked(one: Doc<'_>) -> String {
    let switch = one.at("switch");
    match (switch.text("agent"), switch.text("model")) {
        (Some(agent), Some(model)) => format!("the {agent} is to ask {model}"),
        _ => one.word("kind"),
    }
}

/// How the run of an `inspect --json` document stands: reached, stopped, failed, and why.
pub fn verdict(document: Doc<'_>) -> Verdict {
    let run = document.at("run");
    let (tone, word, rest) = match run.word("status").as_str() {
        "success" => reached(run),
        "stopped" => stopped(document),
        "failed" => (Tone::Bad, "Failed", reason(document, "run.failed")),
        "cancelled" => (Tone::Bad, "Cancelled", reason(document, "run.cancelled")),
        "pending" => (Tone::Idle, "Pending", "not started yet".to_owned()),
        _ if document.is_not("driven") => (
            Tone::Warn,
            "Interrupted",
            format!("its process is gone; it stands at {}", run.word("state")),
        ),
        _ => (
            Tone::Busy,
            "Running",
            format!("state {}", run.word("state")),
        ),
    };
    Verdict { tone, word, rest }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.rest.as_str() {
            "" => f.write_str(self.word),
            rest => write!(f, "{}: {rest}", self.word),
        }
    }
}

fn reached(run: Doc<'_>) -> (Tone, &'static str, String) {
    let branch = run.word("branch");
    let commit = short(&run.word("commit"));
    let applied = run.text("applied_to");
    let applied = applied.map_or_else(String::new, |to| format!(", applied to {to}"));
    if run.is("verified") {
        let text = format!("branch {branch}, commit {commit}, verified{applied}");
        (Tone::Good, "Reached", text)
    } else {
        let why = "unverified: no check has run on it";
        let text = format!("branch {branch}, commit {commit}{applied}, {why}");
        (Tone::Warn, "Reached", text)
    }
}

fn stopped(document: Doc<'_>) -> (Tone, &'static str, String) {
    let run = document.at("run");
    let why = run.word("stop_reason");
    let message = reason(document, "run.stopped");
    match why.as_str() {
        "until" if repair_taken_back(document) => {
            let text = "the repair by hand made nothing better and was taken back";
            (Tone::Bad, "Stopped", text.to_owned())
        }
        "until" => (Tone::Good, "Stopped as asked", message),
        "awaiting_human" => {
            let required = document.at("stop").text("action_required");
            let required = required.map(|act| format!(". To do: {act}"));
            (
                Tone::Warn,
                "Waiting for you",
                format!("{message}{}", required.unwrap_or_default()),
            )
        }
        // Nobody asked to wait: there was nobody to ask.
        "rate_limited" if must_act(document) => (Tone::Warn, "Stopped", message),
        _ if message.is_empty() => (Tone::Warn, "Stopped", why),
        _ => (Tone::Warn, "Stopped", format!("{message} ({why})")),
    }
}

/// Whether a person must do something before a stopped run can go on.
pub fn must_act(document: Doc<'_>) -> bool {
    document.at("stop").text("action_required").is_some()
}

/// Whether a run that stopped as asked stands on its failure still: what was asked for was one
/// repair, and it did not help.
pub fn repair_taken_back(document: Doc<'_>) -> bool {
    let last = document.list("heals").next_back();
    let taken_back = last.is_some_and(|heal| heal.word("verdict") == "restored");
    taken_back && document.at("run").word("state").ends_with("_error")
}

/// The words of the last event of this type, without the class that its text begins with.
fn reason(document: Doc<'_>, kind: &str) -> String {
    let text = document
        .list("events")
        .rev()
        .find(|event| event.word("type") == kind)
        .map(|event| event.word("text"))
        .unwrap_or_default();
    match text.split_once(": ") {
        Some((head, rest)) if head == "cancelled" || head.ends_with(')') => rest.to_owned(),
        _ if text == "cancelled" => String::new(),
        _ => text,
    }
}

/// What a check came to: `passed after a step, 810 ms`.
pub fn check(check: Doc<'_>) -> String {
    let status = check.word("status");
    let mut text = match status.as_str() {
        "baseline" => "fails only where the base fails too".to_owned(),
        "error" => "could not be carried out".to_owned(),
        _ => status,
    };
    match check.number("reruns").filter(|reruns| *reruns > 0) {
        Some(1) => text.push_str(", and once again"),
        Some(2) => text.push_str(", and twice again"),
        Some(more) => text.push_str(&format!(", and {more} times again")),
        None => {}
    }
    match check.word("scope").as_str() {
        "base" => text.push_str(" on the base"),
        "step" => text.push_str(" after a step"),
        _ => {}
    }
    if let Some(code) = check.number("exit_code").filter(|code| *code != 0) {
        text.push_str(&format!(", exit code {code}"));
    }
    if let Some(ms) = check.number("duration_ms") {
        text.push_str(&format!(", {}", units::duration(ms)));
    }
    if let Some(note) = check.text("note") {
        text.push_str(&format!(": {note}"));
    }
    text
}

/// The last run of every check on the run's own trees.
pub fn last_checks(document: Doc<'_>) -> Vec<Doc<'_>> {
    let mut last: Vec<Doc<'_>> = Vec::new();
    for check in document
        .list("checks")
        .filter(|check| check.word("scope") != "base")
    {
        match last
            .iter_mut()
            .find(|known| known.word("name") == check.word("name"))
        {
            Some(known) => *known = check,
            None => last.push(check),
        }
    }
    last
}

/// The tests of the last tester, as in `14 tests passed`.
pub fn tests(document: Doc<'_>) -> Option<String> {
    let summary = document.at("tester_output").at("summary");
    let (passed, failed) = (summary.number("passed")?, summary.number("failed")?);
    let skipped = summary.number("skipped").unwrap_or(0);
    let mut text = format!("{} passed", count(passed, "test", "tests"));
    for (number, word) in [(failed, "failed"), (skipped, "skipped")] {
        if number > 0 {
            text.push_str(&format!(", {number} {word}"));
        }
    }
    (passed + failed + skipped > 0).then_some(text)
}

/// The phase that a heal is for, by its bare name.
pub fn healed_phase(heal: Doc<'_>) -> String {
    let phase = heal.word("phase");
    phase.strip_suffix("_running").unwrap_or(&phase).to_owned()
}

/// How a heal ended.
pub fn heal(heal: Doc<'_>) -> (Tone, String) {
    match heal.text("verdict").as_deref() {
        Some("kept") => (Tone::Good, "kept".to_owned()),
        Some("restored") => (Tone::Bad, "taken back".to_owned()),
        Some(other) => (Tone::Warn, other.to_owned()),
        None => (Tone::Busy, "under way".to_owned()),
    }
}

/// The tone of the status of a phase, step, execution, check or heal.
pub fn tone(status: &str) -> Tone {
    match status {
        "completed" | "passed" | "success" | "kept" | "ok" | "done" => Tone::Good,
        "failed" | "error" | "fail" => Tone::Bad,
        "running" => Tone::Busy,
        "pending" | "skipped" => Tone::Idle,
        _ => Tone::Warn,
    }
}

/// What the model calls of a run, a phase or an execution used: `9 model calls, 12.3k tokens, $0.03`.
pub fn usage(of: Doc<'_>) -> Option<String> {
    let usage = of.at("usage");
    let calls = usage.number("model_calls")?;
    let parts = [
        Some(count(calls, "model call", "model calls")),
        usage
            .tokens()
            .map(|tokens| format!("{} tokens", units::tokens(tokens))),
        usage.amount("cost_usd").map(units::cost),
    ];
    Some(parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

/// The first ten characters of a commit's id.
pub fn short(commit: &str) -> String {
    commit.chars().take(10).collect()
}

/// A number with its word: `1 test`, `2 tests`.
pub fn count(number: u64, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}
