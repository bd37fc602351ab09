//! Asking docker or podman.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::config::Runner;
use crate::domain::clean;
use crate::workspace::environment;

/// How often an end, or the wish for one, is looked for.
const TICK: Duration = Duration::from_millis(5);
/// The most bytes of an answer.
const MAX_ANSWER: u64 = 64 * 1024;
/// The most characters of an answer that are shown.
const SHOWN: usize = 300;
/// Answers are kept in files of their own.
static ANSWERS: AtomicU32 = AtomicU32::new(0);

/// Why a check cannot run in a container.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// The program is not there.
    #[error("{} is not installed: there is no such program on the PATH", runner.as_str())]
    Missing {
        /// What is missing.
        runner: Runner,
    },
    /// The program is there, but what it talks to is not.
    #[error("{} does not answer: {said}", runner.as_str())]
    Silent {
        /// Who does not answer.
        runner: Runner,
        /// What it says.
        said: String,
    },
    /// Nothing says what the container is made of.
    #[error("nothing says in which image {} is to run it", runner.as_str())]
    NoImageNamed {
        /// Whose image.
        runner: Runner,
    },
    /// The image is not there and is not to be fetched.
    #[error("{} has no image {image}, and `pull: never` keeps it from fetching one", runner.as_str())]
    NoImage {
        /// Whose image.
        runner: Runner,
        /// Its name.
        image: String,
    },
    /// The image could not be fetched.
    #[error("{} cannot fetch the image {image}: {said}", runner.as_str())]
    NotFetched {
        /// Who was to fetch it.
        runner: Runner,
        /// Its name.
        image: String,
        /// What it says.
        said: String,
    },
    /// The tree lies where it cannot be mounted.
    #[error("{path} cannot be mounted: its path holds a `,` or a `:`")]
    Path {
        /// The tree.
        path: String,
    },
    /// It answered with an error.
    #[error("cannot {doing} {}: {said}", runner.as_str())]
    Refused {
        /// Who was asked.
        runner: Runner,
        /// What for.
        doing: &'static str,
        /// What it says.
        said: String,
    },
    /// The wish to stop came first.
    #[error("interrupted")]
    Cancelled,
}

impl ContainerError {
    /// What to do or type next.
    pub fn hint(&self) -> String {
        match self {
            Self::Missing { runner } => {
                let name = runner.as_str();
                format!(
                    "install it, as in `apt-get install {name}`, or run here: rgpt test --runner host"
                )
            }
            Self::Silent {
                runner: Runner::Docker,
                ..
            } => "start it, as in `systemctl start docker`, or run here: rgpt test --runner host"
                .to_owned(),
            Self::Silent { runner, .. } => {
                format!("see what is wrong: {} info", runner.as_str())
            }
            Self::NoImageNamed { .. } => {
                "name it: `image` of the check in orchestrator.yaml, or --image".to_owned()
            }
            Self::NoImage { runner, image } | Self::NotFetched { runner, image, .. } => {
                format!("fetch it: {} pull {image}", runner.as_str())
            }
            Self::Path { .. } => "move it elsewhere".to_owned(),
            Self::Refused { runner, .. } => {
                format!("see what is wrong: {} info", runner.as_str())
            }
            Self::Cancelled => "run it again: rgpt test".to_owned(),
        }
    }
}

/// docker or podman, as it is on this machine.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) runner: Runner,
    pub(super) program: PathBuf,
    pub(super) variables: BTreeMap<String, String>,
    scratch: PathBuf,
    /// Whether its containers' user 0 is the person.
    rootless: bool,
}

impl Client {
    /// Finds it, and makes sure that it works.
    pub(super) fn find(
        runner: Runner,
        variables: &BTreeMap<String, String>,
        scratch: &Path,
        cancel: &AtomicBool,
    ) -> Result<Self, ContainerError> {
        let path = variables.get("PATH").map_or("", String::as_str);
        let program = on_path(path, runner.as_str()).ok_or(ContainerError::Missing { runner })?;
        let mut client = Self {
            runner,
            program,
            variables: variables.clone(),
            scratch: scratch.to_owned(),
            rootless: false,
        };
        let format = match runner {
            Runner::Podman => "{{.Host.Security.Rootless}}",
            _ => "{{json .SecurityOptions}}",
        };
        let ask = ["info", "--format", format];
        match client.ask("ask", &ask, super::SHORT, cancel) {
            Ok(said) => {
                client.rootless = said.contains("true") || said.contains("rootless");
                Ok(client)
            }
            Err(ContainerError::Refused { said, .. }) => {
                Err(ContainerError::Silent { runner, said })
            }
            Err(other) => Err(other),
        }
    }

