//! Finding the lines that state why something failed: by where they stand and how they are marked,
//! not by the words in them.
//!
//! A statement is what a runner, a language or a tool says *as its own*: the exception that ended a
//! process, a compiler's line with a place in a file, a tool's last words. What a passing step
//! logged, what a test compared and what a compiler quotes are no statements.

use std::collections::HashMap;

use super::log::Line;
use super::marks::{self, Follow, Mark};

/// How a line states something, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Form {
    /// A sanitizer or a race detector reports.
    Detected,
    /// A compiler or a linker, with a place.
    Diagnostic,
    /// An expectation that did not hold, in a runner's words.
    Expectation,
    /// A runner ended a test at the test's own time limit.
    TestLimit,
    /// An exception or a panic that nobody caught.
    Thrown,
    /// What a test of Go says of itself.
    TestSays,
    /// A finding of a linter or of a layout check.
    Finding,
    /// A process died: segmentation fault, abort.
    Died,
    /// A tool or a program says so: `tool: …`, `error: …`.
    Said,
    /// One line of a runner's closing summary.
    Summary,
    /// A line without any mark.
    Plain,
    /// A line of a log, at the level of an error.
    Logged,
    /// A test failed; why is not said.
    Head,
    /// A warning, or an attempt that is tried again.
    Warned,
}

/// Which part of a report a statement stands in, where the report is not in the order of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Part {
    /// No such part.
    #[default]
    Any,
    /// Tests that could not be carried out.
    Errors,
    /// Tests whose expectation failed.
    Failures,
}

/// A line that states something.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    /// Its place among the lines.
    pub(super) at: usize,
    /// A line after it that says more, as the values compared.
    pub(super) detail: Option<usize>,
    /// What it says, without its mark.
    pub(super) text: String,
    /// How it says it.
    pub(super) form: Form,
    /// Exceptions of one chain share a number.
    pub(super) chain: usize,
    /// It says what caused the statement before it.
    pub(super) is_cause: bool,
    /// How many causes deep it is.
    pub(super) depth: usize,
    /// The part of the report it stands in.
    pub(super) part: Part,
    /// It stands close below the line that a test failed.
    pub(super) explains_head: bool,
}

impl Statement {
    /// Its place in the order of time, where it is the `index`th statement: of exceptions that name
    /// their causes below them the last is the root, so it counts before those above it.
    pub(super) fn chain_at(&self, index: usize) -> usize {
        match self.is_cause {
            true => index.saturating_sub(2 * self.depth),
            false => index,
        }
    }
}

/// The most statements without a mark that are kept from the front, and again from the back.
const MOST: usize = 300;
/// A program's last lines are looked at whatever words they have.
const LAST_WORDS: usize = 5;
/// How many lines below a failed test its reason is looked for.
const NEAR: usize = 15;
/// How often the same sentence, digits aside, is looked at.
const REPEATS: u32 = 3;

