//! A check cut into shards that run side by side, and what they say put together again.
//!
//! Start at [`parts`]. A command says itself how it is cut, with `{shard}` and `{shards}`, or is a plain call of a
//! runner with a way of its own. Where neither holds, nothing is guessed: tests that no shard runs would be lost
//! without a word.

mod by_file;
mod merge;
mod native;

use std::path::Path;

use crate::config::{CheckConfig, ReportFormat};

use super::runner::{command_line, is_plain};

pub use merge::{Judged, Shard, judge_parts};

/// The variables by which a command is told its shard, counted from 1, and how many there are.
const VARIABLES: [&str; 2] = ["RGPT_SHARD", "RGPT_SHARDS"];

/// The longest command line; a kernel takes no longer words.
const MAX_LINE: usize = 100 * 1024;

/// What a shard prints that has nothing to do.
const NOTHING: &str = "rgpt: no tests in this shard";

/// One shard of a check, or the whole of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which, from 1.
    pub shard: u32,
    /// Of how many.
    pub of: u32,
    /// The command line.
    pub line: String,
    /// Variables that are set for it.
    pub env: Vec<(String, String)>,
    /// Globs of the files that hold its report.
    pub report_files: Vec<String>,
}

impl Part {
    /// Whether it is the whole check.
    pub fn is_whole(&self) -> bool {
        self.of <= 1
    }
}

/// Why a check cannot be cut.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{command}` cannot be cut into shards: {why}")]
pub struct NoWay {
    command: String,
    why: String,
}

impl NoWay {
    /// What to write so that it can be.
    pub fn hint(&self) -> &'static str {
        "say in its command which part is to run, with {shard} (from 1) and {shards}, as in: \
         npx playwright test --shard={shard}/{shards}"
    }
}

/// The whole check as one part.
pub fn whole(check: &CheckConfig) -> Part {
    part(check, &command_line(check), 1, 1)
}

/// The check cut into at most so many shards, none of which is known to have nothing to do. `folder` is where it runs;
/// test files are looked for there, if they are what is dealt out.
///
/// # Errors
/// There is no sure way to cut it.
pub fn parts(check: &CheckConfig, shards: u32, folder: &Path) -> Result<Vec<Part>, NoWay> {
    if shards <= 1 {
        return Ok(vec![whole(check)]);
    }
    let no_way = |why: &str| NoWay {
        command: check.command.trim().to_owned(),
        why: why.to_owned(),
    };
    let told = told(check);
    if !check.report_files.is_empty() {
        let apart = |glob: &String| glob.contains("{shard}");
        if !(told && check.report_files.iter().all(apart)) {
            return Err(no_way(
                "its shards would write over each other's report: put {shard} into its command and into `report_files`",
            ));
        }
    }
    let line = command_line(check);
    let lines = if told {
        (1..=shards).map(|_| line.clone()).collect()
    } else {
        lines(check, &line, shards, folder).map_err(|why| no_way(&why))?
    };
    if lines.iter().any(|line| line.len() > MAX_LINE) {
        return Err(no_way("there are more test files than fit on a line"));
    }
    let of = u32::try_from(lines.len()).unwrap_or(shards);
    let numbered = (1..).zip(&lines);
    Ok(numbered
        .map(|(shard, line)| part(check, line, shard, of))
        .collect())
}

/// Whether the command itself says which part is to run.
fn told(check: &CheckConfig) -> bool {
    let own = check.env.values().chain([&check.command]);
    let mut own = own.into_iter();
    own.any(|text| text.contains("{shard}") || text.contains("RGPT_SHARD"))
}

/// The lines of all shards, by the runner's own way.
fn lines(
    check: &CheckConfig,
    line: &str,
    shards: u32,
    folder: &Path,
) -> Result<Vec<String>, String> {
    let plain = is_plain(check.command.trim());
    if plain && check.report == ReportFormat::Gtest {
        return Ok((0..shards)
            .map(|index| format!("GTEST_TOTAL_SHARDS={shards} GTEST_SHARD_INDEX={index} {line}"))
            .collect());
    }
    if !plain {
        return Err("it is more than a plain call of one runner".to_owned());
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    if let Some(way) = native::way(&words)? {
        return Ok((1..=shards).map(|shard| way.line(shard, shards)).collect());
    }
    let chosen = ["PYTEST_ADDOPTS", "SPEC_OPTS"].into_iter().find(|name| {
        check.env.contains_key(*name) || check.pass_env.iter().any(|passed| passed == name)
    });
    if let Some(name) = chosen {
        return Err(format!("{name} may say which files hold tests"));
    }
    match by_file::lines(&words, shards, folder)? {
        Some(lines) => Ok(lines),
        None => Err("no way of cutting it is known".to_owned()),
    }
}

fn part(check: &CheckConfig, line: &str, shard: u32, of: u32) -> Part {
    let filled = |text: &str| {
        text.replace("{shard}", &shard.to_string())
            .replace("{shards}", &of.to_string())
    };
    let numbers = [shard.to_string(), of.to_string()];
    let own = check
        .env
        .iter()
        .filter(|(_, value)| value.contains("{shard"))
        .map(|(name, value)| (name.clone(), filled(value)));
    let told = VARIABLES.map(str::to_owned).into_iter().zip(numbers);
    Part {
        shard,
        of,
        line: filled(line),
        env: told.chain(own).collect(),
        report_files: check.report_files.iter().map(|glob| filled(glob)).collect(),
    }
}

#[cfg(test)]
mod tests;
