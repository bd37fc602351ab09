//! Taking out of a text what is a run's own, so that the rest can be compared word by word.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

use crate::heal::signature::{normal_form, pattern, without_escapes};

/// The words of a person or a model: all count but a run's branch and folders, commits and
/// temporary paths.
pub(super) fn own(text: &str) -> String {
    OWN.replace_all(text, |found: &Captures<'_>| {
        if found.name("path").is_some() {
            own_path(&found[0])
        } else if found.name("run").is_some() {
            format!("{}<run>", &found["label"])
        } else if found.name("temporary").is_some() {
            temporary_or(&found[0])
        } else {
            hash_or(&found[0])
        }
    })
    .into_owned()
}

/// What a tool or a program wrote, or words that cite it: times, durations, addresses, process ids,
/// ports and folders do not count.
pub(super) fn written(text: &str) -> String {
    let text = without_escapes(text);
    let text = DATE.replace_all(&text, "<time>");
    // A plain word, so that a path with it stays one path.
    let text = MKTEMP.replace_all(&text, |found: &Captures<'_>| {
        match looks_random(&found[0]) {
            true => "mktemp".to_owned(),
            false => found[0].to_owned(),
        }
    });
    let text = normal_form(&text);
    let text = COUNTED_FILE.replace_all(&text, |found: &Captures<'_>| {
        LONG_NUMBER.replace_all(&found[0], "<n>").into_owned()
    });
    let text = UNIT.replace_all(&text, "<n>");
    SAME_AGAIN.replace_all(&text, "<n>").into_owned()
}

/// A test's name or a place in the code: as [`own`], and addresses do not count.
pub(super) fn place(text: &str) -> String {
    ADDRESS.replace_all(&own(text), "<address>").into_owned()
}

/// A command line: as [`own`], and it does not matter how long it sleeps.
pub(super) fn command(text: &str) -> String {
    SLEEP.replace_all(&own(text), "sleep <n>").into_owned()
}

/// The value with every text in it put through `words`.
pub(super) fn reworded(value: &Value, words: fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(words(text)),
        Value::Array(items) => items.iter().map(|item| reworded(item, words)).collect(),
        Value::Object(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| (key.clone(), reworded(value, words)));
            Value::Object(entries.collect())
        }
        plain => plain.clone(),
    }
}

static OWN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?x)
        (?P<path>[^\s:;,'"`()<>\[\]{}|=]*/[^\s:;,'"`()<>\[\]{}|=]+)
      | (?P<run>(?P<label>\bRgpt-Run:\s*|--run[\ =])\d+\b)
      | (?P<temporary>\.?\btmp[._]?\w{6,}\b)
      | \b[0-9a-f]{10,64}\b
        "#,
    )
});
static MKTEMP: LazyLock<Regex> = LazyLock::new(|| pattern(r"\.?\btmp[._]?\w{6,}\b"));
static SLEEP: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bsleep\s+[\d.]+[smhd]?\b"));
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b0[xX][0-9a-fA-F]+\b"));

/// A date in words, as `date` prints it; the clock's figures are numbers like all others.
static DATE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x)
        \b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?\s+)?
        (?:\d{1,2}[\ -])?
        (?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?
          |Sep(?:tember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)[\ -]+
        \d{1,4}(?:,?\s+\d{4}\b)?
        (?:\s+\d{1,2}:\d\d(?::\d\d)?(?:\s+[AP]M\b)?(?:\s+[A-Z]{3,4}\b)?(?:\s+\d{4}\b)?)?",
    )
});
static COUNTED_FILE: LazyLock<Regex> = LazyLock::new(|| pattern(r"<path>/\S+"));
static LONG_NUMBER: LazyLock<Regex> = LazyLock::new(|| pattern(r"\d{3,}"));
static UNIT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"<n> ?(?:(?:nano|micro|milli)?sec(?:ond)?s?|min(?:ute)?s?|hours?|ns|µs|us|ms|s|m|h)\b")
});
static SAME_AGAIN: LazyLock<Regex> = LazyLock::new(|| pattern(r"<n>(?:[ :.,]*<n>)+"));

/// The worktree's part of a path: `<cache>/rgpt/<repository>/run-<id>/<name>`.
static WORKTREE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^.*?/rgpt/[^/]+/run-\d+(?:-check|-base)?(?:/[^/]+)?"));
static TEMPORARY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^/*(?:/private)?(?:/(?:var/)?tmp|/dev/shm|/var/folders/[^/]+/[^/]+/T)/[^/]+")
});
static RUN_PART: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?P<label>(?:^|/)rgpt/run-|/(?:artifacts|locks)/run-|refs/rgpt/run/)\d+(?:-\d+)?\b")
});
static WORD: LazyLock<Regex> = LazyLock::new(|| pattern(r"[^/\-.]+"));

fn own_path(path: &str) -> String {
    let path = WORKTREE.replace(path, "<worktree>");
    let path = TEMPORARY.replace(&path, "<tmp>");
    let path = RUN_PART.replace_all(&path, "$label<run>");
    let path = MKTEMP.replace_all(&path, |found: &Captures<'_>| temporary_or(&found[0]));
    WORD.replace_all(&path, |found: &Captures<'_>| hash_or(&found[0]))
        .into_owned()
}

/// A name with digits as `mktemp` and its kin make them up; one without may as well be a variable's.
fn temporary_or(name: &str) -> String {
    match looks_random(name) && name.contains(|c: char| c.is_ascii_digit()) {
        true => "<tmp>".to_owned(),
        false => name.to_owned(),
    }
}

/// Letters and digits, or letters of both cases.
fn looks_random(name: &str) -> bool {
    let tail = name
        .trim_start_matches('.')
        .trim_start_matches("tmp")
        .trim_start_matches(['.', '_']);
    let has = |kind: fn(&char) -> bool| tail.chars().any(|c| kind(&c));
    let kinds = [
        has(char::is_ascii_digit),
        has(char::is_ascii_lowercase),
        has(char::is_ascii_uppercase),
    ];
    kinds.iter().filter(|kind| **kind).count() >= 2
}

/// A commit's id, whole or short, has digits and letters; words and numbers seldom have both.
fn hash_or(word: &str) -> String {
    let hex = |c: u8| matches!(c, b'0'..=b'9' | b'a'..=b'f');
    let is_hash = (10..=64).contains(&word.len())
        && word.bytes().all(hex)
        && word.bytes().any(|c| c.is_ascii_digit())
        && word.bytes().any(|c| c.is_ascii_lowercase());
    if is_hash {
        "<commit>".to_owned()
    } else {
        word.to_owned()
    }
}
