//! A command line for `sh`, taken apart: which programs it runs, with which words, one into the other.
//!
//! This reads, it does not judge. Quotes are resolved, substitutions are read as commands of their
//! own, and variables that the line itself sets are put in, so that a name cannot be hidden in one.

use std::collections::BTreeMap;

/// A longer line is not read.
const LONGEST: usize = 32 * 1024;

/// Substitutions within substitutions.
const DEPTH: usize = 8;

/// The most programs of a line.
const MOST: usize = 500;

/// One program with its words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simple {
    /// The program and its arguments, quotes resolved.
    pub words: Vec<String>,
    /// The files that its input or output is directed to.
    pub files: Vec<String>,
    /// Whether its input is the output of the one before it.
    pub piped: bool,
    /// Whether one of its words is made by a substitution.
    pub computed: bool,
}

/// The programs of a line, in their order; `None` if it is too long or quotes do not end.
pub fn programs(line: &str) -> Option<Vec<Simple>> {
    let mut found = Vec::new();
    let mut set = BTreeMap::new();
    (line.len() <= LONGEST).then_some(())?;
    read(line, DEPTH, &mut set, &mut found)?;
    Some(found)
}

/// What is being read.
#[derive(Default)]
struct Reading {
    simple: Simple,
    word: String,
    /// Whether a word was begun, if only by quotes.
    begun: bool,
    /// Whether the next word is a file to redirect to.
    redirects: bool,
}

impl Reading {
    fn end_word(&mut self) {
        if !self.begun {
            return;
        }
        let word = std::mem::take(&mut self.word);
        self.begun = false;
        if std::mem::take(&mut self.redirects) {
            self.simple.files.push(word);
        } else {
            self.simple.words.push(word);
        }
    }

    fn end(&mut self, set: &mut BTreeMap<String, String>, found: &mut Vec<Simple>) {
        self.end_word();
        let mut simple = std::mem::take(&mut self.simple);
        while let Some((name, value)) = simple.words.first().and_then(|word| assignment(word)) {
            set.insert(name.to_owned(), value.to_owned());
            simple.words.remove(0);
        }
        let reserved = [
            "{", "}", "!", "then", "do", "else", "if", "while", "fi", "done",
        ];
        while simple
            .words
            .first()
            .is_some_and(|word| reserved.contains(&word.as_str()))
        {
            simple.words.remove(0);
        }
        let says = !simple.words.is_empty() || !simple.files.is_empty();
        if says && found.len() < MOST {
            found.push(simple);
        }
    }
}

fn read(
    line: &str,
    depth: usize,
    set: &mut BTreeMap<String, String>,
    found: &mut Vec<Simple>,
) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    let mut now = Reading::default();
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\\' => {
                let next = rest.chars().next();
                rest = &rest[next.map_or(0, char::len_utf8)..];
                if let Some(next) = next.filter(|next| *next != '\n') {
                    now.word.push(next);
                    now.begun = true;
                }
            }
            '\'' => {
                let end = rest.find('\'')?;
                now.word.push_str(&rest[..end]);
                now.begun = true;
                rest = &rest[end + 1..];
            }
            '"' => rest = quoted(rest, depth, &mut now, set, found)?,
            '$' | '`' => rest = dollar(c, rest, depth, &mut now, set, found)?,
            '<' | '>' if rest.starts_with('(') => {
                rest = substitution(&rest[1..], depth, set, found)?;
                now.begun = true;
                now.simple.computed = true;
            }
            '<' | '>' => rest = redirection(rest, &mut now),
            '|' if !rest.starts_with('|') => {
                rest = rest.strip_prefix('&').unwrap_or(rest);
                now.end(set, found);
                now.simple.piped = true;
            }
            ';' | '&' | '|' | '\n' | '(' | ')' => {
                rest = rest.trim_start_matches(['&', '|', ';']);
                now.end(set, found);
            }
            '#' if !now.begun => rest = &rest[rest.find('\n').unwrap_or(rest.len())..],
            c if c.is_whitespace() => now.end_word(),
            c => {
                now.word.push(c);
                now.begun = true;
            }
        }
    }
    now.end(set, found);
    Some(())
}

/// After a `<` or `>`: the next word is a file, but for a descriptor.
fn redirection<'a>(rest: &'a str, now: &mut Reading) -> &'a str {
    // The number of a descriptor is no word.
    if now.word.bytes().all(|byte| byte.is_ascii_digit()) {
        now.word.clear();
        now.begun = false;
    }
    now.end_word();
    let rest = rest.trim_start_matches(['<', '>', '|', '-']);
    let Some(after) = rest.strip_prefix('&') else {
        now.redirects = true;
        return rest;
    };
    now.redirects = !after.starts_with(|c: char| c.is_ascii_digit());
    after.trim_start_matches(|c: char| c.is_ascii_digit())
}

