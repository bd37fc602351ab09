//! Dealing out test files, where a runner takes their names: pytest and RSpec.
//!
//! Only what the runner would find by itself may be dealt out, and all of it. Settings that change what it finds, and
//! hooks that find more or less, are therefore reasons not to.

use std::path::Path;

use crate::verify::runner::{after_variables, launched};
use crate::workspace::command::quote;
use crate::workspace::listing::{self, Listing};

use super::native::{alone, is_option};

/// Options of pytest's that need all tests in one run, or change which files hold tests.
const WHOLE: [&str; 17] = [
    "--cov",
    "--cov-report",
    "--cov-fail-under",
    "--junitxml",
    "--junit-xml",
    "--doctest-modules",
    "--doctest-glob",
    "--ignore",
    "--ignore-glob",
    "--pyargs",
    "--lf",
    "--last-failed",
    "--collect-only",
    "--co",
    "--basetemp",
    "-c",
    "--config-file",
];
/// Options of pytest's whose value is the next word.
const VALUED: [&str; 10] = [
    "-k",
    "-m",
    "-p",
    "-o",
    "-W",
    "-n",
    "--rootdir",
    "--confcutdir",
    "--deselect",
    "--log-file",
];
/// Where pytest looks for its settings, and what a file of that name has if it is meant.
const SETTINGS: [(&str, &str); 6] = [
    ("pytest.ini", ""),
    (".pytest.ini", ""),
    ("pyproject.toml", "[tool.pytest"),
    ("tox.ini", "[pytest]"),
    ("setup.cfg", "[tool:pytest]"),
    ("pytest.toml", ""),
];
/// Words in pytest's settings after which other files, or all in one run, are wanted.
const OTHER_FILES: [&str; 8] = [
    "python_files",
    "norecursedirs",
    "--cov",
    "--junit",
    "--doctest",
    "--ignore",
    "--pyargs",
    "--basetemp",
];
/// Hooks by which a `conftest.py` finds more, or less.
const HOOKS: [&str; 4] = [
    "pytest_collect_file",
    "pytest_collect_directory",
    "pytest_ignore_collect",
    "collect_ignore",
];

/// The lines of as many shards as there are files for, at most `shards`. None: no runner that takes files. An error
/// says why they cannot be dealt out.
pub(super) fn lines(
    words: &[&str],
    shards: u32,
    folder: &Path,
) -> Result<Option<Vec<String>>, String> {
    if let Some(at) = pytest(words) {
        return Pytest { words, at, folder }.lines(shards).map(Some);
    }
    let Some(at) = launched(words).filter(|at| name(words[*at]) == "rspec") else {
        return Ok(None);
    };
    if words[at + 1..].iter().any(|word| !word.starts_with("--")) {
        return Err("it chooses its files already".to_owned());
    }
    alone(
        words,
        &["--pattern", "--only-failures", "--out", "--default-path"],
    )?;
    if listing::text(folder, ".rspec").is_some_and(|text| text.contains("pattern")) {
        return Err("its settings name other files".to_owned());
    }
    let found = listing::files(&folder.join("spec"), &|_| true, &|name| {
        name.ends_with("_spec.rb")
    });
    let files = sure(found)?.into_iter().map(|file| format!("spec/{file}"));
    deal(words, files.collect(), shards).map(Some)
}

fn name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// The index of pytest in a plain call of it.
fn pytest(words: &[&str]) -> Option<usize> {
    let is = |word: &str| matches!(name(word), "pytest" | "py.test");
    if let Some(at) = launched(words).filter(|at| is(words[*at])) {
        return Some(at);
    }
    let start = after_variables(words);
    let modules = words.get(start..)?.windows(3).position(|three| {
        name(three[0]).starts_with("python") && three[1] == "-m" && three[2] == "pytest"
    })?;
    // Only launchers and their options may stand before it.
    let before = &words[start..start + modules];
    let launches = |word: &&str| matches!(*word, "uv" | "poetry" | "run") || word.starts_with('-');
    before.iter().all(launches).then_some(start + modules + 2)
}

struct Pytest<'w> {
    words: &'w [&'w str],
    at: usize,
    folder: &'w Path,
}

