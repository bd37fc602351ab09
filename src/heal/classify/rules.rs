//! The table of lines that name a root cause, in the order of precedence.

use std::sync::LazyLock;

use regex::Regex;

use crate::domain::failure::{Cause, ErrorType, Origin};

use super::super::signature::pattern;

/// What a rule concludes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Verdict {
    pub(super) error_type: ErrorType,
    pub(super) cause: Cause,
    pub(super) retryable: bool,
    pub(super) line: Option<String>,
    pub(super) action_required: Option<String>,
}

impl Verdict {
    pub(super) fn new(error_type: ErrorType, cause: Cause) -> Self {
        Self {
            error_type,
            cause,
            retryable: false,
            line: None,
            action_required: None,
        }
    }

    pub(super) fn at(self, line: &str) -> Self {
        Self {
            line: Some(line.trim().to_owned()),
            ..self
        }
    }

    pub(super) fn retryable(self) -> Self {
        Self {
            retryable: true,
            ..self
        }
    }

    pub(super) fn asking(self, action: impl Into<String>) -> Self {
        Self {
            action_required: Some(action.into()),
            ..self
        }
    }

    /// Who is to act, as far as the class tells.
    pub(super) fn origin(&self) -> Origin {
        match self.error_type {
            ErrorType::Infra => Origin::Infra,
            ErrorType::Config => Origin::Human,
            ErrorType::Llm => Origin::Model,
            _ => Origin::Code,
        }
    }
}

struct Rule {
    regex: Regex,
    error_type: ErrorType,
    cause: Cause,
    retryable: bool,
    /// What a person must do; `{}` stands for the group `what`.
    action: Option<&'static str>,
}

fn rule(error_type: ErrorType, cause: Cause, text: &str) -> Rule {
    Rule {
        regex: pattern(text),
        error_type,
        cause,
        retryable: false,
        action: None,
    }
}

impl Rule {
    fn retryable(self) -> Self {
        Self {
            retryable: true,
            ..self
        }
    }

    fn asking(self, action: &'static str) -> Self {
        Self {
            action: Some(action),
            ..self
        }
    }

    fn verdict(&self, line: &str) -> Option<Verdict> {
        let groups = self.regex.captures(line)?;
        let what = groups.name("what").map_or("", |group| group.as_str());
        Some(Verdict {
            retryable: self.retryable,
            action_required: self.action.map(|action| action.replace("{}", what)),
            ..Verdict::new(self.error_type, self.cause).at(line)
        })
    }
}

/// An environment variable's name.
const NAME: &str = r"(?P<what>[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z]{4,})";
const SET: &str = "set the environment variable {} and let the check see it with `pass_env`";

