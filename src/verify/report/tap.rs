//! The Test Anything Protocol, versions 12 to 14, as `node --test`, vitest, bats, Perl and others speak it.
//!
//! A test point's subtests stand before it, indented by four spaces, or after it between ` {` and `}`. A plan says
//! how many points there are on a level; a level without one, or with another number, does not prove that all is
//! there. A point that only groups others (a suite) counts as a test only if it fails by itself.

mod point;
mod yaml;

pub(super) use self::point::Point;
use super::{MAX_NAME, MAX_NAMED, Report, Reported, is_script, lines, shorten};
use crate::domain::check::TestStatus;

/// How deep subtests may lie; what lies deeper is text.
const MAX_DEPTH: usize = 32;
/// The most points of a report; there may be more, but they are not read.
const MAX_POINTS: usize = 250_000;
/// By how many spaces a level of subtests is indented.
const INDENT: usize = 4;
/// What stands between the names of a test and of those it lies in.
const BETWEEN: &str = " > ";

/// Reads the reports in `stdout`; none if there is neither a plan nor a test point.
pub(super) fn read(stdout: &str) -> Option<Report> {
    let mut reader = Reader::new();
    for line in lines(stdout) {
        reader.line(&line);
    }
    reader.finish()
}

/// Whether a text begins as TAP does, but for what package managers say first.
pub(super) fn begins(text: &str) -> bool {
    lines(text)
        .find(|line| !(line.trim().is_empty() || line.starts_with(['>', '$'])))
        .is_some_and(|line| is_version(&line) || plan(&line).is_some())
}

/// Reads a report that stands in other output; none unless it is whole: as many points as its only plan says, numbered
/// through.
pub(super) fn read_among(stdout: &str) -> Option<Report> {
    let mut wanted = 1;
    for line in lines(stdout) {
        let rest = line.strip_prefix("not ").unwrap_or(&line);
        let number = rest.strip_prefix("ok ").map(|rest| {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            rest[..digits].parse::<u32>()
        });
        match number {
            Some(Ok(number)) if number == wanted => wanted += 1,
            Some(_) => return None,
            None => {}
        }
    }
    read(stdout).filter(|report| wanted > 1 && report.counts.complete)
}

fn is_version(line: &str) -> bool {
    line.strip_prefix("TAP version ")
        .is_some_and(|version| version.trim_end().parse::<u32>().is_ok())
}

/// The points of one level, as far as they are read.
#[derive(Default)]
struct Level {
    points: Vec<Point>,
    plan: Option<u64>,
    /// How many points there were.
    seen: u64,
    /// A point whose subtests follow between braces.
    open: Option<Point>,
    /// What a `# Subtest:` comment calls the next point.
    subtest: Option<String>,
}

/// The numbers that some writers give in comments at the end.
#[derive(Default)]
struct Trailer {
    tests: u64,
    failed: u64,
}

struct Reader {
    levels: Vec<Level>,
    /// The diagnostics of the last point, while they are read.
    yaml: Option<yaml::Block>,
    /// Whether the last line was a point, and how far it was indented.
    after_point: Option<usize>,
    trailer: Trailer,
    report: Report,
    /// How many points there were.
    points: usize,
    found: bool,
}

impl Reader {
    fn new() -> Self {
        let mut report = Report::default();
        report.counts.complete = true;
        Self {
            levels: vec![Level::default()],
            yaml: None,
            after_point: None,
            trailer: Trailer::default(),
            report,
            points: 0,
            found: false,
        }
    }

    fn line(&mut self, line: &str) {
        let text = line.trim_start_matches(' ');
        let indent = line.len() - text.len();
        if let Some(block) = &mut self.yaml {
            match block.line(indent, text) {
                yaml::State::More => return,
                yaml::State::Ended => return self.end_yaml(),
                yaml::State::Broken => self.end_yaml(),
            }
        }
        let after_point = self.after_point.take();
        if text.trim_end() == "---" && after_point.is_some_and(|point| indent > point) {
            self.yaml = Some(yaml::Block::new(indent));
            return;
        }
        let depth = indent / INDENT;
        if !indent.is_multiple_of(INDENT) || depth >= MAX_DEPTH || depth > self.levels.len() {
            return;
        }
        if text.starts_with("Bail out!") {
            self.incomplete(text.trim_end().to_owned());
        } else if let Some(point) = Point::parse(text) {
            self.point(depth, point);
            self.after_point = Some(indent);
        } else if let Some(plan) = plan(text) {
            self.plan(depth, plan);
        } else if text.trim_end() == "}" {
            self.close(depth);
        } else if let Some(name) = text.strip_prefix("# Subtest: ") {
            self.level(depth).subtest = Some(name.trim_end().to_owned());
        } else if depth == 0 && is_version(text) {
            self.end_document();
        } else if depth == 0
            && let Some((word, number)) = total(text)
        {
            match word {
                "tests" => self.trailer.tests = number,
                "fail" | "cancelled" => {
                    self.trailer.failed = self.trailer.failed.saturating_add(number);
                }
                _ => {}
            }
        }
    }

