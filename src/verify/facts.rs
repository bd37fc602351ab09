//! What running a check's command gave, as the judge wants it.

use std::io;

use crate::domain::id::Digest;
use crate::workspace::command::{Captured, CommandOutput};
use crate::workspace::written::Written;

/// The most bytes of a check's output that stand in its result; the end tells most.
pub(super) const RECORDED: usize = 8 * 1024;

/// What running a check's command gave.
#[derive(Clone, Debug, Default)]
pub struct RunFacts {
    /// The exit code; none if a signal or the time limit ended it.
    pub exit_code: Option<i32>,
    /// The signal that ended it, as in `SIGKILL`.
    pub signal: Option<String>,
    /// Whether it was killed at its time limit.
    pub timed_out: bool,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The whole of its standard output; a report is only whole if this is.
    pub stdout: String,
    /// The whole of its standard error.
    pub stderr: String,
    /// Whether it printed more than could be kept: the end of `stdout` or `stderr` is missing.
    pub cut: bool,
    /// The files with its report that it wrote; see [`CheckConfig::report_files`](crate::config::CheckConfig).
    pub written: Written,
    /// The absolute folder it ran in: the check's `cwd` in the tree. Places in its output are read against it.
    pub folder: String,
    /// Both as they came, capped for the record.
    pub output: String,
    /// Where the whole output is, if `output` was cut.
    pub full_output: Option<Digest>,
}

impl RunFacts {
    /// What a command's outcome says; it ran in `folder`. Where the whole output is remains to be told.
    ///
    /// # Errors
    /// A kept output cannot be read.
    pub fn of(output: &CommandOutput, folder: String) -> io::Result<Self> {
        let (stdout, stdout_cut) = whole(&output.stdout)?;
        let (stderr, stderr_cut) = whole(&output.stderr)?;
        Ok(Self {
            exit_code: output.exit_code,
            signal: output.signal.clone(),
            timed_out: output.timed_out,
            duration_ms: u64::try_from(output.duration.as_millis()).unwrap_or(u64::MAX),
            stdout,
            stderr,
            cut: stdout_cut || stderr_cut,
            folder,
            output: capped(&output.stdout.text, &output.stderr.text),
            ..Self::default()
        })
    }
}

/// The whole of a stream, from its file where the text was cut; and whether even that is not all.
fn whole(stream: &Captured) -> io::Result<(String, bool)> {
    match &stream.whole {
        Some(file) => {
            let content = std::fs::read(file)?;
            let cut = (content.len() as u64) < stream.total_bytes;
            Ok((String::from_utf8_lossy(&content).into_owned(), cut))
        }
        None => Ok((stream.text.clone(), false)),
    }
}

/// Both streams as one text.
pub fn both(stdout: &str, stderr: &str) -> String {
    match (stdout.trim().is_empty(), stderr.trim().is_empty()) {
        (_, true) => stdout.to_owned(),
        (true, false) => stderr.to_owned(),
        (false, false) => format!("{}\n--- stderr\n{stderr}", stdout.trim_end()),
    }
}

/// Both streams as one text, as much of its end as is recorded.
pub(super) fn capped(stdout: &str, stderr: &str) -> String {
    tail(&both(stdout, stderr), RECORDED)
}

/// At most `most` bytes from the end of a text, from the start of a line.
pub(super) fn tail(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let from = text.ceil_char_boundary(text.len() - most);
    let start = match text[from..].find('\n') {
        _ if text[..from].ends_with('\n') => from,
        Some(at) => from + at + 1,
        None => text.len(),
    };
    format!("[... {start} bytes omitted ...]\n{}", &text[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_output_is_recorded_from_the_start_of_a_line() {
        assert_eq!(tail("one\ntwo\n", 8), "one\ntwo\n");
        assert_eq!(tail("one\ntwo\n", 5), "[... 4 bytes omitted ...]\ntwo\n");
        assert_eq!(tail("one\ntwo\n", 4), "[... 4 bytes omitted ...]\ntwo\n");
        assert_eq!(tail("eins\nzwö", 2), "[... 9 bytes omitted ...]\n");
    }

    #[test]
    fn more_than_is_kept_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("stdout.txt");
        std::fs::write(&file, "kept").unwrap();
        let stream = |total_bytes| Captured {
            text: "k[... 2 bytes omitted ...]t".to_owned(),
            total_bytes,
            whole: Some(file.clone()),
        };
        assert_eq!(whole(&stream(4)).unwrap(), ("kept".to_owned(), false));
        assert_eq!(whole(&stream(5)).unwrap(), ("kept".to_owned(), true));
    }
}