/// The environment, the machine's configuration, and policies of others.
static ENVIRONMENT: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    use Cause as C;
    use ErrorType as E;
    let set = |text: &str| rule(E::Config, C::Missing, text).asking(SET);
    let broken = |text: &str| rule(E::Infra, C::Environment, text);
    vec![
        rule(E::Safety, C::Policy, r"ERR_ACCESS_DENIED|blocked by (?:network |security )?policy|policy violation:|AccessControlException|open_basedir restriction|transport '\w+' not allowed|\(pre-receive hook declined\)|Bad system call"),
        set(&format!(r"{NAME}: (?:unbound variable|parameter (?:null or )?not set|NotPresent)")),
        set(&format!(r"(?i:environment variable|env(?:ironment)? var):?\s*[`'\x22]?(?-i:{NAME})\b.*(?i:not set|missing|required|not found|undefined|unset|empty)")),
        set(&format!(r"(?i:missing|required|undefined|unset).{{0,40}}(?i:environment variable|env var)\S*[:\s]+[`'\x22]?(?-i:{NAME})\b")),
        set(&format!(r"^(?:\S*(?:Error|Exception|Exit|panic|fatal|error):? )?(?:\S+: )?{NAME} (?:is|was|must be|env(?:ironment)? var\w*) (?:not set|unset|required|missing|set)")),
        set(r"(?:unwrap|expect|Error).*NotPresent|environment variable not found"),
        broken(r"No space left on device|\bENOSPC\b|Disk quota exceeded|database or disk is full").asking("make room on the disk"),
        broken(r"Read-only file system|\bEROFS\b").asking("make the file system writable"),
        broken(r"Too many open files|\bEMFILE\b|fork: .*Resource temporarily unavailable|Cannot fork").asking("raise the limit of processes or open files"),
        broken(r"JavaScript heap out of memory|^(?:E\s+)?MemoryError|Cannot allocate memory|OutOfMemoryError|memory allocation of \d+ bytes failed|virtual memory exhausted"),
        broken(r"CERTIFICATE_VERIFY_FAILED|SSL certificate problem|[Ss]elf[- ]signed certificate|UnknownIssuer").asking("make the server's certificate trusted"),
        broken(r"Temporary failure in name resolution|Name or service not known|[Cc]ould not resolve host|getaddrinfo (?:ENOTFOUND|EAI_AGAIN)|\bgaierror\b|dns error|UnknownHostException").retryable(),
        broken(r"[Cc]onnection ?[Rr]efused|\bECONNREFUSED\b|[Cc]onnection reset|\bECONNRESET\b|ConnectionReset\b|[Nn]etwork is unreachable|\bEHOSTUNREACH\b|No route to host|[Bb]roken pipe.*\(os error").retryable(),
        broken(r"Address already in use|\bEADDRINUSE\b|AddrInUse|port is already allocated").retryable(),
        broken(r"\bETIMEDOUT\b|[Cc]onnection timed out|[Oo]peration timed out|\b(?:Read|Connect)Timeout\b|deadline exceeded|[Ff]ailed to connect to |Could(?:n't| not) connect to server").retryable(),
        broken(r"\b(?:429 (?:Client Error|Too Many)|50[0-4] (?:Server Error|Service|Bad|Gateway|Internal)|529 )|status code:? 50[0-4]|too many 50\d error|returned error: 50\d").retryable(),
        broken(r"\b[Tt]est timed out (?:in|after) \d|Exceeded timeout of \d+ ?ms|due to statement timeout").retryable(),
        broken(r"database is locked|index\.lock': File exists|Unable to acquire .*lock|[Cc]ould not get lock").retryable(),
        broken(r"Cannot connect to the Docker daemon|spurious network error|download .*(?:truncated|incomplete)|IncompleteRead"),
        rule(E::Config, C::Missing, r"\b40[13] (?:Client Error|Unauthorized|Forbidden)|Authentication failed|password authentication failed").asking("give the credentials that the command needs"),
        rule(E::Config, C::Missing, r"error while loading shared libraries: (?P<what>[^:]+)").asking("install the shared library {}"),
        rule(E::Config, C::Missing, r"linker `(?P<what>[^`]+)` not found|toolchain '(?P<x>[^']+)' is not installed|can't find crate for `(?:core|std)`").asking("install the missing part of the toolchain: {}"),
        rule(E::Config, C::Missing, r"requires rustc (?P<what>[\d.]+)|Unsupported class file|Unsupported engine|requires a different Python").asking("install the version of the toolchain that the project needs: {}"),
        rule(E::Config, C::Missing, r"no matching package named `(?P<what>[^`]+)`|No matching distribution found for (?P<x>\S+)|npm (?:ERR!|error) code (?:E404|ERESOLVE|ETARGET)|failed to select a version").asking("make the dependency {} available, or correct its name and version"),
        rule(E::Config, C::Missing, r"No module named '?(?P<what>[A-Za-z_]\w*)'?$|Cannot find (?:module|package) '(?P<x>[^./'][^']*)'").asking("install the package {} into the environment of the checks (`workspace.setup`)"),
        rule(E::Config, C::Missing, r"cannot find -l(?P<what>\w+)").asking("install the library {}"),
        rule(E::Config, C::Missing, r"cannot load such file -- (?P<what>[^./\s]\S*)|Can't locate (?P<x>\S+) in @INC|Could not locate Gemfile").asking("install the package {} into the environment of the checks (`workspace.setup`)"),
        rule(E::Config, C::Missing, r"[Nn]o such file or directory(?::|, open) '?(?P<what>\S*(?:\.env|\.ini|\.toml|\.ya?ml|\.cfg|\.conf|\.json))'?").asking("create the file {}"),
        rule(E::Config, C::Missing, r"(?:unrecognized|unexpected) arguments?:? |[Uu]nknown option|unknown (?:field|key) .*(?:\.toml|config)|failed to parse manifest|error reading Clippy|TOMLDecodeError|^tsconfig\.json\(|not a git repository|or higher is required|missing separator|async def functions are not natively supported").asking("correct the configuration or the check's command"),
    ]
});

