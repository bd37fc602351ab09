//! Exceptions and panics that nobody caught: by their type, else by what they carry.

use std::sync::LazyLock;

use regex::Regex;

use crate::domain::failure::{Cause, ErrorType};

use super::super::super::signature::pattern;
use super::super::lexicon;
use super::super::missing;
use super::super::tools::Role;
use super::super::verdict::Verdict;
use super::expectation::{carried, expectation, messenger};
use super::{COMPARED, Setting, assertion, crash};

/// An expectation that failed. Without a runner an assertion is a crash of the program, unless it is all that a
/// script does.
fn expected(text: &str, near: &str, setting: &Setting<'_>) -> Verdict {
    let by_a_library = !text.starts_with("Assert") && !text.starts_with("assert");
    if setting.in_tests || by_a_library {
        return expectation(text, near, setting);
    }
    let is_all =
        setting.purpose == Role::Tests || text.contains("ERR_ASSERTION") && near.contains("npm");
    let carried = carried(text, near, setting).or_else(|| messenger(text));
    carried.unwrap_or_else(|| match is_all {
        true => assertion(),
        false => crash("crash.assertion"),
    })
}

/// An exception: by its type where that says all, else by what it carries.
pub(super) fn thrown(text: &str, near: &str, setting: &Setting<'_>) -> Verdict {
    if let Some(verdict) = unreadable_data(text, near, setting) {
        return verdict;
    }
    if SYNTAX.is_match(text) && CONFIGURATION_NAME.is_match(text) {
        return Verdict::new("missing.unparsable", ErrorType::Config, Cause::Missing)
            .asking(format!("correct the configuration: {text}"));
    }
    if SYNTAX.is_match(text) {
        return Verdict::new("building.syntax", ErrorType::Logic, Cause::Build).sure(0.95);
    }
    // Runners that write the type of an error below its message.
    if setting.in_tests && near.contains("ERR_ASSERTION") && !text.contains("rror: ") {
        return expectation(text, near, setting);
    }
    if is_expectation(text) {
        return expected(text, near, setting);
    }
    if text.starts_with("fixture '") {
        return Verdict::new("building.fixture", ErrorType::Logic, Cause::Build);
    }
    if let Some(verdict) = missing::verdict(text, near, setting.facts) {
        return verdict;
    }
    if VALUE.is_match(text) && SETTING_READ.is_match(near) {
        return Verdict::new("missing.value", ErrorType::Config, Cause::Missing)
            .asking(format!("correct the setting: {text}"))
            .sure(0.8);
    }
    if OWN_FAULT.is_match(text) || OWN_WORDS.is_match(text) {
        return crash("crash.exception");
    }
    if setting.in_tests && (COMPARED.is_match(text) || text.starts_with("got ")) {
        return expectation(text, near, setting);
    }
    // A bare message in a test is what an assertion of one's own says.
    if setting.in_tests && is_custom_message(text, near) {
        return carried(text, near, setting).unwrap_or_else(|| assertion().sure(0.55));
    }
    let unparsable_value = VALUE.is_match(text);
    let meaning = lexicon::meanings(text).find(|rule| {
        let weak = rule.confidence < 0.7;
        let value = unparsable_value && !matches!(rule.id, "missing.unparsable" | "limits.memory");
        let syntax = rule.id == "building.syntax" && !SYNTAX.is_match(text);
        !(weak && rule.id != "limits.permission" || value || syntax)
            && rule.id != "building.target"
            && rule.id != "building.query"
    });
    match meaning {
        Some(rule) => Verdict::of(rule, text),
        None => crash("crash.exception").sure(0.85),
    }
}

/// Data that a program could not parse is no source of its own: a configuration that is wrong where
/// the trace or the project names one, else a crash over its input.
fn unreadable_data(text: &str, near: &str, setting: &Setting<'_>) -> Option<Verdict> {
    static DATA: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^(?:[\w$]+[.:]+)*(?:JSONDecodeError|JSON::ParserError|JsonSyntaxException|JsonParseException|JsonException)\b|^SyntaxError: .*(?:JSON\b|, \.\.\.)|is not valid JSON",
        )
    });
    static NAMED: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)(?:open|read\w*|load\w*|require|parse\w*|slurp)\b[^\n]{0,60}\b(?:\w*(?:config|settings?|conf|prefs|preferences|options|manifest|profile)\w*\.json|package\.json|tsconfig\w*\.json)",
        )
    });
    if !DATA.is_match(text) || text.contains("node_modules") {
        return None;
    }
    let configuration = |file: &String| {
        let name = file.rsplit('/').next().unwrap_or(file);
        let named = [
            "config", "settings", "conf.", "options", "manifest", "prefs",
        ];
        name.ends_with(".json") && named.iter().any(|word| name.contains(word))
    };
    // Only node leaves the file unnamed in its trace.
    let is_configuration = NAMED.is_match(near)
        || text.contains(".json: ")
        || (text.starts_with("SyntaxError")
            && near.contains("JSON.parse")
            && setting.facts.around.project_files.iter().any(configuration));
    Some(match is_configuration {
        true => Verdict::new("missing.unparsable", ErrorType::Config, Cause::Missing)
            .asking(format!("correct the configuration: {text}")),
        false => crash("crash.data").sure(0.75),
    })
}

