//! How runners run a part of their tests by themselves.

use crate::verify::runner::{go_test, launched, node_test};

use super::NOTHING;

/// A runner's own way.
pub(super) struct Way<'w> {
    words: &'w [&'w str],
    kind: Kind,
    /// The index of the word before which the options go.
    at: usize,
}

#[derive(Clone, Copy)]
enum Kind {
    Nextest,
    Playwright { output: bool },
    JestOrVitest { pass: bool },
    Ctest,
    NodeTest,
    GoTest { packages: usize },
}

/// The way of the runner that the words start. An error says why there is none although the runner is known.
pub(super) fn way<'w>(words: &'w [&'w str]) -> Result<Option<Way<'w>>, String> {
    if let Some(at) = node_test(words) {
        let kind = free(words, &["--test-shard"], Kind::NodeTest)?;
        return Ok(Some(Way {
            words,
            kind,
            at: at + 1,
        }));
    }
    if let Some(test) = go_test(words) {
        return go(words, test).map(Some);
    }
    let Some(program) = launched(words) else {
        return Ok(None);
    };
    let rest = &words[program + 1..];
    let end = rest.iter().position(|word| *word == "--");
    let at = end.map_or(words.len(), |end| program + 1 + end);
    let name = words[program].rsplit('/').next().unwrap_or_default();
    let has = |option: &str| rest.iter().any(|word| is_option(word, option));
    let kind = match name {
        "cargo" if rest.starts_with(&["nextest", "run"]) => {
            free(words, &["--partition"], Kind::Nextest)?
        }
        "cargo" if matches!(rest.first(), Some(&"test" | &"t")) => {
            return Err("cargo test has no way; cargo nextest run has one".to_owned());
        }
        "playwright" if rest.first() == Some(&"test") => {
            let output = !has("--output");
            free(words, &["--shard"], Kind::Playwright { output })?
        }
        "jest" => {
            alone(words, &["--coverage", "--collectCoverage", "--json"])?;
            let pass = !has("--passWithNoTests");
            free(words, &["--shard"], Kind::JestOrVitest { pass })?
        }
        "vitest" if rest.first() == Some(&"run") => {
            alone(words, &["--coverage", "--outputFile"])?;
            let pass = !has("--passWithNoTests");
            free(words, &["--shard"], Kind::JestOrVitest { pass })?
        }
        "ctest" => {
            alone(words, &["--rerun-failed", "-N", "--show-only", "-T"])?;
            free(words, &["-I", "--tests-information"], Kind::Ctest)?
        }
        _ => return Ok(None),
    };
    Ok(Some(Way { words, kind, at }))
}

/// `kind`, unless the command chooses a part already.
fn free(words: &[&str], taken: &[&str], kind: Kind) -> Result<Kind, String> {
    let chosen = taken
        .iter()
        .find(|option| words.iter().any(|word| is_option(word, option)));
    match chosen {
        Some(option) => Err(format!("it chooses a part already, with {option}")),
        None => Ok(kind),
    }
}

/// That nothing is asked for that only the whole can give.
pub(super) fn alone(words: &[&str], whole: &[&str]) -> Result<(), String> {
    let asked = whole
        .iter()
        .find(|option| words.iter().any(|word| is_option(word, option)));
    match asked {
        Some(option) => Err(format!("{option} needs all tests in one run")),
        None => Ok(()),
    }
}

/// Whether a word is the option, with a value behind `=` or not.
pub(super) fn is_option(word: &str, option: &str) -> bool {
    word.strip_prefix(option)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['=', '.']))
}

/// `go test` of a pattern: `go list` tells its packages, every so many of which are a shard's.
fn go<'w>(words: &'w [&'w str], test: usize) -> Result<Way<'w>, String> {
    alone(words, &["-coverprofile", "-o", "-args", "-c"])?;
    let is_pattern = |word: &&str| word.contains("...");
    let rest = &words[test + 1..];
    let mut patterns = (test + 1..).zip(rest).filter(|(_, word)| is_pattern(word));
    let (Some((packages, _)), None) = (patterns.next(), patterns.next()) else {
        return Err("its packages are no pattern such as ./...".to_owned());
    };
    let other = |word: &&str| word.starts_with("./") && !is_pattern(word);
    if rest.iter().any(other) {
        return Err("it names single packages beside a pattern".to_owned());
    }
    Ok(Way {
        words,
        kind: Kind::GoTest { packages },
        at: packages,
    })
}

impl Way<'_> {
    /// The command line of one shard.
    pub(super) fn line(&self, shard: u32, of: u32) -> String {
        let options = match self.kind {
            Kind::Nextest => vec![format!("--partition=count:{shard}/{of}")],
            Kind::NodeTest => vec![format!("--test-shard={shard}/{of}")],
            Kind::Ctest => vec!["-I".to_owned(), format!("{shard},,{of}")],
            Kind::Playwright { output } => {
                // Each run empties the folder of its outputs first.
                let own = output.then(|| format!("--output=test-results/shard-{shard}"));
                let part = format!("--shard={shard}/{of}");
                std::iter::once(part).chain(own).collect()
            }
            Kind::JestOrVitest { pass } => {
                let pass = pass.then(|| "--passWithNoTests".to_owned());
                let part = format!("--shard={shard}/{of}");
                std::iter::once(part).chain(pass).collect()
            }
            Kind::GoTest { packages } => return self.go_line(packages, shard, of),
        };
        let (before, after) = self.words.split_at(self.at);
        let options = options.iter().map(String::as_str);
        let all: Vec<&str> = before
            .iter()
            .copied()
            .chain(options)
            .chain(after.iter().copied())
            .collect();
        all.join(" ")
    }

    fn go_line(&self, packages: usize, shard: u32, of: u32) -> String {
        let (before, pattern) = (&self.words[..packages], self.words[packages]);
        let after = self.words[packages + 1..].join(" ");
        let test = before
            .iter()
            .rposition(|word| *word == "test")
            .unwrap_or_default();
        let go = before[..test].join(" ");
        let chosen = chosen_files(&self.words[test + 1..]).join(" ");
        let rest = shard % of;
        format!(
            "all=$({go} list {chosen} {pattern}) || exit; \
             own=$(printf '%s\\n' $all | awk 'NR % {of} == {rest}'); \
             if [ -z \"$own\" ]; then echo '{NOTHING}'; else {} $own {after}; fi",
            before.join(" ")
        )
    }
}

/// The options of `go test` that decide which files, and so which packages, there are.
fn chosen_files<'w>(words: &[&'w str]) -> Vec<&'w str> {
    const CHOOSING: [&str; 4] = ["tags", "mod", "modfile", "race"];
    let mut chosen = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let name = word.trim_start_matches('-');
        let bare = word.starts_with('-') && CHOOSING.contains(&name);
        let valued = word.starts_with('-')
            && name
                .split_once('=')
                .is_some_and(|(name, _)| CHOOSING.contains(&name));
        if bare || valued {
            chosen.push(*word);
        }
        if bare && name != "race" {
            chosen.extend(words.next());
        }
    }
    chosen
}
