//! The lines of runs in the log.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, BufRead as _, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::UpkeepError;
use super::error::at;
use super::files;
use crate::domain::RunId;

/// The files of the log, the oldest first.
pub(super) fn log_files(folder: &Path) -> Result<Vec<PathBuf>, UpkeepError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => at(folder, other)?,
    };
    let mut numbered: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let rest = name.to_str()?.strip_prefix("rgpt.log")?;
            let number = match rest.strip_prefix('.') {
                None if rest.is_empty() => 0,
                None => return None,
                Some(number) => number.parse().ok()?,
            };
            Some((number, entry.path()))
        })
        .collect();
    numbered.sort_by(|a, b| b.cmp(a));
    Ok(numbered.into_iter().map(|(_, path)| path).collect())
}

#[derive(Deserialize)]
struct Line {
    run: RunId,
}

/// The run that a line tells of, if it tells of one.
fn run_of(line: &[u8]) -> Option<RunId> {
    serde_json::from_slice::<Line>(line)
        .ok()
        .map(|line| line.run)
}

/// The lines of the log that tell of these runs.
pub(super) fn lines_of(folder: &Path, runs: &BTreeSet<RunId>) -> Result<Vec<u8>, UpkeepError> {
    let mut lines = Vec::new();
    for path in log_files(folder)? {
        at(
            &path,
            copy_lines(&path, &mut lines, |run| {
                run.is_some_and(|run| runs.contains(&run))
            }),
        )?;
    }
    Ok(lines)
}

/// Removes the lines of these runs. Nobody may be writing to the log.
pub(super) fn remove_lines_of(folder: &Path, runs: &BTreeSet<RunId>) -> Result<(), UpkeepError> {
    let is_left = |run: Option<RunId>| run.is_none_or(|run| !runs.contains(&run));
    for path in log_files(folder)? {
        let before = at(&path, fs::metadata(&path))?.len();
        let new = files::beside(&path, ".new");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new);
        let mut writer = BufWriter::new(at(&new, file)?);
        at(&path, copy_lines(&path, &mut writer, is_left))?;
        at(
            &new,
            writer.flush().and_then(|()| writer.get_ref().sync_all()),
        )?;
        let after = at(&new, fs::metadata(&new))?.len();
        if after == before {
            files::remove(&new)?;
        } else {
            at(&path, fs::rename(&new, &path))?;
            files::sync_parent(&path)?;
        }
    }
    Ok(())
}

fn copy_lines(
    path: &Path,
    to: &mut dyn Write,
    wanted: impl Fn(Option<RunId>) -> bool,
) -> io::Result<()> {
    let mut reader = BufReader::new(fs::File::open(path)?);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        if wanted(run_of(&line)) {
            to.write_all(&line)?;
        }
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_run_are_found_and_removed_in_every_file() {
        let folder = tempfile::tempdir().expect("made");
        let write = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).expect("writes");
        };
        write("rgpt.log.2", "{\"run\":1,\"message\":\"a\"}\n{\"run\":2}\n");
        write(
            "rgpt.log",
            "{\"message\":\"of none\"}\n{\"run\":1}\nplain\n{\"run\":11}\n",
        );
        write("other.log", "{\"run\":1}\n");
        let one = BTreeSet::from([RunId(1)]);
        let found = lines_of(folder.path(), &one).expect("reads");
        assert_eq!(found, b"{\"run\":1,\"message\":\"a\"}\n{\"run\":1}\n");
        remove_lines_of(folder.path(), &one).expect("removes");
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("reads");
        assert_eq!(read("rgpt.log.2"), "{\"run\":2}\n");
        assert_eq!(
            read("rgpt.log"),
            "{\"message\":\"of none\"}\nplain\n{\"run\":11}\n"
        );
        assert_eq!(read("other.log"), "{\"run\":1}\n");
    }
}
