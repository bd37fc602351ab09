//! The marks by which runners, languages and tools set their own statements apart from other text.

mod table;

use std::sync::LazyLock;

use regex::bytes::{Regex as Bytes, RegexBuilder, RegexSet, RegexSetBuilder};

use super::statement::{Form, Part};
use table::MARKS;

/// Where the statement stands that a mark announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follow {
    /// On the line of the mark.
    Alone,
    /// On the next line, where the line of the mark says nothing.
    Next,
    /// It goes on in the next line.
    Joined,
    /// On the line below, indented; that line is shown.
    Below,
    /// On the line of the mark; below it are the values compared.
    Values,
}

/// A mark that was found, and what is said after it.
pub(super) struct Mark {
    pub(super) form: Form,
    pub(super) follow: Follow,
    pub(super) says: String,
    pub(super) is_cause: bool,
}

/// ASCII classes over bytes: small automata, and no text is invalid.
fn set(patterns: impl IntoIterator<Item = impl AsRef<str>>) -> RegexSet {
    let built = RegexSetBuilder::new(patterns)
        .unicode(false)
        .size_limit(64 << 20)
        .dfa_size_limit(32 << 20)
        .build();
    #[expect(
        clippy::expect_used,
        reason = "the patterns are constants, compiled by every test of this module"
    )]
    built.expect("constant patterns compile")
}

pub(super) fn bytes(text: &str) -> Bytes {
    #[expect(
        clippy::expect_used,
        reason = "the patterns are constants, compiled by every test of this module"
    )]
    RegexBuilder::new(text)
        .unicode(false)
        .size_limit(64 << 20)
        .build()
        .expect("a constant pattern compiles")
}

static SET: LazyLock<RegexSet> =
    LazyLock::new(|| set(MARKS.iter().map(|(_, _, text)| text.as_str())));
static EACH: LazyLock<Vec<Bytes>> =
    LazyLock::new(|| MARKS.iter().map(|(_, _, text)| bytes(text)).collect());

/// Where an exception was raised, after the report has stated it: `a.py:3: OSError`.
static ONLY_PLACE: LazyLock<Bytes> =
    LazyLock::new(|| bytes(r"^\S+\.py:\d+: [\w.]+$|^BEGIN failed--"));

/// The longest line whose marks are looked for; nobody states a cause in more.
const LONGEST: usize = 4096;

/// The mark of a line, if it has one.
pub(super) fn mark(line: &str) -> Option<Mark> {
    let line = &line[..line.floor_char_boundary(LONGEST)];
    let index = SET.matches(line.as_bytes()).iter().next()?;
    let (form, follow, _) = MARKS.get(index)?;
    if ONLY_PLACE.is_match(line.as_bytes()) {
        return None;
    }
    let groups = EACH.get(index)?.captures(line.as_bytes())?;
    let part = |name| {
        let found = groups.name(name)?;
        line.get(found.start()..found.end())
    };
    let says = part("says").or_else(|| part("says2"));
    let whole = match follow {
        Follow::Next | Follow::Below => "",
        _ => line,
    };
    let counted = says.is_some_and(is_count);
    if counted {
        return None;
    }
    Some(Mark {
        form: *form,
        follow: *follow,
        says: says.unwrap_or(whole).to_owned(),
        is_cause: groups.name("cause").is_some(),
    })
}

/// A line without what a tool puts before everything it says.
pub(super) fn bare(text: &str) -> &str {
    let rest = text.trim_end();
    for lead in [
        "[ERROR] [ERROR] ",
        "[ERROR] ",
        "    [javac] ",
        "[FATAL] ",
        "INTERNALERROR> ",
        "[error] ",
        "npm error ",
        "npm ERR! ",
        "# ",
        "err: ",
        "remote: ",
        "│ ",
    ] {
        if let Some(rest) = rest.strip_prefix(lead) {
            return rest;
        }
    }
    rest
}