/// The change does not compile, parse or link, or names what the project does not have.
static LOGIC: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    use Cause as C;
    use ErrorType as E;
    vec![
        rule(
            E::Logic,
            C::Build,
            r"^(?:E\s+)?\s*(?:SyntaxError|IndentationError|TabError)\b|invalid-syntax",
        ),
        rule(E::Logic, C::Build, r"^error\[E\d{4}\]"),
        rule(
            E::Logic,
            C::Build,
            r"\berror TS\d+:|^\S+?\.(?:c|cc|cpp|h|hpp|java|go|kt|swift|rs|ts)(?:\(\d+,\d+\)|:\d+(?::\d+)?): (?:fatal )?error\b|\.go:\d+:\d+: ",
        ),
        rule(
            E::Logic,
            C::Build,
            r"undefined reference to|ld returned \d+ exit status|syntax error near unexpected token|Parse error: |^\S+:\d+: error: |error: unknown type name",
        ),
        rule(
            E::Logic,
            C::Build,
            r"COMPILATION ERROR|cannot parse: |Parsing error: |: SyntaxError: |cannot import name|No module named '\w+\.[\w.]+'|Cannot find module '\.{1,2}/",
        ),
        rule(
            E::Logic,
            C::Missing,
            r"[Mm]issing script:|No rule to make target|no (?:test|bin|example|bench) target named|error: no such (?:sub)?command",
        ),
        rule(
            E::Logic,
            C::Missing,
            r"ERROR: (?:file or directory not found|not found): |No such file or directory.*\.(?:sh|py|js)\b|can't open file|pathspec .* did not match|Could not find or load main class",
        ),
        rule(
            E::Logic,
            C::Missing,
            r"no tests (?:ran|collected|found)|\b\d+ deselected(?: in|$)|No tests found",
        ),
        rule(
            E::Logic,
            C::Plan,
            r"^CONFLICT \(|^error: patch failed:|Automatic merge failed",
        ),
    ]
});

/// Compiler errors without a code; a linter's words look the same.
static COMPILER: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    vec![rule(
        ErrorType::Logic,
        Cause::Build,
        r"^error: (?:could not compile|aborting due to|linking with|cannot find|expected |unused |mismatched|unresolved|unclosed|this file contains)",
    )]
});

/// What `line` says about the environment. `text` is what stands around it.
pub(super) fn environment(line: &str, text: &str) -> Option<Verdict> {
    let missing_key = MAPPED_VARIABLE
        .captures(line)
        .filter(|_| text.contains("environ") || text.contains("getenv"))
        .map(|groups| {
            Verdict::new(ErrorType::Config, Cause::Missing)
                .at(line)
                .asking(SET.replace("{}", &groups["what"]))
        });
    missing_key.or_else(|| ENVIRONMENT.iter().find_map(|rule| rule.verdict(line)))
}

/// A key that is missing in a map; it is a variable if the map is the environment.
static MAPPED_VARIABLE: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"\bKeyError: '{NAME}'")));

/// What `line` says about a change that does not compile or names what does not exist.
/// `is_compiler` is false for linters, whose findings look like errors of the compiler.
pub(super) fn logic(line: &str, is_compiler: bool) -> Option<Verdict> {
    let more: &[Rule] = if is_compiler { &COMPILER } else { &[] };
    LOGIC.iter().chain(more).find_map(|rule| rule.verdict(line))
}

/// Whether a line can state a cause at all: the source a compiler quotes, the values a test
/// compares, and log lines cannot.
pub(super) fn may_state_a_cause(line: &str) -> bool {
    !QUOTED.is_match(line)
}

static QUOTED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x)^\s*\d*\s*\|                         # a compiler quotes the source
        |^\s*(?:left|right|expected|actual|got|want|Expected|Received|Got)\s*:
        |^[>+-](?:[^+-]|$)
        |^(?:\S+\s){0,3}\[?(?:TRACE|DEBUG|INFO|WARN(?:ING)?|ERROR)\]?\s\s*\S
        |^\s*(?:warning|note|help|hint)\b:
        |(?i:\bassert|\bretry\b|\bretrying\b)",
    )
});