/// Up to the closing double quote.
fn quoted<'a>(
    mut rest: &'a str,
    depth: usize,
    now: &mut Reading,
    set: &mut BTreeMap<String, String>,
    found: &mut Vec<Simple>,
) -> Option<&'a str> {
    now.begun = true;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '"' => return Some(rest),
            '\\' => {
                let next = rest.chars().next()?;
                rest = &rest[next.len_utf8()..];
                now.word.push(next);
            }
            '$' | '`' => rest = dollar(c, rest, depth, now, set, found)?,
            c => now.word.push(c),
        }
    }
    None
}

/// After a `$` or a back quote: a substitution, a variable, or nothing special.
fn dollar<'a>(
    c: char,
    rest: &'a str,
    depth: usize,
    now: &mut Reading,
    set: &mut BTreeMap<String, String>,
    found: &mut Vec<Simple>,
) -> Option<&'a str> {
    if c == '`' {
        let end = rest.find('`')?;
        read(&rest[..end], depth, set, found)?;
        now.begun = true;
        now.simple.computed = true;
        return Some(&rest[end + 1..]);
    }
    if let Some(inner) = rest.strip_prefix('(') {
        now.begun = true;
        now.simple.computed = true;
        return substitution(inner, depth, set, found);
    }
    let (name, after) = match rest.strip_prefix('{') {
        Some(inner) => {
            let end = inner.find('}')?;
            (&inner[..end], &inner[end + 1..])
        }
        None => {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            rest.split_at(rest.find(|c| !is_name(c)).unwrap_or(rest.len()))
        }
    };
    if name == "IFS" {
        now.end_word();
        return Some(after);
    }
    now.begun = true;
    match set.get(name) {
        Some(value) if now.word.len() + value.len() <= LONGEST => {
            // A variable that stands alone is taken apart at its spaces.
            let mut words = value.split(' ');
            now.word.push_str(words.next().unwrap_or_default());
            for word in words {
                now.end_word();
                now.word.push_str(word);
                now.begun = true;
            }
        }
        _ => {
            now.word.push('$');
            now.word.push_str(name);
        }
    }
    Some(after)
}

/// Reads what stands in brackets as a line of its own; what follows them.
fn substitution<'a>(
    inner: &'a str,
    depth: usize,
    set: &mut BTreeMap<String, String>,
    found: &mut Vec<Simple>,
) -> Option<&'a str> {
    let mut open = 1;
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'(' => open += 1,
            b')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            read(&inner[..at], depth, set, found)?;
            return Some(&inner[at + 1..]);
        }
    }
    None
}

/// `name=value`.
fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let is_name = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some((name, value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(line: &str) -> Vec<Vec<String>> {
        let programs = programs(line).expect("reads");
        programs.into_iter().map(|simple| simple.words).collect()
    }

    #[test]
    fn every_program_of_a_line_is_found() {
        assert_eq!(
            words("cd /x && rm -r -f -- * | tee out; echo \"a b\" 'c d' e\\ f # g"),
            [
                vec!["cd", "/x"],
                vec!["rm", "-r", "-f", "--", "*"],
                vec!["tee", "out"],
                vec!["echo", "a b", "c d", "e f"],
            ]
        );
        assert_eq!(
            words("echo $(rm -rf /) `id`"),
            [vec!["rm", "-rf", "/"], vec!["id"], vec!["echo", "", ""]]
        );
        assert_eq!(words("r''m -r\"f\" /"), [["rm", "-rf", "/"]]);
        assert_eq!(words("a=rm; b='-rf /'; $a $b"), [["rm", "-rf", "/"]]);
        assert_eq!(words("rm${IFS}-rf${IFS}/"), [["rm", "-rf", "/"]]);
    }

    #[test]
    fn redirections_and_pipes_are_told() {
        let all = programs("cat <in 2>&1 >>../out | sh").expect("reads");
        assert_eq!(all[0].files, ["in", "../out"]);
        assert_eq!((all[0].piped, all[1].piped), (false, true));
        assert!(programs("sh <(curl x)").expect("reads")[1].computed);
    }

    #[test]
    fn a_line_without_an_end_is_not_read() {
        for line in ["echo 'a", "echo \"a", "echo $(a", "echo `a", "echo ${a"] {
            assert_eq!(programs(line), None, "{line}");
        }
        assert_eq!(programs(&"$(".repeat(1000)), None);
    }

    proptest! {
        #[test]
        fn any_line_is_read_or_refused_without_harm(line in r#"[a-z '"$(){}`<>|&;=\\#/é\n]{0,200}"#) {
            let _ = programs(&line);
        }
    }
}