macro_rules! is {
    ($(#[$doc:meta])* $name:ident, $text:expr) => {
        $(#[$doc])*
        pub(super) fn $name(text: &str) -> bool {
            static PATTERN: LazyLock<Bytes> = LazyLock::new(|| bytes($text));
            let end = text.floor_char_boundary(LONGEST);
            PATTERN.is_match(text[..end].as_bytes())
        }
    };
}

is!(
    /// Whether a line has a word that goes with trouble. Most lines have none.
    speaks_of_trouble,
    r"(?i)err|fail|fatal|fault|refus|reject|den(?:y|ied)|forbid|block|cannot|can't|can not|couldn't|could not|unable|impossible|not |no |n't |isn't|missing|invalid|illegal|unknown|unrecogni|unexpected|unsupported|unresolved|unavail|unreach|undefined|unset|unbound|unauthori|unhealthy|require|must |needs |expected|exceed|exhaust|limit|timed? ?out|deadline|abort|kill|crash|terminat|panic|corrupt|truncat|incomplete|malformed|mismatch|conflict|violat|expired|locked|lock |busy|in use|already|denied|disk|space|full|memory|quota|please tell|(?-i:code E[A-Z0-9]{3,})|usage:|reset|closed|lost|down|gone|dead|exist|too |only |version|policy|secret|leak|unsafe|40\d|429|50\d|Datei|Speicher|Gerät|Zugriff|fichier|espace|Permission|archivo|espacio|Permiso|file o|spazio|negat|arquivo|bestand|plik|файл|отказ|мест|文件|空间|ファイル"
);
is!(
    /// Whether a line only shows something: quoted source, compared values, a frame of a trace.
    is_quoted,
    r"(?x)^\s*\d*\s*\|  |  ^\s*>?\s*\d+\s*\|  |  ^\s*\^  |  ^>\s{2,}  |  ^\s*[-+]\s{1,}\S  |  ^[-+][A-Za-z]\w*:  |  ^\s+[\w\x22']+:\s['\x22\d\[{]  |  ^\s+at\s\S+  |  ^\s*File\s\x22
      |  ^\s+from\s\S+:\d+  |  ^\s*\#\d+\s  |  ^\s*(?:left|right|actual|[Rr]eceived|got|want)\s*:  |  ^\s*(?:ok\s\d|✓|✔|PASS)|\.\.\.\sok$
      |  ^\s*assert\b  |  ^\s*(?:raise|throw|return|if|print|console\.|def|fn|func|const|let|var|import|from|self\.)\s?\S*  |  ^(?:note|help|hint|tip|info)\b: "
);
is!(
    /// Whether a line is a frame of a trace, which says nothing by itself.
    is_frame,
    r"^\s*(?:at |from |File \x22|#\d+ |\.\.\. \d+ more)"
);
is!(
    /// Whether a line only counts what went wrong, as in `Timeout: 0`.
    is_count,
    r"^\w+:?\s+\d+$"
);
is!(
    /// Whether a line tells of a step that went well.
    is_well,
    r"(?i)^\[echo\]|\bOK +\d+\.\d+s$|(?-i:\b(?:SKIPPED|PASSED|XFAIL|XPASS)\b)|^\[?(?:pass(?:ed)?|ok|done|success)\]?[ :]|^\[\s*ok\s*\]"
);
is!(
    /// Whether a line shows the value that was expected.
    is_expected_value,
    r"^\s*(?:(?:Expected|expected|want|Want)\b[^:=]{0,20}[:=]|[Ee]xpected\b|Snapshot name: |Received (?:promise|function) )"
);

/// The form of a line that speaks of trouble and has no mark; none for what a log says in passing.
pub(super) fn unmarked_form(text: &str) -> Option<Form> {
    is!(
        in_passing,
        r"(?x)^(?:\S+\s){0,4}?\[?(?:TRACE|DEBUG|INFO|NOTICE|VERBOSE|trace|debug|info|notice)\]?:?(?:\s|$)|\blevel=(?:info|debug)|^\s*(?:note|help|hint|tip|info):\s"
    );
    is!(
        in_warning,
        r"(?i)^(?:\S+\s){0,4}?\[?warn(?:ing)?\]?:?(?:\s|$)|\blevel=warn|\bretry(?:ing)?\b|\btrying again\b|\bwill (?:be )?retr|\bignored?\b|\(expected\)|\bdeprecat|^Cloning into|took over|\bfall(?:ing|s)? back\b"
    );
    is!(
        in_log,
        r"(?x)^(?:\S+\s){0,4}?\[?(?:ERROR|FATAL|CRITICAL|SEVERE|ALERT|EMERG)\]?:?\s{2,}|^\d{4}-\d\d-\d\d[T\ ]\S+\s+.*|\blevel=(?:error|fatal|crit)"
    );
    is!(
        in_speech,
        r"(?i)^\s*(?:[\w./+@\[\]-]+: )*(?:fatal|error|err|abort|panic|critical|failed|failure|fail|sorry|oops)\b[:!,]?|^[\w./+-]+(?:\[\d+\])?: \S|^\S+: (?:line|Zeile|ligne|línea|linea) \d+: |^\*\*\* |^! |^usage: |^x "
    );
    let text = text.trim_start();
    if in_passing(text) || is_well(text) {
        return None;
    }
    if in_warning(text) {
        return Some(Form::Warned);
    }
    if in_log(text) {
        return Some(Form::Logged);
    }
    Some(if in_speech(text) {
        Form::Said
    } else {
        Form::Plain
    })
}

/// The place that a line below a message shows, as compilers draw it: ` --> src/lib.rs:3:5`.
pub(super) fn place(text: &str) -> Option<&str> {
    let place = text.trim_start().strip_prefix("--> ")?;
    Some(place.trim())
}

/// The part of a report that a line opens.
pub(super) fn part(text: &str) -> Option<Part> {
    if text.starts_with("ERROR: ") && text.ends_with(')') && text.contains(" (") {
        return Some(Part::Errors);
    }
    if text.starts_with("FAIL: ") && text.contains(" (") {
        return Some(Part::Failures);
    }
    if !text.starts_with("===") {
        return None;
    }
    match text.trim_matches(['=', ' ']) {
        "ERRORS" => Some(Part::Errors),
        "FAILURES" => Some(Part::Failures),
        _ => None,
    }
}

/// A line of a verbose run of Go's tests.
pub(super) enum GoTurn {
    /// A test begins.
    Run,
    /// A test ended well.
    Passed,
}

/// What a line of a verbose run of Go's tests turns to.
pub(super) fn go_turn(text: &str) -> Option<GoTurn> {
    if text.starts_with("=== RUN") && !text.contains('/') {
        return Some(GoTurn::Run);
    }
    (text.starts_with("--- PASS") || text.starts_with("--- SKIP")).then_some(GoTurn::Passed)
}

/// Sections of a report that show what a test printed: its statements are not the runner's.
#[derive(Default)]
pub(super) enum Captured {
    /// Outside of such a section.
    #[default]
    Outside,
    /// Until a line that opens another section.
    Ruled,
    /// Until a line that is not indented.
    Indented,
    /// Until a blank line.
    Paragraph,
}

impl Captured {
    /// Whether a line is in such a section; follows its beginning and its end.
    pub(super) fn covers(&mut self, text: &str) -> bool {
        let line = text.trim();
        let ends = match self {
            Self::Outside => false,
            Self::Ruled => ["___", "===", "---"]
                .iter()
                .any(|rule| line.starts_with(rule)),
            Self::Indented => {
                !line.is_empty() && !text.starts_with("    ") && !line.starts_with("at ")
            }
            Self::Paragraph => line.is_empty(),
        };
        if ends {
            *self = Self::Outside;
        }
        if line.starts_with('-') && line.contains(" Captured ") {
            *self = Self::Ruled;
        } else if text.starts_with("  ") && CONSOLE.contains(&line) {
            *self = Self::Indented;
        } else if line.starts_with("stdout | ") || line.starts_with("stderr | ") {
            *self = Self::Paragraph;
        }
        !matches!(self, Self::Outside)
    }
}

const CONSOLE: [&str; 5] = [
    "console.log",
    "console.error",
    "console.warn",
    "console.info",
    "console.debug",
];
