//! What one statement says: its form decides which meanings it can have.

mod exception;
mod expectation;

use std::sync::LazyLock;

use regex::Regex;

use crate::domain::failure::{Cause, ErrorType};

use super::super::signature::pattern;
use super::facts::CommandFacts;
use super::lexicon;
use super::missing;
use super::statement::{Form, Statement};
use super::tools::Role;
use super::verdict::Verdict;
use exception::{CONFIGURATION_NAME, is_expectation, thrown};
use expectation::{carried, expectation};

/// What is known around a statement.
pub(super) struct Setting<'a> {
    pub(super) facts: &'a CommandFacts<'a>,
    pub(super) purpose: Role,
    /// Tests ran, by the command or by the output.
    pub(super) in_tests: bool,
    /// The output names tests that failed.
    pub(super) has_heads: bool,
}

/// The class of a statement; none if it means nothing by itself. `near` is what stands before it.
pub(super) fn judge(statement: &Statement, near: &str, setting: &Setting<'_>) -> Option<Verdict> {
    let text = statement.text.as_str();
    if let Some(verdict) = raw_output_of_a_model(text, near, setting) {
        return Some(verdict);
    }
    match statement.form {
        Form::Detected => Some(crash("crash.detected")),
        Form::Diagnostic => Some(diagnostic(text, near, setting)),
        Form::Expectation if !setting.in_tests && text.contains("xpected") => {
            said(text, near, setting, Form::Plain)
        }
        Form::Expectation => Some(expectation(text, near, setting)),
        Form::TestLimit => {
            let limit = Verdict::new("limits.test", ErrorType::Infra, Cause::TimeLimit);
            Some(
                limit
                    .retryable()
                    .asking("find out why the test does not end in time, or raise its limit"),
            )
        }
        // The loader wraps the error that stopped an import; the error itself follows.
        Form::Thrown if text.contains("Failed to import test module") => None,
        // `Error: …` is how many tools begin; in a test it is an exception's bare type.
        Form::Thrown if !setting.in_tests && text.starts_with("Error: ") => {
            said(text, near, setting, Form::Said)
        }
        Form::Thrown => Some(thrown(text, near, setting)),
        Form::TestSays => Some(test_says(text, near, setting)),
        Form::Finding => Some(finding(text)),
        Form::Died => Some(died(text)),
        Form::Summary => Some(summary(text, near, setting)),
        // A program that is no test draws marks too.
        Form::Head if !setting.in_tests && text.starts_with(['×', '✗', '✖', '✕']) => {
            let text = text.trim_start_matches(['×', '✗', '✖', '✕', ' ']);
            said(text, near, setting, Form::Said)
        }
        Form::Head => {
            Some(Verdict::new("tests.failed", ErrorType::Assertion, Cause::Tests).sure(0.6))
        }
        Form::Said | Form::Plain | Form::Logged | Form::Warned => {
            said(text, near, setting, statement.form)
        }
    }
}

fn crash(rule: &'static str) -> Verdict {
    Verdict::new(rule, ErrorType::Runtime, Cause::Crash)
}

fn assertion() -> Verdict {
    Verdict::new("tests.expectation", ErrorType::Assertion, Cause::Tests)
}

/// A file that a model wrote and nobody can parse is the model's fault, whatever the tool.
fn raw_output_of_a_model(text: &str, near: &str, setting: &Setting<'_>) -> Option<Verdict> {
    let generated = setting.facts.around.generated_by_model;
    if generated.is_empty() {
        return None;
    }
    let unreadable = lexicon::meanings(text).any(|rule| {
        matches!(
            rule.id,
            "building.syntax" | "missing.unparsable" | "building.merge"
        )
    }) || BROKEN.is_match(text);
    let named = generated.iter().any(|file| {
        let name = file.rsplit('/').next().unwrap_or(file);
        text.contains(name) || near.contains(name) || setting.facts.command.contains(name)
    });
    (unreadable && (named || generated.len() == setting.facts.around.project_files.len())).then(
        || {
            Verdict::new(
                "model.unreadable_file",
                ErrorType::Llm,
                Cause::UnusableAnswer,
            )
        },
    )
}

static BROKEN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)pars(?:e|ing)|syntax|unexpected|expected|JSONDecode|JSON|malformed|invalid|illegal|unterminated|token|expecting|delimiter",
    )
});

