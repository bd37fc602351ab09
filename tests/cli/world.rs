//! A small world for tests that drive the real program: a repository, a home and a cache of its
//! own, and nothing of the environment that the tests were started in but the search path.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use rgpt::domain::Clock;
use rgpt::store::{StateDir, Store};

const RGPT: &str = env!("CARGO_BIN_EXE_rgpt");

/// The date of every commit of a test, so that base commits are the same everywhere.
const DATE: &str = "2026-01-01T00:00:00Z";

/// A file of a world's repository: its path, its text, whether it can be executed.
pub(crate) type Sample<'a> = (&'a str, &'a str, bool);

/// A folder that holds `repo`, `home` and `cache`.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) root: PathBuf,
}

/// What a process came to.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

struct Noon;

impl Clock for Noon {
    fn now(&self) -> jiff::Timestamp {
        DATE.parse().unwrap()
    }
}

impl World {
    /// Makes the world at `root` (absent or empty), with a repository of one commit of `committed`
    /// and with `ignored` beside it. Links in `root` are resolved.
    pub(crate) fn make(root: &Path, committed: &[Sample<'_>], ignored: &[Sample<'_>]) -> Self {
        for folder in ["repo", "home", "cache"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        let world = Self {
            root: root.canonicalize().unwrap(),
        };
        world.git(&["init", "--quiet", "--initial-branch=main"]);
        world.write(committed);
        world.git(&["add", "--all"]);
        world.git(&["commit", "--quiet", "--message=base"]);
        world.write(ignored);
        world
    }

    /// A copy of this world at `root`, in the place of whatever is there.
    pub(crate) fn copy_to(&self, root: &Path) -> Self {
        if root.exists() {
            std::fs::remove_dir_all(root).unwrap();
        }
        let copied = program("cp").arg("-a").arg(&self.root).arg(root).status();
        assert!(copied.unwrap().success());
        Self {
            root: root.canonicalize().unwrap(),
        }
    }

    pub(crate) fn repo(&self) -> PathBuf {
        self.root.join("repo")
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.repo().join(".rgpt")
    }

    pub(crate) fn write(&self, files: &[Sample<'_>]) {
        for (path, text, executable) in files {
            let path = self.repo().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            let mode = if *executable { 0o755 } else { 0o644 };
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
    }

    /// The program with `args`, ready to be started in the repository.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = program(RGPT);
        command.args(args).current_dir(self.repo());
        command.stdin(Stdio::null());
        self.populate(&mut command);
        command
    }

    /// Runs the program to its end, with `env` on top of the world's environment.
    pub(crate) fn rgpt(&self, args: &[&str], env: &[(&str, &str)]) -> Outcome {
        let output = self.command(args).envs(env.iter().copied()).output();
        Outcome::of(output.unwrap())
    }

    /// Starts the program in the background, its output caught.
    pub(crate) fn start(&self, args: &[&str], env: &[(&str, &str)]) -> Child {
        let mut command = self.command(args);
        command.envs(env.iter().copied());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Runs git in the repository and gives what it printed.
    pub(crate) fn git(&self, args: &[&str]) -> String {
        let outcome = self.try_git(args);
        assert_eq!(outcome.code, Some(0), "git {args:?}: {}", outcome.stderr);
        outcome.stdout.trim().to_owned()
    }

    pub(crate) fn try_git(&self, args: &[&str]) -> Outcome {
        let mut command = program("git");
        command.args(args).current_dir(self.repo());
        self.populate(&mut command);
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "Ada");
            command.env(format!("GIT_{role}_EMAIL"), "ada@example.com");
            command.env(format!("GIT_{role}_DATE"), DATE);
        }
        command.env("GIT_OPTIONAL_LOCKS", "0");
        Outcome::of(command.output().unwrap())
    }

    /// The record.
    pub(crate) fn store(&self) -> Store {
        open_store(&self.state())
    }

    fn populate(&self, command: &mut Command) {
        command.env("HOME", self.root.join("home"));
        command.env("XDG_CACHE_HOME", self.cache());
        command.env("GIT_CONFIG_NOSYSTEM", "1");
        command.env("LC_ALL", "C");
    }
}

/// The record in a state directory.
pub(crate) fn open_store(state: &Path) -> Store {
    let dir = StateDir::prepare(state).unwrap();
    Store::open(&dir, Arc::new(Noon)).unwrap()
}

impl Outcome {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            signal: output.status.signal(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    pub(crate) fn was_killed(&self) -> bool {
        self.signal == Some(rustix::process::Signal::KILL.as_raw())
    }
}

/// A program with nothing in its environment but the search path.
#[expect(
    clippy::disallowed_methods,
    reason = "tests start the real programs, as a person would"
)]
pub(crate) fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// What every file beneath `root` holds, links as where they lead; folders that `skip` names, by
/// their path from `root`, are left out.
pub(crate) fn contents(root: &Path, skip: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            let meta = path.symlink_metadata().unwrap();
            if skip.contains(&name.as_str()) {
                continue;
            }
            if meta.is_dir() {
                folders.push(path);
                found.insert(name + "/", Vec::new());
            } else if meta.is_symlink() {
                let target = std::fs::read_link(&path).unwrap();
                found.insert(name, target.into_os_string().into_encoded_bytes());
            } else {
                let mut content = format!("{:o}\n", meta.permissions().mode()).into_bytes();
                content.extend(std::fs::read(&path).unwrap());
                found.insert(name, content);
            }
        }
    }
    found
}
