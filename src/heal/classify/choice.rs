//! Which statement counts: the strongest form, of these the first in time; the cause before its symptom.

use crate::domain::failure::ErrorType;

use super::judge::{Setting, judge};
use super::log::Line;
use super::statement::{Form, Part, Statement};
use super::verdict::Verdict;

/// A statement with what it says.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub(super) verdict: Verdict,
    pub(super) form: Form,
    /// The line that is shown as the root cause.
    pub(super) line: Option<usize>,
    /// Its text, where no line of the output holds it.
    pub(super) text: Option<String>,
}

/// The statements that mean something, the one that counts first.
pub(super) fn ranked(
    statements: &[Statement],
    lines: &[Line<'_>],
    setting: &Setting<'_>,
) -> Vec<Chosen> {
    let judged: Vec<(usize, Verdict)> = sampled(statements)
        .into_iter()
        .filter_map(|index| {
            let statement = &statements[index];
            let near = near(statement, lines);
            Some((index, judge(statement, &near, setting)?))
        })
        .collect();
    let first_kind = first_kind(lines);
    let last_chain = statements
        .iter()
        .filter(|statement| statement.form == Form::Thrown && !says_panic(statement, lines))
        .map(|statement| statement.chain)
        .max()
        .unwrap_or(0);
    let mut order: Vec<(Key, usize, Verdict)> = judged
        .into_iter()
        .map(|(index, verdict)| {
            let statement = &statements[index];
            let key = Key::of(statement, &verdict, index, setting, first_kind, last_chain);
            (key, index, verdict)
        })
        .collect();
    order.sort_by_key(|(key, _, _)| *key);
    let mut chosen: Vec<Chosen> = order
        .into_iter()
        .map(|(_, index, verdict)| {
            let statement = &statements[index];
            let detail = statement.detail.filter(|_| {
                let only_type = lines[statement.at].text.trim_end().ends_with(':');
                verdict.error_type != ErrorType::Runtime || only_type
            });
            Chosen {
                line: Some(detail.unwrap_or(statement.at)),
                text: None,
                form: statement.form,
                verdict,
            }
        })
        .collect();
    put_the_cause_first(&mut chosen);
    chosen
}

/// How many statements of a form are judged: the first, which count most, and the last, where chains end.
const FIRST: usize = 48;
const LAST: usize = 16;

/// The statements that are judged. A log may hold any number, and time is bounded.
fn sampled(statements: &[Statement]) -> Vec<usize> {
    let mut forms: Vec<(Form, Vec<usize>)> = Vec::new();
    for (index, statement) in statements.iter().enumerate() {
        match forms.iter_mut().find(|(form, _)| *form == statement.form) {
            Some((_, of_form)) => of_form.push(index),
            None => forms.push((statement.form, vec![index])),
        }
    }
    for (_, of_form) in &mut forms {
        let over = of_form.len().saturating_sub(FIRST + LAST);
        of_form.drain(FIRST.min(of_form.len())..FIRST.min(of_form.len()) + over);
    }
    let mut sampled: Vec<usize> = forms.into_iter().flat_map(|(_, of_form)| of_form).collect();
    sampled.sort_unstable();
    sampled
}

/// Smaller counts more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    rank: u8,
    out_of_turn: bool,
    doubt: u8,
    at: usize,
}

impl Key {
    fn of(
        statement: &Statement,
        verdict: &Verdict,
        index: usize,
        setting: &Setting<'_>,
        first_kind: Part,
        last_chain: usize,
    ) -> Self {
        use Form as F;
        let rank = match statement.form {
            F::Detected => 0,
            F::Diagnostic => 1,
            F::Expectation if !setting.in_tests => 7,
            F::Expectation | F::TestLimit | F::TestSays => 2,
            F::Thrown if setting.in_tests => 2,
            F::Finding => 2,
            F::Thrown => 3,
            F::Died => 4,
            // Beside tests, what others say explains one that failed, or nothing.
            F::Said | F::Plain | F::Logged if setting.has_heads && !statement.explains_head => 10,
            F::Said | F::Plain if setting.has_heads && verdict.confidence >= 0.7 => 5,
            F::Said if verdict.confidence >= 0.7 => 5,
            F::Summary => 6,
            F::Plain if verdict.confidence >= 0.7 => 7,
            F::Logged => 8,
            F::Said => 8,
            F::Head => 9,
            F::Plain => 10,
            F::Warned => 11,
        };
        // What the environment did explains a crash of a program, wherever it says so.
        let is_last = statement.chain == last_chain
            || setting.in_tests
            || statement.form != F::Thrown
            || verdict.rule == "building.syntax";
        let turned =
            first_kind != Part::Any && statement.part != Part::Any && statement.part != first_kind;
        Self {
            rank,
            out_of_turn: turned || !is_last,
            doubt: u8::from(
                matches!(statement.form, F::Said | F::Plain) && verdict.rule == "missing.setting",
            ),
            at: statement.chain_at(index),
        }
    }
}

