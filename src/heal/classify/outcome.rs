//! How a command ended, where that alone decides: who stopped it, and what shells and tools mean by
//! their exit codes.

use crate::domain::failure::{Cause, ErrorType};

use super::facts::CommandFacts;
use super::verdict::Verdict;

/// Who ended the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It ended by itself, well.
    Well,
    /// It ended by itself with a code.
    Code(i32),
    /// The caller's limit, or `timeout(1)`.
    TimeLimit,
    /// Somebody else stopped it.
    Stopped,
    /// It reached a limit that the kernel enforces.
    Limit,
    /// It died of its own fault.
    Died,
    /// A sandbox ended it.
    Forbidden,
}

/// How the command ended.
pub(super) fn ending(facts: &CommandFacts<'_>) -> Ending {
    let by_timeout = facts.exit_code == Some(124) && facts.command.contains("timeout");
    if facts.timed_out || by_timeout {
        return Ending::TimeLimit;
    }
    let signal = match (facts.signal, facts.exit_code) {
        (Some(name), _) => name.trim_start_matches("SIG").to_ascii_uppercase(),
        (None, Some(code)) => match signal_of(code) {
            Some(name) => name.to_owned(),
            None if code == 0 => return Ending::Well,
            None => return Ending::Code(code),
        },
        (None, None) => return Ending::Code(-1),
    };
    match signal.as_str() {
        "KILL" | "TERM" | "INT" | "HUP" | "QUIT" | "ALRM" | "STOP" | "USR1" | "USR2" => {
            Ending::Stopped
        }
        "XCPU" | "XFSZ" => Ending::Limit,
        "SYS" => Ending::Forbidden,
        "PIPE" => Ending::Code(141),
        _ => Ending::Died,
    }
}

/// The signal behind a shell's exit code of 128 + n.
fn signal_of(code: i32) -> Option<&'static str> {
    Some(match code {
        129 => "HUP",
        130 => "INT",
        131 => "QUIT",
        132 => "ILL",
        133 => "TRAP",
        134 => "ABRT",
        135 => "BUS",
        136 => "FPE",
        137 => "KILL",
        139 => "SEGV",
        142 => "ALRM",
        143 => "TERM",
        152 => "XCPU",
        153 => "XFSZ",
        159 => "SYS",
        _ => return None,
    })
}

/// What an exit code means where the output says nothing: the conventions of `sysexits.h`, of
/// shells, of `curl` and of test runners.
pub(super) fn meaning(code: i32, program: &str) -> Option<Verdict> {
    let infra = |rule| Verdict::new(rule, ErrorType::Infra, Cause::Environment).sure(0.7);
    let config = |rule| Verdict::new(rule, ErrorType::Config, Cause::Missing).sure(0.7);
    let logic = |rule| Verdict::new(rule, ErrorType::Logic, Cause::Missing).sure(0.7);
    if program == "curl" {
        return curl(code);
    }
    Some(match (program, code) {
        ("pytest", 5) => logic("code.no_tests"),
        ("pytest", 4) => config("code.usage"),
        ("pytest", 3) => Verdict::new("code.internal", ErrorType::Runtime, Cause::Crash),
        ("nextest", 4) => logic("code.no_tests"),
        ("nextest", 96) => config("code.setup"),
        ("diff" | "cmp", 1) => Verdict::new("code.differs", ErrorType::Assertion, Cause::Tests),
        (_, 124) => infra("code.timeout").retryable(),
        (_, 126 | 127) => config("code.not_run"),
        (_, 64 | 78) => config("code.config"),
        (_, 69 | 75) => infra("code.unavailable").retryable(),
        (_, 68 | 71 | 74) => infra("code.system"),
        (_, 77) => infra("code.permission"),
        _ => return None,
    })
}

/// The numbers of `curl`.
fn curl(code: i32) -> Option<Verdict> {
    let infra = Verdict::new("code.curl", ErrorType::Infra, Cause::Environment).sure(0.85);
    let config = Verdict::new("code.curl", ErrorType::Config, Cause::Missing).sure(0.8);
    Some(match code {
        5..=7 | 12 | 16 | 18 | 28 | 52 | 55 | 56 | 92 | 95 | 97 => infra.retryable(),
        23 | 27 | 51 | 53 | 54 | 58..=60 | 66 | 77 | 80 | 83 | 90 => infra,
        1 | 2 | 4 | 35 | 45 | 47 | 48 | 67 | 94 | 98 => config,
        3 | 26 | 37 => Verdict::new("code.curl", ErrorType::Logic, Cause::Plan).sure(0.8),
        _ => return None,
    })
}
