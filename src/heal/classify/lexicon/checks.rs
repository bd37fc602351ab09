//! Programs that check something of their own, and those that break, in their own words.

use super::{Rule, rule};
use crate::domain::failure::{
    Cause::{Crash, Lint, Tests},
    ErrorType::{Assertion, Runtime},
};

/// What a program did to itself or to its data.
pub(super) const CRASHES: &[Rule] = &[
    rule(
        "crash.constraint",
        Runtime,
        Crash,
        r"duplicate key value|UNIQUE constraint|constraint failed|violates (?:\w+[ -])*constraint|IntegrityError|Duplicate entry",
    ),
    rule(
        "crash.invariant",
        Runtime,
        Crash,
        r"\binvariant\b.{0,40}(?:broken|violated|failed)|internal (?:compiler )?error|\bBUG:|this is a bug|assertion .{0,80}failed|unhandled (?:exception|error|promise)|uncaught|divi(?:sion|ded?) by zero|null pointer|index out of|out of (?:range|bounds)|use after free|memory (?:corruption|access|fault)|Speicherzugriffsfehler|Violation de gestion|Violación de segmento|dumped core|\b(?:job|worker|process|child|task|thread|program|service)\b.{0,20}\b(?:died|crashed|panicked|aborted|exploded)|Undefined (?:array key|index|offset|variable|property)|Trying to access|unbound variable|jq: error \(at|attempt to (?:perform|index|call|compare|concatenate)",
    ),
];

/// Checks that say no: values that differ, thresholds, gates.
pub(super) const RULES: &[Rule] = &[
    rule("checks.expected", Assertion, Tests, r"\bexpected\b.{0,80}\b(?:got|found|but|actual|was|returned|received|have|saw|is)\b|\b(?:got|have|returned|found|received)\b.{0,60}\b(?:want(?:ed)?|expected)\b|\bwant(?:ed)?\b.{0,60}\b(?:got|have)\b|\bshould (?:be|have|equal|match|return)\b")
        .weak(),
    rule("checks.differs", Assertion, Tests, r"\b(?:does|do|did) not (?:match|agree|equal|balance|add up|correspond|line up)\b|\bdiffers?\b|\bmismatch(?:es|ed)?\b|\bdiscrepanc|\bdeviat|not (?:equal|identical|the same)|snapshot|golden|regression|\bis not \d|\bsays \d|\bchanged unexpectedly")
        .weak(),
    rule("checks.gate", Assertion, Lint, r"\b(?:gate|threshold|budget|baseline|minimum|maximum|limit|target|score|coverage|quality|ratio)\b.{0,50}(?:\d+(?:\.\d+)?%? ?(?:<|>|<=|>=|of) ?\d|below|above|not (?:met|reached)|less than|more than|exceed|too (?:low|high|large|big|slow))|\b[1-9]\d* (?:problems?|issues?|violations?|findings?|offen[cs]es?|errors?(?:[^=\w]|$)|warnings?(?:[^=\w]|$)|checks? failed|tests? failed|failed|bad|mismatches|differ)\b|\blacks?\b|unformatted|not formatted|trailing whitespace|too (?:long|complex)|style|convention|\blint")
        .weak(),
    rule("checks.failed", Assertion, Tests, r"\b(?:check|test|verification|validation|assertion|audit|self-?test|smoke|sanity|acceptance)s?\b.{0,40}\b(?:failed|fails|not passed|did not pass|unsuccessful|red)\b")
        .weak(),
];
