//! Recognising the same failure again: what varies from run to run is taken out, the rest hashed.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::domain::failure::{Cause, ErrorType};
use crate::domain::id::Digest;

/// The signature of a failure with these facts. Tests' names count as they are, in any order;
/// `line` counts in its [`normal_form`].
pub fn signature(
    error_type: ErrorType,
    cause: Cause,
    check: &str,
    tests: &[String],
    line: &str,
) -> Digest {
    let mut tests: Vec<&str> = tests.iter().map(String::as_str).collect();
    tests.sort_unstable();
    tests.dedup();
    let facts = format!(
        "{error_type}\0{cause:?}\0{check}\0{}\0{}",
        tests.join("\n"),
        normal_form(line)
    );
    Digest::of(facts.as_bytes())
}

/// `text` without what varies although the failure is the same: times, durations, addresses,
/// hashes, folders, temporary files, line numbers and other numbers. Error codes (`E0308`,
/// `os error 2`, `HTTP 503`), words and file names stay.
pub fn normal_form(text: &str) -> String {
    let text = without_escapes(text);
    let text = VARIABLE.replace_all(&text, |found: &Captures<'_>| {
        let is = |name| found.name(name).is_some();
        if is("code") {
            found[0].to_owned()
        } else if is("path") {
            file_of(&found[0])
        } else if is("host") {
            "<host>".to_owned()
        } else if is("time") {
            "<time>".to_owned()
        } else if is("request") {
            "request id <id>".to_owned()
        } else if is("hex") {
            "<hex>".to_owned()
        } else if is("word") {
            hash_or_word(&found[0])
        } else {
            "<n>".to_owned()
        }
    });
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `text` without terminal escape sequences and carriage returns.
pub(crate) fn without_escapes(text: &str) -> String {
    ESCAPE.replace_all(text, "").into_owned()
}

static ESCAPE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\r"));

/// Tried at each place in this order. `word` must come before `number`, so that digits within a
/// word are seen as part of it.
static VARIABLE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?x)
        (?P<code>\b(?i:os\ error|errno|exit\ (?:code|status)|status|http|signal|error\ code|returned\ error|error|Error\ type)[\ :=]+\d{1,5}\b | \bcurl:\ \(\d+\))
      | (?P<host>\b(?:localhost|(?:\d{1,3}\.){3}\d{1,3}|\[::1?\])(?::\d{1,5}\b)?)
      | (?P<path>(?:[A-Za-z]:[\\/]|\\\\|~[\\/]|(?:\b|\.{1,2})?/)[^\s:;,'"`()<>\[\]{}]+)
      | (?P<time>\b\d{4}-\d\d-\d\d(?:[T\ _]\d\d[:\-]\d\d(?:[:\-]\d\d(?:[.,]\d+)?)?)?(?:Z\b|\ ?[+-]\d\d:?\d\d\b)?
          | \b\d\d:\d\d:\d\d(?:[.,]\d+)?\b
          | \b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\w*,?\ (?:\d{1,2}\ )?[A-Z][a-z]{2}\ (?:\d{1,2}|\d{4})\b
          | \b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\ \ ?\d{1,2}\b)
      | (?P<request>\brequest\ id\ [^\s,;)]+)
      | (?P<hex>\b0[xX][0-9a-fA-F]+\b
          | \b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b
          | @[0-9a-f]{5,16}\b)
      | (?P<number>\b\d+(?:\.\d+)*\ ?(?:nanoseconds?|microseconds?|milliseconds?|millis|seconds?|secs?|minutes?|bytes|ns|µs|us|ms|s|m|h|%|[kKMGT]i?B)\b
          | \b\d+(?:[.,]\d+)*(?:ns|µs|us|ms|s|m|h|%|[kKMG]i?B)?(?:\b|$))
      | (?P<word>\b\w+\b)
        "#,
    )
});

/// A path's file name; nothing of it if that may be a temporary name.
fn file_of(path: &str) -> String {
    let mut parts = path.rsplit(['/', '\\']);
    let name = parts.next().unwrap_or_default();
    let folder = parts.next().unwrap_or_default();
    let has_extension = name.rsplit_once('.').is_some_and(|(stem, end)| {
        !stem.is_empty() && (1..=5).contains(&end.len()) && end.chars().all(char::is_alphabetic)
    });
    if has_extension && !matches!(folder, "tmp" | "T" | "shm") {
        format!("<path>/{name}")
    } else {
        "<path>".to_owned()
    }
}