    /// The options by which commands in a container write the tree as the person.
    pub(super) fn user(&self) -> Vec<String> {
        let (user, group) = (rustix::process::getuid(), rustix::process::getgid());
        let own = format!("--user={}:{}", user.as_raw(), group.as_raw());
        match (self.runner, self.rootless) {
            (Runner::Podman, true) => vec!["--userns=keep-id".to_owned(), own],
            (_, true) => vec!["--user=0:0".to_owned()],
            (_, false) => vec![own],
        }
    }

    /// Asks it something, and returns what it prints.
    pub(super) fn ask(
        &self,
        doing: &'static str,
        words: &[&str],
        longest: Duration,
        cancel: &AtomicBool,
    ) -> Result<String, ContainerError> {
        let refused = |said: String| ContainerError::Refused {
            runner: self.runner,
            doing,
            said,
        };
        let number = ANSWERS.fetch_add(1, Ordering::Relaxed);
        let file = |name: &str| self.scratch.join(format!("container-{number}.{name}"));
        let (out, err) = (file("out"), file("err"));
        let ended = self
            .spawn(words, &out, &err)
            .and_then(|child| wait(child, longest, cancel));
        let (said, complaint) = (text(&out), text(&err));
        for path in [&out, &err] {
            drop(std::fs::remove_file(path));
        }
        match ended {
            Ok(End::Success) => Ok(said),
            Ok(End::Cancelled) => Err(ContainerError::Cancelled),
            Ok(End::TooLong) => Err(refused("it takes too long".to_owned())),
            Ok(End::Failure) => Err(refused(last_line(&complaint, &said))),
            Err(error) => Err(refused(error.to_string())),
        }
    }

    // Not under a supervisor: what keeps a container alive descends from the command that starts it.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where docker and podman are asked"
    )]
    fn spawn(&self, words: &[&str], out: &Path, err: &Path) -> io::Result<Child> {
        Command::new(&self.program)
            .args(words)
            .env_clear()
            .envs(environment::container_client(&self.variables))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(File::create(out)?)
            .stderr(File::create(err)?)
            .process_group(0)
            .spawn()
    }
}

enum End {
    Success,
    Failure,
    TooLong,
    Cancelled,
}

fn wait(mut child: Child, longest: Duration, cancel: &AtomicBool) -> io::Result<End> {
    let deadline = Instant::now() + longest;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(match status.success() {
                true => End::Success,
                false => End::Failure,
            });
        }
        let cancelled = cancel.load(Ordering::Relaxed);
        if cancelled || Instant::now() >= deadline {
            let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            if let Some(group) = group {
                let _ = rustix::process::kill_process_group(group, Signal::KILL);
            }
            child.wait()?;
            return Ok(match cancelled {
                true => End::Cancelled,
                false => End::TooLong,
            });
        }
        std::thread::sleep(TICK);
    }
}

/// The beginning of a file, as far as it can be read.
fn text(path: &Path) -> String {
    let mut bytes = Vec::new();
    if let Ok(file) = File::open(path) {
        drop(file.take(MAX_ANSWER).read_to_end(&mut bytes));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The last line that says something.
fn last_line(complaint: &str, said: &str) -> String {
    let mut lines = complaint.lines().rev().chain(said.lines().rev());
    let line = lines
        .find(|line| !line.trim().is_empty())
        .unwrap_or("it gives no reason");
    clean::line(line).chars().take(SHOWN).collect()
}

/// The program of this name in the first absolute folder of a search path that has one.
fn on_path(path: &str, name: &str) -> Option<PathBuf> {
    path.split(':')
        .filter(|folder| folder.starts_with('/'))
        .map(|folder| Path::new(folder).join(name))
        .find(|file| {
            let meta = file.metadata();
            meta.is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
        })
}
