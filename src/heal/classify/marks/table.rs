//! The marks as a table: form, where the statement stands, pattern.

use std::sync::LazyLock;

use super::super::statement::Form;
use super::Follow;

/// A type's name that ends as names of errors do.
const ERROR: &str = r"(?:[A-Za-z_][\w$]*(?:\.|::|\\))*(?:[A-Z]\w*)?(?:Error|Exception|Failure|Failed|Interrupt|Exit|Fault|Timeout|TimedOut|Refused|NotFound|Denied|Violation|Overflow|StopIteration|Panic|gaierror|herror)";

/// All marks, the first that fits counts. `says` is what is stated, `cause` marks a cause of what
/// was said before; without `says` it is the whole line.
pub(super) static MARKS: LazyLock<Vec<(Form, Follow, String)>> = LazyLock::new(|| {
    use Follow::{Alone, Below, Joined, Next, Values};
    let table: Vec<(Form, Follow, &str)> = vec![
        // Sanitizers, race detectors, memory checkers.
        (
            Form::Detected,
            Alone,
            r"^(?:==\d+==)?\s*(?:ERROR|WARNING): (?:\w+Sanitizer|DATA RACE)\b|^WARNING: DATA RACE|^\S+:\d+:\d+: runtime error: |^==\d+== *(?:Invalid (?:read|write|free)|Conditional jump|Use of uninit|Syscall param|Mismatched free|\S+ bytes in \S+ blocks are (?:definitely|indirectly|possibly) lost|Process terminating)",
        ),
        // Rust: the place first, the message on the next line; older: both on one.
        (
            Form::Thrown,
            Next,
            r"^\s*thread '.*' (?:\(\d+\) )?panicked at (?:'(?P<says>.*)', )?[^']*:\d+:\d+:?$",
        ),
        (
            Form::Expectation,
            Values,
            r"^\s*assertion (?:`.*` )?failed\b.*",
        ),
        (
            Form::Expectation,
            Alone,
            r"^note: (?:test did not panic as expected|panic did not contain expected string).*|it's marked `should_panic`|DID NOT (?:RAISE|WARN)",
        ),
        (
            Form::Died,
            Alone,
            r"has overflowed its stack|^fatal runtime error: |\(signal: \d+, SIG(?:SEGV|ABRT|BUS|ILL|FPE|TRAP)|^\s*SIG(?:SEGV|ABRT|BUS|ILL|FPE) \[|\(test aborted with signal|\*\*\*Exception: |\bSubprocess aborted|^worker '\w+' crashed while running|^Fatal Python error: |Segmentation fault|^(?:free|malloc|realloc|munmap_chunk|corrupted \S+)(?:\(\))?: |^\*\*\* (?:stack smashing|buffer overflow)|double free|SIGSEGV|^\S+: \S+:\d+: .*Assertion .* failed|^Assertion failed: |core dumped|^#\s+A fatal error has been detected|' failed with status 13[0-9]$|Bad system call|Floating point exception|Illegal instruction|Bus error",
        ),
        // What a runner was to start is not there; a test that ends the whole runner.
        (Form::Diagnostic, Alone, r"^Unable to find executable: .*"),
        (
            Form::Thrown,
            Alone,
            r"^\s*●\s+(?P<says>process\.exit called with .*)",
        ),
        // Time limits that a runner sets on one test.
        (
            Form::TestLimit,
            Alone,
            r"^\s*(?:→ |Error: |panic: |E\s+Failed: |Failed: )*(?:Error: )?(?:[Tt]est timed out (?:in|after) \d|Timeout of \d+ ?ms exceeded|Timeout >? ?\(?>?\d|[Ee]xceeded timeout of \d)|thrown: .Exceeded timeout|Exceeded timeout of \d+ ?ms|^\s*TIMEOUT \[|\*\*\*Timeout|^\s*\d+/\d+ .*\bTIMEOUT\b|test timed out after \d+|execution timed out after \d|TestTimedOutException|^Timeout: Test|timed out after \d+ ?(?:ms|milliseconds?|s|seconds?)\b.*(?:test|hook)|from pytest-timeout|\btest (?:was )?killed after|^\s*not ok .*timeout after|timeout: sending signal",
        ),
        // Compilers and linkers.
        (
            Form::Diagnostic,
            Alone,
            r"^error\[E\d{4}\]: .*|^\S.*?:\d+:\d+: (?P<says>error\[E\d{4}\]: .*)",
        ),
        (
            Form::Diagnostic,
            Alone,
            r"^(?:[^\s:(]+/)?[^\s:(/]+\.[A-Za-z+]{1,6}:\d+(?::\d+)?: (?:fatal |internal compiler )?(?:error|ERROR)\b.*|^[\w./+-]+\.(?:proto|thrift|rs|c|cc|cpp|java|kt|ts|js|py|rb|php|scala|swift|hs|ml|S|zig|nim|ninja|build|l|y):\d+:\d+: [A-Z][^:]*\.?$",
        ),
        (
            Form::Diagnostic,
            Alone,
            r"^\S+\(\d+,\d+\): (?:fatal )?error \w+: .*|^\S+:\d+:\d+ - error TS\d+: .*|^error TS\d+: .*",
        ),
        (
            Form::Diagnostic,
            Alone,
            r"^(?:vet: )?(?:[\w@.-]*/)*[\w.-]+\.go:\d+:\d+: .*",
        ),
        (
            Form::Diagnostic,
            Alone,
            r"^/\S+\.\w+:\[\d+,\d+\] .*|^e: \S+\.kts?:.*|^(?:e|w): file://.*",
        ),
        (
            Form::Diagnostic,
            Alone,
            r"undefined reference to |multiple definition of |duplicate symbol|\b(?:ld|lld|mold|ld\.\w+)\b.*(?:cannot find -l|unable to find library -l|undefined symbol: |symbol\(s\) not found|library not found|cannot open output|final link failed)|\bcannot find -l\S+",
        ),
        (
            Form::Diagnostic,
            Alone,
            r"^(?:cc1\w*|clang|gcc|g\+\+|c\+\+|javac|as): (?:fatal )?error: .*",
        ),
        // Linters, with a rule's name.
        (
            Form::Finding,
            Alone,
            r"^\s+\d+:\d+\s+(?:error|✖|×)\s+.*|^\S+\.\w+:\d+:\d+: (?:\[?[A-Z]{1,4}\d{2,5}\]?:?|[CWERF]:) .*|^(?:invalid-syntax|[A-Z]{1,4}\d{2,4}(?: \[\*\])?):? [A-Z`\[].*|^\s*\^?-*\^? ?SC\d{4} .*|^\S+:\d+:\d+: (?:warning|note|style|convention|error): .* \[SC\d+\]|^\S+:\d+:\d+: [WCEF]: .*|^\S+:\d+ \S*DL\d{4}.*",
        ),
        (
            Form::Finding,
            Alone,
            r"^Diff in |^would reformat |^\[warn\] (?:\S+\.\w+$)|^\S+\.\w+: needs? format|is not (?:properly )?formatted|^ERROR: \S+ Imports are incorrectly sorted|Code style issues (?:were )?found|^--- a?/?\S+\s.*(?:original|before formatting)|^Would reformat: ",
        ),
        // Test runners' expectations.
        (
            Form::Expectation,
            Values,
            r"^\s*(?:Error: )?expect\(.*\)\S*.*|^\s*(?:Error: )?(?:expect|assert)\w*(?:\.\w+)*\([^)]*\).* // .*",
        ),
        (Form::Expectation, Next, r"^\S+:\d+: Failure$|^.*: FAILED:$"),
        (Form::Head, Alone, r"^\s*\d+\) (?:Error|Failure):$"),
        (Form::Expectation, Alone, r"^\s*[Ee]xpected(?::| .* to\b).*"),
        (Form::Expectation, Alone, r"^want:$"),
        // RSpec shows the line; what went wrong stands below it.
        (Form::Head, Alone, r"^\s*Failure/Error: .*"),
        (Form::TestLimit, Alone, r"^\+{3,} Timeout \+{3,}$"),
        (
            Form::Thrown,
            Alone,
            r"^(?:lua\S*|luajit): \S+:\d+: (?P<says>.*)",
        ),
        (
            Form::Expectation,
            Values,
            r"^\s*(?:Failed asserting that|Failed example:|Property failed|Falsifying example|Snapshot .* mismatch|Expected equality of these values|Value of: |CHECK\w* ?\(|REQUIRE\w* ?\(|The difference between ).*|^\s*Failed test (?:'|at ).*|^\s*`.*' failed$|.*\bsnapshots? (?:does not match|do not match|mismatch).*|.*(?:golden|expected output).*(?:differs?|mismatch|does not match).*|^\s*›? ?\d+ snapshots? failed.*|^Expected:$|.*error: in \S+: check .* has failed.*|^\s*Failure:$",
        ),
        (
            Form::Expectation,
            Alone,
            r"^\s*(?:FAIL )?Required test coverage .*not reached.*|.*[Cc]overage\b.*(?:does not meet|not met|below|less than|lower than|under|fail-under|minimum|insufficient).*|.*threshold\b.*(?:not met|not reached|not satisfied).*",
        ),
        // What a language says of an exception that nobody caught.
        (
            Form::Thrown,
            Joined,
            r"^(?:libc\+\+abi: )?terminat(?:e called after throwing|ing (?:due to|with) uncaught exception).*",
        ),
        (
            Form::Thrown,
            Alone,
            r"^(?:PHP )?(?P<says>(?:Fatal|Recoverable fatal|Parse) error: .*)|^PHP (?:Warning|Notice): .*open_basedir.*",
        ),
        (
            Form::Thrown,
            Alone,
            r"^\s*(?:.*: )?\S+:\d+:in [`'][^']*': (?P<says>.* \([A-Z][\w:]*\))$|^\s*(?P<says2>.* \((?:LoadError|Errno::\w+|\w+Error)\))$",
        ),
        (
            Form::Thrown,
            Alone,
            r"^\s*(?:message|error): ['\x22](?P<says>.+?)['\x22]$",
        ),
        (
            Form::Thrown,
            Alone,
            r"^(?P<says>[^\s:][^:]*(?:: .*)?) at \S+ line \d+\.$",
        ),
        (Form::Thrown, Alone, r"^C\+\+ exception (?P<says>.*)"),
        (
            Form::Said,
            Below,
            r"^CMake Error(?: at \S+ \([\w.]+\)| at \S+)?:$",
        ),
        (
            Form::Thrown,
            Alone,
            r"^\s*panic: (?P<says>.*)|^(?P<says2>fatal error: .*)",
        ),
        (
            Form::Thrown,
            Alone,
            r"^E {2,40}(?P<says>(?:assert\b|fixture '|[A-Za-z_][\w.]*(?:Error|Exception|Exit|Failed|Timeout|Interrupt|Warning|Iteration|Group)\b|[a-z_]\w*(?:\.\w+)*\.[A-Z]\w+: |Failed: |Failed to ).*)",
        ),
        (
            Form::Thrown,
            Alone,
            r"^(?:Uncaught|Unhandled|\*\* \()\b?(?::| exception[.:]| rejection[^:]*:| )*(?P<says>\S.*)",
        ),
        (Form::TestSays, Alone, r"^\s+\w+_test\.go:\d+: (?P<says>.*)"),
        (
            Form::Summary,
            Alone,
            r"^(?:FAILED|ERROR) \S+::.*? - (?P<says>.*)|^\s+[\w.$]+[.:]\w+:\d+(?:->\S+)? (?P<says2>.*)|^FAILED \S+(?:::\S+)?$",
        ),
        // A test failed; its reason stands elsewhere, if anywhere.
        (
            Form::Head,
            Alone,
            r"^\s*(?:not ok \d+|--- FAIL: |✖ |✕ |✗ |× |\d+\) |● |FAIL: |ERROR: \w+ \(|FAIL +\S+\.|\[  FAILED  \] |\[FAIL(?:ED)?\] |\d+/\d+ .* FAIL |❯ .*failed).*|^test .*\bFAILED$|^\S+ --- FAILED$|.*<<< (?:FAILURE|ERROR)!.*|^\s*FAIL \[.*|.*\*\*\*(?:Failed|Not Run).*|^\s*(?:Tests? run: \d+, )?(?:Failures|Errors): [1-9].*|(?:^|[,:(|=]\s*|\s{2,}|; )[1-9]\d{0,5} (?:tests? )?(?:failed|failing|failures?|FAILED TESTS?)\b.*|^Tests run: \d+, Failures: \d*[1-9].*|^Tests run: \d+, Failures: 0, Errors: \d*[1-9].*|^.*(?:::|: |\.\.\. )\S* ?FAILED(?:\s+\[.*)?$|^\S+::\S+ (?:FAILED|ERROR)\b.*|^##teamcity\[testFailed .*|^Result: FAIL|^Tests: \d+, .*(?:Failures|Errors): [1-9].*|^FAILED \(|^\[?(?:BAD|FALLO|FEHLER|ÉCHEC|ECHEC|NOT OK|KO)\]?\b.*|^\s*\(in test file .*|.*' failed with status \d+$|^Dubious, test returned",
        ),
    ];
    let mut marks: Vec<(Form, Follow, String)> = table
        .into_iter()
        .map(|(form, follow, text)| (form, follow, text.to_owned()))
        .collect();
    let lead = r"^\s*(?:(?P<cause>Caused by: |\[cause\]: |Suppressed: )|Exception in thread \x22.*?\x22 |Uncaught |error: Uncaught (?:\(in promise\) )?|=> |→ |\d+\) |[\w./-]+\.\w{1,4}: |[\w./-]+:\d+: )*";
    let before_heads = marks.len() - 1;
    let exception = format!(r"{lead}(?P<says>{ERROR}(?: \[\w+\])?(?:: .*|))$");
    let dotted =
        format!(r"{lead}(?P<says>[a-z_]\w*(?:\.\w+)*\.[A-Z][\w$]*(?:: \S.*|(?:Error|Exception)))$");
    let pending = format!(r"{lead}(?P<says>{ERROR}:)$");
    for (follow, text) in [
        (Follow::Joined, pending),
        (Follow::Alone, exception),
        (Follow::Alone, dotted),
    ] {
        marks.insert(before_heads, (Form::Thrown, follow, text));
    }
    marks
});