/// A compiler's line: what it lacks may be around the project; else the change does not compile.
fn diagnostic(text: &str, near: &str, setting: &Setting<'_>) -> Verdict {
    if let Some(verdict) = missing_import(text, setting) {
        return verdict;
    }
    if COMPILER_OPTIONS.is_match(text) {
        return Verdict::new("missing.unparsable", ErrorType::Config, Cause::Missing)
            .asking(format!("correct the configuration: {text}"))
            .sure(0.93);
    }
    if GO_VET.is_match(text) || NAMED_RULE.is_match(text) {
        return finding(text);
    }
    let around = lexicon::meanings(text).find(|rule| {
        matches!(
            rule.id,
            "missing.link"
                | "missing.toolchain"
                | "missing.configuration"
                | "missing.option"
                | "limits.disk"
                | "limits.size"
                | "limits.memory"
                | "missing.library"
        ) || (rule.id == "missing.variable" && text.contains("compile time"))
            || (rule.id == "missing.unparsable" && CONFIGURATION_PLACE.is_match(text))
    });
    if let Some(rule) = around {
        return Verdict::of(rule, text);
    }
    if setting.purpose == Role::Lint
        && !COMPILER_ERROR.is_match(text)
        && !near.contains("could not compile")
    {
        return finding(text);
    }
    let config = CONFIGURATION_PLACE.is_match(text);
    if config {
        return Verdict::new("missing.unparsable", ErrorType::Config, Cause::Missing).sure(0.8);
    }
    Verdict::new("building.diagnostic", ErrorType::Logic, Cause::Build).sure(0.95)
}

fn missing_import(text: &str, setting: &Setting<'_>) -> Option<Verdict> {
    static IMPORT: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"No such file or directory|[Cc]annot find (?:module|package)|module providing package|No module named|is not in (?:GOROOT|std)|no required module|package \S+ does not exist|unresolved import|unlinked crate|can't find crate|[Cc]annot find implementation|Library stubs|could not import|does not exist$",
        )
    });
    if !IMPORT.is_match(text) {
        return None;
    }
    missing::verdict(text, "", setting.facts)
}

/// A compiler that cannot begin: its options, or what they name, are wrong.
static COMPILER_OPTIONS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\bTS(?:5\d\d\d|6046|6053|18002|18003|2688)\b"));

/// A linter names its rule at the end.
static NAMED_RULE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"\[(?:Error|Warning)/[\w/-]+\]$|\([a-z]+(?:-[a-z]+)+\)$|: [A-Z]{1,3}\d{3} ")
});

/// What `go vet` says, which `go test` runs too: the code compiles.
static GO_VET: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\.go:\d+:\d+: (?:[\w.]*(?:Print|Error|Log|Fatal|Skip)f? ?\w* ?(?:format|call|arg)|unreachable code|self-assignment|.*copies lock|.*passes lock|result of .* call not used|struct field tag|composite literal|unusedresult|should have signature|.*possible misuse|.*loop variable .* captured|.*(?:redundant|suspect) )",
    )
});

/// The place of a diagnostic is a configuration file.
static CONFIGURATION_PLACE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:\S*/)?(?:\S+\.(?:toml|ya?ml|ini|cfg|conf|json|xml|properties)|Makefile|GNUmakefile|makefile|go\.mod|Dockerfile|CMakeLists\.txt|tsconfig\S*)[:(]\d",
    )
});

/// What only a compiler says: codes of errors, and what makes code no code.
static COMPILER_ERROR: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"error\[E\d{4}\]|error TS\d|undefined: |undeclared|undefined reference|cannot find (?:value|function|type|macro|symbol|module|package)|mismatched types|expected .*(?:found|before)|syntax error|[Pp]arsing error|could not import|unclosed|no such file|does not exist|undefined-variable|no-undef|undefined name|F821|E0602|has no member|is not defined|imported and not used|declared (?:and|but) not used|SyntaxError|invalid-syntax|E999|SC10\d\d \(error\)|[Tt]ypecheck",
    )
});

