//! Where a text that does not match was probably meant: the window of lines most like it.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt::Write as _;

/// The windows that are compared closely.
const CANDIDATES: usize = 20;

/// The lines of a window that are compared closely and shown.
const SHOWN: usize = 30;

/// The characters of a line that are compared.
const COMPARED: usize = 200;

/// The similarity (0 to 1) below which a window is no help.
const FLOOR: f64 = 0.4;

/// The lines of `content` most like `wanted`, numbered; none if nothing is much like it.
///
/// Windows are first ranked by how many of their lines occur in `wanted` but for white space, or, if no line does,
/// by their likeness to its longest line; the best of them are compared line by line (normalised Levenshtein).
pub(super) fn nearest(content: &str, wanted: &str) -> Option<String> {
    let lines: Vec<&str> = content.lines().collect();
    let wanted: Vec<&str> = wanted.lines().take(SHOWN).collect();
    if wanted.iter().all(|line| line.trim().is_empty()) {
        return None;
    }
    let starts = candidates(&lines, &wanted);
    let (start, score) = starts
        .into_iter()
        .map(|start| (start, likeness(&lines[start..], &wanted)))
        .max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))?;
    if score < FLOOR {
        return None;
    }
    let mut shown = String::new();
    for (number, line) in lines.iter().enumerate().skip(start).take(wanted.len()) {
        let line: String = line.chars().take(COMPARED).collect();
        let _ = writeln!(shown, "{:>5}| {line}", number + 1);
    }
    Some(shown)
}

/// The starts of the windows worth a close comparison.
fn candidates(lines: &[&str], wanted: &[&str]) -> Vec<usize> {
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for (offset, line) in wanted.iter().enumerate() {
        if !line.trim().is_empty() {
            places.entry(line.trim()).or_default().push(offset);
        }
    }
    let mut hits: HashMap<usize, usize> = HashMap::new();
    for (number, line) in lines.iter().enumerate() {
        for offset in places.get(line.trim()).into_iter().flatten() {
            *hits.entry(number.saturating_sub(*offset)).or_default() += 1;
        }
    }
    if hits.is_empty() {
        return like_the_longest(lines, wanted);
    }
    let mut starts: Vec<(usize, usize)> = hits.into_iter().collect();
    starts.sort_unstable_by_key(|&(start, hits)| (Reverse(hits), start));
    starts
        .into_iter()
        .map(|(start, _)| start)
        .take(CANDIDATES)
        .collect()
}

fn like_the_longest(lines: &[&str], wanted: &[&str]) -> Vec<usize> {
    let Some((offset, longest)) = wanted
        .iter()
        .enumerate()
        .max_by_key(|(offset, line)| (line.trim().len(), Reverse(*offset)))
    else {
        return Vec::new();
    };
    let mut scored: Vec<(usize, f64)> = lines
        .iter()
        .enumerate()
        // A file of very many lines is not worth the time.
        .take(20_000)
        .map(|(number, line)| (number.saturating_sub(offset), line_likeness(line, longest)))
        .collect();
    scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    scored
        .into_iter()
        .map(|(start, _)| start)
        .take(CANDIDATES)
        .collect()
}

fn likeness(lines: &[&str], wanted: &[&str]) -> f64 {
    let sum: f64 = lines
        .iter()
        .zip(wanted)
        .map(|(line, wanted)| line_likeness(line, wanted))
        .sum();
    sum / wanted.len().max(1) as f64
}

fn line_likeness(line: &str, wanted: &str) -> f64 {
    let cut = |text: &str| -> String { text.trim().chars().take(COMPARED).collect() };
    let (line, wanted) = (cut(line), cut(wanted));
    // Lengths bound the likeness, and most lines fail already there.
    let (short, long) = (line.len().min(wanted.len()), line.len().max(wanted.len()));
    if short * 4 < long {
        return 0.0;
    }
    strsim::normalized_levenshtein(&line, &wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTENT: &str = "use std::io;\n\nfn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n\nfn sub(a: i32, b: i32) -> i32 {\n    a - b\n}\n";

    #[test]
    fn wrong_indentation_finds_the_real_lines() {
        let found = nearest(CONTENT, "fn sub(a: i32, b: i32) -> i32 {\n  a - b\n}").unwrap();
        assert_eq!(
            found,
            "    7| fn sub(a: i32, b: i32) -> i32 {\n    8|     a - b\n    9| }\n"
        );
    }

    #[test]
    fn a_misremembered_line_finds_the_one_most_like_it() {
        let found = nearest(CONTENT, "fn add(x: i32, y: i32) -> i64 {").unwrap();
        assert_eq!(found, "    3| fn add(a: i32, b: i32) -> i32 {\n");
    }

    #[test]
    fn something_else_entirely_finds_nothing() {
        assert_eq!(
            nearest(CONTENT, "SELECT name FROM people ORDER BY age;"),
            None
        );
        assert_eq!(nearest("", "x"), None);
        assert_eq!(nearest(CONTENT, "\n\n"), None);
    }
}
