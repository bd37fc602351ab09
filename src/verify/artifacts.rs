//! Which files a check's report and output name: screenshots, videos, traces, logs.
//!
//! Only names are read here, and they are hostile: whoever takes the files looks at what they are and where they lie.

use std::collections::BTreeSet;

use serde_json::Value;

use super::facts::RunFacts;
use super::report::lines;

/// The most names that are read.
const MAX_NAMES: usize = 2000;
/// The longest name.
const MAX_LENGTH: usize = 2 * 1024;
/// The longest line that is looked through.
const MAX_LINE: usize = 8 * 1024;
/// By which endings a word of an output is the name of such a file.
const ENDINGS: [&str; 10] = [
    ".png", ".jpg", ".jpeg", ".gif", ".webp", ".webm", ".mp4", ".har", ".zip", ".log",
];
/// What stands before and behind the name of a file in JUnit's XML.
const ATTACHMENT: (&str, &str) = ("[[ATTACHMENT|", "]]");

/// The names of files, as a run gives them: absolute, or relative to where it ran; for those in a report file also
/// relative to that. Sorted.
pub fn named_files(run: &RunFacts) -> Vec<String> {
    let mut names = Names::default();
    names.attachments(&run.stdout);
    for (path, text) in &run.written.files {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut own = Names::default();
        own.attachments(text);
        for name in own.0 {
            if !folder.is_empty() && !name.starts_with('/') {
                names.add(&format!("{folder}/{name}"));
            }
            names.add(&name);
        }
    }
    for line in lines(&run.stdout).chain(lines(&run.stderr)) {
        if line.len() <= MAX_LINE {
            names.line(&line);
        }
    }
    names.0.into_iter().collect()
}

#[derive(Default)]
struct Names(BTreeSet<String>);

impl Names {
    fn add(&mut self, name: &str) {
        let fits = !name.is_empty() && name.len() <= MAX_LENGTH && !name.contains('\0');
        if fits && self.0.len() < MAX_NAMES {
            self.0.insert(name.to_owned());
        }
    }

    /// What a report attaches: in Playwright's JSON, and in JUnit's XML.
    fn attachments(&mut self, text: &str) {
        let mut rest = text;
        while let Some((_, after)) = rest.split_once(ATTACHMENT.0) {
            let line = after.lines().next().unwrap_or_default();
            if let Some((name, _)) = line.split_once(ATTACHMENT.1) {
                self.add(name.trim());
            }
            rest = after;
        }
        let start = match text.starts_with('{') {
            true => Some(0),
            false => text.find("\n{").map(|at| at + 1),
        };
        if let (Some(start), Some(end)) = (start, text.rfind('}'))
            && start < end
            && text[start..].contains("\"attachments\"")
            && let Ok(document) = serde_json::from_str(&text[start..=end])
        {
            self.attached(&document);
        }
    }

    fn attached(&mut self, value: &Value) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    let own = value.as_array().filter(|_| key == "attachments");
                    for path in own
                        .into_iter()
                        .flatten()
                        .filter_map(|one| one["path"].as_str())
                    {
                        self.add(path);
                    }
                    self.attached(value);
                }
            }
            Value::Array(all) => all.iter().for_each(|one| self.attached(one)),
            _ => {}
        }
    }

    /// The words of a line that end as such files do; and, as names may hold spaces, all behind its last colon.
    fn line(&mut self, line: &str) {
        let is_file = |word: &str| {
            let ends = |ending: &&str| {
                word.len() > ending.len()
                    && word.is_char_boundary(word.len() - ending.len())
                    && word[word.len() - ending.len()..].eq_ignore_ascii_case(ending)
            };
            ENDINGS.iter().any(ends)
        };
        let apart = |c: char| c.is_whitespace() || "\"'`()<>[]{},;".contains(c);
        for word in line.split(apart) {
            let word = word.trim_matches(['.', ':']);
            if is_file(word) {
                self.add(word);
            }
        }
        let behind = line.rsplit_once(": ").map(|(_, behind)| behind.trim());
        if let Some(name) = behind.filter(|name| name.contains(' ') && is_file(name)) {
            self.add(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::written::Written;

    fn named(stdout: &str, stderr: &str, files: &[(&str, &str)]) -> Vec<String> {
        let files = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        named_files(&RunFacts {
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
            written: Written {
                files: files.collect(),
                ..Written::default()
            },
            ..RunFacts::default()
        })
    }

    #[test]
    fn playwrights_attachments_are_found() {
        let report = "> e2e\n{\n \"suites\": [{\"specs\": [{\"tests\": [{\"results\": [{\"attachments\": \
                      [{\"name\": \"trace\", \"path\": \"/t/trace.bin\"}, {\"name\": \"none\"}]}]}]}]}]\n}\n";
        assert_eq!(named(report, "", &[]), ["/t/trace.bin"]);
    }

    #[test]
    fn junits_attachments_are_found_beside_the_report_too() {
        let report = "<system-out>[[ATTACHMENT|shots/a b.png]]\n[[ATTACHMENT|cut</system-out>";
        assert_eq!(
            named("", "", &[("out/junit.xml", report)]),
            ["out/shots/a b.png", "shots/a b.png"]
        );
    }

    #[test]
    fn what_an_output_names_is_found() {
        let jest =
            "See diff for details: \u{1b}[31m/src/__diff_output__/the page-diff.png\u{1b}[0m\n";
        let cypress =
            "  -  /src/cypress/screenshots/login.png     (1280x720)\n  saved video.mp4.\n";
        assert_eq!(
            named(cypress, jest, &[]),
            [
                "/src/__diff_output__/the page-diff.png",
                "/src/cypress/screenshots/login.png",
                "page-diff.png",
                "video.mp4",
            ]
        );
    }

    #[test]
    fn no_text_makes_it_fail_or_grow() {
        for text in [
            "{",
            "}\n{",
            "[[ATTACHMENT|",
            "é.pn",
            ".png",
            "\n{\"attachments\"}",
        ] {
            assert_eq!(named(text, text, &[("a", text)]), Vec::<String>::new());
        }
        let many: String = (0..5000).map(|n| format!("{n}.png ")).collect();
        assert!(named(&many.replace(' ', "\n"), "", &[]).len() <= MAX_NAMES);
    }
}
