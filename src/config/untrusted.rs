//! What a file that is tracked by git may not set.
//!
//! Whoever can push to a repository can write such a file, so it must not be able to send prompts
//! or keys elsewhere, spend more, or weaken what holds an agent back. It may say how the project
//! is built and tested, and be stricter than the person who runs rgpt.

use serde_json::Value;

use super::key_path::KeyPath;
use super::settings::PolicyMode;
use super::units::parse_duration;

/// A setting and the reason for which it is refused.
pub(super) type Violation = (KeyPath, String);

/// What the weaker layers come to. Where they cleared a setting, its default is in force again;
/// only in `budget` does a cleared setting mean that there is no limit.
pub(super) fn in_force(mut below: Value, defaults: &Value) -> Value {
    for (section, default) in entries(defaults) {
        if below[section.as_str()].is_null() {
            below[section.as_str()] = default.clone();
        } else if matches!(section.as_str(), "execution" | "healing" | "policy") {
            for (key, default) in entries(default) {
                if below[section.as_str()][key.as_str()].is_null() {
                    below[section.as_str()][key.as_str()] = default.clone();
                }
            }
        }
    }
    below
}

/// What an untrusted layer sets although it may not. `below` is what is [`in_force`] without it.
pub(super) fn violations(layer: &Value, below: &Value) -> Vec<Violation> {
    let mut found = Vec::new();
    let root = KeyPath::default();
    for (section, value) in entries(layer) {
        let path = root.key(section);
        let below = &below[section.as_str()];
        match section.as_str() {
            "providers" => found.push((path, refusal("say where prompts and keys are sent"))),
            "models" => found.push((path, refusal("choose providers and prices"))),
            "logging" => found.push((path, refusal("say what is logged"))),
            "cache" => found.push((path, refusal("say when a model is not asked again"))),
            "budget" => budget(value, below, &path, &mut found),
            "phases" => phases(value, below, &path, &mut found),
            "execution" => tighten(value, below, &path, execution, &mut found),
            "healing" => tighten(value, below, &path, healing, &mut found),
            "policy" => tighten(value, below, &path, policy, &mut found),
            "checks" => checks(value, below, &path, &mut found),
            // Findings, stability, workspace and release are the project's own business.
            _ => {}
        }
    }
    found
}

/// What an untrusted layer sets, so that its protected globs add to those below.
pub(super) fn adding_protected(mut layer: Value, below: &Value) -> Value {
    let protected = layer
        .get_mut("policy")
        .and_then(|policy| policy.get_mut("protected"));
    if let (Some(Value::Array(own)), Value::Array(theirs)) =
        (protected, &below["policy"]["protected"])
    {
        let mut all = theirs.clone();
        all.extend(own.drain(..).filter(|glob| !theirs.contains(glob)));
        *own = all;
    }
    layer
}

type Rule = fn(key: &str, value: &Value, below: &Value) -> Result<(), String>;

fn tighten(section: &Value, below: &Value, path: &KeyPath, rule: Rule, found: &mut Vec<Violation>) {
    if section.is_null() {
        found.push((path.clone(), refusal("clear what was set elsewhere")));
    }
    for (key, value) in entries(section) {
        if let Err(reason) = rule(key, value, &below[key.as_str()]) {
            found.push((path.key(key), reason));
        }
    }
}

fn budget(section: &Value, below: &Value, path: &KeyPath, found: &mut Vec<Violation>) {
    let (mut run, mut day) = (section.clone(), None);
    if let Some(caps) = run.as_object_mut() {
        day = caps.remove("day");
    }
    tighten(&run, below, path, may_lower, found);
    if let Some(day) = day {
        tighten(&day, &below["day"], &path.key("day"), may_lower, found);
    }
}

/// What a phase does is the project's own business, but for what it may spend and whom it may tell.
fn phases(section: &Value, below: &Value, path: &KeyPath, found: &mut Vec<Violation>) {
    let guarded = |phase: &Value| phase["private"] == true || !phase["budget"].is_null();
    if section.is_null() && entries(below).any(|(_, phase)| guarded(phase)) {
        found.push((path.clone(), refusal("clear what was set elsewhere")));
    }
    for (name, phase) in entries(section) {
        let (path, below) = (path.key(name), &below[name.as_str()]);
        if phase.is_null() && guarded(below) {
            found.push((path.clone(), refusal("clear what was set elsewhere")));
        }
        for (key, value) in entries(phase) {
            let path = path.key(key);
            match key.as_str() {
                "budget" => tighten(value, &below["budget"], &path, may_lower, found),
                "private" if value != true && below["private"] == true => {
                    let deed = "let models be asked that are not on your own machines";
                    found.push((path, refusal(deed)));
                }
                _ => {}
            }
        }
    }
}

fn may_lower(_: &str, value: &Value, below: &Value) -> Result<(), String> {
    let lower = match (amount(value), amount(below)) {
        (Some(value), Some(below)) => value <= below,
        (Some(_), None) => true,
        (None, _) => false,
    };
    if lower {
        return Ok(());
    }
    Err(refusal(&match below {
        Value::Null => "clear a limit".to_owned(),
        Value::String(text) => format!("set more than {text}"),
        other => format!("set more than {other}"),
    }))
}

/// A number, or a duration in milliseconds; `None` for no limit.
fn amount(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => Some(parse_duration(text).ok()?.as_secs_f64() * 1000.0),
        other => other.as_f64(),
    }
}

fn execution(key: &str, value: &Value, below: &Value) -> Result<(), String> {
    if key != "on_step_failure" {
        return may_lower(key, value, below);
    }
    if value == "stop" || value == below {
        Ok(())
    } else {
        Err(refusal("let a run go on after a failed step"))
    }
}

fn healing(key: &str, value: &Value, below: &Value) -> Result<(), String> {
    match key {
        "learn" => Ok(()),
        _ => may_lower(key, value, below),
    }
}

fn policy(key: &str, value: &Value, below: &Value) -> Result<(), String> {
    let mode = |value: &Value| serde_json::from_value::<PolicyMode>(value.clone()).ok();
    match key {
        "mode" => match (mode(value), mode(below)) {
            // Ordered from the strictest on.
            (Some(mode), Some(below)) if mode <= below => Ok(()),
            _ => Err(refusal("loosen the policy")),
        },
        "protected" if value.is_array() => Ok(()),
        "protected" => Err(refusal("take away protected globs")),
        "labels" => Err(refusal("speak for the person who starts a run")),
        _ => Err(refusal("say how commands are confined")),
    }
}

fn checks(section: &Value, below: &Value, path: &KeyPath, found: &mut Vec<Violation>) {
    for (name, check) in entries(section) {
        let path = path.key(name);
        let below = &below[name.as_str()];
        let handed = &below["pass_env"];
        let handed = handed.as_array().is_some_and(|names| !names.is_empty());
        for (key, value) in entries(check) {
            let reason = match key.as_str() {
                "pass_env" if value.as_array().is_some_and(|names| !names.is_empty()) => {
                    "hand out variables of your environment"
                }
                "network" if !value.is_null() && value != "none" => "give a check the network",
                "runner" | "image" | "pull" if !below[key].is_null() && *value != below[key] => {
                    "change where a check runs that your own configuration places"
                }
                "command" | "cwd" | "env" | "runner" | "image" if handed => {
                    "change a check that your own configuration hands variables to"
                }
                _ => continue,
            };
            found.push((path.key(key), refusal(reason)));
        }
    }
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn refusal(deed: &str) -> String {
    format!("a file tracked by git cannot {deed}")
}