    /// The level at a depth that is at most one more than there are.
    fn level(&mut self, depth: usize) -> &mut Level {
        if depth == self.levels.len() {
            self.levels.push(Level::default());
        }
        &mut self.levels[depth]
    }

    fn point(&mut self, depth: usize, mut point: Point) {
        self.found = true;
        self.points += 1;
        if self.points > MAX_POINTS {
            return self.surplus(&point);
        }
        self.trailer = Trailer::default();
        self.level(depth);
        if self.levels[depth].open.is_some() {
            self.incomplete("subtests end without their closing brace".to_owned());
            self.close(depth);
        }
        point.children = self.end_levels_above(depth);
        let level = &mut self.levels[depth];
        level.seen += 1;
        level.subtest = None;
        if point.opens {
            level.open = Some(point);
        } else {
            level.points.push(point);
        }
    }

    /// A point beyond what is read: only its failing counts.
    fn surplus(&mut self, point: &Point) {
        self.incomplete(format!("there are more than {MAX_POINTS} tests"));
        let failed = point.status == TestStatus::Failed;
        let counts = &mut self.report.counts;
        counts.failed = counts.failed.saturating_add(u32::from(failed));
    }

    /// Ends the subtests of the point that is open at a depth.
    fn close(&mut self, depth: usize) {
        if self
            .levels
            .get(depth)
            .is_none_or(|level| level.open.is_none())
        {
            return;
        }
        let children = self.end_levels_above(depth);
        let level = &mut self.levels[depth];
        if let Some(mut point) = level.open.take() {
            point.children.extend(children);
            level.points.push(point);
        }
    }

    fn plan(&mut self, depth: usize, plan: u64) {
        self.found = true;
        let level = self.level(depth);
        if level.plan.replace(plan).is_some() {
            self.incomplete("there is more than one plan".to_owned());
        }
    }

    /// Ends the levels above a depth and gives the points of the one right above it.
    fn end_levels_above(&mut self, depth: usize) -> Vec<Point> {
        while self.levels.len() > depth + 2 {
            self.orphan();
        }
        if self.levels.len() <= depth + 1 {
            return Vec::new();
        }
        match self.levels.pop() {
            Some(level) => self.end_level(level),
            None => Vec::new(),
        }
    }

    /// Ends the uppermost level, whose own point never came.
    fn orphan(&mut self) {
        let Some(level) = self.levels.pop() else {
            return;
        };
        self.incomplete("subtests end without their test".to_owned());
        let children = self.end_level(level);
        let name = self
            .levels
            .last_mut()
            .and_then(|below| below.subtest.take());
        if let Some(below) = self.levels.last_mut() {
            below
                .points
                .push(Point::group(name.unwrap_or_default(), children));
        }
    }

    fn end_level(&mut self, mut level: Level) -> Vec<Point> {
        if let Some(point) = level.open.take() {
            self.incomplete("subtests end without their closing brace".to_owned());
            level.points.push(point);
        }
        match level.plan {
            None => self.incomplete("there is no plan, so tests may be missing".to_owned()),
            Some(plan) if plan != level.seen => {
                let seen = level.seen;
                self.incomplete(format!("{seen} of {plan} planned tests ended"));
            }
            Some(_) => {}
        }
        level.points
    }

    fn end_yaml(&mut self) {
        let Some(block) = self.yaml.take() else {
            return;
        };
        let at = self.levels.iter_mut().rev().find_map(|level| {
            let Level { open, points, .. } = level;
            open.as_mut().or(points.last_mut())
        });
        if let Some(point) = at {
            block.tell(point);
        }
    }

