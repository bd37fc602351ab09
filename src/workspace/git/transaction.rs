//! Moving a ref in two parts: prepared, when its place is verified and locked, and committed.
//!
//! git holds the lock. If this process dies in between, git sees its input end, and lets go.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use super::{GitCommand, GitError};

/// A ref that is locked and stands where it was believed to be. Dropped, it stays there.
pub(crate) struct RefTransaction {
    command: GitCommand,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl RefTransaction {
    /// Locks the ref `name` (in full, `refs/…`), which is at `old` and is to go to `new`.
    /// `command` is an `update-ref` with whatever else it needs.
    ///
    /// # Errors
    /// It is not at `old`, another process has locked it, or `new` is no commit here.
    pub(crate) fn prepare(
        command: GitCommand,
        name: &str,
        new: &str,
        old: &str,
    ) -> Result<Self, GitError> {
        let command = command.args(["--stdin", "-z"]);
        let mut child = command.spawn(Stdio::piped())?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take();
        let Some(stdout) = stdout else {
            return Err(command.answer(b""));
        };
        let mut transaction = Self {
            command,
            child,
            stdin,
            stdout: BufReader::new(stdout),
        };
        transaction.say(&format!("start\0update {name}\0{new}\0{old}\0prepare\0"));
        if transaction.hears("start: ok") && transaction.hears("prepare: ok") {
            return Ok(transaction);
        }
        Err(transaction.refusal())
    }

    /// Moves the ref.
    ///
    /// # Errors
    /// The disk is full or read-only; where the ref is then is to be looked up.
    pub(crate) fn commit(mut self) -> Result<(), GitError> {
        self.say("commit\0");
        if self.hears("commit: ok") {
            self.stdin = None;
            drop(self.child.wait());
            return Ok(());
        }
        Err(self.refusal())
    }

    /// A git that has given up reads no more; its words come from [`Self::refusal`].
    fn say(&mut self, words: &str) {
        if let Some(stdin) = &mut self.stdin {
            drop(
                stdin
                    .write_all(words.as_bytes())
                    .and_then(|()| stdin.flush()),
            );
        }
    }

    fn hears(&mut self, wanted: &str) -> bool {
        let mut line = String::new();
        let read = self.stdout.read_line(&mut line);
        read.is_ok() && line.trim_end() == wanted
    }

    fn refusal(mut self) -> GitError {
        self.stdin = None;
        let mut said = Vec::new();
        if let Some(stderr) = &mut self.child.stderr {
            drop(stderr.read_to_end(&mut said));
        }
        GitError::Failed {
            words: self.command.words(),
            code: self.child.wait().ok().and_then(|status| status.code()),
            stderr: String::from_utf8_lossy(&said).trim().to_owned(),
        }
    }
}

impl Drop for RefTransaction {
    fn drop(&mut self) {
        self.stdin = None;
        drop(self.child.wait());
    }
}
