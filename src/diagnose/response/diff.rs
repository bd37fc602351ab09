//! Unified diffs.

use super::super::case::Case;
use super::content::elision;
use super::{Fault, is_cut};

/// The changes of one file.
#[derive(Default)]
struct File<'a> {
    old: &'a str,
    new: &'a str,
    hunks: Vec<Hunk<'a>>,
}

/// One hunk.
struct Hunk<'a> {
    header: &'a str,
    /// How many lines it says it has, before and after.
    said: Option<(usize, usize)>,
    lines: Vec<&'a str>,
}

pub(super) fn fault(case: &Case) -> Option<Fault> {
    let text = &case.response.text;
    let files = files(text);
    if files.iter().all(|file| file.hunks.is_empty()) {
        let rule = if is_cut(text) {
            "diff.truncated"
        } else {
            "diff.none"
        };
        return Some(Fault::new(
            rule,
            "the answer holds no diff that can be applied",
        ));
    }
    if text.lines().any(|line| line.starts_with("```")) {
        return Some(Fault::new("diff.fenced", "the diff is fenced").repairable(true));
    }
    files.iter().find_map(|file| of_file(file, case))
}

fn of_file(file: &File<'_>, case: &Case) -> Option<Fault> {
    let path = without_prefix(if file.new == "/dev/null" {
        file.old
    } else {
        file.new
    });
    let is_new = file.old == "/dev/null";
    let content = case.context.file_contents.get(path);
    let listed = case.context.project_files.iter().any(|known| known == path);
    let says = !case.context.project_files.is_empty() || !case.context.file_contents.is_empty();
    if path.is_empty() || file.hunks.is_empty() {
        return Some(Fault::new(
            "diff.malformed",
            "a file of the diff has no name or no hunk",
        ));
    }
    if says && !is_new && content.is_none() && !listed {
        return Some(
            Fault::new("diff.no_such_file", format!("there is no file {path}")).shown(path),
        );
    }
    if is_new && (content.is_some() || listed) {
        return Some(Fault::new("diff.exists", format!("{path} is there already")).shown(path));
    }
    let lines: Option<Vec<&str>> = content.map(|content| content.lines().collect());
    file.hunks
        .iter()
        .find_map(|hunk| of_hunk(hunk, path, lines.as_deref()))
}

fn of_hunk(hunk: &Hunk<'_>, path: &str, content: Option<&[&str]>) -> Option<Fault> {
    let with = |marks: [char; 2]| {
        let lines = hunk
            .lines
            .iter()
            .filter(move |line| line.is_empty() || line.starts_with(marks));
        lines.map(|line| line.get(1..).unwrap_or_default())
    };
    let before: Vec<&str> = with([' ', '-']).collect();
    let after: Vec<&str> = with([' ', '+']).collect();
    if before == after {
        return Some(Fault::new("diff.no_change", "a hunk changes nothing").shown(hunk.header));
    }
    let added = hunk.lines.iter().filter(|line| line.starts_with('+'));
    if let Some(line) = added
        .map(|line| &line[1..])
        .find(|line| elision(line).is_some())
    {
        return Some(Fault::new("diff.elision", "the diff leaves out code").shown(line));
    }
    let fits = content.is_none_or(|content| {
        before.is_empty()
            || content
                .windows(before.len())
                .any(|lines| lines == before.as_slice())
    });
    if !fits {
        let first = before
            .iter()
            .find(|line| !content.is_some_and(|content| content.contains(line)));
        let shown = first.or(before.first()).copied().unwrap_or_default();
        return Some(
            Fault::new("diff.no_match", format!("a hunk does not fit {path}")).shown(shown),
        );
    }
    match hunk.said {
        Some(said) if said == (before.len(), after.len()) => None,
        // A reader that counts for itself applies it all the same.
        _ => Some(
            Fault::new("diff.wrong_counts", "the header of a hunk counts wrongly")
                .shown(hunk.header)
                .repairable(content.is_some()),
        ),
    }
}

fn without_prefix(path: &str) -> &str {
    path.strip_prefix("a/")
        .or_else(|| path.strip_prefix("b/"))
        .unwrap_or(path)
}

fn files(text: &str) -> Vec<File<'_>> {
    let mut files: Vec<File<'_>> = Vec::new();
    let name = |rest: &'_ str| -> usize { rest.find('\t').unwrap_or(rest.len()) };
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let followed = lines.peek().is_some_and(|next| next.starts_with("+++ "));
        if let Some(old) = line.strip_prefix("--- ").filter(|_| followed) {
            let new = lines
                .next()
                .and_then(|next| next.strip_prefix("+++ "))
                .unwrap_or_default();
            files.push(File {
                old: old[..name(old)].trim(),
                new: new[..name(new)].trim(),
                hunks: Vec::new(),
            });
        } else if line.starts_with("@@") {
            if files.is_empty() {
                files.push(File::default());
            }
            let hunk = Hunk {
                header: line,
                said: said(line),
                lines: Vec::new(),
            };
            if let Some(file) = files.last_mut() {
                file.hunks.push(hunk);
            }
        } else if let Some(hunk) = files.last_mut().and_then(|file| file.hunks.last_mut()) {
            let belongs = line.is_empty() || line.starts_with([' ', '+', '-']);
            let is_meta = line.starts_with("diff --git") || line.starts_with("\\ No newline");
            if belongs && !is_meta {
                hunk.lines.push(line);
            }
        }
    }
    for hunk in files.iter_mut().flat_map(|file| &mut file.hunks) {
        // The empty lines at the end are those of the text, not of the diff.
        while hunk.lines.last().is_some_and(|line| line.is_empty()) {
            hunk.lines.pop();
        }
    }
    files
}

/// `@@ -1,7 +1,9 @@`.
fn said(header: &str) -> Option<(usize, usize)> {
    let mut parts = header.strip_prefix("@@ ")?.split(' ');
    let mut count = |sign: char| {
        let range = parts.next()?.strip_prefix(sign)?;
        match range.split_once(',') {
            Some((_, count)) => count.parse().ok(),
            None => range.parse::<usize>().ok().map(|_| 1),
        }
    };
    Some((count('-')?, count('+')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<&'static str> {
        let mut case = Case::default();
        case.response.text = text.to_owned();
        case.context
            .file_contents
            .insert("a.py".into(), "one\ntwo\n".into());
        fault(&case).map(|fault| fault.rule)
    }

    #[test]
    fn a_diff_that_fits_is_fine_and_others_say_why() {
        let head = "--- a/a.py\n+++ b/a.py\n";
        assert_eq!(
            of(&format!("{head}@@ -1,2 +1,2 @@\n one\n-two\n+three\n")),
            None
        );
        assert_eq!(of("--- /dev/null\n+++ b/n.py\n@@ -0,0 +1 @@\n+x\n"), None);
        assert_eq!(
            of(&format!("{head}@@ -1,7 +1,9 @@\n one\n-two\n+three\n")),
            Some("diff.wrong_counts")
        );
        assert_eq!(
            of(&format!("{head}@@ -1,2 +1,2 @@\n 1| one\n-2| two\n+x\n")),
            Some("diff.no_match")
        );
        assert_eq!(
            of("--- a/b.py\n+++ b/b.py\n@@ -1 +1 @@\n-x\n+y\n"),
            Some("diff.no_such_file")
        );
        assert_eq!(of("I changed it."), Some("diff.none"));
        assert_eq!(
            of(&format!("{head}@@ -1,1 +1,1 @@\n-one\n+one\n")),
            Some("diff.no_change")
        );
    }
}