/// Hashes of at least seven hex digits have both digits and letters; words seldom do.
fn hash_or_word(word: &str) -> String {
    let hex = word.len() >= 7 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let mixed = word.bytes().any(|b| b.is_ascii_digit());
    let random = word.starts_with("tmp") && word.len() >= 8;
    // `thread_12`, `worker3`, `pid4711`: counted things are the same thing.
    let counted = [
        "thread", "worker", "pid", "fork", "job", "slot", "shard", "gw",
    ]
    .iter()
    .find_map(|name| Some((name, word.strip_prefix(name)?)))
    .filter(|(_, rest)| {
        let digits = rest.trim_start_matches('_');
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
    });
    if let Some((name, _)) = counted {
        return format!("{name}<n>");
    }
    if (hex && mixed) || random {
        "<hex>".to_owned()
    } else {
        word.to_owned()
    }
}

#[expect(
    clippy::expect_used,
    reason = "the patterns are constants, each is compiled by a test"
)]
pub(crate) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern compiles")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn report(dir: &str, line: u32, ms: u32, hash: &str, hour: u32) -> String {
        format!(
            "2026-03-01T{:02}:00:00Z thread 'list::adds' ({line}) panicked at {dir}/src/list.rs:{line}:9 \
             after {ms}ms ({hash}, 0x{hash}): assertion failed: os error 2, error[E0308]",
            hour % 24
        )
    }

    fn of(tests: &[&str], line: &str) -> Digest {
        let tests: Vec<String> = tests.iter().map(|name| (*name).to_owned()).collect();
        signature(ErrorType::Assertion, Cause::Tests, "test", &tests, line)
    }

    proptest! {
        #[test]
        fn the_same_failure_elsewhere_and_later_has_the_same_signature(
            dir in "/(tmp|home|var)/[a-zA-Z0-9_.-]{3,12}(/[a-z0-9-]{1,8}){0,3}",
            line in 1_u32..9999, ms in 0_u32..99999, hash in "[0-9][a-f0-9]{6,30}[a-f]", hour in 0_u32..24,
        ) {
            let here = report("/tmp/.tmpAbC123", 12, 7, "0badcafe", 3);
            let there = report(&dir, line, ms, &hash, hour);
            prop_assert_eq!(normal_form(&here), normal_form(&there));
            prop_assert_eq!(of(&["a", "b"], &here), of(&["b", "a"], &there));
        }

        #[test]
        fn another_failing_test_gives_another_signature(a in "[a-z_:0-9]{1,20}", b in "[a-z_:0-9]{1,20}") {
            prop_assume!(a != b);
            prop_assert_ne!(of(&[&a], "same line"), of(&[&b], "same line"));
        }
    }

    proptest! {
        #[test]
        fn ports_ids_durations_and_machines_do_not_count(
            port in 1024_u16..65000, pid in 2_u32..4_000_000, ms in 0_u32..99999, worker in 0_u32..64,
            address in "[0-9a-f]{8,12}", uuid in "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
            user in "[a-z]{3,8}", octet in 0_u8..255, container in "[0-9][0-9a-f]{10}[a-f]",
            home in prop::sample::select(vec!["/home/", "/Users/", "C:\\Users\\", "/root/", "~/"]),
        ) {
            let line = |home: &str, user: &str, port: u16, pid: u32, ms: u32, worker: u32, address: &str, uuid: &str, octet: u8, container: &str| {
                let slash = if home.contains('\\') { '\\' } else { '/' };
                format!(
                    "\u{1b}[31mFAIL\u{1b}[0m worker{worker} (pid {pid}) at {home}{user}{slash}app{slash}db.rs:{worker} \
                     connect 10.0.{octet}.7:{port} failed after {ms} ms, request {uuid}, object 0x{address}, container {container}"
                )
            };
            let here = line("/home/", "ann", 5432, 77, 12, 3, "7f00aa11", "0b1c2d3e-0000-4000-8000-00000000000a", 1, "0badcafe0dad");
            let there = line(home, &user, port, pid, ms, worker, &address, &uuid, octet, &container);
            prop_assert_eq!(normal_form(&here), normal_form(&there));
        }
    }

    #[test]
    fn error_codes_and_names_stay() {
        assert_eq!(
            normal_form("error[E0308]: mismatched types --> /x/y/src/main.rs:3:5"),
            "error[E0308]: mismatched types --> <path>/main.rs:<n>:<n>"
        );
        assert_ne!(normal_form("os error 2"), normal_form("os error 13"));
        assert_ne!(normal_form("HTTP 404"), normal_form("HTTP 503"));
        assert_ne!(normal_form("TS2345"), normal_form("TS2339"));
    }

    #[test]
    fn terminal_colours_do_not_count() {
        assert_eq!(
            normal_form("\x1b[1;31merror\x1b[0m: no\r\n"),
            normal_form("error: no")
        );
    }
}
