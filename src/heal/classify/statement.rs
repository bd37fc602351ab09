//! The line in which a test runner states why a test failed, and what that line says.

use std::sync::LazyLock;

use regex::Regex;

use crate::domain::failure::{Cause, ErrorType};

use super::super::signature::pattern;
use super::rules::{self, Verdict};

/// Lines that state a failure by their position: after a runner's or language's own mark. The
/// statement itself is the group `says`, or the next line if that is empty.
static STATEMENT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x)
        ^thread\ .*\ panicked\ at\ (?:'(?P<old>.*)',\ )?\S+:\d+:\d+:?\s*$       # Rust: the next line
      | ^(?:E|>)\ {2,}(?P<py>(?:assert\b|[A-Za-z_][\w.]*(?:Error|Exception|Exit|Failed|Timeout|Interrupt|Warning|Iteration)\b|Failed:|fixture\ ).*)$
      | ^(?P<exception>[A-Za-z_][\w.:$]*(?:Error|Exception|Interrupt|Iteration)(?:\ \[\w+\])?(?::\ .*|))$
      | ^\s{2,}(?P<js>(?:\w*Error|AssertionError)(?:\ \[\w+\])?:\ .*|expect\(.*)$
      | ^(?P<go>panic:\ .*)$
      | ^\s+\w+_test\.go:\d+:\ (?P<gotest>.*)$
      | ^(?P<note>note:\ test\ did\ not\ panic\ as\ expected.*)$
      | ^(?P<result>Error:\ .*)$
      | ^(?P<doctest>Failed\ example:)$
      | ^\s*(?P<coverage>(?:FAIL\ )?Required\ test\ coverage.*)$
      ",
    )
});

/// What an assertion looks like in its own statement.
static ASSERTION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x)^(?:assert\b|assertion\b|Assert\w*Error|AssertionError|Failed:\ DID\ NOT
          |expect\(|Failed\ example:|note:\ test\ did\ not\ panic|(?:FAIL\ )?Required\ test\ coverage
          |Error:\ (?:Property\ failed|Snapshot\ .*\ mismatched))
        |(?:^|\.)(?:Assertion\w*|ExpectationFailed\w*)(?:Error|Exception|:)
        |(?i:\bexpected\b.*\b(?:got|found|actual|but|was)\b|\b(?:got|actual)\b.*\b(?:want|expected)\b|\bwant(?:ed)?\b.*\bgot\b|\bshould\b)",
    )
});

/// The statements in `text`, each with the number of its line from 0.
pub(super) fn statements(text: &str) -> Vec<(usize, &str)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(groups) = STATEMENT.captures(line) else {
            continue;
        };
        match groups.iter().skip(1).flatten().next() {
            // unittest wraps the error that stopped an import; the error itself follows.
            Some(says) if says.as_str().contains("Failed to import test module") => {}
            Some(says) => found.push((at, says.as_str())),
            None => found.extend(lines.get(at + 1).map(|next| (at + 1, next.trim()))),
        }
    }
    found
}

/// What one statement says: an assertion that failed, an environment that was at fault, or (that
/// is the rest) a crash. `text` is what stands around it.
pub(super) fn judge(statement: &str, text: &str) -> Verdict {
    let environment = rules::environment(statement, text);
    if ASSERTION.is_match(statement) {
        // An assertion on a call that failed is only the messenger: its text ends in the error
        // of the operating system, not in a value that was compared.
        let messenger = environment.filter(|_| OS_ERROR_AT_END.is_match(statement));
        return messenger
            .unwrap_or_else(|| Verdict::new(ErrorType::Assertion, Cause::Tests).at(statement));
    }
    environment
        .or_else(|| rules::logic(statement, false))
        .unwrap_or_else(|| Verdict::new(ErrorType::Runtime, Cause::Crash).at(statement))
}

static OS_ERROR_AT_END: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^assert[^=]*(?:unreachable|failed|:)[^=]*(?:\(os error \d+\)|[Cc]onnection refused)$")
});