/// The statements in `lines`, in their order.
pub(super) fn statements(lines: &[Line<'_>]) -> Vec<Statement> {
    let mut scan = Scan::default();
    let mut skip = marks::Captured::default();
    let mut after_frame = false;
    let spoken = lines
        .iter()
        .rposition(|line| !line.text.trim().is_empty())
        .map_or(0, |last| last + 1);
    for (at, line) in lines.iter().enumerate() {
        let text = line.text.as_ref();
        if skip.covers(text) {
            continue;
        }
        scan.turn(text);
        let quoted = after_frame && text.starts_with("    ");
        after_frame = text.trim_start().starts_with("File \"");
        if quoted {
            continue;
        }
        let bare = marks::bare(text);
        let place = lines.get(at + 1).and_then(|next| marks::place(&next.text));
        if let (Some(place), true) = (place, bare.starts_with("error")) {
            scan.push(
                at,
                None,
                format!("{place}: {bare}"),
                Form::Diagnostic,
                false,
            );
            continue;
        }
        match marks::mark(bare) {
            Some(mark) => scan.marked(lines, at, bare, &mark),
            None => scan.unmarked(at, text, bare, at + LAST_WORDS >= spoken),
        }
    }
    scan.finish()
}

#[derive(Default)]
struct Scan {
    found: Vec<Statement>,
    unmarked: usize,
    seen: HashMap<u64, u32>,
    /// Languages without a heading above their traces: each exception is a chain of its own.
    chain: usize,
    in_traceback: bool,
    /// The last line that is not blank connects two exceptions of a chain.
    connects: bool,
    /// The lines below a `Caused by:` that are indented say the cause.
    below_cause: bool,
    part: Part,
    verbose_from: usize,
    /// The last line that said that a test failed.
    head: Option<usize>,
}

impl Scan {
    /// Notices the lines that order others.
    fn turn(&mut self, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        if text
            .trim_start()
            .starts_with("Traceback (most recent call last)")
        {
            self.chain += usize::from(!self.connects);
            self.in_traceback = true;
        }
        self.connects = text.contains("another exception occurred")
            || text.contains("was the direct cause of the following");
        self.below_cause = match self.below_cause {
            true => text.starts_with("  ") || text.starts_with("Caused by:"),
            false => text.trim_end() == "Caused by:",
        };
        if let Some(part) = marks::part(text) {
            self.part = part;
        }
        match marks::go_turn(text) {
            Some(marks::GoTurn::Run) => self.verbose_from = self.found.len().max(1),
            // What a test that passes says of itself is no statement.
            Some(marks::GoTurn::Passed) if self.verbose_from > 0 => {
                let from = self.verbose_from.min(self.found.len());
                let mut index = 0;
                self.found.retain(|statement| {
                    index += 1;
                    index < from || statement.form != Form::TestSays
                });
            }
            _ => {}
        }
    }

    fn push(&mut self, at: usize, detail: Option<usize>, text: String, form: Form, is_cause: bool) {
        if form == Form::Thrown {
            self.chain += usize::from(!is_cause && !self.in_traceback);
            self.in_traceback = false;
        }
        let before = self.found.last().map_or(0, |before| before.depth);
        self.found.push(Statement {
            depth: if is_cause { before + 1 } else { 0 },
            at,
            detail,
            text,
            form,
            chain: self.chain,
            is_cause,
            part: self.part,
            explains_head: self.head.is_some_and(|head| at - head <= NEAR),
        });
        if form == Form::Head {
            self.head = Some(at);
        }
    }

    fn marked(&mut self, lines: &[Line<'_>], at: usize, bare: &str, mark: &Mark) {
        if mark.form == Form::Said && self.repeats(bare) {
            return;
        }
        let next = |from: usize| {
            let rest = lines.iter().enumerate().skip(from + 1).take(8);
            rest.map(|(index, line)| (index, marks::bare(&line.text).trim()))
                .find(|(_, text)| !text.is_empty())
        };
        let says = mark.says.trim();
        let is_cause = mark.is_cause || (self.below_cause && mark.form == Form::Said);
        match mark.follow {
            Follow::Alone => self.push(at, None, says.to_owned(), mark.form, is_cause),
            // The statement itself is the next line.
            Follow::Next if says.is_empty() => {
                if let Some((index, text)) = next(at) {
                    self.push(index, None, text.to_owned(), mark.form, is_cause);
                }
            }
            Follow::Next => self.push(at, None, says.to_owned(), mark.form, is_cause),
            // The next line belongs to it.
            Follow::Joined => {
                let more = next(at).filter(|(_, text)| !marks::is_frame(text));
                let text = match more {
                    Some((_, more)) => format!("{says} {more}"),
                    None => says.to_owned(),
                };
                self.push(at, more.map(|(index, _)| index), text, mark.form, is_cause);
            }
            Follow::Below => {
                if let Some((index, text)) = next(at) {
                    self.push(index, None, text.to_owned(), mark.form, is_cause);
                }
            }
            // The values compared stand below.
            Follow::Values => {
                let rest = lines.iter().enumerate().skip(at + 1).take(12);
                let value = rest
                    .map(|(index, line)| (index, marks::bare(&line.text)))
                    .find(|(_, text)| marks::is_expected_value(text));
                let detail = value.map(|(index, _)| index);
                self.push(at, detail, says.to_owned(), mark.form, is_cause);
            }
        }
    }

    fn unmarked(&mut self, at: usize, text: &str, bare: &str, is_last: bool) {
        let speaks = is_last || marks::speaks_of_trouble(bare);
        if !speaks || bare.trim().is_empty() || marks::is_quoted(text) || self.repeats(bare) {
            return;
        }
        let Some(form) = marks::unmarked_form(bare) else {
            return;
        };
        self.unmarked += 1;
        if self.unmarked > 2 * MOST {
            // Enough from the front: of the later ones the last count.
            let oldest = self.found.iter().enumerate().skip(MOST);
            let unmarked = |form: Form| matches!(form, Form::Plain | Form::Logged | Form::Warned);
            let oldest = oldest
                .take(MOST)
                .find(|(_, statement)| unmarked(statement.form))
                .map(|(index, _)| index);
            if let Some(oldest) = oldest {
                self.found.remove(oldest);
            }
        }
        let is_cause = self.below_cause;
        self.push(at, None, bare.trim().to_owned(), form, is_cause);
    }

    /// Whether the same sentence, digits aside, has been seen often enough.
    fn repeats(&mut self, text: &str) -> bool {
        let shape = text
            .bytes()
            .filter(u8::is_ascii_alphabetic)
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        let times = self.seen.entry(shape).or_default();
        *times += 1;
        *times > REPEATS
    }

    fn finish(self) -> Vec<Statement> {
        self.found
    }
}