impl Pytest<'_> {
    fn lines(&self, shards: u32) -> Result<Vec<String>, String> {
        let own = &self.words[self.at + 1..];
        alone(own, &WHOLE)?;
        if own.iter().any(|word| word.contains("::")) {
            return Err("it chooses single tests".to_owned());
        }
        self.nothing_above()?;
        let (has_settings, beneath) = self.settings()?;
        let mut places = Vec::new();
        let mut kept: Vec<&str> = self.words[..=self.at].to_vec();
        let mut words = own.iter().peekable();
        while let Some(word) = words.next() {
            if VALUED.contains(word) {
                kept.push(word);
                kept.extend(words.next());
            } else if !word.starts_with('-') && self.folder.join(word).exists() {
                places.push((*word).trim_end_matches('/').to_owned());
            } else {
                kept.push(word);
            }
        }
        if places.is_empty() {
            places = beneath;
        }
        let rooted = own.iter().any(|word| is_option(word, "--rootdir"));
        if !has_settings && !rooted {
            // Without settings it would take the files' common folder for the root, and name the tests after that.
            kept.push("--rootdir=.");
        }
        deal(&kept, self.files(&places)?, shards)
    }

    /// pytest takes its settings from the first folder upwards that has some, up to the top of the repository.
    fn nothing_above(&self) -> Result<(), String> {
        let mut beneath = self.folder;
        while let Some(above) = beneath.parent().filter(|_| !beneath.join(".git").exists()) {
            beneath = above;
            let own = SETTINGS.iter().map(|(file, _)| *file);
            let found = own.chain(["conftest.py"]).find(|file| {
                let text = listing::text(above, file).unwrap_or_default();
                let words = OTHER_FILES.iter().chain(&HOOKS);
                words.clone().any(|word| text.contains(*word))
            });
            if let Some(file) = found {
                return Err(format!(
                    "{file} in a folder above says which files hold tests"
                ));
            }
        }
        Ok(())
    }

    /// Whether pytest has settings here, and the folders that they name.
    fn settings(&self) -> Result<(bool, Vec<String>), String> {
        let found = SETTINGS.iter().find_map(|(file, mark)| {
            let text = listing::text(self.folder, file)?;
            text.contains(mark).then_some((*file, text))
        });
        let Some((file, text)) = found else {
            return Ok((false, vec![String::new()]));
        };
        if let Some(word) = OTHER_FILES.iter().find(|word| text.contains(**word)) {
            return Err(format!(
                "{file} says {word}, so which files hold tests is not sure"
            ));
        }
        let places = text.lines().find_map(|line| {
            let (key, value) = line.split_once('=')?;
            (key.trim() == "testpaths").then_some(value)
        });
        let places: Vec<String> = places
            .unwrap_or_default()
            .split(|c: char| c.is_whitespace() || "[]\"',".contains(c))
            .filter(|place| !place.is_empty())
            .map(|place| place.trim_end_matches('/').to_owned())
            .collect();
        match places.as_slice() {
            [] if text.contains("testpaths") => {
                Err(format!("the testpaths of {file} are not on one line"))
            }
            [] => Ok((true, vec![String::new()])),
            _ if places.iter().any(|place| place.contains(['*', '?', '['])) => {
                Err(format!("the testpaths of {file} are patterns"))
            }
            _ => Ok((true, places)),
        }
    }

    /// The files in which pytest looks for tests, beneath these places.
    fn files(&self, places: &[String]) -> Result<Vec<String>, String> {
        let enter = |name: &str| {
            const LEFT_OUT: [&str; 6] = ["_darcs", "build", "CVS", "dist", "node_modules", "venv"];
            !(name.starts_with('.') || name.ends_with(".egg") || LEFT_OUT.contains(&name))
        };
        let is_test = |name: &str| {
            name.strip_suffix(".py")
                .is_some_and(|stem| stem.starts_with("test_") || stem.ends_with("_test"))
        };
        let mut files = Vec::new();
        for place in places {
            if place.ends_with(".py") {
                files.push(place.clone());
                continue;
            }
            let takes = |name: &str| is_test(name) || name == "conftest.py";
            for file in sure(listing::files(&self.folder.join(place), &enter, &takes))? {
                let file = match place.as_str() {
                    "" | "." => file,
                    place => format!("{place}/{file}"),
                };
                if name(&file) != "conftest.py" {
                    files.push(file);
                    continue;
                }
                let text = listing::text(self.folder, &file).unwrap_or_default();
                if let Some(hook) = HOOKS.iter().find(|hook| text.contains(**hook)) {
                    return Err(format!(
                        "{file} has {hook}, so which files hold tests is not sure"
                    ));
                }
            }
        }
        files.sort();
        files.dedup();
        Ok(files)
    }
}

/// The files, if they are all that there are.
fn sure(found: Listing) -> Result<Vec<String>, String> {
    match found.unsure {
        Some(why) => Err(why),
        None => Ok(found.files),
    }
}

/// The words with every so many of the files behind them.
fn deal(words: &[&str], files: Vec<String>, shards: u32) -> Result<Vec<String>, String> {
    if files.is_empty() {
        return Err("there are no test files to deal out".to_owned());
    }
    let of = (shards as usize).min(files.len());
    let call = words.join(" ");
    Ok((0..of)
        .map(|shard| {
            let own = files.iter().skip(shard).step_by(of);
            let own: Vec<String> = own.map(|file| quote(file)).collect();
            format!("{call} {}", own.join(" "))
        })
        .collect())
}