    /// Ends a report; another may follow.
    fn end_document(&mut self) {
        if self.yaml.is_some() {
            self.incomplete("the report breaks off".to_owned());
            self.end_yaml();
        }
        while self.levels.len() > 1 {
            self.orphan();
        }
        let level = std::mem::take(&mut self.levels[0]);
        if level.plan.is_none() && level.seen == 0 && level.points.is_empty() {
            return;
        }
        let before = self.report.counts;
        let mut todo = 0;
        for point in self.end_level(level) {
            add(&mut self.report, &mut todo, point, &Above::default());
        }
        let counts = self.report.counts;
        let failed = u64::from(counts.failed - before.failed);
        let ended = failed
            + todo
            + u64::from(counts.passed - before.passed)
            + u64::from(counts.skipped - before.skipped);
        let trailer = std::mem::take(&mut self.trailer);
        if trailer.failed > failed || trailer.tests > ended {
            self.incomplete("its own totals tell of more tests than it lists".to_owned());
        }
    }

    fn incomplete(&mut self, note: String) {
        self.report.counts.complete = false;
        if !self.report.notes.contains(&note) {
            self.report.note(&note);
        }
    }

    fn finish(mut self) -> Option<Report> {
        self.end_document();
        self.found.then_some(self.report)
    }
}

/// What a point lies in.
#[derive(Default)]
struct Above {
    name: String,
    file: Option<String>,
    /// Whether there is anything.
    inside: bool,
}

/// Adds a point and its subtests to a report, and to `todo` those that are still to be done; gives the number of failing
/// tests among them.
fn add(report: &mut Report, todo: &mut u64, point: Point, above: &Above) -> u32 {
    // vitest's outermost groups are files, which are no part of a test's name; its flat points begin with theirs.
    let outermost = !above.inside;
    let has_children = !point.children.is_empty();
    let is_file = outermost && (point.opens || has_children) && is_script(&point.name);
    let is_group = point.group || (has_children && (point.timed || is_file));
    let flat = point
        .name
        .split_once(BETWEEN)
        .filter(|(file, _)| outermost && is_script(file));
    let (file, name) = match flat {
        Some((file, name)) => (Some(file.to_owned()), name.to_owned()),
        None if above.name.is_empty() || report.tests.len() == MAX_NAMED => {
            (above.file.clone(), point.name)
        }
        None => {
            let name = format!("{}{BETWEEN}{}", shorten(&above.name, MAX_NAME), point.name);
            (above.file.clone(), name)
        }
    };
    let before = report.counts.failed;
    let inside = Above {
        name: if is_file { String::new() } else { name.clone() },
        file: if is_file {
            Some(name.clone())
        } else {
            file.clone()
        },
        inside: true,
    };
    // Perl's subtests are steps of a test: neither has diagnostics.
    let is_test =
        has_children && !is_group && point.duration_ms.is_none() && point.location.is_none();
    for child in point.children.into_iter().filter(|_| !is_test) {
        add(report, todo, child, &inside);
    }
    let failing_inside = report.counts.failed - before;
    if is_group && (point.status != TestStatus::Failed || failing_inside > 0) {
        return failing_inside;
    }
    let count = match point.status {
        TestStatus::Passed => &mut report.counts.passed,
        TestStatus::Failed => &mut report.counts.failed,
        TestStatus::Skipped if point.todo => {
            *todo += 1;
            return failing_inside;
        }
        TestStatus::Skipped => &mut report.counts.skipped,
    };
    *count = count.saturating_add(1);
    let mut test = Reported::new(&name, point.status);
    test.file = file;
    test.case.duration_ms = point.duration_ms;
    if point.status == TestStatus::Failed {
        test.case.message = point.message;
        test.location = point.location;
    }
    report.name(test);
    report.counts.failed - before
}

/// The number in `1..5`.
fn plan(text: &str) -> Option<u64> {
    let number = text.strip_prefix("1..")?;
    number.split(['#', ' ']).next()?.trim_end().parse().ok()
}

/// The word and the number in `# tests 5`.
fn total(text: &str) -> Option<(&str, u64)> {
    let (word, number) = text.strip_prefix("# ")?.split_once(' ')?;
    Some((word, number.trim().parse().ok()?))
}

#[cfg(test)]
mod tests;
