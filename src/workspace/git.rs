//! The one place that runs git.
//!
//! Every command starts from an empty environment and a fixed set of settings, so that neither the
//! person's nor the repository's configuration can make it run a program, rewrite bytes or wait for
//! an answer. Start reading at [`GitCommand`].

mod error;
mod objects;
mod transaction;
mod version;

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

pub use error::GitError;
pub(crate) use objects::{ObjectStore, SUBMODULE, TreeEntry};
pub(crate) use transaction::RefTransaction;
pub use version::{Version, git_version};

/// Settings that every command gets, stronger than any configuration file.
const SETTINGS: &[(&str, &str)] = &[
    ("core.fsmonitor", "false"),
    ("core.hooksPath", "/dev/null"),
    ("core.attributesFile", "/dev/null"),
    ("core.excludesFile", "/dev/null"),
    ("core.autocrlf", "false"),
    ("core.safecrlf", "false"),
    ("core.quotePath", "false"),
    ("core.commitGraph", "false"),
    ("core.untrackedCache", "false"),
    ("core.protectHFS", "true"),
    ("core.protectNTFS", "true"),
    ("core.logAllRefUpdates", "false"),
    ("safe.bareRepository", "explicit"),
    ("protocol.ext.allow", "never"),
    ("submodule.recurse", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("advice.detachedHead", "false"),
];

/// The environment of every command, besides the search path.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_LITERAL_PATHSPECS", "1"),
];

/// What is set even where the person's own configuration is asked.
const QUIET: &[(&str, &str)] = &[
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_ASKPASS", "/bin/false"),
    ("LC_ALL", "C"),
];