/// A report is judged as a whole: whichever test was first, it is no crash as long as an assertion failed.
pub(super) fn put_the_assertion_first(chosen: &mut Vec<Chosen>) {
    let crashed = |first: &Chosen| {
        first.verdict.is_bare_crash()
            && matches!(
                first.form,
                Form::Thrown | Form::Head | Form::Summary | Form::Said
            )
    };
    if !chosen.first().is_some_and(crashed) {
        return;
    }
    let failed = chosen.iter().position(|other| {
        other.verdict.error_type == ErrorType::Assertion
            && other.verdict.confidence >= 0.75
            && matches!(
                other.form,
                Form::Expectation | Form::Thrown | Form::TestSays
            )
    });
    if let Some(failed) = failed {
        let failed = chosen.remove(failed);
        chosen.insert(0, failed);
    }
}

/// Of an unexplained crash and a fault around the program the fault is the cause, if a statement as
/// strong says it; and of one chain that around the program.
pub(super) fn put_the_cause_first(chosen: &mut Vec<Chosen>) {
    let Some(first) = chosen.first() else {
        return;
    };
    // An index that cannot be asked has no package either.
    if first.verdict.rule == "missing.package" {
        let asked = chosen.iter().position(|other| {
            other.form == Form::Warned && other.verdict.rule.starts_with("network.")
        });
        if let Some(asked) = asked {
            let asked = chosen.remove(asked);
            chosen.insert(0, asked);
        }
        return;
    }
    if !first.verdict.is_bare_crash() {
        return;
    }
    let strong = |chosen: &Chosen| {
        matches!(
            chosen.form,
            Form::Thrown | Form::TestSays | Form::Expectation | Form::TestLimit
        ) && chosen.verdict.confidence >= 0.75
    };
    let cause = chosen
        .iter()
        .position(|chosen| chosen.verdict.is_around() && strong(chosen));
    if let Some(cause) = cause {
        let cause = chosen.remove(cause);
        chosen.insert(0, cause);
    }
}

fn says_panic(statement: &Statement, lines: &[Line<'_>]) -> bool {
    let before = statement.at.checked_sub(1).and_then(|at| lines.get(at));
    before.is_some_and(|line| line.text.contains("panicked at"))
}

/// Where the trace above an exception begins, if one is near.
fn trace_from(statement: &Statement, lines: &[Line<'_>]) -> usize {
    const LONGEST: usize = 40;
    let usual = statement.at.saturating_sub(6);
    let above = (statement.at.saturating_sub(LONGEST)..usual).rev();
    above
        .take_while(|at| {
            let text = &lines[*at].text;
            text.starts_with("  ") || text.starts_with("Traceback")
        })
        .last()
        .unwrap_or(usual)
}

/// What stands just before a statement, where a name or a place may be told.
fn near(statement: &Statement, lines: &[Line<'_>]) -> String {
    let from = match statement.form {
        Form::Thrown => trace_from(statement, lines),
        _ => statement.at.saturating_sub(6),
    };
    let around = lines.get(from..(statement.at + 3).min(lines.len()));
    let mut text = String::new();
    for line in around.unwrap_or_default() {
        let line: &str = &line.text;
        text.push_str(&line[..line.floor_char_boundary(400)]);
        text.push('\n');
    }
    text
}

/// Runners whose report is not in the order of time show that order in a row of letters: whether the
/// first test that did not pass failed or could not be carried out.
fn first_kind(lines: &[Line<'_>]) -> Part {
    for line in lines {
        let text = line.text.trim();
        let row = text.split('[').next().unwrap_or(text).trim();
        let row = row.rsplit(' ').next().unwrap_or(row);
        let is_row = !row.is_empty() && row.bytes().all(|byte| b".FEsxXuRp".contains(&byte));
        if is_row {
            match row.bytes().find(|byte| b"FE".contains(byte)) {
                Some(b'F') => return Part::Failures,
                Some(b'E') => return Part::Errors,
                _ => {}
            }
        }
        if text.ends_with("... FAIL") {
            return Part::Failures;
        }
        if text.ends_with("... ERROR") {
            return Part::Errors;
        }
        if text.starts_with("====") && (text.contains("ERRORS") || text.contains("FAILURES")) {
            break;
        }
    }
    Part::Any
}