/// A linter's finding: names that nobody defines and code that does not parse are wrong code; the
/// rest is a gate that said no.
fn finding(text: &str) -> Verdict {
    if COMPILER_ERROR.is_match(text)
        || text.contains("Parse error")
        || text.contains("cannot parse")
    {
        return Verdict::new("lint.wrong_code", ErrorType::Logic, Cause::Build);
    }
    Verdict::new("lint.finding", ErrorType::Assertion, Cause::Lint)
}

/// What a test of Go reports: a failed check, unless it carries an error of the environment.
fn test_says(text: &str, near: &str, setting: &Setting<'_>) -> Verdict {
    if text.is_empty() || text.starts_with("Error Trace") {
        return assertion();
    }
    carried(text, near, setting)
        .or_else(|| missing::verdict(text, near, setting.facts).filter(|_| !is_expectation(text)))
        .unwrap_or_else(assertion)
}

/// A process died: memory, a policy, or its own fault.
fn died(text: &str) -> Verdict {
    let meaning =
        lexicon::meanings(text).find(|rule| matches!(rule.id, "limits.memory" | "policy.sandbox"));
    match meaning {
        Some(rule) => Verdict::of(rule, text),
        None => crash("crash.died"),
    }
}

fn summary(text: &str, near: &str, setting: &Setting<'_>) -> Verdict {
    static TYPED: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^(?:\w+[.:]+)*\w*(?:Error|Exception|Exit|Failed|Timeout)\b|» "));
    if TYPED.is_match(text) {
        return thrown(text, near, setting).sure(0.6);
    }
    assertion().sure(0.6)
}

/// Both what was wanted and what came instead are told.
static COMPARED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:expected|wanted|want|esperaba|erwartet|attendu|verwacht|atteso)\b.*\b(?:got|but was|found|actual(?:ly)?|received|returned|obtuvo|erhalten|obtenu|gekregen|ottenuto)\b.*",
    )
});

/// Nothing was used as if it were something.
static DEREFERENCED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"Cannot (?:read|set) propert(?:y|ies) of (?:undefined|null)|'NoneType' object|Call to a member function|undefined method .* for nil",
    )
});

/// A place in a file, as linters write it.
static PLACED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\S+\.\w{1,5}(?::\d+|: line \d+|\(\d+)|^\s*\d+:\d+\s"));

/// A configuration file by its ending.
static CONFIGURATION_FILE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\.(?:toml|ini|cfg|ya?ml|conf|properties|env)\b|YAML|TOML"));

/// A tool's own words, by the tables.
fn said(text: &str, near: &str, setting: &Setting<'_>, form: Form) -> Option<Verdict> {
    if COMPARED.is_match(text) {
        let factor = if form == Form::Warned { 0.5 } else { 0.75 };
        return Some(assertion().sure(factor));
    }
    if DEREFERENCED.is_match(text) {
        return Some(crash("crash.exception").sure(0.75));
    }
    let gate = matches!(setting.purpose, Role::Lint | Role::Format);
    if gate && PLACED.is_match(text) && !CONFIGURATION_NAME.is_match(text) {
        return Some(finding(text));
    }
    let verdict = missing::verdict(text, near, setting.facts)
        .filter(|_| form != Form::Warned)
        .or_else(|| {
            let fits = |rule: &&'static lexicon::Rule| !gate || !rule.id.starts_with("building.c");
            let rule = lexicon::meanings(text)
                .filter(fits)
                .find(|rule| rule.confidence >= 0.7);
            let rule = rule.or_else(|| lexicon::meanings(text).find(fits))?;
            if rule.id == "building.syntax" && CONFIGURATION_FILE.is_match(text) {
                return Some(
                    Verdict::new("missing.unparsable", ErrorType::Config, Cause::Missing)
                        .asking(format!("correct the configuration: {text}")),
                );
            }
            // The code with which perl and php end when they die.
            let died = setting.purpose == Role::Program && setting.facts.exit_code == Some(255);
            if died && rule.class == ErrorType::Assertion {
                return Some(crash("crash.died").sure(0.75));
            }
            Some(Verdict::of(rule, text))
        })?;
    let factor = match form {
        Form::Said => 1.0,
        Form::Plain => 0.9,
        Form::Logged => 0.85,
        _ => 0.6,
    };
    let confidence = verdict.confidence * factor;
    Some(verdict.sure(confidence))
}