/// Variables by which a surrounding git (a hook, `git rebase --exec`) redirects its children.
const REDIRECTIONS: &[&str] = &[
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// Whose configuration a command runs under.
#[derive(Clone, Debug)]
enum Under {
    /// Nobody's: the fixed environment and settings.
    Own,
    /// The person's, with these variables on top of the inherited ones.
    Person(Vec<(OsString, OsString)>),
}

/// One git command being put together.
#[derive(Clone, Debug)]
pub(crate) struct GitCommand {
    under: Under,
    arguments: Vec<OsString>,
    settings: Vec<(OsString, OsString)>,
    variables: Vec<(OsString, OsString)>,
    directory: Option<PathBuf>,
    input: Vec<u8>,
}

impl GitCommand {
    /// A command on the repository whose git directory is `git_dir`.
    pub(crate) fn on(git_dir: &Path, subcommand: &str) -> Self {
        let mut git_dir_option = OsString::from("--git-dir=");
        git_dir_option.push(git_dir);
        Self::start(Under::Own).arg(git_dir_option).arg(subcommand)
    }

    /// A command on no repository.
    pub(crate) fn bare(subcommand: &str) -> Self {
        Self::start(Under::Own).arg(subcommand)
    }

    /// A command under the person's own configuration: only for finding their repository and
    /// reading their settings, since what it says may name programs.
    pub(crate) fn as_person(variables: &[(OsString, OsString)], subcommand: &str) -> Self {
        Self::start(Under::Person(variables.to_vec())).arg(subcommand)
    }

    fn start(under: Under) -> Self {
        Self {
            under,
            arguments: vec!["--no-pager".into()],
            settings: Vec::new(),
            variables: Vec::new(),
            directory: None,
            input: Vec::new(),
        }
    }

    pub(crate) fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments
            .extend(arguments.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// Works on the files beneath `top`.
    pub(crate) fn work_tree(self, top: &Path) -> Self {
        self.env("GIT_WORK_TREE", top).directory(top)
    }

    pub(crate) fn directory(mut self, directory: &Path) -> Self {
        self.directory = Some(directory.to_owned());
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    pub(crate) fn setting(mut self, key: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.settings.push((key.into(), value.into()));
        self
    }

    pub(crate) fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Runs it and gives what it printed; any exit code but 0 is an error.
    pub(crate) fn run(&self) -> Result<Vec<u8>, GitError> {
        let output = self.output()?;
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(self.failed(&output))
        }
    }

    /// Like [`Self::run`], but gives what it complained of while succeeding.
    pub(crate) fn complaints(&self) -> Result<String, GitError> {
        let output = self.output()?;
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if output.status.success() {
            Ok(said)
        } else {
            Err(self.failed(&output))
        }
    }

    /// Runs it and gives what it printed, or `None` for exit code 1, by which many commands say no.
    pub(crate) fn ask(&self) -> Result<Option<Vec<u8>>, GitError> {
        let output = self.output()?;
        match output.status.code() {
            Some(0) => Ok(Some(output.stdout)),
            Some(1) => Ok(None),
            _ => Err(self.failed(&output)),
        }
    }

    /// Runs it and gives whether it said yes (exit code 0) or no (1), and what it printed.
    pub(crate) fn verdict(&self) -> Result<(bool, Vec<u8>), GitError> {
        let output = self.output()?;
        match output.status.code() {
            Some(0) => Ok((true, output.stdout)),
            Some(1) => Ok((false, output.stdout)),
            _ => Err(self.failed(&output)),
        }
    }

    /// Like [`Self::run`], for one line of text: without the final line end.
    pub(crate) fn line(&self) -> Result<String, GitError> {
        let bytes = self.run()?;
        String::from_utf8(without_line_end(bytes)).map_err(|error| self.answer(error.as_bytes()))
    }

    /// Like [`Self::line`], for a path: its bytes as they are.
    pub(crate) fn path(&self) -> Result<PathBuf, GitError> {
        Ok(PathBuf::from(OsString::from_vec(without_line_end(
            self.run()?,
        ))))
    }

    /// Runs both, the output of this one being the input of `sink`, and gives the sink's output.
    pub(crate) fn pipe_into(&self, sink: &Self) -> Result<Vec<u8>, GitError> {
        let mut source = self.spawn(Stdio::piped())?;
        let between = source.stdout.take().map_or_else(Stdio::null, Stdio::from);
        let sinking = sink.spawn(between)?;
        let source_output = self.finish(source);
        let sink_output = sink.finish(sinking)?;
        let source_output = source_output?;
        // When the sink dies, the source dies of the broken pipe: the sink knows the reason, unless
        // the source failed by itself and left it with nothing.
        if !source_output.status.success() && !source_output.stderr.is_empty() {
            return Err(self.failed(&source_output));
        }
        if !sink_output.status.success() {
            return Err(sink.failed(&sink_output));
        }
        if !source_output.status.success() {
            return Err(self.failed(&source_output));
        }
        Ok(sink_output.stdout)
    }

    /// An error for an answer that is not understood.
    pub(crate) fn answer(&self, answer: &[u8]) -> GitError {
        let shown = &answer[..answer.len().min(200)];
        GitError::Answer {
            words: self.words(),
            answer: String::from_utf8_lossy(shown).into_owned(),
        }
    }

    fn output(&self) -> Result<Output, GitError> {
        let child = self.spawn(Stdio::piped())?;
        self.finish(child)
    }

    /// Starts the process. With its own (non-piped) input, [`Self::input`] is not used.
    fn spawn(&self, stdin: Stdio) -> Result<Child, GitError> {
        let mut command = self.command()?;
        command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound if self.directory.as_ref().is_none_or(|d| d.is_dir()) => {
                GitError::Missing
            }
            _ => self.io(source),
        })
    }

    fn finish(&self, mut child: Child) -> Result<Output, GitError> {
        let stdin = child.stdin.take();
        std::thread::scope(|scope| {
            let writer = scope.spawn(move || stdin.map(|mut pipe| pipe.write_all(&self.input)));
            let output = child.wait_with_output().map_err(|source| self.io(source));
            // A command that ends before it has read everything has its own words to say about it.
            drop(writer.join());
            output
        })
    }

    #[expect(clippy::disallowed_methods, reason = "the home of git processes")]
    fn command(&self) -> Result<Command, GitError> {
        let mut command = Command::new("git");
        command.args(&self.arguments);
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        match &self.under {
            Under::Own => {
                command.env_clear().envs(ENVIRONMENT.iter().copied());
                self.add_settings(&mut command)?;
            }
            Under::Person(variables) => {
                for name in REDIRECTIONS {
                    command.env_remove(name);
                }
                command.envs(variables.iter().map(|(name, value)| (name, value)));
            }
        }
        command.env("PATH", version::search_path());
        command.envs(QUIET.iter().copied());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        Ok(command)
    }

    /// Settings go through the environment, where a key may hold any character.
    fn add_settings(&self, command: &mut Command) -> Result<(), GitError> {
        let durable = version::durability();
        let fixed = SETTINGS.iter().copied().chain([durable?]);
        let fixed = fixed.map(|(key, value)| (OsString::from(key), OsString::from(value)));
        let mut count = 0;
        for (key, value) in fixed.chain(self.settings.iter().cloned()) {
            command.env(format!("GIT_CONFIG_KEY_{count}"), key);
            command.env(format!("GIT_CONFIG_VALUE_{count}"), value);
            count += 1;
        }
        command.env("GIT_CONFIG_COUNT", count.to_string());
        Ok(())
    }

    fn words(&self) -> String {
        let words = self.arguments.iter().filter(|word| *word != "--no-pager");
        let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
        format!("git {}", words.join(" "))
    }

    fn io(&self, source: std::io::Error) -> GitError {
        GitError::Io {
            words: self.words(),
            source,
        }
    }

    fn failed(&self, output: &Output) -> GitError {
        GitError::Failed {
            words: self.words(),
            code: output.status.code(),
            stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        }
    }
}

fn without_line_end(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    bytes
}

/// The records of an answer that ends each with a NUL byte.
pub(crate) fn records(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes
        .split(|byte| *byte == 0)
        .filter(|record| !record.is_empty())
}

/// A path of a repository as text. Bytes that are not UTF-8 are shown by replacement characters:
/// such a file stays in every tree as it is, but cannot be named by an agent.
pub(crate) fn path_text(bytes: &[u8]) -> String {
    OsStr::from_bytes(bytes).to_string_lossy().into_owned()
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
