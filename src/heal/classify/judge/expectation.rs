//! Expectations that failed, and those that only carry an error of the environment.

use std::sync::LazyLock;

use regex::Regex;

use crate::domain::failure::{Cause, ErrorType};

use super::super::super::signature::pattern;
use super::super::lexicon;
use super::super::missing;
use super::super::verdict::Verdict;
use super::{COMPARED, Setting, assertion};

/// A failed expectation is one, unless it only carries the environment's own error.
pub(super) fn expectation(text: &str, near: &str, setting: &Setting<'_>) -> Verdict {
    match carried(text, near, setting) {
        Some(verdict) => verdict.sure(0.8),
        None if !text.contains("==") && missing::variable(text, "").is_some() => {
            missing::variable(text, "").unwrap_or_else(assertion)
        }
        None if text.to_ascii_lowercase().contains("overage") => {
            Verdict::new("tests.coverage", ErrorType::Assertion, Cause::Lint)
        }
        None => assertion(),
    }
}

/// The environment's error that a message carries: in the words of the operating system at its end
/// or in an error's own structure, not in a value that is compared or quoted.
pub(super) fn carried(text: &str, near: &str, setting: &Setting<'_>) -> Option<Verdict> {
    static COMPARES: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)==|!=| (?:in|is) |\bexpected\b|\bto (?:be|equal|have|match|contain|throw)\b|\bgot\b|\bshould\b|\bactual\b|\bwant(?:ed)?\b|\bidentical\b|\bequals?\b|<.*> but was",
        )
    });
    static CARRIES: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)\bOs \{ code: \d+|\(os error \d+\)|\[Errno -?\d+\]|\(errno \d+\)|not reachable|unreachable|\bE(?:CONN|ADDR|ACCES|NOSPC|ROFS|TIMEDOUT|HOSTUNREACH|NETUNREACH|AI_AGAIN|NOTFOUND|MFILE|NOMEM)\w*|kind: (?:Connection|TimedOut|AddrInUse|PermissionDenied|HostUnreach|StorageFull)\w*|(?:^|[:\s(])(?:dial (?:tcp|unix)\b.*|connection refused|connection reset by peer|no route to host|name or service not known|no space left on device|temporary failure in name resolution|no such host|i/o timeout|address already in use|network is unreachable|too many open files)\)?[.!]?$",
        )
    });
    static STRUCTURE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"\bOs \{ code: \d+|\[Errno -?\d+\]|\bconnect ECONN\w+|dial (?:tcp|unix) \S+: .*: |lookup \S+: no such host|\(os error \d+\)$|connect: connection refused",
        )
    });
    let unquoted = without_quotes(text);
    let carries = STRUCTURE.is_match(&unquoted)
        || (CARRIES.is_match(&unquoted) && !COMPARES.is_match(&unquoted));
    if !carries {
        return plugin(text);
    }
    missing::verdict(text, near, setting.facts)
        .or_else(|| around(text))
        .filter(Verdict::is_around)
}

/// A program's own assertion about what is around it.
pub(super) fn messenger(text: &str) -> Option<Verdict> {
    let compares = COMPARED.is_match(text) || text.contains("==");
    around(text).filter(|verdict| !compares && verdict.confidence > 0.8)
}

/// A runner fails a test that it cannot run for want of a plugin.
fn plugin(text: &str) -> Option<Verdict> {
    let rule = lexicon::meanings(text).find(|rule| rule.id == "missing.package")?;
    text.starts_with("Failed: ")
        .then(|| Verdict::of(rule, text))
}

/// `text` without what stands in quotation marks.
fn without_quotes(text: &str) -> String {
    let mut inside: Option<char> = None;
    let mut before = ' ';
    let mut left = String::with_capacity(text.len());
    for c in text.chars() {
        match inside {
            Some(quote) if c == quote => inside = None,
            Some(_) => {}
            // An apostrophe within a word opens nothing.
            None if matches!(c, '"' | '`') || (c == '\'' && !before.is_alphanumeric()) => {
                inside = Some(c)
            }
            None => left.push(c),
        }
        before = c;
    }
    match inside {
        // An odd mark: nothing is known to be quoted.
        Some(_) => text.to_owned(),
        None => left,
    }
}

/// The first meaning that is around the program.
fn around(text: &str) -> Option<Verdict> {
    lexicon::meanings(text)
        .map(|rule| Verdict::of(rule, text))
        .find(Verdict::is_around)
}