/// Exceptions that are the program's own fault whatever their message says.
static OWN_FAULT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:\w+\.)*(?:TypeError|KeyError|IndexError|AttributeError|NameError|UnboundLocalError|ZeroDivisionError|RecursionError|StackOverflowError|SystemStackError|NullPointerException|IndexOutOfBoundsException|ArrayIndexOutOfBoundsException|StringIndexOutOfBoundsException|ClassCastException|ArithmeticException|NumberFormatException|NegativeArraySizeException|ConcurrentModificationException|NoMethodError|ReferenceError|RangeError|UnicodeDecodeError|UnicodeEncodeError|FrozenError|FloatDomainError|DivisionByZeroError|ArgumentCountError|UnhandledMatchError|ArgumentError|StopIteration|NotImplementedError|OverflowError)\b(?: \[\w+\])?(?::|$)|runtime error: |called `(?:Option|Result)::unwrap(?:_err)?\(\)` on a `None`|index out of bounds|attempt to (?:add|subtract|multiply|divide|negate|calculate|shift)|nil pointer|out of range|all goroutines are asleep|concurrent map|Call to (?:undefined|a member)|division by zero|undefined (?:method|local variable)|stack overflow|already borrowed|not yet implemented|unreachable code|\(KeyError\)|\(NoMethodError\)|\(NameError\)|\(ZeroDivisionError\)|\(TypeError\)|\(ArgumentError\)",
    )
});

/// What V8 says of such faults, where a reporter leaves their type out.
static OWN_WORDS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"^(?:error: )?['"]?(?:Cannot (?:read|set) propert(?:y|ies) of (?:undefined|null)\b|[\w$.]+ is not (?:a function|iterable|a constructor)\b)"#,
    )
});

/// Exceptions about a value: words in their messages quote it.
static VALUE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:\w+\.)*(?:ValueError|IllegalArgumentException|InvalidArgumentException|DomainException|UnexpectedValueException)\b",
    )
});

/// The trace reads the value from the environment or from configuration.
static SETTING_READ: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\(os\.environ\b|\(os\.getenv\(|process\.env\.|\(ENV(?:\[|\.fetch)|System\.getenv\(|/configparser\.py",
    )
});

/// A configuration file is named.
pub(super) static CONFIGURATION_NAME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)\.(?:toml|ya?ml|ini|cfg|conf|properties|rc|json)\b|config|TOML|YAML")
});

/// Types and words with which languages say that source does not parse.
static SYNTAX: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"SyntaxError|IndentationError|TabError|TokenError|[Pp]arse error|syntax error|Global symbol|Bareword|Can't find string terminator|\(SyntaxError\)|CompileError|cannot parse|ParseException",
    )
});

/// Whether an exception is an expectation that failed, by its type or by its sentence.
pub(super) fn is_expectation(text: &str) -> bool {
    static TYPE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?x)^(?:assert\b|assertion\b|Failed:|(?:[\w$]+[.:]+)*(?:Assert\w*|ExpectationFailed|ExpectationNotMet|ComparisonFailure|TestFailure|AssertionFailed|SnapshotMismatch|MultipleFailures|JestAssertion)\w*(?:Error|Exception|Failure)?\b)|Property\ failed|Snapshot\ .*\ mismatched|Falsified|DID\ NOT\ RAISE|(?:\w+\.)*(?:Multiple)?AssertionError|ERR_ASSERTION|ComparisonFailure|Minitest::Assertion|PropertyFailed|WantedButNotInvoked|TooManyActualInvocations|ArgumentsAreDifferent|UnfulfilledExpectation|MockError|PotentialStubbing",
        )
    });
    static SENTENCE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)^(?:Error: )?(?:.*\bexpected\b.*\b(?:got|found|but|actual|was|to (?:be|equal|have|match|contain|include))\b|.*\b(?:got|actual)\b.*\b(?:want|expected)\b|.*\bwant(?:ed)?\b.*\bgot\b|(?:\w+ ){1,6}should (?:be|have|equal|not|match|return)\b)",
        )
    });
    TYPE.is_match(text)
        || (SENTENCE.is_match(text) && !SYNTAX.is_match(text) && !text.contains("SyntaxError"))
}

/// A message without a type, as `assert!(…, "message")` leaves it.
fn is_custom_message(text: &str, near: &str) -> bool {
    static TYPED: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^(?:[\w$]+[.:]+)*\w*(?:Error|Exception|Exit|Interrupt)\b|unwrap\(\)|: Os \{|Err\(|: \w+\s?[({]\s?|^fatal error|explicit panic|Box<dyn Any>|internal error",
        )
    });
    let rust = near.contains("panicked at");
    rust && !TYPED.is_match(text)
}
